/**
 * The configuration as the engine runs it, for `start --verbose`: defaults filled, exits resolved, secrets hidden.
 */
import { type Config, isSecret } from '@zilla-ts/engine'

/** Plain data, safe to log. */
export function effectiveConfiguration(configs: readonly Config[]): unknown {
  return hideSecrets(
    configs.map(({ name, bindings, guards, vaults, stores, catalogs }) => ({
      name,
      guards: guards.map((guard) => ({ name: guard.name, type: guard.type, options: guard.options })),
      vaults: vaults.map((vault) => ({ name: vault.name, type: vault.type, options: vault.options })),
      stores: stores.map((store) => ({ name: store.name, type: store.type })),
      catalogs: catalogs.map((catalog) => ({ name: catalog.name, type: catalog.type, options: catalog.options })),
      bindings: bindings.map(({ name: binding, type, kind, options, routes }) => ({
        name: binding,
        type,
        kind,
        options,
        routes,
      })),
    })),
  )
}

function hideSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hideSecrets)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isSecret(key) && typeof item === 'string' ? '***' : hideSecrets(item),
    ]),
  )
}
