/**
 * The static type of a document, for those that are written in TypeScript. Entries of the standard types are generated from
 * their schemas (entries.config.ts), exact for type and kind; a package with further types declares them by merging:
 *
 *   declare module '@zilla-ts/engine' {
 *     interface BindingTypes { uppercase: { type: 'uppercase'; kind: 'server' } }
 *   }
 *
 * Types only: the engine learns nothing of bindings here.
 */
import type {
  StandardBindings,
  StandardCatalogs,
  StandardExporters,
  StandardGuards,
  StandardStores,
  StandardVaults,
} from './entries.config.ts'

/** Entries of `bindings:` by their type. */
export interface BindingTypes extends StandardBindings {}
/** Entries of `guards:` by their type. */
export interface GuardTypes extends StandardGuards {}
/** Entries of `vaults:` by their type. */
export interface VaultTypes extends StandardVaults {}
/** Entries of `stores:` by their type. */
export interface StoreTypes extends StandardStores {}
/** Entries of `catalogs:` by their type. */
export interface CatalogTypes extends StandardCatalogs {}
/** Entries of `telemetry.exporters:` by their type. */
export interface ExporterTypes extends StandardExporters {}

type Entries<T> = Readonly<Record<string, T[keyof T]>>

/** One namespace, as it is written: what has a default may be left out. */
export interface ZillaConfig {
  /** Name of the namespace. */
  readonly name: string
  /** Protocol endpoints and translations, each handing over to the next by `exit`. */
  readonly bindings?: Entries<BindingTypes>
  /** What checks the credentials of clients. */
  readonly guards?: Entries<GuardTypes>
  /** Where keys and certificates are kept. */
  readonly vaults?: Entries<VaultTypes>
  /** Where bindings keep small shared state. */
  readonly stores?: Entries<StoreTypes>
  /** Where schemas of messages are found. */
  readonly catalogs?: Entries<CatalogTypes>
  /** Metrics and where they go. */
  readonly telemetry?: {
    readonly attributes?: Readonly<Record<string, string>>
    readonly metrics?: readonly string[]
    readonly exporters?: Entries<ExporterTypes>
  }
}

/** The document itself; names its type where it is written: `export default defineConfig({ name: … })`. */
export function defineConfig(config: ZillaConfig): ZillaConfig
/** Several namespaces, the documents of one file. */
export function defineConfig(config: readonly ZillaConfig[]): readonly ZillaConfig[]
export function defineConfig(config: ZillaConfig | readonly ZillaConfig[]): unknown {
  return config
}
