/**
 * What one connection sends. Deliveries are written only while there is room; answers to the client wait here when there is
 * none, and the connection stops reading until they have left, so that a client bounds what waits by its own requests.
 */
import type { Stream } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'

/** Answers that may wait before the client is not read any more, in bytes. */
const WAITING_BYTES_MAX = 16_384

export class Output {
  readonly #bytes: Stream<Bytes>
  #waiting: Buffer[] | null = null
  #waitingBytes = 0

  constructor(bytes: Stream<Bytes>) {
    this.#bytes = bytes
  }

  /** Room for a delivery, with no answer before it. */
  get writable(): boolean {
    return this.#waiting === null && this.#bytes.writable
  }

  /** Answers wait. */
  get stalled(): boolean {
    return this.#waiting !== null
  }

  get full(): boolean {
    return this.#waitingBytes >= WAITING_BYTES_MAX
  }

  /** An answer, now or as soon as there is room. The buffer is borrowed. */
  send(packet: Buffer): void {
    if (this.writable) {
      this.#bytes.write(packet, undefined)
    } else if (!this.#bytes.closed) {
      this.#waiting ??= []
      this.#waiting.push(Buffer.from(packet))
      this.#waitingBytes += packet.length
    }
  }

  /** A delivery; only while `writable`. The buffer is borrowed. */
  write(packet: Buffer): void {
    this.#bytes.write(packet, undefined)
  }

  /** There is room again. */
  flush(): void {
    const waiting = this.#waiting
    if (waiting === null) return
    let sent = 0
    while (sent < waiting.length && this.#bytes.writable) {
      const packet = waiting[sent++]!
      this.#waitingBytes -= packet.length
      this.#bytes.write(packet, undefined)
    }
    waiting.splice(0, sent)
    if (waiting.length === 0) this.#waiting = null
  }
}
