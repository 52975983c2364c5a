/** The session stream of one connection: it owns the client id from `accept` until it ends. */
import { type Session, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Mqtt, MqttAccept, MqttSignal } from '../stream.ts'
import type { Connection } from './connection.ts'

export class SessionStream implements StreamHandler<Mqtt> {
  readonly #connection: Connection
  #stream: Stream<Mqtt> | null = null
  #ended = false
  /** what remains to be said when the end comes while the stream is being opened */
  #farewell: MqttSignal | null = null

  constructor(connection: Connection) {
    this.#connection = connection
  }

  onAccept(info: MqttAccept): void {
    if (this.#ended || info.kind !== 'session') return
    this.#connection.accepted(info.capabilities, info.subscriptions)
  }

  /** Nothing but signals comes this way. */
  onData(): void {}

  /** Whether storage is away shows in the room of the publish streams; nothing else depends on it. */
  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'redirect') this.#connection.redirected(signal.reference, signal.permanent)
  }

  onEnd(): void {
    this.onAbort(new StreamError('closed', 'the exit ended the session stream'))
  }

  onAbort(error: StreamError): void {
    if (this.#ended) return
    this.#ended = true
    this.#connection.lost(error)
  }

  /** The exit has returned the stream; `onAccept` may have been called before. */
  opened(stream: Stream<Mqtt>): void {
    this.#stream = stream
    if (this.#farewell !== null) this.#close(stream, this.#farewell)
  }

  /** The client has shown fresh credentials. */
  reauthorized(session: Session): void {
    if (!this.#ended) this.#stream?.signal({ kind: 'reauthorized', session })
  }

  /** The connection is over; null: without DISCONNECT. */
  end(reasonCode: number | null, expirySeconds: number | null): void {
    if (this.#ended) return
    this.#ended = true
    const farewell = { kind: 'disconnect', reasonCode, expirySeconds } as const
    if (this.#stream === null) this.#farewell = farewell
    else this.#close(this.#stream, farewell)
  }

  #close(stream: Stream<Mqtt>, farewell: MqttSignal): void {
    stream.signal(farewell)
    stream.end()
  }
}
