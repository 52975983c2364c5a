import { describe, expect, test } from 'vitest'
import { FloatValidator, Int32Validator, Int64Validator, type NumberOptions } from './number-validator.ts'
import type { Validator } from './validator.ts'

type Row = readonly [payload: string, options?: NumberOptions]

const MAKERS = {
  int32: (options: NumberOptions) => new Int32Validator(options),
  int64: (options: NumberOptions) => new Int64Validator(options),
  float: (options: NumberOptions) => new FloatValidator('float', options),
  double: (options: NumberOptions) => new FloatValidator('double', options),
}

/** `#` begins bytes in hexadecimal. */
const bytesOf = (payload: string): Buffer =>
  payload.startsWith('#') ? Buffer.from(payload.slice(1), 'hex') : Buffer.from(payload)

function table(type: keyof typeof MAKERS, rows: { fits: Row[]; form: Row[]; range: Row[]; multiple: Row[] }): void {
  const check = ([payload, options = {}]: Row): string | null => {
    const validator: Validator = MAKERS[type](payload.startsWith('#') ? { format: 'binary', ...options } : options)
    return validator.check(bytesOf(payload))
  }
  const group = (name: string, answer: RegExp | null, of: readonly Row[]): void => {
    for (const row of of) {
      test(`${JSON.stringify(row)} ${name}`, () => {
        if (answer === null) expect(check(row)).toBeNull()
        else expect(check(row)).toMatch(answer)
      })
    }
  }
  describe(type, () => {
    group('fits', null, rows.fits)
    group('has the wrong form', /^no /, rows.form)
    group('is out of range', /range|beyond/, rows.range)
    group('is no multiple', /multiple/, rows.multiple)
  })
}

const NO_DECIMAL: Row[] = [
  [''],
  ['-'],
  ['--1'],
  ['+'],
  ['+5'],
  [' 1'],
  ['1 '],
  ['1\n'],
  ['0x10'],
  ['1_000'],
  ['1,000'],
  ['٣'],
  ['NaN'],
  ['Infinity'],
  ['1\0'],
]

table('int32', {
  fits: [
    ['0'],
    ['-0'],
    ['007'],
    ['2147483647'],
    ['-2147483648'],
    ['00000000000000000000000000000000000000000001'],
    ['#00000000'],
    ['#7fffffff'],
    ['#80000000'],
    ['0', { range: '[0,100)' }],
    ['99', { range: '[0,100)' }],
    ['10', { range: '(,10]' }],
    ['-2147483648', { range: '(,10]' }],
    ['11', { range: '(10,)' }],
    ['5', { range: '[5.0,5.0]' }],
    ['-5', { range: '[-5,-1]' }],
    ['15', { multiple: 5 }],
    ['-15', { multiple: 5 }],
    ['0', { multiple: 5 }],
    ['#0000000a', { range: '[0,100)', multiple: 5 }],
  ],
  form: [...NO_DECIMAL, ['1.0'], ['1e3'], ['#'], ['#000000'], ['#0000000000']],
  range: [
    ['2147483648'],
    ['-2147483649'],
    ['99999999999'],
    ['9'.repeat(100)],
    ['-1', { range: '[0,100)' }],
    ['100', { range: '[0,100)' }],
    ['11', { range: '(,10]' }],
    ['10', { range: '(10,)' }],
    ['2147483648', { range: '[0,9999999999]' }],
    ['#00000064', { range: '[0,100)' }],
  ],
  multiple: [
    ['1', { multiple: 5 }],
    ['-14', { multiple: 5 }],
    ['#00000001', { multiple: 2 }],
  ],
})

table('int64', {
  fits: [
    ['0'],
    ['-0'],
    ['9223372036854775807'],
    ['-9223372036854775808'],
    [`${'0'.repeat(100)}9223372036854775807`],
    [`-${'0'.repeat(100)}9223372036854775808`],
    ['#0000000000000000'],
    ['#8000000000000000'],
    // told apart only beyond 2^53
    ['9007199254740993', { range: '[9007199254740993,9007199254740993]' }],
    ['9007199254740993', { multiple: 3 }],
    ['10', { range: '(,10]' }],
    ['#fffffffffffffffb', { range: '[-5,-1]', multiple: 5 }],
  ],
  form: [...NO_DECIMAL, ['1.0'], ['1e3'], ['1n'], ['#00000000'], ['#000000000000000000']],
  range: [
    ['9223372036854775808'],
    ['-9223372036854775809'],
    ['10000000000000000000'],
    ['9'.repeat(100)],
    ['9007199254740992', { range: '(9007199254740992,)' }],
    ['9007199254740994', { range: '(,9007199254740993]' }],
    ['#000000000000000b', { range: '(,10]' }],
  ],
  multiple: [
    ['9007199254740994', { multiple: 3 }],
    ['#0000000000000001', { multiple: 2 }],
  ],
})

const FLOATS: { fits: Row[]; form: Row[]; range: Row[]; multiple: Row[] } = {
  fits: [
    ['0'],
    ['-0'],
    ['1.5'],
    ['-1.5'],
    ['.5'],
    ['1.'],
    ['1e3'],
    ['1E-3'],
    ['1e+3'],
    ['0', { range: '[0,1)' }],
    ['0.999', { range: '[0,1)' }],
    ['1', { range: '(0,1]' }],
    ['-1e30', { range: '(,0)' }],
    ['0.25', { range: '[0.25,0.25]' }],
    ['0.5', { multiple: 0.25 }],
    ['0.3', { multiple: 0.1 }],
    ['0', { multiple: 0.1 }],
    ['-0.3', { multiple: 0.1 }],
  ],
  form: [...NO_DECIMAL, ['.'], ['1..2'], ['e3'], ['1e'], ['1e+'], ['#'], ['#000000'], ['1'.repeat(513)]],
  range: [
    ['1e999'],
    ['-1e999'],
    ['1e999', { range: '[0,)' }],
    ['-0.001', { range: '[0,1)' }],
    ['1', { range: '[0,1)' }],
    ['0', { range: '(0,1]' }],
    ['1.001', { range: '(0,1]' }],
  ],
  multiple: [
    ['0.6', { multiple: 0.25 }],
    ['0.35', { multiple: 0.1 }],
    ['1e-9', { multiple: 0.1 }],
  ],
}

table('float', {
  fits: [...FLOATS.fits, ['3.4028235e38'], ['#3f800000'], ['#80000000'], ['#3e99999a', { multiple: 0.1 }]],
  form: [...FLOATS.form, ['#3ff0000000000000']],
  range: [...FLOATS.range, ['3.5e38'], ['#7f800000'], ['#ff800000'], ['#7fc00000'], ['#3f800000', { range: '[0,1)' }]],
  multiple: [...FLOATS.multiple, ['#3f000000', { multiple: 0.3 }]],
})

table('double', {
  fits: [
    ...FLOATS.fits,
    ['1.7976931348623157e308'],
    ['3.5e38'],
    ['#3ff0000000000000'],
    ['#3fd3333333333333', { multiple: 0.1 }],
  ],
  form: [...FLOATS.form, ['#3f800000']],
  range: [...FLOATS.range, ['1.8e308'], ['#7ff0000000000000'], ['#7ff8000000000000', { range: '(,)' }]],
  multiple: [...FLOATS.multiple, ['#3fe0000000000000', { multiple: 0.3 }]],
})

test('a number of a million digits is looked at and forgotten', () => {
  const digits = Buffer.alloc(1_000_000, '9')
  expect(new Int32Validator({}).check(digits)).toBe('beyond the numbers of int32')
  expect(new Int64Validator({}).check(digits)).toBe('beyond the numbers of int64')
  expect(new FloatValidator('double', {}).check(digits)).toBe('no double in decimal text')
  digits.fill('0')
  expect(new Int64Validator({}).check(digits)).toBeNull()
})
