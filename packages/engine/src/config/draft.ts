/**
 * A document on its way to a `Config`: the entries as they stand, valid or not, so that every phase can say something
 * about what is sound and keep silent about what is not. Internal to the pipeline.
 */
import type { BindingModule, CatalogModule, GuardModule, Kind, KindSpec, VaultModule } from '../contract.ts'
import type { Section } from './envelope.ts'
import type { Hidden, Path, Places } from './places.ts'
import { type Fault, type ProblemList, pointer } from './problem.ts'
import type { Reference } from './validator.ts'

export type Json = Record<string, unknown>

/** One entry of any section. */
export interface DraftEntry {
  readonly namespace: DraftNamespace
  readonly id: string
  readonly name: string
  readonly path: Path
  readonly value: Json
  /** names of other sections in it; complete only if the entry is sound */
  references: readonly Reference[]
  /** by JSON pointer from the entry on: what is shown of values that must not be */
  readonly hidden: Record<string, string>
  /** no error so far */
  sound: boolean
}

export interface DraftBinding extends DraftEntry {
  module?: BindingModule
  kind?: Kind
  spec?: KindSpec
  /** something about its exits is wrong already, so that what it uses is not fully known */
  exitsUnclear: boolean
  /** numbers of routes that are known not to be taken, from 0 */
  readonly unreachable: Set<number>
  /** bindings it hands over to, as far as they were found */
  readonly exits: { readonly path: Path; readonly target: DraftBinding }[]
}

export interface DraftGuard extends DraftEntry {
  module?: GuardModule
}

export interface DraftCatalog extends DraftEntry {
  module?: CatalogModule
}

export interface DraftVault extends DraftEntry {
  module?: VaultModule
}

/** `bindings`, and a name */
const ENTRY_DEPTH = 2

export class DraftNamespace {
  readonly name: string
  readonly root: Json
  readonly bindings = new Map<string, DraftBinding>()
  readonly guards = new Map<string, DraftGuard>()
  readonly stores = new Map<string, DraftEntry>()
  readonly vaults = new Map<string, DraftVault>()
  readonly catalogs = new Map<string, DraftCatalog>()
  readonly places: Places
  /** not from the file, so what nobody uses is left out */
  readonly builtIn: boolean
  readonly #problems: ProblemList
  /** by pointer to the entry */
  readonly #hidden = new Map<string, Record<string, string>>()

  constructor(
    name: string,
    root: Json,
    places: Places,
    problems: ProblemList,
    { builtIn = false, hidden = [] }: { readonly builtIn?: boolean; readonly hidden?: readonly Hidden[] } = {},
  ) {
    this.name = name
    this.root = root
    this.places = places
    this.builtIn = builtIn
    this.#problems = problems
    for (const { path, shown } of hidden) {
      const entry = pointer(path.slice(0, ENTRY_DEPTH))
      const known = this.#hidden.get(entry)
      const inside = pointer(path.slice(ENTRY_DEPTH))
      if (known === undefined) this.#hidden.set(entry, { [inside]: shown })
      else known[inside] = shown
    }
  }

  /** Nothing that is printed may show the value at `path`. */
  hide(path: Path, value: unknown): void {
    this.#problems.hide(this.places, path, value)
  }

  report(fault: Fault): void {
    this.#problems.add(this.places, fault)
  }

  /** Values of a section that are mappings; the envelope has spoken about the others. */
  entriesOf(section: Section): [string, Json][] {
    const entries = this.root[section]
    return isObject(entries)
      ? Object.entries(entries).filter((entry): entry is [string, Json] => isObject(entry[1]))
      : []
  }

  /** Whether an entry of that name stands there, but is none that could be read. */
  hasUnread(section: Section, name: string): boolean {
    const entries = this.root[section]
    return isObject(entries) && Object.hasOwn(entries, name) && !isObject(entries[name])
  }

  entry(section: Path, name: string, value: Json): DraftEntry {
    const id = `${this.name}:${name}`
    const hidden = this.#hidden.get(pointer([...section, name])) ?? {}
    return { namespace: this, id, name, path: [...section, name], value, references: [], hidden, sound: true }
  }
}

export const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** `{ path, route }` of every route that is a mapping. */
export function routesOf(binding: DraftBinding): { readonly path: Path; readonly route: Json }[] {
  const routes = binding.value['routes']
  if (!Array.isArray(routes)) return []
  return routes.flatMap((route, index) =>
    isObject(route) ? [{ path: [...binding.path, 'routes', index], route }] : [],
  )
}

/** Names of the guards a route asks. */
export function guardsOf(route: Json): string[] {
  return isObject(route['guarded']) ? Object.keys(route['guarded']) : []
}

/** Matches every stream, whoever opens it. */
export function isUnconditional(route: Json): boolean {
  const when = route['when']
  return (when === undefined || (Array.isArray(when) && when.length === 0)) && guardsOf(route).length === 0
}
