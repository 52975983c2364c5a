/**
 * When to try again after Kafka has refused: soon at first, then less and less often, never all at the same moment.
 */
import type { Clock, StreamError, Task, Timer } from '@zilla-ts/engine'

const FIRST_MS = 100
const LAST_MS = 5_000

export class BackOff implements Task {
  readonly #clock: Clock
  readonly #retry: () => void
  #delayMs = FIRST_MS
  #timer: Timer | null = null

  constructor(clock: Clock, retry: () => void) {
    this.#clock = clock
    this.#retry = retry
  }

  /** It will try again. */
  get pending(): boolean {
    return this.#timer !== null
  }

  /** Calls `retry` once, after a while; again has no effect until then. */
  schedule(): void {
    if (this.#timer !== null) return
    this.#timer = this.#clock.after(this.#delayMs * (0.75 + Math.random() / 2), this)
    this.#delayMs = Math.min(this.#delayMs * 2, LAST_MS)
  }

  /** It worked: the next failure is a first one again. */
  reset(): void {
    this.#delayMs = FIRST_MS
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  run(): void {
    this.#timer = null
    this.#retry()
  }

  fault(_error: StreamError): void {
    this.schedule()
  }
}
