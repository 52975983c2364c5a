/**
 * Stands between kafkajs and a raw socket: kafkajs misses sockets that close without `end`, throws out of its `data`
 * handler for a malformed frame, and buffers whatever length a peer claims. Made by `BrokerConnection` for each dial.
 */
import type { Socket } from 'node:net'
import type { WireSocket } from './kafkajs.ts'

/** Far above any answer to a request of ours; an HTTP server on the port claims 1.2 GB. */
const FRAME_BYTES_MAX = 256 * 1024 * 1024
const LENGTH_BYTES = 4
const CORRELATION_BYTES = 4
/** What a TLS listener answers to anything else (RFC 8446 §5.1); as a frame it would be 352 MB. */
const TLS_ALERT = 21
const TLS_MAJOR = 3
const NO_TLS = 'what answers there speaks TLS: exit to a tls client'
const NO_KAFKA = 'what answers there does not speak the Kafka protocol'

export class GuardedSocket implements WireSocket {
  readonly #socket: Socket
  readonly #onClose: (error: Error) => void
  #onData: (bytes: Buffer) => void = () => {}
  #onEnd: () => unknown = () => {}
  #onError: (error: Error) => unknown = () => {}
  #closed = false
  #handshaking = false
  /** bytes of the current frame still to come */
  #frameLeft = 0
  #length = 0
  #lengthBytes = 0

  /** `onClose` hears once that the connection is over, however that came. */
  constructor(socket: Socket, onConnect: () => void, onClose: (error: Error) => void) {
    this.#socket = socket
    this.#onClose = onClose
    // Over TLS nothing is sent before the broker is known to be the one that was dialled.
    if ('encrypted' in socket) {
      this.#handshaking = true
      socket.once('secureConnect', () => {
        this.#handshaking = false
        onConnect()
      })
    } else if (socket.connecting) socket.once('connect', onConnect)
    else setImmediate(onConnect)
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('error', (error) => this.destroy(inWords(error)))
    socket.on('end', () => this.destroy(new Error('closed by the broker')))
    socket.on('close', () => this.destroy(new Error('connection lost')))
  }

  on(event: 'data', listener: (bytes: Buffer) => void): unknown
  on(event: 'end' | 'timeout', listener: () => unknown): unknown
  on(event: 'error', listener: (error: Error) => unknown): unknown
  on(event: 'data' | 'end' | 'timeout' | 'error', listener: (argument: never) => unknown): unknown {
    if (event === 'data') this.#onData = listener as (bytes: Buffer) => void
    if (event === 'end') this.#onEnd = listener as () => unknown
    if (event === 'error') this.#onError = listener as (error: Error) => unknown
    return this
  }

  write(bytes: Buffer): boolean {
    return !this.#closed && this.#socket.write(bytes)
  }

  /** kafkajs ends a socket only when it is done with it. */
  end(): void {
    this.destroy(new Error('closed'))
  }

  unref(): void {
    this.#socket.unref()
  }

  /** Ends the connection at once; kafkajs then rejects what waits on it. */
  destroy(reason: Error): void {
    if (this.#closed) return
    this.#closed = true
    const error = this.#handshaking ? new Error(`no TLS handshake: ${reason.message}`) : reason
    this.#socket.destroy()
    // kafkajs rejects an authentication only on `end`, and a connect only on `error`.
    settle(this.#onEnd())
    settle(this.#onError(error))
    this.#onClose(error)
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return
    if (!this.#framesFit(bytes)) {
      const what = bytes[0] === TLS_ALERT && bytes[1] === TLS_MAJOR ? NO_TLS : NO_KAFKA
      this.destroy(new Error(what))
      return
    }
    try {
      this.#onData(bytes)
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #framesFit(bytes: Buffer): boolean {
    let at = 0
    while (at < bytes.length) {
      if (this.#frameLeft > 0) {
        const taken = Math.min(this.#frameLeft, bytes.length - at)
        this.#frameLeft -= taken
        at += taken
        continue
      }
      this.#length = ((this.#length << 8) | bytes[at++]!) >>> 0
      if (++this.#lengthBytes < LENGTH_BYTES) continue
      if (this.#length < CORRELATION_BYTES || this.#length > FRAME_BYTES_MAX) return false
      this.#frameLeft = this.#length
      this.#length = 0
      this.#lengthBytes = 0
    }
    return true
  }
}

/** What OpenSSL says is for its programmers, save the reason in it. */
function inWords(error: Error & { readonly reason?: unknown }): Error {
  const { reason } = error
  if (typeof reason !== 'string') return error
  // An alert, and the handshake is over for us when the broker looks for our certificate (RFC 8446 §4.4.2).
  const hint = reason.includes('certificate') ? ' (does the broker want a certificate of ours, or another?)' : ''
  return new Error(`TLS: ${reason}${hint}`)
}

/** kafkajs's listeners are async functions: what they reject with has been told to whoever waits already. */
function settle(result: unknown): void {
  if (result instanceof Promise) result.catch(() => {})
}
