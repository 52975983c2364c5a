/** How many replays of all clients may be on their way to the live end: each reads the log from where it began. */
import type { Replay } from './replay.ts'

export class ReplayLimit {
  readonly #max: number
  readonly #replays = new Set<Replay>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    this.#forget()
    return this.#replays.size
  }

  /** One more may begin. */
  admits(): boolean {
    if (this.#replays.size >= this.#max) this.#forget()
    return this.#replays.size < this.#max
  }

  add(replay: Replay): void {
    this.#replays.add(replay)
  }

  #forget(): void {
    for (const replay of this.#replays) if (replay.caughtUp) this.#replays.delete(replay)
  }
}
