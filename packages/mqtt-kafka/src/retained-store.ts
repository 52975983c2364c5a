/**
 * The retained topic of this process: reads it into the map, from its first record on, and says when the map has reached an
 * end that was asked for.
 */
import type { Clock, Exit, Reporter } from '@zilla-ts/engine'
import type { Kafka, KafkaRecord } from '@zilla-ts/kafka'
import { EndQuery, type EndWaiter } from './end-query.ts'
import type { Ends } from './log-positions.ts'
import { RetainedMap } from './retained-map.ts'
import { TopicReader, type TopicReaderListener } from './topic-reader.ts'

/** Who waits for the map. */
export interface ReachWaiter {
  readonly cancelled: boolean
  onReached(): void
}

interface Waiting {
  readonly ends: Ends
  readonly waiter: ReachWaiter
}

export class RetainedStore implements TopicReaderListener {
  readonly map = new RetainedMap()
  readonly #reader: TopicReader
  readonly #query: EndQuery
  readonly #onChange: () => void
  #waiting: Waiting[] = []
  #loading: Ends | null = null
  #loaded = false
  #available = false

  /** `onChange`: `ready` may have changed. */
  constructor(exit: Exit<Kafka>, topic: string, clock: Clock, report: Reporter, onChange: () => void) {
    this.#reader = new TopicReader(exit, topic, clock, report, this)
    this.#query = new EndQuery(exit, topic, clock)
    this.#onChange = onChange
  }

  /** It has once reached the end that it saw when it began, and Kafka is there. */
  get ready(): boolean {
    return this.#loaded && this.#available
  }

  open(): void {
    this.#reader.open([])
  }

  close(): void {
    this.#query.stop()
    this.#reader.close()
    this.#waiting = []
  }

  /** What the map has read, per partition. */
  positions(): Ends {
    return this.#reader.positions.copy()
  }

  askEnd(waiter: EndWaiter): void {
    this.#query.ask(waiter)
  }

  /** Tells the waiter, at once or later, that everything below these offsets is in the map. */
  reach(ends: Ends, waiter: ReachWaiter): void {
    if (this.#reader.positions.reached(ends)) waiter.onReached()
    else this.#waiting.push({ ends, waiter })
  }

  onOpened(ends: Ends): void {
    if (!this.#loaded) this.#loading ??= ends
  }

  onRecord(payload: Buffer, record: KafkaRecord): void {
    this.map.apply(record, payload)
  }

  onProgress(): void {
    const { positions } = this.#reader
    if (this.#loading !== null && positions.reached(this.#loading)) {
      this.#loading = null
      this.#loaded = true
      this.map.loaded()
      this.#onChange()
    }
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) {
      if (one.waiter.cancelled) continue
      if (positions.reached(one.ends)) one.waiter.onReached()
      else this.#waiting.push(one)
    }
  }

  onLost(partition: number): void {
    this.map.removePartition(partition)
  }

  onAvailable(available: boolean): void {
    this.#available = available
    this.#onChange()
  }
}
