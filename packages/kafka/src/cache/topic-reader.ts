/**
 * The one live reader of a topic: hands each record to every stream that keeps up, and keeps the latest for those that
 * paused. Opened by the first stream of the topic, closed a while after the last. Must never wait for a stream.
 */
import type { Clock, Exit, Stream, StreamError, StreamHandler, Task, Timer } from '@zilla-ts/engine'
import type { KafkaRecord } from '../record.ts'
import type { Kafka, KafkaAccept, KafkaSignal } from '../stream.ts'
import type { CachedFetch } from './cached-fetch.ts'
import { RecordRing } from './record-ring.ts'

const WINDOW_BYTES = 4 * 1024 * 1024
const RING_BYTES = 8 * 1024 * 1024
const IDLE_MS = 10_000

export class TopicReader implements StreamHandler<Kafka>, Task {
  readonly topic: string
  readonly exit: Exit<Kafka>
  /** next offset to arrive, per partition; null: not open yet */
  next: number[] | null = null
  readonly ring = new RecordRing(RING_BYTES)
  readonly #clock: Clock
  readonly #keep: boolean
  readonly #onClose: (error: StreamError | null) => void
  #stream: Stream<Kafka> | null = null
  /** replaced, never changed, so that a record being handed out goes to those of its beginning */
  #members: readonly CachedFetch[] = []
  #behind = 0
  #idle: Timer | null = null
  #closed = false

  /** `keep`: stays open without streams. `onClose` hears once; null: nobody wanted it any more. */
  constructor(
    topic: string,
    exit: Exit<Kafka>,
    clock: Clock,
    keep: boolean,
    onClose: (error: StreamError | null) => void,
  ) {
    this.topic = topic
    this.exit = exit
    this.#clock = clock
    this.#keep = keep
    this.#onClose = onClose
  }

  /** False: refused. */
  open(): boolean {
    this.#stream = this.exit.connect({ kind: 'fetch', topic: this.topic, from: 'end' }, null, this)
    this.#stream?.grant(WINDOW_BYTES)
    return this.#stream !== null
  }

  add(member: CachedFetch): void {
    this.#idle?.cancel()
    this.#idle = null
    this.#members = [...this.#members, member]
  }

  remove(member: CachedFetch): void {
    const before = this.#members.length
    this.#members = this.#members.filter((other) => other !== member)
    if (this.#closed || this.#keep) return
    if (before > 0 && this.#members.length === 0) this.#idle ??= this.#clock.after(IDLE_MS, this)
  }

  /** A stream begins, or ceases, to take its records from the ring. */
  countBehind(change: 1 | -1): void {
    this.#behind += change
    if (this.#behind === 0) this.ring.clear()
  }

  /** Nobody wanted the topic for a while. */
  run(): void {
    this.close()
    this.#onClose(null)
  }

  fault(error: StreamError): void {
    this.onAbort(error)
  }

  close(): void {
    this.#closed = true
    this.#idle?.cancel()
    this.#stream?.end()
    this.#stream = null
  }

  onAccept(info: KafkaAccept): void {
    if (info.kind !== 'fetch') return
    this.next = info.partitions.map(({ start }) => start)
    for (const member of this.#members) member.onReaderOpen(info.partitions)
  }

  onData(payload: Buffer, record: KafkaRecord, cost: number): void {
    const { partition, offset } = record
    this.next![partition] = offset + 1
    for (const member of this.#members) member.onRecord(payload, record)
    if (this.#behind > 0) this.ring.append(payload, record)
    this.#stream?.grant(cost)
  }

  onSignal(signal: KafkaSignal): void {
    if (signal.kind === 'progress') this.next![signal.partition] = signal.next
    if (signal.kind === 'lost') this.next![signal.partition] = signal.to
    if (signal.kind === 'partition') this.next![signal.partition] = 0
    for (const member of this.#members) member.onReaderSignal(signal)
  }

  onEnd(): void {}

  onAbort(error: StreamError): void {
    this.#closed = true
    this.#idle?.cancel()
    this.#stream = null
    const members = this.#members
    this.#onClose(error)
    for (const member of members) member.onReaderLost(error)
  }
}
