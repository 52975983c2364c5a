/**
 * What the engine runs: the documents of a file after validation, every name resolved. Plain data, deep frozen, so that it
 * can be sent to worker processes and never changes under a running binding. Made by load.ts, read by the engine's link.
 */
import type { BindingEntry, Kind } from '../contract.ts'
import type { Position } from './places.ts'

/** One namespace, that is one document. */
export interface Config {
  readonly name: string
  /** in the order of the document */
  readonly bindings: readonly ConfigBinding[]
  readonly guards: readonly ConfigPart[]
  readonly vaults: readonly ConfigPart[]
  readonly stores: readonly ConfigStore[]
  readonly catalogs: readonly ConfigPart[]
}

export interface ConfigBinding {
  /** `namespace:name`, unique */
  readonly id: string
  readonly namespace: string
  /** as in the document */
  readonly name: string
  /** known to the registry */
  readonly type: string
  /** one of the module's kinds */
  readonly kind: Kind
  /** as written, with defaults */
  readonly entry: BindingEntry
  /** those of the entry, or none */
  readonly options: Readonly<Record<string, unknown>>
  /** `routes:` in order; a bare `exit:` is the last, without conditions */
  readonly routes: readonly ConfigRoute[]
  /** by JSON pointer from the entry on: what is shown of values that must not be, secrets and what came from the environment */
  readonly hidden: Readonly<Record<string, string>>
  /** id of a vault; null: the entry has none */
  readonly vault: string | null
  /** entries of other sections that it names anywhere, each once */
  readonly uses: readonly ConfigUse[]
  readonly at: Position
}

export interface ConfigRoute {
  /** empty: always matches */
  readonly when: readonly object[]
  readonly with?: unknown
  /** ids of guards that must all permit; empty: open */
  readonly guarded: readonly { readonly guard: string; readonly roles: readonly string[] }[]
  /** id of a binding that accepts what this one produces; null only where no exit is needed */
  readonly exit: string | null
}

/** A guard, vault or catalog: one module with options. */
export interface ConfigPart {
  readonly id: string
  readonly namespace: string
  readonly name: string
  readonly type: string
  readonly entry: { readonly type: string; readonly options?: unknown }
  readonly options: Readonly<Record<string, unknown>>
  /** entries of other sections that it names anywhere, each once */
  readonly uses: readonly ConfigUse[]
  /** by JSON pointer from the entry on: what is shown of values that must not be, secrets and what came from the environment */
  readonly hidden: Readonly<Record<string, string>>
  readonly at: Position
}

export interface ConfigUse {
  readonly what: 'guard' | 'vault' | 'store' | 'catalog'
  readonly id: string
}

export interface ConfigStore {
  readonly id: string
  readonly namespace: string
  readonly name: string
  readonly type: string
}

/** The id a reference stands for: `name` lies in `namespace`, `other:name` says itself where. */
export function qualify(namespace: string, reference: string): string {
  return reference.includes(':') ? reference : `${namespace}:${reference}`
}
