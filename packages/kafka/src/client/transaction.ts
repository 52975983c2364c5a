/**
 * The records of one transaction, copied, until its writer commits; then the batches they make. Filled by a
 * `TransactionStream`, sent by its `TransactionalProducer`. Knows no broker.
 */
import type { StreamError } from '@zilla-ts/engine'
import { BatchBuilder } from '../codec/batch-builder.ts'
import { NO_PRODUCER } from '../codec/batch-stamp.ts'
import type { ProduceMeta, TransactionMeta } from '../stream.ts'
import type { Topic } from './directory.ts'
import { MESSAGE_TOO_LARGE, topicError } from './error-codes.ts'

/** Records beyond this begin a new batch, whatever the topic takes. */
const BATCH_BYTES = 1024 * 1024
/** what a record costs beside its bytes */
const RECORD_BYTES = 128

interface HeldRecord {
  readonly topic: string
  readonly value: Buffer
  readonly meta: ProduceMeta
}

/** One batch of the transaction. */
export interface TransactionBatch {
  readonly topic: Topic
  readonly partition: number
  /** stamped when it is sent */
  readonly bytes: Buffer
  readonly count: number
}

export class Transaction {
  readonly #records: HeldRecord[] = []
  /** number of the last write */
  through = 0
  /** room that it used */
  cost = 0
  heldBytes = 0

  /** Copies a record in. */
  add(payload: Buffer, meta: TransactionMeta, number: number, cost: number): void {
    const { key, headers, hash, tombstone, timestamp, headerCount } = meta
    const copy = {
      key: key && Buffer.from(key),
      headers: Buffer.from(headers),
      hash,
      tombstone,
      timestamp,
      headerCount,
    }
    this.#records.push({ topic: meta.topic, value: Buffer.from(payload), meta: copy })
    this.through = number
    this.cost += cost
    this.heldBytes += payload.length + (key?.length ?? 0) + headers.length + RECORD_BYTES
  }

  get topics(): Set<string> {
    return new Set(this.#records.map(({ topic }) => topic))
  }

  /**
   * Its batches in rounds, of which each has a partition once, as a Produce request may; or why a record can never be
   * stored.
   */
  rounds(topics: ReadonlyMap<string, Topic>): TransactionBatch[][] | StreamError {
    const places = new Map<string, Place>()
    for (const { topic: name, value, meta } of this.#records) {
      const topic = topics.get(name)!
      const partition = meta.hash % topic.partitions
      const key = `${name}/${partition}`
      let place = places.get(key)
      if (place === undefined) {
        place = new Place(topic, partition)
        places.set(key, place)
      }
      if (!place.append(value, meta)) return topicError(MESSAGE_TOO_LARGE, name)
    }
    const rounds: TransactionBatch[][] = []
    for (const place of places.values()) {
      place.finish().forEach((batch, round) => {
        if (rounds[round] === undefined) rounds[round] = []
        rounds[round].push(batch)
      })
    }
    return rounds
  }
}

/** The batches of one partition. */
class Place {
  readonly #topic: Topic
  readonly #partition: number
  readonly #builder = new BatchBuilder()
  readonly #batches: TransactionBatch[] = []

  constructor(topic: Topic, partition: number) {
    this.#topic = topic
    this.#partition = partition
  }

  /** False: no batch of the topic can hold the record. */
  append(value: Buffer, meta: ProduceMeta): boolean {
    const limit = this.#topic.batchBytesMax
    if (this.#builder.append(value, meta, Math.min(limit, BATCH_BYTES))) return true
    this.#seal()
    return this.#builder.append(value, meta, limit)
  }

  finish(): readonly TransactionBatch[] {
    this.#seal()
    return this.#batches
  }

  #seal(): void {
    if (this.#builder.count === 0) return
    const { count } = this.#builder
    const bytes = Buffer.from(this.#builder.finish(NO_PRODUCER))
    this.#batches.push({ topic: this.#topic, partition: this.#partition, bytes, count })
    this.#builder.reset()
  }
}
