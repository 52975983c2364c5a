/**
 * Changes header fields of a finished batch in place: the producer fields before it is sent again, the log's own fields
 * when it is stored. Callers own the buffer; records are never touched.
 */
import {
  ATTRIBUTES,
  BASE_OFFSET,
  BASE_SEQUENCE,
  BATCH_LENGTH,
  CRC,
  LEADER_EPOCH,
  LENGTH_END,
  LOG_APPEND_TIME,
  MAX_TIMESTAMP,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  TRANSACTIONAL,
  writeInt64,
} from './batch-layout.ts'
import { crc32c } from './crc32c.ts'

/** Who wrote a batch: the idempotent producer (KIP-98), and the sequence of the first record. */
export interface BatchProducer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** A batch without idempotence. */
export const NO_PRODUCER: BatchProducer = { producerId: -1, producerEpoch: -1, baseSequence: -1 }

/** The sequence after `count` records from `sequence`; 2³¹−1 is followed by 0 (KIP-98). */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % 0x8000_0000
}

/** Gives the batch that begins at `at` another producer, epoch or base sequence, and the checksum that follows. */
export function restampBatch(bytes: Buffer, at: number, producer: BatchProducer): void {
  writeInt64(bytes, at + PRODUCER_ID, producer.producerId)
  bytes.writeInt16BE(producer.producerEpoch, at + PRODUCER_EPOCH)
  bytes.writeInt32BE(producer.baseSequence, at + BASE_SEQUENCE)
  writeChecksum(bytes, at)
}

/** Makes the batch that begins at `at` a part of the transaction that its producer has open (KIP-98). */
export function stampTransaction(bytes: Buffer, at: number, producer: BatchProducer): void {
  bytes.writeInt16BE(bytes.readInt16BE(at + ATTRIBUTES) | TRANSACTIONAL, at + ATTRIBUTES)
  restampBatch(bytes, at, producer)
}

/** Gives the batch that begins at `at` its place in the log. These two fields lie outside the checksum. */
export function stampBatch(bytes: Buffer, at: number, baseOffset: number, leaderEpoch: number): void {
  writeInt64(bytes, at + BASE_OFFSET, baseOffset)
  bytes.writeInt32BE(leaderEpoch, at + LEADER_EPOCH)
}

/** Stamps the time of the append, epoch ms, on every record of the batch that begins at `at` (`LogAppendTime`). */
export function stampLogAppendTime(bytes: Buffer, at: number, timestamp: number): void {
  bytes.writeInt16BE(bytes.readInt16BE(at + ATTRIBUTES) | LOG_APPEND_TIME, at + ATTRIBUTES)
  writeInt64(bytes, at + MAX_TIMESTAMP, timestamp)
  writeChecksum(bytes, at)
}

/** Brings the checksum of the batch that begins at `at` up to date. */
export function writeChecksum(bytes: Buffer, at: number): void {
  const end = at + LENGTH_END + bytes.readInt32BE(at + BATCH_LENGTH)
  bytes.writeUInt32BE(crc32c(bytes, at + ATTRIBUTES, end), at + CRC)
}
