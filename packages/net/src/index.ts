export { echo } from './echo/binding.ts'
export * from './stream.ts'
export { tcp } from './tcp/binding.ts'
export { wildcard } from './tcp/condition.ts'
