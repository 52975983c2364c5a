/**
 * Every type a document's entries may have, with its schema: those of the registry's modules, and the stores and exporters
 * that the engine itself knows. The one list for the composed schema, the reference pages, the static types and `explain`.
 */
import type { BindingModule, JsonSchema, Kind } from '../contract.ts'
import { EXPORTER_TYPES, exporterSchemas, STORE_TYPES, storeSchema } from './envelope.ts'
import { bindingSchema, type Registry } from './registry.ts'

/** What an entry is called, and the section it stands in. */
export const SECTION_OF_ENTRY = {
  binding: 'bindings',
  guard: 'guards',
  vault: 'vaults',
  catalog: 'catalogs',
  store: 'stores',
  exporter: 'exporters',
} as const

export type EntryWhat = keyof typeof SECTION_OF_ENTRY

export interface EntryType {
  readonly what: EntryWhat
  readonly type: string
  /** of a whole entry, references not yet put in */
  readonly schema: JsonSchema
  /** those of a binding; empty: it is none */
  readonly kinds: readonly Kind[]
  /** what each kind speaks */
  readonly specs: BindingModule['kinds']
}

/** In the order of the registry. */
export function entryTypes(registry: Registry): readonly EntryType[] {
  return [
    ...registry.bindings.map((module): EntryType => {
      const kinds = Object.keys(module.kinds) as Kind[]
      return { what: 'binding', type: module.type, schema: bindingSchema(module), kinds, specs: module.kinds }
    }),
    ...registry.guards.map((module) => part('guard', module.type, module.schema)),
    ...registry.vaults.map((module) => part('vault', module.type, module.schema)),
    ...registry.catalogs.map((module) => part('catalog', module.type, module.schema)),
    ...STORE_TYPES.map((type) => part('store', type, storeSchema)),
    ...EXPORTER_TYPES.map((type) => part('exporter', type, exporterSchemas[type]!)),
  ]
}

const part = (what: EntryWhat, type: string, schema: JsonSchema): EntryType => ({
  what,
  type,
  schema,
  kinds: [],
  specs: {},
})
