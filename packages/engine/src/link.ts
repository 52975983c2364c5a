/**
 * Turns a validated configuration into running bindings that know their exits. Exits are named indirections: a binding
 * can be attached before the one it exits to. Nothing is started here.
 */

import type { Socket } from 'node:net'
import { type Config, type ConfigBinding, type ConfigPart, type ConfigRoute, qualify } from './config/config.ts'
import type { Registry } from './config/registry.ts'
import type {
  Binding,
  BindingContext,
  BindingModule,
  Catalog,
  CatalogContext,
  Clock,
  Exit,
  Guard,
  GuardContext,
  Protocol,
  Route,
  Session,
  StreamHandler,
  Vault,
  VaultContext,
} from './contract.ts'
import type { EngineReport } from './report.ts'
import { Side } from './stream.ts'

type PartContext = GuardContext & CatalogContext & VaultContext

export interface LinkOptions {
  readonly registry: Registry
  readonly configs: readonly Config[]
  readonly directory: string
  readonly properties: ReadonlyMap<string, string>
  readonly clock: Clock
  readonly report: EngineReport
}

/** A running entry with the name that messages use. */
export interface Linked<T> {
  readonly id: string
  readonly running: T
}

export interface Graph {
  readonly vaults: readonly Linked<Vault>[]
  readonly guards: readonly Linked<Guard>[]
  readonly catalogs: readonly Linked<Catalog>[]
  /** last hop first: every binding comes after all that it exits to */
  readonly bindings: readonly Linked<Binding<Protocol>>[]
}

/** Attaches vaults, guards and catalogs, then bindings last hop first. Throws what a module throws, naming the entry. */
export function link(options: LinkOptions): Graph {
  const linker = new Linker(options)
  return {
    vaults: linker.vaults(),
    guards: linker.guards(),
    catalogs: linker.catalogs(),
    bindings: linker.bindings(),
  }
}

class Linker {
  readonly #options: LinkOptions
  readonly #vaults = new Map<string, Vault>()
  readonly #guards = new Map<string, Guard>()
  readonly #catalogs = new Map<string, Catalog>()
  readonly #bindings = new Map<string, Binding<Protocol>>()

  constructor(options: LinkOptions) {
    this.#options = options
  }

  vaults(): Linked<Vault>[] {
    const { registry, configs } = this.#options
    const parts = configs.flatMap((config) => config.vaults)
    return this.#attachAll(parts, this.#vaults, (type) => defined(registry.vault(type), `vault type ${type}`))
  }

  guards(): Linked<Guard>[] {
    const { registry, configs } = this.#options
    const parts = configs.flatMap((config) => config.guards)
    return this.#attachAll(parts, this.#guards, (type) => defined(registry.guard(type), `guard type ${type}`))
  }

  catalogs(): Linked<Catalog>[] {
    const { registry, configs } = this.#options
    const parts = configs.flatMap((config) => config.catalogs)
    return this.#attachAll(parts, this.#catalogs, (type) => defined(registry.catalog(type), `catalog type ${type}`))
  }

  /** Entries that are a module with options and no more: they know no other entry. */
  #attachAll<T>(
    parts: readonly ConfigPart[],
    into: Map<string, T>,
    moduleOf: (type: string) => { attach(context: PartContext): T },
  ): Linked<T>[] {
    const { directory, clock, report } = this.#options
    for (const { id, namespace, name, type, options } of parts) {
      const context = { namespace, name, options, directory, clock, report: report.reporter(id) }
      into.set(
        id,
        naming(id, () => moduleOf(type).attach(context)),
      )
    }
    return [...into].map(([id, running]) => ({ id, running }))
  }

  bindings(): Linked<Binding<Protocol>>[] {
    const configs = lastHopFirst(this.#options.configs.flatMap((config) => config.bindings))
    for (const config of configs) {
      this.#bindings.set(
        config.id,
        naming(config.id, () => this.#attach(config)),
      )
    }
    return [...this.#bindings].map(([id, running]) => ({ id, running }))
  }

  #attach(config: ConfigBinding): Binding<Protocol> {
    const { registry, directory, properties, clock, report } = this.#options
    const module: BindingModule = defined(registry.binding(config.type), `binding type ${config.type}`)
    const context: BindingContext<{ options: unknown }, Protocol> = {
      namespace: config.namespace,
      name: config.name,
      kind: config.kind,
      options: config.options,
      routes: config.routes.map((route) => this.#route(config.id, route)),
      directory,
      properties,
      guard: (name) => defined(this.#guards.get(qualify(config.namespace, name)), `guard ${name}`),
      vault: config.vault === null ? null : defined(this.#vaults.get(config.vault), `vault ${config.vault}`),
      catalog: (name) => defined(this.#catalogs.get(qualify(config.namespace, name)), `catalog ${name}`),
      clock,
      report: report.reporter(config.id),
    }
    return module.attach(context)
  }

  #route(from: string, route: ConfigRoute): Route<{ options: unknown }, Protocol> {
    const guards = route.guarded.map(({ guard, roles }) => ({
      guard: defined(this.#guards.get(guard), `guard ${guard}`),
      name: guard,
      roles,
    }))
    const meets = ({ guard, name, roles }: (typeof guards)[number], session: Session | null): boolean => {
      const found = sessionOf(session, name)
      return found !== null && guard.permits(found, roles)
    }
    return {
      when: route.when as never,
      with: route.with as never,
      exit: route.exit === null ? null : this.#exit(from, route.exit),
      permits: (session) => guards.every((guarded) => meets(guarded, session)),
      demands: (session) =>
        guards.map((guarded) => {
          const { name, roles: wanted } = guarded
          return { guard: name, wanted, had: sessionOf(session, name)?.roles ?? null, met: meets(guarded, session) }
        }),
    }
  }

  #exit(from: string, to: string): Exit<Protocol> {
    const names = { initiator: from, acceptor: to }
    const onFault = this.#options.report.fault
    const target = () => this.#bindings.get(to)
    return {
      name: to,
      connect: (open: unknown, session: Session | null, handler: StreamHandler<Protocol>) =>
        Side.connect(
          open,
          session,
          handler,
          (what, stream) => target()?.accept?.(what, stream) ?? null,
          names,
          onFault,
        ),
      dial: (open: unknown, session: Session | null) => target()?.dial?.(open, session) ?? null,
      take: (socket: Socket, open: unknown, session: Session | null) => {
        try {
          return target()?.take?.(socket, open, session) ?? 'streams'
        } catch (error) {
          onFault(`${to}.take`, error)
          return 'refused'
        }
      },
    }
  }
}

/** What the named guard has found out about whoever opened the stream. */
export function sessionOf(session: Session | null, guard: string): Session | null {
  for (let each = session; each !== null; each = each.earlier) if (each.guard === guard) return each
  return null
}

/** Orders bindings so that each follows all it exits to (the configuration has no cycles). */
function lastHopFirst(configs: readonly ConfigBinding[]): ConfigBinding[] {
  const byId = new Map(configs.map((config) => [config.id, config]))
  const ordered = new Set<ConfigBinding>()
  const visit = (config: ConfigBinding): void => {
    if (ordered.has(config)) return
    for (const { exit } of config.routes) {
      const next = exit === null ? undefined : byId.get(exit)
      if (next !== undefined) visit(next)
    }
    ordered.add(config)
  }
  for (const config of configs) visit(config)
  return [...ordered]
}

function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not known to this engine`)
  return value
}

function naming<T>(id: string, attach: () => T): T {
  try {
    return attach()
  } catch (error) {
    throw new Error(`${id}: ${(error as Error).message}`, { cause: error })
  }
}
