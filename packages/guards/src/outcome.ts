/** Counters and log lines that all guards share: how many were let in, and why others were not. */
import type { Counter, Reporter } from '@zilla-ts/engine'

export class Outcome {
  readonly #report: Reporter
  readonly #accepted: Counter
  readonly #refused: Counter

  constructor(report: Reporter) {
    this.#report = report
    this.#accepted = report.counter('guard.accepted')
    this.#refused = report.counter('guard.refused')
  }

  accepted(): void {
    this.#accepted.value++
  }

  /** For operators; the binding that asked says itself whom it has refused. `reason` holds nothing that was shown. */
  refused(reason: string): null {
    this.#refused.value++
    this.#report.event('debug', 'GUARD_REFUSED', reason)
    return null
  }
}
