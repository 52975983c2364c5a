/**
 * Compaction of one partition, as Kafka's log cleaner does it: of each key only the last record stays, at its offset; a
 * tombstone stays `delete.retention.ms` longer than the values it deletes. Two walks: the dirty part gives the last offset
 * of each key, then everything up to there is rewritten. Keys of one run are bounded; the next run takes the rest.
 */
import {
  BATCH_LENGTH,
  BatchReader,
  LENGTH_END,
  NO_PRODUCER,
  RECORD_COUNT,
  RECORDS,
  restampBatch,
} from '@zilla-ts/kafka'
import type { Pace } from './cleaner.ts'
import type { LogStore } from './log-store.ts'
import type { Partition } from './topic.ts'

/** About 40 MB of map at 60 bytes a key. */
const KEYS_MAX = 250_000
const STEP_BYTES = 256 * 1024

/** Compacts if enough of the partition is dirty. Rejects if the store does; what was committed until then is sound. */
export async function compactPartition(partition: Partition, store: LogStore, now: number, pace: Pace): Promise<void> {
  const { state, topic } = partition
  if (state.dirtyBytes <= state.bytes * topic.config.minCleanableDirtyRatio) return
  const compaction = new Compaction(partition, store, now)
  for (const step of [() => compaction.index(), () => compaction.rewrite()]) {
    while (await step()) if (!(await pace.pause())) return
  }
  await compaction.finish()
}

class Compaction {
  readonly #partition: Partition
  readonly #store: LogStore
  readonly #now: number
  readonly #reader = new BatchReader()
  readonly #lastOffsets = new Map<string, number>()
  /** the last batch begins here, and is left alone: the next append must find it */
  readonly #limit: number
  /** tombstones below are dropped */
  readonly #horizon: number
  /** the dirty part that this run covers */
  #indexed: number
  #indexedBytes = 0
  #rewritten: number

  constructor(partition: Partition, store: LogStore, now: number) {
    const { state, topic, end, index } = partition
    this.#partition = partition
    this.#store = store
    this.#now = now
    const last = store.batchAtOrBefore(topic.id, index, end - 1)
    this.#limit = last === null ? 0 : this.#open(last).baseOffset
    this.#horizon = now - state.horizonTime >= topic.config.deleteRetentionMs ? state.horizon : 0
    this.#indexed = Math.max(state.cleaned, state.start)
    this.#rewritten = state.start
  }

  /** One step of the first walk; false: it is done. */
  index(): boolean {
    const { topic, index } = this.#partition
    if (this.#indexed >= this.#limit) return false
    const youngest = this.#now - topic.config.minCompactionLagMs
    const batches = this.#store.batches(topic.id, index, this.#indexed, this.#limit, STEP_BYTES)
    for (const batch of batches) {
      const reader = this.#open(batch)
      if (topic.config.minCompactionLagMs > 0 && reader.maxTimestamp > youngest) return false
      while (reader.nextRecord()) this.#lastOffsets.set(keyOf(reader), reader.offset)
      this.#indexed = reader.nextOffset
      this.#indexedBytes += batch.length
      if (this.#lastOffsets.size >= KEYS_MAX) return false
    }
    return batches.length > 0
  }

  /** One step of the second walk, one transaction; false: it is done. */
  async rewrite(): Promise<boolean> {
    const { topic, index, state } = this.#partition
    if (this.#rewritten >= this.#indexed) return false
    const batches = this.#store.batches(topic.id, index, this.#rewritten, this.#indexed, STEP_BYTES)
    if (batches.length === 0) return false
    const changed: { base: number; batch: Buffer | null }[] = []
    let saved = 0
    for (const batch of batches) {
      const kept = this.#keep(batch)
      this.#rewritten = this.#reader.nextOffset
      if (kept === batch) continue
      changed.push({ base: this.#reader.baseOffset, batch: kept })
      saved += batch.length - (kept?.length ?? 0)
    }
    if (changed.length === 0) return true
    state.bytes -= saved
    try {
      await this.#store.commit(() => {
        for (const { base, batch } of changed) {
          if (batch === null) this.#store.removeBatch(topic.id, index, base)
          else this.#store.putBatch(topic.id, index, base, batch)
        }
        this.#store.putState(topic.id, index, state)
      })
    } catch (error) {
      state.bytes += saved
      throw error
    }
    this.#partition.recent.clear()
    return true
  }

  async finish(): Promise<void> {
    const { topic, index, state } = this.#partition
    state.cleaned = this.#indexed
    state.dirtyBytes = Math.max(0, state.dirtyBytes - this.#indexedBytes)
    if (this.#now - state.horizonTime >= topic.config.deleteRetentionMs) {
      state.horizon = this.#indexed
      state.horizonTime = this.#now
    }
    await this.#store.commit(() => this.#store.putState(topic.id, index, state))
  }

  /** The batch with what must stay: itself if that is all, null if it is nothing. Offsets and times do not change. */
  #keep(batch: Buffer): Buffer | null {
    const reader = this.#open(batch)
    const parts = [batch.subarray(0, RECORDS)]
    let count = 0
    let recordStart = RECORDS
    while (reader.nextRecord()) {
      const last = this.#lastOffsets.get(keyOf(reader))
      const isDropped = reader.valueLength < 0 && reader.offset < this.#horizon
      if (!isDropped && (last === undefined || last <= reader.offset)) {
        parts.push(batch.subarray(recordStart, reader.headersEnd))
        count++
      }
      recordStart = reader.headersEnd
    }
    if (count === reader.count) return batch
    if (count === 0) return null
    const kept = Buffer.concat(parts)
    kept.writeInt32BE(kept.length - LENGTH_END, BATCH_LENGTH)
    kept.writeInt32BE(count, RECORD_COUNT)
    restampBatch(kept, 0, NO_PRODUCER)
    return kept
  }

  #open(batch: Buffer): BatchReader {
    this.#reader.reset(batch)
    this.#reader.nextBatch()
    return this.#reader
  }
}

/** Bytes as text of the same length; a record without a key is alone with the empty key, as none is stored here. */
function keyOf(reader: BatchReader): string {
  return reader.bytes.toString('latin1', reader.keyStart, reader.keyStart + Math.max(reader.keyLength, 0))
}
