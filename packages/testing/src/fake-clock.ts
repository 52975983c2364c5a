/** A clock that tests drive: time moves only by `advance`, the turn ends only by `turn`. */
import { type Clock, runTask, type Task, type Timer } from '@zilla-ts/engine'

interface Due {
  at: number
  order: number
  task: Task
}

export class FakeClock implements Clock {
  readonly faults: unknown[] = []
  #now: number
  #elapsed = 0
  #order = 0
  #due: Due[] = []
  #turn: Task[] = []

  constructor(now = 1_700_000_000_000) {
    this.#now = now
  }

  /** Whole, as a system's is, although timers may wait for fractions. */
  now(): number {
    return Math.round(this.#now)
  }

  monotonic(): number {
    return this.#elapsed
  }

  after(ms: number, task: Task): Timer {
    const due: Due = { at: this.#elapsed + Math.max(ms, 0), order: this.#order++, task }
    this.#due.push(due)
    return {
      cancel: () => {
        this.#due = this.#due.filter((other) => other !== due)
      },
    }
  }

  endOfTurn(task: Task): void {
    this.#turn.push(task)
  }

  /** timers that wait */
  get pending(): number {
    return this.#due.length
  }

  /** Ends turns until no task is queued; a chain of more than 1,000 turns is a loop and fails. */
  turn(): void {
    for (let turns = 0; this.#turn.length > 0; turns++) {
      if (turns > 1_000) throw new Error('tasks queue each other for ever')
      const queue = this.#turn
      this.#turn = []
      for (const task of queue) this.#run(task)
    }
  }

  /** Moves time on, firing timers in order, each followed by the end of its turn. */
  advance(ms: number): void {
    const until = this.#elapsed + ms
    this.turn()
    for (;;) {
      const next = this.#due.filter((due) => due.at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (next === undefined) break
      this.#due = this.#due.filter((due) => due !== next)
      this.#move(next.at)
      this.#run(next.task)
      this.turn()
    }
    this.#move(until)
  }

  #move(to: number): void {
    this.#now += to - this.#elapsed
    this.#elapsed = to
  }

  #run(task: Task): void {
    runTask(task, 'clock', (_where, error) => this.faults.push(error))
  }
}
