/**
 * What differs between two configurations, entry by entry, and which others that concerns. Compares values with their
 * defaults, so that writing a default out is no difference, nor are order and comments. Pure; holds no value, for
 * values may be secret. Asked by `zilla-ts diff`, and by whoever replaces one running configuration by another.
 */
import type { Config, ConfigBinding, ConfigPart, ConfigUse } from './config.ts'
import type { Section } from './envelope.ts'
import { isObject } from './kind-schema.ts'
import type { Path } from './places.ts'

/** One entry of a configuration. */
export interface EntryKey {
  readonly section: Section
  /** `namespace:name` */
  readonly id: string
}

export interface EntryChange extends EntryKey {
  readonly change: 'added' | 'removed' | 'changed'
  /** Of a changed entry, from the entry on: the outermost values that differ. A list of another length is one value. */
  readonly paths: readonly Path[]
}

export interface ConfigDiff {
  /** by section, then in the order of the new configuration; what was removed comes last */
  readonly changes: readonly EntryChange[]
  /** entries that are the same themselves, but exit to or use, over however many others, one that is not */
  readonly affected: readonly EntryKey[]
}

/** Both as given by `loadConfig`. Nothing differs when there are no changes. */
export function diffConfigs(before: readonly Config[], after: readonly Config[]): ConfigDiff {
  const old = entriesOf(before)
  const now = entriesOf(after)
  const changes: EntryChange[] = []
  for (const section of SECTIONS_IN_ORDER) {
    for (const entry of now.values())
      if (entry.section === section) changes.push(...compare(old.get(keyOf(entry)), entry))
    for (const [key, { section: of, id }] of old) {
      if (of === section && !now.has(key)) changes.push({ section, id, change: 'removed', paths: [] })
    }
  }
  return { changes, affected: affectedBy(changes, old, now) }
}

/** Those that others depend on come first. */
const SECTIONS_IN_ORDER: readonly Section[] = ['vaults', 'stores', 'guards', 'catalogs', 'bindings']

interface Entry extends EntryKey {
  readonly value: unknown
  readonly needs: readonly EntryKey[]
}

const keyOf = ({ section, id }: EntryKey): string => `${section} ${id}`

function entriesOf(configs: readonly Config[]): Map<string, Entry> {
  const entries = configs.flatMap((config): Entry[] => [
    ...config.vaults.map((each) => part('vaults', each)),
    ...config.stores.map(({ id, type }): Entry => ({ section: 'stores', id, value: { type }, needs: [] })),
    ...config.guards.map((each) => part('guards', each)),
    ...config.catalogs.map((each) => part('catalogs', each)),
    ...config.bindings.map(binding),
  ])
  return new Map(entries.map((entry) => [keyOf(entry), entry]))
}

const part = (section: Section, { id, entry, uses }: ConfigPart): Entry => ({
  section,
  id,
  value: entry,
  needs: uses.map(used),
})

function binding({ id, entry, routes, uses }: ConfigBinding): Entry {
  const exits = routes.flatMap(({ exit }): EntryKey[] => (exit === null ? [] : [{ section: 'bindings', id: exit }]))
  return { section: 'bindings', id, value: entry, needs: [...exits, ...uses.map(used)] }
}

const used = ({ what, id }: ConfigUse): EntryKey => ({ section: `${what}s`, id })

function compare(before: Entry | undefined, after: Entry): EntryChange[] {
  const { section, id } = after
  if (before === undefined) return [{ section, id, change: 'added', paths: [] }]
  const paths = differences(before.value, after.value, [])
  return paths.length === 0 ? [] : [{ section, id, change: 'changed', paths }]
}

function differences(before: unknown, after: unknown, path: Path): Path[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) return [path]
    return after.flatMap((item, index) => differences(before[index], item, [...path, index]))
  }
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...names].flatMap((name) => differences(before[name], after[name], [...path, name]))
  }
  return Object.is(before, after) ? [] : [path]
}

/** Against the direction of the needs, new and old. */
function affectedBy(
  changes: readonly EntryChange[],
  old: ReadonlyMap<string, Entry>,
  now: ReadonlyMap<string, Entry>,
): EntryKey[] {
  const dependents = new Map<string, Set<string>>()
  for (const entry of [...old.values(), ...now.values()]) {
    for (const need of entry.needs) {
      const known = dependents.get(keyOf(need))
      if (known === undefined) dependents.set(keyOf(need), new Set([keyOf(entry)]))
      else known.add(keyOf(entry))
    }
  }
  // A set is walked in the order of insertion, what is added on the way included.
  const changed = new Set(changes.map(keyOf))
  const reached = new Set(changed)
  for (const key of reached) for (const dependent of dependents.get(key) ?? []) reached.add(dependent)
  return [...now.values()]
    .filter((entry) => reached.has(keyOf(entry)) && !changed.has(keyOf(entry)))
    .map(({ section, id }) => ({ section, id }))
}
