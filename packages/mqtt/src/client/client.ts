/**
 * The running mqtt client: one connection to the broker for each session, and what they share. Publish and subscribe streams
 * find their session by its client id. A connection that is lost ends its session: only the client knows what is in flight
 * and has to be sent again (§4.4), so nothing is ever reconnected behind its back. Deadlines are looked at once a second.
 */
import type {
  Binding,
  BindingContext,
  Clock,
  Exit,
  Explanation,
  Inquiry,
  Session,
  Stream,
  StreamHandler,
  Task,
  Timer,
} from '@zilla-ts/engine'
import { EventLimiter, qualify, refusedStep, StreamError } from '@zilla-ts/engine'
import type { Address, Bytes } from '@zilla-ts/net'
import type { MqttAuthorization, MqttConfig, MqttLimits } from '../mqtt.config.ts'
import type { Mqtt, MqttOpen } from '../stream.ts'
import { Authorization } from './authorization.ts'
import { Counters } from './counters.ts'
import type { SessionOpen } from './handshake.ts'
import { Link } from './link.ts'
import { serverAddress } from './server-address.ts'

/** How often deadlines are looked at, and so how much later than due they may be met. */
export const TICK_MS = 1_000
/** A tick so late means that this process was stopped: what the broker sent meanwhile has not been read yet. */
const STOPPED_MS = 5 * TICK_MS

export class MqttClient implements Binding<Mqtt>, Task {
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly counters: Counters
  readonly events: EventLimiter
  /** what the exit is to dial; null: it knows */
  readonly address: Address | null
  /** null: clients log in with their user name, if at all */
  readonly authorization: Authorization | null
  /** monotonic ms at the last tick: costs nothing to read, up to a tick old */
  now = 0
  readonly #context: BindingContext<MqttConfig, Bytes>
  readonly #links = new Set<Link>()
  /** by client id, from CONNACK to the end of the session */
  readonly #sessions = new Map<string, Link>()
  #timer: Timer | null = null
  #draining = false
  #drained: (() => void) | null = null

  constructor(context: BindingContext<MqttConfig, Bytes>) {
    this.#context = context
    this.limits = context.options.limits
    this.clock = context.clock
    this.counters = new Counters(context.report)
    this.events = new EventLimiter(context.report, context.clock)
    const { server, authorization = {} } = context.options
    this.address = server === undefined ? null : serverAddress(server)
    const [guarded] = Object.entries(authorization)
    this.authorization = guarded === undefined ? null : this.#authorize(...guarded)
  }

  /** What its broker permits, only the broker knows. */
  explain({ clientId }: Inquiry): Explanation {
    const reason = `the broker behind ${this.#context.name} decides`
    return { steps: [refusedStep(`session of ${clientId}`, reason, { verdict: 'unknown' })], next: [] }
  }

  accept(open: MqttOpen, stream: Stream<Mqtt>): StreamHandler<Mqtt> | null {
    if (open.kind === 'session') return this.#connect(open, stream)
    const link = this.#sessions.get(open.clientId)
    if (link === undefined) return null
    return open.kind === 'publish' ? link.publishes.join(stream) : link.deliveries.join(stream)
  }

  /** The broker has accepted the session. A former one of the client id is over, as the broker will have told it. */
  own(link: Link): void {
    const former = this.#sessions.get(link.clientId)
    this.#sessions.set(link.clientId, link)
    former?.lost(new StreamError('taken-over', 'another connection has the client identifier now'))
  }

  /** The session is over; its connection may still be closing. */
  disown(link: Link): void {
    if (this.#sessions.get(link.clientId) === link) this.#sessions.delete(link.clientId)
  }

  /** The connection is closed. */
  forget(link: Link): void {
    this.#links.delete(link)
    if (this.#links.size === 0) this.#drained?.()
  }

  /** A tick. */
  run(): void {
    const late = this.clock.monotonic() - this.now > STOPPED_MS
    this.#arm()
    for (const link of this.#links) {
      try {
        link.check(this.now, late)
      } catch (error) {
        this.#context.report.fault('mqtt.check', error)
        link.stop(new StreamError('internal', 'a deadline could not be checked', { cause: error }))
      }
    }
  }

  /** Every connection is checked apart, so there is nothing left to end here. */
  fault(_error: StreamError): void {}

  /** Sessions end from the other side: the mqtt server drains as well. */
  drain(): Promise<void> {
    this.#draining = true
    if (this.#links.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  async stop(): Promise<void> {
    this.#draining = true
    for (const link of this.#links) link.stop(new StreamError('shutdown', 'the engine shuts down'))
    this.#timer?.cancel()
    this.#timer = null
  }

  #connect(open: SessionOpen, stream: Stream<Mqtt>): StreamHandler<Mqtt> | null {
    const exit = this.exitFor(stream.session)
    if (this.#draining || exit === null) return null
    if (this.#timer === null) this.#arm()
    const link = new Link(this, open, stream)
    if (!link.dial(exit)) return null
    this.#links.add(link)
    return link.session
  }

  #authorize(guard: string, patterns: MqttAuthorization): Authorization {
    return new Authorization(qualify(this.#context.namespace, guard), this.#context.guard(guard), patterns)
  }

  /** Null: no route permits it. */
  exitFor(session: Session | null): Exit<Bytes> | null {
    return this.#context.routes.find((route) => route.permits(session))?.exit ?? null
  }

  #arm(): void {
    this.now = this.clock.monotonic()
    this.#timer = this.#links.size > 0 || this.#timer === null ? this.clock.after(TICK_MS, this) : null
  }
}
