export * from './codec/properties.ts'
export * from './message.ts'
export * from './stream.ts'
