/**
 * Where the fields of a RecordBatch lie (Kafka protocol guide, "Record Batch", message format v2), and the 64-bit
 * accessors they need. Used by the builder, the reader and the stamps; knows nothing of records.
 */

export const BASE_OFFSET = 0
/** bytes after this field */
export const BATCH_LENGTH = 8
export const LEADER_EPOCH = 12
export const MAGIC = 16
/** CRC-32C of everything from `ATTRIBUTES` to the end */
export const CRC = 17
export const ATTRIBUTES = 21
export const LAST_OFFSET_DELTA = 23
export const BASE_TIMESTAMP = 27
export const MAX_TIMESTAMP = 35
export const PRODUCER_ID = 43
export const PRODUCER_EPOCH = 51
export const BASE_SEQUENCE = 53
export const RECORD_COUNT = 57
/** header bytes of a batch; the records follow */
export const RECORDS = 61

/** base offset and length, which `BATCH_LENGTH` does not count */
export const LENGTH_END = 12
export const MAGIC_V2 = 2

export const COMPRESSION_MASK = 0x07
export const LOG_APPEND_TIME = 0x08
export const TRANSACTIONAL = 0x10
export const CONTROL = 0x20

const HIGH = 0x1_0000_0000

/** An int64 as a number: exact up to ±2⁵³, which offsets, producer ids and times never leave. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * HIGH + bytes.readUInt32BE(at + 4)
}

export function writeInt64(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / HIGH)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(value - high * HIGH, at + 4)
}
