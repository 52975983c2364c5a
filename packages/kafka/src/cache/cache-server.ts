/**
 * kafka cache_server: one live reader per topic for all streams of the process, and short-lived answers to `describe`.
 * Everything else passes through.
 */
import {
  type Binding,
  type BindingContext,
  type Exit,
  type Explanation,
  type Inquiry,
  type Stream,
  StreamError,
  type StreamHandler,
  type Timer,
} from '@zilla-ts/engine'
import { AskStream } from '../ask-stream.ts'
import type { KafkaConfig } from '../kafka.config.ts'
import type { Kafka, KafkaAccept, KafkaOpen } from '../stream.ts'
import { ask } from './ask.ts'
import { CachedFetch } from './cached-fetch.ts'
import { splice } from './splice.ts'
import { TopicReader } from './topic-reader.ts'
import { TopicRoutes } from './topic-routes.ts'

/** Streams that open together ask the same; what they are told is this old at most. */
const DESCRIBE_AGE_MS = 5_000
const DESCRIBED_MAX = 1_000
/** before a bootstrap topic that could not be read is tried again */
const BOOTSTRAP_RETRY_MS = 5_000

export class CacheServer implements Binding<Kafka> {
  readonly #context: BindingContext<KafkaConfig, Kafka>
  readonly #routes: TopicRoutes
  readonly #readers = new Map<string, TopicReader>()
  readonly #described = new Map<string, { readonly at: number; readonly answer: Promise<KafkaAccept> }>()
  readonly #retries = new Map<string, Timer>()
  /** of bootstrap topics: attempts since the last that succeeded */
  readonly #failures = new Map<string, number>()
  #stopped = false

  constructor(context: BindingContext<KafkaConfig, Kafka>) {
    this.#context = context
    this.#routes = new TopicRoutes(context.routes)
  }

  explain(inquiry: Inquiry): Explanation {
    return this.#routes.explain(inquiry)
  }

  accept(open: KafkaOpen, stream: Stream<Kafka>): StreamHandler<Kafka> | null {
    const exit = this.#stopped ? null : this.#routes.find(open.topic, stream.session)
    if (exit === null) return null
    if (open.kind === 'describe' && open.operations !== true)
      return new AskStream(stream, this.#describe(open, exit, stream))
    // The shared reader reads all partitions, and committed records only.
    if (open.kind !== 'fetch' || open.partitions !== undefined || open.isolation === 'uncommitted') {
      return splice(exit, open, stream)
    }
    const reader = this.#reader(open.topic, exit)
    if (reader === null) return null
    const member = new CachedFetch(stream, reader)
    member.open(open.from)
    return member
  }

  #reader(topic: string, exit: Exit<Kafka>): TopicReader | null {
    const key = `${exit.name}/${topic}`
    const known = this.#readers.get(key)
    if (known !== undefined) return known
    const keep = this.#context.options.bootstrap?.includes(topic) ?? false
    const reader: TopicReader = new TopicReader(topic, exit, this.#context.clock, keep, (error) => {
      if (this.#readers.get(key) === reader) this.#readers.delete(key)
      if (!keep || error === null) return
      if (reader.next !== null) this.#failures.delete(topic)
      this.#retryBootstrap(topic, error)
    })
    this.#readers.set(key, reader)
    if (reader.open()) return reader
    this.#readers.delete(key)
    return null
  }

  #describe(open: KafkaOpen, exit: Exit<Kafka>, stream: Stream<Kafka>): Promise<KafkaAccept> {
    const key = `${exit.name}/${open.topic}`
    const now = this.#context.clock.monotonic()
    const known = this.#described.get(key)
    if (known !== undefined && now - known.at < DESCRIBE_AGE_MS) return known.answer
    const answer = ask(exit, open, stream.session)
    if (this.#described.size >= DESCRIBED_MAX) this.#described.clear()
    this.#described.set(key, { at: now, answer })
    answer.catch(() => this.#described.delete(key))
    return answer
  }

  async start(): Promise<void> {
    for (const topic of this.#context.options.bootstrap ?? []) this.#bootstrap(topic)
  }

  #bootstrap(topic: string): void {
    const exit = this.#stopped ? null : this.#routes.find(topic, null)
    if (exit !== null) this.#reader(topic, exit)
  }

  #retryBootstrap(topic: string, error: StreamError): void {
    if (this.#stopped) return
    const failures = (this.#failures.get(topic) ?? 0) + 1
    this.#failures.set(topic, failures)
    // The first time it may be about to be made by whoever wants it; after the second all has been said.
    if (failures === 2) {
      const message = `topic ${topic}: ${error.message}; it is tried again until it is there`
      this.#context.report.event('warn', 'KAFKA_BOOTSTRAP_FAILED', message)
    }
    const again = () => this.#bootstrap(topic)
    this.#retries.set(topic, this.#context.clock.after(BOOTSTRAP_RETRY_MS, { run: again, fault: again }))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#retries.values()) timer.cancel()
    const error = new StreamError('shutdown', `${this.#context.name} stops`)
    for (const reader of [...this.#readers.values()]) {
      reader.close()
      reader.onAbort(error)
    }
  }
}
