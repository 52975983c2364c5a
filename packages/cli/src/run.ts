/**
 * One engine in this process, from start to exit: says where it listens, stops on a signal, and ends the process when
 * something happened that must not. Called by start.ts, and by workers.ts in each worker.
 */
import { type Config, createEngine, type Engine, type EngineAddress, type Registry } from '@zilla-ts/engine'
import type { Logger } from 'pino'
import { CommandError } from './command-error.ts'

/**
 * A signal that follows another within this time is the same wish, ms: a terminal sends Ctrl-C to every process of the
 * group, and npm passes on what it gets.
 */
export const SAME_SIGNAL_MS = 500
/** Time that connections get to finish, ms. */
const STOP_MS = 10_000

export interface RunOptions {
  readonly registry: Registry
  readonly configs: readonly Config[]
  /** where relative paths of the document start */
  readonly directory: string
  readonly properties: ReadonlyMap<string, string>
  readonly logger: Logger
  /** signals that ask to stop */
  readonly signals: readonly NodeJS.Signals[]
}

const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 2, SIGTERM: 15 }

/** What a shell reports of a process that a signal ended. */
export const exitCodeOf = (signal: NodeJS.Signals): number => 128 + (SIGNAL_NUMBERS[signal] ?? 0)

/** Resolves when the engine runs; from then on the process ends by itself. Rejects with a `CommandError` when it cannot start. */
export async function run(options: RunOptions): Promise<readonly EngineAddress[]> {
  const { logger, signals } = options
  const engine = createEngine(options)
  const stop = stopper(engine, logger)
  let signalledAt = Number.NEGATIVE_INFINITY
  for (const signal of signals) {
    process.on(signal, () => {
      if (performance.now() - signalledAt < SAME_SIGNAL_MS) return
      if (stop.begun) process.exit(exitCodeOf(signal))
      signalledAt = performance.now()
      logger.info({ event: 'STOPPING', signal }, 'stopping; a second signal ends at once')
      stop.with(0)
    })
  }
  // The engine confines faults to one stream each. What still gets here left something in an unknown state.
  const die = (event: string) => (error: unknown) => {
    logger.fatal({ event, err: error }, 'a fault of this program: it ends')
    if (stop.begun) process.exit(1)
    stop.with(1)
  }
  process.on('uncaughtException', die('UNCAUGHT_EXCEPTION'))
  process.on('unhandledRejection', die('UNHANDLED_REJECTION'))
  try {
    await engine.start()
  } catch (error) {
    throw new CommandError((error as Error).message, { cause: error })
  }
  return engine.addresses()
}

interface Stopper {
  readonly begun: boolean
  /** Drains, stops, and exits with `code`. */
  with(code: number): void
}

function stopper(engine: Engine, logger: Logger): Stopper {
  let begun = false
  return {
    get begun() {
      return begun
    },
    with(code) {
      begun = true
      engine.stop({ deadlineMs: STOP_MS }).then(
        () => {
          logger.info({ event: 'STOPPED' }, 'stopped')
          process.exit(code)
        },
        (error: unknown) => {
          logger.fatal({ event: 'STOP_FAILED', err: error }, 'could not stop in order')
          process.exit(1)
        },
      )
    },
  }
}

/** One event for each address that clients can connect to. */
export function logAddresses(logger: Logger, addresses: readonly EngineAddress[]): void {
  for (const { binding, host, port } of addresses) {
    logger.info({ event: 'LISTENING', binding, host, port }, `listening on ${host}:${port}`)
  }
}
