/**
 * Where one fetch stream stands in one partition. Delivers a batch at a time, keeps its place inside a batch while the
 * stream has no room, and says what is missing: compacted away (`progress`) or removed (`lost`).
 */
import type { Reporter, Stream } from '@zilla-ts/engine'
import { BatchReader, type Kafka, RecordError } from '@zilla-ts/kafka'
import type { LogStore } from './log-store.ts'
import type { Partition } from './topic.ts'

const READ_AHEAD_BYTES = 256 * 1024
const NO_VALUE = Buffer.alloc(0)

export class FetchCursor {
  readonly #partition: Partition
  readonly #store: LogStore
  readonly #report: Reporter
  readonly #reader = new BatchReader()
  /** offset of the next record to deliver */
  #position: number
  /** batches that were read and not yet begun, next first */
  #ahead: Buffer[] = []
  #inBatch = false

  constructor(partition: Partition, position: number, store: LogStore, report: Reporter) {
    this.#partition = partition
    this.#position = position
    this.#store = store
    this.#report = report
  }

  /** Goes on to the end of a batch, or of the room. False: there is nothing to deliver. */
  deliver(stream: Stream<Kafka>): boolean {
    try {
      if (!this.#inBatch && !this.#openBatch(stream)) return false
      this.#deliverRecords(stream)
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      this.#skipCorrupt(stream, error)
    }
    return true
  }

  #deliverRecords(stream: Stream<Kafka>): void {
    const reader = this.#reader
    const partition = this.#partition.index
    while (stream.writable) {
      if (!reader.nextRecord()) {
        this.#inBatch = false
        if (reader.nextOffset > this.#position) this.#pass(stream, reader.nextOffset)
        return
      }
      this.#position = reader.offset + 1
      stream.write(reader.value() ?? NO_VALUE, reader.record(partition))
    }
  }

  #openBatch(stream: Stream<Kafka>): boolean {
    const partition = this.#partition
    const { start } = partition.state
    if (this.#position < start) {
      this.#ahead.length = 0
      this.#lose(stream, start)
    }
    if (this.#position >= partition.end) return false
    if (this.#ahead.length === 0) this.#ahead = partition.read(this.#store, this.#position, READ_AHEAD_BYTES)
    const batch = this.#ahead.shift()
    if (batch === undefined) {
      this.#pass(stream, partition.end)
      return false
    }
    this.#reader.reset(batch, this.#position)
    this.#inBatch = this.#reader.nextBatch()
    return true
  }

  /** Offsets up to `next` do not exist. */
  #pass(stream: Stream<Kafka>, next: number): void {
    this.#position = next
    stream.signal({ kind: 'progress', partition: this.#partition.index, next })
  }

  #lose(stream: Stream<Kafka>, to: number): void {
    const from = this.#position
    this.#position = to
    stream.signal({ kind: 'lost', partition: this.#partition.index, from, to })
  }

  #skipCorrupt(stream: Stream<Kafka>, error: RecordError): void {
    this.#inBatch = false
    const { topic, index } = this.#partition
    this.#report.event(
      'error',
      'KAFKA_LOG_BATCH_DAMAGED',
      `topic ${topic.name} partition ${index}: batch at offset ${error.offset} is damaged: ${error.message}`,
    )
    this.#lose(stream, Math.max(this.#reader.nextOffset, this.#position + 1))
  }
}
