/**
 * The only implementation of `Stream`: two sides that call each other's handler. All credit accounting, half-close and
 * fault isolation of the product is in this file. A handler that throws ends its own stream and nothing else.
 */
import {
  type ErrorCode,
  type Protocol,
  type Session,
  type Stream,
  StreamError,
  type StreamHandler,
} from './contract.ts'

/** What a write costs beside its payload, so that empty messages are not free. */
export const MESSAGE_COST = 64

/** Hears about exceptions thrown by handlers, before their stream is aborted. */
export type FaultListener = (where: string, error: unknown) => void

/** The acceptor's part of `connect`: `Binding.accept`. */
export type Acceptor<P extends Protocol> = (open: P['open'], stream: Stream<P>) => StreamHandler<P> | null

/** Stands for the handler of an acceptor that is still deciding. */
const UNDECIDED: StreamHandler<Protocol> = {
  onData() {},
  onEnd() {},
  onAbort() {},
}

export class Side<P extends Protocol> implements Stream<P> {
  readonly session: Session | null
  /** the binding that holds this side, for fault reports */
  readonly #owner: string
  readonly #onFault: FaultListener
  #peer: Side<P> = this
  #handler: StreamHandler<P>
  #credit = 0
  #acceptable: boolean
  /** I am inside `write` or `connect`: room is told by their result, not by `onWritable` */
  #busy = false
  #ended = false
  #closed = false

  private constructor(
    handler: StreamHandler<P>,
    session: Session | null,
    owner: string,
    acceptable: boolean,
    onFault: FaultListener,
  ) {
    this.#handler = handler
    this.session = session
    this.#owner = owner
    this.#acceptable = acceptable
    this.#onFault = onFault
  }

  /** Opens a stream from `initiator` to `acceptor` (binding names). Null: refused, or the acceptor threw. */
  static connect<P extends Protocol>(
    open: P['open'],
    session: Session | null,
    handler: StreamHandler<P>,
    accept: Acceptor<P>,
    names: { readonly initiator: string; readonly acceptor: string },
    onFault: FaultListener,
  ): Stream<P> | null {
    const near = new Side<P>(handler, session, names.initiator, false, onFault)
    const far = new Side<P>(UNDECIDED as StreamHandler<P>, session, names.acceptor, true, onFault)
    near.#peer = far
    far.#peer = near
    near.#busy = true
    let answer: StreamHandler<P> | null = null
    try {
      answer = accept(open, far)
    } catch (error) {
      onFault(`${names.acceptor}.accept`, error)
    }
    near.#busy = false
    if (answer === null) {
      near.#discard()
      return null
    }
    far.#handler = answer
    return near
  }

  get writable(): boolean {
    return this.#credit > 0 && !this.#ended && !this.#closed
  }

  get credit(): number {
    return this.#credit
  }

  get closed(): boolean {
    return this.#closed
  }

  accept(info: P['accept']): void {
    if (this.#closed) return
    if (!this.#acceptable) throw new Error('accept called twice, or by the initiator')
    this.#acceptable = false
    const peer = this.#peer
    peer.#guard('onAccept', () => peer.#handler.onAccept?.(info))
  }

  write(payload: Buffer, meta: P['meta']): boolean {
    if (this.#closed) return false
    if (this.#ended) throw new Error('write after end')
    if (this.#credit <= 0) throw new Error('write without credit')
    const cost = payload.length + MESSAGE_COST
    this.#credit -= cost
    const nested = this.#busy
    this.#busy = true
    const peer = this.#peer
    try {
      peer.#handler.onData(payload, meta, cost)
    } catch (error) {
      peer.#fault('onData', error)
    }
    this.#busy = nested
    return this.writable
  }

  signal(signal: P['signal']): void {
    if (this.#closed) return
    const peer = this.#peer
    try {
      peer.#handler.onSignal?.(signal)
    } catch (error) {
      peer.#fault('onSignal', error)
    }
  }

  grant(cost: number): void {
    if (this.#closed) return
    const peer = this.#peer
    const before = peer.#credit
    peer.#credit = before + cost
    if (before > 0 || peer.#busy || !peer.writable) return
    try {
      peer.#handler.onWritable?.()
    } catch (error) {
      peer.#fault('onWritable', error)
    }
  }

  ack(through: number, refused?: StreamError): void {
    if (this.#closed) return
    const peer = this.#peer
    try {
      peer.#handler.onAck?.(through, refused)
    } catch (error) {
      peer.#fault('onAck', error)
    }
  }

  end(): void {
    if (this.#closed || this.#ended) return
    this.#ended = true
    const peer = this.#peer
    peer.#guard('onEnd', () => peer.#handler.onEnd())
    if (peer.#ended) this.#discard()
  }

  abort(error: StreamError): void {
    if (this.#closed) return
    this.#discard()
    this.#peer.#callAbort(error)
  }

  /** Ends both sides without a word to anybody. */
  #discard(): void {
    for (const side of [this, this.#peer]) {
      side.#closed = true
      side.#credit = 0
    }
  }

  #callAbort(error: StreamError): void {
    try {
      this.#handler.onAbort(error)
    } catch (fault) {
      this.#onFault(`${this.#owner}.onAbort`, fault)
    }
  }

  #guard(where: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#fault(where, error)
    }
  }

  /** My handler threw: both handlers learn that the stream is over. */
  #fault(where: string, error: unknown): void {
    this.#onFault(`${this.#owner}.${where}`, error)
    if (this.#closed) return
    this.#discard()
    const reason = toStreamError(error, 'internal')
    this.#callAbort(reason)
    this.#peer.#callAbort(reason)
  }
}

/** Any thrown thing as a `StreamError`; one that is already is returned as it is. */
export function toStreamError(error: unknown, code: ErrorCode): StreamError {
  if (error instanceof StreamError) return error
  return new StreamError(code, error instanceof Error ? error.message : String(error), { cause: error })
}
