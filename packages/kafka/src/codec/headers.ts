/**
 * Record headers in wire form (Kafka protocol guide, "Record Header"): pieces that can be put one after the other, with
 * the sum of their counts. Used by whoever makes records; the batch builder only copies the result.
 */
import { varintSize, writeVarint } from './varint.ts'

/** Headers in wire form, without their count. */
export interface EncodedHeaders {
  readonly buffer: Buffer
  readonly count: number
}

/** Header values are bytes, text (UTF-8) or null, which is not the same as empty. */
export type HeaderEntry = readonly [name: string, value: Buffer | string | null]

/** Encodes the list in its order, repeats included, into a buffer of its own. */
export function encodeHeaders(entries: readonly HeaderEntry[]): EncodedHeaders {
  const writer = new HeaderWriter()
  for (const [name, value] of entries) {
    const encodedName = encodeHeaderName(name)
    if (typeof value === 'string') writer.appendText(encodedName, value)
    else writer.append(encodedName, value)
  }
  return { buffer: Buffer.from(writer.buffer), count: writer.count }
}

/** A header name as it stands on the wire, length first; made once per name, it begins any number of headers. */
export function encodeHeaderName(name: string): Buffer {
  const bytes = Buffer.byteLength(name)
  const encoded = Buffer.allocUnsafe(varintSize(bytes) + bytes)
  encoded.write(name, writeVarint(encoded, 0, bytes))
  return encoded
}

const INITIAL_BYTES = 512
/** longest text whose length is a varint of one byte */
const SHORT_TEXT = 63

/** Puts the headers of one record together; `reset` makes it ready for the next, so that nothing is allocated. */
export class HeaderWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  #size = 0
  #count = 0

  /** how many headers there are */
  get count(): number {
    return this.#count
  }

  /** The headers so far; a view that holds until the next change. */
  get buffer(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  reset(): void {
    this.#size = 0
    this.#count = 0
  }

  /** `name` as from `encodeHeaderName`. */
  append(name: Buffer, value: Buffer | null): void {
    const length = value === null ? -1 : value.length
    this.#begin(name, length)
    if (value !== null) {
      this.#bytes.set(value, this.#size)
      this.#size += length
    }
  }

  /** `name` as from `encodeHeaderName`, the value as UTF-8. */
  appendText(name: Buffer, value: string): void {
    if (value.length <= SHORT_TEXT && this.#appendAscii(name, value)) return
    this.#begin(name, Buffer.byteLength(value))
    this.#size += this.#bytes.write(value, this.#size)
  }

  // Most values are a few ASCII letters: writing them here takes a fifth of two calls into native code.
  #appendAscii(name: Buffer, value: string): boolean {
    const length = value.length
    this.#reserve(name.length + 1 + length)
    const bytes = this.#bytes
    const start = this.#size + name.length + 1
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return false
      bytes[start + index] = code
    }
    bytes.set(name, this.#size)
    bytes[start - 1] = length << 1 // varint of one byte
    this.#size = start + length
    this.#count++
    return true
  }

  /** Headers that are already in wire form. */
  appendEncoded(headers: Buffer, count: number): void {
    this.#reserve(headers.length)
    this.#bytes.set(headers, this.#size)
    this.#size += headers.length
    this.#count += count
  }

  #begin(name: Buffer, valueLength: number): void {
    this.#reserve(name.length + varintSize(valueLength) + Math.max(valueLength, 0))
    this.#bytes.set(name, this.#size)
    this.#size = writeVarint(this.#bytes, this.#size + name.length, valueLength)
    this.#count++
  }

  #reserve(bytes: number): void {
    const needed = this.#size + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }
}
