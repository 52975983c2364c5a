/**
 * Starts the subscriptions of one or more SUBSCRIBE packets of a client, so that nothing published from now on is missed and
 * nothing comes twice. In this order, and why:
 *
 * 1. The subscriptions enter the trie; live messages for them are held. From here on nothing the reader dispatches is missed.
 * 2. Ask the end E of each messages topic. What lies below E was published before, and is no live message for this client.
 * 3. Wait for the retained publishes of this process that are under way. One whose message lies below E may have its retained
 *    copy still unwritten; it would be in neither.
 * 4. Ask the end R of the retained topic, and wait until the map has read up to R: every retained publish confirmed before
 *    SUBSCRIBE, by whatever process, is then in the map.
 * 5. SUBACK, then the retained messages, then what was held, then live. Each retained publish with its message at E or above
 *    comes live; if the map had its copy already, it is replayed as well and the live one is dropped (`Seam`).
 *
 * A filter that replaces one of the same client keeps what it had: it never leaves the trie, so nothing is below its start.
 * A shared one has a group that begins by itself, and no retained messages (MQTT 5.0 §4.8.2).
 */
import { type Clock, type Reporter, StreamError, type Task, type Timer } from '@zilla-ts/engine'
import {
  Delivery,
  isShared,
  isTopicFilter,
  LEVELS_MAX,
  type MqttSignal,
  parseShared,
  type Qos,
  type Subscription as Request,
  withinLevels,
} from '@zilla-ts/mqtt'
import type { Count } from './counted-map.ts'
import type { Counters } from './counters.ts'
import type { EndWaiter } from './end-query.ts'
import type { Ends } from './log-positions.ts'
import type { MessageHeaders } from './message-headers.ts'
import type { MessageLog } from './message-log.ts'
import type { MessageLogs } from './message-logs.ts'
import { Replay } from './replay.ts'
import { type ReplayFrom, replayFrom } from './replay-from.ts'
import type { ReplayLimit } from './replay-limit.ts'
import { RetainedCursor } from './retained-cursor.ts'
import type { RetainedFlights } from './retained-flights.ts'
import { NOTHING } from './retained-map.ts'
import type { RetainedStore } from './retained-store.ts'
import type { Routes } from './routes.ts'
import { Seam } from './seam.ts'
import type { SharedGroups } from './shared-groups.ts'
import type { Stored } from './state-store.ts'
import type { Subscriber } from './subscriber.ts'
import { Subscription } from './subscription.ts'

type SubscribeSignal = Extract<MqttSignal, { kind: 'subscribe' }>

/** Reason codes of SUBACK (MQTT 5.0 §3.9.3). */
const UNSPECIFIED_ERROR = 0x80
const IMPLEMENTATION_SPECIFIC_ERROR = 0x83
const NOT_AUTHORIZED = 0x87
const TOPIC_FILTER_INVALID = 0x8f
const QUOTA_EXCEEDED = 0x97

/** What a session's record holds of a filter besides its text, at most. */
const FILTER_BYTES = 128
/** How long the copy of a replayed message may take to come through the log. */
const SEAM_MS = 10_000
/** A replay lets others run after so long. */
const SLICE_MS = 5
/** Nodes walked between two looks at the clock. */
const SLICE_NODES = 64

export interface StartContext {
  readonly clock: Clock
  readonly counters: Counters
  readonly report: Reporter
  readonly routes: Routes
  readonly logs: MessageLogs
  readonly retained: RetainedStore
  readonly retainedTopic: string
  readonly groups: SharedGroups
  readonly flights: RetainedFlights
  readonly headers: MessageHeaders
  readonly qosMax: Qos
  readonly filtersMax: number
  /** of one client, each counted with `FILTER_BYTES` more */
  readonly sessionBytes: number
  readonly subscriptionsMax: number
  /** subscriptions of all clients */
  readonly subscriptionCount: Count
  readonly subscribeMs: number
  readonly replays: ReplayLimit
  /** a topic stamps records itself: the two copies of a retained publish differ in time */
  stampsOnAppend(): boolean
}

/** Whether a filter, shared or not, is one, and short enough for the tree of them. */
export function isServedFilter(filter: string): boolean {
  return withinLevels(filter, LEVELS_MAX) && (isShared(filter) ? parseShared(filter) !== null : isTopicFilter(filter))
}

export class SubscriptionStart implements Task {
  readonly #subscriber: Subscriber
  readonly #requests: readonly SubscribeSignal[]
  readonly #context: StartContext
  readonly #seam: Seam
  /** reason codes, or the filter whose log decides */
  readonly #answers: (number | string)[][] = []
  /** why, by request, where the codes do not say it */
  readonly #reasons: (string | null)[] = []
  readonly #started: Subscription[] = []
  /** those that take the place of one that was there before */
  readonly #replacements = new Set<Subscription>()
  readonly #replays: Subscription[] = []
  readonly #endsMissing = new Set<MessageLog>()
  /** groups of shared subscriptions that have not begun, and one while the requests are being read */
  #groupsMissing = 1
  /** what the map had read when SUBSCRIBE arrived; and the topics whose message, but not its copy, may come later */
  #mapEnds: Ends = []
  #underWay: ReadonlySet<string> = new Set()
  /** of all filters of the client, as they count against `sessionBytes` */
  #filterBytes = 0
  /** where the logs end is known */
  #asked = false
  #deadline: Timer | null = null
  #cursor: RetainedCursor | null = null
  #replaying = false
  #scheduled = false
  #cancelled = false

  /** `again`: subscriptions that are there, but have not got all their retained messages. */
  constructor(
    subscriber: Subscriber,
    requests: readonly SubscribeSignal[],
    again: readonly Subscription[],
    context: StartContext,
  ) {
    this.#subscriber = subscriber
    this.#requests = requests
    this.#replays.push(...again)
    this.#context = context
    this.#seam = new Seam(context.stampsOnAppend())
  }

  begin(): void {
    const { clock, retained, flights, subscribeMs } = this.#context
    this.#mapEnds = retained.positions()
    this.#underWay = flights.topics()
    this.#deadline = clock.after(subscribeMs, new Deadline(this.#subscriber))
    const { subscriptions: known, memberships } = this.#subscriber
    for (const filter of known.keys()) this.#filterBytes += filterBytes(filter)
    for (const filter of memberships.keys()) this.#filterBytes += filterBytes(filter)
    const ask = new Set<MessageLog>()
    for (const { subscriptions, userProperties } of this.#requests) {
      const from = userProperties === undefined ? null : replayFrom(userProperties)
      this.#reasons.push(typeof from === 'string' ? from : null)
      const answer = (request: Request) =>
        typeof from === 'string' ? IMPLEMENTATION_SPECIFIC_ERROR : this.#subscribe(request, from, ask)
      this.#answers.push(subscriptions.map(answer))
    }
    for (const log of ask) this.#endsMissing.add(log)
    for (const log of ask) log.askEnd(new LogEnd(this, log))
    this.#groupsMissing--
    this.#endsKnown()
  }

  get cancelled(): boolean {
    return this.#cancelled
  }

  cancel(): void {
    this.#cancelled = true
    this.#deadline?.cancel()
  }

  /** There is room again. */
  resume(): void {
    if (this.#replaying && !this.#scheduled) this.run()
  }

  onLogEnd(log: MessageLog, ends: Ends): void {
    const located = this.#started.filter((one) => one.log === log && one.receiver instanceof Replay)
    for (const one of this.#started) if (one.log === log && !this.#replacements.has(one)) begin(one, ends)
    this.#locate(log, ends, located)
  }

  /** Replays begin earlier. */
  #locate(log: MessageLog, ends: Ends, replays: readonly Subscription[]): void {
    let missing = 1
    const known = () => {
      if (--missing === 0 && !this.#cancelled) this.#endKnown(log)
    }
    for (const one of replays) {
      if (!(one.receiver instanceof Replay) || this.#replacements.has(one) || !one.active) continue
      missing++
      one.receiver.locate(log, this.#context.clock, ends, (from) => {
        if (from instanceof StreamError) this.#onUnlocated(one, from)
        else one.from = from
        known()
      })
    }
    known()
  }

  #onUnlocated(subscription: Subscription, error: StreamError): void {
    const { filter, log } = subscription
    if (error.code === 'closed') return
    if (error.code === 'not-found' || error.code === 'not-authorized') this.#subscriber.forget(filter)
    else this.#subscriber.abort(new StreamError('unavailable', `${log.topic} cannot be read: ${error.message}`))
  }

  onLogRefused(log: MessageLog, error: StreamError): void {
    const { report } = this.#context
    report.event('warn', 'MQTT_KAFKA_SUBSCRIBE_REFUSED', `cannot read ${log.topic}: ${error.message}`, {
      topic: log.topic,
      code: error.code,
    })
    for (const one of this.#started) if (one.log === log) this.#subscriber.forget(one.filter)
    this.#endKnown(log)
  }

  #endKnown(log: MessageLog): void {
    this.#endsMissing.delete(log)
    this.#endsKnown()
  }

  #endsKnown(): void {
    if (this.#endsMissing.size === 0 && this.#groupsMissing === 0 && !this.#asked) {
      this.#asked = true
      this.#awaitFlights()
    }
  }

  /** Puts a filter into the trie; its reason code, or itself while the logs have not answered. */
  #subscribe(request: Request, from: ReplayFrom | null, ask: Set<MessageLog>): number | string {
    const { filter } = request
    const { routes, qosMax, logs } = this.#context
    const subscriber = this.#subscriber
    if (!isServedFilter(filter)) return TOPIC_FILTER_INVALID
    const shared = parseShared(filter)
    const former = subscriber.subscriptions.get(filter)
    const known = former !== undefined || subscriber.memberships.has(filter)
    if (!known && this.#exceeds(filter)) return QUOTA_EXCEEDED
    if (shared !== null) {
      if (from === null) return this.#join(request)
      return this.#refuse(IMPLEMENTATION_SPECIFIC_ERROR, 'a shared subscription begins where its group is')
    }
    const sources = routes.subscribe(filter, subscriber.routes)
    if (sources.length === 0) return NOT_AUTHORIZED
    if (from?.kind === 'offsets' && sources.length > 1) {
      return this.#refuse(IMPLEMENTATION_SPECIFIC_ERROR, 'offsets are of one Kafka topic, and the filter reads several')
    }
    if (from !== null && !this.#context.replays.admits()) {
      this.#context.counters.limitedSubscriptions.value++
      return this.#refuse(QUOTA_EXCEEDED, 'too many replays')
    }
    // Whoever asks for a filter again without a beginning has the rest of its replay still [MQTT-3.8.4-4].
    const kept = subscriber.replays.get(filter) ?? null
    const replay = from === null ? kept : new Replay(subscriber, filter, from)
    let chain: Subscription | null = null
    for (const source of sources) {
      const log = logs.open(source.destination)
      if (log === null) return QUOTA_EXCEEDED
      const qos = Math.min(request.qos, qosMax) as Qos
      chain = new Subscription(replay ?? subscriber, log, request, qos, source, chain)
    }
    // The same filter twice in one packet: the first has not begun, so there is nothing to keep.
    const existing = former === undefined || former.starting || from !== null ? null : former
    for (let one = chain; one !== null; one = one.next) {
      one.log.add(one)
      this.#started.push(one)
      const replaced = find(existing, one.log)
      if (replaced === null) ask.add(one.log)
      else {
        one.begun = true
        one.from = replaced.from
        one.seams = replaced.seams
        this.#replacements.add(one)
      }
    }
    if (from === null) subscriber.replays.delete(filter)
    subscriber.forget(filter)
    subscriber.subscriptions.set(filter, chain!)
    if (replay !== null) subscriber.replays.set(filter, replay)
    if (from !== null) {
      // What is retained is in the log as well, or older than what was asked for.
      this.#context.replays.add(replay!)
      return filter
    }
    const { retainHandling } = request
    // MQTT 5.0 §3.8.3.1: 0 always, 1 only for a new subscription, 2 never
    if (retainHandling === 0 || (retainHandling === 1 && existing === null)) {
      this.#replays.push(chain!)
      subscriber.replaying.add(filter)
    }
    return filter
  }

  /** Whether a filter more is more than a limit allows. What a session has when it goes on, it keeps. */
  #exceeds(filter: string): boolean {
    const { filtersMax, sessionBytes, subscriptionsMax, subscriptionCount, counters } = this.#context
    const { subscriptions, memberships } = this.#subscriber
    const bytes = filterBytes(filter)
    const fits =
      subscriptions.size + memberships.size < filtersMax &&
      subscriptionCount.value < subscriptionsMax &&
      this.#filterBytes + bytes <= sessionBytes
    if (fits) this.#filterBytes += bytes
    else counters.limitedSubscriptions.value++
    return !fits
  }

  #refuse(reasonCode: number, reason: string): number {
    this.#reasons[this.#reasons.length - 1] ??= reason
    return reasonCode
  }

  #join(request: Request): number | string {
    const subscriber = this.#subscriber
    const { groups } = this.#context
    this.#groupsMissing++
    const reasonCode = groups.join(subscriber, request, () => {
      this.#groupsMissing--
      if (!this.#cancelled) this.#endsKnown()
    })
    if (reasonCode === null) return request.filter
    this.#groupsMissing--
    return reasonCode
  }

  #awaitFlights(): void {
    if (this.#replays.length === 0) {
      this.#answer()
      this.#subscriber.session.store.after(new ReplayStart(this))
      return
    }
    const { flights, retained } = this.#context
    flights.wait(() => {
      if (!this.#cancelled) retained.askEnd(new RetainedEnd(this))
    })
  }

  onRetainedEnd(ends: Ends): void {
    this.#context.retained.reach(ends, new RetainedReached(this))
  }

  onRetainedRefused(error: StreamError): void {
    this.#subscriber.abort(new StreamError('unavailable', `retained messages cannot be read: ${error.message}`))
  }

  onRetainedReached(): void {
    this.#answer()
    this.#subscriber.session.store.after(new ReplayStart(this))
  }

  /** The subscriptions are stored, and SUBACK is sent. */
  replay(): void {
    if (this.#cancelled) return
    this.#replaying = true
    this.run()
  }

  /** SUBACK goes first: a client may not know what to do with messages of a subscription it has not been granted. */
  #answer(): void {
    this.#deadline?.cancel()
    for (const [at, answers] of this.#answers.entries()) {
      const reasonCodes = answers.map((answer) => (typeof answer === 'number' ? answer : this.#granted(answer)))
      const reason = this.#reasons[at] ?? null
      this.#subscriber.answer({ kind: 'subscribed', reasonCodes, ...(reason !== null && { reason }) })
    }
  }

  #granted(filter: string): number {
    const { subscriptions, memberships } = this.#subscriber
    return subscriptions.get(filter)?.qos ?? memberships.get(filter)?.qos ?? UNSPECIFIED_ERROR
  }

  /** Replays until there is no room, or others must run. */
  run(): void {
    this.#scheduled = false
    const { clock } = this.#context
    const until = clock.monotonic() + SLICE_MS
    for (let nodes = 1; !this.#cancelled; nodes++) {
      if (this.#replays.length === 0) {
        this.#finish()
        return
      }
      if (!this.#subscriber.writable) return
      this.#replayNext()
      if (nodes % SLICE_NODES === 0 && clock.monotonic() >= until) {
        this.#scheduled = true
        clock.endOfTurn(this)
        return
      }
    }
  }

  fault(error: StreamError): void {
    this.#subscriber.abort(error)
  }

  /** One node of the map. */
  #replayNext(): void {
    const subscription = this.#replays[0]!
    this.#cursor ??= new RetainedCursor(this.#context.retained.map, subscription.filter)
    if (!this.#cursor.step()) {
      this.#cursor = null
      this.#replays.shift()
      this.#subscriber.replaying.delete(subscription.filter)
    } else if (this.#cursor.place !== NOTHING) this.#replay(subscription, this.#cursor)
  }

  #replay(subscription: Subscription, cursor: RetainedCursor): void {
    const { retained, headers, clock } = this.#context
    const { topic } = cursor
    if (!subscription.active || !admits(subscription, topic)) return
    const record = retained.map.read(cursor.place)
    const now = clock.now()
    const message = headers.decode(topic, record.value, record, now, true)
    if (message.expiresAt <= now) {
      retained.map.remove(topic)
      return
    }
    const { qos: published } = headers
    if (subscription.noLocal && headers.local(record) === this.#subscriber.clientId) return
    if (record.offset >= (this.#mapEnds[record.partition] ?? 0) || this.#underWay.has(topic)) {
      this.#seam.add(topic, record)
    }
    const qos = Math.min(published, subscription.qos) as Qos
    const { ids } = subscription
    // [MQTT-3.3.1-8] RETAIN is set on what is sent because of a new subscription
    const delivery = ids.length === 0 ? message.delivery(qos, true) : new Delivery(message, qos, true, ids)
    this.#subscriber.replay(delivery, record.partition, record.offset)
  }

  #finish(): void {
    this.#replaying = false
    this.#cancelled = true
    const { clock } = this.#context
    for (const one of this.#started) one.starting = false
    for (const { filter, begun } of this.#started) if (begun) this.#subscriber.replays.get(filter)?.begin()
    if (this.#seam.size > 0) {
      for (const one of this.#started) one.seams = [...one.seams, this.#seam]
      clock.after(SEAM_MS, new SeamEnd(this.#seam))
    }
    this.#subscriber.started()
  }
}

/** Its place in the log is known. */
function begin(subscription: Subscription, ends: Ends): void {
  subscription.from = ends
  subscription.begun = true
}

function find(chain: Subscription | null, log: MessageLog): Subscription | null {
  let one = chain
  while (one !== null && one.log !== log) one = one.next
  return one
}

/** Retained messages of all routes but those of one client are in one topic: whatever one of the chain admits. */
function admits(chain: Subscription, topic: string): boolean {
  for (let one: Subscription | null = chain; one !== null; one = one.next) {
    if (!one.personal && one.admits(topic)) return true
  }
  return false
}

class Deadline implements Task {
  readonly #subscriber: Subscriber
  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber
  }
  run(): void {
    this.#subscriber.abort(new StreamError('unavailable', 'Kafka does not answer: the subscription cannot start'))
  }
  fault(error: StreamError): void {
    this.#subscriber.abort(error)
  }
}

class LogEnd implements EndWaiter {
  readonly #start: SubscriptionStart
  readonly #log: MessageLog
  constructor(start: SubscriptionStart, log: MessageLog) {
    this.#start = start
    this.#log = log
  }
  get cancelled(): boolean {
    return this.#start.cancelled
  }
  onEnds(ends: Ends): void {
    this.#start.onLogEnd(this.#log, ends)
  }
  onEndsRefused(error: StreamError): void {
    this.#start.onLogRefused(this.#log, error)
  }
}

class RetainedEnd implements EndWaiter {
  readonly #start: SubscriptionStart
  constructor(start: SubscriptionStart) {
    this.#start = start
  }
  get cancelled(): boolean {
    return this.#start.cancelled
  }
  onEnds(ends: Ends): void {
    this.#start.onRetainedEnd(ends)
  }
  onEndsRefused(error: StreamError): void {
    this.#start.onRetainedRefused(error)
  }
}

class ReplayStart implements Stored {
  readonly #start: SubscriptionStart
  constructor(start: SubscriptionStart) {
    this.#start = start
  }
  onStored(): void {
    this.#start.replay()
  }
}

class RetainedReached {
  readonly #start: SubscriptionStart
  constructor(start: SubscriptionStart) {
    this.#start = start
  }
  get cancelled(): boolean {
    return this.#start.cancelled
  }
  onReached(): void {
    this.#start.onRetainedReached()
  }
}

/** Old copies come no more: what was kept to know them is let go. */
class SeamEnd implements Task {
  readonly #seam: Seam
  constructor(seam: Seam) {
    this.#seam = seam
  }
  run(): void {
    this.#seam.clear()
  }
  fault(): void {}
}

function filterBytes(filter: string): number {
  return Buffer.byteLength(filter) + FILTER_BYTES
}
