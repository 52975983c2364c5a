/**
 * Reads one Kafka topic, all partitions, for ever: opens the fetch stream, opens it again where it was when it breaks, and
 * gives room back at once. Whoever listens must not keep what it is shown.
 */
import { type Clock, type Exit, type Reporter, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { type Kafka, type KafkaAccept, type KafkaOpen, KafkaRecord, type KafkaSignal } from '@zilla-ts/kafka'
import { BackOff } from './back-off.ts'
import { type Ends, LogPositions } from './log-positions.ts'

const WINDOW_BYTES = 4 * 1024 * 1024
/** A reader that lives for so long has been well: a topic may be seen but not read, which shows only then. */
const SETTLED_MS = 10_000

export interface TopicReaderListener {
  /** Reading has begun, or begun again; `ends` as of now. */
  onOpened(ends: Ends): void
  /** `payload` and the buffers of the record are borrowed for the call. */
  onRecord(payload: Buffer, record: KafkaRecord): void
  /** `positions` has moved */
  onProgress(): void
  /** Everything before this position of the partition is gone from Kafka, some of it unread. */
  onLost(partition: number, records: number): void
  onAvailable(available: boolean): void
}

export class TopicReader implements StreamHandler<Kafka> {
  readonly positions = new LogPositions()
  readonly #exit: Exit<Kafka>
  readonly #topic: string
  readonly #clock: Clock
  readonly #report: Reporter
  readonly #listener: TopicReaderListener
  readonly #backOff: BackOff
  #stream: Stream<Kafka> | null = null
  #open = false
  #available = false
  #acceptedAt = Infinity

  constructor(exit: Exit<Kafka>, topic: string, clock: Clock, report: Reporter, listener: TopicReaderListener) {
    this.#exit = exit
    this.#topic = topic
    this.#clock = clock
    this.#report = report
    this.#listener = listener
    this.#backOff = new BackOff(clock, () => this.#connect())
  }

  /** It reads, or tries to. */
  get isOpen(): boolean {
    return this.#open
  }

  /** Starts at these offsets, 0 where a partition is missing. */
  open(from: Ends): void {
    if (this.#open) return
    this.#open = true
    this.positions.clear()
    from.forEach((offset, partition) => {
      this.positions.set(partition, offset)
    })
    this.#connect()
  }

  close(): void {
    this.#open = false
    this.#backOff.cancel()
    const stream = this.#stream
    this.#stream = null
    stream?.abort(new StreamError('closed', 'not needed any more'))
    this.#setAvailable(false)
  }

  #connect(): void {
    const next = this.positions.copy()
    const from: Extract<KafkaOpen, { kind: 'fetch' }>['from'] = this.positions.empty ? 'start' : new Map(next.entries())
    const stream = this.#exit.connect({ kind: 'fetch', topic: this.#topic, from }, null, this)
    if (stream === null) {
      this.onAbort(new StreamError('unavailable', `${this.#exit.name} refuses`))
      return
    }
    this.#stream = stream
    stream.grant(WINDOW_BYTES)
  }

  onAccept(info: KafkaAccept): void {
    if (info.kind !== 'fetch') return
    const ends: number[] = []
    for (const { partition, start, end } of info.partitions) {
      this.positions.set(partition, start)
      while (ends.length <= partition) ends.push(0)
      ends[partition] = end
    }
    this.#acceptedAt = this.#clock.monotonic()
    this.#setAvailable(true)
    this.#listener.onOpened(ends)
    this.#listener.onProgress()
  }

  onData(payload: Buffer, record: Kafka['meta'], cost: number): void {
    this.#stream?.grant(cost)
    if (!(record instanceof KafkaRecord)) return
    // First, so that a record that makes a listener throw is not read again for ever.
    this.positions.set(record.partition, record.offset + 1)
    this.#listener.onRecord(payload, record)
    this.#listener.onProgress()
  }

  onSignal(signal: KafkaSignal): void {
    switch (signal.kind) {
      case 'progress':
        this.positions.set(signal.partition, signal.next)
        this.#listener.onProgress()
        break
      case 'lost':
        this.positions.set(signal.partition, signal.to)
        this.#report.event('warn', 'MQTT_KAFKA_RECORDS_LOST', `records of ${this.#topic} were removed unread`, {
          topic: this.#topic,
          partition: signal.partition,
          from: signal.from,
          to: signal.to,
        })
        this.#listener.onLost(signal.partition, Math.max(0, signal.to - signal.from))
        this.#listener.onProgress()
        break
      case 'partition':
        this.positions.set(signal.partition, 0)
        break
      case 'available':
        this.#setAvailable(signal.available)
        break
      case 'topic':
        break
    }
  }

  onEnd(): void {
    const stream = this.#stream
    stream?.end()
    this.onAbort(new StreamError('unavailable', 'the reader was ended'))
  }

  onAbort(error: StreamError): void {
    this.#stream = null
    this.#setAvailable(false)
    if (!this.#open) return
    if (this.#clock.monotonic() - this.#acceptedAt >= SETTLED_MS) this.#backOff.reset()
    this.#acceptedAt = Infinity
    this.#report.event('warn', 'MQTT_KAFKA_READER_STOPPED', `cannot read ${this.#topic}: ${error.message}`, {
      topic: this.#topic,
      code: error.code,
    })
    this.#backOff.schedule()
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return
    this.#available = available
    this.#listener.onAvailable(available)
  }
}
