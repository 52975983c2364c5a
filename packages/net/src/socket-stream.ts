/**
 * One socket as one side of a `bytes` stream, for whoever owns the socket: tcp, or what has read a header or made a
 * TLS socket of it. What is written in a turn leaves in one
 * write at its end; a stream that is not granted room stops the socket from being read.
 */
import type { Socket } from 'node:net'
import { type Clock, type Stream, StreamError, type StreamHandler, type Task } from '@zilla-ts/engine'
import { BYTES_WINDOW, type Bytes } from './stream.ts'
import { TurnBuffer } from './turn-buffer.ts'

/** Room for the other side's writes: what may wait in this process for a slow peer, in cost. */
export const WRITE_WINDOW = 4 * BYTES_WINDOW
export class SocketStream implements StreamHandler<Bytes>, Task {
  readonly socket: Socket
  readonly #clock: Clock
  readonly #onClosed: (stream: SocketStream) => void
  #stream: Stream<Bytes> | null = null
  readonly #turn = new TurnBuffer()
  #scheduled = false
  #ending = false
  #error: Error | null = null
  /** cost of writes in this turn, and of those handed to the socket and not yet taken by the system */
  #costQueued = 0
  #costWritten = 0
  readonly #onFlushed = () => this.#flushed()

  constructor(socket: Socket, clock: Clock, onClosed: (stream: SocketStream) => void) {
    this.socket = socket
    this.#clock = clock
    this.#onClosed = onClosed
  }

  /** Joins socket and stream; from here on bytes flow. */
  join(stream: Stream<Bytes>): void {
    this.#stream = stream
    const socket = this.socket
    socket.on('data', (chunk: Buffer) => this.#onChunk(chunk))
    socket.on('end', () => this.#stream?.end())
    // `close` follows each error and says all that the stream needs to know.
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => this.#closed())
    if (!stream.writable) socket.pause()
    stream.grant(WRITE_WINDOW)
  }

  onData(payload: Buffer, _meta: undefined, cost: number): void {
    this.#costQueued += cost
    this.#turn.append(payload)
    this.#schedule()
  }

  onWritable(): void {
    this.socket.resume()
  }

  onEnd(): void {
    this.#ending = true
    this.#schedule()
  }

  onAbort(_error: StreamError): void {
    this.#stream = null
    this.socket.destroy()
  }

  /** End of turn: everything written leaves in one go. */
  run(): void {
    this.#scheduled = false
    const socket = this.socket
    if (socket.destroyed) return
    this.#costWritten += this.#costQueued
    this.#costQueued = 0
    const chunks = this.#turn.take()
    if (chunks.length > 1) socket.cork()
    const last = chunks.length - 1
    for (let at = 0; at <= last; at++) socket.write(chunks[at]!, at === last ? this.#onFlushed : undefined)
    if (chunks.length > 1) socket.uncork()
    if (this.#ending) socket.end()
  }

  fault(error: StreamError): void {
    this.abort(error)
  }

  /** Ends socket and stream at once. */
  abort(error: StreamError): void {
    const stream = this.#stream
    this.#stream = null
    stream?.abort(error)
    this.socket.destroy()
  }

  #onChunk(chunk: Buffer): void {
    const stream = this.#stream
    if (stream === null) return
    if (!stream.write(chunk, undefined)) this.socket.pause()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.endOfTurn(this)
  }

  /** The system took everything: the other side may write as much again. */
  #flushed(): void {
    if (this.socket.writableLength > 0) return
    const cost = this.#costWritten
    this.#costWritten = 0
    if (cost > 0) this.#stream?.grant(cost)
  }

  #closed(): void {
    const stream = this.#stream
    this.#stream = null
    // After both ends said goodbye there is nobody to tell.
    if (stream !== null && !stream.closed) {
      stream.abort(new StreamError('closed', this.#error?.message ?? 'connection closed by the peer'))
    }
    this.#onClosed(this)
  }
}
