/**
 * Ranges of numbers as documents write them: `[0,100)`, `(,10]`. Used by the numeric validators and by the check of the
 * document; the form of the text has been checked by the schema.
 */

export interface Range {
  /** null: none */
  readonly min: string | null
  readonly max: string | null
  readonly minIncluded: boolean
  readonly maxIncluded: boolean
}

export interface IntegerLimits {
  /** both included */
  readonly min: bigint
  readonly max: bigint
}

const BITS = { int32: 31n, int64: 63n } as const

export function parseRange(text: string): Range {
  const [min = '', max = ''] = text.slice(1, -1).split(',')
  return {
    min: min === '' ? null : min,
    max: max === '' ? null : max,
    minIncluded: text.startsWith('['),
    maxIncluded: text.endsWith(']'),
  }
}

/** The numbers of the type that lie in the range, or all of the type. */
export function integerLimits(text: string | undefined, type: keyof typeof BITS): IntegerLimits {
  const most = 2n ** BITS[type]
  let [min, max] = [-most, most - 1n]
  if (text !== undefined) {
    const range = parseRange(text)
    if (range.min !== null) min = greater(min, wholeOf(range.min) + (range.minIncluded ? 0n : 1n))
    if (range.max !== null) max = lesser(max, wholeOf(range.max) - (range.maxIncluded ? 0n : 1n))
  }
  return { min, max }
}

/** `10.0` is a whole number too. */
const wholeOf = (text: string): bigint => BigInt(text.replace(/\..*$/, ''))
const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b)
