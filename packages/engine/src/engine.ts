/**
 * The engine: links a configuration, starts it last hop first, drains it first hop first, and undoes what was started
 * when a start fails. It knows no binding by name.
 */
import type { Logger } from 'pino'
import { SystemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import type { Registry } from './config/registry.ts'
import type { Binding, Catalog, Clock, Counter, Guard, ListenAddress, Protocol, Vault } from './contract.ts'
import { type Graph, type Linked, link } from './link.ts'
import { EngineReport } from './report.ts'

export interface EngineOptions {
  readonly registry: Registry
  /** as given by `loadConfig`, without errors */
  readonly configs: readonly Config[]
  /** where relative paths of the document start */
  readonly directory: string
  readonly properties: ReadonlyMap<string, string>
  readonly logger: Logger
  /** absent: the system's */
  readonly clock?: Clock
}

export interface EngineAddress extends ListenAddress {
  /** qualified name of the binding that listens */
  readonly binding: string
}

export interface Engine {
  /** Rejects, with everything undone, with an error that names the binding and the cause. */
  start(): Promise<void>
  addresses(): readonly EngineAddress[]
  counters(): ReadonlyMap<string, ReadonlyMap<string, Counter>>
  /** Drains for three quarters of the deadline, then stops. Never rejects; safe to call again. */
  stop(options: { readonly deadlineMs: number }): Promise<void>
}

/** One engine per document; nothing is shared between engines. */
export function createEngine(options: EngineOptions): Engine {
  return new LinkedEngine(options)
}

type Part = Linked<Partial<Pick<Binding<Protocol> & Guard & Vault & Catalog, 'start' | 'drain' | 'stop' | 'addresses'>>>

class LinkedEngine implements Engine {
  readonly #report: EngineReport
  readonly #options: EngineOptions
  #graph: Graph = { vaults: [], guards: [], catalogs: [], bindings: [] }
  #stopping: Promise<void> | null = null

  constructor(options: EngineOptions) {
    this.#options = options
    this.#report = new EngineReport(options.logger)
  }

  async start(): Promise<void> {
    const clock = this.#options.clock ?? new SystemClock(this.#report.fault)
    this.#graph = link({ ...this.#options, clock, report: this.#report })
    for (const part of this.#parts()) {
      if (this.#stopping !== null) return
      try {
        await part.running.start?.()
      } catch (error) {
        await this.#stopAll()
        throw new Error(`${part.id}: ${(error as Error).message}`, { cause: error })
      }
    }
  }

  addresses(): readonly EngineAddress[] {
    return this.#parts().flatMap(({ id, running }) =>
      (running.addresses?.() ?? []).map((address) => ({ binding: id, ...address })),
    )
  }

  counters(): ReadonlyMap<string, ReadonlyMap<string, Counter>> {
    return this.#report.counters()
  }

  stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#stopping ??= this.#drainAndStop(deadlineMs)
    return this.#stopping
  }

  async #drainAndStop(deadlineMs: number): Promise<void> {
    const drained = this.#parts()
      .reverse()
      .map((part) => this.#attempt(part, 'drain'))
    await withDeadline(Promise.all(drained), (deadlineMs * 3) / 4)
    await withDeadline(this.#stopAll(), deadlineMs / 4)
  }

  /** First hop first, so that nobody opens a stream to a binding that is gone. */
  async #stopAll(): Promise<void> {
    for (const part of this.#parts().reverse()) await this.#attempt(part, 'stop')
  }

  async #attempt(part: Part, step: 'drain' | 'stop'): Promise<void> {
    try {
      await part.running[step]?.()
    } catch (error) {
      this.#report.fault(`${part.id}.${step}`, error)
    }
  }

  /** In order of start: vaults, guards and catalogs, then bindings last hop first. */
  #parts(): Part[] {
    return [...this.#graph.vaults, ...this.#graph.guards, ...this.#graph.catalogs, ...this.#graph.bindings]
  }
}

/** Resolves when the work is done or time is up, whichever is first. */
async function withDeadline(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, expired])
  clearTimeout(timer)
}
