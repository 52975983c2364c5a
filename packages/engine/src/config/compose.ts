/**
 * One JSON Schema of the whole document, for editors and CI, made of the envelope and the modules' schemas. Printed by
 * `zilla-ts schema`. It accepts every document that
 * `loadConfig` accepts, but expressions as `type` or `kind`; what needs more than one entry it cannot say.
 */
import type { JsonSchema } from '../contract.ts'
import { EXPORTER_TYPES, envelopeSchema, exporterSchemas, STORE_TYPES, storeSchema } from './envelope.ts'
import { bindingSchema, type Registry } from './registry.ts'
import { sharedSchemas } from './shared-schemas.ts'

type Json = Record<string, unknown>

/** The document's schema, for the modules of `registry`. */
export function composeSchema(registry: Registry): JsonSchema {
  const { $defs: _, properties, ...envelope } = envelopeSchema as { $defs: unknown; properties: Json }
  const $defs: Json = {
    expression: {
      description: 'A value from the environment, put in when the document is loaded.',
      type: 'string',
      pattern: '\\$\\{\\{[^}]*\\}\\}',
    },
  }
  for (const [name, schema] of Object.entries(sharedSchemas)) $defs[name] = rewrite(schema, name)
  for (const module of registry.bindings)
    $defs[`binding.${module.type}`] = rewrite(bindingSchema(module), `binding.${module.type}`)
  for (const module of registry.guards) $defs[`guard.${module.type}`] = rewrite(module.schema, `guard.${module.type}`)
  for (const module of registry.vaults) $defs[`vault.${module.type}`] = rewrite(module.schema, `vault.${module.type}`)
  for (const module of registry.catalogs)
    $defs[`catalog.${module.type}`] = rewrite(module.schema, `catalog.${module.type}`)
  for (const type of STORE_TYPES) $defs[`store.${type}`] = rewrite(storeSchema, `store.${type}`)
  for (const type of EXPORTER_TYPES) $defs[`exporter.${type}`] = rewrite(exporterSchemas[type], `exporter.${type}`)
  const telemetry = properties['telemetry'] as { properties: Json }
  const types = (prefix: string): string[] =>
    Object.keys($defs).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []))
  const sections: Json = {
    ...properties,
    bindings: section(properties['bindings'] as Json, 'binding', types('binding.')),
    guards: section(properties['guards'] as Json, 'guard', types('guard.')),
    stores: section(properties['stores'] as Json, 'store', types('store.')),
    vaults: section(properties['vaults'] as Json, 'vault', types('vault.')),
    catalogs: section(properties['catalogs'] as Json, 'catalog', types('catalog.')),
    telemetry: {
      ...telemetry,
      properties: {
        ...telemetry.properties,
        exporters: section(telemetry.properties['exporters'] as Json, 'exporter', types('exporter.')),
      },
    },
  }
  const root = rewrite({ ...envelope, properties: sections }, '') as Json
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...root, $defs }
}

/** Entries of one section: first the type is looked at, then all else. */
function section(schema: Json, what: string, types: readonly string[]): Json {
  if (types.length === 0) return { ...schema, additionalProperties: false }
  return {
    ...schema,
    additionalProperties: {
      type: 'object',
      required: ['type'],
      properties: { type: { description: 'What handles this entry.', enum: types } },
      allOf: types.map((type) => ({
        if: { required: ['type'], properties: { type: { const: type } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { $ref: `#/$defs/${what}.${type}` },
      })),
    },
  }
}

/** Moves a schema to `#/$defs/<home>`, drops the engine's own keywords, and lets expressions stand for values. */
function rewrite(schema: unknown, home: string): unknown {
  const moved = move(schema, home)
  return isObject(moved) && isScalar(moved) ? orExpression(moved) : moved
}

function move(schema: unknown, home: string): unknown {
  if (Array.isArray(schema)) return schema.map((item) => rewrite(item, home))
  if (!isObject(schema)) return schema
  const result: Json = {}
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith('x-')) continue
    if (key === '$ref') result[key] = target(String(value), home)
    else if (VALUES.has(key)) result[key] = value
    else if (NAMED.has(key)) result[key] = eachNamed(value as Json, home)
    // An expression must not fit two branches of which only one may fit: it is let in beside them all.
    else if (key === 'oneOf') result[key] = (value as unknown[]).map((branch) => move(branch, home))
    else result[key] = rewrite(value, home)
  }
  return result
}

/** Keywords that hold values, or schemas that only look and never judge. */
const VALUES = new Set(['if', 'not', 'const', 'enum', 'default', 'examples', 'required'])

/** Keywords that hold schemas by name. */
const NAMED = new Set(['properties', '$defs', 'patternProperties', 'dependentSchemas'])

/** `type` and `kind` decide what all else means, so a reader of the file must see them. */
function eachNamed(schemas: Json, home: string): Json {
  const entries = Object.entries(schemas).map(([name, schema]) => {
    return [name, name === 'type' || name === 'kind' ? move(schema, home) : rewrite(schema, home)]
  })
  return Object.fromEntries(entries)
}

function target(ref: string, home: string): string {
  if (ref.startsWith('zilla:')) return `#/$defs/${ref.slice('zilla:'.length)}`
  return home === '' ? ref : `#/$defs/${home}${ref.slice(1)}`
}

const isObject = (value: unknown): value is Json => value !== null && typeof value === 'object' && !Array.isArray(value)

/** Describes single values, and not all texts are among them. */
function isScalar(schema: Json): boolean {
  if (Array.isArray(schema['oneOf'])) return schema['oneOf'].some((branch) => isObject(branch) && isScalar(branch))
  const { type } = schema
  if (type === 'integer' || type === 'number' || type === 'boolean') return true
  return (type === undefined || type === 'string') && ('enum' in schema || 'const' in schema || 'pattern' in schema)
}

function orExpression(schema: Json): Json {
  const { title, description, default: fallback, examples, deprecated, ...rules } = schema
  const notes = Object.entries({ title, description, default: fallback, examples, deprecated })
  return {
    ...Object.fromEntries(notes.filter(([, note]) => note !== undefined)),
    anyOf: [rules, { $ref: '#/$defs/expression' }],
  }
}
