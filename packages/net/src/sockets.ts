/**
 * The connected sockets of one binding and where they went: each is handed to the exit, raw if the exit owns sockets, else
 * as a `bytes` stream. Used by every binding of a server's side that has sockets: tcp, proxy, tls.
 */
import type { Socket } from 'node:net'
import { type Clock, type Exit, type Session, StreamError } from '@zilla-ts/engine'
import { SocketStream } from './socket-stream.ts'
import type { Bytes, BytesOpen } from './stream.ts'

export class Sockets {
  readonly #clock: Clock
  readonly #streams = new Set<SocketStream>()
  readonly #taken = new Set<Socket>()
  #drained: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#streams.size + this.#taken.size
  }

  /** False: the exit refuses the connection, and the socket is closed. */
  pass(socket: Socket, exit: Exit<Bytes>, open: BytesOpen, session: Session | null): boolean {
    const taken = exit.take(socket, open, session)
    if (taken === 'taken') {
      this.#taken.add(socket)
      socket.once('close', () => {
        this.#taken.delete(socket)
        this.#closed()
      })
      return true
    }
    const handler = new SocketStream(socket, this.#clock, (ended) => {
      this.#streams.delete(ended)
      this.#closed()
    })
    const stream = taken === 'streams' ? exit.connect(open, session, handler) : null
    if (stream === null) {
      socket.destroy()
      return false
    }
    this.#streams.add(handler)
    handler.join(stream)
    return true
  }

  /** Resolves when the last one is closed. */
  drained(): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  /** Ends all at once. */
  abort(reason: string): void {
    for (const stream of this.#streams) stream.abort(new StreamError('shutdown', reason))
    for (const socket of this.#taken) socket.destroy()
  }

  #closed(): void {
    if (this.size === 0) this.#drained?.()
  }
}
