/**
 * Reads the sessions topic, all partitions, from its first record and for ever, without waiting for open transactions
 * (`isolation: 'uncommitted'`). Feeds the session map; tells when the end seen at start has been reached, and when an end
 * that was asked for later has. Opens its stream again where it was when it breaks.
 */
import { type Clock, type Exit, type Reporter, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { type Kafka, type KafkaAccept, KafkaRecord, type KafkaSignal } from '@zilla-ts/kafka'
import { BackOff } from '../back-off.ts'
import { EndQuery, type EndWaiter } from '../end-query.ts'
import { type Ends, LogPositions } from '../log-positions.ts'
import type { SessionMap } from './session-map.ts'

const WINDOW_BYTES = 4 * 1024 * 1024

export interface SessionReaderListener {
  /** The end seen at start has been read. */
  onLoaded(): void
  /** Something has been read of this partition, or there is nothing to read. */
  onFetched(partition: number): void
  onReaderAvailable(available: boolean): void
  /** The log of this partition is not the one that was read: everything must be read again. */
  onLogReplaced(partition: number): void
  /** The topic has more partitions now, so that client ids would belong elsewhere. */
  onGrown(): void
}

/** Waits until everything is read that was in the log when it asked. */
export class CatchUp implements EndWaiter {
  cancelled = false
  ends: Ends | null = null
  readonly #done: (error: StreamError | null) => void
  readonly #reader: SessionReader

  constructor(reader: SessionReader, done: (error: StreamError | null) => void) {
    this.#reader = reader
    this.#done = done
  }

  onEnds(ends: Ends): void {
    this.ends = ends
    this.#reader.await(this)
  }

  onEndsRefused(error: StreamError): void {
    this.finish(error)
  }

  cancel(): void {
    this.cancelled = true
  }

  finish(error: StreamError | null): void {
    if (this.cancelled) return
    this.cancelled = true
    this.#done(error)
  }
}

export class SessionReader implements StreamHandler<Kafka> {
  readonly #exit: Exit<Kafka>
  readonly #topic: string
  readonly #report: Reporter
  readonly #map: SessionMap
  readonly #listener: SessionReaderListener
  readonly #positions = new LogPositions()
  readonly #backOff: BackOff
  readonly #ends: EndQuery
  #waiting: CatchUp[] = []
  #stream: Stream<Kafka> | null = null
  #open = false
  #available = false
  #startEnds: Ends | null = null
  #loaded = false
  #partitions = 0

  constructor(
    exit: Exit<Kafka>,
    topic: string,
    clock: Clock,
    report: Reporter,
    map: SessionMap,
    listener: SessionReaderListener,
  ) {
    this.#exit = exit
    this.#topic = topic
    this.#report = report
    this.#map = map
    this.#listener = listener
    this.#backOff = new BackOff(clock, () => this.#connect())
    this.#ends = new EndQuery(exit, topic, clock, 'uncommitted')
  }

  /** 0 until it is known */
  get partitions(): number {
    return this.#partitions
  }

  /** the end seen at start has been read */
  get loaded(): boolean {
    return this.#loaded
  }

  get available(): boolean {
    return this.#available
  }

  /** who waits for an end to be reached */
  get waiting(): number {
    return this.#waiting.length
  }

  open(): void {
    if (this.#open) return
    this.#open = true
    this.#connect()
  }

  close(): void {
    this.#open = false
    this.#backOff.cancel()
    this.#ends.stop()
    for (const waiter of this.#waiting.splice(0)) waiter.cancel()
    const stream = this.#stream
    this.#stream = null
    stream?.abort(new StreamError('closed', 'not needed any more'))
    this.#setAvailable(false)
  }

  /** Reads everything again, as after a start. */
  restart(): void {
    const stream = this.#stream
    this.#stream = null
    stream?.abort(new StreamError('closed', 'reads from the start'))
    this.#positions.clear()
    this.#startEnds = null
    this.#loaded = false
    this.#setAvailable(false)
    this.#backOff.schedule()
  }

  /** Calls back once, when all is read that is in the log now; with the error when that cannot be known. */
  catchUp(done: (error: StreamError | null) => void): CatchUp {
    const waiter = new CatchUp(this, done)
    this.#ends.ask(waiter)
    return waiter
  }

  /** `waiter.ends` is known now. */
  await(waiter: CatchUp): void {
    if (this.#loaded && this.#positions.reached(waiter.ends!)) waiter.finish(null)
    else this.#waiting.push(waiter)
  }

  onAccept(info: KafkaAccept): void {
    if (info.kind !== 'fetch') return
    if (this.#partitions !== 0 && info.partitions.length !== this.#partitions) {
      this.#listener.onGrown()
      return
    }
    this.#partitions = info.partitions.length
    const ends: number[] = []
    for (const { partition, start, end } of info.partitions) {
      this.#positions.set(partition, start)
      ends[partition] = end
    }
    this.#startEnds ??= ends
    this.#backOff.reset()
    this.#setAvailable(true)
    for (const { partition } of info.partitions) this.#onFetched(partition)
  }

  onData(payload: Buffer, record: Kafka['meta'], cost: number): void {
    this.#stream?.grant(cost)
    if (!(record instanceof KafkaRecord)) return
    // First, so that a record that makes somebody throw is not read again for ever.
    this.#positions.set(record.partition, record.offset + 1)
    this.#map.apply(record, payload)
    this.#onFetched(record.partition)
  }

  onSignal(signal: KafkaSignal): void {
    switch (signal.kind) {
      case 'progress':
        this.#positions.set(signal.partition, signal.next)
        this.#onFetched(signal.partition)
        break
      case 'marker':
        this.#positions.set(signal.partition, signal.offset + 1)
        this.#map.mark(signal.partition, signal.producerId, signal.committed)
        this.#onFetched(signal.partition)
        break
      case 'lost':
        this.#report.event('error', 'MQTT_KAFKA_SESSIONS_LOST', `records of ${this.#topic} were removed unread`, {
          topic: this.#topic,
          partition: signal.partition,
          from: signal.from,
          to: signal.to,
        })
        this.#listener.onLogReplaced(signal.partition)
        break
      case 'partition':
        this.#listener.onGrown()
        break
      case 'available':
        this.#setAvailable(signal.available)
        break
    }
  }

  onEnd(): void {
    this.#stream?.end()
    this.onAbort(new StreamError('unavailable', 'the reader was ended'))
  }

  onAbort(error: StreamError): void {
    this.#stream = null
    this.#setAvailable(false)
    if (!this.#open) return
    this.#report.event('warn', 'MQTT_KAFKA_READER_STOPPED', `cannot read ${this.#topic}: ${error.message}`, {
      topic: this.#topic,
      code: error.code,
    })
    this.#backOff.schedule()
  }

  #connect(): void {
    const from = this.#positions.empty ? 'start' : new Map(this.#positions.copy().entries())
    const open = { kind: 'fetch', topic: this.#topic, from, isolation: 'uncommitted' } as const
    const stream = this.#exit.connect(open, null, this)
    if (stream === null) {
      this.onAbort(new StreamError('unavailable', `${this.#exit.name} refuses`))
      return
    }
    this.#stream = stream
    stream.grant(WINDOW_BYTES)
  }

  #onFetched(partition: number): void {
    if (!this.#loaded && this.#startEnds !== null && this.#positions.reached(this.#startEnds)) {
      this.#loaded = true
      this.#listener.onLoaded()
    }
    this.#listener.onFetched(partition)
    if (this.#waiting.length === 0 || !this.#loaded) return
    const reached = this.#waiting.filter(({ ends }) => this.#positions.reached(ends!))
    if (reached.length === 0) return
    this.#waiting = this.#waiting.filter((waiter) => !reached.includes(waiter) && !waiter.cancelled)
    for (const waiter of reached) waiter.finish(null)
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return
    this.#available = available
    this.#listener.onReaderAvailable(available)
  }
}
