/**
 * One shared subscription, `$share/{group}/{filter}`, with all its members in this process: takes what its filter matches
 * and gives each message to one member, the one with the least on its way (MQTT 5.0 §4.8.2). Its position is its own, so
 * that a message no member has acknowledged goes to another, and a backlog waits while nobody is there.
 */
import type { Clock } from '@zilla-ts/engine'
import { Delivery, filterMatchesTopic, type Qos, type Subscription as Request } from '@zilla-ts/mqtt'
import type { Arrival } from './arrival.ts'
import type { Counters } from './counters.ts'
import { Flight, type FlightOwner } from './flight.ts'
import { Lag } from './lag.ts'
import { Lags } from './lags.ts'
import type { Ends } from './log-positions.ts'
import type { MessageLog } from './message-log.ts'
import type { Receiver } from './receiver.ts'
import type { GroupState } from './shared-group-state.ts'
import type { Subscriber } from './subscriber.ts'
import { Subscription } from './subscription.ts'
import type { TopicPattern } from './topic-pattern.ts'

const NO_IDS: readonly number[] = []

export interface GroupContext {
  readonly clock: Clock
  readonly counters: Counters
  /** The state has changed in a way that may be written late. */
  touch(group: SharedGroup): void
  /** The last member in this process has left. */
  onEmpty(group: SharedGroup): void
}

/** One client's part in a group. */
export class Membership {
  readonly group: SharedGroup
  readonly subscriber: Subscriber
  readonly request: Request
  readonly qos: Qos
  /** by Kafka topic, what the routes admit; null: everything */
  readonly patterns: ReadonlyMap<string, readonly TopicPattern[] | null>
  readonly ids: readonly number[]

  constructor(
    group: SharedGroup,
    subscriber: Subscriber,
    request: Request,
    qos: Qos,
    patterns: ReadonlyMap<string, readonly TopicPattern[] | null>,
  ) {
    this.group = group
    this.subscriber = subscriber
    this.request = request
    this.qos = qos
    this.patterns = patterns
    this.ids = request.subscriptionId === 0 ? NO_IDS : [request.subscriptionId]
  }

  admits(log: MessageLog, topic: string): boolean {
    const patterns = this.patterns.get(log.topic)
    return patterns === null || (patterns?.some((pattern) => pattern.match(topic) !== null) ?? false)
  }

  end(): void {
    this.group.leave(this)
  }

  onRoom(): void {
    this.group.onRoom()
  }
}

export class SharedGroup implements Receiver, FlightOwner {
  /** `$share/{group}/{filter}` */
  readonly name: string
  readonly filter: string
  readonly #context: GroupContext
  readonly #members: Membership[] = []
  readonly #subscriptions = new Map<MessageLog, Subscription>()
  readonly #lags = new Lags()
  /** what members have not acknowledged: offsets by log and partition */
  readonly #open = new Map<MessageLog, Map<number, Set<number>>>()
  /** whose turn it is among equals */
  #turn = 0
  #closed = false

  constructor(name: string, filter: string, context: GroupContext) {
    this.name = name
    this.filter = filter
    this.#context = context
  }

  get members(): readonly Membership[] {
    return this.#members
  }

  reads(log: MessageLog): boolean {
    return this.#subscriptions.has(log)
  }

  /** Begins to read a log: where it was, or at `ends`. Its reader is open. */
  begin(log: MessageLog, ends: Ends, state: GroupState | null, request: Request): void {
    if (this.#closed || this.#subscriptions.has(log)) return
    const subscription = new Subscription(this, log, request, 2, null, null)
    subscription.starting = false
    subscription.begun = true
    this.#subscriptions.set(log, subscription)
    log.add(subscription)
    const positions = state?.positions.get(log.topic) ?? ends
    log.positions().forEach((live, partition) => {
      const stored = positions[partition] ?? 0
      const next = stored > Math.max(ends[partition] ?? 0, live) ? 0 : stored
      const again = state?.open.get(log.topic)?.get(partition) ?? []
      if (next === live && again.length === 0) return
      const lag = new Lag(this, log, partition, next)
      if (next > live) lag.state = 'over'
      for (const offset of again) if (offset < next) lag.want(offset)
      if (again.length > 0) lag.state = 'parked'
      this.#lags.add(lag)
    })
  }

  add(membership: Membership): void {
    this.#members.push(membership)
    this.onRoom()
  }

  leave(membership: Membership): void {
    const at = this.#members.indexOf(membership)
    if (at < 0) return
    this.#members.splice(at, 1)
    if (this.#members.length === 0) this.#context.onEmpty(this)
    else this.onRoom()
  }

  onRoom(): void {
    if (!this.#closed && this.#members.some(({ subscriber }) => subscriber.outbox.spacious)) this.#lags.onRoom()
  }

  close(): void {
    this.#closed = true
    this.#lags.close()
    for (const [log, subscription] of this.#subscriptions) log.remove(subscription)
    this.#subscriptions.clear()
  }

  take(arrival: Arrival, _subscriptions: readonly Subscription[]): void {
    const { log, partition, offset } = arrival
    if (this.#closed) return
    if (arrival.qos === 0) {
      if (!this.#handOut(arrival)) this.#context.counters.dropped.value++
      return
    }
    if (!this.#lags.empty && !this.#lags.passes(log, partition, offset)) return
    if (this.#handOut(arrival)) return
    this.#context.counters.fellBehind.value++
    this.#lags.fallBehind(this, log, partition, offset)
  }

  get filters(): number {
    return 1
  }

  matching(log: MessageLog, topic: string, found: Subscription[]): void {
    const subscription = this.#subscriptions.get(log)
    if (subscription !== undefined && filterMatchesTopic(this.filter, topic)) found.push(subscription)
  }

  behind(log: MessageLog, partition: number): Lag | null {
    return this.#lags.get(log, partition)
  }

  isBehind(log: MessageLog): boolean {
    return this.#lags.has(log)
  }

  takeBehind(arrival: Arrival, _subscriptions: readonly Subscription[]): boolean {
    return arrival.qos === 0 || this.#handOut(arrival)
  }

  resend(arrival: Arrival): boolean {
    return this.#handOut(arrival)
  }

  gone(lag: Lag, offset: number): void {
    lag.wanted.delete(offset)
  }

  onSettled(flight: Flight): void {
    this.#forget(flight)
    this.#context.touch(this)
  }

  /** Its client has gone without it: another gets it. */
  onReturned(flight: Flight): void {
    const log = this.#forget(flight)
    if (log === null || this.#closed) return
    const { partition, offset } = flight
    let lag = this.#lags.get(log, partition)
    if (lag === null || lag.state === 'over') {
      lag = new Lag(this, log, partition, lag?.next ?? log.next(partition))
      this.#lags.add(lag)
    } else {
      const { resumeAt } = lag
      log.sweeps(partition).drop(lag)
      lag.next = Math.min(lag.next, resumeAt)
      lag.from = resumeAt
    }
    lag.want(offset)
    this.#context.touch(this)
  }

  state(): Omit<GroupState, 'clients'> {
    const positions = new Map<string, Ends>()
    const open = new Map<string, Map<number, number[]>>()
    for (const log of this.#subscriptions.keys()) {
      const ends = [...log.positions()]
      const offsets = new Map<number, number[]>()
      for (const [partition, set] of this.#open.get(log) ?? []) if (set.size > 0) offsets.set(partition, [...set])
      for (const lag of this.#lags.of(log)) {
        ends[lag.partition] = lag.state === 'over' ? Math.max(ends[lag.partition] ?? 0, lag.next) : lag.resumeAt
        if (lag.wanted.size > 0) offsets.set(lag.partition, [...(offsets.get(lag.partition) ?? []), ...lag.wanted])
      }
      positions.set(log.topic, ends)
      if (offsets.size > 0) open.set(log.topic, offsets)
    }
    return { positions, open }
  }

  /** To the member with the least on its way that has room; false: none has. */
  #handOut(arrival: Arrival): boolean {
    const { message, log } = arrival
    let chosen: Membership | null = null
    const count = this.#members.length
    for (let i = 0; i < count; i++) {
      const member = this.#members[(this.#turn + i) % count]!
      const { outbox } = member.subscriber
      if (!outbox.open || !member.admits(log, message.topic)) continue
      if (chosen === null || outbox.load < chosen.subscriber.outbox.load) chosen = member
    }
    if (chosen === null) return false
    this.#turn = (this.#turn + 1) % count
    this.#give(arrival, chosen)
    return true
  }

  #give(arrival: Arrival, { subscriber, qos: granted, ids }: Membership): void {
    const { message, log, partition, offset } = arrival
    const qos = Math.min(arrival.qos, granted) as Qos
    const delivery = ids.length === 0 ? message.delivery(qos, false) : new Delivery(message, qos, false, ids)
    if (qos === 0) {
      subscriber.outbox.send(delivery)
      return
    }
    const partitions = this.#open.get(log) ?? new Map<number, Set<number>>()
    const offsets = partitions.get(partition) ?? new Set<number>()
    this.#open.set(log, partitions.set(partition, offsets.add(offset)))
    subscriber.outbox.offer(new Flight(log.topic, partition, offset, qos, delivery, this, null))
  }

  /** No member has it on its way any more. */
  #forget(flight: Flight): MessageLog | null {
    for (const log of this.#subscriptions.keys()) {
      if (log.topic !== flight.source) continue
      this.#open.get(log)?.get(flight.partition)?.delete(flight.offset)
      return log
    }
    return null
  }
}
