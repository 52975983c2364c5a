import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { BatchBuilder, type BatchProducer, BatchReader, stampBatch } from '../src/index.ts'
import { Random, type SampleRecord, sampleRecord } from './random.ts'

// kafkajs's own codec is the other opinion; it has no types for these files.
const require = createRequire(import.meta.url)
interface Long {
  readonly value: bigint
}
const Long: { fromValue(value: number): Long } = require('kafkajs/src/utils/long.js')
const Decoder: new (bytes: Buffer) => object = require('kafkajs/src/protocol/decoder.js')
const decodeBatch: (decoder: object) => Promise<Record<string, unknown> & { readonly records: readonly object[] }> =
  require('kafkajs/src/protocol/recordBatch/v0/decoder.js')
const encodeRecord: (record: object) => object = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')
const { RecordBatch: encodeBatch }: { RecordBatch(batch: object): Promise<{ readonly buffer: Buffer }> } =
  require('kafkajs/src/protocol/recordBatch/v0/index.js')

const NO_BYTES = Buffer.alloc(0)
const NOW = 1_700_000_000_000

/** As kafkajs has headers: by name, several values as a list. */
function headersByName({ entries }: SampleRecord): Record<string, unknown> {
  const names = new Map<string, unknown[]>()
  for (const [name, value] of entries) names.set(name, [...(names.get(name) ?? []), value])
  return Object.fromEntries([...names].map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
}

function samples(random: Random, filled: boolean): SampleRecord[] {
  return Array.from({ length: 1 + random.below(30) }, () => sampleRecord(random, NOW, filled))
}

function producer(random: Random): BatchProducer {
  return {
    producerId: random.below(2 ** 31) * 1000,
    producerEpoch: random.below(2 ** 15),
    baseSequence: random.below(2 ** 31),
  }
}

describe('record batches and kafkajs', () => {
  it('kafkajs decodes ours', async () => {
    const random = new Random(10)
    const builder = new BatchBuilder()
    for (let round = 0; round < 40; round++) {
      const records = samples(random, false)
      const wrote = producer(random)
      const baseOffset = random.below(2 ** 31) * 1000
      builder.reset()
      for (const record of records) builder.append(record.value ?? NO_BYTES, record)
      const batch = Buffer.from(builder.finish(wrote))
      stampBatch(batch, 0, baseOffset, 5)
      const decoded = await decodeBatch(new Decoder(batch))
      expect(decoded).toMatchObject({
        firstOffset: String(baseOffset),
        firstTimestamp: String(records[0]!.timestamp),
        maxTimestamp: String(Math.max(...records.map((record) => record.timestamp))),
        partitionLeaderEpoch: 5,
        inTransaction: false,
        isControlBatch: false,
        lastOffsetDelta: records.length - 1,
        producerId: String(wrote.producerId),
        producerEpoch: wrote.producerEpoch,
        firstSequence: wrote.baseSequence,
      })
      expect(decoded.records).toHaveLength(records.length)
      for (const [at, record] of records.entries()) {
        expect(decoded.records[at]).toMatchObject({
          offset: String(baseOffset + at),
          timestamp: String(record.timestamp),
          key: record.key,
          value: record.value,
          headers: headersByName(record),
        })
      }
    }
  })

  // 1: gzip
  it.each([0, 1])('we decode those of kafkajs, codec %d', async (compression) => {
    const random = new Random(11)
    const reader = new BatchReader({ checkCrc: true })
    for (let round = 0; round < 40; round++) {
      const records = samples(random, true) // kafkajs cannot encode a null header value
      const wrote = producer(random)
      const first = records[0]!.timestamp
      const encoded = await encodeBatch({
        compression,
        firstOffset: Long.fromValue(1000),
        firstTimestamp: first,
        maxTimestamp: NOW,
        lastOffsetDelta: records.length - 1,
        producerId: Long.fromValue(wrote.producerId),
        producerEpoch: wrote.producerEpoch,
        firstSequence: wrote.baseSequence,
        records: records.map((record, offsetDelta) => {
          const timestampDelta = Long.fromValue(record.timestamp - first)
          const { key, value } = record
          return encodeRecord({ offsetDelta, timestampDelta, key, value, headers: headersByName(record) })
        }),
      })
      reader.reset(encoded.buffer)
      expect(reader.nextBatch()).toBe(true)
      expect(reader).toMatchObject({
        ...wrote,
        baseOffset: 1000,
        count: records.length,
        maxTimestamp: NOW,
        compression,
      })
      for (const [at, record] of records.entries()) {
        expect(reader.nextRecord()).toBe(true)
        const { key, timestamp, tombstone, headerCount } = record
        const read = reader.record(2)
        expect(read).toMatchObject({ partition: 2, offset: 1000 + at, key, timestamp, tombstone, headerCount })
        expect(reader.value()).toEqual(record.value)
        const byName = record.entries.toSorted(([a], [b]) => order(record, a) - order(record, b))
        expect([...read.headerEntries()]).toEqual(byName)
      }
      expect(reader.nextRecord()).toBe(false)
      expect(reader.nextBatch()).toBe(false)
    }
  })
})

/** kafkajs writes all headers of a name together, where the first of them stood. */
function order({ entries }: SampleRecord, name: string): number {
  return entries.findIndex(([candidate]) => candidate === name)
}
