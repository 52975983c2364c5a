import { describe, expect, test } from 'vitest'
import { compilePattern, PATTERN_CHARACTERS_MAX, type StringOptions, StringValidator } from './string-validator.ts'

const check = (options: StringOptions, bytes: Buffer): string | null => new StringValidator(options).check(bytes)

describe('UTF-8', () => {
  test.each(['', 'a', 'ä', '€', '😀', 'a\0b'])('%j fits', (text) => {
    expect(check({}, Buffer.from(text))).toBeNull()
    expect(check({ encoding: 'utf_8', maxLength: 10 }, Buffer.from(text))).toBeNull()
  })

  // each row of RFC 3629 section 3 and 10: a lone continuation, too few of them, overlong, a surrogate, beyond U+10FFFF
  test.each(['80', 'c3', 'e282', 'c080', 'e08080', 'eda080', 'f4908080', 'ff', '61ff'])('%s does not', (hex) => {
    expect(check({}, Buffer.from(hex, 'hex'))).toBe('not UTF-8')
    expect(check({ minLength: 1 }, Buffer.from(hex, 'hex'))).toBe('not UTF-8')
  })

  test.each([
    ['', { minLength: 1 }, 'shorter than 1 characters'],
    ['a', { minLength: 1 }, null],
    ['😀', { minLength: 2 }, 'shorter than 2 characters'],
    ['😀😀', { minLength: 2, maxLength: 2 }, null],
    ['ää', { maxLength: 2 }, null],
    ['äää', { maxLength: 2 }, 'longer than 2 characters'],
    ['e\u0301', { maxLength: 1 }, 'longer than 1 characters'],
  ] as const)('%j %j: %j', (text, options, answer) => {
    expect(check(options, Buffer.from(text))).toBe(answer)
  })
})

describe('UTF-16', () => {
  test.each([
    ['', 'nothing'],
    ['0061', 'a, big-endian'],
    ['feff0061', 'a, with the mark'],
    ['fffe6100', 'a, little-endian'],
    ['d83dde00', 'a pair'],
    ['fffe3dd800de', 'a pair, little-endian'],
    ['fffe', 'a mark alone'],
  ])('%s fits: %s', (hex) => {
    expect(check({ encoding: 'utf_16' }, Buffer.from(hex, 'hex'))).toBeNull()
  })

  test.each([
    ['61', 'half a unit'],
    ['d83d', 'the first of a pair alone'],
    ['de00', 'the second alone'],
    ['d83d0061', 'the first, then another'],
    ['d83dd83dde00', 'the first twice'],
    ['d83dde00de00', 'the second twice'],
    ['fffe00de', 'the second alone, little-endian'],
    ['006100', 'a unit and a half'],
  ])('%s does not: %s', (hex) => {
    expect(check({ encoding: 'utf_16' }, Buffer.from(hex, 'hex'))).toBe('not UTF-16')
  })

  test('counts characters, not units, and not the mark', () => {
    const bytes = Buffer.from('feffd83dde000061', 'hex')
    expect(check({ encoding: 'utf_16', minLength: 2, maxLength: 2 }, bytes)).toBeNull()
    expect(check({ encoding: 'utf_16', minLength: 3 }, bytes)).toBe('shorter than 3 characters')
    expect(check({ encoding: 'utf_16', maxLength: 1 }, bytes)).toBe('longer than 1 characters')
  })

  test.each(['00610062', 'feff00610062', 'fffe61006200'])('%s is matched as ab', (hex) => {
    const bytes = Buffer.from(hex, 'hex')
    const before = Buffer.from(bytes)
    expect(check({ encoding: 'utf_16', pattern: 'ab' }, bytes)).toBeNull()
    expect(check({ encoding: 'utf_16', pattern: 'a' }, bytes)).toBe('not like the pattern')
    expect(bytes).toEqual(before)
  })
})

describe('pattern', () => {
  test.each([
    ['[A-Z]{2}[0-9]+', 'AB12', true],
    ['[A-Z]{2}[0-9]+', 'xAB12', false],
    ['[A-Z]{2}[0-9]+', 'AB12x', false],
    ['^a$', 'a', true],
    ['a|b', 'b', true],
    ['a|b', 'ab', false],
    ['.', '😀', true],
    ['.', '\n', false],
    ['a', 'a\n', false],
    ['', '', true],
  ])('%s, %j: %s', (pattern, text, fits) => {
    expect(check({ pattern }, Buffer.from(text))).toBe(fits ? null : 'not like the pattern')
  })

  test('keeps nothing from one text to the next', () => {
    const validator = new StringValidator({ pattern: 'a+' })
    for (let i = 0; i < 3; i++) expect(validator.check(Buffer.from('aaa'))).toBeNull()
  })

  test.each(['(', 'a)(b', '[', '*', '\\'])('%s is none', (pattern) => {
    expect(() => compilePattern(pattern)).toThrow(SyntaxError)
  })

  test('never sees a long text, whatever it would say', () => {
    const longest = Buffer.from('ä'.repeat(PATTERN_CHARACTERS_MAX))
    expect(check({ pattern: 'ä*' }, longest)).toBeNull()
    expect(check({ pattern: 'ä*' }, Buffer.concat([longest, Buffer.from('ä')]))).toMatch(/^longer than the 4096 /)
    expect(check({ pattern: '(a*)*b' }, Buffer.alloc(1_000_000, 'a'))).toMatch(/^longer than the 4096 /)
  })
})
