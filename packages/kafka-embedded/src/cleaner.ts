/**
 * Retention and compaction, in the background: once a minute over all partitions, in slices of 5 ms, one partition at a
 * time. It never touches a partition's last batch in compaction, and nothing above the end.
 */
import type { Clock, Reporter, StreamError, Task, Timer } from '@zilla-ts/engine'
import { BatchReader } from '@zilla-ts/kafka'
import { compactPartition } from './compaction.ts'
import type { LogStore } from './log-store.ts'
import type { Partition, Topic } from './topic.ts'

const INTERVAL_MS = 60_000
const SLICE_MS = 5
/** bytes read, or batches removed, between two looks at the clock */
const STEP_BYTES = 64 * 1024

/** Lets long jobs be interrupted; `pause` is to be awaited between steps and says whether to go on. */
export interface Pace {
  pause(): Promise<boolean>
}

export class Cleaner implements Task, Pace {
  readonly #store: LogStore
  readonly #topics: ReadonlyMap<string, Topic>
  readonly #clock: Clock
  readonly #report: Reporter
  readonly #reader = new BatchReader()
  #timer: Timer | null = null
  #running: Promise<void> | null = null
  #sliceEnd = 0
  #resume: () => void = () => {}
  #stopped = false
  readonly #turn: Task = { run: () => this.#resume(), fault: () => {} }

  constructor(store: LogStore, topics: ReadonlyMap<string, Topic>, clock: Clock, report: Reporter) {
    this.#store = store
    this.#topics = topics
    this.#clock = clock
    this.#report = report
  }

  /** Begins to clean once a minute. */
  start(): void {
    if (!this.#stopped) this.#timer = this.#clock.after(INTERVAL_MS, this)
  }

  run(): void {
    void this.clean()
    this.start()
  }

  fault(_error: StreamError): void {
    this.start()
  }

  /** Goes over all partitions once; joins a run that is under way. Never rejects: what cannot be cleaned is reported. */
  async clean(): Promise<void> {
    this.#running ??= this.#cleanAll()
    await this.#running
    this.#running = null
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#resume()
    await this.#running
  }

  async pause(): Promise<boolean> {
    if (this.#stopped || this.#clock.monotonic() < this.#sliceEnd) return !this.#stopped
    await new Promise<void>((resolve) => {
      this.#resume = resolve
      this.#clock.endOfTurn(this.#turn)
    })
    this.#sliceEnd = this.#clock.monotonic() + SLICE_MS
    return !this.#stopped
  }

  async #cleanAll(): Promise<void> {
    this.#sliceEnd = this.#clock.monotonic() + SLICE_MS
    for (const topic of this.#topics.values()) {
      for (const partition of topic.partitions) {
        if (!(await this.pause())) return
        await this.#cleanOne(partition)
      }
    }
  }

  async #cleanOne(partition: Partition): Promise<void> {
    const { topic, index } = partition
    try {
      if (topic.config.isRetained) await this.#retain(partition)
      if (topic.config.isCompacted) await compactPartition(partition, this.#store, this.#clock.now(), this)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const where = `topic ${topic.name} partition ${index}`
      this.#report.event('error', 'KAFKA_LOG_CLEAN_FAILED', `${where} cannot be cleaned, trying later: ${reason}`)
    }
  }

  /** Removes whole batches from the start that are too old, or too many bytes. */
  async #retain(partition: Partition): Promise<void> {
    const { retentionMs, retentionBytes } = partition.topic.config
    const oldest = retentionMs < 0 ? 0 : this.#clock.now() - retentionMs
    const excess = retentionBytes < 0 ? 0 : partition.state.bytes - retentionBytes
    let before = partition.state.start
    let bytes = 0
    while (before < partition.end) {
      const batches = this.#store.batches(partition.topic.id, partition.index, before, partition.end, STEP_BYTES)
      for (const batch of batches) {
        this.#reader.reset(batch)
        this.#reader.nextBatch()
        bytes += batch.length
        // A batch without timestamps (−1) has no age.
        const isOld = this.#reader.maxTimestamp >= 0 && this.#reader.maxTimestamp < oldest
        if (!isOld && bytes > excess) return this.deleteRecords(partition, before)
        before = this.#reader.nextOffset
      }
      if (batches.length === 0) before = partition.end
      if (!(await this.pause())) return
    }
    await this.deleteRecords(partition, before)
  }

  /** Moves the start of a partition to `before`, at most its end, and removes the batches that lie below altogether. */
  async deleteRecords(partition: Partition, before: number): Promise<void> {
    const { state, topic, index } = partition
    if (before <= state.start) return
    state.start = before
    partition.recent.clear()
    for (;;) {
      const bases: number[] = []
      let bytes = 0
      let dirtyBytes = 0
      for (const batch of this.#store.batches(topic.id, index, 0, before, STEP_BYTES)) {
        this.#reader.reset(batch)
        this.#reader.nextBatch()
        if (this.#reader.lastOffset >= before) break
        bases.push(this.#reader.baseOffset)
        bytes += batch.length
        if (this.#reader.baseOffset >= state.cleaned) dirtyBytes += batch.length
      }
      state.bytes -= bytes
      state.dirtyBytes -= dirtyBytes
      try {
        await this.#store.commit(() => {
          for (const base of bases) this.#store.removeBatch(topic.id, index, base)
          this.#store.putState(topic.id, index, state)
        })
      } catch (error) {
        state.bytes += bytes
        state.dirtyBytes += dirtyBytes
        throw error
      }
      if (bases.length === 0 || !(await this.pause())) return
    }
  }
}
