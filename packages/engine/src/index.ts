export { runTask, SystemClock } from './clock.ts'
export { composeSchema } from './config/compose.ts'
export {
  type Config,
  type ConfigBinding,
  type ConfigPart,
  type ConfigRoute,
  type ConfigStore,
  type ConfigUse,
  qualify,
} from './config/config.ts'
export { dereference } from './config/dereference.ts'
export { type ConfigDiff, diffConfigs, type EntryChange, type EntryKey } from './config/diff.ts'
// All of it, since only what is exported by a star can be merged with.
export * from './config/document.ts'
export { type EntryType, type EntryWhat, entryTypes, SECTION_OF_ENTRY } from './config/entry-types.ts'
export { envelopeSchema } from './config/envelope.ts'
export { isObject, isRefused, schemaOfKind } from './config/kind-schema.ts'
export { type LoadInput, type LoadResult, loadConfig } from './config/load.ts'
export { type Marked, markedValues } from './config/marks.ts'
export { nearest } from './config/nearest.ts'
export type { OptionDefault } from './config/option-default.ts'
export type { Path, Position } from './config/places.ts'
export { type Problem, pointer } from './config/problem.ts'
export { type Property, propertiesOf, typeText } from './config/property-list.ts'
export { DocumentError, readDocument } from './config/read.ts'
export { createRegistry, type Registry } from './config/registry.ts'
export { sharedSchemas } from './config/shared-schemas.ts'
export * from './contract.ts'
export { createEngine, type Engine, type EngineAddress, type EngineOptions } from './engine.ts'
export { EventLimiter } from './event-limiter.ts'
export {
  type ExplainedHop,
  type ExplainedPath,
  type ExplainOptions,
  explainPaths,
  type GuardAnswer,
} from './explain.ts'
export { explainPassing, explainRoutes, type RouteTest, refusedStep } from './explain-routes.ts'
export * from './explanation.ts'
export { sessionOf } from './link.ts'
export { findLive, type LiveFindings, type LiveOptions } from './live.ts'
export { type Acceptor, type FaultListener, MESSAGE_COST, Side, toStreamError } from './stream.ts'
