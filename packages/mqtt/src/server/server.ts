/**
 * The running mqtt server: one connection object per byte stream, and what they share. Deadlines are looked at once a
 * second, over all connections, so that a packet only stores a number.
 */
import {
  type Binding,
  type BindingContext,
  type Clock,
  EventLimiter,
  type Explanation,
  type Inquiry,
  type Stream,
  type StreamError,
  type StreamHandler,
  type Task,
  type Timer,
} from '@zilla-ts/engine'
import type { Bytes, BytesOpen } from '@zilla-ts/net'
import { ACK_BYTES_MAX } from '../codec/encoder.ts'
import type { MqttConfig, MqttLimits } from '../mqtt.config.ts'
import type { Mqtt } from '../stream.ts'
import { Admission } from './admission.ts'
import { Authorization } from './authorization.ts'
import { RouteTable } from './client-routes.ts'
import { Connection } from './connection.ts'
import { Counters } from './counters.ts'
import { explain } from './explanation.ts'
import { PaceRates } from './pacer.ts'
import { ALIASED_BYTES_MAX } from './topic-aliases.ts'
import { TopicModels } from './topic-models.ts'

/** How often deadlines are looked at, and so how much later than due they may be met. */
export const TICK_MS = 1_000
/** A tick so late means that this process was stopped: what clients sent meanwhile has not been read yet. */
const STOPPED_MS = 5 * TICK_MS

export class MqttServer implements Binding<Bytes>, Task {
  readonly options: MqttConfig['options']
  readonly limits: MqttLimits
  readonly routes: RouteTable
  /** null: clients are known by their byte streams, or not at all */
  readonly authorization: Authorization | null
  readonly clock: Clock
  readonly counters: Counters
  readonly events: EventLimiter
  readonly admission: Admission
  readonly paceRates: PaceRates
  /** what publishes and wills must be like; null: anything */
  topics: TopicModels | null = null
  /** for one run of PUBACKs and PUBRECs; used within one call */
  readonly acks: Buffer
  /** for one delivery with a topic alias; used within one call */
  readonly scratch: Buffer
  /** monotonic ms at the last tick: costs nothing to read, up to a tick old */
  now = 0
  readonly #context: BindingContext<MqttConfig, Mqtt>
  readonly #connections = new Set<Connection>()
  #timer: Timer | null = null
  #draining = false
  #drained: (() => void) | null = null

  constructor(context: BindingContext<MqttConfig, Mqtt>) {
    this.#context = context
    this.options = context.options
    this.limits = context.options.limits
    this.routes = new RouteTable(context.routes, context.namespace)
    const { authorization } = context.options
    this.authorization =
      authorization === undefined
        ? null
        : new Authorization(authorization, (name) => context.guard(name), context.report)
    this.clock = context.clock
    this.counters = new Counters(context.report)
    this.events = new EventLimiter(context.report, context.clock)
    this.admission = new Admission(this.limits, context.clock, context.report)
    this.paceRates = new PaceRates(this.limits)
    this.acks = Buffer.allocUnsafe(ACK_BYTES_MAX * this.limits.receiveMaximum)
    this.scratch = Buffer.allocUnsafe(this.limits.topicAliasOut > 0 ? ALIASED_BYTES_MAX : 0)
  }

  /** Catalogs have their schemas now. */
  async start(): Promise<void> {
    const { options, catalog, report } = this.#context
    const { topics = [] } = options
    if (topics.length > 0) this.topics = new TopicModels(topics, catalog, report, this.events)
  }

  explain(inquiry: Inquiry): Promise<Explanation> {
    return explain(this, inquiry)
  }

  accept(open: BytesOpen, stream: Stream<Bytes>): StreamHandler<Bytes> | null {
    if (this.#draining) return null
    if (this.#timer === null) this.#arm()
    const connection = new Connection(this, stream, open.remote)
    this.#connections.add(connection)
    return connection
  }

  /** The connection is over. */
  forget(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#drained?.()
  }

  /** An exception that should not have happened. */
  reportFault(where: string, error: unknown): void {
    this.#context.report.fault(where, error)
  }

  /** A tick. */
  run(): void {
    const late = this.clock.monotonic() - this.now > STOPPED_MS
    this.#arm()
    for (const connection of this.#connections) {
      try {
        connection.check(this.now, late)
      } catch (error) {
        this.reportFault('mqtt.check', error)
        connection.abort()
      }
    }
  }

  /** Every connection is checked apart, so there is nothing left to end here. */
  fault(_error: StreamError): void {}

  drain(): Promise<void> {
    this.#draining = true
    for (const connection of this.#connections) connection.drain()
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  async stop(): Promise<void> {
    this.#draining = true
    for (const connection of this.#connections) connection.stop()
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(): void {
    this.now = this.clock.monotonic()
    this.#timer = this.#connections.size > 0 || this.#timer === null ? this.clock.after(TICK_MS, this) : null
  }
}
