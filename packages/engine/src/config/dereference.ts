/**
 * Puts the target of every `$ref` in its place, so that ajv's error paths and the static types follow the schema as a
 * reader sees it. Called once per schema by the registry and the generator; a schema that refers to itself is refused.
 */
import type { JsonSchema } from '../contract.ts'
import { sharedSchemas } from './shared-schemas.ts'

/** The schema without `$ref` and `$defs`. Throws for an unknown or circular reference: a fault of the module, not of the user. */
export function dereference(schema: JsonSchema): JsonSchema {
  const { $defs: _, ...rest } = schema
  return expand(rest, schema, []) as JsonSchema
}

function expand(value: unknown, root: JsonSchema, open: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => expand(item, root, open))
  if (value === null || typeof value !== 'object') return value
  const { $ref: ref, ...siblings } = value as Record<string, unknown>
  const own = Object.fromEntries(Object.entries(siblings).map(([key, item]) => [key, expand(item, root, open)]))
  if (typeof ref !== 'string') return ref === undefined ? own : { ...own, $ref: expand(ref, root, open) }
  if (open.includes(ref)) throw new Error(`schema refers to itself: ${[...open, ref].join(' → ')}`)
  const target = expand(lookUp(ref, root), root, [...open, ref])
  return { ...(target as object), ...own }
}

function lookUp(ref: string, root: JsonSchema): unknown {
  if (ref.startsWith('zilla:')) {
    const shared = sharedSchemas[ref.slice('zilla:'.length)]
    if (shared !== undefined) return shared
  } else if (ref.startsWith('#/')) {
    let target: unknown = root
    for (const part of ref.slice(2).split('/')) {
      target = target !== null && typeof target === 'object' ? (target as Record<string, unknown>)[part] : undefined
    }
    if (target !== undefined) return target
  }
  throw new Error(`schema refers to unknown ${ref}`)
}
