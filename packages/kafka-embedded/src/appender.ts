/**
 * Writes the records of all produce and transaction streams: one batch per partition and turn, one lmdb transaction for all
 * partitions, one at a time, so that what arrives while one is flushed makes the next. Readers and acks learn of records
 * only once they are stored. When the disk refuses, everything waits and is tried again, until the hold time is over.
 */
import { type Clock, type Reporter, StreamError, type Task, type Timer } from '@zilla-ts/engine'
import { NO_PRODUCER, type ProduceMeta, stampBatch, stampLogAppendTime } from '@zilla-ts/kafka'
import type { LogStore } from './log-store.ts'
import type { Partition, Topic } from './topic.ts'

/** Batches are closed beyond this, so that readers with little room need not hold large ones. */
const BATCH_BYTES = 256 * 1024
const RETRY_MS = 1_000
const HOLD_MS = 60_000

/** A stream whose records the appender stores. */
export interface Writer {
  /** What was added so far is in the lmdb transaction that begins. */
  seal(): void
  /** That is stored. */
  stored(): void
  /** The log is not writable, or is again. */
  available(available: boolean): void
  abort(error: StreamError): void
}

interface PendingBatch {
  readonly partition: Partition
  readonly base: number
  readonly count: number
  readonly bytes: Buffer
}

/** What one transaction writes, and who waits for it. */
class Round {
  readonly batches: PendingBatch[] = []
  readonly streams: Writer[] = []
}

export class Appender implements Task {
  /** open streams */
  readonly streams = new Set<Writer>()
  /** of each partition's latest batches */
  recentBytes = 0
  readonly #store: LogStore
  readonly #clock: Clock
  readonly #report: Reporter
  #open: Partition[] = []
  #next = new Round()
  #flying: Round | null = null
  #scheduled = false
  /** monotonic ms when the disk first refused; null: it works */
  #failedSince: number | null = null
  #stopped = false
  #idle: (() => void)[] = []
  #retryTimer: Timer | null = null
  readonly #retry: Task = { run: () => this.#commit(this.#flying!), fault: (error) => this.fault(error) }

  constructor(store: LogStore, clock: Clock, report: Reporter) {
    this.#store = store
    this.#clock = clock
    this.#report = report
  }

  /**
   * Adds a record, which is copied; false: it is larger than the topic takes. What is added in one turn is stored
   * together.
   */
  add(partition: Partition, value: Buffer, record: ProduceMeta): boolean {
    const builder = partition.builder
    const limit = partition.topic.config.maxMessageBytes
    if (builder.count > 0) {
      if (builder.append(value, record, Math.min(limit, BATCH_BYTES))) return true
      this.#seal(partition)
    }
    if (!builder.append(value, record, limit)) return false
    if (!partition.isOpen) {
      partition.isOpen = true
      this.#open.push(partition)
    }
    return true
  }

  /** The stream has writes or refusals that wait for the next transaction; once for each. */
  join(stream: Writer): void {
    this.#next.streams.push(stream)
    this.#schedule()
  }

  /** Nothing waits, nothing is being written. */
  async idle(): Promise<void> {
    if (this.#isIdle) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Ends the streams, writes what is there unless the disk refuses, and takes no more. */
  async stop(error: StreamError): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    for (const stream of [...this.streams]) stream.abort(error)
    if (this.#failedSince !== null) this.#drop()
    this.run()
    await this.idle()
  }

  get #isIdle(): boolean {
    return this.#flying === null && this.#open.length === 0 && this.#next.streams.length === 0
  }

  #schedule(): void {
    if (this.#scheduled || this.#flying !== null || this.#isIdle) return
    this.#scheduled = true
    this.#clock.endOfTurn(this)
  }

  run(): void {
    this.#scheduled = false
    if (this.#flying !== null || this.#isIdle) return
    for (const partition of this.#open) {
      partition.isOpen = false
      if (partition.builder.count > 0) this.#seal(partition)
    }
    this.#open.length = 0
    const round = this.#next
    this.#next = new Round()
    for (const stream of round.streams) stream.seal()
    this.#flying = round
    if (round.batches.length === 0) this.#stored(round)
    else this.#commit(round)
  }

  fault(error: StreamError): void {
    for (const stream of [...this.streams]) stream.abort(error)
  }

  #seal(partition: Partition): void {
    const { builder, topic, next, state } = partition
    const bytes = Buffer.from(builder.finish(NO_PRODUCER))
    stampBatch(bytes, 0, next, 0)
    if (topic.config.isLogAppendTime) stampLogAppendTime(bytes, 0, this.#clock.now())
    this.#next.batches.push({ partition, base: next, count: builder.count, bytes })
    partition.next = next + builder.count
    state.bytes += bytes.length
    state.dirtyBytes += bytes.length
    builder.reset()
  }

  #commit(round: Round): void {
    const store = this.#store
    const written = store.commit(() => {
      let last: Partition | null = null
      for (const { partition, base, bytes } of round.batches) {
        store.putBatch(partition.topic.id, partition.index, base, bytes)
        if (partition !== last) store.putState(partition.topic.id, partition.index, partition.state)
        last = partition
      }
    })
    written
      .then(
        () => {
          if (this.#flying === round) this.#stored(round)
        },
        (error: unknown) => {
          if (this.#flying === round) this.#failed(error)
        },
      )
      .catch((error: unknown) => this.#report.fault('append', error))
  }

  #stored(round: Round): void {
    this.#flying = null
    if (this.#failedSince !== null) this.#recovered()
    const topics = new Set<Topic>()
    for (const { partition, base, count, bytes } of round.batches) {
      partition.end = base + count
      partition.recent.add(base, partition.end, bytes, this.recentBytes)
      topics.add(partition.topic)
    }
    for (const stream of round.streams) stream.stored()
    for (const topic of topics) for (const reader of topic.readers) reader.pump()
    if (this.#stopped) this.run()
    else this.#schedule()
    if (this.#isIdle) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #failed(error: unknown): void {
    const now = this.#clock.monotonic()
    if (this.#failedSince === null) {
      this.#failedSince = now
      const reason = error instanceof Error ? error.message : String(error)
      this.#report.event('error', 'KAFKA_LOG_WRITE_FAILED', `the log cannot be written, records wait: ${reason}`)
      for (const stream of this.streams) stream.available(false)
    }
    if (this.#stopped || now - this.#failedSince >= HOLD_MS) {
      this.#drop()
      return
    }
    this.#retryTimer = this.#clock.after(RETRY_MS, this.#retry)
  }

  #recovered(): void {
    this.#failedSince = null
    this.#report.event('info', 'KAFKA_LOG_WRITTEN', 'the log is written again')
    for (const stream of this.streams) stream.available(true)
  }

  /** Gives up: ends the streams, forgets their records, and takes their offsets back. */
  #drop(): void {
    const error = new StreamError('unavailable', 'the log cannot be written, see KAFKA_LOG_WRITE_FAILED')
    for (const stream of [...this.streams]) stream.abort(error)
    for (const partition of this.#open) {
      partition.isOpen = false
      partition.builder.reset()
    }
    this.#open.length = 0
    for (const { partition, bytes } of [...(this.#flying?.batches ?? []), ...this.#next.batches]) {
      partition.next = partition.end
      partition.state.bytes -= bytes.length
      partition.state.dirtyBytes -= bytes.length
    }
    this.#retryTimer?.cancel()
    this.#flying = null
    this.#next = new Round()
    this.#failedSince = null
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
