/**
 * Everybody who is behind in one partition, and the few cursors that bring them on: whoever comes joins a cursor that has
 * not passed it, or gets one of its own, or waits. So a thousand that resume together cost about one walk, and one that is
 * slow delays nobody: it stays, and the next cursor takes it from there.
 */
import { StreamError } from '@zilla-ts/engine'
import { BackOff } from './back-off.ts'
import type { Lag } from './lag.ts'
import type { MessageLog } from './message-log.ts'
import { SweepCursor } from './sweep-cursor.ts'

/** Cursors of one partition at a time. */
const CURSORS_MAX = 4
const REPLACED = new StreamError('closed', 'another cursor needs the place')

export class Sweeps {
  readonly log: MessageLog
  readonly partition: number
  readonly #cursors: SweepCursor[] = []
  readonly #waiting = new Set<Lag>()
  readonly #backOff: BackOff

  constructor(log: MessageLog, partition: number) {
    this.log = log
    this.partition = partition
    this.#backOff = new BackOff(log.clock, () => this.#place())
  }

  get size(): number {
    return this.#cursors.length
  }

  /** The receiver has room. */
  ready(lag: Lag): void {
    lag.state = 'waiting'
    if (this.#backOff.pending || !this.#placeOne(lag)) this.#waiting.add(lag)
  }

  /** The receiver is gone, or live by other means. */
  drop(lag: Lag): void {
    this.#waiting.delete(lag)
    lag.cursor?.leave(lag)
    lag.state = 'parked'
  }

  close(error: StreamError): void {
    this.#backOff.cancel()
    this.#waiting.clear()
    for (const cursor of this.#cursors.splice(0)) cursor.close(error)
  }

  onOver(cursor: SweepCursor, error: StreamError): void {
    this.#remove(cursor, error)
    this.#backOff.reset()
    this.#place()
  }

  /** Kafka is away. */
  onFailed(cursor: SweepCursor, error: StreamError): void {
    this.#remove(cursor, error)
    this.#backOff.schedule()
  }

  #remove(cursor: SweepCursor, error: StreamError): void {
    const at = this.#cursors.indexOf(cursor)
    if (at >= 0) this.#cursors.splice(at, 1)
    for (const lag of cursor.close(error)) this.#waiting.add(lag)
  }

  /** Finds a cursor for everybody who waits, the lowest first. */
  #place(): void {
    if (this.#waiting.size === 0 || this.#backOff.pending) return
    const waiting = [...this.#waiting].sort((a, b) => a.next - b.next)
    this.#waiting.clear()
    for (const lag of waiting) if (!this.#placeOne(lag)) this.#waiting.add(lag)
  }

  #placeOne(lag: Lag): boolean {
    const cursor = this.#nearest(lag.next)
    if (cursor !== null) cursor.join(lag)
    else if (this.#hasPlace()) this.#start(lag)
    else return false
    return true
  }

  /** The one that will be there first: it has not passed the offset. */
  #nearest(offset: number): SweepCursor | null {
    let found: SweepCursor | null = null
    for (const cursor of this.#cursors) {
      if (cursor.reach <= offset && (found === null || cursor.position > found.position)) found = cursor
    }
    return found
  }

  #hasPlace(): boolean {
    if (this.#cursors.length < CURSORS_MAX) return true
    const paused = this.#cursors.find((cursor) => cursor.paused)
    if (paused === undefined) return false
    this.#cursors.splice(this.#cursors.indexOf(paused), 1)
    for (const lag of paused.close(REPLACED)) this.#waiting.add(lag)
    return true
  }

  #start(lag: Lag): void {
    const cursor = new SweepCursor(this, lag)
    this.#cursors.push(cursor)
    cursor.open()
  }
}
