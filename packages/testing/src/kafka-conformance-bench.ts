/**
 * What the conformance tests of the `kafka` protocol stand on: the implementation under test, and short ways to make
 * topics, writers and readers. Closes what a test left open.
 */
import { randomBytes } from 'node:crypto'
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { FetchStart, Kafka, KafkaAccept, KafkaOpen, PartitionOffsets } from '@zilla-ts/kafka'
import { afterAll, afterEach, beforeAll, expect, type TestContext } from 'vitest'
import { KafkaEnd, KafkaReader, KafkaTransactions, KafkaWriter, type TestRecord } from './kafka-streams.ts'

/** The implementation under test. What is optional, the tests that need it are skipped without. */
export interface KafkaFixture {
  /** One stream to the implementation, made with `Side.connect` (or a `Harness`). */
  connect(open: KafkaOpen, handler: StreamHandler<Kafka>): Stream<Kafka> | null
  /** Stops the implementation (not a broker behind it) and starts it again; open streams end. */
  restart?(): Promise<void>
  /** Removes the records below an offset (Kafka's DeleteRecords). */
  deleteRecords?(topic: string, partition: number, before: number): Promise<void>
  /** Makes the log cleaner run over the topic now; resolves when it is done. */
  compact?(topic: string): Promise<void>
  /** Brings a topic to so many partitions, while streams are open. */
  grow?(topic: string, partitions: number): Promise<void>
  /** Writes values to partition 0 in one transaction of another producer, then commits or aborts it. */
  transaction?(topic: string, values: readonly string[], commit: boolean): Promise<void>
  /** The same, left open: what it resolves with ends it. Rejects if another has the id by then. */
  hold?(topic: string, id: string, values: readonly string[]): Promise<(commit: boolean) => Promise<void>>
  /** Several streams may be members of one group. */
  readonly sharesGroups?: boolean
  /** Exceptions reported by bindings and streams; must be empty after each test. */
  faults(): readonly unknown[]
  close(): Promise<void>
}

type Answer<K extends KafkaAccept['kind']> = KafkaAccept & { kind: K }

export interface TopicSettings {
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

export class KafkaBench {
  readonly #run = randomBytes(4).toString('hex')
  #fixture: KafkaFixture | null
  #open: KafkaEnd[] = []
  #topics = 0

  constructor(fixture: KafkaFixture | null = null) {
    this.#fixture = fixture
  }

  /** Sets up before all tests of the suite, and tidies up after each. */
  register(setup: () => Promise<KafkaFixture>): void {
    beforeAll(async () => {
      this.#fixture = await setup()
    })
    afterEach(() => {
      for (const end of this.#open) end.stream?.abort(new StreamError('closed', 'test is over'))
      this.#open = []
      expect(this.fixture.faults()).toEqual([])
    })
    afterAll(() => this.#fixture?.close())
  }

  get fixture(): KafkaFixture {
    if (this.#fixture === null) throw new Error('no fixture: setup failed')
    return this.#fixture
  }

  /** The fixture's optional part; skips the test where there is none. */
  optional<K extends 'restart' | 'deleteRecords' | 'compact' | 'grow' | 'transaction' | 'hold'>(
    context: TestContext,
    name: K,
  ): NonNullable<KafkaFixture[K]> {
    const part = this.fixture[name]
    if (part === undefined) return context.skip(`the fixture has no ${name}`)
    return part.bind(this.fixture) as NonNullable<KafkaFixture[K]>
  }

  /** A name no topic has. */
  topicName(): string {
    return `conformance-${this.#run}-${++this.#topics}`
  }

  /** A new topic, of one partition unless told otherwise. */
  async topic(settings: TopicSettings = {}, topic = this.topicName()): Promise<string> {
    const { partitions = 1, configs = {} } = settings
    const { created } = await this.ask({ kind: 'create', topic, partitions, configs }, 'create')
    expect(created).toBe(true)
    return topic
  }

  /** Opens a stream that only asks; resolves with its answer when it has ended. */
  async ask<K extends KafkaAccept['kind']>(open: KafkaOpen, kind: K): Promise<Answer<K>> {
    const end = this.connect(new KafkaEnd(), open)
    await end.until(`end of ${open.kind}`, () => end.ended || end.aborted !== null)
    if (end.aborted !== null) throw end.aborted
    if (end.accepted?.kind !== kind) throw new Error(`${open.kind} ended without its answer`)
    return end.accepted as Answer<K>
  }

  async offsets(topic: string): Promise<readonly PartitionOffsets[]> {
    return (await this.ask({ kind: 'offsets', topic }, 'offsets')).partitions
  }

  async writer(topic: string): Promise<KafkaWriter> {
    const writer = this.connect(new KafkaWriter(), { kind: 'produce', topic })
    await this.#accepted(writer)
    return writer
  }

  /** Opens a transaction stream; of an id of its own unless told otherwise. */
  async transactions(topic: string, id = this.topicName(), timeoutMs = 30_000): Promise<KafkaTransactions> {
    const end = this.connect(new KafkaTransactions(), { kind: 'transaction', topic, id, timeoutMs })
    await this.#accepted(end)
    return end
  }

  /** Opens a reader of these partitions, or of this isolation, with much room. */
  async readerOf(
    topic: string,
    from: FetchStart,
    scope: Pick<Extract<KafkaOpen, { kind: 'fetch' }>, 'partitions' | 'isolation'>,
  ): Promise<KafkaReader> {
    const reader = this.connect(new KafkaReader(), { kind: 'fetch', topic, from, ...scope })
    reader.stream?.grant(1 << 20)
    await this.#accepted(reader)
    return reader
  }

  /** Opens a reader with so much room. */
  async reader(topic: string, from: FetchStart, windowBytes = 1 << 20, held = false): Promise<KafkaReader> {
    const reader = this.connect(new KafkaReader(held), { kind: 'fetch', topic, from })
    reader.stream?.grant(windowBytes)
    await this.#accepted(reader)
    return reader
  }

  /** Writes records and waits until all are stored. */
  async write(topic: string, records: readonly TestRecord[]): Promise<void> {
    const writer = await this.writer(topic)
    for (const record of records) writer.send(record)
    await writer.stored()
    expect(writer.refused.size).toBe(0)
    writer.stream?.end()
  }

  /** All there is from the start to the end as of now. */
  async readAll(topic: string): Promise<KafkaReader> {
    const reader = await this.reader(topic, 'start')
    for (const { partition, end } of await this.offsets(topic)) await reader.reached(partition, end)
    return reader
  }

  connect<T extends KafkaEnd>(end: T, open: KafkaOpen): T {
    this.#open.push(end)
    end.open((what, handler) => this.fixture.connect(what, handler), open)
    return end
  }

  async #accepted(end: KafkaEnd): Promise<void> {
    await end.until('accept', () => end.accepted !== null || end.aborted !== null)
    if (end.aborted !== null) throw end.aborted
  }
}
