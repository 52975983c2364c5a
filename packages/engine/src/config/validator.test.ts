/** How faults of unusual schemas are told; the usual ones are in the golden documents. */
import { describe, expect, test } from 'vitest'
import type { JsonSchema } from '../contract.ts'
import { pointer } from './problem.ts'
import { Validator } from './validator.ts'

const faultsOf = (schema: JsonSchema, value: unknown): string[] =>
  new Validator(schema).validate(value).faults.map(({ code, message, path }) => `${pointer(path)} ${code}: ${message}`)

const one = (...names: string[]): JsonSchema => ({ type: 'object', oneOf: names.map((name) => ({ required: [name] })) })

describe('choices', () => {
  test.each([
    [{ a: 1 }, []],
    [{}, [' missing-property: needs one of `a`, `b`, `c`']],
    [{ a: 1, c: 1 }, [' too-many-properties: only one of `a`, `b`, `c` is accepted']],
    [{ a: 1, b: 1, c: 1 }, [' too-many-properties: only one of `a`, `b`, `c` is accepted']],
  ])('of properties: %j', (value, expected) => {
    expect(faultsOf(one('a', 'b', 'c'), value)).toEqual(expected)
  })

  test('of which two fit', () => {
    const schema = { oneOf: [{ type: 'integer' }, { type: 'number', minimum: 0 }] }
    expect(faultsOf(schema, 1)).toEqual([' ambiguous-value: fits more than one of the accepted forms'])
    expect(faultsOf(schema, -1.5)).toEqual([' out-of-range: must be at least 0'])
  })

  test('inside choices, in the items of a list', () => {
    const inner = {
      anyOf: [
        { type: 'integer', maximum: 9 },
        { type: 'string', enum: ['all', 'none'] },
      ],
    }
    const schema = { anyOf: [inner, { type: 'array', items: inner }] }
    expect(faultsOf(schema, [1, 10, 'al', true])).toEqual([
      '/1 out-of-range: must be at most 9',
      '/2 value-not-allowed: expected `all` or `none`',
      '/3 wrong-type: expected integer or text',
    ])
    expect(faultsOf(schema, null)).toEqual([' wrong-type: expected integer, text or list'])
  })
})

describe('one fault for one mistake', () => {
  test('nothing is said of what lies in a value that is not accepted', () => {
    const options = { type: 'object', additionalProperties: false, properties: { a: { type: 'integer' } } }
    const schema = { type: 'object', properties: { options }, allOf: [{ properties: { options: false } }] }
    expect(faultsOf(schema, { options: { a: 'x', b: 1 } })).toEqual([
      '/options not-accepted: `options` is not accepted here',
    ])
  })

  test('a misspelt property is not missing as well', () => {
    const schema = {
      type: 'object',
      additionalProperties: false,
      required: ['topic', 'name'],
      properties: { topic: {}, name: {} },
    }
    expect(faultsOf(schema, { tpoic: 1 })).toEqual([
      ' missing-property: `name` is missing',
      '/tpoic unknown-property: `tpoic` is unknown here',
    ])
  })

  test.each([
    [
      { type: 'array', uniqueItems: true },
      ['a', 'b', 'a'],
      ' out-of-range: must not have the same item twice (items 1 and 3)',
    ],
    [{ type: 'array', maxItems: 1 }, [1, 2], ' out-of-range: must have at most 1 entry'],
    [{ type: 'string', minLength: 2 }, 'a', ' out-of-range: must have at least 2 characters'],
    [{ type: 'string', maxLength: 2 }, 'abc', ' out-of-range: must have at most 2 characters'],
    [{ type: 'object', minProperties: 2 }, { a: 1 }, ' out-of-range: must have at least 2 entries'],
    [{ type: 'integer', multipleOf: 2 }, 3, ' out-of-range: must be multiple of 2'],
    [{ type: 'object', dependentRequired: { a: ['b'] } }, { a: 1 }, ' missing-property: `b` is missing'],
  ])('limits: %j', (schema, value, expected) => {
    expect(faultsOf(schema, value)).toEqual([expected])
  })
})

test('a schema that refers to itself or to nothing is a fault of its author', () => {
  expect(() => faultsOf({ $ref: '#/$defs/a', $defs: { a: { items: { $ref: '#/$defs/a' } } } }, 1)).toThrow(
    /refers to itself/,
  )
  expect(() => faultsOf({ $ref: 'zilla:nothing' }, 1)).toThrow('unknown zilla:nothing')
})
