/**
 * The next hop of the binding under test: Kafka topics in memory. By itself it answers at once; topics that are held do each
 * step (store, deliver, answer) only when the test says so.
 */
import { type Exit, type Session, Side, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import {
  encodeHeaders,
  type HeaderEntry,
  type Kafka,
  type KafkaOpen,
  KafkaRecord,
  type ProduceMeta,
  partitionHash,
} from '@zilla-ts/kafka'

const WINDOW = 1024 * 1024

export interface StoredRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Buffer
  readonly headerCount: number
}

interface PendingWrite {
  readonly producer: Producer
  readonly number: number
  readonly payload: Buffer
  readonly meta: ProduceMeta
}

export class MemoryTopic {
  readonly name: string
  readonly partitions: StoredRecord[][]
  configs: ReadonlyMap<string, string>
  maxRecordBytes = 1_000_000
  held = false
  /** refuses every record with this */
  refusal: StreamError | null = null
  readonly writes: PendingWrite[] = []
  readonly fetches = new Set<Fetch>()
  readonly producers = new Set<Producer>()
  readonly questions: Stream<Kafka>[] = []

  constructor(name: string, partitions: number, configs: Record<string, string>) {
    this.name = name
    this.partitions = Array.from({ length: partitions }, () => [])
    this.configs = new Map(Object.entries(configs))
  }

  get records(): StoredRecord[] {
    return this.partitions.flat()
  }

  ends(): { partition: number; start: number; end: number }[] {
    return this.partitions.map((records, partition) => ({ partition, start: 0, end: records.length }))
  }

  /** Appends a record as a foreign program would. */
  append(key: string | Buffer | null, value: string | Buffer | null, options: AppendOptions = {}): StoredRecord {
    const keyBytes = typeof key === 'string' ? Buffer.from(key) : key
    const hash = options.hash ?? (keyBytes === null ? 0 : partitionHash(keyBytes))
    const headers = encodeHeaders(options.headers ?? [])
    const log = this.partitions[hash % this.partitions.length]!
    const record: StoredRecord = {
      offset: log.length,
      timestamp: options.timestamp ?? 1_700_000_000_000,
      key: keyBytes,
      value: typeof value === 'string' ? Buffer.from(value) : value,
      headers: headers.buffer,
      headerCount: headers.count,
    }
    log.push(record)
    if (!this.held) this.deliver()
    return record
  }

  /** Stores the oldest write that waits and acknowledges it; false: none waits. */
  store(): boolean {
    const write = this.writes.shift()
    if (write === undefined) return false
    const { producer, number, payload, meta } = write
    if (this.refusal !== null) {
      producer.stream.ack(number, this.refusal)
      return true
    }
    const log = this.partitions[meta.hash % this.partitions.length]!
    const { key, timestamp, headers, headerCount, tombstone } = meta
    log.push({ offset: log.length, timestamp, key, value: tombstone ? null : payload, headers, headerCount })
    producer.stream.ack(number)
    if (!this.held) this.deliver()
    return true
  }

  /** Gives every reader what it has room for, at most `count` records each; how many were given. */
  deliver(count = Number.POSITIVE_INFINITY): number {
    let given = 0
    for (const fetch of [...this.fetches]) given += fetch.deliver(count)
    return given
  }

  /** Answers all questions for the end of the log; how many there were. */
  answer(): number {
    const questions = this.questions.splice(0)
    for (const stream of questions) {
      stream.accept({ kind: 'offsets', partitions: this.ends() })
      stream.end()
    }
    return questions.length
  }
}

export interface AppendOptions {
  readonly headers?: readonly HeaderEntry[]
  readonly timestamp?: number
  readonly hash?: number
}

export class MemoryKafka implements Exit<Kafka> {
  readonly name = 'kafka'
  readonly topics = new Map<string, MemoryTopic>()
  readonly opened: KafkaOpen[] = []
  readonly faults: unknown[] = []
  /** answers every new stream with this error */
  away: StreamError | null = null
  /** room given to producers; 0 holds them */
  produceWindow = WINDOW

  add(name: string, partitions = 1, configs: Record<string, string> = {}): MemoryTopic {
    const topic = new MemoryTopic(name, partitions, configs)
    this.topics.set(name, topic)
    return topic
  }

  topic(name: string): MemoryTopic {
    return this.topics.get(name)!
  }

  dial(): null {
    return null
  }

  connect(open: KafkaOpen, session: Session | null, handler: StreamHandler<Kafka>): Stream<Kafka> | null {
    this.opened.push(open)
    return Side.connect<Kafka>(
      open,
      session,
      handler,
      (what, stream) => this.#accept(what, stream),
      { initiator: 'binding', acceptor: 'kafka' },
      (_where, error) => this.faults.push(error),
    )
  }

  setAvailable(available: boolean): void {
    for (const topic of this.topics.values()) {
      for (const { stream } of [...topic.fetches, ...topic.producers]) stream.signal({ kind: 'available', available })
    }
  }

  /** Ends all streams of a topic. */
  abort(topic: string, error: StreamError): void {
    const { fetches, producers, questions, writes } = this.topic(topic)
    writes.length = 0
    for (const { stream } of [...fetches, ...producers]) stream.abort(error)
    for (const stream of questions.splice(0)) stream.abort(error)
    fetches.clear()
    producers.clear()
  }

  #accept(open: KafkaOpen, stream: Stream<Kafka>): StreamHandler<Kafka> {
    const topic = this.topics.get(open.topic)
    if (this.away !== null) stream.abort(this.away)
    else if (open.kind === 'create') {
      this.add(open.topic, open.partitions ?? 1, { ...open.configs })
      stream.accept({ kind: 'create', created: true })
      stream.end()
    } else if (topic === undefined) stream.abort(new StreamError('not-found', `no topic ${open.topic}`))
    else if (open.kind === 'describe') {
      const { configs, maxRecordBytes, partitions } = topic
      stream.accept({ kind: 'describe', partitions: partitions.length, configs, maxRecordBytes })
      stream.end()
    } else if (open.kind === 'offsets') {
      topic.questions.push(stream)
      if (!topic.held) topic.answer()
    } else if (open.kind === 'produce') return new Producer(topic, stream, this.produceWindow)
    else return new Fetch(topic, stream, open)
    return new Ender(stream)
  }
}

class Ender implements StreamHandler<Kafka> {
  readonly stream: Stream<Kafka>
  constructor(stream: Stream<Kafka>) {
    this.stream = stream
  }
  onData(): void {}
  onEnd(): void {
    this.stream.end()
  }
  onAbort(): void {}
}

class Producer implements StreamHandler<Kafka> {
  readonly topic: MemoryTopic
  readonly stream: Stream<Kafka>
  #count = 0
  constructor(topic: MemoryTopic, stream: Stream<Kafka>, window: number) {
    this.topic = topic
    this.stream = stream
    topic.producers.add(this)
    stream.accept({ kind: 'produce', partitions: topic.partitions.length, maxRecordBytes: topic.maxRecordBytes })
    if (window > 0) stream.grant(window)
  }
  onData(payload: Buffer, meta: Kafka['meta'], cost: number): void {
    if (meta instanceof KafkaRecord) throw new Error('a record as fetched was produced')
    const copy = { ...meta, key: meta.key && Buffer.from(meta.key), headers: Buffer.from(meta.headers) }
    this.topic.writes.push({ producer: this, number: ++this.#count, payload: Buffer.from(payload), meta: copy })
    this.stream.grant(cost)
    if (!this.topic.held) this.topic.store()
  }
  onEnd(): void {
    this.topic.producers.delete(this)
    if (this.topic.writes.length === 0) this.stream.end()
  }
  onAbort(): void {
    this.topic.producers.delete(this)
  }
}

class Fetch implements StreamHandler<Kafka> {
  readonly topic: MemoryTopic
  readonly stream: Stream<Kafka>
  readonly #next: number[]
  constructor(topic: MemoryTopic, stream: Stream<Kafka>, open: Extract<KafkaOpen, { kind: 'fetch' }>) {
    this.topic = topic
    this.stream = stream
    const { from } = open
    this.#next = topic.partitions.map((records, partition) => {
      if (from === 'start') return 0
      return from === 'end' ? records.length : (from.get(partition) ?? 0)
    })
    topic.fetches.add(this)
    const partitions = topic.ends().map((ends) => ({ ...ends, start: this.#next[ends.partition]! }))
    stream.accept({ kind: 'fetch', partitions })
  }
  /** Gives it a record that is in no log. */
  write(partition: number, offset: number, key: string, value: string): void {
    const record = new KafkaRecord(partition, offset, 1_700_000_000_000, Buffer.from(key), false, Buffer.alloc(0), 0)
    this.stream.write(Buffer.from(value), record)
  }

  /** there are records it has not been given */
  get behind(): boolean {
    return this.topic.partitions.some((records, partition) => this.#next[partition]! < records.length)
  }

  deliver(count: number): number {
    let given = 0
    this.topic.partitions.forEach((records, partition) => {
      while (given < count && this.#next[partition]! < records.length && this.stream.writable) {
        const record = records[this.#next[partition]!++]!
        // A buffer of its own that is spoilt afterwards: who keeps what is borrowed is found out.
        const payload = Buffer.from(record.value ?? '')
        const headers = Buffer.from(record.headers)
        const { offset, timestamp, headerCount } = record
        const key = record.key && Buffer.from(record.key)
        const tombstone = record.value === null
        this.stream.write(payload, new KafkaRecord(partition, offset, timestamp, key, tombstone, headers, headerCount))
        payload.fill(0x21)
        headers.fill(0x21)
        key?.fill(0x21)
        given++
      }
    })
    return given
  }
  onData(): void {}
  onWritable(): void {
    if (!this.topic.held) this.deliver(Number.POSITIVE_INFINITY)
  }
  onEnd(): void {
    this.topic.fetches.delete(this)
    this.stream.end()
  }
  onAbort(): void {
    this.topic.fetches.delete(this)
  }
}
