/**
 * Topics and partitions of an open log, as they are in memory: where each partition begins and ends, and its latest batches.
 * The appender moves the end, retention the start; streams only look.
 */
import { StreamError } from '@zilla-ts/engine'
import { BatchBuilder, BatchReader, type ProduceMeta } from '@zilla-ts/kafka'
import type { FetchStream } from './fetch-stream.ts'
import type { GroupStream } from './group-stream.ts'
import type { LogStore, PartitionState, StoredTopic } from './log-store.ts'
import { RecentBatches } from './recent-batches.ts'
import { TopicConfig } from './topic-config.ts'

/** Knows how large a record is in a batch of its own. */
const ALONE = new BatchBuilder()
/** Looks into one batch at a time. */
const HEADER = new BatchReader()

export class Topic {
  readonly name: string
  readonly id: number
  readonly config: TopicConfig
  readonly partitions: readonly Partition[]
  /** open fetch streams */
  readonly readers = new Set<FetchStream>()
  /** open group streams */
  readonly members = new Set<GroupStream>()

  constructor(stored: StoredTopic, partitions: readonly PartitionState[], ends: readonly number[]) {
    this.name = stored.name
    this.id = stored.id
    this.config = new TopicConfig(stored.configs)
    this.partitions = partitions.map((state, index) => new Partition(this, index, state, ends[index]!))
  }

  /** Why the appender would not take the record; null: it would. */
  refusal(payload: Buffer, record: ProduceMeta): StreamError | null {
    if (this.config.isCompacted && record.key === null) return this.keyMissing()
    return ALONE.sizeWith(payload, record) > this.config.maxMessageBytes ? this.tooLarge(payload, record) : null
  }

  keyMissing(): StreamError {
    return new StreamError('invalid', `topic ${this.name} is compacted and takes no record without a key`)
  }

  tooLarge(payload: Buffer, record: ProduceMeta): StreamError {
    const bytes = payload.length + (record.key?.length ?? 0) + record.headers.length
    const { maxRecordBytes } = this.config
    return new StreamError('too-large', `topic ${this.name} takes ${maxRecordBytes} bytes, the record has ${bytes}`)
  }
}

export class Partition {
  readonly topic: Topic
  readonly index: number
  readonly state: PartitionState
  /** offset after the last stored record: what readers see ends here */
  end: number
  /** offset the next written record gets */
  next: number
  /** the appender has it on its list */
  isOpen = false
  readonly recent = new RecentBatches()
  #builder: BatchBuilder | null = null

  constructor(topic: Topic, index: number, state: PartitionState, end: number) {
    this.topic = topic
    this.index = index
    this.state = state
    this.end = end
    this.next = end
  }

  /** The records of this turn, or of the time since the last commit. A topic may have many partitions that nobody writes. */
  get builder(): BatchBuilder {
    this.#builder ??= new BatchBuilder()
    return this.#builder
  }

  /** Batches from the one that holds `from`, or else the next; copies, or those that were written last. */
  read(store: LogStore, from: number, bytesMax: number): Buffer[] {
    const recent = this.recent.at(from)
    return recent === null ? store.batches(this.topic.id, this.index, from, this.end, bytesMax) : [recent]
  }

  /** Offset of the first record of a time, epoch ms, or later; the end if there is none. By halves: times that went back may hide some. */
  since(store: LogStore, time: number): number {
    let [low, high] = [this.state.start, this.end]
    let found: Buffer | null = null
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const batch = store.batchAtOrBefore(this.topic.id, this.index, middle)
      if (batch !== null) HEADER.reset(batch)
      if (batch === null || !HEADER.nextBatch() || HEADER.maxTimestamp < time) {
        low = Math.max(middle + 1, batch === null ? 0 : HEADER.nextOffset)
      } else {
        found = batch
        high = Math.min(middle, HEADER.baseOffset)
      }
    }
    if (found === null) return this.end
    HEADER.reset(found, this.state.start)
    HEADER.nextBatch()
    while (HEADER.nextRecord()) if (HEADER.timestamp >= time) return HEADER.offset
    return HEADER.nextOffset
  }
}
