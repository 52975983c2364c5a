/**
 * Kafka topics that were asked for and are not there. For a while clients that name them are refused without asking Kafka
 * again, or one client could keep it busy with names it makes up.
 */
import type { Clock, StreamError } from '@zilla-ts/engine'

const REMEMBERED_MS = 5_000
const TOPICS_MAX = 1_000

export class MissingTopics {
  readonly #clock: Clock
  readonly #missing = new Map<string, { readonly error: StreamError; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(topic: string, error: StreamError): void {
    if (this.#missing.size >= TOPICS_MAX) this.#missing.clear()
    this.#missing.set(topic, { error, until: this.#clock.monotonic() + REMEMBERED_MS })
  }

  /** Why the topic cannot be used; null when it may be there. */
  get(topic: string): StreamError | null {
    const missing = this.#missing.get(topic)
    if (missing === undefined) return null
    if (this.#clock.monotonic() < missing.until) return missing.error
    this.#missing.delete(topic)
    return null
  }
}
