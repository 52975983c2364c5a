export * from './engine-process.ts'
export * from './fake-clock.ts'
export * from './harness.ts'
export * from './wire-script.ts'
