export { runTask, SystemClock } from './clock.ts'
export * from './contract.ts'
export { type Acceptor, type FaultListener, MESSAGE_COST, Side, toStreamError } from './stream.ts'
