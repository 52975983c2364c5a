/**
 * The `session` stream of one connection: claims the client id, holds what the session has while it is connected, and tells
 * the session layer how it ends. Accepted once the claim is granted.
 */
import { type Session, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Capabilities, Mqtt, MqttOpen, MqttSignal } from '@zilla-ts/mqtt'
import type { Inbound } from './inbound.ts'
import type { CloseReason, Grant, SessionClaimant, SessionHandle, SessionState } from './session/ownership.ts'
import { composeState, EMPTY_STATE, type RestoredState, readState } from './session-state.ts'
import { StateStore } from './state-store.ts'
import type { Subscriber } from './subscriber.ts'

export type SessionOpen = Extract<MqttOpen, { kind: 'session' }>

const NORMAL_DISCONNECTION = 0x00
const SESSION_OVER = new StreamError('closed', 'the session is over')

/** A stream of the same connection, which does not outlive it. */
export interface Attached {
  abort(error: StreamError): void
}

/** What a session stream needs besides its claim. */
export interface SessionContext {
  capabilities(): Capabilities
  /** The QoS 2 publishes of a client id, as far as this process knows them. */
  inbound(clientId: string): Inbound
  /** Whether clients with these sessions may use the same routes. */
  servesAlike(before: Session | null, after: Session | null): boolean
  onAccepted(session: SessionStream): void
  onClosed(session: SessionStream): void
}

export class SessionStream implements StreamHandler<Mqtt>, SessionClaimant {
  readonly open: SessionOpen
  readonly inbound: Inbound
  /** what the session had before this connection */
  restored: RestoredState = EMPTY_STATE
  /** the session was there before this connection */
  resumed = false
  /** when the connection before this one was cut, epoch ms: what it had sent may still land for a while; null: it was not */
  cutAt: number | null = null
  readonly #stream: Stream<Mqtt>
  readonly #context: SessionContext
  readonly #attached = new Set<Attached>()
  #handle: SessionHandle | null = null
  #store: StateStore | null = null
  #subscriber: Subscriber | null = null
  /** what was on its way to the client when its subscribe stream ended */
  #last: Omit<RestoredState, 'broken' | 'intents'> | null = null
  #accepted = false
  #closed = false
  #disconnectCode: number | null = null
  #expirySeconds: number | null = null

  constructor(open: SessionOpen, stream: Stream<Mqtt>, context: SessionContext) {
    this.open = open
    this.inbound = context.inbound(open.clientId)
    this.#stream = stream
    this.#context = context
  }

  /** Writes what must survive. Only once the session is accepted. */
  get store(): StateStore {
    return this.#store!
  }

  get accepted(): boolean {
    return this.#accepted && !this.#closed
  }

  attach(stream: Attached): void {
    this.#attached.add(stream)
  }

  detach(stream: Attached): void {
    this.#attached.delete(stream)
  }

  attachSubscriber(subscriber: Subscriber): void {
    this.#subscriber = subscriber
    this.attach(subscriber)
  }

  detachSubscriber(subscriber: Subscriber): void {
    this.detach(subscriber)
    if (this.#subscriber !== subscriber) return
    this.#last = subscriber.state()
    this.#subscriber = null
  }

  claimed(handle: SessionHandle): void {
    this.#handle = handle
    this.#store = new StateStore(handle, this.open.expirySeconds > 0)
  }

  onGranted(state: SessionState | null, grant: Grant): void {
    if (this.#closed || this.#accepted) return
    this.#accepted = true
    this.cutAt = grant.cutAt
    this.resumed = state !== null
    this.restored = readState(state)
    this.inbound.restore(this.restored.intents)
    const capabilities = { ...this.#context.capabilities(), sessionPresent: state !== null }
    const subscriptions = this.restored.subscriptions.map(({ request }) => request)
    this.#context.onAccepted(this)
    this.#stream.accept({ kind: 'session', capabilities, subscriptions })
  }

  onLost(error: StreamError): void {
    this.abort(error, error.code === 'taken-over' ? 'takeover' : error.code === 'shutdown' ? 'shutdown' : 'abnormal')
  }

  snapshot(): SessionState {
    this.#store?.composed()
    const { subscriptions, positions, flights } = this.#subscriber?.state() ?? this.#last ?? this.restored
    return composeState({ subscriptions, positions, flights, intents: this.inbound.records() })
  }

  onData(): void {}

  onSignal(signal: MqttSignal): void {
    // Streams that are open keep the routes that they were opened with: one that may use others has to connect again.
    if (signal.kind === 'reauthorized' && !this.#context.servesAlike(this.#stream.session, signal.session)) {
      this.abort(new StreamError('not-authorized', 'other routes are permitted now than at CONNECT'), 'abnormal')
    }
    if (signal.kind !== 'disconnect') return
    this.#disconnectCode = signal.reasonCode
    this.#expirySeconds = signal.expirySeconds
  }

  onEnd(): void {
    this.#close(this.#disconnectCode === NORMAL_DISCONNECTION ? 'normal' : 'abnormal', SESSION_OVER)
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

  /** Nothing may be delivered until the layer knows again that the session is owned. */
  setSilent(partition: number, silent: boolean): void {
    if (this.#handle?.partition === partition) this.#subscriber?.setSilent(silent)
  }

  /** Storage is away, or back. */
  setAvailable(available: boolean): void {
    if (this.#accepted && !this.#closed) this.#stream.signal({ kind: 'available', available })
  }

  #close(reason: CloseReason, error: StreamError): void {
    if (this.#closed) return
    for (const stream of [...this.#attached]) stream.abort(error)
    this.#closed = true
    this.#context.onClosed(this)
    this.#handle?.ended(reason, this.#disconnectCode, this.#expirySeconds)
    // What the client has sent is stored before it is said that nobody writes for it any more.
    this.inbound.drained(() => this.#handle?.close(reason, this.#disconnectCode, this.#expirySeconds))
  }
}
