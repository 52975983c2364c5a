/**
 * Events for things that go wrong again and again: each is told when it begins, and then once a minute while it goes on.
 * Made by `ClientSite` for all parts of a kafka client.
 */
import type { Clock, Reporter, StreamError } from '@zilla-ts/engine'

const AGAIN_MS = 60_000
const REMEMBERED_MAX = 1_000

export class Complaints {
  readonly #clock: Clock
  readonly #report: Reporter
  /** when it was told last, by text */
  readonly #told = new Map<string, number>()

  constructor(clock: Clock, report: Reporter) {
    this.#clock = clock
    this.#report = report
  }

  say(level: 'warn' | 'error', event: string, message: string): void {
    const now = this.#clock.monotonic()
    if (now - (this.#told.get(message) ?? -Infinity) < AGAIN_MS) return
    if (this.#told.size >= REMEMBERED_MAX) this.#told.clear()
    this.#told.set(message, now)
    this.#report.event(level, event, message)
  }

  /** What Kafka's ACLs keep from us; other errors are told elsewhere. */
  denied(error: StreamError): void {
    if (error.code === 'not-authorized') this.say('warn', 'KAFKA_NOT_AUTHORIZED', error.message)
  }
}
