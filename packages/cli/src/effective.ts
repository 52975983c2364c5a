/**
 * The configuration as the engine runs it, as far as it may be shown: what must not be is replaced as `hidden` of each
 * entry says.
 */
import type { Config, ConfigBinding, ConfigPart } from '@zilla-ts/engine'

/** Plain data for `start --verbose`: defaults filled, exits resolved. */
export function effectiveConfiguration(configs: readonly Config[]): unknown {
  return configs.map(({ name, bindings, guards, vaults, stores, catalogs }) => ({
    name,
    guards: guards.map(part),
    vaults: vaults.map(part),
    stores: stores.map((store) => ({ name: store.name, type: store.type })),
    catalogs: catalogs.map(part),
    bindings: bindings.map(({ name: binding, type, kind, options, routes, hidden }) => ({
      name: binding,
      type,
      kind,
      ...(shown({ options, routes }, hidden) as object),
    })),
  }))
}

const part = ({ name, type, options, hidden }: ConfigPart): object => ({
  name,
  type,
  ...(shown({ options }, hidden) as object),
})

/** A whole entry, as it is written, with defaults. */
export const shownEntry = ({ entry, hidden }: ConfigBinding | ConfigPart): unknown => shown(entry, hidden)

function shown(value: unknown, hidden: ConfigPart['hidden'], pointer = ''): unknown {
  const instead = hidden[pointer]
  if (instead !== undefined) return instead
  if (value === null || typeof value !== 'object') return value
  const inner = (key: string | number, item: unknown): unknown =>
    shown(item, hidden, `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
  if (Array.isArray(value)) return value.map((item, at) => inner(at, item))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(key, item)]))
}
