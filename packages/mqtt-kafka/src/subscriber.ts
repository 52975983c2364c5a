/**
 * The `subscribe` stream of one client: takes what the logs dispatch, makes one delivery of it however many filters match,
 * and hands it to the outbox. What has no room there is left in the log, and comes from a sweep later. Requests are answered
 * in their order.
 */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { Delivery, filterMatchesTopic, type Mqtt, type MqttSignal, type Qos } from '@zilla-ts/mqtt'
import type { Arrival } from './arrival.ts'
import { CountedMap } from './counted-map.ts'
import { Flight } from './flight.ts'
import type { Lag } from './lag.ts'
import { Lags } from './lags.ts'
import type { Ends } from './log-positions.ts'
import type { MessageLog } from './message-log.ts'
import { Outbox } from './outbox.ts'
import type { Receiver } from './receiver.ts'
import type { Replay } from './replay.ts'
import type { Permitted } from './routes.ts'
import type { FlightRecord, RestoredState, SubscriptionState } from './session-state.ts'
import type { SessionStream } from './session-stream.ts'
import type { Membership } from './shared-group.ts'
import type { Stored } from './state-store.ts'
import type { Subscription } from './subscription.ts'
import { SubscriptionResume } from './subscription-resume.ts'
import { type StartContext, SubscriptionStart } from './subscription-start.ts'

type SubscribeSignal = Extract<MqttSignal, { kind: 'subscribe' }>
type UnsubscribeSignal = Extract<MqttSignal, { kind: 'unsubscribe' }>

const SUCCESS = 0x00
const NO_SUBSCRIPTION_EXISTED = 0x11
const NO_IDS: readonly number[] = []
/** Requests one client may send ahead of their answers. */
const REQUESTS_MAX = 1_000

export interface SubscriberContext extends StartContext {
  readonly queueBytes: number
  /** the largest window of a client, whatever it announces */
  readonly inFlight: number
}

export class Subscriber implements StreamHandler<Mqtt>, Receiver {
  readonly clientId: string
  readonly session: SessionStream
  /** the routes this client may use */
  readonly routes: Permitted
  /** by filter; several Kafka topics are chained */
  readonly subscriptions: Map<string, Subscription>
  /** shared subscriptions, by filter with `$share` */
  readonly memberships: Map<string, Membership>
  /** filters whose retained messages have not all been sent */
  readonly replaying = new Set<string>()
  /** subscriptions that began in the past, by filter */
  readonly replays = new Map<string, Replay>()
  readonly outbox: Outbox
  readonly #stream: Stream<Mqtt>
  readonly #context: SubscriberContext
  readonly #lags = new Lags()
  #requests: (SubscribeSignal | UnsubscribeSignal)[] = []
  #start: SubscriptionStart | SubscriptionResume | null = null
  /** live messages that wait for the start */
  #held: { readonly arrival: Arrival; readonly subscriptions: readonly Subscription[] }[] = []
  #heldBytes = 0
  #closed = false

  constructor(
    clientId: string,
    stream: Stream<Mqtt>,
    session: SessionStream,
    routes: Permitted,
    context: SubscriberContext,
  ) {
    this.clientId = clientId
    this.session = session
    this.routes = routes
    this.#stream = stream
    this.#context = context
    this.subscriptions = new CountedMap(context.subscriptionCount)
    this.memberships = new CountedMap(context.subscriptionCount)
    const window = Math.min(session.open.receiveMaximum, context.inFlight)
    this.outbox = new Outbox(context, stream, session.store, window, () => this.#onRoom())
    session.attachSubscriber(this)
  }

  /** Goes on with what was subscribed to, and was in flight, before this connection. */
  resume(filters: readonly string[]): void {
    const { restored } = this.session
    const wanted = new Set(filters)
    const subscriptions = restored.subscriptions.filter(({ request }) => wanted.has(request.filter))
    if (subscriptions.length === 0 && restored.flights.length === 0) return
    this.#start = new SubscriptionResume(this, { ...restored, subscriptions }, this.#context)
    this.#start.begin()
  }

  /** Room for a delivery of any QoS that nothing waits in front of. */
  get writable(): boolean {
    return this.outbox.open
  }

  /** While it is silent nothing is sent; what comes is left in the log. */
  setSilent(silent: boolean): void {
    this.outbox.setSilent(silent)
  }

  onData(): void {}

  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'acknowledge') {
      this.outbox.acknowledge(signal)
      return
    }
    if (signal.kind !== 'subscribe' && signal.kind !== 'unsubscribe') return
    if (this.#requests.length >= REQUESTS_MAX) {
      this.abort(new StreamError('quota', `'${this.clientId}' sends subscriptions faster than they can be answered`))
      return
    }
    this.#requests.push(signal)
    this.#nextRequest()
  }

  onWritable(): void {
    this.outbox.onWritable()
  }

  onEnd(): void {
    this.close()
    this.#stream.end()
  }

  onAbort(_error: StreamError): void {
    this.close()
  }

  /** Ends the stream for a reason the client is told. */
  abort(error: StreamError): void {
    this.close()
    this.#stream.abort(error)
  }

  signal(signal: MqttSignal): void {
    this.#stream.signal(signal)
  }

  /** Answers a request once what it promises is stored. */
  answer(signal: MqttSignal): void {
    this.session.store.after(new Answer(this.#stream, signal))
  }

  take(arrival: Arrival, subscriptions: readonly Subscription[]): void {
    if (this.#closed) return
    if (this.#start !== null && this.#mustHold(arrival, subscriptions)) {
      this.#hold(arrival, subscriptions)
      return
    }
    this.#takeLive(arrival, subscriptions)
    for (const subscription of subscriptions) if (!subscription.settled) subscription.settle()
  }

  get filters(): number {
    return this.subscriptions.size
  }

  matching(log: MessageLog, topic: string, found: Subscription[]): void {
    for (const [filter, first] of this.subscriptions) {
      if (!filterMatchesTopic(filter, topic)) continue
      for (let one: Subscription | null = first; one !== null; one = one.next)
        if (one.log === log && one.receiver === this) found.push(one)
    }
  }

  behind(log: MessageLog, partition: number): Lag | null {
    return this.#lags.get(log, partition)
  }

  isBehind(log: MessageLog): boolean {
    return this.#lags.has(log)
  }

  takeBehind(arrival: Arrival, subscriptions: readonly Subscription[]): boolean {
    // What a subscription that starts may see is not known yet.
    if (this.#start !== null && subscriptions.some(({ starting }) => starting)) return false
    const delivery = this.#deliveryOf(arrival, subscriptions)
    // What is QoS 0 to this client was for the moment.
    if (delivery === null || delivery.qos === 0) return true
    return this.outbox.offer(flightOf(arrival, delivery))
  }

  resend(arrival: Arrival): boolean {
    const { message, log, partition, offset } = arrival
    const flight = this.outbox.restored(log.topic, partition, offset)
    if (flight === undefined) return true
    return this.outbox.resend(flight, new Delivery(message, flight.qos, false, this.#idsOf(message.topic)))
  }

  gone(lag: Lag, offset: number): void {
    lag.wanted.delete(offset)
    const flight = this.outbox.restored(lag.log.topic, lag.partition, offset)
    if (flight !== undefined) this.outbox.forget(flight)
  }

  /** Something is not to be had live: it comes from a sweep, from `lag.next` on. */
  addLag(lag: Lag): void {
    this.#lags.add(lag)
  }

  /** A retained message, replayed. Only while `writable`. */
  replay(delivery: Delivery, partition: number, offset: number): void {
    const { topic } = delivery.message
    if (delivery.qos === 0) this.outbox.send(delivery)
    else
      this.outbox.offer(new Flight(this.#context.retainedTopic, partition, offset, delivery.qos, delivery, null, topic))
  }

  /** The start under way is over: what was held goes out, then requests that came meanwhile. */
  started(): void {
    const held = this.#held
    this.#start = null
    this.#held = []
    this.#heldBytes = 0
    for (const { arrival, subscriptions } of held) {
      if (this.#closed) return
      this.#takeLive(arrival, subscriptions)
    }
    this.#onRoom()
    this.#nextRequest()
  }

  /** As `started`, for a session that goes on: retained messages that had not all been sent come before requests. */
  resumed(): void {
    const again = [...this.replaying].flatMap((filter) => this.subscriptions.get(filter) ?? [])
    this.#start = null
    if (again.length === 0) {
      this.started()
      return
    }
    this.#start = new SubscriptionStart(this, [], again, this.#context)
    this.#start.begin()
  }

  /** Takes a filter and all that belongs to it out of the logs, or its group. */
  forget(filter: string): boolean {
    const membership = this.memberships.get(filter)
    if (membership !== undefined) {
      this.memberships.delete(filter)
      membership.end()
      return true
    }
    const first = this.subscriptions.get(filter)
    if (first === undefined) return false
    this.subscriptions.delete(filter)
    this.replaying.delete(filter)
    this.replays.get(filter)?.close()
    this.replays.delete(filter)
    for (let one: Subscription | null = first; one !== null; one = one.next) one.log.remove(one)
    return true
  }

  /** What would have to survive if the connection ended now. */
  state(): Omit<RestoredState, 'broken' | 'intents'> {
    const untouched = this.#start instanceof SubscriptionResume ? this.#start.untouched : null
    if (untouched !== null) return untouched
    const subscriptions: SubscriptionState[] = []
    const logs = new Set<MessageLog>()
    for (const first of this.subscriptions.values()) {
      const state = stateOf(first, this.replaying.has(first.filter), logs)
      if (state !== null) subscriptions.push(state)
    }
    for (const { request } of this.memberships.values()) {
      subscriptions.push({ request, from: NO_STARTS, replays: false })
    }
    const positions = new Map<string, Ends>()
    for (const log of logs) positions.set(log.topic, this.#positionsOf(log))
    if (this.replays.size > 0) this.#includeReplays(subscriptions, positions, logs)
    return { subscriptions, positions, flights: [...this.outbox.flights].map(recordOf) }
  }

  close(): void {
    if (this.#closed) return
    this.session.detachSubscriber(this)
    this.#closed = true
    this.#start?.cancel()
    this.#start = null
    this.#lags.close()
    this.outbox.close()
    for (const filter of [...this.subscriptions.keys(), ...this.memberships.keys()]) this.forget(filter)
    this.#requests = []
    this.#held = []
  }

  #onRoom(): void {
    if (this.#closed) return
    if (this.#start !== null) {
      this.#start.resume()
      return
    }
    // Not for each place that becomes free: a walk through the log should bring many.
    if (this.outbox.spacious) this.#lags.onRoom()
    for (const membership of this.memberships.values()) membership.onRoom()
    for (const replay of this.replays.values()) replay.onRoom()
  }

  #nextRequest(): void {
    while (this.#start === null && !this.#closed) {
      const request = this.#requests[0]
      if (request === undefined) return
      if (request.kind === 'unsubscribe') {
        this.#requests.shift()
        const known = request.filters.map((filter) => {
          this.#context.groups.unsubscribed(filter, this.clientId)
          return this.forget(filter)
        })
        this.answer({
          kind: 'unsubscribed',
          reasonCodes: known.map((was) => (was ? SUCCESS : NO_SUBSCRIPTION_EXISTED)),
        })
      } else {
        this.#start = new SubscriptionStart(this, this.#takeSubscribes(), [], this.#context)
        this.#start.begin()
      }
    }
  }

  /** The requests that can start together: SUBSCRIBEs next to each other, no filter twice. */
  #takeSubscribes(): SubscribeSignal[] {
    const filters = new Set<string>()
    const taken: SubscribeSignal[] = []
    for (const request of this.#requests) {
      if (request.kind !== 'subscribe') break
      if (taken.length > 0 && request.subscriptions.some(({ filter }) => filters.has(filter))) break
      for (const { filter } of request.subscriptions) filters.add(filter)
      taken.push(request)
    }
    this.#requests.splice(0, taken.length)
    return taken
  }

  /** While a message is held, all behind it are that could overtake it: a partition's order is the session's. */
  #mustHold(arrival: Arrival, subscriptions: readonly Subscription[]): boolean {
    if (this.#held.length > 0 && arrival.qos > 0) return true
    return subscriptions.some((subscription) => subscription.starting)
  }

  #hold(arrival: Arrival, subscriptions: readonly Subscription[]): void {
    const { log, partition, offset } = arrival
    if (this.#heldBytes + arrival.cost <= this.#context.queueBytes) {
      this.#heldBytes += arrival.cost
      this.#held.push({ arrival: arrival.keep(), subscriptions })
    } else if (arrival.qos === 0 || subscriptions.every(({ qos }) => qos === 0)) this.#context.counters.dropped.value++
    else if (this.#lags.get(log, partition) === null) this.#fallBehind(log, partition, offset)
  }

  #takeLive(arrival: Arrival, subscriptions: readonly Subscription[]): void {
    const delivery = this.#deliveryOf(arrival, subscriptions)
    if (delivery === null) return
    if (delivery.qos === 0) {
      this.outbox.send(delivery)
      return
    }
    const { log, partition, offset } = arrival
    if (!this.#lags.empty && !this.#lags.passes(log, partition, offset)) return
    if (!this.outbox.offer(flightOf(arrival, delivery))) this.#fallBehind(log, partition, offset)
  }

  #fallBehind(log: MessageLog, partition: number, offset: number): void {
    this.#context.counters.fellBehind.value++
    this.#lags.fallBehind(this, log, partition, offset)
  }

  /** One delivery for all filters that match; null: it is not for this client. */
  #deliveryOf(arrival: Arrival, subscriptions: readonly Subscription[]): Delivery | null {
    let granted = -1
    let retain = false
    let ids = NO_IDS
    for (const subscription of subscriptions) {
      if (!subscription.active || subscription.isBefore(arrival.partition, arrival.offset)) continue
      // [MQTT-3.8.3-3] not to the client that published
      if (subscription.noLocal && arrival.local === this.clientId) continue
      if (subscription.seams.length > 0 && subscription.seams.some((seam) => seam.drops(arrival))) continue
      if (subscription.qos > granted) granted = subscription.qos
      if (subscription.retainAsPublished && arrival.retained) retain = true
      if (subscription.ids.length > 0) ids = ids.length === 0 ? subscription.ids : [...ids, ...subscription.ids]
    }
    if (granted < 0) return null
    const qos = Math.min(granted, arrival.qos) as Qos
    const { message } = arrival
    return ids.length === 0 ? message.delivery(qos, retain) : new Delivery(message, qos, retain, ids)
  }

  /** Identifiers of all subscriptions that match, for a message that was sent before. */
  #idsOf(topic: string): readonly number[] {
    const ids: number[] = []
    for (const { filter, ids: own } of this.subscriptions.values()) {
      if (own.length > 0 && filterMatchesTopic(filter, topic)) ids.push(...own)
    }
    return ids
  }

  /** A session has one position in a log: that of the replay that is furthest back. Others then begin where they are. */
  #includeReplays(subscriptions: SubscriptionState[], positions: Map<string, Ends>, logs: Iterable<MessageLog>): void {
    for (const log of logs) {
      const own = positions.get(log.topic) ?? []
      const replays = new Map([...this.replays].map(([filter, replay]) => [filter, replay.positions(log)]))
      const lowest = own.map((offset, at) => Math.min(offset, ...[...replays.values()].map((ends) => ends[at] ?? 0)))
      if (lowest.every((offset, at) => offset === own[at])) continue
      positions.set(log.topic, lowest)
      subscriptions.forEach((state, at) => {
        const { filter } = state.request
        if (!reads(this.subscriptions.get(filter) ?? null, log)) return
        const start = state.from.get(log.topic)
        const next = (replays.get(filter) ?? own).map((offset, partition) => Math.max(offset, start?.[partition] ?? 0))
        subscriptions[at] = { ...state, from: new Map(state.from).set(log.topic, next) }
      })
    }
  }

  /** Per partition, the first record that nothing has been sent of. */
  #positionsOf(log: MessageLog): Ends {
    const positions = [...log.positions()]
    const lags = this.#lags.of(log)
    for (const { state, partition, next } of lags) {
      if (state === 'over') positions[partition] = Math.max(positions[partition] ?? 0, next)
    }
    const atMost = (partition: number, offset: number) => {
      positions[partition] = Math.min(positions[partition] ?? 0, offset)
    }
    for (const { arrival } of this.#held) if (arrival.log === log) atMost(arrival.partition, arrival.offset)
    for (const { source, partition, offset } of this.outbox.queued()) {
      if (source === log.topic) atMost(partition, offset)
    }
    for (const lag of lags) if (lag.state !== 'over') atMost(lag.partition, lag.resumeAt)
    return positions
  }
}

function reads(chain: Subscription | null, log: MessageLog): boolean {
  for (let one = chain; one !== null; one = one.next) if (one.log === log) return true
  return false
}

const NO_STARTS: ReadonlyMap<string, Ends> = new Map()

function flightOf({ log, partition, offset }: Arrival, delivery: Delivery): Flight {
  return new Flight(log.topic, partition, offset, delivery.qos, delivery, null, null)
}

/** Null: it has not been granted yet. */
function stateOf(first: Subscription, replays: boolean, logs: Set<MessageLog>): SubscriptionState | null {
  const from = new Map<string, Ends>()
  for (let one: Subscription | null = first; one !== null; one = one.next) {
    if (!one.begun) return null
    logs.add(one.log)
    if (one.from !== null) from.set(one.log.topic, one.from)
  }
  return { request: first.request, from, replays }
}

function recordOf(flight: Flight): FlightRecord {
  const { packetId, source, partition, offset, qos, state, retainedTopic } = flight
  const released = state === 'received' || state === 'releasing'
  return { packetId, source, partition, offset, qos, released, retainedTopic }
}

class Answer implements Stored {
  readonly #stream: Stream<Mqtt>
  readonly #signal: MqttSignal
  constructor(stream: Stream<Mqtt>, signal: MqttSignal) {
    this.#stream = stream
    this.#signal = signal
  }
  onStored(): void {
    this.#stream.signal(this.#signal)
  }
}
