/**
 * A `bytes` stream as a Node stream, for libraries that must own a socket (TLS, HTTP) where a neighbour has none. Slower
 * than a socket; what waits is bounded by the room granted.
 */
import { Duplex } from 'node:stream'
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { BYTES_WINDOW, type Bytes } from './stream.ts'

export class StreamSocket extends Duplex implements StreamHandler<Bytes> {
  #stream: Stream<Bytes> | null = null
  /** cost received and not granted again */
  #owed = 0
  #waiting: { readonly chunk: Buffer; readonly done: () => void } | null = null

  constructor() {
    super({ allowHalfOpen: true })
  }

  /** Joins the stream; from here on bytes flow. */
  join(stream: Stream<Bytes>): void {
    this.#stream = stream
    stream.grant(BYTES_WINDOW)
    this.onWritable()
  }

  onData(payload: Buffer, _meta: undefined, cost: number): void {
    this.#owed += cost
    if (this.push(Buffer.from(payload))) this._read()
  }

  onWritable(): void {
    const { chunk, done } = this.#waiting ?? {}
    if (chunk === undefined || this.#stream?.writable !== true) return
    this.#waiting = null
    this.#stream.write(chunk, undefined)
    done?.()
  }

  onEnd(): void {
    this.push(null)
  }

  onAbort(error: StreamError): void {
    this.#stream = null
    this.destroy(error)
  }

  override _read(): void {
    const owed = this.#owed
    if (owed === 0) return
    this.#owed = 0
    this.#stream?.grant(owed)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting = { chunk, done }
    this.onWritable()
  }

  override _final(done: () => void): void {
    this.#stream?.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#waiting = null
    const stream = this.#stream
    this.#stream = null
    // After both ends said goodbye this does nothing.
    stream?.abort(new StreamError('closed', error?.message ?? 'connection closed by the peer'))
    done(error)
  }
}
