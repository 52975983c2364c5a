/**
 * The mqtt-kafka binding: takes `mqtt` streams from the mqtt server and turns them into `kafka` streams. Puts the parts
 * together, knows when they are ready, and starts and stops them.
 */
import {
  type Binding,
  type BindingContext,
  type BindingModule,
  type Explanation,
  type Finding,
  type Inquiry,
  type Stream,
  StreamError,
  type StreamHandler,
  type Task,
} from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import type { Capabilities, Mqtt, MqttOpen, Qos } from '@zilla-ts/mqtt'
import { checkEntry } from './check.ts'
import { ClientIdentity } from './client-identity.ts'
import { Counters } from './counters.ts'
import { explain } from './explanation.ts'
import { ForeignTopics } from './foreign-topics.ts'
import { KnownEnds } from './known-ends.ts'
import { MessageHeaders } from './message-headers.ts'
import { MessageLogs } from './message-logs.ts'
import { MissingTopics } from './missing-topics.ts'
import { type MqttKafkaConfig, schema } from './mqtt-kafka.config.ts'
import { type PublishContext, PublishStream } from './publish-stream.ts'
import { RecordHeaders } from './record-headers.ts'
import type { RecordSearch } from './record-search.ts'
import { ReplayLimit } from './replay-limit.ts'
import { RetainedFlights } from './retained-flights.ts'
import { RetainedLimit } from './retained-limit.ts'
import { RetainedOrigin } from './retained-origin.ts'
import { RetainedStore } from './retained-store.ts'
import { Routes } from './routes.ts'
import { SessionLayer, type SessionLayerListener } from './session/session-layer.ts'
import { type SessionOpen, SessionTable } from './session-table.ts'
import { SharedGroups } from './shared-groups.ts'
import { Subscriber, type SubscriberContext } from './subscriber.ts'
import type { CheckedTopic } from './topic-check.ts'
import { probeTopics } from './topic-probe.ts'
import { TopicRecords } from './topic-records.ts'
import { TopicUse } from './topic-use.ts'
import { Topics } from './topics.ts'
import { WillRecords } from './will-records.ts'

type Context = BindingContext<MqttKafkaConfig, Kafka>

const QOS_MAX: Qos = 2
const NEVER_SECONDS = 0xffff_ffff
const PUBLISH_QOS = { at_most_once: 0, at_least_once: 1, exactly_once: 2 } as const
/** Room in a record for what a PUBLISH packet does not carry: client id, header names, levels of the topic once more. */
const OVERHEAD_BYTES = 4096
const PACKET_MIN_BYTES = 1024
/** Remaining length of an MQTT packet, and its fixed header (MQTT 5.0 §1.5.5). */
const PACKET_MAX_BYTES = 268_435_455 + 5

export class MqttKafkaBinding implements Binding<Mqtt>, SessionLayerListener {
  readonly #context: Context
  readonly #routes: Routes
  readonly #topics: Topics
  readonly #retained: RetainedStore
  readonly #retainedLimit: RetainedLimit
  readonly #layer: SessionLayer
  readonly #sessions: SessionTable
  readonly #groups: SharedGroups
  readonly #ends: KnownEnds
  readonly #searches = new Set<RecordSearch>()
  readonly #foreign: ForeignTopics
  readonly #logs: MessageLogs
  readonly #publishing: PublishContext
  readonly #subscribing: SubscriberContext
  readonly #publishers = new Set<PublishStream>()
  readonly #qosMax: Qos
  #open = true
  #storage = false
  #onStarted: (() => void) | null = null
  #onDrained: (() => void) | null = null

  constructor(context: Context) {
    this.#context = context
    const { options, clock, report } = context
    const { topics, limits } = options
    const counters = new Counters(report)
    const foreign = new ForeignTopics(options.foreign)
    const headers = new MessageHeaders(foreign.qos)
    const flights = new RetainedFlights()
    this.#qosMax = PUBLISH_QOS[options.publish?.qosMax ?? 'exactly_once']
    this.#routes = new Routes(context.routes, topics)
    const main = this.#routes.main
    this.#topics = new Topics(this.#checked(), clock, report, options.create ?? null, () => this.#onTopicsReady())
    this.#retained = new RetainedStore(main, topics.retained, clock, report, () => this.#onChange())
    const origin = new RetainedOrigin(this.#retained.map)
    const records = new TopicRecords(new ClientIdentity(options.clients ?? []))
    const { messages: messagesTopic, retained: retainedTopic } = topics
    this.#retainedLimit = new RetainedLimit(this.#retained.map, limits, counters.limitedRetained)
    const wills = new WillRecords({
      clock,
      routes: this.#routes,
      records,
      origin,
      messagesTopic,
      retainedTopic,
      retainedLimit: this.#retainedLimit,
    })
    this.#layer = new SessionLayer({
      exit: main,
      topic: topics.sessions,
      clock,
      report,
      encodeWill: (will, clientId) => wills.encode(will, clientId),
      listener: this,
      sessionsMax: limits.sessions,
    })
    this.#sessions = new SessionTable(
      this.#layer,
      {
        capabilities: () => this.#capabilities(),
        servesAlike: (before, after) => this.#routes.alike(before, after),
      },
      () => this.#onChange(),
    )
    this.#ends = new KnownEnds(clock)
    this.#foreign = foreign
    const { keyed } = this.#routes
    this.#logs = new MessageLogs({ clock, report, counters, headers, origin, foreign, keyed }, limits.paramTopics)
    const groups = new SharedGroups({
      clock,
      counters,
      routes: this.#routes,
      logs: this.#logs,
      store: {
        state: (name) => this.#layer.groups.get(name) ?? null,
        save: (name, compose) => this.#layer.saveGroup(name, compose),
        drop: (name) => this.#layer.dropGroup(name),
        hasSession: (clientId) => this.#layer.hasSession(clientId),
      },
      qosMax: QOS_MAX,
      groupsMax: limits.sharedGroups,
    })
    this.#groups = groups
    this.#publishing = {
      clock,
      counters,
      routes: this.#routes,
      records,
      headers: new RecordHeaders(),
      flights,
      origin,
      missing: new MissingTopics(clock),
      paramTopics: new TopicUse(limits.paramTopics),
      retainedTopic: topics.retained,
      retainedLimit: this.#retainedLimit,
      qosMax: this.#qosMax,
      publishers: this.#publishers,
      ends: this.#ends,
      searches: this.#searches,
      retained: this.#retained.map,
      stampsOnAppend: () => this.#topics.stampsOnAppend,
      onPublisherClosed: () => this.#onChange(),
    }
    this.#subscribing = {
      clock,
      report,
      counters,
      routes: this.#routes,
      logs: this.#logs,
      retained: this.#retained,
      retainedTopic: topics.retained,
      groups,
      flights,
      headers,
      qosMax: QOS_MAX,
      queueBytes: limits.queueBytes,
      inFlight: limits.inFlight,
      filtersMax: limits.filters,
      sessionBytes: limits.sessionBytes,
      subscriptionsMax: limits.subscriptions,
      subscriptionCount: { value: 0 },
      subscribeMs: limits.subscribeSeconds * 1000,
      replays: new ReplayLimit(limits.replays),
      stampsOnAppend: () => this.#topics.stampsOnAppend,
    }
  }

  probe(): Promise<readonly Finding[]> {
    const { clock, options } = this.#context
    const topics = this.#checked().map((topic) => ({ ...topic, path: this.#pathOf(topic) }))
    return probeTopics(topics, options.create ?? null, clock)
  }

  /** What names a topic: a route where it is not an option. */
  #pathOf({ name, role }: CheckedTopic): Finding['path'] {
    const at = this.#context.routes.findIndex((route) => route.with?.messages === name)
    const isOption = role !== 'messages' || name === this.#context.options.topics.messages || at < 0
    return isOption ? ['options', 'topics', role] : ['routes', at, 'with', 'messages']
  }

  explain(inquiry: Inquiry): Explanation {
    const { options } = this.#context
    const { routes, records, headers } = this.#publishing
    return explain({ options, routes, records, headers, qosMax: this.#qosMax }, inquiry)
  }

  accept(open: MqttOpen, stream: Stream<Mqtt>): StreamHandler<Mqtt> | null {
    if (!this.#open) return null
    if (open.kind === 'session') return this.#acceptSession(open, stream)
    const session = this.#sessions.get(open.clientId)
    if (session?.accepted !== true) return null
    const routes = this.#routes.permitted(stream.session, open.clientId)
    if (open.kind === 'publish') return new PublishStream(open.clientId, stream, session, routes, this.#publishing)
    stream.accept({ kind: 'subscribe' })
    const subscriber = new Subscriber(open.clientId, stream, session, routes, this.#subscribing)
    subscriber.resume(open.resume)
    return subscriber
  }

  /**
   * Resolves when clients can be served, or when that must wait for Kafka: it listens then, and tells clients that the server
   * is unavailable. Rejects when Kafka has answered and somebody must change the topics.
   */
  async start(): Promise<void> {
    const { clock, options } = this.#context
    this.#foreign.start((name) => this.#context.catalog(name))
    await new Promise<void>((resolve) => {
      const timer = clock.after(options.limits.startSeconds * 1000, { run: () => this.#onStarted?.(), fault: () => {} })
      this.#onStarted = () => {
        this.#onStarted = null
        timer.cancel()
        resolve()
      }
      this.#topics.open(() => this.#onChange())
    })
    const wrong = this.#topics.wrong ?? this.#layer.wrong
    if (wrong === null) return
    await this.stop()
    throw wrong
  }

  async drain(): Promise<void> {
    this.#open = false
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve
      this.#onChange()
    })
  }

  async stop(): Promise<void> {
    const error = new StreamError('shutdown', 'the server stops')
    this.#open = false
    this.#sessions.stop(error)
    for (const publisher of [...this.#publishers]) publisher.stop(error)
    this.#layer.stop(error)
    this.#topics.close()
    for (const search of [...this.#searches]) search.cancel()
    this.#ends.stop()
    this.#logs.close()
    this.#retained.close()
    this.#onDrained?.()
    this.#onStarted?.()
  }

  /** Counts of what is held, for tests that look for leaks. */
  get usage(): Readonly<Record<string, number>> {
    return {
      sessions: this.#sessions.size,
      publishers: this.#publishers.size,
      inbounds: this.#sessions.inbounds,
      groups: this.#groups.size,
      filters: this.#subscribing.subscriptionCount.value,
      searches: this.#searches.size,
      replays: this.#subscribing.replays.size,
      flights: this.#publishing.flights.size,
      paramTopics: this.#publishing.paramTopics.size,
      retained: this.#retained.map.size,
      logs: this.#logs.size,
      ...this.#logs.usage,
      layer: this.#layer.usage['attempts'] ?? 0,
    }
  }

  get #ready(): boolean {
    return this.#topics.ready && this.#retained.ready && this.#layer.ready
  }

  #checked(): CheckedTopic[] {
    const { topics } = this.#context.options
    const exit = this.#routes.main
    return [
      { name: topics.sessions, role: 'sessions', exit },
      { name: topics.retained, role: 'retained', exit },
      ...this.#routes.fixed().map(({ topic, exit }) => ({ name: topic, role: 'messages' as const, exit })),
    ]
  }

  #acceptSession(open: SessionOpen, stream: Stream<Mqtt>): StreamHandler<Mqtt> {
    const permitted = this.#routes.permitted(stream.session, open.clientId).routes.length > 0
    if (permitted && this.#ready) return this.#sessions.claim(open, stream)
    const error = permitted
      ? new StreamError('unavailable', 'Kafka is not available')
      : new StreamError('not-authorized', `no route permits '${open.clientId}'`)
    const refusal = new Refusal(stream, error)
    this.#context.clock.endOfTurn(refusal)
    return refusal
  }

  #capabilities(): Capabilities {
    const packetBytes = this.#topics.maxRecordBytes - OVERHEAD_BYTES
    return {
      sessionPresent: false,
      maximumQos: this.#qosMax,
      retainAvailable: true,
      wildcardAvailable: true,
      subscriptionIdsAvailable: true,
      sharedAvailable: true,
      expirySecondsMax: NEVER_SECONDS,
      willAvailable: true,
      maximumPacketSize: Math.min(Math.max(packetBytes, PACKET_MIN_BYTES), PACKET_MAX_BYTES),
    }
  }

  #onTopicsReady(): void {
    this.#retained.open()
    this.#layer.open(this.#topics.tombstoneMs)
  }

  onSessionsChange(): void {
    this.#onChange()
  }

  onSilent(partition: number, silent: boolean): void {
    this.#sessions.setSilent(partition, silent)
  }

  /** Every group is served by the process its members are connected to. */
  onHoldings(): void {}

  /** Asked for when a client joins. */
  onGroup(): void {}

  /** Something that readiness, start or drain depends on has changed. */
  #onChange(): void {
    const ready = this.#ready
    if (ready !== this.#storage) {
      this.#storage = ready
      const { report } = this.#context
      if (ready) this.#onReady()
      else if (this.#open) report.event('warn', 'MQTT_KAFKA_UNAVAILABLE', 'Kafka is away: no new connections')
      this.#sessions.setAvailable(ready)
    }
    const away = this.#topics.answered && !this.#topics.ready
    if (ready || away || this.#topics.wrong !== null || this.#layer.wrong !== null) this.#onStarted?.()
    if (this.#sessions.size === 0 && this.#publishers.size === 0 && this.#layer.idle) this.#onDrained?.()
  }

  #onReady(): void {
    const { report } = this.#context
    report.event('info', 'MQTT_KAFKA_READY', 'the Kafka topics are read: clients are served')
    if (!this.#retainedLimit.exceeded) return
    const { size, bytes } = this.#retained.map
    const message = `${size} messages of ${bytes} bytes are retained, more than the limits: they are served, new ones refused`
    report.event('warn', 'MQTT_KAFKA_RETAINED_FULL', message)
  }
}

/** A session that cannot be served now: a stream may not be aborted while it is being accepted. */
class Refusal implements StreamHandler<Mqtt>, Task {
  readonly #stream: Stream<Mqtt>
  readonly #error: StreamError

  constructor(stream: Stream<Mqtt>, error: StreamError) {
    this.#stream = stream
    this.#error = error
  }

  run(): void {
    this.#stream.abort(this.#error)
  }
  fault(): void {}
  onData(): void {}
  onEnd(): void {}
  onAbort(): void {}
}

/** `type: mqtt-kafka`. */
export const mqttKafka = {
  type: 'mqtt-kafka',
  kinds: { proxy: { accepts: 'mqtt', produces: 'kafka', everyRoute: true } },
  schema,
  check: checkEntry,
  attach: (context: Context) => new MqttKafkaBinding(context),
} satisfies BindingModule<MqttKafkaConfig, Mqtt, Kafka>
