/**
 * Looks at the ClientHello of a socket that nobody has read from yet, and puts it back: whoever gets the socket next finds
 * it untouched. Has no deadline of its own: its owner has.
 */
import type { Duplex } from 'node:stream'
import { type ClientHello, ClientHelloReader } from './client-hello.ts'

/** Alerts of RFC 8446 §6.2, by which a client learns why it is refused. */
export const Alert = { DECODE_ERROR: 50, UNRECOGNIZED_NAME: 112 } as const

const ALERT_RECORD = 21
const FATAL = 2

export class HelloPeek {
  readonly #socket: Duplex
  readonly #reader = new ClientHelloReader()
  readonly #onHello: (hello: ClientHello) => void
  readonly #onInvalid: () => void
  readonly #onReadable = (): void => this.#read()
  /** The peer says nothing more, and what it said is not enough. */
  readonly #onEnd = (): void => {
    this.#leave()
    this.#onInvalid()
  }

  /** Exactly one of the two is called, and not from inside here, unless the socket closes before. */
  constructor(socket: Duplex, onHello: (hello: ClientHello) => void, onInvalid: () => void) {
    this.#socket = socket
    this.#onHello = onHello
    this.#onInvalid = onInvalid
    socket.on('readable', this.#onReadable)
    socket.on('end', this.#onEnd)
  }

  #read(): void {
    for (;;) {
      const chunk = this.#socket.read() as Buffer | null
      if (chunk === null) return
      const result = this.#reader.push(chunk)
      if (result === 'more') continue
      this.#leave()
      if (result === 'invalid') {
        this.#onInvalid()
        return
      }
      this.#socket.unshift(this.#reader.bytes)
      // A socket forgets only at the next tick that it was read this way; before, it could not be paused.
      process.nextTick(this.#onHello, result)
      return
    }
  }

  #leave(): void {
    this.#socket.off('readable', this.#onReadable)
    this.#socket.off('end', this.#onEnd)
  }
}

/** Ends a connection on which nothing was answered yet with an alert. */
export function endWithAlert(socket: Duplex, alert: number): void {
  socket.end(Buffer.from([ALERT_RECORD, 3, 3, 0, 2, FATAL, alert]), () => socket.destroy())
}
