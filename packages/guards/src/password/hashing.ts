/**
 * Checks passwords two at a time: each takes 16 MiB or more and a thread of the pool that all file and crypto work shares.
 * The others wait in line, so many and so long; who waits longer is told that it cannot be said now.
 */
import { type Clock, StreamError } from '@zilla-ts/engine'
import { type PasswordHash, verifyPassword } from './hash.ts'

const AT_ONCE = 2
const WAITING_MAX = 1_000
/** Clients wait no longer than this for their CONNACK. */
const WAIT_MS = 10_000

interface Waiting {
  readonly since: number
  readonly start: () => void
  readonly expire: () => void
}

export class Hashing {
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  #running = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rejects with `unavailable` when too many are before it. */
  async verify(password: string, hash: PasswordHash): Promise<boolean> {
    if (this.#running >= AT_ONCE) await this.#turn()
    else this.#running++
    try {
      return await verifyPassword(password, hash)
    } finally {
      this.#next()
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX) throw busy()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ since: this.#clock.monotonic(), start: resolve, expire: () => reject(busy()) })
    })
  }

  /** Hands the place on, past those who have waited too long; they come here soon, for every check ends. */
  #next(): void {
    const oldest = this.#clock.monotonic() - WAIT_MS
    for (;;) {
      const next = this.#waiting.shift()
      if (next === undefined) {
        this.#running--
        return
      }
      if (next.since > oldest) {
        next.start()
        return
      }
      next.expire()
    }
  }
}

const busy = (): StreamError => new StreamError('unavailable', 'too many passwords are waiting to be checked')
