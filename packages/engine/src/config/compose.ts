/**
 * One JSON Schema of the whole document, for editors and CI, made of the envelope and the modules' schemas. Printed by
 * `zilla-ts schema`. It accepts every document that `loadConfig` accepts, but expressions as `type` or `kind`; what needs
 * more than one entry it cannot say.
 */
import type { JsonSchema } from '../contract.ts'
import { type EntryType, type EntryWhat, entryTypes } from './entry-types.ts'
import { envelopeSchema } from './envelope.ts'
import { isObject, isRefused, schemaOfKind } from './kind-schema.ts'
import type { Registry } from './registry.ts'
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
  const types = entryTypes(registry)
  for (const type of types) Object.assign($defs, definitionsOf(type))
  const entries = (key: EntryWhat, frame: unknown): Json => section(frame as Json, types, key)
  const telemetry = properties['telemetry'] as { properties: Json }
  const sections: Json = {
    ...properties,
    bindings: entries('binding', properties['bindings']),
    guards: entries('guard', properties['guards']),
    stores: entries('store', properties['stores']),
    vaults: entries('vault', properties['vaults']),
    catalogs: entries('catalog', properties['catalogs']),
    telemetry: {
      ...telemetry,
      properties: { ...telemetry.properties, exporters: entries('exporter', telemetry.properties['exporters']) },
    },
  }
  const root = rewrite({ ...envelope, properties: sections }, '') as Json
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...root, $defs }
}

/**
 * One for each type, or for each kind of it: an editor that has to work out conditions offers what the kind does not take.
 */
function definitionsOf({ what, type, schema, kinds }: EntryType): Json {
  const home = `${what}.${type}`
  if (kinds.length < 2) return { [home]: rewrite(schema, home) }
  const { title, description, properties } = schema as { title?: string; description?: string; properties: Json }
  const definitions: Json = {
    [home]: {
      title,
      description,
      ...editorNotes({ description }),
      type: 'object',
      required: ['kind'],
      properties: { kind: move(properties['kind'], home) },
      allOf: kinds.map((kind) => when('kind', kind, `${home}.${kind}`)),
    },
  }
  for (const kind of kinds) definitions[`${home}.${kind}`] = rewrite(schemaOfKind(schema, kind), `${home}.${kind}`)
  return definitions
}

/** A pattern, for editors take the beginning of a constant for the constant when they complete. */
function when(property: string, value: string, definition: string): Json {
  const pattern = `^${value.replace(/[.\\+*?()[\]{}^$|]/g, '\\$&')}$`
  return {
    if: { required: [property], properties: { [property]: { type: 'string', pattern } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { $ref: `#/$defs/${definition}` },
  }
}

/** Entries of one section: first the type is looked at, then all else. */
function section(schema: Json, types: readonly EntryType[], what: EntryWhat): Json {
  const own = types.filter((each) => each.what === what)
  const names = own.map(({ type }) => type)
  if (names.length === 0) return { ...schema, additionalProperties: false }
  const enumDescriptions = own.map((each) => each.schema['description'])
  return {
    ...schema,
    additionalProperties: {
      type: 'object',
      required: ['type'],
      properties: { type: { description: 'What handles this entry.', enum: names, enumDescriptions } },
      allOf: names.map((type) => when('type', type, `${what}.${type}`)),
    },
  }
}

/** Moves a schema to `#/$defs/<home>`, drops the engine's own keywords, and lets expressions stand for values. */
function rewrite(schema: unknown, home: string): unknown {
  const moved = move(schema, home)
  return isObject(moved) && isScalar(moved) && !isRefused(schema) ? orExpression(moved) : moved
}

function move(schema: unknown, home: string): unknown {
  if (Array.isArray(schema)) return schema.map((item) => rewrite(item, home))
  if (!isObject(schema)) return schema
  if (isRefused(schema)) return refused(schema)
  const result: Json = editorNotes(schema)
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

/**
 * What VS Code and its YAML extension know beyond JSON Schema: descriptions with marks in them, reasons in place of
 * patterns, and what is not to be offered.
 */
function editorNotes({ description, deprecated, pattern, 'x-hint': hint }: Json): Json {
  return {
    ...(String(description).includes('`') && { markdownDescription: description }),
    ...(deprecated === true && { deprecationMessage: description }),
    ...(pattern !== undefined && hint !== undefined && { patternErrorMessage: hint }),
  }
}

/** Nothing fits; said in a way that lets an editor give the reason. */
function refused(schema: Json): Json | false {
  const hint = schema['x-hint']
  if (hint === undefined) return false
  return { description: hint, type: 'string', pattern: '(?!)', errorMessage: hint, doNotSuggest: true }
}

/** Keywords that hold values, or schemas that only look and never judge. */
const VALUES = new Set(['if', 'not', 'const', 'enum', 'enumDescriptions', 'default', 'examples', 'required'])

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

/** Describes single values, and not all texts are among them. */
function isScalar(schema: Json): boolean {
  if (Array.isArray(schema['oneOf'])) return schema['oneOf'].some((branch) => isObject(branch) && isScalar(branch))
  const { type } = schema
  if (type === 'integer' || type === 'number' || type === 'boolean') return true
  return (type === undefined || type === 'string') && ('enum' in schema || 'const' in schema || 'pattern' in schema)
}

const NOTES = new Set([
  ...['title', 'description', 'markdownDescription', 'default', 'examples', 'deprecated', 'deprecationMessage'],
])

function orExpression(schema: Json): Json {
  const entries = Object.entries(schema)
  const notes = entries.filter(([key]) => NOTES.has(key))
  const rules = entries.filter(([key]) => !NOTES.has(key))
  return {
    ...Object.fromEntries(notes),
    anyOf: [Object.fromEntries(rules), { $ref: '#/$defs/expression' }],
  }
}
