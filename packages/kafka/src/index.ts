export * from './binding.ts'
export * from './codec/aborted-filter.ts'
export * from './codec/batch-builder.ts'
export { BATCH_LENGTH, LENGTH_END, RECORD_COUNT, RECORDS } from './codec/batch-layout.ts'
export * from './codec/batch-reader.ts'
export * from './codec/batch-split.ts'
export {
  type BatchProducer,
  NO_PRODUCER,
  restampBatch,
  sequenceAfter,
  stampBatch,
  stampLogAppendTime,
} from './codec/batch-stamp.ts'
export { crc32c } from './codec/crc32c.ts'
export * from './codec/header-cursor.ts'
export * from './codec/headers.ts'
export { murmur2, partitionHash } from './codec/murmur2.ts'
export * from './codec/record-error.ts'
export * from './record.ts'
export * from './stream.ts'
