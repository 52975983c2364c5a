/**
 * The binding `kafka-embedded`: answers the opens of the `kafka` protocol from a log on the local disk. It owns the log
 * from start to stop; everything else is behind `Log`.
 */
import { resolve } from 'node:path'
import {
  type Binding,
  type BindingContext,
  type Protocol,
  type Stream,
  StreamError,
  type StreamHandler,
  toStreamError,
} from '@zilla-ts/engine'
import type { Kafka, KafkaOpen, PartitionOffsets, TopicOperation } from '@zilla-ts/kafka'
import { Answer } from './answer.ts'
import { FetchStream } from './fetch-stream.ts'
import { GroupStream } from './group-stream.ts'
import type { KafkaEmbeddedConfig } from './kafka-embedded.config.ts'
import { Log } from './log.ts'
import type { LogStore } from './log-store.ts'
import { ProduceStream } from './produce-stream.ts'
import type { Topic } from './topic.ts'
import { settingsText } from './topic-config.ts'
import { TransactionStream } from './transaction-stream.ts'

const WINDOW_BYTES = 256 * 1024
const WINDOW_BYTES_MIN = 4 * 1024
/** Room of one transaction stream, and of all together. */
const TRANSACTION_BYTES = 4 * 1024 * 1024
const TRANSACTION_BYTES_MIN = 256 * 1024
const TRANSACTIONS_BYTES = 32 * 1024 * 1024
/** Records that wait to be stored, of all streams. */
const WINDOWS_BYTES = 64 * 1024 * 1024

/** Nobody is kept from anything in a log of one's own. */
const OPERATIONS: readonly TopicOperation[] = ['Read', 'Write', 'Create', 'Describe', 'DescribeConfigs']

export class EmbeddedBinding implements Binding<Kafka> {
  readonly #context: BindingContext<KafkaEmbeddedConfig, Protocol>
  #log: Log | null = null

  constructor(context: BindingContext<KafkaEmbeddedConfig, Protocol>) {
    this.#context = context
  }

  /** The open log; null before start and after stop. */
  get log(): Log | null {
    return this.#log
  }

  async start(): Promise<void> {
    const { options, directory, clock, report } = this.#context
    const defaults = { partitions: options.defaults.partitions, configs: settingsText(options.defaults.configs) }
    const topics = options.topics.map(({ name, partitions, configs }) => ({
      name,
      partitions,
      configs: settingsText(configs ?? {}),
    }))
    const path = resolve(directory, options.directory)
    this.#log = await Log.open({ directory: path, sync: options.sync, defaults, topics }, clock, report)
    this.#log.cleaner.start()
    if (options.sync === 'os') {
      report.event(
        'warn',
        'KAFKA_LOG_NOT_FLUSHED',
        `sync is os: a failure of power or host can lose acknowledged records and damage the log in ${path}`,
      )
    }
  }

  async drain(): Promise<void> {
    await this.#log?.appender.idle()
  }

  async stop(): Promise<void> {
    const log = this.#log
    this.#log = null
    await log?.close(new StreamError('shutdown', `${this.#context.name} stops`))
  }

  accept(open: KafkaOpen, stream: Stream<Kafka>): StreamHandler<Kafka> | null {
    const log = this.#log
    if (log === null) return null
    if (open.kind === 'create') return this.#create(log, open, stream)
    const topic = log.topic(open.topic)
    if (topic === undefined) {
      return new Answer(stream, this.#context.clock).refuse(new StreamError('not-found', `no topic ${open.topic}`))
    }
    const { clock } = this.#context
    switch (open.kind) {
      case 'produce':
        return new ProduceStream(stream, topic, log.appender, this.#window(log))
      case 'fetch':
        return this.#fetch(log, topic, open, stream)
      case 'transaction':
        return new TransactionStream(stream, open.id, log, this.#transactionWindow(log))
      case 'group':
        return new GroupStream(stream, topic, open.member)
      case 'offsets':
        return new Answer(stream, clock).accept({
          kind: 'offsets',
          partitions: offsetsOf(topic, log.store, open.since),
        })
      case 'describe': {
        const { entries, maxRecordBytes } = topic.config
        const partitions = topic.partitions.length
        const described = { kind: 'describe', partitions, configs: entries, maxRecordBytes } as const
        const operations = open.operations === true ? { operations: OPERATIONS } : {}
        return new Answer(stream, clock).accept({ ...described, ...operations })
      }
    }
  }

  #fetch(log: Log, topic: Topic, open: KafkaOpen & { kind: 'fetch' }, stream: Stream<Kafka>): StreamHandler<Kafka> {
    const { clock, report } = this.#context
    const missing = open.partitions?.find((partition) => topic.partitions[partition] === undefined)
    if (missing === undefined) return new FetchStream(stream, topic, open, log.store, clock, report)
    const error = new StreamError('not-found', `topic ${topic.name} has no partition ${missing}`)
    return new Answer(stream, clock).refuse(error)
  }

  #create(log: Log, open: KafkaOpen & { kind: 'create' }, stream: Stream<Kafka>): StreamHandler<Kafka> {
    const answer = new Answer(stream, this.#context.clock)
    const { topic: name, partitions, configs } = open
    log.create({ name, partitions, configs }).then(
      (created) => answer.accept({ kind: 'create', created }),
      (error: unknown) => answer.refuse(toStreamError(error, 'internal')),
    )
    return answer
  }

  /** Many streams share the room that few have to themselves. */
  #window(log: Log): number {
    const share = Math.floor(WINDOWS_BYTES / (log.appender.streams.size + 1))
    return Math.max(WINDOW_BYTES_MIN, Math.min(WINDOW_BYTES, share))
  }

  #transactionWindow(log: Log): number {
    const share = Math.floor(TRANSACTIONS_BYTES / (log.transactions.size + 1))
    return Math.max(TRANSACTION_BYTES_MIN, Math.min(TRANSACTION_BYTES, share))
  }
}

function offsetsOf(topic: Topic, store: LogStore, since: number | undefined): PartitionOffsets[] {
  return topic.partitions.map((partition) => {
    const { index, state, end } = partition
    return { partition: index, start: since === undefined ? state.start : partition.since(store, since), end }
  })
}
