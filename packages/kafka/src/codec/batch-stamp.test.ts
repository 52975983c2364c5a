import { describe, expect, it } from 'vitest'
import { Random, sampleRecord } from '../../test/random.ts'
import { BatchBuilder } from './batch-builder.ts'
import { BatchReader } from './batch-reader.ts'
import { splitBatch } from './batch-split.ts'
import {
  type BatchProducer,
  restampBatch,
  sequenceAfter,
  stampBatch,
  stampLogAppendTime,
  stampTransaction,
} from './batch-stamp.ts'

const NO_BYTES = Buffer.alloc(0)
const PRODUCER: BatchProducer = { producerId: 4711, producerEpoch: 2, baseSequence: 2 ** 31 - 3 }

function build(count: number, producer: BatchProducer = PRODUCER): Buffer {
  const random = new Random(5)
  const builder = new BatchBuilder()
  for (let made = 0; made < count; made++) {
    const record = sampleRecord(random, 1_700_000_000_000)
    builder.append(record.value ?? NO_BYTES, record)
  }
  return Buffer.from(builder.finish(producer))
}

/** Everything in the records of a set, offsets apart; throws if a checksum is wrong. */
function contents(set: Buffer): unknown[] {
  const found: unknown[] = []
  const reader = new BatchReader({ checkCrc: true })
  reader.reset(set)
  while (reader.nextBatch()) {
    while (reader.nextRecord()) found.push([reader.value(), { ...reader.record(0), offset: 0 }])
  }
  return found
}

describe('batch stamps', () => {
  it('gives another producer as if it had been finished so', () => {
    const producer = { producerId: 2 ** 40 + 1, producerEpoch: 9, baseSequence: 77 }
    const batch = build(10)
    restampBatch(batch, 0, producer)
    expect(batch).toEqual(build(10, producer))
  })

  it('makes a batch part of a transaction, and keeps that when it is stamped again', () => {
    const batch = build(10)
    const before = contents(batch)
    const producer = { producerId: 7, producerEpoch: 1, baseSequence: 0 }
    stampTransaction(batch, 0, producer)
    restampBatch(batch, 0, { ...producer, baseSequence: 3 })
    expect(contents(batch)).toEqual(before)
    const reader = new BatchReader()
    reader.reset(batch)
    reader.nextBatch()
    expect(reader).toMatchObject({ isTransactional: true, isControl: false, producerId: 7, baseSequence: 3 })
    expect(reader.isLogAppendTime).toBe(false)
  })

  it('gives the place in the log without touching the checksum', () => {
    const first = build(3)
    const set = Buffer.concat([first, build(5)])
    stampBatch(set, 0, 2 ** 40 + 5, 6)
    stampBatch(set, first.length, 2 ** 40 + 8, 7)
    const reader = new BatchReader({ checkCrc: true })
    reader.reset(set)
    expect(reader.nextBatch()).toBe(true)
    expect(reader).toMatchObject({ baseOffset: 2 ** 40 + 5, lastOffset: 2 ** 40 + 7, leaderEpoch: 6 })
    expect(reader.nextBatch()).toBe(true)
    expect(reader).toMatchObject({ baseOffset: 2 ** 40 + 8, lastOffset: 2 ** 40 + 12, leaderEpoch: 7 })
  })

  it('gives every record the time of the append', () => {
    const batch = build(4)
    stampLogAppendTime(batch, 0, 1_800_000_000_000)
    const reader = new BatchReader({ checkCrc: true })
    reader.reset(batch)
    reader.nextBatch()
    expect(reader.isLogAppendTime).toBe(true)
    let seen = 0
    for (; reader.nextRecord(); seen++) expect(reader.timestamp).toBe(1_800_000_000_000)
    expect(seen).toBe(4)
  })

  it('lets the sequence begin again after 2³¹−1', () => {
    expect(sequenceAfter(0, 5)).toBe(5)
    expect(sequenceAfter(2 ** 31 - 3, 2)).toBe(2 ** 31 - 1)
    expect(sequenceAfter(2 ** 31 - 3, 3)).toBe(0)
    expect(sequenceAfter(2 ** 31 - 1, 2 ** 31 - 1)).toBe(2 ** 31 - 2)
  })
})

describe('splitBatch', () => {
  it.each([2, 3, 9, 200])('halves %d records', (count) => {
    const batch = build(count)
    const [first, second] = splitBatch(batch)
    expect(contents(Buffer.concat([first, second]))).toEqual(contents(batch))
    const reader = new BatchReader()
    reader.reset(first)
    reader.nextBatch()
    const half = Math.floor(count / 2)
    expect(reader).toMatchObject({ ...PRODUCER, count: half, lastOffset: half - 1 })
    reader.reset(second)
    reader.nextBatch()
    const baseSequence = sequenceAfter(PRODUCER.baseSequence, half)
    expect(reader).toMatchObject({ ...PRODUCER, baseSequence, count: count - half, lastOffset: count - half - 1 })
  })

  it('gives no sequence to a batch that has none', () => {
    const [, second] = splitBatch(build(2, { producerId: -1, producerEpoch: -1, baseSequence: -1 }))
    const reader = new BatchReader()
    reader.reset(second)
    reader.nextBatch()
    expect(reader).toMatchObject({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
  })
})
