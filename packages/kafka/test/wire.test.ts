import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { fetchCall } from '../src/client/fetch-wire.ts'
import { produceCall } from '../src/client/produce-wire.ts'

/** kafkajs's own encoders and decoders, against which ours are checked. */
interface Oracle {
  protocol(options: { version: number }): (args: object) => {
    request: { encode(): Promise<{ buffer: Buffer }> }
    response: { decode(payload: Buffer): Promise<Record<string, unknown>> }
  }
}
interface OracleEncoder {
  readonly buffer: Buffer
  writeInt16(value: number): OracleEncoder
  writeInt32(value: number): OracleEncoder
  writeInt64(value: number): OracleEncoder
  writeString(value: string): OracleEncoder
  writeBufferInternal(value: Buffer): void
}
const load = createRequire(import.meta.url)
const { Fetch, Produce }: { Fetch: Oracle; Produce: Oracle } = load('kafkajs/src/protocol/requests/index.js').requests
const Encoder: new () => OracleEncoder = load('kafkajs/src/protocol/encoder.js')

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('fetch', () => {
  const parts = [
    { topic: 'first', partition: 0, offset: 0, bytesMax: 1_000 },
    { topic: 'sécond', partition: 7, offset: 2 ** 40 + 5, bytesMax: 2 ** 20 },
    { topic: 'first', partition: 1, offset: 17, bytesMax: 65_536 },
  ]

  it.each(
    range(4, 11).flatMap((version) => [[version, 'committed', 1] as const, [version, 'uncommitted', 0] as const]),
  )('asks in version %i, %s, as kafkajs does', async (version, isolation, isolationLevel) => {
    const ours = await fetchCall(version, { isolation, waitMs: 500, bytesMax: 4_000_000, parts }).request.encode()
    const topics = ['first', 'sécond'].map((topic) => ({
      topic,
      partitions: parts
        .filter((part) => part.topic === topic)
        .map(({ partition, offset, bytesMax }) => ({ partition, fetchOffset: String(offset), maxBytes: bytesMax })),
    }))
    const make = Fetch.protocol({ version })
    const theirs = make({ maxWaitTime: 500, minBytes: 1, maxBytes: 4_000_000, isolationLevel, topics, rackId: '' })
    expect(ours.buffer.toString('hex')).toBe((await theirs.request.encode()).buffer.toString('hex'))
  })

  function answer(version: number, records: Buffer): Buffer {
    const to = new Encoder().writeInt32(25)
    if (version >= 7) to.writeInt16(0).writeInt32(0)
    to.writeInt32(1).writeString('topic').writeInt32(2)
    for (const partition of [3, 4]) {
      to.writeInt32(partition)
        .writeInt16(partition - 3)
        .writeInt64(2 ** 40)
        .writeInt64(2 ** 40 - 1)
      if (version >= 5) to.writeInt64(10)
      to.writeInt32(1).writeInt64(99).writeInt64(5)
      if (version >= 11) to.writeInt32(-1)
      to.writeInt32(records.length)
      to.writeBufferInternal(records)
    }
    return to.buffer
  }

  it.each(range(4, 11))('reads an answer in version %i, record sets as they are', async (version) => {
    const records = Buffer.from('not looked at')
    const { response } = fetchCall(version, { isolation: 'committed', waitMs: 0, bytesMax: 0, parts: [] })
    const aborted = [{ producerId: 99, firstOffset: 5 }]
    expect(await response.decode(answer(version, records))).toEqual({
      clientSideThrottleTime: 25,
      code: 0,
      results: [
        { topic: 'topic', partition: 3, code: 0, end: 2 ** 40 - 1, aborted, records },
        { topic: 'topic', partition: 4, code: 1, end: 2 ** 40 - 1, aborted, records },
      ],
    })
    const theirs = await Fetch.protocol({ version })({ topics: [] }).response.decode(answer(version, Buffer.alloc(0)))
    expect(theirs).toMatchObject({ responses: [{ partitions: [{ partition: 3 }, { partition: 4, errorCode: 1 }] }] })
  })

  it('takes the high watermark for the end where nothing waits for transactions', async () => {
    const { response } = fetchCall(11, { isolation: 'uncommitted', waitMs: 0, bytesMax: 0, parts: [] })
    const { results } = await response.decode(answer(11, Buffer.alloc(0)))
    expect(results.map(({ end }) => end)).toEqual([2 ** 40, 2 ** 40])
  })

  it('rejects an answer that is cut anywhere', async () => {
    const whole = answer(11, Buffer.from('records'))
    const { response } = fetchCall(11, { isolation: 'committed', waitMs: 0, bytesMax: 0, parts: [] })
    for (let length = 0; length < whole.length; length++) {
      await expect(response.decode(whole.subarray(0, length))).rejects.toThrow(RangeError)
    }
  })
})

describe('produce', () => {
  const messages = [{ key: 'k', value: 'v', timestamp: '1' }]

  it.each(range(3, 7).flatMap((version) => [[version, null] as const, [version, 'trånsaction-1'] as const]))(
    'asks in version %i, transaction %s, as kafkajs does',
    async (version, transactionalId) => {
      const topicData = [
        { topic: 'first', partitions: [0, 5].map((partition) => ({ partition, firstSequence: 3, messages })) },
        { topic: 'sécond', partitions: [{ partition: 2, firstSequence: 3, messages }] },
      ]
      const make = Produce.protocol({ version })
      const theirs = make({
        acks: -1,
        timeout: 10_000,
        transactionalId,
        producerId: 5,
        producerEpoch: 0,
        topicData,
      })
      const { buffer } = await theirs.request.encode()
      // All three batches are alike; the first begins behind its length.
      const at = 2 + Buffer.byteLength(transactionalId ?? '') + 2 + 4 + 4 + 2 + 'first'.length + 4 + 4
      const bytes = buffer.subarray(at + 4, at + 4 + buffer.readInt32BE(at))
      const parts = [
        { topic: 'first', partition: 0, bytes },
        { topic: 'sécond', partition: 2, bytes },
        { topic: 'first', partition: 5, bytes },
      ]
      const ours = await produceCall(version, parts, 10_000, transactionalId).request.encode()
      expect(ours.buffer.toString('hex')).toBe(buffer.toString('hex'))
    },
  )

  it.each(range(3, 7))('reads error codes in version %i, by part, whatever their order', async (version) => {
    const to = new Encoder().writeInt32(2)
    for (const topic of ['b', 'a']) {
      to.writeString(topic).writeInt32(2)
      for (const partition of [1, 0]) {
        to.writeInt32(partition)
          .writeInt16(topic === 'a' ? partition : 10 + partition)
          .writeInt64(7)
          .writeInt64(-1)
        if (version >= 5) to.writeInt64(0)
      }
    }
    to.writeInt32(30)
    const bytes = Buffer.alloc(0)
    const parts = [
      { topic: 'a', partition: 0, bytes },
      { topic: 'b', partition: 1, bytes },
      { topic: 'a', partition: 1, bytes },
      { topic: 'missing', partition: 0, bytes },
    ]
    const { response } = produceCall(version, parts, 1)
    expect(await response.decode(to.buffer)).toEqual({ clientSideThrottleTime: 30, codes: [0, 11, 1, -1] })
    const theirs = await Produce.protocol({ version })({ topicData: [] }).response.decode(to.buffer)
    expect(theirs).toMatchObject({ topics: [{ topicName: 'b' }, { topicName: 'a' }] })
  })
})
