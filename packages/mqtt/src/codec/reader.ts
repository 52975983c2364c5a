/**
 * A cursor over the body of one packet, reused for all packets of a connection. Every read stays inside the packet and
 * throws `DecodeError` otherwise; only the decoder calls it, and catches. Clause numbers are those of MQTT 5.0, whose rules
 * for fields 3.1.1 shares, unless they say otherwise.
 */
import { isUtf8 } from 'node:buffer'
import type { Version } from '../stream.ts'
import { DecodeError } from './decode-error.ts'
import { DECODE_LIMITS } from './decode-limits.ts'
import { ReasonCode } from './reason-codes.ts'

const EMPTY = Buffer.alloc(0)

export class Reader {
  buffer: Buffer = EMPTY
  at = 0
  end = 0
  /** for messages: `CONNECT` */
  packet = ''
  /** of the PUBLISH at hand; 0: none */
  topicAlias = 0
  /** null until CONNECT has told */
  version: Version | null
  limits = DECODE_LIMITS

  constructor(version: Version | null) {
    this.version = version
  }

  /** Takes the body of a packet; the buffer is borrowed until `release`. */
  open(packet: string, buffer: Buffer, at: number, end: number): void {
    this.packet = packet
    this.buffer = buffer
    this.at = at
    this.end = end
    this.topicAlias = 0
  }

  release(): void {
    this.buffer = EMPTY
  }

  malformed(problem: string, clause: string): never {
    return this.fail(ReasonCode.MalformedPacket, problem, clause)
  }

  protocolError(problem: string, clause: string): never {
    return this.fail(ReasonCode.ProtocolError, problem, clause)
  }

  fail(reasonCode: number, problem: string, clause: string, protocolLevel: number | null = null): never {
    throw new DecodeError(reasonCode, `${this.packet}: ${problem} (${clause})`, protocolLevel)
  }

  u8(field: string): number {
    if (this.at >= this.end) this.#truncated(field)
    return this.buffer[this.at++]!
  }

  u16(field: string): number {
    const at = this.at
    if (at + 2 > this.end) this.#truncated(field)
    this.at = at + 2
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!
  }

  u32(field: string): number {
    const at = this.at
    if (at + 4 > this.end) this.#truncated(field)
    this.at = at + 4
    return this.buffer.readUInt32BE(at)
  }

  varint(field: string): number {
    let value = 0
    for (let i = 0; i < 4; i++) {
      const byte = this.u8(field)
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) {
        if (byte === 0 && i > 0) this.malformed(`${field} uses more bytes than it needs`, '[MQTT-1.5.5-1]')
        return value
      }
    }
    return this.malformed(`${field} has more than four bytes`, '§1.5.5')
  }

  packetId(): number {
    const id = this.u16('packet identifier')
    if (id === 0) this.protocolError('packet identifier is 0', '[MQTT-2.2.1-3] [MQTT-2.2.1-4]')
    return id
  }

  /** Owned. */
  binary(field: string): Buffer {
    const start = this.#prefixed(field)
    return Buffer.from(this.buffer.subarray(start, this.at))
  }

  text(field: string): string {
    const start = this.#prefixed(field)
    return this.utf8(start, this.at, field)
  }

  /** The string of these bytes, which lie inside the packet. U+FEFF is kept [MQTT-1.5.4-3]. */
  utf8(start: number, end: number, field: string): string {
    const buffer = this.buffer
    let ascii = true
    for (let i = start; i < end; i++) {
      const byte = buffer[i]!
      if (byte === 0) this.malformed(`${field} contains U+0000`, '[MQTT-1.5.4-2]')
      if (byte >= 0x80) ascii = false
    }
    if (ascii) return buffer.toString('latin1', start, end)
    if (!isUtf8(buffer.subarray(start, end))) this.malformed(`${field} is not well-formed UTF-8`, '[MQTT-1.5.4-1]')
    return buffer.toString('utf8', start, end)
  }

  /** Every packet ends where its last field ends. */
  close(): void {
    if (this.at !== this.end) this.malformed(`bytes after the last field: ${this.end - this.at}`, '§2.1.4')
  }

  /** Steps over a field with a two-byte length; returns where its content starts, `at` is where it ends. */
  #prefixed(field: string): number {
    const length = this.u16(field)
    const start = this.at
    if (start + length > this.end) this.#truncated(field)
    this.at = start + length
    return start
  }

  #truncated(field: string): never {
    this.malformed(`${field} ends beyond the packet`, '§2.1.4')
  }
}
