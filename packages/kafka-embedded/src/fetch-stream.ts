/**
 * One reader of one topic: all partitions in turn, a batch at a time, as far as room goes. The appender wakes it when
 * records were stored. Yields after 5 ms, so that a long catch-up holds nobody up.
 */
import {
  type Clock,
  type Reporter,
  type Stream,
  type StreamError,
  type StreamHandler,
  type Task,
  toStreamError,
} from '@zilla-ts/engine'
import type { FetchStart, Kafka, KafkaOpen, KafkaSignal, PartitionOffsets } from '@zilla-ts/kafka'
import { FetchCursor } from './fetch-cursor.ts'
import type { LogStore } from './log-store.ts'
import type { Partition, Topic } from './topic.ts'

const SLICE_MS = 5

type FetchOpen = Extract<KafkaOpen, { kind: 'fetch' }>

export class FetchStream implements StreamHandler<Kafka>, Task {
  readonly #stream: Stream<Kafka>
  readonly #topic: Topic
  readonly #clock: Clock
  readonly #report: Reporter
  readonly #cursors: readonly FetchCursor[]
  #turn = 0
  #pumping = false
  #scheduled = false

  /** All partitions of `open` are there. Whether it waits for transactions makes no difference: they are stored whole. */
  constructor(stream: Stream<Kafka>, topic: Topic, open: FetchOpen, store: LogStore, clock: Clock, report: Reporter) {
    const { from, partitions: wanted } = open
    this.#stream = stream
    this.#topic = topic
    this.#clock = clock
    this.#report = report
    const starts: PartitionOffsets[] = []
    const lost: KafkaSignal[] = []
    const partitions = topic.partitions.filter(({ index }) => wanted?.includes(index) ?? true)
    this.#cursors = partitions.map((partition) => {
      const asked = startOf(partition, from)
      const { start } = partition.state
      // Beyond the end can only be an offset of another log with this name: all of this one is new.
      const position = asked < start || asked > partition.end ? start : asked
      if (position !== asked) lost.push({ kind: 'lost', partition: partition.index, from: asked, to: position })
      starts.push({ partition: partition.index, start: position, end: partition.end })
      return new FetchCursor(partition, position, store, report)
    })
    topic.readers.add(this)
    stream.accept({ kind: 'fetch', partitions: starts })
    for (const signal of lost) stream.signal(signal)
  }

  /** Delivers until there is no more, no room, or 5 ms are over. */
  pump(): void {
    if (this.#pumping || this.#scheduled) return
    this.#pumping = true
    try {
      this.#deliver()
    } catch (error) {
      this.#report.fault('fetch', error)
      this.abort(toStreamError(error, 'internal'))
    }
    this.#pumping = false
  }

  #deliver(): void {
    const stream = this.#stream
    const cursors = this.#cursors
    const deadline = this.#clock.monotonic() + SLICE_MS
    let idle = 0
    while (stream.writable && idle < cursors.length) {
      const cursor = cursors[this.#turn]!
      this.#turn = (this.#turn + 1) % cursors.length
      if (!cursor.deliver(stream)) {
        idle++
        continue
      }
      idle = 0
      if (this.#clock.monotonic() < deadline) continue
      this.#schedule()
      return
    }
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.endOfTurn(this)
  }

  run(): void {
    this.#scheduled = false
    this.pump()
  }

  fault(error: StreamError): void {
    this.abort(error)
  }

  abort(error: StreamError): void {
    this.#topic.readers.delete(this)
    this.#stream.abort(error)
  }

  onWritable(): void {
    this.pump()
  }

  onData(): void {
    throw new Error('a fetch stream takes no records')
  }

  onEnd(): void {
    this.#topic.readers.delete(this)
    this.#stream.end()
  }

  onAbort(): void {
    this.#topic.readers.delete(this)
  }
}

function startOf(partition: Partition, from: FetchStart): number {
  if (from === 'start') return partition.state.start
  if (from === 'end') return partition.end
  return from.get(partition.index) ?? 0
}
