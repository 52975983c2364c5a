/**
 * Where the encoder writes fields. The same encoding code runs twice, first into a `Sizer`, then into a `Writer` over a
 * buffer of exactly that size, so that the two cannot disagree.
 */

/** Receives the fields of a packet in wire order. */
export interface Output {
  u8(value: number): void
  u16(value: number): void
  u32(value: number): void
  varint(value: number): void
  /** With a two-byte length. Throws `RangeError` above 65,535 bytes. */
  text(value: string): void
  /** With a two-byte length. Throws `RangeError` above 65,535 bytes. */
  binary(value: Buffer): void
  /** Without length. */
  bytes(value: Buffer): void
}

const FIELD_BYTES_MAX = 65_535
const VARINT_MAX = 268_435_455

/** Bytes that a variable byte integer takes. Throws `RangeError` above 268,435,455. */
export function varintSize(value: number): number {
  if (value > VARINT_MAX) throw new RangeError(`${value} is above what a variable byte integer can hold`)
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4
}

/** Bytes of a text with its length. Throws `RangeError` above 65,535 bytes. */
export function textSize(value: string): number {
  return fieldSize(Buffer.byteLength(value))
}

function fieldSize(bytes: number): number {
  if (bytes > FIELD_BYTES_MAX) throw new RangeError(`a field of ${bytes} bytes; MQTT has room for 65,535`)
  return 2 + bytes
}

export class Sizer implements Output {
  size = 0

  u8(): void {
    this.size += 1
  }

  u16(): void {
    this.size += 2
  }

  u32(): void {
    this.size += 4
  }

  varint(value: number): void {
    this.size += varintSize(value)
  }

  text(value: string): void {
    this.size += textSize(value)
  }

  binary(value: Buffer): void {
    this.size += fieldSize(value.length)
  }

  bytes(value: Buffer): void {
    this.size += value.length
  }
}

export class Writer implements Output {
  readonly buffer: Buffer
  at: number

  constructor(buffer: Buffer, at: number) {
    this.buffer = buffer
    this.at = at
  }

  u8(value: number): void {
    this.buffer[this.at++] = value
  }

  u16(value: number): void {
    this.buffer[this.at++] = value >>> 8
    this.buffer[this.at++] = value
  }

  u32(value: number): void {
    this.at = this.buffer.writeUInt32BE(value, this.at)
  }

  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.buffer[this.at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.buffer[this.at++] = rest
  }

  text(value: string): void {
    const bytes = this.buffer.write(value, this.at + 2)
    this.u16(bytes)
    this.at += bytes
  }

  binary(value: Buffer): void {
    this.u16(value.length)
    this.bytes(value)
  }

  bytes(value: Buffer): void {
    value.copy(this.buffer, this.at)
    this.at += value.length
  }
}
