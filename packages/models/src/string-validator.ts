/**
 * The model `string`: well-formed text in UTF-8 or UTF-16, its length and its pattern. Made by model.ts; allocates only
 * where there is a pattern.
 */
import { isUtf8 } from 'node:buffer'
import type { Validator } from './validator.ts'

export interface StringOptions {
  readonly encoding?: 'utf_8' | 'utf_16'
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
}

/**
 * Longest text that is matched with a pattern, in characters. Patterns are the operator's, texts are not: what a pattern
 * with one repetition beside another costs grows with the square of the length.
 */
export const PATTERN_CHARACTERS_MAX = 4_096

/** Matches whole texts only. Throws a `SyntaxError` that says what is wrong. */
export function compilePattern(pattern: string): RegExp {
  // On its own first: what is closed before it is opened would go well in the middle of the other.
  new RegExp(pattern, 'u')
  return new RegExp(`^(?:${pattern})$`, 'u')
}

export class StringValidator implements Validator {
  readonly #wide: boolean
  readonly #min: number
  readonly #max: number
  readonly #pattern: RegExp | null
  /** of any length and look */
  readonly #any: boolean
  readonly #tooShort: string
  readonly #tooLong: string

  constructor(options: StringOptions) {
    this.#wide = options.encoding === 'utf_16'
    this.#min = options.minLength ?? 0
    this.#max = options.maxLength ?? Number.POSITIVE_INFINITY
    this.#pattern = options.pattern === undefined ? null : compilePattern(options.pattern)
    this.#any = options.minLength === undefined && options.maxLength === undefined && this.#pattern === null
    this.#tooShort = `shorter than ${this.#min} characters`
    this.#tooLong = `longer than ${this.#max} characters`
  }

  check(payload: Buffer): string | null {
    if (this.#any && !this.#wide) return isUtf8(payload) ? null : 'not UTF-8'
    const characters = this.#wide ? utf16Characters(payload) : utf8Characters(payload)
    if (characters === -1) return this.#wide ? 'not UTF-16' : 'not UTF-8'
    if (characters < this.#min) return this.#tooShort
    if (characters > this.#max) return this.#tooLong
    const pattern = this.#pattern
    if (pattern === null) return null
    if (characters > PATTERN_CHARACTERS_MAX)
      return `longer than the ${PATTERN_CHARACTERS_MAX} characters that are matched`
    return pattern.test(this.#wide ? utf16Text(payload) : payload.toString()) ? null : 'not like the pattern'
  }
}

/** Code points, or -1. */
function utf8Characters(payload: Buffer): number {
  if (!isUtf8(payload)) return -1
  let characters = 0
  // every byte but those that continue a character
  for (let i = 0; i < payload.length; i++) if ((payload[i]! & 0xc0) !== 0x80) characters++
  return characters
}

const isLittleEndian = (payload: Buffer): boolean => payload[0] === 0xff && payload[1] === 0xfe
const hasMark = (payload: Buffer): boolean => isLittleEndian(payload) || (payload[0] === 0xfe && payload[1] === 0xff)

/** Code points without the byte order mark, or -1. Big-endian without one (RFC 2781 section 4.3). */
function utf16Characters(payload: Buffer): number {
  if (payload.length % 2 !== 0) return -1
  const high = isLittleEndian(payload) ? 1 : 0
  let characters = 0
  let paired = true
  for (let i = hasMark(payload) ? 2 : 0; i < payload.length; i += 2) {
    const kind = payload[i + high]! & 0xfc
    // [D800-DBFF] asks for one of [DC00-DFFF], which comes after nothing else
    if (paired === (kind === 0xdc)) return -1
    paired = kind !== 0xd8
    if (paired) characters++
  }
  return paired ? characters : -1
}

function utf16Text(payload: Buffer): string {
  const from = hasMark(payload) ? 2 : 0
  if (isLittleEndian(payload)) return payload.toString('utf16le', from)
  return Buffer.from(payload.subarray(from)).swap16().toString('utf16le')
}
