/**
 * One `fetch` stream of a cache_server. It takes its records from the shared reader while it keeps up, from the ring after
 * a short pause, and from a fetch of its own while it reads history; each record once, since `#next` decides.
 */
import { type Stream, StreamError, type StreamHandler, toStreamError } from '@zilla-ts/engine'
import type { KafkaRecord } from '../record.ts'
import type { FetchStart, Kafka, KafkaAccept, KafkaSignal, PartitionOffsets } from '../stream.ts'
import { ask } from './ask.ts'
import type { TopicReader } from './topic-reader.ts'

const CAUGHT_UP = new StreamError('closed', 'has caught up')

export class CachedFetch implements StreamHandler<Kafka> {
  readonly #stream: Stream<Kafka>
  readonly #reader: TopicReader
  /**
   * `opening` waits for the offsets it begins at, `behind` reads the ring, `live` is given each record, `history` reads by
   * itself; `over` is over.
   */
  #state: 'opening' | 'behind' | 'live' | 'history' | 'over' = 'opening'
  /** next offset to deliver, per partition; empty until accepted */
  #next: number[] = []
  /** position in the ring, while it is used */
  #at: number | null = null
  #history: History | null = null

  constructor(stream: Stream<Kafka>, reader: TopicReader) {
    this.#stream = stream
    this.#reader = reader
  }

  get #accepted(): boolean {
    return this.#next.length > 0
  }

  /** Called once. */
  open(from: FetchStart): void {
    this.#reader.add(this)
    if (from !== 'end') {
      this.#readHistory(from)
      return
    }
    // Records count from now on, though the offsets are known later: what comes in between waits in the ring.
    this.#enterRing()
    const { exit, topic, next } = this.#reader
    // A reader that is just being opened asks for the end itself.
    if (next === null) return
    ask(exit, { kind: 'offsets', topic }, this.#stream.session).then(
      (info) => {
        if (info.kind === 'offsets') this.#begin(info.partitions.map((item) => ({ ...item, start: item.end })))
      },
      (error) => this.fail(toStreamError(error, 'unavailable')),
    )
  }

  /** The reader has its offsets. */
  onReaderOpen(starts: readonly PartitionOffsets[]): void {
    if (this.#state === 'opening') this.#begin(starts)
    else if (this.#state === 'history') this.#join()
  }

  #begin(partitions: readonly PartitionOffsets[]): void {
    if (this.#state !== 'opening') return
    this.#accept(partitions)
    this.#grow(this.#reader.next!.length)
    this.#state = 'behind'
    this.#replay()
  }

  #accept(partitions: readonly PartitionOffsets[]): void {
    this.#next = partitions.map(({ start }) => start)
    this.#stream.accept({ kind: 'fetch', partitions })
  }

  #grow(partitions: number): void {
    while (this.#next.length < partitions) {
      this.#stream.signal({ kind: 'partition', partition: this.#next.length })
      this.#next.push(0)
    }
  }

  #enterRing(): void {
    this.#at = this.#reader.ring.head
    this.#reader.countBehind(1)
  }

  #leaveRing(): void {
    if (this.#at === null) return
    this.#at = null
    this.#reader.countBehind(-1)
  }

  /** A record of the shared reader, borrowed. */
  onRecord(payload: Buffer, record: KafkaRecord): void {
    if (this.#state !== 'live') return
    if (this.#stream.writable) {
      this.#deliver(payload, record)
    } else {
      this.#state = 'behind'
      this.#enterRing()
    }
  }

  #deliver(payload: Buffer, record: KafkaRecord): void {
    if (record.offset < this.#next[record.partition]!) return
    this.#next[record.partition] = record.offset + 1
    this.#stream.write(payload, record)
  }

  /** Catches up from the ring, as far as there is room. */
  #replay(): void {
    const { ring } = this.#reader
    while (this.#at !== null && this.#at < ring.head) {
      if (this.#at < ring.tail) {
        this.#leaveRing()
        this.#readHistory(new Map(this.#next.entries()))
        return
      }
      if (!this.#stream.writable) return
      const { payload, record } = ring.at(this.#at++)
      this.#deliver(payload, record)
    }
    if (this.#state !== 'behind') return
    this.#leaveRing()
    this.#state = 'live'
    this.#reader.next!.forEach((next, partition) => {
      this.#advance(partition, next)
    })
  }

  /** Nothing is left to deliver below `next`. */
  #advance(partition: number, next: number): void {
    if (next <= this.#next[partition]!) return
    this.#next[partition] = next
    this.#stream.signal({ kind: 'progress', partition, next })
  }

  /** What the shared reader says. */
  onReaderSignal(signal: KafkaSignal): void {
    if (this.#state === 'history' || this.#state === 'over') return
    switch (signal.kind) {
      case 'progress':
        if (this.#state === 'live') this.#advance(signal.partition, signal.next)
        return
      case 'partition':
        if (this.#accepted) this.#grow(signal.partition + 1)
        return
      case 'lost':
        if (this.#state === 'live') {
          this.#next[signal.partition] = signal.to
          this.#stream.signal(signal)
        } else if (this.#state === 'behind') {
          // What it still has to read may be what was lost: its own fetch finds out.
          this.#leaveRing()
          this.#readHistory(new Map(this.#next.entries()))
        }
        return
      default:
        this.#stream.signal(signal)
    }
  }

  onReaderLost(error: StreamError): void {
    this.fail(error)
  }

  #readHistory(from: FetchStart): void {
    this.#state = 'history'
    const { exit, topic } = this.#reader
    const history = new History(this, this.#stream)
    this.#history = history
    history.stream = exit.connect({ kind: 'fetch', topic, from }, this.#stream.session, history)
    if (history.stream === null) this.fail(new StreamError('unavailable', `${exit.name} refused to fetch ${topic}`))
    else if (this.#history === history) history.pass()
    else history.stream.abort(CAUGHT_UP)
  }

  onHistoryAccept(info: KafkaAccept): void {
    if (info.kind !== 'fetch') return
    if (!this.#accepted) this.#accept(info.partitions)
    this.#grow(info.partitions.length)
    this.#join()
  }

  onHistoryRecord(payload: Buffer, record: KafkaRecord): void {
    this.#deliver(payload, record)
    if (this.#next[record.partition]! >= (this.#reader.next?.[record.partition] ?? Infinity)) this.#join()
  }

  onHistorySignal(signal: KafkaSignal): void {
    if (signal.kind === 'partition') {
      this.#grow(signal.partition + 1)
      return
    }
    if (signal.kind === 'progress') this.#next[signal.partition] = signal.next
    if (signal.kind === 'lost') this.#next[signal.partition] = signal.to
    this.#stream.signal(signal)
    if (signal.kind !== 'available') this.#join()
  }

  /** Goes live once it has everything that the shared reader has handed out. */
  #join(): void {
    const { next } = this.#reader
    if (this.#state !== 'history' || next === null || next.length > this.#next.length) return
    if (next.some((offset, partition) => this.#next[partition]! < offset)) return
    this.#endHistory()
    this.#state = 'live'
  }

  #endHistory(): void {
    const history = this.#history
    this.#history = null
    history?.stream?.abort(CAUGHT_UP)
  }

  onData(): void {
    throw new Error('a fetch stream takes no data')
  }

  onWritable(): void {
    if (this.#state === 'behind') this.#replay()
    else this.#history?.pass()
  }

  onEnd(): void {
    this.#over()
    this.#stream.end()
  }

  onAbort(): void {
    this.#over()
  }

  fail(error: StreamError): void {
    if (this.#state === 'over') return
    this.#over()
    this.#stream.abort(error)
  }

  #over(): void {
    this.#state = 'over'
    this.#leaveRing()
    this.#endHistory()
    this.#reader.remove(this)
  }
}

/** The fetch of one stream that reads by itself; takes only what the stream has room for. */
class History implements StreamHandler<Kafka> {
  stream: Stream<Kafka> | null = null
  readonly #owner: CachedFetch
  readonly #target: Stream<Kafka>
  #given = 0

  constructor(owner: CachedFetch, target: Stream<Kafka>) {
    this.#owner = owner
    this.#target = target
  }

  /** Passes on the room that the reader has given since. */
  pass(): void {
    const room = this.#target.credit - this.#given
    if (room <= 0 || this.stream === null) return
    this.#given += room
    this.stream.grant(room)
  }

  onAccept(info: KafkaAccept): void {
    this.#owner.onHistoryAccept(info)
  }

  onData(payload: Buffer, record: KafkaRecord, cost: number): void {
    this.#given -= cost
    this.#owner.onHistoryRecord(payload, record)
    this.pass()
  }

  onSignal(signal: KafkaSignal): void {
    this.#owner.onHistorySignal(signal)
  }

  onEnd(): void {
    this.#owner.fail(new StreamError('closed', 'the next hop ended a fetch'))
  }

  onAbort(error: StreamError): void {
    this.#owner.fail(error)
  }
}
