/**
 * One Kafka topic of messages and everybody who subscribes to it: a single reader for the whole process, whatever the number
 * of clients, dispatching each record by the trie of filters. Never waits for a client.
 */
import { type Clock, type Exit, type Reporter, StreamError, type Task, type Timer } from '@zilla-ts/engine'
import type { Kafka, KafkaRecord } from '@zilla-ts/kafka'
import { Arrival } from './arrival.ts'
import type { Counters } from './counters.ts'
import { EndQuery, type EndWaiter } from './end-query.ts'
import type { ForeignTopic, ForeignTopics } from './foreign-topics.ts'
import type { Ends } from './log-positions.ts'
import type { MessageHeaders } from './message-headers.ts'
import type { Receiver } from './receiver.ts'
import { RecordTopic } from './record-topic.ts'
import { topicOf } from './retained-map.ts'
import type { RetainedOrigin } from './retained-origin.ts'
import type { Subscription } from './subscription.ts'
import { SubscriptionTrie } from './subscription-trie.ts'
import type { SweepCursor } from './sweep-cursor.ts'
import { Sweeps } from './sweeps.ts'
import { TopicReader, type TopicReaderListener } from './topic-reader.ts'

/** Topics whose receivers are remembered. */
const MATCHES_MAX = 16_384
/** Between two lines about records that were skipped. */
const SKIPS_TOLD_MS = 60_000
/** Up to so many filters of those behind are compared one by one, rather than looked up among all. */
const FEW_FILTERS = 16
/** How long a reader goes on without subscribers: clients come back. */
const IDLE_MS = 30_000

/** A receiver, and those of its subscriptions that match one topic. */
interface Receiving {
  readonly receiver: Receiver
  readonly subscriptions: Subscription[]
}

const NO_TOPIC = 'its key is no MQTT topic name'
const NOBODY: readonly Receiving[] = []

/** Who gets the messages of one topic; never changed once made, so that a dispatch under way is safe from whatever it causes. */
interface Match {
  /** version of the trie it was made from */
  readonly version: number
  /** null: no MQTT topic name; nobody asked for it: empty */
  readonly topic: string | null
  readonly receivers: readonly Receiving[]
  /** somebody must know who published */
  readonly noLocal: boolean
  /** somebody must know whether RETAIN was set */
  readonly retainAsPublished: boolean
}

/** What a log needs besides its topic. */
export interface LogContext {
  readonly clock: Clock
  readonly report: Reporter
  readonly counters: Counters
  readonly headers: MessageHeaders
  readonly origin: RetainedOrigin
  readonly foreign: ForeignTopics
  /** some records have keys that are not their MQTT topics */
  readonly keyed: boolean
}

export class MessageLog implements TopicReaderListener, Task {
  readonly topic: string
  readonly exit: Exit<Kafka>
  readonly #context: LogContext
  readonly #onIdle: (log: MessageLog) => void
  /** how records of other programs are read; null: as all */
  readonly #foreign: ForeignTopic | null
  /** asked for the topic of a record; null: it is the key */
  readonly #naming: RecordTopic | null
  readonly #trie = new SubscriptionTrie<Subscription>()
  readonly #matches = new Map<string, Match>()
  readonly #found: Subscription[] = []
  readonly #reader: TopicReader
  readonly #query: EndQuery
  /** by partition, made when somebody is behind there */
  readonly #sweeps: (Sweeps | undefined)[] = []
  /** epoch ms of the record at hand */
  #now = 0
  #subscriptions = 0
  /** records skipped since the last line about them, and when the next one may follow */
  #skipped = 0
  #skipsToldAfter = Number.NEGATIVE_INFINITY
  #idle: Timer | null

  /** `onIdle`: nobody has subscribed for a while and the log is closed. */
  constructor(exit: Exit<Kafka>, topic: string, context: LogContext, onIdle: (log: MessageLog) => void) {
    this.topic = topic
    this.exit = exit
    this.#context = context
    this.#onIdle = onIdle
    this.#foreign = context.foreign.of(topic)
    this.#naming = this.#foreign !== null || context.keyed ? new RecordTopic(this.#foreign?.template ?? null) : null
    this.#reader = new TopicReader(exit, topic, context.clock, context.report, this)
    this.#query = new EndQuery(exit, topic, context.clock)
    this.#idle = context.clock.after(IDLE_MS, this)
  }

  get subscriptions(): number {
    return this.#subscriptions
  }

  /** nodes of the trie; 0 without subscriptions */
  get nodes(): number {
    return this.#trie.nodes
  }

  get clock(): Clock {
    return this.#context.clock
  }

  /** The live reader's next record of a partition; 0 before it has begun. */
  next(partition: number): number {
    return this.#reader.positions.next(partition)
  }

  /** All of them. */
  positions(): Ends {
    return this.#reader.positions.copy()
  }

  sweeps(partition: number): Sweeps {
    this.#sweeps[partition] ??= new Sweeps(this, partition)
    return this.#sweeps[partition]
  }

  /** cursors that bring on those who are behind */
  get cursors(): number {
    return this.#sweeps.reduce((sum, sweeps) => sum + (sweeps?.size ?? 0), 0)
  }

  countLost(records: number): void {
    this.#context.counters.lost.value += records
  }

  add(subscription: Subscription): void {
    this.#trie.add(subscription)
    this.#subscriptions++
    this.#idle?.cancel()
    this.#idle = null
  }

  remove(subscription: Subscription): void {
    if (!this.#trie.remove(subscription)) return
    subscription.active = false
    this.#subscriptions--
    if (this.#subscriptions === 0 && this.#idle === null) this.#idle = this.#context.clock.after(IDLE_MS, this)
  }

  /**
   * Asks where the log ends now; the reader reads from there on, or from earlier, before the answer is given.
   * A reader that began at an end of its own could begin behind the answer, and what lies between would be lost.
   */
  askEnd(waiter: EndWaiter): void {
    this.#query.ask({
      get cancelled() {
        return waiter.cancelled
      },
      onEnds: (ends) => {
        this.#reader.open(ends)
        waiter.onEnds(ends)
      },
      onEndsRefused: (error) => waiter.onEndsRefused(error),
    })
  }

  /** Everything below these offsets has been dispatched. */
  hasRead(ends: Ends): boolean {
    return this.#reader.positions.reached(ends)
  }

  close(): void {
    this.#idle?.cancel()
    this.#idle = null
    this.#query.stop()
    this.#reader.close()
    const error = new StreamError('closed', `${this.topic} is not read any more`)
    for (const sweeps of this.#sweeps.splice(0)) sweeps?.close(error)
    this.#matches.clear()
  }

  /** Nobody has come back. */
  run(): void {
    this.#idle = null
    if (this.#subscriptions > 0) return
    this.close()
    this.#onIdle(this)
  }

  fault(_error: StreamError): void {}

  onRecord(payload: Buffer, record: KafkaRecord): void {
    const match = this.#match(this.#keyOf(record))
    if (match.topic === null || record.tombstone) {
      this.#skip(record, match.topic === null ? (this.#naming?.problem ?? NO_TOPIC) : 'it has no value')
      return
    }
    if (match.receivers.length === 0 || !this.#fits(payload, record)) return
    const arrival = this.#arrival(match.topic, payload, record, match)
    if (arrival.message.expiresAt <= this.#now) {
      this.#context.counters.expired.value++
      return
    }
    for (const { receiver, subscriptions } of match.receivers) receiver.take(arrival, subscriptions)
  }

  /** The bytes that should be its topic name. */
  #keyOf(record: KafkaRecord): Buffer | null {
    return this.#naming === null ? record.key : this.#naming.of(record)
  }

  /** Why the record last asked for is not delivered to anybody; null: it is. */
  #misfit(payload: Buffer): string | null {
    if (this.#foreign === null || this.#naming?.foreign !== true || this.#foreign.unfit === 'pass') return null
    return this.#foreign.check(payload)
  }

  /** The same, for the first time: it is counted. */
  #fits(payload: Buffer, record: KafkaRecord): boolean {
    if (this.#foreign === null || this.#naming?.foreign !== true) return true
    const reason = this.#foreign.check(payload)
    if (reason === null) return true
    this.#context.counters.unfit.value++
    if (this.#foreign.unfit === 'reject') this.#skip(record, `it is not as its model says: ${reason}`)
    return this.#foreign.unfit === 'pass'
  }

  /** Only programs that are not ours write these; whoever runs one has to learn why nothing arrives. */
  #skip({ partition, offset }: KafkaRecord, why: string): void {
    const { clock, counters, report } = this.#context
    counters.skipped.value++
    this.#skipped++
    const now = clock.monotonic()
    if (now < this.#skipsToldAfter) return
    this.#skipsToldAfter = now + SKIPS_TOLD_MS
    const message = `a record of topic '${this.topic}' reaches no MQTT client: ${why}`
    report.event('warn', 'MQTT_KAFKA_RECORD_SKIPPED', message, {
      topic: this.topic,
      partition,
      offset,
      records: this.#skipped,
    })
    this.#skipped = 0
  }

  /** A record that a cursor brings to those it serves. Nobody else gets it: they are live, or behind elsewhere. */
  dispatchBehind(cursor: SweepCursor, payload: Buffer, record: KafkaRecord): void {
    const again = cursor.wanting(record.offset)
    const key = this.#keyOf(record)
    const match = this.#matchBehind(cursor, key)
    if (record.tombstone || (match.receivers.length === 0 && again.length === 0)) return
    const topic = match.receivers.length === 0 ? topicOf(key) : match.topic
    if (topic === null) return
    const arrival = this.#arrival(topic, payload, record, match)
    for (const lag of again) {
      if (lag.receiver.resend(arrival)) lag.wanted.delete(record.offset)
      else cursor.park(lag)
    }
    // Once its delivery has begun a message is delivered though its time is over (§3.3.2.3.3); others are not.
    if (arrival.message.expiresAt <= this.#now || this.#misfit(payload) !== null) return
    for (const { receiver, subscriptions } of match.receivers) {
      const lag = receiver.behind(this, record.partition)
      if (lag === null || lag.cursor !== cursor || lag.state !== 'served' || record.offset < lag.from) continue
      if (!receiver.takeBehind(arrival, subscriptions)) cursor.park(lag)
    }
  }

  /** Those behind may be few of many that match: then each is asked itself, which also needs no match of all to be made anew. */
  #matchBehind(cursor: SweepCursor, key: Buffer | null): Match {
    let filters = 0
    for (const { receiver } of cursor.served) {
      filters += receiver.filters
      if (filters > FEW_FILTERS) return this.#match(key)
    }
    const topic = topicOf(key)
    const found = this.#found
    found.length = 0
    if (topic !== null) for (const { receiver } of cursor.served) receiver.matching(this, topic, found)
    return this.#matchOf(topic, found, this.#trie.version)
  }

  #arrival(topic: string, payload: Buffer, record: KafkaRecord, match: Match): Arrival {
    const { headers, clock, origin } = this.#context
    const now = clock.now()
    this.#now = now
    const message = headers.decode(topic, payload, record, now, false, this.#foreign?.qos)
    const qos = headers.qos
    const local = match.noLocal ? headers.local(record) : null
    const retained = match.retainAsPublished && origin.isRetained(message, record)
    const { partition, offset, timestamp } = record
    return new Arrival(this, message, qos, partition, offset, timestamp, record.headers, local, retained)
  }

  onOpened(_ends: Ends): void {}
  onProgress(): void {}
  onAvailable(_available: boolean): void {}

  onLost(_partition: number, records: number): void {
    this.countLost(records)
  }

  #match(key: Buffer | null): Match {
    const version = this.#trie.version
    // One byte a character: quicker than UTF-8, and just as distinct.
    const name = key === null ? '' : key.toString('latin1')
    const known = this.#matches.get(name)
    if (known !== undefined && known.version === version) return known
    const match = this.#makeMatch(key, version)
    if (known === undefined && this.#matches.size >= MATCHES_MAX) this.#matches.clear()
    this.#matches.set(name, match)
    return match
  }

  #makeMatch(key: Buffer | null, version: number): Match {
    const found = this.#found
    found.length = 0
    if (key !== null) this.#trie.match(key.toString('utf8'), found)
    // Whether it is a topic name at all is asked only where somebody wants it: most names are seen by nobody.
    const topic = key !== null && found.length === 0 ? '' : topicOf(key)
    return this.#matchOf(topic, found, version)
  }

  #matchOf(topic: string | null, found: readonly Subscription[], version: number): Match {
    if (topic === null || found.length === 0) {
      return { version, topic, receivers: NOBODY, noLocal: false, retainAsPublished: false }
    }
    const receivers = new Map<Receiver, Receiving>()
    let noLocal = false
    let retainAsPublished = false
    for (const subscription of found) {
      if (!subscription.admits(topic)) continue
      const { receiver } = subscription
      const known = receivers.get(receiver)
      if (known === undefined) receivers.set(receiver, { receiver, subscriptions: [subscription] })
      else known.subscriptions.push(subscription)
      noLocal ||= subscription.noLocal
      retainAsPublished ||= subscription.retainAsPublished
    }
    return { version, topic, receivers: [...receivers.values()], noLocal, retainAsPublished }
  }
}
