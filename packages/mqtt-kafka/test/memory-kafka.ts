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
  type TopicOperation,
} from '@zilla-ts/kafka'
import { MemoryGroup, MemoryTransactions } from './memory-coordinators.ts'

const WINDOW = 1024 * 1024

export interface StoredRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Buffer
  readonly headerCount: number
  /** of the transaction that wrote it */
  readonly producerId?: number
  /** the end of a transaction instead of a record */
  readonly marker?: { readonly producerId: number; readonly committed: boolean }
  /** removed by compaction */
  readonly gone?: boolean
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
  /** what its broker's ACLs permit; null: it does not tell */
  operations: readonly TopicOperation[] | null = null
  held = false
  /** names of hops whose writes wait, and whose readers do */
  readonly heldWriters = new Set<string>()
  readonly heldReaders = new Set<string>()
  /** refuses every record with this */
  refusal: StreamError | null = null
  readonly writes: PendingWrite[] = []
  /** records given to readers so far */
  given = 0
  /** first offset there is, by partition; absent: 0 */
  readonly starts: number[] = []
  readonly fetches = new Set<Fetch>()
  readonly producers = new Set<Producer>()
  readonly questions: {
    readonly stream: Stream<Kafka>
    readonly uncommitted: boolean
    readonly since?: number | undefined
  }[] = []

  constructor(name: string, partitions: number, configs: Record<string, string>) {
    this.name = name
    this.partitions = Array.from({ length: partitions }, () => [])
    this.configs = new Map(Object.entries(configs))
  }

  get records(): StoredRecord[] {
    return this.partitions.flat().filter(({ marker, gone }) => marker === undefined && gone !== true)
  }

  ends(uncommitted = false): { partition: number; start: number; end: number }[] {
    return this.partitions.map((records, partition) => ({
      partition,
      start: this.starts[partition] ?? 0,
      end: uncommitted ? records.length : stableEnd(records),
    }))
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

  /** What retention would do: the records below are gone. */
  startAt(partition: number, offset: number): void {
    this.starts[partition] = offset
  }

  /** Appends a record of a transaction, or its end. */
  appendTransactional(partition: number, record: Omit<StoredRecord, 'offset'>): void {
    const log = this.partitions[partition]!
    log.push({ ...record, offset: log.length })
    if (!this.held) this.deliver()
  }

  /** What the log cleaner would do: only the last record of each key stays; tombstones go where that is wanted. */
  compact(withTombstones = false): void {
    this.partitions.forEach((log) => {
      const last = new Map<string, number>()
      for (const { key, offset, marker } of log) if (marker === undefined) last.set(String(key), offset)
      log.forEach((record, at) => {
        const { key, offset, value, marker } = record
        const obsolete = last.get(String(key)) !== offset || (withTombstones && value === null)
        if (marker === undefined && obsolete) log[at] = { ...record, gone: true }
      })
    })
  }

  /** Stores the oldest write that waits, of that hop if it is named, and acknowledges it; false: none waits. */
  store(hop?: string): boolean {
    const at = this.writes.findIndex(({ producer }) => hop === undefined || producer.hop === hop)
    const write = at === -1 ? undefined : this.writes.splice(at, 1)[0]
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

  /** Gives every reader, of that hop if it is named, what it has room for, at most `count` records each; how many were given. */
  deliver(count = Number.POSITIVE_INFINITY, hop?: string): number {
    let given = 0
    for (const fetch of [...this.fetches]) {
      if (hop === undefined ? !this.heldReaders.has(fetch.hop) : fetch.hop === hop) given += fetch.deliver(count)
    }
    return given
  }

  /** Lets go of what a hop has written, or has to read. */
  release(hop: string): void {
    this.heldWriters.delete(hop)
    while (this.store(hop)) {}
    this.heldReaders.delete(hop)
    this.deliver(Number.POSITIVE_INFINITY, hop)
  }

  #since({ partition, start, end }: { partition: number; start: number; end: number }, since?: number): number {
    if (since === undefined) return start
    const found = this.partitions[partition]!.find(({ offset, timestamp }) => offset >= start && timestamp >= since)
    return Math.min(found?.offset ?? end, end)
  }

  /** Answers all questions for the end of the log; how many there were. */
  answer(): number {
    const questions = this.questions.splice(0)
    for (const { stream, uncommitted, since } of questions) {
      const partitions = this.ends(uncommitted).map((ends) => ({ ...ends, start: this.#since(ends, since) }))
      stream.accept({ kind: 'offsets', partitions })
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
  readonly transactions = new MemoryTransactions(this)
  readonly groups = new Map<string, MemoryGroup>()
  /** as an embedded log: one member at most */
  exclusive = false
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

  group(id: string): MemoryGroup {
    let group = this.groups.get(id)
    if (group === undefined) {
      group = new MemoryGroup(this.exclusive)
      this.groups.set(id, group)
    }
    return group
  }

  /** A way of its own to the same topics, which can be held, cut and counted apart. */
  hop(name: string): MemoryHop {
    return new MemoryHop(name, this)
  }

  dial(): null {
    return null
  }

  take(): 'streams' {
    return 'streams'
  }

  connect(open: KafkaOpen, session: Session | null, handler: StreamHandler<Kafka>): Stream<Kafka> | null {
    return this.connectFrom('', open, session, handler)
  }

  connectFrom(
    hop: string,
    open: KafkaOpen,
    session: Session | null,
    handler: StreamHandler<Kafka>,
  ): Stream<Kafka> | null {
    this.opened.push(open)
    return Side.connect<Kafka>(
      open,
      session,
      handler,
      (what, stream) => this.#accept(what, stream, hop),
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
    // Those that have ended wait for their answers still.
    const writers = new Set([...writes.map(({ producer }) => producer), ...producers])
    writes.length = 0
    for (const { stream } of [...fetches, ...writers]) stream.abort(error)
    for (const { stream } of questions.splice(0)) stream.abort(error)
    fetches.clear()
    producers.clear()
  }

  #accept(open: KafkaOpen, stream: Stream<Kafka>, hop: string): StreamHandler<Kafka> {
    const topic = this.topics.get(open.topic)
    if (this.away !== null) stream.abort(this.away)
    else if (open.kind === 'create') {
      this.add(open.topic, open.partitions ?? 1, { ...open.configs })
      stream.accept({ kind: 'create', created: true })
      stream.end()
    } else if (topic === undefined) stream.abort(new StreamError('not-found', `no topic ${open.topic}`))
    else if (open.kind === 'describe') {
      const { configs, maxRecordBytes, partitions } = topic
      const operations = open.operations === true && topic.operations !== null ? { operations: topic.operations } : {}
      stream.accept({ kind: 'describe', partitions: partitions.length, configs, maxRecordBytes, ...operations })
      stream.end()
    } else if (open.kind === 'offsets') {
      topic.questions.push({ stream, uncommitted: open.isolation === 'uncommitted', since: open.since })
      if (!topic.held) topic.answer()
    } else if (open.kind === 'produce') return new Producer(topic, stream, this.produceWindow, hop)
    else if (open.kind === 'transaction') return this.transactions.open(open.id, stream, hop)
    else if (open.kind === 'group') return this.group(open.id).join(open.member, stream, topic.partitions.length)
    else return new Fetch(topic, stream, open, hop)
    return new Ender(stream)
  }
}

/** One process as Kafka sees it. */
export class MemoryHop implements Exit<Kafka> {
  readonly name: string
  readonly #kafka: MemoryKafka
  readonly #streams = new Set<Stream<Kafka>>()
  /** the process is gone: nothing of it arrives any more */
  #dead = false

  constructor(name: string, kafka: MemoryKafka) {
    this.name = name
    this.#kafka = kafka
  }

  dial(): null {
    return null
  }

  take(): 'streams' {
    return 'streams'
  }

  connect(open: KafkaOpen, session: Session | null, handler: StreamHandler<Kafka>): Stream<Kafka> | null {
    if (this.#dead) return null
    const stream = this.#kafka.connectFrom(this.name, open, session, handler)
    if (stream !== null) this.#streams.add(stream)
    return stream
  }

  /** Ends all connections as a killed process would; what is under way may still land. */
  kill(): void {
    this.#dead = true
    for (const stream of this.#streams) stream.abort(new StreamError('closed', 'the process is gone'))
    this.#streams.clear()
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
  readonly hop: string
  #count = 0
  constructor(topic: MemoryTopic, stream: Stream<Kafka>, window: number, hop: string) {
    this.hop = hop
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
    if (!this.topic.held && !this.topic.heldWriters.has(this.hop)) this.topic.store(this.hop)
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
  readonly hop: string
  readonly #next: number[]
  readonly #partitions: readonly number[]
  readonly #uncommitted: boolean
  constructor(topic: MemoryTopic, stream: Stream<Kafka>, open: Extract<KafkaOpen, { kind: 'fetch' }>, hop: string) {
    this.topic = topic
    this.stream = stream
    this.hop = hop
    const { from } = open
    this.#uncommitted = open.isolation === 'uncommitted'
    this.#partitions = open.partitions ?? [...topic.partitions.keys()]
    this.#next = topic.partitions.map((records, partition) => {
      if (from === 'start') return 0
      return from === 'end' ? this.#end(records) : (from.get(partition) ?? 0)
    })
    topic.fetches.add(this)
    const partitions = this.#partitions.map((partition) => ({
      partition,
      start: this.#next[partition]!,
      end: this.#end(topic.partitions[partition]!),
    }))
    const first = (partition: number) => topic.starts[partition] ?? 0
    stream.accept({
      kind: 'fetch',
      partitions: partitions.map((one) => ({ ...one, start: Math.max(one.start, first(one.partition)) })),
    })
    for (const { partition, start } of partitions) {
      const to = first(partition)
      if (start >= to) continue
      this.#next[partition] = to
      stream.signal({ kind: 'lost', partition, from: start, to })
    }
  }

  /** Gives it a record that is in no log. */
  write(partition: number, offset: number, key: string, value: string): void {
    const record = new KafkaRecord(partition, offset, 1_700_000_000_000, Buffer.from(key), false, Buffer.alloc(0), 0)
    this.stream.write(Buffer.from(value), record)
  }

  /** there are records it has not been given */
  get behind(): boolean {
    return this.#partitions.some((partition) => this.#next[partition]! < this.topic.partitions[partition]!.length)
  }

  deliver(count: number): number {
    let given = 0
    for (const partition of this.#partitions) {
      const records = this.topic.partitions[partition]!
      while (given < count && this.#next[partition]! < this.#end(records) && this.stream.writable) {
        const record = records[this.#next[partition]!++]!
        this.topic.given++
        if (this.#give(partition, record, records)) given++
      }
    }
    return given
  }

  /** False: nothing but progress. */
  #give(partition: number, record: StoredRecord, log: readonly StoredRecord[]): boolean {
    const { offset, timestamp, headerCount, marker, producerId } = record
    if (marker !== undefined && this.#uncommitted) {
      this.stream.signal({ kind: 'marker', partition, offset, ...marker })
      return true
    }
    const unseen = marker !== undefined || record.gone === true || (!this.#uncommitted && isAborted(record, log))
    if (unseen) {
      this.stream.signal({ kind: 'progress', partition, next: offset + 1 })
      return false
    }
    // A buffer of its own that is spoilt afterwards: who keeps what is borrowed is found out.
    const payload = Buffer.from(record.value ?? '')
    const headers = Buffer.from(record.headers)
    const key = record.key && Buffer.from(record.key)
    const id = this.#uncommitted ? producerId : undefined
    const copy = new KafkaRecord(partition, offset, timestamp, key, record.value === null, headers, headerCount, id)
    this.stream.write(payload, copy)
    payload.fill(0x21)
    headers.fill(0x21)
    key?.fill(0x21)
    return true
  }

  #end(records: readonly StoredRecord[]): number {
    return this.#uncommitted ? records.length : stableEnd(records)
  }

  onData(): void {}
  onWritable(): void {
    if (!this.topic.held && !this.topic.heldReaders.has(this.hop)) this.deliver(Number.POSITIVE_INFINITY)
  }
  onEnd(): void {
    this.topic.fetches.delete(this)
    this.stream.end()
  }
  onAbort(): void {
    this.topic.fetches.delete(this)
  }
}

/** Offset of the first record whose transaction is open, else the end. */
function stableEnd(log: readonly StoredRecord[]): number {
  const open = new Map<number, number>()
  for (const { offset, producerId, marker } of log) {
    if (marker !== undefined) open.delete(marker.producerId)
    else if (producerId !== undefined && !open.has(producerId)) open.set(producerId, offset)
  }
  return Math.min(log.length, ...open.values())
}

function isAborted(record: StoredRecord, log: readonly StoredRecord[]): boolean {
  if (record.producerId === undefined) return false
  const end = log.find(({ offset, marker }) => offset > record.offset && marker?.producerId === record.producerId)
  return end?.marker?.committed === false
}
