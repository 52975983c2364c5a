/**
 * One socket as one side of a `bytes` stream, for whoever owns the socket: tcp, or what has read a header or made a
 * TLS socket of it. What is written in a turn leaves in one
 * write at its end; a stream that is not granted room stops the socket from being read.
 */
import type { Socket } from 'node:net'
import { type Clock, type Stream, StreamError, type StreamHandler, type Task } from '@zilla-ts/engine'
import { BYTES_WINDOW, type Bytes } from './stream.ts'

/** Room for the other side's writes: what may wait in this process for a slow peer, in cost. */
export const WRITE_WINDOW = 4 * BYTES_WINDOW
/** Chunks that collect a turn's writes. */
const CHUNK_MIN = 512
const CHUNK_MAX = 65_536

export class SocketStream implements StreamHandler<Bytes>, Task {
  readonly socket: Socket
  readonly #clock: Clock
  readonly #onClosed: (stream: SocketStream) => void
  #stream: Stream<Bytes> | null = null
  #chunk: Buffer | null = null
  #used = 0
  #full: Buffer[] | null = null
  #chunkSize = CHUNK_MIN
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
    this.#append(payload)
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
    const full = this.#full
    const last = this.#chunk?.subarray(0, this.#used) ?? null
    // A socket that wrote much last turn will probably do so again: no regrowing.
    this.#chunkSize = Math.min(Math.max(full === null ? this.#used : CHUNK_MAX, CHUNK_MIN), CHUNK_MAX)
    this.#full = null
    this.#chunk = null
    this.#used = 0
    if (full !== null) {
      socket.cork()
      for (const chunk of full) socket.write(chunk)
    }
    if (last !== null) socket.write(last, this.#onFlushed)
    if (full !== null) socket.uncork()
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

  #append(payload: Buffer): void {
    let at = 0
    while (at < payload.length) {
      const left = payload.length - at
      if (this.#chunk === null || this.#used === this.#chunk.length) this.#nextChunk(left)
      const chunk = this.#chunk!
      const count = Math.min(left, chunk.length - this.#used)
      payload.copy(chunk, this.#used, at, at + count)
      this.#used += count
      at += count
    }
  }

  /** Grows a small chunk in place of starting another, so that a turn of many small writes stays one buffer. */
  #nextChunk(needed: number): void {
    const chunk = this.#chunk
    if (chunk === null) {
      this.#chunk = Buffer.allocUnsafe(Math.min(Math.max(this.#chunkSize, needed), CHUNK_MAX))
      return
    }
    if (chunk.length < CHUNK_MAX) {
      const size = Math.min(Math.max(chunk.length * 2, chunk.length + needed), CHUNK_MAX)
      this.#chunk = Buffer.allocUnsafe(size)
      chunk.copy(this.#chunk, 0, 0, this.#used)
      return
    }
    this.#full ??= []
    this.#full.push(chunk)
    this.#chunk = Buffer.allocUnsafe(CHUNK_MAX)
    this.#used = 0
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
