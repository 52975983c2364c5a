/** JSON Schemas as json-schema-to-typescript is to see them. Used by generate.ts for what code gets and what users write. */
import { isObject, isRefused } from '../packages/engine/src/config/kind-schema.ts'

type Json = Record<string, unknown>

/** A branch that only restricts what is declared elsewhere says nothing to the type system. */
const shapesType = (schema: unknown): boolean =>
  isObject(schema) && ('type' in schema || 'enum' in schema || 'const' in schema)

/** `filled`: what has a default is there, as code sees it. `written`: it may be left out, as users write it. */
export type Side = 'filled' | 'written'

/** What remains of a schema for static types: no conditions, and no refused old forms. */
export function forTypes(schema: unknown, side: Side): unknown {
  if (Array.isArray(schema)) return schema.map((item) => forTypes(item, side))
  if (!isObject(schema)) return schema
  const result: Json = {}
  for (const [key, value] of Object.entries(schema)) {
    if (['if', 'then', 'else', 'not', 'dependentRequired', 'dependentSchemas', 'default', 'examples'].includes(key))
      continue
    if (['allOf', 'anyOf', 'oneOf'].includes(key)) {
      const branches = (value as unknown[]).filter(shapesType)
      if (branches.length > 0) result[key] = forTypes(branches, side)
    } else if (key === 'properties') {
      result[key] = typedProperties(value as Json, side)
      const required = [...((schema['required'] as string[] | undefined) ?? [])]
      for (const [name, item] of Object.entries(value as Json)) {
        if (side === 'filled' && isObject(item) && 'default' in item && !required.includes(name)) required.push(name)
      }
      result['required'] = required
    } else if (key !== 'required') {
      result[key] = key === 'enum' || key === 'const' ? value : forTypes(value, side)
    }
  }
  return result
}

export function typedProperties(properties: Json, side: Side): Json {
  const kept = Object.entries(properties).filter(([, item]) => !isRefused(item))
  return Object.fromEntries(kept.map(([name, item]) => [name, forTypes(item, side)]))
}
