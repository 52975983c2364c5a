/**
 * Token buckets, each kept as one number: the time at which it is full again (generic cell rate algorithm, ITU-T I.371). What
 * is taken moves that time on; it is over its rate while the time lies further ahead than a full bucket lasts. Times are
 * monotonic ms, given by the caller, who has them anyway.
 */

/** Rounding of many additions must not take a token away. */
const ROUNDING_MS = 1e-3

export class Rate {
  readonly #intervalMs: number
  readonly #fullMs: number
  readonly #tokens: number

  /** `tokens` a second on average, and `seconds` worth of them at once. */
  constructor(perSecond: number, seconds: number) {
    this.#intervalMs = 1_000 / perSecond
    this.#fullMs = seconds * 1_000
    this.#tokens = Math.max(1, perSecond * seconds)
  }

  /** The bucket after `cost` tokens were taken from it, at most a full one: it may owe some. */
  take(bucket: number, cost: number, now: number): number {
    return Math.max(bucket, now) + Math.min(cost, this.#tokens) * this.#intervalMs
  }

  /** Ms until the bucket owes nothing; 0 or less: it does not. */
  owedMs(bucket: number, now: number): number {
    return bucket - now - Math.max(this.#fullMs, this.#intervalMs) - ROUNDING_MS
  }
}

/**
 * A bucket for each of many keys that peers choose. Only those that are not full are worth keeping; where there are too many,
 * the oldest go, for whoever has so many keys is not stopped by a limit on one.
 */
export class KeyedRate {
  readonly #rate: Rate
  readonly #keysMax: number
  readonly #buckets = new Map<string, number>()

  constructor(rate: Rate, keysMax: number) {
    this.#rate = rate
    this.#keysMax = keysMax
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes one token; false: there is none, and nothing was taken. */
  take(key: string, now: number): boolean {
    const known = this.#buckets.get(key)
    const bucket = this.#rate.take(known ?? 0, 1, now)
    if (this.#rate.owedMs(bucket, now) > 0) return false
    if (known === undefined && this.#buckets.size >= this.#keysMax) this.#makeRoom(now)
    this.#buckets.set(key, bucket)
    return true
  }

  /** Room for a quarter, so that a flood of keys does not pay this walk for each. */
  #makeRoom(now: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket <= now) this.#buckets.delete(key)
    let surplus = this.#buckets.size - Math.floor(this.#keysMax * 0.75)
    for (const key of this.#buckets.keys()) {
      if (surplus-- <= 0) return
      this.#buckets.delete(key)
    }
  }
}
