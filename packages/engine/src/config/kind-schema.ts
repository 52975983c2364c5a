/**
 * The schema of an entry as one of its kinds has it: conditions on `kind` are decided, and what they say is merged into
 * what they restrict. For whoever shows a schema to people (editor, types, pages, `explain`): a validator needs none of
 * it. Conditions on anything else stay as they are.
 */
import type { JsonSchema } from '../contract.ts'

type Json = Record<string, unknown>

/** The schema without its conditions on the kind. */
export function schemaOfKind(schema: JsonSchema, kind: string): JsonSchema {
  const { allOf = [], properties, ...rest } = schema as { allOf?: readonly Json[]; properties?: Json }
  const { if: condition, then, else: otherwise, ...unconditional } = rest as Json
  const own = condition === undefined ? [] : [{ if: condition, then, else: otherwise }]
  let result: Json = { ...unconditional, properties: { ...properties, kind: withKind(properties?.['kind'], kind) } }
  const kept: Json[] = []
  for (const branch of [...own, ...allOf] as Json[]) {
    const holds = isObject(branch['if']) ? decide(branch['if'], kind) : undefined
    if (holds === undefined) kept.push(branch)
    else result = merge(result, branch[holds ? 'then' : 'else'] ?? true) as Json
  }
  if (kept.length > 0) result['allOf'] = [...((result['allOf'] as Json[] | undefined) ?? []), ...kept]
  return result
}

/** A property that is named only to say why there is none. */
export function isRefused(schema: unknown): boolean {
  if (schema === false) return true
  return isObject(schema) && isObject(schema['not']) && Object.keys(schema['not']).length === 0
}

export const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

function withKind(schema: unknown, kind: string): Json {
  const { enum: _, ...notes } = isObject(schema) ? schema : {}
  return { ...notes, const: kind }
}

/** Whether a condition holds for the kind; undefined: it asks for something else too. */
function decide(condition: Json, kind: string): boolean | undefined {
  const { properties, required, ...others } = condition
  if (!isObject(properties) || Object.keys(others).length > 0) return undefined
  if (Array.isArray(required) && required.some((name) => name !== 'kind' && name !== 'type')) return undefined
  const names = Object.keys(properties)
  return names.length === 1 && names[0] === 'kind' ? decideValue(properties['kind'], kind) : undefined
}

function decideValue(schema: unknown, kind: string): boolean | undefined {
  if (!isObject(schema)) return undefined
  const keywords = Object.keys(schema)
  if (keywords.length !== 1) return undefined
  if ('const' in schema) return schema['const'] === kind
  if (Array.isArray(schema['enum'])) return schema['enum'].includes(kind)
  const inner = 'not' in schema ? decideValue(schema['not'], kind) : undefined
  return inner === undefined ? undefined : !inner
}

/** A schema that accepts what both accept. */
function merge(base: unknown, overlay: unknown): unknown {
  if (overlay === true || overlay === undefined || isRefused(base)) return base
  if (base === undefined || base === true || isRefused(overlay)) return overlay
  if (!isObject(base) || !isObject(overlay)) return base
  const result: Json = { ...base }
  for (const [key, value] of Object.entries(overlay)) {
    if (key === 'properties') result[key] = mergeProperties(base, value as Json)
    else if (key === 'required') result[key] = [...new Set([...((base[key] as []) ?? []), ...(value as [])])]
    else if (key === 'items' || key === 'additionalProperties') result[key] = merge(base[key], value)
    else if (key === 'allOf') result[key] = [...((result[key] as []) ?? []), ...(value as [])]
    else if (!(key in base) || ANNOTATIONS.has(key)) result[key] = value
    else result['allOf'] = [...((result['allOf'] as []) ?? []), { [key]: value }]
  }
  return result
}

const ANNOTATIONS = new Set(['description', 'title', 'default', 'examples', 'deprecated', 'x-hint'])

/** Where only named properties are accepted, naming another in a condition does not let it in. */
function mergeProperties(base: Json, overlay: Json): Json {
  const properties: Json = { ...(base['properties'] as Json | undefined) }
  const closed = base['additionalProperties'] === false
  for (const [name, schema] of Object.entries(overlay)) {
    if (name in properties) properties[name] = merge(properties[name], schema)
    else if (!closed) properties[name] = schema
  }
  return properties
}
