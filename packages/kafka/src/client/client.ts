/**
 * kafka client: answers every stream of the `kafka` protocol against real brokers. Puts the parts together and owns their
 * life; starting does not wait for a broker, since listeners must open while Kafka is away.
 */
import {
  type Binding,
  type BindingContext,
  type Finding,
  type Stream,
  StreamError,
  type StreamHandler,
  type Task,
  toStreamError,
} from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { AskStream } from '../ask-stream.ts'
import type { KafkaConfig } from '../kafka.config.ts'
import type { Kafka, KafkaOpen } from '../stream.ts'
import { Admin, type ProducerIdentity } from './admin.ts'
import { splitAddress } from './connection.ts'
import { Directory } from './directory.ts'
import type { FetchHearer } from './fetch-loop.ts'
import { type FetchOpen, FetchStream } from './fetch-stream.ts'
import { FETCH_VERSION_MAX, type FetchWant, fetchCall } from './fetch-wire.ts'
import { Fetcher } from './fetcher.ts'
import { GroupRequests } from './group-requests.ts'
import { type GroupOpen, GroupStream } from './group-stream.ts'
import { apiKeys } from './kafkajs.ts'
import { Lane } from './lane.ts'
import { OffsetAsks } from './offset-asks.ts'
import { ProduceStream } from './produce-stream.ts'
import { PRODUCE_VERSION_MAX, type ProducePart, produceCall } from './produce-wire.ts'
import { type ProduceAnswer, type ProduceLink, Producer } from './producer.ts'
import { Questions } from './questions.ts'
import { AuthenticationRefused } from './refusals.ts'
import { saslOf } from './sasl.ts'
import { type ClientSettings, ClientSite } from './site.ts'
import { Transactions } from './transactions.ts'

/** How long a leader may wait for its replicas. */
const REPLICATION_TIMEOUT_MS = 10_000
/** More than any wait a request asks for: after it the connection is taken for dead. */
const ANSWER_TIMEOUT_MS = 15_000
const STOP_FLUSH_MS = 5_000

const DEFAULTS: ClientSettings = {
  holdMs: 60_000,
  askMs: 30_000,
  metadataMaxAgeMs: 300_000,
  produceBytesMax: 64 * 1024 * 1024,
}

export class KafkaClient implements Binding<Kafka>, ProduceLink {
  readonly #site: ClientSite
  readonly #produceLane: Lane
  readonly #liveLane: Lane
  readonly #uncommittedLane: Lane
  readonly #sweepLane: Lane
  readonly #admin: Admin
  readonly #directory: Directory
  readonly #producer: Producer
  readonly #fetcher: Fetcher
  readonly #transactions: Transactions
  readonly #groups = new Set<GroupStream>()
  readonly #questions: Questions
  #draining = false

  constructor(context: BindingContext<KafkaConfig, Bytes>) {
    const settings = readSettings(context.properties)
    const site = new ClientSite(
      context.name,
      context.clock,
      context.report,
      settings,
      context.options.servers ?? [],
      (address) => dial(context, address),
      saslOf(context.options, (name) => context.guard(name)),
    )
    this.#site = site
    this.#produceLane = new Lane(site)
    this.#liveLane = new Lane(site)
    this.#uncommittedLane = new Lane(site)
    this.#sweepLane = new Lane(site)
    this.#admin = new Admin(site, new Lane(site))
    this.#directory = new Directory(site, this.#admin)
    const asks = new OffsetAsks(site, this.#admin, this.#directory)
    this.#questions = new Questions(site, this.#admin, this.#directory, asks)
    const limits = { holdMs: settings.holdMs, bytesMax: settings.produceBytesMax, where: site.where }
    this.#producer = new Producer(site.clock, site.report, this, limits)
    this.#fetcher = new Fetcher(site, this.#directory, asks, this.#fetch)
    this.#transactions = new Transactions(site, this.#admin, this.#directory, new Lane(site))
    site.onAvailable((available) => this.#tellAvailable(available))
  }

  accept(open: KafkaOpen, stream: Stream<Kafka>): StreamHandler<Kafka> | null {
    if (this.#draining || this.#site.stopped) return null
    switch (open.kind) {
      case 'produce':
        return this.#produce(open.topic, stream)
      case 'fetch':
        return this.#read(open, stream)
      case 'transaction':
        return this.#transactions.open(open, stream)
      case 'group':
        return this.#join(open, stream)
      case 'offsets':
        return new AskStream(stream, this.#questions.offsets(open))
      case 'describe':
        return new AskStream(stream, this.#questions.describe(open))
      case 'create':
        return new AskStream(stream, this.#questions.create(open))
    }
  }

  /** Whether Kafka is there and lets us in. */
  async probe(): Promise<readonly Finding[]> {
    const path = this.#site.servers.length > 0 ? ['options', 'servers'] : []
    try {
      await this.#questions.reach()
      return []
    } catch (error) {
      const { cause, message } = toStreamError(error, 'unavailable')
      if (!(cause instanceof AuthenticationRefused)) {
        return [{ level: 'error', path, code: 'kafka-unreachable', message }]
      }
      return [{ level: 'error', path, code: 'kafka-refuses', message: cause.message }]
    }
  }

  #produce(topic: string, stream: Stream<Kafka>): ProduceStream {
    const handler = new ProduceStream(stream, topic, this.#producer)
    this.#producer.add(handler)
    const late = new Late(() => this.#producer.abort(handler, this.#site.unavailable(`topic ${topic}`)))
    handler.openDeadline = this.#site.clock.after(this.#site.settings.holdMs, late)
    this.#directory.watch(topic, handler)
    return handler
  }

  #read(open: FetchOpen, stream: Stream<Kafka>): FetchStream {
    const handler = new FetchStream(stream, open, this.#fetcher)
    const late = new Late(() => handler.fail(this.#site.unavailable(`topic ${open.topic}`)))
    handler.openDeadline = this.#site.clock.after(this.#site.settings.holdMs, late)
    this.#fetcher.add(handler)
    return handler
  }

  #join(open: GroupOpen, stream: Stream<Kafka>): GroupStream {
    const site = this.#site
    const link = new GroupRequests(site, this.#admin, this.#directory, open.id, open.sessionTimeoutMs)
    const handler = new GroupStream(stream, open, site, this.#directory, link, (over) => this.#groups.delete(over))
    this.#groups.add(handler)
    this.#directory.watch(open.topic, handler)
    return handler
  }

  #tellAvailable(available: boolean): void {
    // Whoever found Kafka away may give up; somebody must find out that it is back.
    if (!available) this.#directory.refresh()
    for (const { stream } of [...this.#producer.streams, ...this.#fetcher.streams]) {
      stream.signal({ kind: 'available', available })
    }
  }

  producerId(): Promise<ProducerIdentity> {
    return this.#admin.producerId(this.#directory)
  }

  send(node: number, parts: readonly ProducePart[], answer: ProduceAnswer): void {
    this.#sendProduce(node, parts)
      .then(
        (codes) => answer.onAnswer(codes),
        (error) => answer.onFailure(toStreamError(error, 'unavailable')),
      )
      .catch((error) => this.#site.report.fault('kafka.produce', error))
  }

  async #sendProduce(node: number, parts: readonly ProducePart[]): Promise<readonly number[]> {
    const connection = await this.#produceLane.connection(this.#directory.address(node))
    const version = connection.version(apiKeys.Produce, PRODUCE_VERSION_MAX)
    const { codes } = await connection.send(produceCall(version, parts, REPLICATION_TIMEOUT_MS), ANSWER_TIMEOUT_MS)
    return codes
  }

  refresh(): void {
    this.#directory.refresh()
  }

  denied(error: StreamError): void {
    this.#site.complaints.denied(error)
  }

  unwatch(stream: ProduceStream): void {
    this.#directory.unwatch(stream.topic, stream)
  }

  readonly #fetch = (node: number, live: boolean, want: FetchWant, hearer: FetchHearer): void => {
    this.#sendFetch(node, live, want)
      .then(({ code, results }) => hearer.onAnswer(code, results))
      .catch((error) => hearer.onFailure(toStreamError(error, 'unavailable')))
  }

  async #sendFetch(node: number, live: boolean, want: FetchWant) {
    const liveLane = want.isolation === 'committed' ? this.#liveLane : this.#uncommittedLane
    const lane = live ? liveLane : this.#sweepLane
    const connection = await lane.connection(this.#directory.address(node))
    const version = connection.version(apiKeys.Fetch, FETCH_VERSION_MAX)
    return connection.send(fetchCall(version, want), ANSWER_TIMEOUT_MS)
  }

  async start(): Promise<void> {}

  async drain(): Promise<void> {
    this.#draining = true
    await Promise.all([this.#producer.drained(), this.#transactions.drained()])
  }

  /** Finishes what may be finished: records are stored, groups left. */
  async #settle(): Promise<void> {
    const leaves = [...this.#groups].map((group) => group.leave())
    await Promise.all([this.#producer.drained(), this.#transactions.drained(), ...leaves])
  }

  async stop(): Promise<void> {
    if (this.#site.stopped) return
    this.#draining = true
    if (this.#site.available) {
      const settled = this.#site.within(STOP_FLUSH_MS, 'flush', this.#settle())
      await settled.catch((error) => this.#site.report.event('warn', 'KAFKA_NOT_FLUSHED', error.message))
    }
    const error = new StreamError('shutdown', `${this.#site.name} stops`)
    const { lanes } = this.#site
    this.#site.stop()
    this.#producer.stop(error)
    this.#fetcher.stop(error)
    this.#transactions.stop(error)
    for (const group of [...this.#groups]) group.fail(error)
    this.#directory.stop(error)
    for (const lane of [...lanes]) lane.close(error)
  }
}

/** What happens when the time to open a stream is over. */
class Late implements Task {
  readonly run: () => void
  readonly fault: () => void

  constructor(end: () => void) {
    this.run = end
    this.fault = end
  }
}

function dial(context: BindingContext<KafkaConfig, Bytes>, address: string | null) {
  const exit = context.routes.find((route) => route.permits(null))?.exit ?? null
  if (exit === null) return null
  if (address === null) return exit.dial({}, null)
  const [host, port] = splitAddress(address)
  return exit.dial({ remote: { host, port } }, null)
}

function readSettings(properties: ReadonlyMap<string, string>): ClientSettings {
  const read = (name: string, fallback: number) => {
    const value = Number(properties.get(`zilla.binding.kafka.client.${name}`) ?? fallback)
    return Number.isFinite(value) && value > 0 ? value : fallback
  }
  return {
    holdMs: read('hold.ms', DEFAULTS.holdMs),
    askMs: read('ask.ms', DEFAULTS.askMs),
    metadataMaxAgeMs: read('metadata.max.age.ms', DEFAULTS.metadataMaxAgeMs),
    produceBytesMax: read('produce.bytes.max', DEFAULTS.produceBytesMax),
  }
}
