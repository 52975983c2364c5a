/**
 * The incremental decoder of one connection: bytes in, packets out, in both directions. The mqtt bindings push what the
 * transport gives. It decodes in place, keeps a copy of what is not decoded yet, never throws for what a peer sent, never
 * goes past a bad packet, and never allocates for bytes that a header only announces.
 */
import type { PublishMeta, Version } from '../stream.ts'
import { DecodeError } from './decode-error.ts'
import type { DecodeLimits } from './decode-limits.ts'
import { firstByteError, legalFirstBytes, packetName } from './first-byte.ts'
import { decodePacket, type Role } from './packet-decoder.ts'
import type { NonPublishPacket } from './packets.ts'
import { PublishDecoder } from './publish-decoder.ts'
import { Reader } from './reader.ts'
import { ReasonCode } from './reason-codes.ts'

export type { Role } from './packet-decoder.ts'

/** What the decoder calls, synchronously from `push` and `resume`. It may call `pause`, `resume`, `push` and `close` inside. */
export interface PacketHandler {
  /**
   * `payload` is borrowed: a slice of the chunk, or of a buffer that the decoder never writes to again. `meta` may be kept.
   */
  onPublish(meta: PublishMeta, payload: Buffer): void
  /** Everything in it is owned. */
  onPacket(packet: NonPublishPacket): void
  /** The last call: the decoder is closed. */
  onDecodeError(error: DecodeError): void
}

/** Largest packet there is: five bytes of fixed header and 268,435,455 more (§2.1.4). */
export const PACKET_SIZE_MAX = 268_435_460
const CONTINUED = 0x80
const NONE = Buffer.alloc(0)

export class Decoder {
  /** bytes of a whole packet; a larger one is refused (0x95) as soon as its fixed header is there */
  maximumPacketSize = PACKET_SIZE_MAX

  readonly #role: Role
  readonly #handler: PacketHandler
  readonly #reader: Reader
  readonly #publishes: PublishDecoder
  #legal: Uint8Array
  #opened = false
  #paused = false
  #closed = false
  #running = false
  /** not yet decoded: `#pending[#start..#stop)`. Bytes before `#stop` are never overwritten, for slices of them are lent. */
  #pending: Buffer = NONE
  #start = 0
  #stop = 0
  /** bytes the first pending packet lacks, as far as known */
  #missing = 0
  /** pushed from inside a handler: after the chunk at hand */
  readonly #late: Buffer[] = []

  /** `version`: what our CONNECT said; a server learns it from the client's. */
  constructor(role: 'server', handler: PacketHandler)
  constructor(role: 'client', handler: PacketHandler, version: Version)
  constructor(role: Role, handler: PacketHandler, version: Version | null = null) {
    this.#role = role
    this.#handler = handler
    this.#reader = new Reader(version)
    this.#publishes = new PublishDecoder(role)
    this.#legal = legalFirstBytes(role, version, false)
  }

  /**
   * Null until the protocol level of CONNECT is known. For a level that is not supported: the version whose CONNACK such a
   * client understands.
   */
  get version(): Version | null {
    return this.#reader.version
  }

  /** What we announced as Topic Alias Maximum; 0: no aliases. */
  set topicAliasMaximum(value: number) {
    this.#publishes.topicAliasMaximum = value
  }

  set limits(value: DecodeLimits) {
    this.#reader.limits = value
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Bytes held: received, not yet decoded. While paused it grows by what is pushed, so stop granting. */
  get bufferedBytes(): number {
    return this.#stop - this.#start
  }

  /** Decodes all packets that are complete with `chunk`, which is borrowed for the call. */
  push(chunk: Buffer): void {
    if (this.#closed) return
    if (this.#running) {
      this.#late.push(Buffer.from(chunk))
      return
    }
    this.#take(chunk)
    this.#takeLate()
  }

  /** No packet after the one at hand until `resume`. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    if (this.#running || this.#closed) return
    this.#drain()
    this.#takeLate()
  }

  /** Nothing more is decoded, not even of the chunk at hand; what was held is dropped. */
  close(): void {
    this.#closed = true
    this.#pending = NONE
    this.#start = 0
    this.#stop = 0
    this.#late.length = 0
    this.#publishes.close()
  }

  get #halted(): boolean {
    return this.#paused || this.#closed
  }

  #take(chunk: Buffer): void {
    let at = 0
    // complete the packet that waits, and only that, so that the rest of the chunk is decoded in place
    while (this.#start < this.#stop && at < chunk.length && !this.#halted) {
      const end = Math.min(at + this.#missing, chunk.length)
      this.#keep(chunk, at, end)
      at = end
      this.#drain()
    }
    if (!this.#halted) at = this.#run(chunk, at, chunk.length)
    if (!this.#closed) this.#keep(chunk, at, chunk.length)
  }

  #takeLate(): void {
    for (let chunk = this.#late.shift(); chunk !== undefined && !this.#closed; chunk = this.#late.shift()) {
      this.#take(chunk)
    }
  }

  #drain(): void {
    const start = this.#run(this.#pending, this.#start, this.#stop)
    if (this.#closed) return
    this.#start = start
    if (start === this.#stop) {
      this.#pending = NONE
      this.#start = 0
      this.#stop = 0
    }
  }

  /** Copies bytes behind the pending ones. Capacity follows what has arrived, never what a header announces. */
  #keep(chunk: Buffer, from: number, to: number): void {
    const added = to - from
    if (added === 0) return
    const stop = this.#stop + added
    if (stop > this.#pending.length) {
      const held = this.#stop - this.#start
      // twice as much each time: bytes that come one by one are copied a constant number of times
      const larger = Buffer.allocUnsafeSlow(held === 0 ? Math.max(added, 16) : 2 * (held + added))
      this.#pending.copy(larger, 0, this.#start, this.#stop)
      this.#pending = larger
      this.#start = 0
      this.#stop = held
    }
    chunk.copy(this.#pending, this.#stop, from, to)
    this.#stop += added
  }

  /** Decodes packets of `buffer` from `at`; returns where the first one begins that was not decoded. */
  #run(buffer: Buffer, at: number, end: number): number {
    this.#running = true
    let faulty = true
    try {
      while (at < end && !this.#halted) {
        const next = this.#packet(buffer, at, end)
        if (next === at) break
        at = next
      }
      faulty = false
    } finally {
      this.#running = false
      this.#reader.release()
      if (faulty) this.close()
    }
    return at
  }

  /** Decodes one packet; returns where it ends, or `at` when it is incomplete or bad. */
  #packet(buffer: Buffer, at: number, end: number): number {
    const first = buffer[at]!
    if (this.#legal[first] === 0) {
      return this.#refuse(firstByteError(first, this.#role, this.version, this.#opened), at)
    }
    let body = at + 2
    if (body > end) return this.#await(1, at)
    let length = buffer[at + 1]!
    if (length >= CONTINUED) {
      length &= 0x7f
      for (let shift = 7; ; shift += 7) {
        if (body === end) return this.#await(1, at)
        const byte = buffer[body++]!
        length |= (byte & 0x7f) << shift
        if (byte < CONTINUED) {
          // 3.1.1 has no such rule, and before CONNECT nothing tells which version it is
          if (byte === 0 && this.version === 5)
            return this.#badLength(first, 'uses more bytes than it needs ([MQTT-1.5.5-1])', at)
          break
        }
        if (shift === 21) return this.#badLength(first, 'has more than four bytes (§1.5.5)', at)
      }
    }
    const next = body + length
    if (next - at > this.maximumPacketSize) {
      const problem = `${next - at} bytes, more than ${this.maximumPacketSize} (§3.2.2.3.6)`
      return this.#refuse(new DecodeError(ReasonCode.PacketTooLarge, `${packetName(first)}: ${problem}`), at)
    }
    if (next > end) return this.#await(next - end, at)
    const good = first >> 4 === 3 ? this.#publish(buffer, first, body, next) : this.#other(buffer, first, body, next)
    return good ? next : at
  }

  #await(missing: number, at: number): number {
    this.#missing = missing
    return at
  }

  #badLength(first: number, problem: string, at: number): number {
    const message = `${packetName(first)}: remaining length ${problem}`
    return this.#refuse(new DecodeError(ReasonCode.MalformedPacket, message), at)
  }

  #refuse(error: DecodeError, at: number): number {
    this.#failed(error)
    return at
  }

  #publish(buffer: Buffer, first: number, body: number, end: number): boolean {
    const reader = this.#reader
    let meta: PublishMeta
    reader.open('PUBLISH', buffer, body, end)
    try {
      meta = this.#publishes.decode(reader, first)
    } catch (error) {
      return this.#failed(error)
    }
    this.#handler.onPublish(meta, buffer.subarray(reader.at, end))
    return true
  }

  #other(buffer: Buffer, first: number, body: number, end: number): boolean {
    let packet: NonPublishPacket
    this.#reader.open(packetName(first), buffer, body, end)
    try {
      packet = decodePacket(this.#reader, first >> 4, this.#role)
    } catch (error) {
      return this.#failed(error)
    }
    if (packet.type === 'connect' || packet.type === 'connack') {
      this.#opened = true
      this.#legal = legalFirstBytes(this.#role, this.version, true)
    }
    this.#handler.onPacket(packet)
    return true
  }

  #failed(error: unknown): false {
    if (!(error instanceof DecodeError)) throw error
    this.close()
    this.#handler.onDecodeError(error)
    return false
  }
}
