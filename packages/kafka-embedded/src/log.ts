/**
 * An open log: its topics, and the store, appender and cleaner that work on them. The binding's streams find everything
 * here; it speaks no protocol itself.
 */
import { type Clock, type Reporter, StreamError } from '@zilla-ts/engine'
import { BatchReader, RecordError } from '@zilla-ts/kafka'
import { Appender } from './appender.ts'
import { Cleaner } from './cleaner.ts'
import { LAST_OFFSET, LogStore, type StoredTopic, type Sync } from './log-store.ts'
import { Topic } from './topic.ts'
import { TopicConfig } from './topic-config.ts'
import type { TransactionStream } from './transaction-stream.ts'

const RECENT_BYTES = 64 * 1024 * 1024
const PARTITION_RECENT_BYTES = 1024 * 1024
const PARTITIONS_MAX = 10_000

/** A topic to be made: what is absent comes from the defaults. */
export interface NewTopic {
  readonly name: string
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface LogOptions {
  /** absolute */
  readonly directory: string
  readonly sync: Sync
  readonly defaults: { readonly partitions: number; readonly configs: Readonly<Record<string, string>> }
  /** made at start, or brought to these settings */
  readonly topics: readonly NewTopic[]
}

/** What is wrong with a topic's name; null: nothing. */
export function topicNameFault(name: string): string | null {
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..') return null
  return `"${name}" is no topic name: up to 249 letters, digits, dots, underscores and hyphens`
}

export class Log {
  readonly store: LogStore
  readonly appender: Appender
  readonly cleaner: Cleaner
  /** open transaction streams by id */
  readonly transactions = new Map<string, TransactionStream>()
  readonly #options: LogOptions
  readonly #topics = new Map<string, Topic>()
  /** topics that are being stored */
  readonly #creating = new Map<string, Promise<void>>()
  #nextId = 1

  private constructor(store: LogStore, options: LogOptions, clock: Clock, report: Reporter) {
    this.store = store
    this.#options = options
    this.appender = new Appender(store, clock, report)
    this.cleaner = new Cleaner(store, this.#topics, clock, report)
  }

  /** Rejects with an error that names the directory. */
  static async open(options: LogOptions, clock: Clock, report: Reporter): Promise<Log> {
    const store = await LogStore.open(options.directory, options.sync)
    try {
      const log = new Log(store, options, clock, report)
      for (const stored of store.topics()) log.#load(stored)
      for (const topic of options.topics) await log.#list(topic)
      return log
    } catch (error) {
      await store.close()
      throw error
    }
  }

  topic(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  topics(): Iterable<Topic> {
    return this.#topics.values()
  }

  /** Makes a topic unless it is there; whether it was made. Rejects with a `StreamError`. */
  async create(topic: NewTopic): Promise<boolean> {
    const { name } = topic
    if (this.#topics.has(name)) return false
    const other = this.#creating.get(name)
    if (other !== undefined) {
      await other
      return false
    }
    const storing = this.#storeTopic(this.#newTopic(topic))
    this.#creating.set(name, storing)
    try {
      await storing
    } finally {
      this.#creating.delete(name)
    }
    return true
  }

  /** Safe twice. Nothing may use the log any more. */
  async close(error: StreamError): Promise<void> {
    for (const topic of this.#topics.values()) {
      for (const stream of [...topic.readers, ...topic.members]) stream.abort(error)
    }
    await this.cleaner.stop()
    await this.appender.stop(error)
    await this.store.close()
  }

  #newTopic(topic: NewTopic): StoredTopic {
    const fault = topicNameFault(topic.name)
    if (fault !== null) throw new StreamError('invalid', fault)
    const partitions = topic.partitions ?? this.#options.defaults.partitions
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
      throw new StreamError('invalid', `a topic has 1 to ${PARTITIONS_MAX} partitions, not ${partitions}`)
    }
    const configs = { ...this.#options.defaults.configs, ...topic.configs }
    new TopicConfig(configs)
    return { name: topic.name, id: this.#nextId++, partitions, configs }
  }

  /** A topic of the options: made, or brought to its settings; partitions are never taken away. */
  async #list(topic: NewTopic): Promise<void> {
    const present = this.#topics.get(topic.name)
    if (present === undefined) {
      await this.#storeTopic(this.#newTopic(topic))
      return
    }
    const partitions = Math.max(topic.partitions ?? 0, present.partitions.length)
    await this.#storeTopic({ ...this.#newTopic({ ...topic, partitions }), id: present.id })
  }

  async #storeTopic(topic: StoredTopic): Promise<void> {
    try {
      await this.store.commit(() => this.store.putTopic(topic))
    } catch (error) {
      throw new StreamError('unavailable', `topic ${topic.name} cannot be stored`, { cause: error })
    }
    this.#load(topic)
  }

  #load(stored: StoredTopic): void {
    const states = Array.from({ length: stored.partitions }, (_, index) => this.store.state(stored.id, index))
    const ends = states.map((state, index) => Math.max(state.start, this.#tail(stored, index)))
    this.#topics.set(stored.name, new Topic(stored, states, ends))
    this.#nextId = Math.max(this.#nextId, stored.id + 1)
    let partitions = 0
    for (const topic of this.#topics.values()) partitions += topic.partitions.length
    this.appender.recentBytes = Math.min(PARTITION_RECENT_BYTES, Math.floor(RECENT_BYTES / partitions))
  }

  /** The offset after the last stored record, whose batch must be sound: new ones are written behind it. */
  #tail(topic: StoredTopic, partition: number): number {
    const batch = this.store.batchAtOrBefore(topic.id, partition, LAST_OFFSET)
    if (batch === null) return 0
    const reader = new BatchReader({ checkCrc: true })
    reader.reset(batch)
    try {
      if (reader.nextBatch()) return reader.lastOffset + 1
      throw new RecordError('corrupt', 0, 'no whole batch')
    } catch (error) {
      const where = `directory ${this.#options.directory}: topic ${topic.name} partition ${partition}`
      throw new Error(`${where}: the last batch is damaged`, { cause: error })
    }
  }
}
