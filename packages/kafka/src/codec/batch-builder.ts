/**
 * Encodes records of one partition into a RecordBatch (message format v2), uncompressed, in a buffer that grows and is
 * used again. Called by the producer of the client and by the embedded log. Allocates nothing per record.
 */
import type { ProduceMeta } from '../stream.ts'
import {
  ATTRIBUTES,
  BASE_OFFSET,
  BASE_TIMESTAMP,
  BATCH_LENGTH,
  LAST_OFFSET_DELTA,
  LEADER_EPOCH,
  LENGTH_END,
  MAGIC,
  MAGIC_V2,
  MAX_TIMESTAMP,
  RECORD_COUNT,
  RECORDS,
  writeInt64,
} from './batch-layout.ts'
import { type BatchProducer, restampBatch } from './batch-stamp.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** What a record is made of besides its value; a `ProduceMeta` and a `KafkaRecord` both are. */
export type RecordFields = Pick<ProduceMeta, 'key' | 'tombstone' | 'timestamp' | 'headers' | 'headerCount'>

const INITIAL_BYTES = 16 * 1024
/** A buffer that one large record made bigger than this is not kept. */
const KEPT_BYTES = 1024 * 1024

export class BatchBuilder {
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  #size = RECORDS
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  get count(): number {
    return this.#count
  }

  /** Bytes of the batch as it stands, its header included. */
  get sizeBytes(): number {
    return this.#size
  }

  /** Bytes the batch would have with this record added. */
  sizeWith(value: Buffer, record: RecordFields): number {
    const body = this.#bodySize(value, record)
    return this.#size + varintSize(body) + body
  }

  /** Adds a record, unless the batch would then exceed `maxBytes`: false, and nothing is changed. Copies what it is given. */
  append(value: Buffer, record: RecordFields, maxBytes: number = Number.POSITIVE_INFINITY): boolean {
    const { key, timestamp, headers } = record
    const body = this.#bodySize(value, record)
    const size = this.#size + varintSize(body) + body
    if (size > maxBytes) return false
    if (size > this.#bytes.length) this.#grow(size)
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp

    const bytes = this.#bytes
    let at = writeVarint(bytes, this.#size, body)
    bytes[at++] = 0
    at = writeVarlong(bytes, at, timestamp - this.#baseTimestamp)
    at = writeVarint(bytes, at, this.#count)
    at = key === null ? writeVarint(bytes, at, -1) : writeBytes(bytes, at, key)
    at = record.tombstone ? writeVarint(bytes, at, -1) : writeBytes(bytes, at, value)
    at = writeVarint(bytes, at, record.headerCount)
    bytes.set(headers, at)
    this.#size = size
    this.#count++
    return true
  }

  /**
   * The batch with its header, at least one record given: base offset 0, no leader epoch. A view that holds until the
   * next `append` or `reset`; may be called again for another producer or sequence.
   */
  finish(producer: BatchProducer): Buffer {
    const bytes = this.#bytes
    writeInt64(bytes, BASE_OFFSET, 0)
    bytes.writeInt32BE(this.#size - LENGTH_END, BATCH_LENGTH)
    bytes.writeInt32BE(-1, LEADER_EPOCH)
    bytes[MAGIC] = MAGIC_V2
    bytes.writeInt16BE(0, ATTRIBUTES)
    bytes.writeInt32BE(this.#count - 1, LAST_OFFSET_DELTA)
    writeInt64(bytes, BASE_TIMESTAMP, this.#baseTimestamp)
    writeInt64(bytes, MAX_TIMESTAMP, this.#maxTimestamp)
    bytes.writeInt32BE(this.#count, RECORD_COUNT)
    restampBatch(bytes, 0, producer)
    return bytes.subarray(0, this.#size)
  }

  /** Begins a new batch in the same buffer. */
  reset(): void {
    this.#size = RECORDS
    this.#count = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  }

  #bodySize(value: Buffer, record: RecordFields): number {
    const key = record.key
    const delta = this.#count === 0 ? 0 : record.timestamp - this.#baseTimestamp
    return (
      1 + // attributes
      varlongSize(delta) +
      varintSize(this.#count) +
      (key === null ? 1 : varintSize(key.length) + key.length) +
      (record.tombstone ? 1 : varintSize(value.length) + value.length) +
      varintSize(record.headerCount) +
      record.headers.length
    )
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }
}

function writeBytes(bytes: Buffer, at: number, field: Buffer): number {
  at = writeVarint(bytes, at, field.length)
  bytes.set(field, at)
  return at + field.length
}
