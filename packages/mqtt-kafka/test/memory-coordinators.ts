/**
 * The coordinators of `MemoryKafka`: transactions, which land in its topics with their markers, and consumer groups, whose
 * members the test may expel.
 */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { type Kafka, KafkaRecord, type KafkaSignal, type ProduceMeta, type TransactionMeta } from '@zilla-ts/kafka'
import type { MemoryKafka } from './memory-kafka.ts'

const WINDOW = 64 * 1024 * 1024

interface Write {
  readonly payload: Buffer
  readonly meta: TransactionMeta
}

export class MemoryTransactions {
  readonly kafka: MemoryKafka
  readonly owners = new Map<string, Transaction>()
  /** Where each transaction stops until the test goes on: before its records, before its markers, or before its answer. */
  hold: 'records' | 'markers' | 'answer' | null = null
  /** refuses every transaction that has a record of which this is true */
  refuses: (write: Write) => boolean = () => false
  readonly held: Transaction[] = []
  /** records of each transaction that was begun */
  readonly sizes: number[] = []
  #terms = 0

  constructor(kafka: MemoryKafka) {
    this.kafka = kafka
  }

  open(id: string, stream: Stream<Kafka>, hop: string): Transaction {
    this.owners.get(id)?.fence()
    const transaction = new Transaction(this, stream, ++this.#terms, hop)
    this.owners.set(id, transaction)
    stream.accept({ kind: 'transaction', term: `${transaction.producerId}.0` })
    stream.grant(WINDOW)
    return transaction
  }

  /** Lets those that were stopped go on to the end. */
  resume(): void {
    this.hold = null
    for (const transaction of this.held.splice(0)) transaction.proceed()
  }
}

type Stage = 'records' | 'markers' | 'answer' | 'done'

export class Transaction implements StreamHandler<Kafka> {
  readonly producerId: number
  readonly hop: string
  readonly #all: MemoryTransactions
  readonly #stream: Stream<Kafka>
  readonly #touched = new Set<string>()
  #writes: Write[] = []
  #count = 0
  #stage: Stage = 'done'

  constructor(all: MemoryTransactions, stream: Stream<Kafka>, producerId: number, hop: string) {
    this.#all = all
    this.#stream = stream
    this.producerId = producerId
    this.hop = hop
  }

  onData(payload: Buffer, meta: Kafka['meta'], cost: number): void {
    if (meta instanceof KafkaRecord || !('topic' in meta)) throw new Error('not a record of a transaction')
    const copy = { ...meta, key: meta.key && Buffer.from(meta.key), headers: Buffer.from(meta.headers) }
    this.#writes.push({ payload: Buffer.from(payload), meta: copy })
    this.#count++
    this.#stream.grant(cost)
  }

  onSignal(signal: KafkaSignal): void {
    if (signal.kind !== 'commit') return
    this.#all.sizes.push(this.#writes.length)
    this.#stage = 'records'
    this.proceed()
  }

  onEnd(): void {
    this.#stream.end()
  }
  onAbort(): void {}

  /** Another stream has the id: what is open is undone, what is decided is finished. */
  fence(): void {
    if (this.#stage === 'markers' || this.#stage === 'records') this.#mark(false)
    this.#stage = 'done'
    this.#stream.abort(new StreamError('taken-over', 'fenced'))
  }

  /** The connection to the coordinator is lost, and with it the answer. */
  fail(error: StreamError): void {
    this.#stage = 'done'
    this.#stream.abort(error)
  }

  /** Goes on to where the test wants it to stop. */
  proceed(): void {
    while (this.#stage !== 'done') {
      if (this.#all.hold === this.#stage) {
        this.#all.held.push(this)
        return
      }
      this.#step()
    }
  }

  #step(): void {
    if (this.#stage === 'records') {
      if (this.#writes.some((write) => this.#all.refuses(write))) {
        this.#writes = []
        this.#stage = 'done'
        this.#stream.ack(this.#count, new StreamError('too-large', 'refused'))
        return
      }
      this.#stage = 'markers'
      for (const { payload, meta } of this.#writes.splice(0)) this.#append(payload, meta)
    } else if (this.#stage === 'markers') {
      this.#stage = 'answer'
      this.#mark(true)
    } else {
      this.#stage = 'done'
      this.#stream.ack(this.#count)
    }
  }

  #append(payload: Buffer, meta: TransactionMeta): void {
    const topic = this.#all.kafka.topic(meta.topic)
    const partition = meta.hash % topic.partitions.length
    this.#touched.add(`${meta.topic}/${partition}`)
    topic.appendTransactional(partition, { ...stored(payload, meta), producerId: this.producerId })
  }

  #mark(committed: boolean): void {
    for (const place of this.#touched) {
      const [topic, partition] = place.split('/')
      const marker = { producerId: this.producerId, committed }
      const nothing = { timestamp: 0, key: null, value: null, headers: Buffer.alloc(0), headerCount: 0 }
      this.#all.kafka.topic(topic!).appendTransactional(Number(partition), { ...nothing, marker })
    }
    this.#touched.clear()
  }
}

function stored(payload: Buffer, meta: ProduceMeta) {
  const { key, timestamp, headers, headerCount, tombstone } = meta
  return { key, timestamp, headers, headerCount, value: tombstone ? null : payload }
}

/** One consumer group; partitions go round the members in the order in which they joined. */
export class MemoryGroup {
  readonly members = new Map<string, Stream<Kafka>>()
  /** the embedded log's: nobody else can join */
  readonly exclusive: boolean
  /** members that Kafka takes for dead although they are not */
  readonly #expelled = new Set<string>()
  #generation = 0
  #partitions = 1

  constructor(exclusive: boolean) {
    this.exclusive = exclusive
  }

  join(member: string, stream: Stream<Kafka>, partitions: number): StreamHandler<Kafka> {
    this.#partitions = partitions
    this.members.set(member, stream)
    stream.accept({ kind: 'group', exclusive: this.exclusive })
    this.#rebalance()
    return new Member(this, member, stream)
  }

  leave(member: string): void {
    if (this.members.delete(member)) this.#rebalance()
  }

  /** Kafka does not hear of it any more; it does not know that. */
  expel(member: string): void {
    this.#expelled.add(member)
    this.#rebalance()
  }

  readmit(member: string): void {
    this.#expelled.delete(member)
    this.#rebalance()
  }

  /** Tells one member that it has these partitions, whoever else has them. */
  assign(member: string, partitions: readonly number[]): void {
    const members = [...this.members.keys()]
    this.members.get(member)?.signal({ kind: 'assigned', generation: this.#generation, partitions, members })
  }

  #rebalance(): void {
    this.#generation++
    const members = [...this.members.keys()].filter((member) => !this.#expelled.has(member))
    members.forEach((member, index) => {
      const partitions: number[] = []
      for (let at = index; at < this.#partitions; at += members.length) partitions.push(at)
      this.members.get(member)?.signal({ kind: 'assigned', generation: this.#generation, partitions, members })
    })
  }
}

class Member implements StreamHandler<Kafka> {
  readonly #group: MemoryGroup
  readonly #member: string
  readonly #stream: Stream<Kafka>
  constructor(group: MemoryGroup, member: string, stream: Stream<Kafka>) {
    this.#group = group
    this.#member = member
    this.#stream = stream
  }
  onData(): void {}
  onEnd(): void {
    this.#group.leave(this.#member)
    this.#stream.end()
  }
  onAbort(): void {
    this.#group.leave(this.#member)
  }
}
