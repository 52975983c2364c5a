/**
 * The connections of one binding with their deadlines, which are looked at once a second, so that a frame or a request only
 * stores a number.
 */
import { type Clock, type Reporter, StreamError, type Task, type Timer } from '@zilla-ts/engine'

/** How often deadlines are looked at, and so how much later than due they may be met. */
export const TICK_MS = 1_000
/** A tick so late means that this process was stopped: what peers sent meanwhile has not been read yet. */
const STOPPED_MS = 5 * TICK_MS

export interface Watched {
  /** `now` in monotonic ms; `late`: this process has slept, so that silence proves nothing about the peer */
  check(now: number, late: boolean): void
  abort(error: StreamError): void
}

export class Watch<T extends Watched> implements Task {
  /** monotonic ms at the last tick: costs nothing to read, up to a tick old */
  now = 0
  readonly #clock: Clock
  readonly #report: Reporter
  readonly #all = new Set<T>()
  #timer: Timer | null = null
  #drained: (() => void) | null = null

  constructor(clock: Clock, report: Reporter) {
    this.#clock = clock
    this.#report = report
  }

  get size(): number {
    return this.#all.size
  }

  add(item: T): void {
    if (this.#timer === null) this.#arm()
    this.#all.add(item)
  }

  /** False: it was not there any more. */
  delete(item: T): boolean {
    const found = this.#all.delete(item)
    if (this.#all.size === 0) this.#drained?.()
    return found
  }

  /** A tick. */
  run(): void {
    const late = this.#clock.monotonic() - this.now > STOPPED_MS
    this.#timer = null
    if (this.#all.size > 0) this.#arm()
    for (const item of this.#all) {
      try {
        item.check(this.now, late)
      } catch (error) {
        this.#report.fault('check', error)
        item.abort(new StreamError('internal', 'a deadline could not be checked', { cause: error }))
      }
    }
  }

  /** Every item is checked apart, so there is nothing left to end here. */
  fault(_error: StreamError): void {}

  /** Resolves when the last one is gone. */
  drained(): Promise<void> {
    if (this.#all.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  /** Ends all at once. */
  abort(error: StreamError): void {
    for (const item of this.#all) item.abort(error)
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(): void {
    this.now = this.#clock.monotonic()
    this.#timer = this.#clock.after(TICK_MS, this)
  }
}
