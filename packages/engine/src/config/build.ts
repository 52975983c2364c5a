/**
 * Sound drafts → `Config`s. Called by load.ts only when there is no error, so every lookup here succeeds.
 */
import type { BindingEntry } from '../contract.ts'
import {
  type Config,
  type ConfigBinding,
  type ConfigPart,
  type ConfigRoute,
  type ConfigStore,
  type ConfigUse,
  qualify,
} from './config.ts'
import type { DraftBinding, DraftCatalog, DraftEntry, DraftGuard, DraftNamespace, DraftVault, Json } from './draft.ts'
import type { Position } from './places.ts'

/** Every namespace of the file, and of the built-in one what is used. */
export function buildConfigs(namespaces: ReadonlyMap<string, DraftNamespace>, file: string): readonly Config[] {
  const used = new Set<DraftBinding>()
  for (const namespace of namespaces.values()) {
    if (!namespace.builtIn) for (const binding of namespace.bindings.values()) addExits(binding, used)
  }
  const configs: Config[] = []
  for (const namespace of namespaces.values()) {
    const drafts = [...namespace.bindings.values()].filter((draft) => !namespace.builtIn || used.has(draft))
    if (namespace.builtIn && drafts.length === 0) continue
    configs.push({
      name: namespace.name,
      bindings: drafts.map((draft) => bindingOf(draft, file)),
      guards: [...namespace.guards.values()].map((draft) => partOf(draft, file)),
      vaults: [...namespace.vaults.values()].map((draft) => partOf(draft, file)),
      stores: [...namespace.stores.values()].map(storeOf),
      catalogs: [...namespace.catalogs.values()].map((draft) => partOf(draft, file)),
    })
  }
  return deepFreeze(configs)
}

function addExits(binding: DraftBinding, used: Set<DraftBinding>): void {
  for (const { target } of binding.exits) {
    used.add(target)
    // A built-in entry counts only if somebody uses it, and so do its exits.
    if (target.namespace.builtIn) addExits(target, used)
  }
}

function bindingOf(draft: DraftBinding, file: string): ConfigBinding {
  const entry = draft.value as unknown as BindingEntry
  return {
    ...common(draft),
    kind: entry.kind,
    entry,
    options: (entry.options as Json | undefined) ?? {},
    routes: routesOf(entry, draft.namespace.name),
    hidden: draft.hidden,
    vault: entry.vault === undefined ? null : qualify(draft.namespace.name, entry.vault),
    uses: usesOf(draft, entry),
    at: placeOf(draft, file),
  }
}

function routesOf(entry: BindingEntry, namespace: string): ConfigRoute[] {
  const fallback = entry.exit === undefined ? null : qualify(namespace, entry.exit)
  const routes = (entry.routes ?? []).map((route) => ({
    when: (route.when ?? []) as object[],
    ...(route.with !== undefined && { with: route.with }),
    guarded: Object.entries(route.guarded ?? {}).map(([guard, roles]) => ({ guard: qualify(namespace, guard), roles })),
    exit: route.exit === undefined ? fallback : qualify(namespace, route.exit),
  }))
  return fallback === null ? routes : [...routes, { when: [], guarded: [], exit: fallback }]
}

function partOf(draft: DraftGuard | DraftCatalog | DraftVault, file: string): ConfigPart {
  const entry = draft.value as unknown as ConfigPart['entry']
  const options = (entry.options as Json | undefined) ?? {}
  return { ...common(draft), entry, options, hidden: draft.hidden, uses: usesOf(draft), at: placeOf(draft, file) }
}

function usesOf({ namespace, references }: DraftEntry, entry?: BindingEntry): ConfigUse[] {
  const guarded = (entry?.routes ?? []).flatMap((route) => Object.keys(route.guarded ?? {}))
  const named = [
    ...references.map(({ kind, name }) => ({ what: kind, id: qualify(namespace.name, name) })),
    ...guarded.map((name) => ({ what: 'guard' as const, id: qualify(namespace.name, name) })),
    ...(entry?.vault === undefined ? [] : [{ what: 'vault' as const, id: qualify(namespace.name, entry.vault) }]),
  ]
  return [...new Map(named.map((use) => [`${use.what} ${use.id}`, use])).values()]
}

const storeOf = (draft: DraftEntry): ConfigStore => common(draft)

function common({ id, name, namespace, value }: DraftEntry): ConfigStore {
  return { id, namespace: namespace.name, name, type: String(value['type']) }
}

function placeOf({ namespace, path }: DraftEntry, file: string): Position {
  const { line, column } = namespace.places.locate(path, true)
  return { file, line, column }
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) deepFreeze(item)
  }
  return value
}
