/**
 * The socket that a tls client gives to its neighbour, from dialling on. It speaks TLS only once the socket below is
 * connected: Node may still replace what is below a socket that is being connected (RFC 8305), and ends the whole process
 * when TLS is on top of it by then. Nothing is written before the server is verified, and `connect` comes only then.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type Clock, type Counter, StreamError, type Task, type Timer } from '@zilla-ts/engine'

/** What TLS is spoken on: a socket, connected or not, or what stands for one. */
export type RawSocket = Duplex &
  Partial<
    Pick<
      Socket,
      | 'connecting'
      | 'remoteAddress'
      | 'remotePort'
      | 'localAddress'
      | 'localPort'
      | 'setNoDelay'
      | 'setKeepAlive'
      | 'ref'
      | 'unref'
    >
  >

export interface ClientSocketOptions {
  readonly raw: RawSocket
  readonly clock: Clock
  readonly handshakeMs: number
  /** Begins TLS on the connected socket. */
  readonly begin: () => TLSSocket
  readonly secured: Counter
  readonly failed: Counter
}

type Done = (error?: Error | null) => void

export class ClientSocket extends Duplex implements Task {
  readonly encrypted = true
  connecting = true
  readonly #options: ClientSocketOptions
  readonly #timer: Timer
  #tls: TLSSocket | null = null
  /** What was asked for before the server was verified. */
  #waiting: (() => void) | null = null
  #timeoutMs = 0

  constructor(options: ClientSocketOptions) {
    super({ allowHalfOpen: true })
    const { raw, clock, handshakeMs } = options
    this.#options = options
    this.#timer = clock.after(handshakeMs, this)
    raw.on('error', (error: Error) => this.destroy(error))
    raw.once('close', () => this.#onClosed())
    if (raw.connecting === true) raw.once('connect', () => this.#begin())
    else this.#begin()
  }

  /** The TLS below, once the server is verified. */
  get tls(): TLSSocket | null {
    return this.connecting ? null : this.#tls
  }

  /** The deadline. */
  run(): void {
    this.destroy(new StreamError('timeout', `no TLS connection in ${this.#options.handshakeMs} ms`))
  }

  fault(error: StreamError): void {
    this.destroy(error)
  }

  // What else users of sockets ask for

  get remoteAddress(): string | undefined {
    return this.#options.raw.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#options.raw.remotePort
  }

  get localAddress(): string | undefined {
    return this.#options.raw.localAddress
  }

  get localPort(): number | undefined {
    return this.#options.raw.localPort
  }

  setNoDelay(noDelay?: boolean): this {
    this.#options.raw.setNoDelay?.(noDelay)
    return this
  }

  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    this.#options.raw.setKeepAlive?.(enable, initialDelay)
    return this
  }

  setTimeout(ms: number, listener?: () => void): this {
    this.#timeoutMs = ms
    if (listener !== undefined) this.once('timeout', listener)
    this.#tls?.setTimeout(ms)
    return this
  }

  ref(): this {
    this.#options.raw.ref?.()
    return this
  }

  unref(): this {
    this.#options.raw.unref?.()
    return this
  }

  override _read(): void {
    this.#tls?.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#whenSecure((tls) => tls.write(chunk, done))
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: Done): void {
    this.#whenSecure((tls) => {
      tls.cork()
      for (const [at, { chunk }] of chunks.entries()) tls.write(chunk, at === chunks.length - 1 ? done : undefined)
      tls.uncork()
    })
  }

  override _final(done: Done): void {
    this.#whenSecure((tls) => tls.end(done))
  }

  override _destroy(error: Error | null, done: Done): void {
    if (this.connecting) this.#options.failed.value++
    this.#timer.cancel()
    this.#waiting = null
    this.#tls?.destroy()
    this.#options.raw.destroy()
    done(error)
  }

  #whenSecure(action: (tls: TLSSocket) => void): void {
    const tls = this.#tls
    if (tls !== null && !this.connecting) action(tls)
    else this.#waiting = () => action(this.#tls!)
  }

  #begin(): void {
    if (this.destroyed) return
    try {
      const tls = this.#options.begin()
      this.#tls = tls
      tls.on('error', (error) => this.destroy(error))
      tls.once('secureConnect', () => this.#onSecure(tls))
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  #onSecure(tls: TLSSocket): void {
    if (this.destroyed) return
    this.#timer.cancel()
    this.connecting = false
    this.#options.secured.value++
    tls.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) tls.pause()
    })
    tls.on('end', () => this.push(null))
    tls.on('timeout', () => this.emit('timeout'))
    if (this.#timeoutMs > 0) tls.setTimeout(this.#timeoutMs)
    this.emit('connect')
    this.emit('secureConnect')
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.()
  }

  /** The connection is gone; what came before that may still be read. */
  #onClosed(): void {
    if (this.connecting) this.destroy(new StreamError('closed', 'the connection was closed before it was secure'))
    else if (this.readableEnded || this.readableLength === 0) this.destroy()
    else this.once('end', () => this.destroy())
  }
}
