/**
 * Halves a finished batch, for the producer that looks for the record a broker refuses. Rare, so it simply reads the
 * records and builds them anew.
 */
import { BatchBuilder } from './batch-builder.ts'
import { BatchReader } from './batch-reader.ts'
import { sequenceAfter } from './batch-stamp.ts'

const NO_VALUE = Buffer.alloc(0)

/** Two new batches with the records of one of our own that has at least two; sequences continue from the first to the second. */
export function splitBatch(batch: Buffer): [first: Buffer, second: Buffer] {
  const reader = new BatchReader()
  reader.reset(batch)
  reader.nextBatch()
  const { producerId, producerEpoch, baseSequence, count } = reader
  const half = count >> 1
  const first = take(reader, half)
  const second = take(reader, count - half)
  const secondSequence = producerId < 0 ? baseSequence : sequenceAfter(baseSequence, half)
  return [
    first.finish({ producerId, producerEpoch, baseSequence }),
    second.finish({ producerId, producerEpoch, baseSequence: secondSequence }),
  ]
}

function take(reader: BatchReader, count: number): BatchBuilder {
  const builder = new BatchBuilder()
  while (builder.count < count && reader.nextRecord()) builder.append(reader.value() ?? NO_VALUE, reader.record(0))
  return builder
}
