/**
 * Time for bindings: wall clock, timers and the end of the turn. One `setImmediate` serves the whole engine: microtasks
 * would run between the data events of two sockets and batch per socket only.
 */
import type { Clock, StreamError, Task, Timer } from './contract.ts'
import { type FaultListener, toStreamError } from './stream.ts'

/** Runs a task; what it throws is reported and ends only what the task belongs to. */
export function runTask(task: Task, where: string, onFault: FaultListener): void {
  try {
    task.run()
  } catch (error) {
    onFault(where, error)
    const reason: StreamError = toStreamError(error, 'internal')
    try {
      task.fault(reason)
    } catch (fault) {
      onFault(`${where}.fault`, fault)
    }
  }
}

export class SystemClock implements Clock {
  readonly #onFault: FaultListener
  #queue: Task[] = []
  #spare: Task[] = []
  #scheduled = false
  readonly #flush = () => this.#runTurn()

  constructor(onFault: FaultListener) {
    this.#onFault = onFault
  }

  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  after(ms: number, task: Task): Timer {
    // Node turns delays above 2^31−1 ms into 1 ms.
    const timer = setTimeout(() => runTask(task, 'timer', this.#onFault), Math.min(Math.max(ms, 0), 0x7fffffff))
    return { cancel: () => clearTimeout(timer) }
  }

  endOfTurn(task: Task): void {
    this.#queue.push(task)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  #runTurn(): void {
    const queue = this.#queue
    this.#queue = this.#spare
    this.#spare = queue
    this.#scheduled = false
    for (let at = 0; at < queue.length; at++) runTask(queue[at]!, 'endOfTurn', this.#onFault)
    queue.length = 0
  }
}
