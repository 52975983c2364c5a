/**
 * The configuration as the engine runs it, for `start --verbose`: defaults filled, exits resolved, secrets hidden.
 */
import type { Config, ConfigPart } from '@zilla-ts/engine'

const HIDDEN = '***'

/** Plain data, safe to log: what the schemas mark with `x-secret` is not in it. */
export function effectiveConfiguration(configs: readonly Config[]): unknown {
  return configs.map(({ name, bindings, guards, vaults, stores, catalogs }) => ({
    name,
    guards: guards.map(part),
    vaults: vaults.map(part),
    stores: stores.map((store) => ({ name: store.name, type: store.type })),
    catalogs: catalogs.map(part),
    bindings: bindings.map(({ name: binding, type, kind, options, routes, secrets }) => ({
      name: binding,
      type,
      kind,
      ...(hidden({ options, routes }, secrets) as object),
    })),
  }))
}

const part = ({ name, type, options, secrets }: ConfigPart): object => ({
  name,
  type,
  ...(hidden({ options }, secrets) as object),
})

/** A copy of an entry without the values that the pointers name. */
function hidden(value: unknown, secrets: readonly string[], pointer = ''): unknown {
  if (secrets.includes(pointer)) return HIDDEN
  if (value === null || typeof value !== 'object' || secrets.length === 0) return value
  const inner = (key: string | number, item: unknown): unknown =>
    hidden(item, secrets, `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
  if (Array.isArray(value)) return value.map((item, at) => inner(at, item))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(key, item)]))
}
