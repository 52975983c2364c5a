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

/** texts that differ in numbers only */
const ALIKE_MAX = 5

export class Findings {
  readonly counts: Record<string, number> = {}
  readonly violations: Record<Promised, { count: number; texts: string[] }>
  /** seconds or milliseconds, by what they are of */
  readonly samples: Record<string, number[]> = {}
  /** called for each that is told */
  onViolation: (text: string) => void = () => {}

  readonly #alike = new Map<string, number>()

  constructor() {
    const none = Object.keys(PROMISES).map((promise) => [promise, { count: 0, texts: [] }])
    this.violations = Object.fromEntries(none)
  }

  /** Texts that are alike are kept a few times only. */
  violate(promise: Promised, text: string, times = 1): void {
    const violation = this.violations[promise]
    violation.count += times
    const kind = text.replaceAll(/\d+/g, 'N').slice(0, 200)
    const alike = (this.#alike.get(kind) ?? 0) + 1
    this.#alike.set(kind, alike)
    if (alike > ALIKE_MAX) return
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
