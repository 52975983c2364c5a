/**
 * Log lines that peers can cause, at most so many of each kind a second: a flood of malformed clients must not become a
 * flood of log. What was left out is counted in the next line of that kind.
 */
import type { Clock, Level, Reporter } from './contract.ts'

const LINES_PER_SECOND = 10

interface Window {
  second: number
  lines: number
  suppressed: number
}

export class EventLimiter {
  readonly #report: Reporter
  readonly #clock: Clock
  /** one entry per event code, and those are constants of the program */
  readonly #windows = new Map<string, Window>()

  constructor(report: Reporter, clock: Clock) {
    this.#report = report
    this.#clock = clock
  }

  event(level: Level, event: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    const second = Math.floor(this.#clock.monotonic() / 1_000)
    let window = this.#windows.get(event)
    if (window === undefined) {
      window = { second, lines: 0, suppressed: 0 }
      this.#windows.set(event, window)
    }
    if (window.second !== second) {
      window.second = second
      window.lines = 0
    }
    if (++window.lines > LINES_PER_SECOND) {
      window.suppressed++
      return
    }
    const { suppressed } = window
    window.suppressed = 0
    this.#report.event(level, event, message, suppressed === 0 ? fields : { ...fields, suppressed })
  }
}
