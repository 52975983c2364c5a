/**
 * Offsets that topics are known to have reached: whatever is written from now on lies there or above. Good enough to look
 * for a record later, and costs no question per publish. Bounded; asked again while it is used, so that looking stays short.
 */
import type { Clock, Exit, StreamError } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { EndQuery, type EndWaiter } from './end-query.ts'
import type { Ends } from './log-positions.ts'

const REFRESH_MS = 10_000
const TOPICS_MAX = 1_000

class KnownTopic implements EndWaiter {
  readonly cancelled = false
  readonly query: EndQuery
  ends: Ends | null = null
  askedAt = 0
  waiting: ((ends: Ends | null) => void)[] = []

  constructor(query: EndQuery) {
    this.query = query
  }

  onEnds(ends: Ends): void {
    this.ends = ends
    for (const waiter of this.waiting.splice(0)) waiter(ends)
  }

  onEndsRefused(_error: StreamError): void {
    for (const waiter of this.waiting.splice(0)) waiter(null)
  }
}

export class KnownEnds {
  readonly #clock: Clock
  readonly #topics = new Map<string, KnownTopic>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls back, at once where it can, with offsets that the topic has reached; null: it cannot be asked. */
  of(exit: Exit<Kafka>, topic: string, then: (ends: Ends | null) => void): void {
    const known = this.#topics.get(topic) ?? this.#add(exit, topic)
    const now = this.#clock.monotonic()
    if (known.ends === null || now - known.askedAt >= REFRESH_MS) this.#ask(known, now)
    if (known.ends !== null) then(known.ends)
    else known.waiting.push(then)
  }

  stop(): void {
    for (const { query } of this.#topics.values()) query.stop()
    this.#topics.clear()
  }

  #add(exit: Exit<Kafka>, topic: string): KnownTopic {
    if (this.#topics.size >= TOPICS_MAX) this.#forgetOldest()
    const known = new KnownTopic(new EndQuery(exit, topic, this.#clock))
    known.askedAt = Number.NEGATIVE_INFINITY
    this.#topics.set(topic, known)
    return known
  }

  #ask(known: KnownTopic, now: number): void {
    if (known.waiting.length > 0) return
    known.askedAt = now
    known.query.ask(known)
  }

  #forgetOldest(): void {
    for (const [topic, known] of this.#topics) {
      if (known.waiting.length > 0) continue
      known.query.stop()
      this.#topics.delete(topic)
      return
    }
  }
}
