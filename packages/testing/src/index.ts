export * from './fake-clock.ts'
export * from './harness.ts'
