/** What a run has seen: broken promises, counts, times. One for the whole run. */
export const PROMISES = {
  P1: 'no acknowledged message is lost',
  P2: 'QoS 2 exactly once; nothing twice without a fault',
  P3: 'order per publisher, topic and QoS',
  P4: 'sessions go on, and get what came meanwhile',
  P5: 'retained is the last value',
  P6: 'wills once after an abnormal end, never after DISCONNECT',
  P7: 'one owner of a client id',
  P8: 'nobody hurts another connection or the process; everybody is served again after a fault',
  P9: 'memory stays within its bound',
} as const

export type Promised = keyof typeof PROMISES

const TEXTS_MAX = 20

export class Findings {
  readonly counts: Record<string, number> = {}
  readonly violations: Record<Promised, { count: number; texts: string[] }>
  /** seconds or milliseconds, by what they are of */
  readonly samples: Record<string, number[]> = {}
  /** called for each that is told */
  onViolation: (text: string) => void = () => {}

  constructor() {
    const none = Object.keys(PROMISES).map((promise) => [promise, { count: 0, texts: [] }])
    this.violations = Object.fromEntries(none)
  }

  violate(promise: Promised, text: string, times = 1): void {
    const violation = this.violations[promise]
    violation.count += times
    if (violation.texts.length >= TEXTS_MAX) return
    violation.texts.push(text)
    this.onViolation(`${promise} BROKEN: ${text}`)
  }

  count(what: string, times = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + times
  }

  sample(what: string, value: number): void {
    this.samples[what] ??= []
    this.samples[what].push(value)
  }

  get broken(): number {
    return Object.values(this.violations).reduce((sum, { count }) => sum + count, 0)
  }
}

/** Of values in any order; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN
}
