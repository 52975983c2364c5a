/** A socket on which requests are read: whose it is, and until when it may go on so. */
import type { Duplex } from 'node:stream'
import type { Session, StreamError } from '@zilla-ts/engine'
import type { BytesOpen } from '../stream.ts'
import type { Watched } from '../watch.ts'
import { type AnswerHeaders, answerAndClose } from './answer.ts'

export class HttpConnection implements Watched {
  readonly socket: Duplex
  readonly open: BytesOpen
  readonly session: Session | null
  /** monotonic ms by which the next step must be done */
  dueAt: number
  /** answers that are not sent yet */
  pending = 0
  /** that have been answered */
  requests = 0
  /** the last answer is under way: what the peer still sends means nothing */
  closing = false
  readonly #onTimeout: () => void

  constructor(socket: Duplex, open: BytesOpen, session: Session | null, dueAt: number, onTimeout: () => void) {
    this.socket = socket
    this.open = open
    this.session = session
    this.dueAt = dueAt
    this.#onTimeout = onTimeout
  }

  check(now: number, late: boolean): void {
    if (late) this.dueAt = Math.max(this.dueAt, now + 1)
    else if (now >= this.dueAt) {
      this.dueAt = Number.POSITIVE_INFINITY
      this.#onTimeout()
      this.socket.destroy()
    }
  }

  abort(_error: StreamError): void {
    this.socket.destroy()
  }

  /** The last answer on this connection, when no parser owns the socket any more. */
  answer(status: number, text: string, headers?: AnswerHeaders): void {
    if (this.closing) return
    this.closing = true
    answerAndClose(this.socket, status, text, headers)
  }
}
