/**
 * `zilla-ts validate --live`: asks what a configuration depends on outside, through the bindings that would. Only clients
 * are started, for they listen nowhere and keep nothing; each binding that can is asked once, the last hop first.
 */
import pino from 'pino'
import { SystemClock } from './clock.ts'
import type { Config, ConfigBinding } from './config/config.ts'
import type { Registry } from './config/registry.ts'
import type { Clock, Finding } from './contract.ts'
import { type Graph, link } from './link.ts'
import { EngineReport } from './report.ts'

export interface LiveOptions {
  readonly registry: Registry
  /** as given by `loadConfig`, without errors */
  readonly configs: readonly Config[]
  /** where relative paths of the document start */
  readonly directory: string
  /** for all of it together */
  readonly deadlineMs: number
}

export interface LiveFindings {
  /** `namespace:name` */
  readonly binding: string
  readonly findings: readonly Finding[]
}

/** What is not as it must be. Rejects only with what cannot be linked. */
export async function findLive(options: LiveOptions): Promise<LiveFindings[]> {
  const report = new EngineReport(pino({ level: 'silent' }))
  const clock = new SystemClock(report.fault)
  const { registry, configs, directory, deadlineMs } = options
  const graph = link({ registry, configs, directory, properties: new Map(), clock, report })
  try {
    return await new Asking(options, graph, clock, clock.monotonic() + deadlineMs).all()
  } finally {
    const parts = [...graph.bindings, ...graph.catalogs, ...graph.guards, ...graph.vaults]
    await Promise.allSettled(parts.map(({ running }) => running.stop?.()))
  }
}

class Asking {
  readonly #configs: ReadonlyMap<string, ConfigBinding>
  readonly #graph: Graph
  readonly #clock: Clock
  readonly #dueAt: number
  readonly #started = new Set<string>()
  /** what is behind them need not be asked */
  readonly #broken = new Set<string>()
  readonly #deadlineMs: number

  constructor({ configs, deadlineMs }: LiveOptions, graph: Graph, clock: Clock, dueAt: number) {
    this.#configs = new Map(configs.flatMap(({ bindings }) => bindings).map((binding) => [binding.id, binding]))
    this.#graph = graph
    this.#clock = clock
    this.#dueAt = dueAt
    this.#deadlineMs = deadlineMs
  }

  async all(): Promise<LiveFindings[]> {
    const found: LiveFindings[] = []
    for (const { id, running } of this.#graph.bindings) {
      if (running.probe === undefined) continue
      const behind = this.#reached(id)
      if (!behind.every((config) => this.#leaves(config)) || behind.some((config) => this.#broken.has(config.id)))
        continue
      const findings = await this.#within(async () => {
        for (const config of behind.filter(({ kind }) => kind === 'client').reverse()) await this.#start(config)
        return (await running.probe?.()) ?? []
      })
      if (findings.some(({ level }) => level === 'error')) this.#broken.add(id)
      if (findings.length > 0) found.push({ binding: id, findings })
    }
    return found
  }

  /** This binding and all that it may hand over to, each before those behind it. */
  #reached(id: string, found = new Map<string, ConfigBinding>()): ConfigBinding[] {
    const config = this.#configs.get(id)
    if (config === undefined || found.has(id)) return [...found.values()]
    found.set(id, config)
    for (const { exit } of config.routes) if (exit !== null) this.#reached(exit, found)
    return [...found.values()]
  }

  /** It hands over, or goes out of this process: whatever keeps something itself is not started here, and so not asked. */
  #leaves({ routes, kind }: ConfigBinding): boolean {
    return kind === 'client' || routes.some(({ exit }) => exit !== null)
  }

  /** What it uses first. Once. */
  async #start({ id, uses }: ConfigBinding): Promise<void> {
    if (this.#started.has(id)) return
    this.#started.add(id)
    const { vaults, guards, catalogs, bindings } = this.#graph
    const used = uses.map((use) => use.id)
    for (const part of [...vaults, ...guards, ...catalogs]) {
      if (!used.includes(part.id) || this.#started.has(part.id)) continue
      this.#started.add(part.id)
      await part.running.start?.()
    }
    await bindings.find((binding) => binding.id === id)?.running.start?.()
  }

  /** The answer, or what came instead of one. */
  #within(ask: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
    const instead = (message: string): Finding[] => [{ level: 'error', path: [], code: 'not-answered', message }]
    return new Promise((resolve) => {
      const late = () => resolve(instead(`there is no answer within ${this.#deadlineMs / 1_000} s`))
      const leftMs = Math.max(0, this.#dueAt - this.#clock.monotonic())
      const timer = this.#clock.after(leftMs, { run: late, fault: late })
      ask()
        .catch((error: Error) => instead(`it cannot be asked: ${error.message}`))
        .then((findings) => {
          timer.cancel()
          resolve(findings)
        })
    })
  }
}
