/**
 * Walks the headers of a record where they lie. For readers that look at every record and want few of them: comparing a
 * name and passing by allocates nothing. One cursor serves any number of records, one after the other.
 */
import { VarintCursor } from './varint.ts'

/** `while (cursor.next()) …`; positions are into `bytes`, which is borrowed. */
export class HeaderCursor {
  nameStart = 0
  nameLength = 0
  valueStart = 0
  /** −1: the value is null */
  valueLength = 0
  #left = 0
  readonly #cursor = new VarintCursor()

  get bytes(): Buffer {
    return this.#cursor.bytes
  }

  /** Begins with the headers of a record: wire form, and how many. */
  reset(headers: Buffer, count: number): void {
    this.#cursor.bytes = headers
    this.#cursor.at = 0
    this.#cursor.end = headers.length
    this.#left = count
  }

  /** Moves to the next header; false after the last, and where the bytes are no header. */
  next(): boolean {
    if (this.#left <= 0) return false
    const cursor = this.#cursor
    const nameLength = cursor.varint()
    this.nameStart = cursor.at
    if (nameLength < 0 || nameLength > cursor.end - cursor.at) return this.#stop()
    cursor.at += nameLength
    const valueLength = cursor.varint()
    this.valueStart = cursor.at
    if (valueLength < -1 || valueLength > cursor.end - cursor.at) return this.#stop()
    if (valueLength > 0) cursor.at += valueLength
    this.nameLength = nameLength
    this.valueLength = valueLength
    this.#left--
    return true
  }

  #stop(): boolean {
    this.#left = 0
    return false
  }

  nameIs(name: Buffer): boolean {
    return name.length === this.nameLength && equalAt(this.#cursor.bytes, this.nameStart, name)
  }

  nameStartsWith(prefix: Buffer): boolean {
    return prefix.length <= this.nameLength && equalAt(this.#cursor.bytes, this.nameStart, prefix)
  }

  valueIs(value: Buffer): boolean {
    return value.length === this.valueLength && equalAt(this.#cursor.bytes, this.valueStart, value)
  }

  name(): string {
    return this.#cursor.bytes.toString('utf8', this.nameStart, this.nameStart + this.nameLength)
  }

  /** A slice of the record; null is a null value, not an empty one. */
  value(): Buffer | null {
    if (this.valueLength < 0) return null
    return this.#cursor.bytes.subarray(this.valueStart, this.valueStart + this.valueLength)
  }

  /** The value as UTF-8; null as empty. */
  valueText(): string {
    return this.valueLength <= 0
      ? ''
      : this.#cursor.bytes.toString('utf8', this.valueStart, this.valueStart + this.valueLength)
  }
}

// Names and values compared here have a few bytes: a loop is quicker than Buffer.compare's call into native code.
function equalAt(bytes: Buffer, start: number, wanted: Buffer): boolean {
  for (let at = 0; at < wanted.length; at++) {
    if (bytes[start + at] !== wanted[at]) return false
  }
  return true
}
