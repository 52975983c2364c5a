/**
 * The records on their way to one partition: those being collected, full batches behind them, and the one batch in
 * flight. Keeps the sequence of the idempotent producer (KIP-98). Driven by the `Producer`; must never have two batches
 * in flight.
 *
 * One in flight is what keeps order and sequence simple. A broker takes the requests of a connection one after the other
 * and holds the next until all replicas have the last, so more would win nothing but a network delay; yet a partition
 * that does not know our producer id takes any first sequence, so that a second batch could be stored before the first.
 */
import { BatchBuilder } from '../codec/batch-builder.ts'
import { BASE_SEQUENCE } from '../codec/batch-layout.ts'
import { BatchReader } from '../codec/batch-reader.ts'
import { splitBatch } from '../codec/batch-split.ts'
import { type BatchProducer, NO_PRODUCER, restampBatch, sequenceAfter } from '../codec/batch-stamp.ts'
import type { ProduceMeta } from '../stream.ts'
import type { ProducerIdentity } from './admin.ts'
import type { Topic } from './directory.ts'
import type { ProduceStream } from './produce-stream.ts'

/** Records beyond this begin a new batch, whatever the topic takes. */
const BATCH_BYTES = 1024 * 1024
const FREE_BUILDERS_MAX = 64
const NOTHING = Buffer.alloc(0)

/** Consecutive records of one partition; `owners[i]` wrote record i as its number `numbers[i]`. */
export class Batch {
  readonly queue: PartitionQueue
  readonly bytes: Buffer
  readonly owners: readonly ProduceStream[]
  readonly numbers: readonly number[]
  /** under which id it has been sent: from then on neither bytes nor sequence may change, as it may be stored already */
  identity: ProducerIdentity | null = null

  constructor(queue: PartitionQueue, bytes: Buffer, owners: readonly ProduceStream[], numbers: readonly number[]) {
    this.queue = queue
    this.bytes = bytes
    this.owners = owners
    this.numbers = numbers
  }

  get topic(): string {
    return this.queue.topic.name
  }

  get partition(): number {
    return this.queue.partition
  }
}

/** The queues of a topic by partition. Kept as long as the producer: their sequences must go on. */
export interface TopicQueues {
  /** as the streams of now know it */
  topic: Topic
  readonly queues: PartitionQueue[]
  /** builders that no queue uses now; shared by all topics */
  readonly builders: BatchBuilder[]
}

export class PartitionQueue {
  readonly #home: TopicQueues
  readonly partition: number
  inFlight: Batch | null = null
  /** waits in a list of the producer, or for its time */
  listed = false
  #builder: BatchBuilder | null = null
  #owners: ProduceStream[] = []
  #numbers: number[] = []
  #sealed: Batch[] = []
  #sealedBytes = 0
  #identity: ProducerIdentity | null = null
  #sequence = 0

  constructor(home: TopicQueues, partition: number) {
    this.#home = home
    this.partition = partition
  }

  get topic(): Topic {
    return this.#home.topic
  }

  get empty(): boolean {
    return this.#owners.length === 0 && this.#sealed.length === 0
  }

  /** Bytes that wait to be sent. */
  get waitingBytes(): number {
    return this.#sealedBytes + (this.#builder === null || this.#builder.count === 0 ? 0 : this.#builder.sizeBytes)
  }

  /** Bytes held in all. */
  get heldBytes(): number {
    return this.waitingBytes + (this.inFlight === null ? 0 : this.inFlight.bytes.length)
  }

  /** Copies a record in; false: no batch of this topic can hold it. */
  append(owner: ProduceStream, number: number, value: Buffer, meta: ProduceMeta): boolean {
    const limit = this.topic.batchBytesMax
    if (!this.#collecting().append(value, meta, Math.min(limit, BATCH_BYTES))) {
      this.#seal()
      if (!this.#collecting().append(value, meta, limit)) return false
    }
    this.#owners.push(owner)
    this.#numbers.push(number)
    return true
  }

  #collecting(): BatchBuilder {
    this.#builder ??= this.#home.builders.pop() ?? new BatchBuilder()
    return this.#builder
  }

  #seal(): void {
    const builder = this.#builder
    if (builder === null || builder.count === 0) return
    this.#push(new Batch(this, Buffer.from(builder.finish(NO_PRODUCER)), this.#owners, this.#numbers))
    this.#clear(builder)
  }

  #push(batch: Batch): void {
    this.#sealed.push(batch)
    this.#sealedBytes += batch.bytes.length
  }

  #clear(builder: BatchBuilder): void {
    builder.reset()
    if (this.#home.builders.length < FREE_BUILDERS_MAX) this.#home.builders.push(builder)
    this.#builder = null
    this.#owners = []
    this.#numbers = []
  }

  /**
   * The next batch, now in flight, with its id and sequence. One that was in flight before is repeated byte by byte, under
   * the id it was sent with, so that a broker that has it already knows it again. Null: nothing to send.
   */
  take(identity: ProducerIdentity): Batch | null {
    const batch = this.#sealed.shift()
    if (batch === undefined) return this.#takeCollected(identity)
    this.#sealedBytes -= batch.bytes.length
    if (batch.identity === null) {
      restampBatch(batch.bytes, 0, this.#stamp(identity, batch.numbers.length))
      batch.identity = identity
    }
    this.inFlight = batch
    return batch
  }

  #takeCollected(identity: ProducerIdentity): Batch | null {
    const builder = this.#builder
    if (builder === null || builder.count === 0) return null
    const bytes = Buffer.from(builder.finish(this.#stamp(identity, builder.count)))
    const batch = new Batch(this, bytes, this.#owners, this.#numbers)
    batch.identity = identity
    this.inFlight = batch
    this.#clear(builder)
    return batch
  }

  #stamp(identity: ProducerIdentity, count: number): BatchProducer {
    if (identity !== this.#identity) {
      this.#identity = identity
      this.#sequence = 0
    }
    const baseSequence = this.#sequence
    this.#sequence = sequenceAfter(baseSequence, count)
    return { producerId: identity.producerId, producerEpoch: identity.producerEpoch, baseSequence }
  }

  /** The batch in flight is stored. */
  stored(): void {
    this.inFlight = null
  }

  /** What became of the batch in flight is not known: it goes first, unchanged. */
  repeat(): void {
    const batch = this.#land()
    this.#sealed.unshift(batch)
    this.#sealedBytes += batch.bytes.length
  }

  /** The broker does not know the id or sequence of the batch in flight: it goes first, under another id. */
  restart(): void {
    this.repeat()
    this.#sealed[0]!.identity = null
  }

  /** The batch in flight was refused before it was stored: its halves go first, and its sequence is used again. */
  halve(): void {
    const batch = this.#land()
    this.#takeBackSequence(batch)
    const half = batch.numbers.length >> 1
    const [first, second] = splitBatch(batch.bytes)
    this.#sealed.unshift(
      new Batch(this, first, batch.owners.slice(0, half), batch.numbers.slice(0, half)),
      new Batch(this, second, batch.owners.slice(half), batch.numbers.slice(half)),
    )
    this.#sealedBytes += first.length + second.length
  }

  /** The batch in flight can never be stored: its sequence is used again. */
  refused(): void {
    this.#takeBackSequence(this.#land())
  }

  #land(): Batch {
    const batch = this.inFlight!
    this.inFlight = null
    return batch
  }

  #takeBackSequence(batch: Batch): void {
    this.#sequence = batch.bytes.readInt32BE(BASE_SEQUENCE)
  }

  /**
   * Forgets the records of dead streams, but none that shares a batch sent before with records of living ones. True: a
   * batch that may be stored was forgotten, so that its sequence must not be used again and the id must change.
   */
  dropDead(): boolean {
    this.#seal()
    const sealed = this.#sealed
    this.#sealed = []
    this.#sealedBytes = 0
    let spoiled = false
    for (const batch of sealed) {
      if (batch.identity === null) {
        const kept = withoutDead(batch)
        if (kept !== null) this.#push(kept)
      } else if (batch.owners.every((owner) => owner.dead)) {
        spoiled = true
      } else {
        this.#push(batch)
      }
    }
    return spoiled
  }
}

function withoutDead(batch: Batch): Batch | null {
  if (!batch.owners.some((owner) => owner.dead)) return batch
  const builder = new BatchBuilder()
  const owners: ProduceStream[] = []
  const numbers: number[] = []
  const reader = new BatchReader()
  reader.reset(batch.bytes)
  reader.nextBatch()
  for (let at = 0; reader.nextRecord(); at++) {
    const owner = batch.owners[at]!
    if (owner.dead) continue
    builder.append(reader.value() ?? NOTHING, reader.record(0))
    owners.push(owner)
    numbers.push(batch.numbers[at]!)
  }
  return numbers.length === 0 ? null : new Batch(batch.queue, builder.finish(NO_PRODUCER), owners, numbers)
}
