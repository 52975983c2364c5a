import { type Catalog, createRegistry, loadConfig } from '@zilla-ts/engine'
import { describe, expect, test } from 'vitest'
import { inline } from './catalog/inline.ts'
import { checkModel, compileModel, isLenient, type Model } from './model.ts'

const none = (name: string): Catalog => {
  throw new Error(`catalog ${name} is asked for`)
}

const texts: Catalog = {
  schema: (subject, version) =>
    subject === 'number' && version === 'latest' ? '{"type":"number"}' : subject === 'bad' ? '{"type":5}' : null,
}

describe('compile', () => {
  test.each([
    ['string', 'ä', '\xff'],
    ['boolean', 'true', 'yes'],
    ['int32', '1', '1.5'],
    ['int64', '4294967296', '1.5'],
    ['float', '1.5', 'a'],
    ['double', '1.5', 'a'],
    [{ model: 'string', maxLength: 1 }, 'a', 'ab'],
    [{ model: 'int32', range: '[0,1]' }, '1', '2'],
    [{ type: 'int64', multiple: 2 }, '4', '5'],
    [{ model: 'double', format: 'binary' }, '12345678', '1.5'],
    [{ model: 'json', catalog: { texts: [{ subject: 'number' }] } }, '1', '"1"'],
    [{ model: 'json', catalog: { texts: [{ subject: 'number', version: 'latest' }] } }, '1', '"1"'],
    [{ type: 'json', catalog: { texts: [{ schema: 'number' }] } }, '1', '"1"'],
  ] as const)('%j', (model, fits, unfit) => {
    const validator = compileModel(model as Model, (name) => (name === 'texts' ? texts : none(name)))
    expect(validator.check(Buffer.from(fits))).toBeNull()
    expect(validator.check(Buffer.from(unfit, 'latin1'))).toEqual(expect.any(String))
  })

  test('bytes take everything', () => {
    expect(compileModel('bytes', none).check(Buffer.from([0xff]))).toBeNull()
    expect(compileModel({ model: 'bytes' }, none).check(Buffer.alloc(0))).toBeNull()
  })

  test.each([
    [{ subject: 'other' }, 'the catalog texts has no subject other of version latest'],
    [{ subject: 'number', version: '2' }, 'the catalog texts has no subject number of version 2'],
    [{ subject: 'bad' }, 'the schema bad of the catalog texts: schema is invalid'],
  ])('%j is not there or wrong', (reference, reason) => {
    expect(() => compileModel({ model: 'json', catalog: { texts: [reference] } }, () => texts)).toThrow(reason)
  })
})

describe('lenient', () => {
  test.each([
    ['string', false, false],
    [{ model: 'string' }, false, false],
    [{ model: 'string', validate: 'strict' }, false, false],
    [{ model: 'string', validate: 'lenient' }, true, true],
    [{ model: 'string', validate: { decode: 'lenient' } }, true, false],
    [{ model: 'string', validate: { encode: 'lenient', decode: 'strict' } }, false, true],
  ] as const)('%j: decode %s, encode %s', (model, decode, encode) => {
    expect([isLenient(model, 'decode'), isLenient(model, 'encode')]).toEqual([decode, encode])
  })
})

describe('check', () => {
  test.each([
    'string',
    { model: 'string', minLength: 2, maxLength: 2, pattern: '[a-z]+' },
    { model: 'int32', range: '[5,5]', multiple: 5 },
    { model: 'int32', range: '(-1,1)' },
    { model: 'int32', range: '[0.0,10.00]' },
    { model: 'int64', range: '(,)' },
    { model: 'int32', range: '[0,99999999999]' },
    { model: 'double', range: '[0.5,0.5]', multiple: 0.1 },
    { model: 'double', range: '(0.5,0.6)' },
  ] as const)('%j is fine', (model) => {
    expect(checkModel(model)).toEqual([])
  })

  test.each([
    [{ model: 'string', minLength: 3, maxLength: 2 }, 'minLength', 'length-range-empty'],
    [{ model: 'string', pattern: '(' }, 'pattern', 'pattern-invalid'],
    [{ model: 'string', pattern: 'a)(b' }, 'pattern', 'pattern-invalid'],
    [{ model: 'int32', multiple: 0.5 }, 'multiple', 'multiple-invalid'],
    [{ model: 'int64', multiple: 1e300 }, 'multiple', 'multiple-invalid'],
    [{ model: 'int32', range: '[0.5,2]' }, 'range', 'range-invalid'],
    [{ model: 'int32', range: '[2,1]' }, 'range', 'range-invalid'],
    [{ model: 'int32', range: '(1,2)' }, 'range', 'range-invalid'],
    [{ model: 'int32', range: '[2147483648,)' }, 'range', 'range-invalid'],
    [{ type: 'int64', range: '(9223372036854775807,)' }, 'range', 'range-invalid'],
    [{ model: 'double', range: '[0.5,0.5)' }, 'range', 'range-invalid'],
    [{ model: 'float', range: '[1,0]' }, 'range', 'range-invalid'],
  ] as const)('%j: %s %s', (model, key, code) => {
    expect(checkModel(model)).toEqual([{ path: [key], code, message: expect.any(String) }])
  })
})

test('every faulty schema of an inline catalog is an error where it stands', () => {
  const text = `name: x
catalogs:
  c:
    type: inline
    options:
      subjects:
        fine: { schema: '{"type":"string"}' }
        faulty: { schema: '{"type":"strin"}' }
        none:
          schema: |
            syntax = "proto3";
`
  const registry = createRegistry({ bindings: [], catalogs: [inline] })
  const { problems } = loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })
  const errors = problems.filter(({ level }) => level === 'error')
  expect(errors.map(({ line, code, path }) => [line, code, path])).toEqual([
    [8, 'schema-invalid', '/catalogs/c/options/subjects/faulty/schema'],
    [10, 'schema-invalid', '/catalogs/c/options/subjects/none/schema'],
  ])
})
