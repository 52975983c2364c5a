/**
 * The `session` stream of one connection: owns its client id in this process from CONNECT to its end. Accepted once its claim
 * is stored; every end it may come to leaves one record.
 */
import { type Clock, type Stream, StreamError, type StreamHandler, type Task } from '@zilla-ts/engine'
import type { Mqtt, MqttSignal } from '@zilla-ts/mqtt'
import type { RecordOwner } from './session-log.ts'
import type { CloseReason } from './session-records.ts'
import type { SessionOpen, SessionTable } from './session-table.ts'

const NORMAL_DISCONNECTION = 0x00

/** A stream of the same connection, which does not outlive it. */
export interface Attached {
  abort(error: StreamError): void
}

export class SessionStream implements StreamHandler<Mqtt>, RecordOwner, Task {
  readonly open: SessionOpen
  /** of this connection, `<instance>.<n>` */
  readonly epoch: string
  readonly #stream: Stream<Mqtt>
  readonly #table: SessionTable
  readonly #attached = new Set<Attached>()
  /** the open has not returned yet: an abort must wait */
  #opening = true
  #failure: StreamError | null = null
  #accepted = false
  #closed = false
  #disconnectCode: number | null = null

  constructor(open: SessionOpen, epoch: string, stream: Stream<Mqtt>, table: SessionTable) {
    this.open = open
    this.epoch = epoch
    this.#stream = stream
    this.#table = table
  }

  attach(stream: Attached): void {
    this.#attached.add(stream)
  }

  detach(stream: Attached): void {
    this.#attached.delete(stream)
  }

  onData(): void {}

  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'disconnect') this.#disconnectCode = signal.reasonCode
  }

  /** The claim is stored. */
  onStored(): void {
    if (this.#closed) return
    this.#accepted = true
    this.#stream.accept({ kind: 'session', capabilities: this.#table.capabilities })
  }

  onFailed(error: StreamError): void {
    if (this.#opening) this.#failure = error
    else this.abort(error, 'abnormal')
  }

  /** The open returns now. */
  opened(clock: Clock): void {
    this.#opening = false
    if (this.#failure !== null) clock.endOfTurn(this)
  }

  run(): void {
    if (this.#failure !== null) this.abort(this.#failure, 'abnormal')
  }

  fault(error: StreamError): void {
    this.abort(error, 'abnormal')
  }

  onEnd(): void {
    this.#close(this.#disconnectCode === NORMAL_DISCONNECTION ? 'normal' : 'abnormal', closedError())
    this.#stream.end()
  }

  onAbort(error: StreamError): void {
    this.#close('abnormal', error)
  }

  /** Ends the connection for a reason that it is told. */
  abort(error: StreamError, reason: CloseReason): void {
    if (this.#closed) return
    this.#close(reason, error)
    this.#stream.abort(error)
  }

  /** Storage is away, or back. */
  setAvailable(available: boolean): void {
    if (this.#accepted && !this.#closed) this.#stream.signal({ kind: 'available', available })
  }

  #close(reason: CloseReason, error: StreamError): void {
    if (this.#closed) return
    this.#closed = true
    this.#table.onClosed(this, reason, this.#disconnectCode)
    for (const stream of [...this.#attached]) stream.abort(error)
  }
}

function closedError(): StreamError {
  return new StreamError('closed', 'the session is over')
}
