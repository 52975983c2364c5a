import { describe, expect, it } from 'vitest'
import { Random, sampleRecord } from '../../test/random.ts'
import { BatchBuilder, type RecordFields } from './batch-builder.ts'
import { BatchReader } from './batch-reader.ts'
import { NO_PRODUCER } from './batch-stamp.ts'
import { encodeHeaders } from './headers.ts'

const NO_BYTES = Buffer.alloc(0)

function fields(timestamp: number, key: Buffer | null = null, tombstone = false): RecordFields {
  return { key, tombstone, timestamp, headers: NO_BYTES, headerCount: 0 }
}

describe('batch builder', () => {
  it('writes the bytes of the protocol guide', () => {
    const builder = new BatchBuilder()
    const { buffer: headers, count: headerCount } = encodeHeaders([['h', 'x']])
    builder.append(Buffer.from('v'), { key: Buffer.from('k'), tombstone: false, timestamp: 1000, headers, headerCount })
    builder.append(NO_BYTES, fields(999, null, true))
    const batch = builder.finish({ producerId: 0x0102_0304_0506, producerEpoch: 7, baseSequence: 8 })
    expect(batch.toString('hex')).toBe(
      [
        '0000000000000000', // base offset
        '00000045', // length
        'ffffffff', // partition leader epoch
        '02', // magic
        '3ec3468c', // CRC
        '0000', // attributes
        '00000001', // last offset delta
        '00000000000003e8', // base timestamp
        '00000000000003e8', // max timestamp
        '0000010203040506', // producer id
        '0007', // producer epoch
        '00000008', // base sequence
        '00000002', // records
        '18' + '00' + '00' + '00' + '026b' + '0276' + '02' + '0268' + '0278',
        '0c' + '00' + '01' + '02' + '01' + '01' + '00',
      ].join(''),
    )
  })

  it('knows its size before and after, and keeps to a limit', () => {
    const random = new Random(3)
    const builder = new BatchBuilder()
    for (let round = 0; round < 20; round++) {
      builder.reset()
      for (let count = 0; count < 100; count++) {
        const record = sampleRecord(random, 1_700_000_000_000)
        const value = record.value ?? NO_BYTES
        const size = builder.sizeWith(value, record)
        expect(builder.append(value, record, size - 1)).toBe(false)
        expect(builder.count).toBe(count)
        expect(builder.append(value, record, size)).toBe(true)
        expect(builder.sizeBytes).toBe(size)
      }
      expect(builder.finish(NO_PRODUCER)).toHaveLength(builder.sizeBytes)
    }
  })

  it('keeps null and empty apart, and timestamps in any order', () => {
    const builder = new BatchBuilder()
    const samples: readonly (readonly [Buffer, RecordFields])[] = [
      [NO_BYTES, fields(5_000_000_000_000, null, true)],
      [NO_BYTES, fields(1, NO_BYTES)],
      [Buffer.from('v'), fields(-1, Buffer.from('k'))],
      [NO_BYTES, fields(9_000_000_000_000)],
    ]
    for (const [value, record] of samples) builder.append(value, record)
    const reader = new BatchReader({ checkCrc: true })
    reader.reset(builder.finish(NO_PRODUCER))
    expect(reader.nextBatch()).toBe(true)
    expect(reader).toMatchObject({ baseTimestamp: 5_000_000_000_000, maxTimestamp: 9_000_000_000_000, producerId: -1 })
    for (const [value, { key, tombstone, timestamp }] of samples) {
      expect(reader.nextRecord()).toBe(true)
      expect(reader.value()).toEqual(tombstone ? null : value)
      expect(reader.record(3)).toMatchObject({ partition: 3, key, tombstone, timestamp })
    }
    expect(reader.nextRecord()).toBe(false)
  })

  it('grows for a large record and begins anew', () => {
    const builder = new BatchBuilder()
    const large = new Random(4).bytes(3_000_000)
    builder.append(Buffer.from('first'), fields(1))
    builder.append(large, fields(2))
    const reader = new BatchReader({ checkCrc: true })
    reader.reset(builder.finish(NO_PRODUCER))
    reader.nextBatch()
    reader.nextRecord()
    expect(reader.value()).toEqual(Buffer.from('first'))
    reader.nextRecord()
    expect(reader.value()?.equals(large)).toBe(true)

    builder.reset()
    expect(builder.count).toBe(0)
    builder.append(Buffer.from('next'), fields(3))
    reader.reset(builder.finish(NO_PRODUCER))
    reader.nextBatch()
    reader.nextRecord()
    expect(reader).toMatchObject({ count: 1, offset: 0, timestamp: 3 })
    expect(reader.value()).toEqual(Buffer.from('next'))
  })
})
