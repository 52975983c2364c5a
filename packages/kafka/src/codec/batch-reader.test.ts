import { describe, expect, it } from 'vitest'
import { Random, type SampleRecord, sampleRecord } from '../../test/random.ts'
import type { KafkaRecord } from '../record.ts'
import { BatchBuilder } from './batch-builder.ts'
import { ATTRIBUTES, BATCH_LENGTH, LAST_OFFSET_DELTA, MAGIC, RECORD_COUNT, RECORDS } from './batch-layout.ts'
import { BatchReader } from './batch-reader.ts'
import { NO_PRODUCER, stampBatch, writeChecksum } from './batch-stamp.ts'
import { RecordError } from './record-error.ts'

const NO_BYTES = Buffer.alloc(0)
const NOW = 1_700_000_000_000

function batchOf(records: readonly SampleRecord[], baseOffset = 0): Buffer {
  const builder = new BatchBuilder()
  for (const record of records) builder.append(record.value ?? NO_BYTES, record)
  const batch = Buffer.from(builder.finish(NO_PRODUCER))
  stampBatch(batch, 0, baseOffset, 1)
  return batch
}

function samples(seed: number, count: number): SampleRecord[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => sampleRecord(random, NOW))
}

/** A batch whose header says what it likes, its records as given. */
function rawBatch(lastOffsetDelta: number, count: number, records: Buffer): Buffer {
  const batch = Buffer.concat([batchOf(samples(1, 1)).subarray(0, RECORDS), records])
  batch.writeInt32BE(batch.length - 12, BATCH_LENGTH)
  batch.writeInt32BE(lastOffsetDelta, LAST_OFFSET_DELTA)
  batch.writeInt32BE(count, RECORD_COUNT)
  writeChecksum(batch, 0)
  return batch
}

interface Walk {
  readonly records: KafkaRecord[]
  readonly values: (Buffer | null)[]
  readonly errors: RecordError[]
  readonly reader: BatchReader
}

/** Walks all there is, as a caller would who skips what is bad; any error but `RecordError` fails the test. */
function walk(set: Buffer, fetchOffset = 0, checkCrc = false): Walk {
  const result: Walk = { records: [], values: [], errors: [], reader: new BatchReader({ checkCrc }) }
  const { reader } = result
  reader.reset(set, fetchOffset)
  for (let more = true; more; ) {
    try {
      more = reader.nextBatch()
      while (more && reader.nextRecord()) {
        result.records.push(reader.record(0))
        result.values.push(reader.value())
      }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      result.errors.push(error)
    }
  }
  return result
}

function offsets({ records }: Walk): number[] {
  return records.map((record) => record.offset)
}

describe('batch reader', () => {
  it('gives what was put in, over several batches', () => {
    const first = samples(1, 7)
    const second = samples(2, 30)
    const result = walk(Buffer.concat([batchOf(first, 100), batchOf(second, 2 ** 40)]), 100, true)
    expect(result.errors).toEqual([])
    expect(offsets(result)).toEqual([...first.map((_, at) => 100 + at), ...second.map((_, at) => 2 ** 40 + at)])
    for (const [at, record] of [...first, ...second].entries()) {
      const { key, tombstone, timestamp, headers, headerCount } = record
      expect(result.records[at]).toMatchObject({ key, tombstone, timestamp, headers, headerCount })
      expect(result.values[at]).toEqual(record.value)
    }
    expect(result.reader.nextOffset).toBe(2 ** 40 + 30)
    expect(result.reader.truncated).toBe(false)
  })

  it('passes over records before the fetch offset', () => {
    const set = Buffer.concat([batchOf(samples(1, 5), 10), batchOf(samples(2, 5), 15)])
    expect(offsets(walk(set, 13))).toEqual([13, 14, 15, 16, 17, 18, 19])
    expect(offsets(walk(set, 15))).toEqual([15, 16, 17, 18, 19])
    expect(offsets(walk(set, 20))).toEqual([])
    expect(walk(set, 30).reader.nextOffset).toBe(30)
  })

  it('takes the next offset from the header, where compaction has left holes', () => {
    const kept = rawBatch(9, 2, Buffer.from('0c000002010100' + '0c000010010100', 'hex'))
    const result = walk(kept, 0, true)
    expect(result.errors).toEqual([])
    expect(offsets(result)).toEqual([1, 8])
    expect(result.reader.nextOffset).toBe(10)
  })

  it('takes an empty batch, of which only the header is left', () => {
    const result = walk(Buffer.concat([rawBatch(4, 0, NO_BYTES), batchOf(samples(1, 1), 5)]), 0, true)
    expect(result.errors).toEqual([])
    expect(offsets(result)).toEqual([5])
  })

  it('ends before a truncated batch, at every cut', () => {
    const first = batchOf(samples(1, 3), 0)
    const second = batchOf(samples(2, 3), 3)
    const set = Buffer.concat([first, second])
    for (let length = 0; length < set.length; length++) {
      const result = walk(set.subarray(0, length), 0, true)
      const whole = length >= first.length ? 3 : 0
      expect(result.errors).toEqual([])
      expect(result.records).toHaveLength(whole)
      expect(result.reader.nextOffset).toBe(whole)
      expect(result.reader.truncated).toBe(length > 0 && length !== first.length)
    }
  })

  it('goes from any record to the next batch', () => {
    const reader = new BatchReader()
    reader.reset(Buffer.concat([batchOf(samples(1, 3), 0), batchOf(samples(2, 3), 3)]))
    reader.nextBatch()
    reader.nextRecord()
    expect(reader.nextBatch()).toBe(true)
    expect(reader.nextRecord()).toBe(true)
    expect(reader.offset).toBe(3)
    expect(reader.nextBatch()).toBe(false)
    expect(reader.nextRecord()).toBe(false)
    expect(reader.nextBatch()).toBe(false)
  })

  it('tells attributes', () => {
    const reader = new BatchReader()
    const batch = batchOf(samples(1, 1))
    for (const [attributes, expected] of [
      [0x00, { compression: 0, isLogAppendTime: false, isTransactional: false, isControl: false }],
      [0x0c, { compression: 4, isLogAppendTime: true, isTransactional: false, isControl: false }],
      [0x10, { compression: 0, isLogAppendTime: false, isTransactional: true, isControl: false }],
      [0x30, { compression: 0, isLogAppendTime: false, isTransactional: true, isControl: true }],
    ] as const) {
      batch.writeInt16BE(attributes, ATTRIBUTES)
      reader.reset(batch)
      expect(reader.nextBatch()).toBe(true)
      expect(reader).toMatchObject(expected)
    }
  })
})

describe('batch reader on bad bytes', () => {
  it('reports a message format before v2, and goes on behind it', () => {
    const old = batchOf(samples(1, 2), 40)
    old[MAGIC] = 1
    const result = walk(Buffer.concat([old, batchOf(samples(2, 2), 42)]), 40)
    expect(result.errors).toMatchObject([{ code: 'magic', offset: 40 }])
    expect(offsets(result)).toEqual([42, 43])
  })

  it('finds a wrong checksum, if asked, and goes on behind it', () => {
    const bad = batchOf(samples(1, 2), 40)
    bad[bad.length - 1]! ^= 1
    const set = Buffer.concat([bad, batchOf(samples(2, 2), 42)])
    const result = walk(set, 40, true)
    expect(result.errors).toMatchObject([{ code: 'crc', offset: 40 }])
    expect(offsets(result)).toEqual([42, 43])
    expect(result.reader.nextOffset).toBe(44)
  })

  it.each([
    ['no length', Buffer.alloc(61)],
    ['a negative length', Buffer.concat([Buffer.alloc(8), Buffer.alloc(53, 0xff)])],
    ['a negative offset', Buffer.concat([Buffer.alloc(8, 0xff), Buffer.from('00000031', 'hex'), Buffer.alloc(49)])],
    ['a length below a header', Buffer.from('0000000000000000' + '0000000a' + '00000000' + '02' + '0000000000', 'hex')],
    ['fewer records than it says', rawBatch(2, 3, Buffer.from('0c000000010100' + '0c000002010100', 'hex'))],
    ['more records than it says', rawBatch(2, 1, Buffer.from('0c000000010100' + '0c000002010100', 'hex'))],
    ['records and a count of 0', rawBatch(2, 0, Buffer.from('0c000000010100', 'hex'))],
    ['a count beyond its offsets', rawBatch(0, 2, Buffer.from('0c000000010100' + '0c000002010100', 'hex'))],
    ['a negative count', rawBatch(0, -1, NO_BYTES)],
    ['a negative last offset', rawBatch(-1, 0, NO_BYTES)],
    ['a record offset beyond the last', rawBatch(0, 1, Buffer.from('0c000002010100', 'hex'))],
    ['a negative record offset', rawBatch(1, 1, Buffer.from('0c000001010100', 'hex'))],
    ['two records of one offset', rawBatch(2, 2, Buffer.from('0c000002010100' + '0c000002010100', 'hex'))],
    ['a negative record length', rawBatch(0, 1, Buffer.from('0b000000010100', 'hex'))],
    ['a record of no bytes', rawBatch(0, 1, Buffer.from('00', 'hex'))],
    ['an endless record length', rawBatch(0, 1, Buffer.from('ffffffffffffffffff', 'hex'))],
    ['an endless timestamp', rawBatch(0, 1, Buffer.from('1e00ffffffffffffffffffffffffffff', 'hex'))],
    ['a key length of −2', rawBatch(0, 1, Buffer.from('0c000000030100', 'hex'))],
    ['a key beyond its record', rawBatch(0, 1, Buffer.from('0c000000080100', 'hex'))],
    ['a value length of −2', rawBatch(0, 1, Buffer.from('0c000000010300', 'hex'))],
    ['a value beyond its record', rawBatch(0, 1, Buffer.from('0c000000010800', 'hex'))],
    ['a negative header count', rawBatch(0, 1, Buffer.from('0c000000010101', 'hex'))],
    ['headers that are not there', rawBatch(0, 1, Buffer.from('0c000000010102', 'hex'))],
    ['a header name of null', rawBatch(0, 1, Buffer.from('100000000101020101', 'hex'))],
    ['a header value beyond its record', rawBatch(0, 1, Buffer.from('100000000101020008', 'hex'))],
    ['a header value of −2', rawBatch(0, 1, Buffer.from('100000000101020003', 'hex'))],
    ['bytes behind the headers', rawBatch(0, 1, Buffer.from('0e00000001010000', 'hex'))],
  ])('refuses a batch with %s', (_, batch) => {
    const result = walk(batch)
    expect(result.errors).toMatchObject([{ name: 'RecordError', code: 'corrupt' }])
    expect(result.reader.nextOffset).toBeGreaterThan(0)
  })

  it('names the offset of a bad record, and keeps those before it', () => {
    const batch = rawBatch(2, 3, Buffer.from('0c000000010100' + '0c000002010100' + '0c000004080100', 'hex'))
    stampBatch(batch, 0, 70, 0)
    const result = walk(Buffer.concat([batch, batchOf(samples(1, 1), 73)]), 70)
    expect(offsets(result)).toEqual([70, 71, 73])
    expect(result.errors).toMatchObject([{ code: 'corrupt', offset: 72 }])
  })

  it('gives records or RecordError for any mutation', () => {
    const random = new Random(6)
    let broken = 0
    for (let round = 0; round < 4000; round++) {
      const set = Buffer.concat([batchOf(samples(round, 1 + random.below(4)), 0), batchOf(samples(round + 1, 3), 50)])
      for (let changes = 1 + random.below(3); changes > 0; changes--) set[random.below(set.length)] = random.below(256)
      const { records, errors } = walk(set)
      broken += Math.min(errors.length, 1)
      for (const record of records) expect([...record.headerEntries()]).toHaveLength(record.headerCount)
    }
    expect(broken).toBeGreaterThan(500)
  })
})
