/**
 * One `fetch` stream: a cursor per partition, what it owes its reader besides records (loss, growth, progress), and room.
 * Made by the client for each open; the `Fetcher` moves its cursors.
 */
import { type Stream, StreamError, type StreamHandler, type Timer, toStreamError } from '@zilla-ts/engine'
import type { FetchStart, Kafka, KafkaOpen, PartitionOffsets } from '../stream.ts'
import type { Topic, TopicWatcher } from './directory.ts'
import type { FetchSlot } from './fetch-loop.ts'
import type { Fetcher } from './fetcher.ts'
import type { OffsetScope } from './offset-asks.ts'

export type FetchOpen = Extract<KafkaOpen, { kind: 'fetch' }>

/** The position of one stream in one partition. */
export class Cursor {
  readonly owner: FetchStream
  readonly partition: number
  /** offset of the next record to deliver */
  next: number
  /** where it is read; null: the partition has no leader now */
  slot: FetchSlot | null = null
  /** its place in the log is being looked up */
  lost = false
  /** `next` as the reader knows it, by records and signals */
  told: number

  constructor(owner: FetchStream, partition: number, next: number) {
    this.owner = owner
    this.partition = partition
    this.next = next
    this.told = next
  }

  get ready(): boolean {
    return this.owner.stream.writable && !this.lost
  }

  /** Offsets that do not exist, or hold nothing to deliver, are told by themselves. */
  tellProgress(): void {
    if (this.next === this.told) return
    this.told = this.next
    this.owner.stream.signal({ kind: 'progress', partition: this.partition, next: this.next })
  }

  /** The records from `next` on are gone: goes on at `start`. */
  move(start: number): void {
    const from = this.next
    this.next = start
    this.told = start
    this.owner.countLost(Math.max(start - from, 0))
    this.owner.stream.signal({ kind: 'lost', partition: this.partition, from, to: start })
  }
}

export class FetchStream implements StreamHandler<Kafka>, TopicWatcher {
  readonly stream: Stream<Kafka>
  readonly name: string
  readonly scope: OffsetScope
  readonly #from: FetchStart
  readonly #fetcher: Fetcher
  readonly cursors: Cursor[] = []
  openDeadline: Timer | null = null
  /** bytes of room that the request being made may still use; see `FetchLoop` */
  budgetBytes = 0
  #topic: Topic | null = null
  #accepted = false
  /** partitions that the directory does not know were asked for again */
  #doubted = false

  constructor(stream: Stream<Kafka>, open: FetchOpen, fetcher: Fetcher) {
    const { topic, from, partitions, isolation = 'committed' } = open
    this.stream = stream
    this.name = topic
    this.scope =
      partitions === undefined ? { isolation } : { isolation, partitions: [...new Set(partitions)].sort(ascending) }
    this.#from = from
    this.#fetcher = fetcher
  }

  get topic(): Topic {
    return this.#topic!
  }

  /** `records` is 0 for a topic made anew: how many there were is not known. */
  countLost(records: number): void {
    this.#fetcher.lost.value += records
  }

  onTopic(topic: Topic): void {
    const asked = this.#topic !== null
    if (!asked && this.#lacks(topic)) return
    this.#topic = topic
    if (this.#accepted) {
      this.#grow()
      this.#fetcher.route(this)
    } else if (!asked) {
      this.#fetcher.offsets(this).then(
        (offsets) => this.#begin(offsets),
        (error) => this.fail(toStreamError(error, 'unavailable')),
      )
    }
  }

  /** Whether a partition that is asked for is not there; what is known of the topic may be old, so it is looked up once. */
  #lacks(topic: Topic): boolean {
    const missing = this.scope.partitions?.find((partition) => !(partition in topic.leaders))
    if (missing === undefined) return false
    if (this.#doubted) this.fail(new StreamError('not-found', `topic ${this.name} has no partition ${missing}`))
    else this.#fetcher.refresh()
    this.#doubted = true
    return true
  }

  onTopicLost(error: StreamError): void {
    this.fail(error)
  }

  #begin(offsets: readonly PartitionOffsets[]): void {
    if (this.stream.closed) return
    this.#accepted = true
    this.openDeadline?.cancel()
    const starts = offsets.map((item) => ({ ...item, wanted: wantedOffset(this.#from, item) }))
    const partitions = starts.map(({ partition, start, end, wanted }) => ({
      partition,
      start: wanted < start || wanted > end ? start : wanted,
      end,
    }))
    this.stream.accept({ kind: 'fetch', partitions })
    for (const { partition, start, end, wanted } of starts) {
      const cursor = new Cursor(this, partition, wanted)
      this.cursors.push(cursor)
      if (wanted < start || wanted > end) cursor.move(start)
    }
    this.#grow()
    // Whoever is at the end already waits with the live readers.
    this.cursors.forEach((cursor, at) => {
      this.#fetcher.place(cursor, cursor.next >= (offsets[at]?.end ?? 0))
    })
  }

  #grow(): void {
    if (this.scope.partitions !== undefined) return
    for (let partition = this.cursors.length; partition < this.topic.partitions; partition++) {
      const cursor = new Cursor(this, partition, 0)
      this.cursors.push(cursor)
      this.stream.signal({ kind: 'partition', partition })
      this.#fetcher.place(cursor, false)
    }
  }

  onData(): void {
    throw new Error('a fetch stream takes no data')
  }

  onWritable(): void {
    this.#fetcher.wake(this)
  }

  onEnd(): void {
    this.#fetcher.remove(this)
    this.stream.end()
  }

  onAbort(): void {
    this.#fetcher.remove(this)
  }

  fail(error: StreamError): void {
    this.#fetcher.remove(this)
    this.stream.abort(error)
  }
}

function ascending(a: number, b: number): number {
  return a - b
}

function wantedOffset(from: FetchStart, { partition, start, end }: PartitionOffsets): number {
  if (from === 'start') return start
  return from === 'end' ? end : (from.get(partition) ?? 0)
}
