/** Events and counters of the bindings: one pino line per event, plain numbers for counters. Exporters read `counters()`. */
import type { Logger } from 'pino'
import type { Counter, Level, Reporter } from './contract.ts'

export class EngineReport {
  readonly #logger: Logger
  readonly #counters = new Map<string, Map<string, Counter>>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** The reporter of one binding or guard, by its qualified name. */
  reporter(owner: string): Reporter {
    const logger = this.#logger.child({ binding: owner })
    const counters = new Map<string, Counter>()
    this.#counters.set(owner, counters)
    return {
      event: (level: Level, event, message, fields) => logger[level]({ event, ...fields }, message),
      counter: (name) => {
        const known = counters.get(name)
        if (known !== undefined) return known
        const counter = { value: 0 }
        counters.set(name, counter)
        return counter
      },
      fault: (where, error) => this.fault(`${owner} ${where}`, error),
    }
  }

  /** An exception that should not have happened. */
  readonly fault = (where: string, error: unknown): void => {
    this.#logger.error({ event: 'ENGINE_FAULT', where, err: error }, 'a fault of this program: one stream was ended')
  }

  /** Current values by binding and counter name. */
  counters(): ReadonlyMap<string, ReadonlyMap<string, Counter>> {
    return this.#counters
  }
}
