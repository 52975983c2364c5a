/**
 * `start -w N`: this process supervises N others that share the ports. The document is read and validated once, here, and
 * sent to the workers, so that all run the same. A worker that dies later is replaced; one that cannot start at first ends
 * all of them.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Config, EngineAddress, Registry } from '@zilla-ts/engine'
import type { Logger } from 'pino'
import { CommandError } from './command-error.ts'
import { exitCodeOf, logAddresses, run, SAME_SIGNAL_MS } from './run.ts'

/** Wait before a dead worker is replaced, ms: doubled each time, from the first to the last value. */
const RESTART_FIRST_MS = 100
const RESTART_LAST_MS = 10_000
/** A worker that ran this long starts counting anew, ms. */
const STEADY_MS = 60_000
/** More than a worker takes to stop by itself, ms. */
const KILL_MS = 20_000

/** supervisor → worker, once it asked: what is sent before it listens would be lost */
interface Assignment {
  readonly configs: readonly Config[]
}

/** worker → supervisor: first the question, then how the start went */
type Report =
  | { readonly kind: 'asks' }
  | { readonly kind: 'runs'; readonly addresses: readonly EngineAddress[] }
  | { readonly kind: 'failed'; readonly reason: string; readonly stack?: string }

/** In a worker: runs what the supervisor sends. */
export async function runWorker(options: {
  readonly registry: Registry
  readonly directory: string
  readonly properties: ReadonlyMap<string, string>
  readonly logger: Logger
}): Promise<void> {
  // A terminal sends SIGINT to every process of the group: only the supervisor decides what it means.
  process.on('SIGINT', () => {})
  const { configs } = await new Promise<Assignment>((resolve) => {
    process.once('message', resolve)
    report({ kind: 'asks' })
  })
  const logger = options.logger.child({ worker: cluster.worker?.id })
  try {
    report({ kind: 'runs', addresses: await run({ ...options, configs, logger, signals: ['SIGTERM'] }) })
  } catch (error) {
    const { message, cause } = error as Error
    report({ kind: 'failed', reason: message, stack: (cause as Error | undefined)?.stack }, () => process.exit(1))
  }
}

function report(message: Report, then?: () => void): void {
  process.send?.(message, undefined, undefined, then)
}

/** Resolves when all workers run; from then on the process ends by itself. */
export function supervise(options: {
  readonly count: number
  readonly configs: readonly Config[]
  readonly logger: Logger
}): Promise<void> {
  return new Supervisor(options).start()
}

/** One of the N places; the worker in it changes. */
interface Slot {
  worker: Worker
  runs: boolean
  startedAt: number
  waitMs: number
}

class Supervisor {
  readonly #count: number
  readonly #assignment: Assignment
  readonly #logger: Logger
  readonly #slots = new Set<Slot>()
  #started = false
  #stopping = false
  #signalledAt = Number.NEGATIVE_INFINITY
  #exitCode = 0
  #onStarted: () => void = () => {}
  #onFailed: (error: Error) => void = () => {}

  constructor({ count, configs, logger }: { count: number; configs: readonly Config[]; logger: Logger }) {
    this.#count = count
    this.#assignment = { configs }
    this.#logger = logger
  }

  start(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#onSignal(signal))
    return new Promise((resolve, reject) => {
      this.#onStarted = resolve
      this.#onFailed = reject
      for (let n = 0; n < this.#count; n++) this.#fork(RESTART_FIRST_MS)
    })
  }

  #fork(waitMs: number): void {
    const worker = cluster.fork()
    const slot: Slot = { worker, runs: false, startedAt: performance.now(), waitMs }
    this.#slots.add(slot)
    worker.on('message', (message: Report) => this.#onReport(slot, message))
    // Writing to a worker that just died is answered here; its exit follows.
    worker.on('error', (error) => this.#logger.debug({ event: 'WORKER_CHANNEL', err: error }, 'a worker went away'))
    worker.once('exit', (code, signal) => this.#onExit(slot, code, signal))
  }

  #onReport(slot: Slot, message: Report): void {
    if (message.kind === 'asks') {
      slot.worker.send(this.#assignment)
      return
    }
    if (message.kind === 'failed') {
      const { reason, stack } = message
      if (this.#started) this.#logger.error({ event: 'WORKER_FAILED', worker: slot.worker.id, stack }, reason)
      else this.#fail(reason, stack)
      return
    }
    slot.runs = true
    if (this.#started || [...this.#slots].filter(({ runs }) => runs).length < this.#count) return
    this.#started = true
    logAddresses(this.#logger, message.addresses)
    this.#onStarted()
  }

  /** Before all run: the command ends, and the workers with it. */
  #fail(reason: string, stack?: string): void {
    if (this.#stopping) return
    this.#stopping = true
    for (const { worker } of this.#slots) worker.process.kill('SIGTERM')
    const cause = new Error(reason)
    if (stack !== undefined) cause.stack = stack
    this.#onFailed(new CommandError(reason, { cause }))
  }

  #onExit(slot: Slot, code: number | null, signal: string | null): void {
    this.#slots.delete(slot)
    if (this.#stopping) {
      // One that had not begun to listen for the signal had nothing to finish either.
      if (code !== 0 && slot.runs) this.#exitCode = 1
      if (this.#slots.size === 0) process.exit(this.#exitCode)
      return
    }
    if (!this.#started) {
      this.#fail(`a worker ended before it ran, with ${signal ?? `code ${code}`}`)
      return
    }
    const steady = performance.now() - slot.startedAt > STEADY_MS
    const waitMs = steady ? RESTART_FIRST_MS : slot.waitMs
    this.#logger.error(
      { event: 'WORKER_DIED', worker: slot.worker.id, code, signal, waitMs },
      'a worker died; it is replaced',
    )
    setTimeout(() => {
      if (!this.#stopping) this.#fork(Math.min(waitMs * 2, RESTART_LAST_MS))
    }, waitMs)
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (performance.now() - this.#signalledAt < SAME_SIGNAL_MS) return
    if (!this.#stopping) {
      this.#signalledAt = performance.now()
      this.#logger.info({ event: 'STOPPING', signal }, 'stopping; a second signal ends at once')
      this.#stop()
      return
    }
    this.#kill()
    process.exit(exitCodeOf(signal))
  }

  #stop(): void {
    this.#stopping = true
    if (this.#slots.size === 0) process.exit(0)
    for (const { worker } of this.#slots) worker.process.kill('SIGTERM')
    setTimeout(() => {
      this.#exitCode = 1
      this.#kill()
    }, KILL_MS).unref()
  }

  #kill(): void {
    for (const { worker } of this.#slots) worker.process.kill('SIGKILL')
  }
}
