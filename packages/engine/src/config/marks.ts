/**
 * Values whose schema carries a mark of ours, such as `x-kafka-topic`. For whoever shows a document; the engine itself has
 * no use for marks.
 */
import type { JsonSchema } from '../contract.ts'
import { isObject } from './kind-schema.ts'
import type { Path } from './places.ts'

export interface Marked {
  readonly path: Path
  readonly value: unknown
}

/** In the order of the value. `schema` is without references, `value` fits it. A marked value is not looked into. */
export function markedValues(schema: JsonSchema, value: unknown, mark: string): readonly Marked[] {
  const found: Marked[] = []
  walk([schema], value, [], mark, found)
  return found
}

/** Every schema that has a say about the value; branches of a choice are all looked at, since marks only describe. */
function walk(schemas: readonly unknown[], value: unknown, path: Path, mark: string, found: Marked[]): void {
  const all = schemas.filter(isObject).flatMap(withBranches)
  if (all.length === 0) return
  if (all.some((schema) => schema[mark] !== undefined)) {
    found.push({ path, value })
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      walk(
        all.map((schema) => schema['items']),
        item,
        [...path, index],
        mark,
        found,
      )
    })
  } else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) {
      walk(
        all.map((schema) => propertyOf(schema, name)),
        item,
        [...path, name],
        mark,
        found,
      )
    }
  }
}

function propertyOf(schema: JsonSchema, name: string): unknown {
  const properties = schema['properties']
  return isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties']
}

function withBranches(schema: JsonSchema): JsonSchema[] {
  const branches = ['allOf', 'anyOf', 'oneOf', 'then', 'else'].flatMap((key) => [schema[key] ?? []].flat())
  return [schema, ...branches.filter(isObject).flatMap(withBranches)]
}
