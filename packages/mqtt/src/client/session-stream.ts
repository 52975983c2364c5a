/** The session stream of one client, seen from the broker's side: from its open until one of the two is gone. */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Capabilities, Mqtt, MqttSignal } from '../stream.ts'
import type { Link } from './link.ts'

export class SessionStream implements StreamHandler<Mqtt> {
  readonly #link: Link
  readonly #stream: Stream<Mqtt>
  /** of the client's DISCONNECT */
  #reasonCode: number | null = null
  #expirySeconds: number | null = null

  constructor(link: Link, stream: Stream<Mqtt>) {
    this.#link = link
    this.#stream = stream
  }

  /**
   * What a session that the broker kept is subscribed to, the broker tells nobody. The neighbour opens its subscribe stream
   * when a session is present; what is delivered before that waits.
   */
  accept(capabilities: Capabilities): void {
    this.#stream.accept({ kind: 'session', capabilities, subscriptions: [] })
  }

  signal(signal: MqttSignal): void {
    this.#stream.signal(signal)
  }

  abort(error: StreamError): void {
    this.#stream.abort(error)
  }

  /** Nothing but signals comes this way. */
  onData(): void {}

  onSignal(signal: MqttSignal): void {
    // The connection to the broker stays where it is: a client for which there is another way now has to connect again.
    if (signal.kind === 'reauthorized' && !this.#link.servesAlike(signal.session)) {
      this.#link.lost(new StreamError('not-authorized', 'another route is permitted now than at CONNECT'))
    }
    if (signal.kind !== 'disconnect') return
    this.#reasonCode = signal.reasonCode
    this.#expirySeconds = signal.expirySeconds
  }

  onEnd(): void {
    this.#link.leave(this.#reasonCode, this.#expirySeconds)
    this.#stream.end()
  }

  onAbort(error: StreamError): void {
    this.#link.lost(new StreamError(error.code, `the session was given up: ${error.message}`))
  }
}
