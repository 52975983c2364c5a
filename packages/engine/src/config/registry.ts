/**
 * The modules a document may use. A value without globals, so that tests run with just their own; made by the cli from
 * its list of standard modules.
 */
import type { BindingModule, CatalogModule, GuardModule, JsonSchema, VaultModule } from '../contract.ts'
import { sharedSchemas } from './shared-schemas.ts'
import { Validator } from './validator.ts'

export interface Registry {
  binding(type: string): BindingModule | undefined
  guard(type: string): GuardModule | undefined
  vault(type: string): VaultModule | undefined
  catalog(type: string): CatalogModule | undefined
  /** in the order given */
  readonly bindings: readonly BindingModule[]
  readonly guards: readonly GuardModule[]
  readonly vaults: readonly VaultModule[]
  readonly catalogs: readonly CatalogModule[]
  /** Compiled on first use, then kept. */
  validator(module: AnyModule): Validator
}

type AnyModule = BindingModule | GuardModule | VaultModule | CatalogModule

/** Throws when two modules claim one type. */
export function createRegistry(modules: {
  readonly bindings: readonly BindingModule[]
  readonly guards?: readonly GuardModule[]
  readonly vaults?: readonly VaultModule[]
  readonly catalogs?: readonly CatalogModule[]
}): Registry {
  const { bindings, guards = [], vaults = [], catalogs = [] } = modules
  const bindingsByType = byType(bindings)
  const guardsByType = byType(guards)
  const vaultsByType = byType(vaults)
  const catalogsByType = byType(catalogs)
  const validators = new Map<AnyModule, Validator>()
  return {
    bindings,
    guards,
    vaults,
    catalogs,
    binding: (type) => bindingsByType.get(type),
    guard: (type) => guardsByType.get(type),
    vault: (type) => vaultsByType.get(type),
    catalog: (type) => catalogsByType.get(type),
    validator(module) {
      let validator = validators.get(module)
      if (validator === undefined) {
        validator = new Validator('kinds' in module ? bindingSchema(module) : module.schema)
        validators.set(module, validator)
      }
      return validator
    },
  }
}

/** A module's schema with the properties that every binding has. */
export function bindingSchema(module: BindingModule): JsonSchema {
  const properties = module.schema['properties'] as JsonSchema
  return { ...module.schema, properties: { ...properties, telemetry: sharedSchemas['telemetry'] } }
}

function byType<M extends { readonly type: string }>(modules: readonly M[]): Map<string, M> {
  const map = new Map<string, M>()
  for (const module of modules) {
    if (map.has(module.type)) throw new Error(`two modules claim the type ${module.type}`)
    map.set(module.type, module)
  }
  return map
}
