/**
 * Brokers that did not accept our credentials. Every part of a client tries to connect at a pace of its own; together they
 * must not knock so often that an account is locked, so that whoever comes too early gets the last answer again.
 */
import { type Clock, StreamError } from '@zilla-ts/engine'
import type { Complaints } from './complaints.ts'

const PAUSE_MIN_MS = 1_000
const PAUSE_MAX_MS = 10_000

/** A broker does not let us in. It may later: the account is made, or its password changed. */
export class AuthenticationRefused extends StreamError {
  constructor(message: string) {
    super('unavailable', message)
  }
}

interface Refusal {
  readonly error: AuthenticationRefused
  readonly pauseMs: number
  readonly until: number
}

export class Refusals {
  readonly #clock: Clock
  readonly #complaints: Complaints
  /** by address; few, since brokers are */
  readonly #refusals = new Map<string | null, Refusal>()

  constructor(clock: Clock, complaints: Complaints) {
    this.#clock = clock
    this.#complaints = complaints
  }

  /** Why there is no point in trying now; null: try. */
  current(address: string | null): AuthenticationRefused | null {
    const refusal = this.#refusals.get(address)
    return refusal !== undefined && this.#clock.monotonic() < refusal.until ? refusal.error : null
  }

  /** `certain`: the broker said so; else it closes what comes without credentials, which is told when none answers. */
  add(address: string | null, error: AuthenticationRefused, certain: boolean): void {
    if (certain) this.#complaints.say('error', 'KAFKA_AUTHENTICATION_FAILED', error.message)
    const now = this.#clock.monotonic()
    const known = this.#refusals.get(address)
    // Attempts that were under way together are one.
    if (known !== undefined && now < known.until) return
    const pauseMs = known === undefined ? PAUSE_MIN_MS : Math.min(known.pauseMs * 2, PAUSE_MAX_MS)
    this.#refusals.set(address, { error, pauseMs, until: now + pauseMs })
  }

  accepted(address: string | null): void {
    this.#refusals.delete(address)
  }
}
