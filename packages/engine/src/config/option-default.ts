/**
 * Values that stand for the defaults of options, from outside of the document. Put into entries before they are validated,
 * so that they are judged as if they were written there. Must never replace what is written.
 */
import type { Kind } from '../contract.ts'
import { isObject, type Json } from './draft.ts'

export interface OptionDefault {
  /** entries it is for */
  readonly type: string
  readonly kind: Kind
  /** from the entry on: `['options', 'limits', 'connectSeconds']` */
  readonly path: readonly string[]
  readonly value: unknown
}

/** Fills in what is missing in an entry, in place. */
export function fillDefaults(entry: Json, defaults: readonly OptionDefault[]): void {
  for (const { type, kind, path, value } of defaults) {
    if (entry['type'] === type && entry['kind'] === kind) fill(entry, path, value)
  }
}

/** What is no mapping on the way there is left to validation. */
function fill(entry: Json, path: readonly string[], value: unknown): void {
  let at = entry
  for (const [depth, key] of path.entries()) {
    const isLast = depth === path.length - 1
    if (!Object.hasOwn(at, key)) at[key] = isLast ? value : {}
    const inner = at[key]
    if (isLast || !isObject(inner)) return
    at = inner
  }
}
