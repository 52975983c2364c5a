/**
 * Names across entries and documents: exits, guards, stores, vaults and catalogs that are not there, not used, or do not
 * fit; exits that go round in a circle. Called by load.ts with every namespace of the file.
 */
import { LATEST } from '../contract.ts'
import { qualify } from './config.ts'
import {
  type DraftBinding,
  type DraftCatalog,
  type DraftEntry,
  type DraftGuard,
  type DraftNamespace,
  guardsOf,
  isObject,
  type Json,
  routesOf,
} from './draft.ts'
import type { Section } from './envelope.ts'
import { OPENING } from './expression.ts'
import { nearest } from './nearest.ts'
import type { Path } from './places.ts'
import type { Fault } from './problem.ts'
import type { ReferenceKind } from './validator.ts'

type Namespaces = ReadonlyMap<string, DraftNamespace>

const SECTION_OF = { guard: 'guards', store: 'stores', vault: 'vaults', catalog: 'catalogs' } as const
const SECTION_NAMES: Readonly<Record<string, Section>> = { ...SECTION_OF, binding: 'bindings' }
const KINDS = Object.keys(SECTION_OF) as ReferenceKind[]

/** Fills in `exits` of every binding and reports what is wrong with names. */
export function resolveReferences(namespaces: Namespaces): void {
  const names = new Names(namespaces)
  for (const namespace of namespaces.values()) {
    for (const binding of namespace.bindings.values()) {
      resolveExits(binding, names)
      resolveGuarded(binding, names)
    }
    for (const entry of [...namespace.bindings.values(), ...namespace.guards.values()]) {
      for (const { kind, name, path, isKey, value } of entry.references) {
        const found = names.find(namespace, kind, name, path, isKey)
        if (kind === 'guard' && found !== undefined) checkGuard(namespace, found, entry, [...path])
        if (kind === 'catalog' && found !== undefined && Array.isArray(value)) {
          value.forEach((item, at) => {
            checkSchema(namespace, found, item, [...path, at])
          })
        }
      }
    }
  }
  for (const namespace of namespaces.values()) reportUnused(namespace, names)
  reportNeverAsked(namespaces, names)
  reportCycles(namespaces)
}

/** Names that are compared with names that are not there, over a whole file. */
const COMPARED_MAX = 1_000_000
/** Bindings that are named as what would fit. */
const TAKERS_MAX = 5

/** What the file's entries are called, and which of them somebody wants. */
class Names {
  readonly namespaces: Namespaces
  readonly #used = new Set<DraftEntry>()
  readonly #unclear = new Set<string>()
  readonly #takers = new Map<string | undefined, DraftBinding[]>()
  #compared = 0

  constructor(namespaces: Namespaces) {
    this.namespaces = namespaces
  }

  isUsed(entry: DraftEntry): boolean {
    return this.#used.has(entry)
  }

  /** A name that cannot be guessed may stand for any entry of that sort. */
  isUnclear(what: string): boolean {
    return this.#unclear.has(what)
  }

  find(from: DraftNamespace, kind: ReferenceKind, name: string, path: Path, atKey: boolean): DraftEntry | undefined {
    return this.#find(from, kind, name, path, atKey, (namespace) => namespace[SECTION_OF[kind]])
  }

  findBinding(from: DraftNamespace, name: string, path: Path): DraftBinding | undefined {
    return this.#find(from, 'binding', name, path, false, (namespace) => namespace.bindings)
  }

  /** What may have been meant. None once many names were compared: who has hundreds wrong has not misspelt them. */
  #candidates<E extends DraftEntry>(
    from: DraftNamespace,
    reference: string,
    section: (namespace: DraftNamespace) => ReadonlyMap<string, E>,
  ): ReadonlyMap<string, E> {
    const foreign = reference.includes(':')
    const others = foreign ? [...this.namespaces.values()] : []
    this.#compared += others.reduce((sum, each) => sum + section(each).size, section(from).size)
    if (this.#compared > COMPARED_MAX) return new Map()
    if (!foreign) return section(from)
    const named = others.flatMap((each) =>
      [...section(each)].map(([key, entry]): [string, E] => [`${each.name}:${key}`, entry]),
    )
    return new Map([...section(from), ...named])
  }

  /** Names of the bindings that take a protocol, as `from` calls them; the first few. */
  taking(protocol: string | undefined, from: DraftNamespace): string[] {
    let takers = this.#takers.get(protocol)
    if (takers === undefined) {
      const all = [...this.namespaces.values()].flatMap(({ bindings }) => [...bindings.values()])
      takers = all.filter(({ spec }) => spec?.accepts === protocol)
      this.#takers.set(protocol, takers)
    }
    return takers.slice(0, TAKERS_MAX).map((each) => (each.namespace === from ? each.name : each.id))
  }

  /** The entry that a reference names, without a word when there is none. */
  entry(from: DraftNamespace, kind: ReferenceKind, reference: string): DraftEntry | undefined {
    const { namespace, name } = this.#split(from, reference)
    return namespace?.[SECTION_OF[kind]].get(name)
  }

  #split(from: DraftNamespace, reference: string): { namespace: DraftNamespace | undefined; name: string } {
    const [namespace = '', name = '', ...more] = qualify(from.name, reference).split(':')
    return { namespace: more.length > 0 ? undefined : this.namespaces.get(namespace), name }
  }

  #find<E extends DraftEntry>(
    from: DraftNamespace,
    what: string,
    reference: string,
    path: Path,
    atKey: boolean,
    section: (namespace: DraftNamespace) => ReadonlyMap<string, E>,
  ): E | undefined {
    if (reference.includes(OPENING)) {
      // An expression without a value, which was reported where it stands.
      this.#unclear.add(what)
      return undefined
    }
    const { namespace, name } = this.#split(from, reference)
    const entry = namespace === undefined ? undefined : section(namespace).get(name)
    if (entry !== undefined) {
      this.#used.add(entry)
      return entry
    }
    if (namespace?.hasUnread(SECTION_NAMES[what]!, name)) {
      // It stands there, in a shape that was reported.
      this.#unclear.add(what)
      return undefined
    }
    // A name is rarely far from the one meant; the one meant is then not unused.
    const candidates = this.#candidates(from, reference, section)
    const suggestion = nearest(reference, candidates.keys())
    if (suggestion === undefined) this.#unclear.add(what)
    else this.#used.add(candidates.get(suggestion)!)
    const message = `there is no ${what} \`${reference}\``
    const other = namespace === undefined ? undefined : sectionOf(namespace, name)
    const hint = other === undefined ? undefined : `\`${name}\` stands under \`${other}\`, where it is no ${what}.`
    from.report({ code: `undefined-${what}`, message, path, atKey, suggestion, hint })
    return undefined
  }
}

const SECTIONS = ['bindings', 'guards', 'stores', 'vaults', 'catalogs'] as const

/** Where there is an entry of that name, of whatever sort. */
function sectionOf(namespace: DraftNamespace, name: string): string | undefined {
  return SECTIONS.find((section) => namespace[section].has(name))
}

function resolveExits(binding: DraftBinding, names: Names): void {
  const { value, spec, namespace, path } = binding
  const own = value['exit']
  const written: { name: unknown; path: Path }[] = routesOf(binding).map(({ path: at, route }) => ({
    name: route['exit'],
    path: [...at, 'exit'],
  }))
  written.push({ name: own, path: [...path, 'exit'] })
  for (const exit of written) {
    if (typeof exit.name !== 'string' || exit.name === '') continue
    const target = names.findBinding(namespace, exit.name, exit.path)
    if (target !== undefined) binding.exits.push({ path: exit.path, target })
    if (spec === undefined) continue
    if (spec.produces === undefined) {
      const message = `${describe(binding)} hands over to nothing, so it takes no exit`
      reportUnsound(binding, { code: 'exit-not-accepted', message, path: exit.path, atKey: true })
    } else if (target !== undefined) {
      checkProtocol(binding, target, exit.path, names)
    }
  }
  if (spec?.produces !== undefined && spec.exitOptional !== true && !binding.exitsUnclear && own === undefined) {
    reportMissingExit(binding)
  }
}

function checkProtocol(binding: DraftBinding, target: DraftBinding, path: Path, names: Names): void {
  if (target.spec === undefined || target.spec.accepts === binding.spec?.produces) return
  const produces = binding.spec?.produces
  const accepts = target.spec.accepts
  const allowed = names.taking(produces, binding.namespace)
  const takes = accepts === undefined ? 'is never an exit' : `takes ${accepts}`
  const message = `${describe(binding)} speaks ${produces} to its exit, but \`${target.name}\` (${describe(target)}) ${takes}`
  const hint = allowed.length === 0 ? undefined : `These take ${produces}: ${allowed.join(', ')}.`
  reportUnsound(binding, { code: 'incompatible-exit', message, path, allowed, hint })
}

function reportMissingExit(binding: DraftBinding): void {
  const { path, value } = binding
  const routes = routesOf(binding)
  if (!Array.isArray(value['routes']) || value['routes'].length === 0) {
    const message = `${describe(binding)} needs \`exit\` or \`routes\``
    reportUnsound(binding, { code: 'missing-exit', message, path, missing: 'exit', atKey: true })
  }
  for (const { path: at, route } of routes) {
    if (route['exit'] !== undefined) continue
    const message = 'this route has no `exit`, and the binding has none that it could take over'
    reportUnsound(binding, { code: 'missing-exit', message, path: at, missing: 'exit', atKey: true })
  }
}

/** A reference to a schema, `{ subject, version }`, against what the catalog says that it will have. */
function checkSchema(namespace: DraftNamespace, catalog: DraftCatalog, reference: unknown, path: Path): void {
  if (!catalog.sound || !isObject(reference)) return
  const subjects = catalog.module?.subjects?.(catalog.value['options'])
  // `schema` is the old name of `subject`.
  const key = 'subject' in reference ? 'subject' : 'schema'
  const subject = reference[key]
  if (subjects === undefined || typeof subject !== 'string') return
  const has = subjects.get(subject)
  const version = reference['version'] ?? LATEST
  if (has === undefined) {
    const suggestion = nearest(subject, subjects.keys())
    const message = `the catalog \`${catalog.name}\` has no subject \`${subject}\``
    namespace.report({ code: 'undefined-subject', message, path: [...path, key], suggestion })
  } else if (version !== LATEST && version !== has) {
    const message = `the catalog \`${catalog.name}\` has version \`${has}\` of \`${subject}\``
    namespace.report({ code: 'undefined-version', message, path: [...path, 'version'], value: version })
  }
}

/** Not of `guarded:`, which asks for a session that the guard has given before. */
function checkGuard(namespace: DraftNamespace, guard: DraftGuard, { value }: DraftEntry, path: Path): void {
  const { usedBy } = guard.module ?? {}
  const type = value['type']
  if (usedBy === undefined || typeof type !== 'string' || usedBy.includes(type)) return
  const message = `a guard of type \`${guard.value['type']}\` is for bindings of type ${usedBy.join(', ')}, not for ${type}`
  namespace.report({ code: 'guard-not-for-binding', message, path, atKey: true })
}

function resolveGuarded(binding: DraftBinding, names: Names): void {
  for (const { path, route } of routesOf(binding)) {
    for (const name of guardsOf(route)) {
      const at = [...path, 'guarded', name]
      const guard = names.find(binding.namespace, 'guard', name, at, true) as DraftGuard | undefined
      const roles = (route['guarded'] as Json)[name]
      if (guard?.sound === true && Array.isArray(roles)) checkRoles(binding, guard, roles, at)
    }
  }
}

/** Roles that no session of the guard has: the route admits nobody. */
function checkRoles(binding: DraftBinding, guard: DraftGuard, asked: readonly unknown[], path: Path): void {
  const known = guard.module?.roles?.(guard.value['options'])
  if (known === undefined || known === null) return
  asked.forEach((role, at) => {
    if (typeof role !== 'string' || known.has(role)) return
    const message = `the guard \`${guard.name}\` gives nobody the role \`${role}\`, so the route is never taken`
    const suggestion = nearest(role, known)
    binding.namespace.report({ level: 'warning', code: 'unknown-role', message, path: [...path, at], suggestion })
  })
}

/** Guards of routes that nothing on the way there asks about the client: nobody has a session of theirs. */
function reportNeverAsked(namespaces: Namespaces, names: Names): void {
  const bindings = [...namespaces.values()].flatMap((namespace) => [...namespace.bindings.values()])
  if (names.isUnclear('guard') || bindings.some(({ sound, exitsUnclear }) => !sound || exitsUnclear)) return
  const reached = new Map<DraftEntry, Set<DraftBinding>>()
  for (const binding of bindings) {
    for (const { path, route } of routesOf(binding)) {
      for (const name of guardsOf(route)) {
        const guard = names.entry(binding.namespace, 'guard', name)
        if (guard === undefined) continue
        const fromAsking = reached.get(guard) ?? behindAskers(guard, bindings, names)
        reached.set(guard, fromAsking)
        if (fromAsking.has(binding)) continue
        const message = `nothing before this route asks the guard \`${name}\`, so the route is never taken`
        const hint = 'Name the guard under `options.authorization` of the binding that sees the credentials.'
        const at = [...path, 'guarded', name]
        binding.namespace.report({ level: 'warning', code: 'guard-never-asked', message, path: at, atKey: true, hint })
      }
    }
  }
}

/** The bindings that ask the guard, and all that get streams from them. */
function behindAskers(guard: DraftEntry, bindings: readonly DraftBinding[], names: Names): Set<DraftBinding> {
  const asks = ({ references, namespace }: DraftBinding): boolean =>
    references.some(({ kind, name }) => kind === 'guard' && names.entry(namespace, 'guard', name) === guard)
  const reached = new Set(bindings.filter(asks))
  for (const binding of reached) for (const { target } of binding.exits) reached.add(target)
  return reached
}

function reportUnsound(binding: DraftBinding, fault: Fault): void {
  binding.sound = false
  binding.exitsUnclear = true
  binding.namespace.report(fault)
}

const describe = (binding: DraftBinding): string => `${binding.module?.type} ${binding.kind}`

/** Silent where a faulty entry may be the one that uses the name. */
function reportUnused(namespace: DraftNamespace, names: Names): void {
  if (namespace.builtIn) return
  const all = [...names.namespaces.values()]
  const bindings = all.flatMap((each) => [...each.bindings.values()])
  const report = (entry: DraftEntry, what: string): void => {
    if (names.isUsed(entry) || names.isUnclear(what)) return
    const message = `nothing uses the ${what} \`${entry.name}\``
    namespace.report({ level: 'warning', code: `unused-${what}`, message, path: entry.path, atKey: true })
  }
  if (!bindings.some(({ exitsUnclear }) => exitsUnclear)) {
    for (const binding of namespace.bindings.values()) {
      if (binding.spec?.accepts !== undefined) report(binding, 'binding')
    }
  }
  const users = [...bindings, ...all.flatMap((each) => [...each.guards.values()])]
  if (users.some(({ sound }) => !sound)) return
  for (const kind of KINDS) for (const entry of namespace[SECTION_OF[kind]].values()) report(entry, kind)
}

/** Depth first along the exits, without recursion: a chain may be as long as the file. */
function reportCycles(namespaces: Namespaces): void {
  const done = new Set<DraftBinding>()
  for (const namespace of namespaces.values()) {
    for (const start of namespace.bindings.values()) if (!done.has(start)) walk(start, done)
  }
}

function walk(start: DraftBinding, done: Set<DraftBinding>): void {
  const chain: { readonly binding: DraftBinding; next: number }[] = [{ binding: start, next: 0 }]
  const open = new Set([start])
  const reported = new Set<string>()
  for (let top = chain.at(-1); top !== undefined; top = chain.at(-1)) {
    const exit = top.binding.exits[top.next]
    top.next += 1
    if (exit === undefined) {
      done.add(top.binding)
      open.delete(top.binding)
      chain.pop()
    } else if (open.has(exit.target)) {
      const names = chain
        .slice(chain.findIndex(({ binding }) => binding === exit.target))
        .map(({ binding }) => binding.name)
      const message = `exits go round in a circle: ${[...names, exit.target.name].join(' → ')}`
      if (reported.has(message)) continue
      reported.add(message)
      top.binding.namespace.report({ code: 'exit-cycle', message, path: exit.path })
    } else if (!done.has(exit.target)) {
      open.add(exit.target)
      chain.push({ binding: exit.target, next: 0 })
    }
  }
}
