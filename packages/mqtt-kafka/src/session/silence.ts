/**
 * The silence rule: an instance that may have lost its clients without knowing serves them nothing. A partition falls silent
 * when its log could not be read for the lease, and when the event loop stood still; it speaks again when everything is read
 * that was in the log at a later moment. Asks for the end of the log while a partition is quiet: a quiet log is not a broken one.
 */
import type { Clock, StreamError, Task, Timer } from '@zilla-ts/engine'
import type { Membership } from './membership.ts'
import type { SessionParameters } from './parameters.ts'
import type { CatchUp, SessionReader } from './session-reader.ts'

export interface SilenceListener {
  onSilent(partition: number, silent: boolean): void
  /** The reader was cut off for so long that the map cannot be trusted. */
  onStale(): void
}

const TICKS_PER_LEASE = 10

export class Silence implements Task {
  readonly #clock: Clock
  readonly #parameters: SessionParameters
  readonly #reader: SessionReader
  readonly #membership: Membership
  readonly #listener: SilenceListener
  /** by partition: when it was last read to some end, monotonic ms */
  readonly #readAt: number[] = []
  readonly #silent: boolean[] = []
  /** a map that was cut off for longer may have missed tombstones */
  staleMs: number
  #timer: Timer | null = null
  #tickAt = 0
  #catchUp: CatchUp | null = null
  /** when the catch-up that is under way was asked for, monotonic ms */
  #askedAt = 0

  constructor(
    clock: Clock,
    parameters: SessionParameters,
    reader: SessionReader,
    membership: Membership,
    listener: SilenceListener,
  ) {
    this.#clock = clock
    this.#parameters = parameters
    this.staleMs = parameters.staleMs
    this.#reader = reader
    this.#membership = membership
    this.#listener = listener
  }

  isSilent(partition: number): boolean {
    return this.#silent[partition] ?? false
  }

  /** The map is loaded: from now on it is watched. */
  start(): void {
    const now = this.#clock.monotonic()
    for (let partition = 0; partition < this.#reader.partitions; partition++) this.#readAt[partition] = now
    this.#tickAt = now
    this.#timer?.cancel()
    this.#timer = this.#clock.after(this.#tickMs, this)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#catchUp?.cancel()
    this.#catchUp = null
  }

  /** This partition has been read, or has nothing to read. */
  onFetched(partition: number): void {
    if (this.#silent[partition] !== true) this.#readAt[partition] = this.#clock.monotonic()
  }

  run(): void {
    // Where nobody else can be, nobody else can own.
    if (this.#membership.exclusive) return
    const now = this.#clock.monotonic()
    const lateMs = now - this.#tickAt - this.#tickMs
    this.#tickAt = now
    this.#timer = this.#clock.after(this.#tickMs, this)
    if (lateMs > this.staleMs || this.#quietMs(now) > this.staleMs) {
      this.#listener.onStale()
      return
    }
    const stalled = lateMs > this.#parameters.stallMs
    for (let partition = 0; partition < this.#readAt.length; partition++) {
      if (stalled || now - this.#readAt[partition]! > this.#parameters.leaseMs) this.#set(partition, true)
    }
    if (stalled) this.#ask(now)
    else if (this.#quietMs(now) > this.#parameters.leaseMs / 3) this.#ask(now)
  }

  fault(_error: StreamError): void {}

  get #tickMs(): number {
    return this.#parameters.leaseMs / TICKS_PER_LEASE
  }

  /** How long the partition that has been quiet for longest has been so. */
  #quietMs(now: number): number {
    let quietMs = 0
    for (const readAt of this.#readAt) quietMs = Math.max(quietMs, now - readAt)
    return quietMs
  }

  /** An answer that takes longer than the lease is asked for again: it may be lost with its connection. */
  #ask(now: number): void {
    if (this.#catchUp !== null && now - this.#askedAt < this.#parameters.leaseMs) return
    this.#catchUp?.cancel()
    this.#askedAt = now
    this.#catchUp = this.#reader.catchUp((error) => {
      this.#catchUp = null
      if (error === null) this.#onRead(now)
    })
  }

  /** Everything is read that was in the log at this time. */
  #onRead(askedAt: number): void {
    for (let partition = 0; partition < this.#readAt.length; partition++) {
      this.#readAt[partition] = Math.max(this.#readAt[partition]!, askedAt)
      const quietMs = this.#clock.monotonic() - this.#readAt[partition]!
      if (quietMs <= this.#parameters.leaseMs) this.#set(partition, false)
    }
  }

  #set(partition: number, silent: boolean): void {
    if (this.isSilent(partition) === silent) return
    this.#silent[partition] = silent
    this.#listener.onSilent(partition, silent)
  }
}
