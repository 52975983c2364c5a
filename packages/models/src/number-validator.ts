/**
 * The models `int32`, `int64`, `float` and `double`, as decimal text or as big-endian bytes. Made by model.ts; checking
 * allocates at most one number, and the answers are made beforehand.
 */
import { integerLimits, parseRange } from './range.ts'
import type { Validator } from './validator.ts'

export interface NumberOptions {
  readonly format?: 'text' | 'binary'
  readonly range?: string
  readonly multiple?: number
}

const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d

/** Digits that any number of so many is within int64. */
const INT64_DIGITS_SAFE = 18
/** Digits of the least int64. */
const INT64_DIGITS_MAX = 19
/** Longest text of a float or double, in bytes: far more than any has that was printed by a program. */
const FLOAT_BYTES_MAX = 512
/** As JSON writes numbers, with zeros in front and bare points besides. */
const FLOAT = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE

/** Why a number of this type and these options is not accepted. */
class Answers {
  readonly form: string
  readonly range: string
  readonly multiple: string

  constructor(type: string, options: NumberOptions, bytes: number) {
    this.form = options.format === 'binary' ? `no ${type} in ${bytes} bytes` : `no ${type} in decimal text`
    this.range = options.range === undefined ? `beyond the numbers of ${type}` : `not in the range ${options.range}`
    this.multiple = `not a multiple of ${options.multiple}`
  }
}

/** An optional minus and at least one digit. Where the digits begin, less the zeros in front; -1: it is something else. */
function firstDigit(payload: Buffer): number {
  let at = payload[0] === MINUS ? 1 : 0
  if (at === payload.length) return -1
  for (let i = at; i < payload.length; i++) if (!isDigit(payload[i]!)) return -1
  while (at < payload.length - 1 && payload[at] === ZERO) at++
  return at
}

export class Int32Validator implements Validator {
  readonly #binary: boolean
  readonly #min: number
  readonly #max: number
  /** 0: any */
  readonly #multiple: number
  readonly #answers: Answers

  constructor(options: NumberOptions) {
    const { min, max } = integerLimits(options.range, 'int32')
    this.#binary = options.format === 'binary'
    this.#min = Number(min)
    this.#max = Number(max)
    this.#multiple = options.multiple ?? 0
    this.#answers = new Answers('int32', options, 4)
  }

  check(payload: Buffer): string | null {
    let value: number
    if (this.#binary) {
      if (payload.length !== 4) return this.#answers.form
      value = payload.readInt32BE(0)
    } else {
      const at = firstDigit(payload)
      if (at === -1) return this.#answers.form
      value = decimal(payload, at)
    }
    if (value < this.#min || value > this.#max) return this.#answers.range
    return this.#multiple !== 0 && value % this.#multiple !== 0 ? this.#answers.multiple : null
  }
}

/** Exact as far as int32 reaches; beyond, some number that lies beyond too. */
function decimal(payload: Buffer, at: number): number {
  let value = 0
  for (let i = at; i < payload.length && value <= 0x8000_0000; i++) value = value * 10 + payload[i]! - ZERO
  return payload[0] === MINUS ? -value : value
}

export class Int64Validator implements Validator {
  readonly #binary: boolean
  readonly #min: bigint
  readonly #max: bigint
  /** 0: any */
  readonly #multiple: bigint
  /** every int64 will do */
  readonly #any: boolean
  readonly #answers: Answers

  constructor(options: NumberOptions) {
    const { min, max } = integerLimits(options.range, 'int64')
    this.#binary = options.format === 'binary'
    this.#min = min
    this.#max = max
    this.#multiple = BigInt(options.multiple ?? 0)
    this.#any = options.range === undefined && options.multiple === undefined
    this.#answers = new Answers('int64', options, 8)
  }

  check(payload: Buffer): string | null {
    if (this.#binary) {
      if (payload.length !== 8) return this.#answers.form
      return this.#any ? null : this.#limited(payload.readBigInt64BE(0))
    }
    const at = firstDigit(payload)
    if (at === -1) return this.#answers.form
    const digits = payload.length - at
    if (digits > INT64_DIGITS_MAX) return this.#answers.range
    if (this.#any && digits <= INT64_DIGITS_SAFE) return null
    const value = BigInt(payload.toString('latin1', at))
    return this.#limited(payload[0] === MINUS ? -value : value)
  }

  #limited(value: bigint): string | null {
    if (value < this.#min || value > this.#max) return this.#answers.range
    return this.#multiple !== 0n && value % this.#multiple !== 0n ? this.#answers.multiple : null
  }
}

export class FloatValidator implements Validator {
  readonly #single: boolean
  readonly #binary: boolean
  readonly #min: number
  readonly #max: number
  readonly #minIncluded: boolean
  readonly #maxIncluded: boolean
  /** 0: any */
  readonly #multiple: number
  readonly #answers: Answers

  constructor(type: 'float' | 'double', options: NumberOptions) {
    const range = parseRange(options.range ?? '(,)')
    this.#single = type === 'float'
    this.#binary = options.format === 'binary'
    this.#min = Number(range.min ?? Number.NEGATIVE_INFINITY)
    this.#max = Number(range.max ?? Number.POSITIVE_INFINITY)
    this.#minIncluded = range.minIncluded
    this.#maxIncluded = range.maxIncluded
    this.#multiple = options.multiple ?? 0
    this.#answers = new Answers(type, options, this.#single ? 4 : 8)
  }

  check(payload: Buffer): string | null {
    const value = this.#binary ? this.#decode(payload) : parse(payload)
    if (value === null) return this.#answers.form
    // Infinity and NaN are no numbers to calculate with, though bytes can say them.
    if (!Number.isFinite(this.#single ? Math.fround(value) : value)) return this.#answers.range
    if (value < this.#min || (value === this.#min && !this.#minIncluded)) return this.#answers.range
    if (value > this.#max || (value === this.#max && !this.#maxIncluded)) return this.#answers.range
    return this.#multiple === 0 || this.#isMultiple(value) ? null : this.#answers.multiple
  }

  #decode(payload: Buffer): number | null {
    if (payload.length !== (this.#single ? 4 : 8)) return null
    return this.#single ? payload.readFloatBE(0) : payload.readDoubleBE(0)
  }

  /** As near as the digits of the type can say: 0.3 is a multiple of 0.1. */
  #isMultiple(value: number): boolean {
    const ratio = value / this.#multiple
    const precision = this.#single ? 2 ** -22 : 2 ** -50
    return Math.abs(ratio - Math.round(ratio)) <= Math.abs(ratio) * precision
  }
}

function parse(payload: Buffer): number | null {
  if (payload.length > FLOAT_BYTES_MAX) return null
  const text = payload.toString('latin1')
  return FLOAT.test(text) ? Number(text) : null
}
