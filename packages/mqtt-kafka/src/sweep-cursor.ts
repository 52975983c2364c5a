/**
 * A walk through one partition, from the lowest record that somebody behind needs up to the live reader, serving all whom it
 * passes. Who has no room is left where it is; when nobody is left to serve it stands still for a while. Made by `Sweeps`.
 */
import { type Stream, StreamError, type StreamHandler, type Task, type Timer } from '@zilla-ts/engine'
import { type Kafka, KafkaRecord, type KafkaSignal } from '@zilla-ts/kafka'
import type { Lag } from './lag.ts'
import type { Sweeps } from './sweeps.ts'

/** Room for records on the way; what may be held here while nobody can take more. */
const WINDOW_BYTES = 256 * 1024
/** How long it stands still for those it left before it gives up its place. */
const PAUSED_MS = 2_000

const NOBODY: readonly Lag[] = []

interface Kept {
  readonly payload: Buffer
  readonly record: KafkaRecord
  readonly cost: number
}

export class SweepCursor implements StreamHandler<Kafka>, Task {
  /** everything below it has been shown to those it serves */
  position: number
  readonly #sweeps: Sweeps
  readonly #served = new Set<Lag>()
  /** those served that want records again which they had been sent */
  readonly #wanting = new Set<Lag>()
  /** those further on, nearest first */
  readonly #ahead: Lag[] = []
  /** records that came while it stood still */
  #kept: Kept[] = []
  /** where it is when they have been shown */
  #progress = 0
  #stream: Stream<Kafka> | null = null
  #pause: Timer | null = null
  #draining = false
  /** the record at `position` is being shown */
  #showing = false
  #over = false

  constructor(sweeps: Sweeps, lag: Lag) {
    this.#sweeps = sweeps
    this.position = lag.next
    this.join(lag)
  }

  /** It waits for those it left behind. */
  get paused(): boolean {
    return this.#pause !== null
  }

  /** Who gets every record now. */
  get served(): Iterable<Lag> {
    return this.#served
  }

  /** Who needs nothing below it can still come with it. */
  get reach(): number {
    return this.#showing ? this.position + 1 : this.position
  }

  /** Begins when this turn ends, so that those who resume together go together. */
  open(): void {
    this.#sweeps.log.clock.endOfTurn(this)
  }

  run(): void {
    if (this.#over) return
    const { log, partition } = this.#sweeps
    const from = new Map([[partition, this.position]])
    const open = { kind: 'fetch', topic: log.topic, from, partitions: [partition] } as const
    this.#stream = log.exit.connect(open, null, this)
    if (this.#stream === null) this.#fail(new StreamError('unavailable', `${log.exit.name} refuses`))
    else this.#stream.grant(WINDOW_BYTES)
  }

  fault(error: StreamError): void {
    this.#fail(error)
  }

  /** Takes somebody with it whose `next` it has not passed. */
  join(lag: Lag): void {
    lag.cursor = this
    if (lag.next > this.position) {
      lag.state = 'waiting'
      let at = this.#ahead.length
      while (at > 0 && this.#ahead[at - 1]!.next > lag.next) at--
      this.#ahead.splice(at, 0, lag)
    } else this.#serve(lag)
    if (this.paused) this.#goOn()
  }

  /** Somebody has no room for the record at `position`: it stays behind. */
  park(lag: Lag): void {
    this.leave(lag)
    lag.next = this.position
    lag.state = 'parked'
  }

  leave(lag: Lag): void {
    lag.cursor = null
    this.#wanting.delete(lag)
    if (this.#served.delete(lag)) return
    const at = this.#ahead.indexOf(lag)
    if (at >= 0) this.#ahead.splice(at, 1)
  }

  /** Those who want this very record again. */
  wanting(offset: number): readonly Lag[] {
    if (this.#wanting.size === 0) return NOBODY
    const found: Lag[] = []
    for (const lag of this.#wanting) {
      if (lag.wanted.size === 0) this.#wanting.delete(lag)
      else if (lag.wanted.has(offset)) found.push(lag)
    }
    return found
  }

  /** Ends it; whom it served waits for another. */
  close(error: StreamError): Lag[] {
    if (this.#over) return []
    this.#over = true
    this.#pause?.cancel()
    this.#stream?.abort(error)
    this.#stream = null
    this.#kept = []
    const left = [...this.#served, ...this.#ahead]
    for (const lag of left) {
      if (lag.state === 'served') lag.next = this.position
      lag.state = 'waiting'
      lag.cursor = null
    }
    this.#served.clear()
    this.#wanting.clear()
    this.#ahead.length = 0
    return left
  }

  onData(payload: Buffer, record: Kafka['meta'], cost: number): void {
    if (!(record instanceof KafkaRecord)) return
    if (this.#kept.length > 0 || !this.#show(payload, record)) this.#keep(payload, record, cost)
    else if (!this.#over) this.#stream?.grant(cost)
  }

  onSignal(signal: KafkaSignal): void {
    if (signal.kind === 'progress') this.#advance(signal.next)
    else if (signal.kind === 'lost') this.#lose(signal.to)
  }

  onEnd(): void {
    this.#stream?.end()
    this.#fail(new StreamError('unavailable', 'the reader was ended'))
  }

  onAbort(error: StreamError): void {
    this.#stream = null
    this.#fail(error)
  }

  /** False: nobody could take it, so that it must be kept. */
  #show(payload: Buffer, record: KafkaRecord): boolean {
    // Records may arrive that were kept and shown before, after a look back.
    if (record.offset < this.position) return true
    this.position = record.offset
    this.#admit()
    const served = this.#served.size
    this.#showing = true
    if (served > 0) this.#sweeps.log.dispatchBehind(this, payload, record)
    this.#showing = false
    if (this.#over) return true
    if (served > 0 && this.#served.size === 0 && this.#ahead.length === 0) {
      this.#standStill()
      return false
    }
    this.#moveTo(record.offset + 1)
    return true
  }

  #advance(next: number): void {
    // What was kept comes first.
    if (this.#kept.length > 0) this.#progress = Math.max(this.#progress, next)
    else this.#moveTo(next)
  }

  #moveTo(next: number): void {
    if (this.#over || next <= this.position) return
    this.position = next
    this.#admit()
    this.#arrive()
  }

  /** Takes in those it has come to. */
  #admit(): void {
    while (this.#ahead.length > 0 && this.#ahead[0]!.next <= this.position) {
      this.#serve(this.#ahead.shift()!)
    }
  }

  #serve(lag: Lag): void {
    lag.state = 'served'
    this.#served.add(lag)
    if (lag.wanted.size > 0) this.#wanting.add(lag)
  }

  /** At the live reader, or past it, everybody has caught up. */
  #arrive(): void {
    const { log, partition } = this.#sweeps
    if (this.position < log.next(partition)) return
    const arrived = [...this.#served, ...this.#ahead]
    for (const lag of this.#served) lag.next = this.position
    for (const lag of arrived) {
      lag.state = 'over'
      lag.cursor = null
    }
    this.#served.clear()
    this.#wanting.clear()
    this.#ahead.length = 0
    this.#sweeps.onOver(this, new StreamError('closed', 'has caught up'))
  }

  /** Retention was faster than we. */
  #lose(to: number): void {
    if (this.#kept.length > 0) {
      // What was kept comes first; a new cursor will hear of the loss in its turn.
      this.#fail(new StreamError('unavailable', 'records were removed'))
      return
    }
    this.#sweeps.log.countLost(Math.max(0, to - this.position))
    for (const lag of this.#served) {
      for (const offset of [...lag.wanted]) if (offset < to) lag.receiver.gone(lag, offset)
    }
    // The log may have been made anew, and end before us.
    this.position = Math.min(this.position, to)
    this.#advance(to)
  }

  #keep(payload: Buffer, record: KafkaRecord, cost: number): void {
    this.#kept.push({ payload: Buffer.from(payload), record: record.copy(), cost })
  }

  #standStill(): void {
    const { clock } = this.#sweeps.log
    const giveUp = () => {
      this.#pause = null
      this.#sweeps.onOver(this, new StreamError('closed', 'nobody can take more'))
    }
    this.#pause ??= clock.after(PAUSED_MS, { run: giveUp, fault: giveUp })
  }

  /** Somebody can take more. */
  #goOn(): void {
    this.#pause?.cancel()
    this.#pause = null
    if (this.#draining) return
    this.#draining = true
    for (let kept = this.#kept[0]; kept !== undefined && !this.#over; kept = this.#kept[0]) {
      if (!this.#show(kept.payload, kept.record)) break
      // A look back may have emptied it.
      if (this.#kept[0] === kept) this.#kept.shift()
      this.#stream?.grant(kept.cost)
    }
    this.#draining = false
    if (this.#kept.length > 0 || this.#over) return
    this.#moveTo(this.#progress)
    if (!this.#over) this.#arrive()
  }

  #fail(error: StreamError): void {
    if (!this.#over) this.#sweeps.onFailed(this, error)
  }
}
