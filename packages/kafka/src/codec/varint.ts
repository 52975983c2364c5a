/**
 * The zigzag varints of message format v2. Writers take positions in a buffer with enough room; the cursor reads what a
 * peer sent and therefore checks every step, without ever throwing.
 */

/** Bytes of an int32 as varint. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x20_0000) return 3
  return zigzag < 0x1000_0000 ? 4 : 5
}

/** Writes an int32; returns the position after it. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  while (zigzag > 0x7f) {
    bytes[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  bytes[at++] = zigzag
  return at
}

/** Bytes of a safe integer as varlong. */
export function varlongSize(value: number): number {
  if (value === (value | 0)) return varintSize(value)
  let size = 1
  for (let rest = Math.floor(magnitude(value) / 64); rest > 0; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a safe integer; returns the position after it. */
export function writeVarlong(bytes: Buffer, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, at, value)
  // The zigzag of a safe integer may have 54 bits, so the sign goes into the first byte by itself.
  const size = magnitude(value)
  let byte = (size % 64) * 2 + (value < 0 ? 1 : 0)
  for (let rest = Math.floor(size / 64); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[at++] = byte | 0x80
    byte = rest % 128
  }
  bytes[at++] = byte
  return at
}

function magnitude(value: number): number {
  return value < 0 ? -value - 1 : value
}

/** What `varint` gives for malformed bytes: below every legal length, count and delta, so one range check finds both. */
export const MALFORMED = -0x8000_0000

const NOTHING = Buffer.alloc(0)
const VARINT_BITS = 35
const VARLONG_BYTES = 10

/** Reads varints from [at, end) of `bytes`, which it borrows. */
export class VarintCursor {
  bytes: Buffer = NOTHING
  at = 0
  end = 0

  /** An int32, or `MALFORMED`. */
  varint(): number {
    const bytes = this.bytes
    const end = this.end
    let at = this.at
    let zigzag = 0
    for (let shift = 0; shift < VARINT_BITS && at < end; shift += 7) {
      const byte = bytes[at++]!
      zigzag |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.at = at
        return (zigzag >>> 1) ^ -(zigzag & 1)
      }
    }
    return MALFORMED
  }

  /** An int64 as a number (exact up to ±2⁵³), or NaN. */
  varlong(): number {
    const bytes = this.bytes
    let at = this.at
    const end = Math.min(this.end, at + VARLONG_BYTES)
    if (at >= end) return Number.NaN
    let byte = bytes[at++]!
    const negative = (byte & 1) === 1
    let size = (byte & 0x7f) >> 1
    for (let unit = 64; byte > 0x7f; unit *= 128) {
      if (at >= end) return Number.NaN
      byte = bytes[at++]!
      size += (byte & 0x7f) * unit
    }
    this.at = at
    return negative ? -size - 1 : size
  }
}
