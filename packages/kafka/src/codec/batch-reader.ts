/**
 * Walks the record set of a fetch response, or a stored batch: batch by batch, and inside a batch record by record,
 * without an allocation until somebody asks for one. Whatever the bytes are, it gives records or a `RecordError`; after
 * an error `nextBatch` goes on behind the bad batch. Slices it hands out keep the whole response alive: copy to keep.
 */
import { KafkaRecord } from '../record.ts'
import {
  ATTRIBUTES,
  BASE_OFFSET,
  BASE_SEQUENCE,
  BASE_TIMESTAMP,
  BATCH_LENGTH,
  COMPRESSION_MASK,
  CONTROL,
  CRC,
  LAST_OFFSET_DELTA,
  LEADER_EPOCH,
  LENGTH_END,
  LOG_APPEND_TIME,
  MAGIC,
  MAGIC_V2,
  MAX_TIMESTAMP,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  RECORD_COUNT,
  RECORDS,
  readInt64,
  TRANSACTIONAL,
} from './batch-layout.ts'
import { COMPRESSION_NONE, decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { RecordError } from './record-error.ts'
import { VarintCursor } from './varint.ts'

export interface BatchReaderOptions {
  /** verify the checksum of each batch: for disks; TCP and the broker have done so for fetched ones. Default false */
  readonly checkCrc?: boolean
  /** cap for the records of one compressed batch, default 64 MiB */
  readonly inflatedBytesMax?: number
}

const INFLATED_BYTES_MAX = 64 * 1024 * 1024
/** A length that does not even reach past the magic byte says nothing about where the next batch begins. */
const LENGTH_MIN = MAGIC + 1 - LENGTH_END
const NO_BYTES = Buffer.alloc(0)

/** `reset`, then `while (reader.nextBatch()) while (reader.nextRecord()) …`; both throw `RecordError` only. */
export class BatchReader {
  // The current batch.
  baseOffset = 0
  lastOffset = 0
  leaderEpoch = 0
  /** −1: not idempotent */
  producerId = 0
  producerEpoch = 0
  baseSequence = 0
  /** records in the batch; compaction may have left none */
  count = 0
  /** codec number, 0 none */
  compression = 0
  isTransactional = false
  /** holds a transaction marker, no data */
  isControl = false
  /** every record has the time of its append, `maxTimestamp` */
  isLogAppendTime = false
  baseTimestamp = 0
  maxTimestamp = 0
  /** where the batch lies in the record set */
  batchStart = 0
  batchEnd = 0

  /** Where to read on once this batch is done or skipped (compaction leaves holes, so not the last record's offset + 1). Never moves back. */
  nextOffset = 0
  /** the set ends within a batch; with no batch before it, the batch is larger than the fetch was */
  truncated = false

  // The current record; positions are into `bytes`.
  offset = 0
  /** epoch ms; −1 when the producer gave none */
  timestamp = 0
  keyStart = 0
  /** −1: null */
  keyLength = 0
  valueStart = 0
  /** −1: null, a tombstone */
  valueLength = 0
  headersStart = 0
  headersEnd = 0
  headerCount = 0

  readonly #checkCrc: boolean
  readonly #inflatedBytesMax: number
  readonly #cursor = new VarintCursor()
  #set: Buffer = NO_BYTES
  #nextBatch = 0
  #fetchOffset = 0
  #left = 0
  /** the cursor stands in the records of the current batch */
  #opened = false

  constructor(options: BatchReaderOptions = {}) {
    this.#checkCrc = options.checkCrc ?? false
    this.#inflatedBytesMax = options.inflatedBytesMax ?? INFLATED_BYTES_MAX
  }

  /** What record positions point into: the record set, or the decompressed records of the current batch. Borrowed. */
  get bytes(): Buffer {
    return this.#cursor.bytes
  }

  /** Begins with a record set, which is borrowed until the next `reset`; records below `fetchOffset` are passed over. */
  reset(set: Buffer, fetchOffset = 0): void {
    this.#set = set
    this.#nextBatch = 0
    this.#fetchOffset = fetchOffset
    this.#left = 0
    this.#opened = false
    this.#cursor.bytes = NO_BYTES
    this.nextOffset = fetchOffset
    this.truncated = false
  }

  /** Moves to the next batch, from wherever in the current one; false at the end of the set. */
  nextBatch(): boolean {
    this.#left = 0
    this.#opened = false
    const set = this.#set
    const start = this.#nextBatch
    const room = set.length - start
    if (room < LENGTH_END + LENGTH_MIN) return this.#end(room > 0)
    const length = set.readInt32BE(start + BATCH_LENGTH)
    this.batchStart = start
    this.baseOffset = readInt64(set, start + BASE_OFFSET)
    this.lastOffset = this.baseOffset
    if (length < LENGTH_MIN || !Number.isSafeInteger(this.baseOffset) || this.baseOffset < 0) {
      this.#nextBatch = set.length
      this.nextOffset++
      throw new RecordError('corrupt', this.baseOffset, 'no record batch here')
    }
    if (length > room - LENGTH_END) return this.#end(true)
    this.batchEnd = start + LENGTH_END + length
    this.#nextBatch = this.batchEnd
    this.#decodeHeader(set, start)
    return true
  }

  #end(truncated: boolean): boolean {
    this.#nextBatch = this.#set.length
    this.truncated = truncated
    return false
  }

  #decodeHeader(set: Buffer, start: number): void {
    const magic = set[start + MAGIC]!
    const end = this.batchEnd
    if (magic !== MAGIC_V2) throw this.#skipped('magic', `message format ${magic}, only 2 is read`)
    if (end - start < RECORDS) throw this.#skipped('corrupt', 'record batch shorter than its header')
    if (this.#checkCrc && crc32c(set, start + ATTRIBUTES, end) !== set.readUInt32BE(start + CRC)) {
      throw this.#skipped('crc', 'record batch fails its checksum')
    }
    const lastOffsetDelta = set.readInt32BE(start + LAST_OFFSET_DELTA)
    const count = set.readInt32BE(start + RECORD_COUNT)
    const unread = count === 0 && end - start > RECORDS
    if (lastOffsetDelta < 0 || count < 0 || count > lastOffsetDelta + 1 || unread) {
      throw this.#skipped('corrupt', `record batch of ${count} records with last offset delta ${lastOffsetDelta}`)
    }
    const attributes = set.readInt16BE(start + ATTRIBUTES)
    this.lastOffset = this.baseOffset + lastOffsetDelta
    this.leaderEpoch = set.readInt32BE(start + LEADER_EPOCH)
    this.compression = attributes & COMPRESSION_MASK
    this.isLogAppendTime = (attributes & LOG_APPEND_TIME) !== 0
    this.isTransactional = (attributes & TRANSACTIONAL) !== 0
    this.isControl = (attributes & CONTROL) !== 0
    this.baseTimestamp = readInt64(set, start + BASE_TIMESTAMP)
    this.maxTimestamp = readInt64(set, start + MAX_TIMESTAMP)
    this.producerId = readInt64(set, start + PRODUCER_ID)
    this.producerEpoch = set.readInt16BE(start + PRODUCER_EPOCH)
    this.baseSequence = set.readInt32BE(start + BASE_SEQUENCE)
    this.count = count
    this.nextOffset = Math.max(this.nextOffset, this.lastOffset + 1)
    this.#left = count
  }

  #skipped(code: 'corrupt' | 'crc' | 'magic', message: string): RecordError {
    this.nextOffset = Math.max(this.nextOffset, this.baseOffset) + 1
    return new RecordError(code, this.baseOffset, message)
  }

  /** Moves to the next record from the fetch offset on; false at the end of the batch. */
  nextRecord(): boolean {
    if (!this.#opened && this.#left > 0) this.#openRecords()
    const cursor = this.#cursor
    while (this.#left > 0) {
      const length = cursor.varint()
      const recordEnd = cursor.at + length
      if (length < 0 || recordEnd > cursor.end) throw this.#corrupt('record longer than its batch', this.baseOffset)
      this.#left--
      cursor.at++ // record attributes, of which none is defined
      const timestampDelta = cursor.varlong()
      const offset = this.baseOffset + cursor.varint()
      if (Number.isNaN(timestampDelta) || offset <= this.offset || offset > this.lastOffset) {
        throw this.#corrupt('record with a bad offset or timestamp', this.baseOffset)
      }
      this.offset = offset
      if (offset < this.#fetchOffset) {
        cursor.at = recordEnd
        continue
      }
      this.timestamp = this.isLogAppendTime ? this.maxTimestamp : this.baseTimestamp + timestampDelta
      this.#decodeBody(recordEnd)
      return true
    }
    return this.#finishRecords()
  }

  #openRecords(): void {
    const cursor = this.#cursor
    if (this.compression === COMPRESSION_NONE) {
      cursor.bytes = this.#set
      cursor.at = this.batchStart + RECORDS
      cursor.end = this.batchEnd
    } else {
      const left = this.#left
      this.#left = 0 // nothing to read if this throws
      const packed = this.#set.subarray(this.batchStart + RECORDS, this.batchEnd)
      cursor.bytes = decompress(this.compression, packed, this.#inflatedBytesMax, this.baseOffset)
      cursor.at = 0
      cursor.end = cursor.bytes.length
      this.#left = left
    }
    this.#opened = true
    this.offset = this.baseOffset - 1
  }

  #decodeBody(recordEnd: number): void {
    const cursor = this.#cursor
    this.keyLength = cursor.varint()
    this.keyStart = cursor.at
    cursor.at += Math.max(this.keyLength, 0)
    if (this.keyLength < -1 || cursor.at > recordEnd) throw this.#corrupt('record with a bad key length')
    this.valueLength = cursor.varint()
    this.valueStart = cursor.at
    cursor.at += Math.max(this.valueLength, 0)
    if (this.valueLength < -1 || cursor.at > recordEnd) throw this.#corrupt('record with a bad value length')
    this.headerCount = cursor.varint()
    this.headersStart = cursor.at
    this.headersEnd = recordEnd
    if (this.headerCount < 0) throw this.#corrupt('record with a bad header count')
    for (let left = this.headerCount; left > 0; left--) {
      const nameLength = cursor.varint()
      cursor.at += nameLength
      if (nameLength < 0 || cursor.at > recordEnd) throw this.#corrupt('header with a bad name length')
      const valueLength = cursor.varint()
      cursor.at += Math.max(valueLength, 0)
      if (valueLength < -1 || cursor.at > recordEnd) throw this.#corrupt('header with a bad value length')
    }
    if (cursor.at !== recordEnd) throw this.#corrupt('record with bytes after its headers')
  }

  #finishRecords(): boolean {
    if (!this.#opened) return false
    this.#opened = false
    if (this.#cursor.at !== this.#cursor.end)
      throw this.#corrupt('record batch with bytes after its records', this.baseOffset)
    return false
  }

  #corrupt(message: string, offset = this.offset): RecordError {
    this.#left = 0
    this.#opened = false
    return new RecordError('corrupt', offset, message)
  }

  /** A slice; null is no key, which is not the same as an empty one. */
  key(): Buffer | null {
    if (this.keyLength < 0) return null
    return this.#cursor.bytes.subarray(this.keyStart, this.keyStart + this.keyLength)
  }

  /** A slice; null is a tombstone, which is not the same as an empty value. */
  value(): Buffer | null {
    if (this.valueLength < 0) return null
    return this.#cursor.bytes.subarray(this.valueStart, this.valueStart + this.valueLength)
  }

  /** The current record without its value; key and headers are slices. `producerId`: see `KafkaRecord`. */
  record(partition: number, producerId = -1): KafkaRecord {
    const headers = this.#cursor.bytes.subarray(this.headersStart, this.headersEnd)
    return new KafkaRecord(
      partition,
      this.offset,
      this.timestamp,
      this.key(),
      this.valueLength < 0,
      headers,
      this.headerCount,
      producerId,
    )
  }
}
