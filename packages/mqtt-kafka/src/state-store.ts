/**
 * Writes the state of one session when something depends on it: a PUBLISH of QoS 2 on the number it is sent with, an answer
 * on what it promises. Everything that is due in one turn shares a record. A session that ends with its connection writes
 * nothing, and nobody waits.
 */
import type { SessionHandle } from './session/ownership.ts'

/** Who waits until the state is stored. */
export interface Stored {
  onStored(): void
}

export class StateStore {
  readonly #handle: SessionHandle
  /** the session outlives its connection */
  readonly durable: boolean
  /** what the next record is for */
  #batch: Stored[] | null = null

  constructor(handle: SessionHandle, durable: boolean) {
    this.#handle = handle
    this.durable = durable
  }

  /** Calls back once the state as of the end of this turn, or later, is stored; at once where nothing is. */
  after(waiter: Stored): void {
    if (!this.durable) {
      waiter.onStored()
      return
    }
    if (this.#batch === null) {
      const batch: Stored[] = []
      this.#batch = batch
      this.#handle.save(() => {
        for (const one of batch) one.onStored()
      })
    }
    this.#batch.push(waiter)
  }

  /** The state has changed in a way that may be written late. */
  touch(): void {
    if (this.durable) this.#handle.touch()
  }

  /** The state is composed now: what changes from here on needs another record. */
  composed(): void {
    this.#batch = null
  }
}
