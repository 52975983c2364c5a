import { describe, expect, it } from 'vitest'
import { AbortedFilter, type AbortedTransaction } from './aborted-filter.ts'
import { BatchBuilder } from './batch-builder.ts'
import { ATTRIBUTES } from './batch-layout.ts'
import { BatchReader } from './batch-reader.ts'
import { stampBatch } from './batch-stamp.ts'

const ABORT = Buffer.from('00000000', 'hex')
const COMMIT = Buffer.from('00000001', 'hex')
const TRANSACTIONAL = 0x10
const MARKER = 0x30

function batch(offset: number, producerId: number, attributes: number, key: Buffer | null = null): Buffer {
  const builder = new BatchBuilder()
  builder.append(Buffer.alloc(6), {
    key,
    tombstone: false,
    timestamp: 1,
    headers: Buffer.alloc(0),
    headerCount: 0,
  })
  const bytes = Buffer.from(builder.finish({ producerId, producerEpoch: 0, baseSequence: 0 }))
  bytes.writeInt16BE(attributes, ATTRIBUTES)
  stampBatch(bytes, 0, offset, 0)
  return bytes
}

function delivered(set: readonly Buffer[], aborted: readonly AbortedTransaction[]): number[] {
  const filter = new AbortedFilter(aborted)
  const reader = new BatchReader()
  const offsets: number[] = []
  reader.reset(Buffer.concat(set))
  while (reader.nextBatch()) {
    if (filter.skips(reader)) continue
    while (reader.nextRecord()) offsets.push(reader.offset)
  }
  return offsets
}

describe('aborted filter', () => {
  it('delivers all but markers where nothing is aborted', () => {
    const set = [batch(0, 1, TRANSACTIONAL), batch(1, -1, 0), batch(2, 1, MARKER, COMMIT), batch(3, 2, TRANSACTIONAL)]
    expect(delivered(set, [])).toEqual([0, 1, 3])
  })

  it('drops the transactions listed, until their marker, whatever lies between', () => {
    const set = [
      batch(0, 1, TRANSACTIONAL), // committed by offset 2
      batch(1, 2, TRANSACTIONAL), // aborted
      batch(2, 1, MARKER, COMMIT),
      batch(3, 1, TRANSACTIONAL), // aborted
      batch(4, 2, 0), // the same producer, outside of a transaction
      batch(5, 2, TRANSACTIONAL), // aborted
      batch(6, 2, MARKER, ABORT),
      batch(7, 2, TRANSACTIONAL), // committed later
      batch(8, 1, TRANSACTIONAL), // aborted
      batch(9, 1, MARKER, ABORT),
      batch(10, 1, TRANSACTIONAL),
      batch(11, 2, MARKER, COMMIT),
    ]
    const aborted = [
      { producerId: 1, firstOffset: 3 },
      { producerId: 2, firstOffset: 1 },
    ]
    expect(delivered(set, aborted)).toEqual([0, 4, 7, 10])
  })

  it('knows a producer that aborts twice', () => {
    const set = [
      batch(0, 1, TRANSACTIONAL),
      batch(1, 1, MARKER, ABORT),
      batch(2, 1, TRANSACTIONAL),
      batch(3, 1, MARKER, COMMIT),
      batch(4, 1, TRANSACTIONAL),
      batch(5, 1, MARKER, ABORT),
    ]
    const aborted = [
      { producerId: 1, firstOffset: 0 },
      { producerId: 1, firstOffset: 4 },
    ]
    expect(delivered(set, aborted)).toEqual([2])
  })

  it('does not take a marker of another kind, or a bad one, for the end of a transaction', () => {
    for (const key of [Buffer.from('00000002', 'hex'), Buffer.from('00', 'hex'), null]) {
      const set = [batch(0, 1, TRANSACTIONAL), batch(1, 1, MARKER, key), batch(2, 1, TRANSACTIONAL)]
      expect(delivered(set, [{ producerId: 1, firstOffset: 0 }])).toEqual([])
    }
  })
})
