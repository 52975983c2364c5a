/**
 * One timer for everything that waits for a time: a heap of deadlines in epoch ms. Used by the session layer, where a million
 * clients may wait for their session to end. The clock may jump, so the timer never sleeps for longer than a minute.
 */
import type { Clock, StreamError, Task, Timer } from '@zilla-ts/engine'

/** Who waits. The queue keeps its place in the two fields. */
export interface Deadline {
  /** −1: not in the queue */
  dueIndex: number
  dueAt: number
  onDue(): void
}

const SLEEP_MS = 60_000
/** All clients of an instance that has died are due at once: others must have their turn between. */
const DUE_PER_TURN = 500

export class DeadlineQueue implements Task {
  readonly #clock: Clock
  readonly #onFault: (error: StreamError) => void
  readonly #heap: Deadline[] = []
  #timer: Timer | null = null
  #timerAt = 0

  constructor(clock: Clock, onFault: (error: StreamError) => void) {
    this.#clock = clock
    this.#onFault = onFault
  }

  get size(): number {
    return this.#heap.length
  }

  /** Replaces the deadline that there was. Infinity: none. */
  set(deadline: Deadline, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.remove(deadline)
      return
    }
    if (deadline.dueIndex === -1) {
      deadline.dueAt = at
      this.#put(deadline, this.#heap.length)
      this.#rise(deadline)
    } else if (at !== deadline.dueAt) {
      const earlier = at < deadline.dueAt
      deadline.dueAt = at
      if (earlier) this.#rise(deadline)
      else this.#sink(deadline)
    }
    this.#arm()
  }

  remove(deadline: Deadline): void {
    const at = deadline.dueIndex
    if (at === -1) return
    deadline.dueIndex = -1
    const last = this.#heap.pop()!
    if (last === deadline) return
    this.#put(last, at)
    this.#rise(last)
    this.#sink(last)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    for (const deadline of this.#heap) deadline.dueIndex = -1
    this.#heap.length = 0
  }

  run(): void {
    this.#timer = null
    const now = this.#clock.now()
    let left = DUE_PER_TURN
    try {
      for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now && left-- > 0; first = this.#heap[0]) {
        this.remove(first)
        first.onDue()
      }
    } finally {
      this.#arm()
    }
  }

  fault(error: StreamError): void {
    this.#onFault(error)
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined || (this.#timer !== null && this.#timerAt <= first.dueAt)) return
    this.#timer?.cancel()
    const now = this.#clock.now()
    const waitMs = Math.min(Math.max(first.dueAt - now, 0), SLEEP_MS)
    this.#timerAt = now + waitMs
    this.#timer = this.#clock.after(waitMs, this)
  }

  #put(deadline: Deadline, at: number): void {
    this.#heap[at] = deadline
    deadline.dueIndex = at
  }

  #rise(deadline: Deadline): void {
    let at = deadline.dueIndex
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = this.#heap[parent]!
      if (other.dueAt <= deadline.dueAt) break
      this.#put(other, at)
      at = parent
    }
    this.#put(deadline, at)
  }

  #sink(deadline: Deadline): void {
    let at = deadline.dueIndex
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#heap.length) break
      if (child + 1 < this.#heap.length && this.#heap[child + 1]!.dueAt < this.#heap[child]!.dueAt) child++
      const other = this.#heap[child]!
      if (other.dueAt >= deadline.dueAt) break
      this.#put(other, at)
      at = child
    }
    this.#put(deadline, at)
  }
}
