/** The TypeScript of entries.config.ts: for each type what an entry may hold as it is written, one interface for each kind. */
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { dereference } from '../packages/engine/src/config/dereference.ts'
import { type EntryType, type EntryWhat, SECTION_OF_ENTRY } from '../packages/engine/src/config/entry-types.ts'
import { isObject, schemaOfKind } from '../packages/engine/src/config/kind-schema.ts'
import { forTypes } from './static-types.ts'

type Json = Record<string, unknown>

export async function entryTypesSource(types: readonly EntryType[]): Promise<string> {
  const names = types.map((type) => ({ type, variants: variantsOf(type) }))
  const properties = names.flatMap(({ variants }) => variants).map((variant) => [variant.title, variant])
  const source = await compile({ type: 'object', properties: Object.fromEntries(properties) } as JSONSchema, 'Unused', {
    bannerComment: '',
    additionalProperties: false,
    // Lists are rarely written as tuples; how long they are is validated.
    ignoreMinAndMaxItems: true,
    style: { semi: false, singleQuote: true, printWidth: 120 },
  })
  const maps = (Object.keys(SECTION_OF_ENTRY) as EntryWhat[]).map((what) => {
    const lines = names
      .filter(({ type }) => type.what === what)
      .map(({ type, variants }) => `  '${type.type}': ${variants.map(({ title }) => title).join(' | ')}`)
    return `export interface Standard${pascal(SECTION_OF_ENTRY[what])} {\n${lines.join('\n')}\n}\n`
  })
  return [
    '// Generated from the schemas of the standard types: do not edit; npm run generate',
    '',
    source.replace(/export interface Unused \{[\s\S]*?\n\}\n/, '').trim(),
    '',
    ...maps,
  ].join('\n')
}

/** An entry's schema for each kind, with the name of its interface as the title. */
function variantsOf({ what, type, schema, kinds }: EntryType): { title: string }[] {
  const whole = dereference(schema)
  if (kinds.length === 0) return [variant(pascal(`${type}-${what}`), whole)]
  return kinds.map((kind) => variant(pascal(`${type}-${kind}-binding`), schemaOfKind(whole, kind)))
}

function variant(title: string, schema: Json): Json & { title: string } {
  // An entry that does not say that it is closed takes what it likes.
  return { additionalProperties: true, ...(withoutTitles(forTypes(schema, 'written')) as Json), title }
}

/** A title would make an interface of its own of each mapping that has one, numbered for each kind. */
function withoutTitles(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutTitles)
  if (!isObject(schema)) return schema
  const entries = Object.entries(schema).filter(([key, value]) => key !== 'title' || typeof value !== 'string')
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutTitles(value)]))
}

/** `cache_client` → `CacheClient` */
function pascal(name: string): string {
  return name.replace(/(?:^|[-_])(\w)/g, (_, letter: string) => letter.toUpperCase())
}
