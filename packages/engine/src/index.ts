export { runTask, SystemClock } from './clock.ts'
export { composeSchema } from './config/compose.ts'
export {
  type Config,
  type ConfigBinding,
  type ConfigPart,
  type ConfigRoute,
  type ConfigStore,
  qualify,
} from './config/config.ts'
export { type LoadInput, type LoadResult, loadConfig } from './config/load.ts'
export { nearest } from './config/nearest.ts'
export type { OptionDefault } from './config/option-default.ts'
export type { Position } from './config/places.ts'
export type { Problem } from './config/problem.ts'
export { DocumentError, readDocument } from './config/read.ts'
export { createRegistry, type Registry } from './config/registry.ts'
export * from './contract.ts'
export { createEngine, type Engine, type EngineAddress, type EngineOptions } from './engine.ts'
export { sessionOf } from './link.ts'
export { type Acceptor, type FaultListener, MESSAGE_COST, Side, toStreamError } from './stream.ts'
