/**
 * The key set of an issuer at an address: read at start, again in the background, and when a token names a key that is not
 * in it. One read at a time, and reads that tokens cause are rare, so that nobody can make us flood the issuer. While the
 * issuer is away the last set is used until it is too old.
 */
import { type Clock, type Reporter, StreamError, type Task, type Timer } from '@zilla-ts/engine'
import { fetchKeys } from './fetch-keys.ts'
import type { VerifyingKey } from './key.ts'
import { KeySet } from './key-set.ts'

/** How long one read may take. */
const READ_MS = 10_000
/** Least time between two reads that tokens with unknown keys cause. */
const COOLDOWN_MS = 30_000
/** First pause after a failed read; it doubles up to the regular interval. */
const RETRY_MS = 5_000

export interface RemoteKeysOptions {
  readonly url: string
  readonly refreshMs: number
  readonly staleMs: number
  readonly clock: Clock
  readonly report: Reporter
  /** the set is another one now: what old keys have verified counts no more */
  readonly onChange: () => void
}

export class RemoteKeys implements Task {
  readonly #options: RemoteKeysOptions
  #set: KeySet | null = null
  /** monotonic ms: of the last set, and of the begin of the last read */
  #readAt = 0
  #triedAt = Number.NEGATIVE_INFINITY
  #retryMs = RETRY_MS
  #reading: Promise<void> | null = null
  #abort: AbortController | null = null
  #timer: Timer | null = null
  #stopped = false

  constructor(options: RemoteKeysOptions) {
    this.#options = options
  }

  /** Does not wait: tokens that come before the keys do wait for the read that has begun. */
  start(): void {
    this.run()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#abort?.abort()
  }

  /** Null: there is no such key. Rejects with `unavailable` when that cannot be said now. */
  async find(kid: string | null, algorithm: string): Promise<VerifyingKey | null> {
    const set = this.#usable()
    if (set !== null && (kid === null || set.has(kid))) return set.find(kid, algorithm)
    await this.#readIfDue()
    const next = this.#usable()
    if (next !== null) return next.find(kid, algorithm)
    throw new StreamError('unavailable', `there are no keys yet from ${this.#options.url}`)
  }

  /** Whether the issuer still has the key, as far as is known. A set that is too old for new tokens takes nothing back. */
  holds(key: VerifyingKey): boolean {
    return this.#set === null || this.#set.holds(key)
  }

  /** Time for the next read. */
  run(): void {
    if (this.#reading === null) void this.#read()
  }

  /** A read reports its own faults; the next one is as good a try as any. */
  fault(_error: StreamError): void {
    this.#arm(this.#options.refreshMs)
  }

  #usable(): KeySet | null {
    const { clock, staleMs } = this.#options
    return this.#set !== null && clock.monotonic() - this.#readAt < staleMs ? this.#set : null
  }

  #readIfDue(): Promise<void> {
    if (this.#reading !== null) return this.#reading
    const recent = this.#options.clock.monotonic() - this.#triedAt < COOLDOWN_MS
    return recent || this.#stopped ? Promise.resolve() : this.#read()
  }

  #read(): Promise<void> {
    this.#triedAt = this.#options.clock.monotonic()
    this.#timer?.cancel()
    this.#reading = this.#attempt().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #attempt(): Promise<void> {
    const { url, clock, report, refreshMs } = this.#options
    const abort = new AbortController()
    this.#abort = abort
    const late = `it did not answer within ${READ_MS / 1_000} s`
    const expire = (): void => abort.abort(new Error(late))
    const deadline = clock.after(READ_MS, { run: expire, fault: expire })
    try {
      const { keys, unusable } = await fetchKeys(url, abort.signal)
      this.#take(new KeySet(keys), unusable)
      this.#retryMs = RETRY_MS
      this.#arm(refreshMs)
    } catch (error) {
      if (this.#stopped) return
      report.counter('jwks.failed').value++
      const usable = this.#usable() !== null
      const effect = usable ? 'the keys read before are used' : 'no token can be checked until they are there'
      const message = `the keys of the issuer cannot be read: ${(error as Error).message}; ${effect}`
      report.event(usable ? 'warn' : 'error', 'JWKS_UNAVAILABLE', message, { url })
      this.#arm(Math.min(this.#retryMs, refreshMs))
      this.#retryMs = Math.min(this.#retryMs * 2, refreshMs)
    } finally {
      deadline.cancel()
    }
  }

  #take(set: KeySet, unusable: readonly string[]): void {
    const { url, clock, report, onChange } = this.#options
    report.counter('jwks.read').value++
    this.#readAt = clock.monotonic()
    if (set.fingerprint === this.#set?.fingerprint) return
    this.#set = set
    const fields = { url, keys: set.size, ...(unusable.length === 0 ? {} : { unusable }) }
    report.event('info', 'JWKS_READ', 'the keys of the issuer are new', fields)
    onChange()
  }

  #arm(ms: number): void {
    if (!this.#stopped) this.#timer = this.#options.clock.after(ms, this)
  }
}
