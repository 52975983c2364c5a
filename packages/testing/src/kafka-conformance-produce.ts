/** Conformance of the `kafka` protocol: what a produce stream does with records, acks, refusals and room. */
import { StreamError } from '@zilla-ts/engine'
import { encodeHeaders, type HeaderEntry, partitionHash } from '@zilla-ts/kafka'
import { expect, it } from 'vitest'
import type { KafkaBench } from './kafka-conformance-bench.ts'

const SMALL = { configs: { 'max.message.bytes': '10000' } }

export function produceConformance(bench: KafkaBench): void {
  acks(bench)
  refusals(bench)
  records(bench)
  contents(bench)
  partitions(bench)
}

function acks(bench: KafkaBench): void {
  it('tells partitions and record limit, then gives room', async () => {
    const topic = await bench.topic({ partitions: 3 })
    const writer = await bench.writer(topic)
    expect(writer.accepted).toMatchObject({ kind: 'produce', partitions: 3 })
    await writer.until('room', () => writer.stream!.writable)
  })

  it('acknowledges in order, cumulatively, over all partitions', async () => {
    const topic = await bench.topic({ partitions: 5 })
    const writer = await bench.writer(topic)
    for (let n = 0; n < 1_000; n++) writer.send({ value: `v${n}`, hash: n })
    await writer.stored()
    const numbers = writer.acks.map((ack) => ack.through)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(numbers.at(-1)).toBe(1_000)
    expect(writer.refused.size).toBe(0)
  })

  it('acknowledges what a reader can then read, and what offsets then count', async () => {
    const topic = await bench.topic()
    const writer = await bench.writer(topic)
    for (let n = 1; n <= 20; n++) {
      await writer.stored(writer.send({ value: `v${n}` }))
      expect(await bench.offsets(topic)).toEqual([{ partition: 0, start: 0, end: n }])
    }
  })

  it('ends after the last ack when the writer ends', async () => {
    const topic = await bench.topic()
    const writer = await bench.writer(topic)
    await writer.until('room', () => writer.stream!.writable)
    for (let n = 0; n < 10; n++) writer.send({ value: 'x' })
    writer.stream!.end()
    await writer.until('end', () => writer.ended)
    expect(writer.answered).toBe(10)
    expect((await bench.readAll(topic)).records).toHaveLength(10)
  })

  it('goes on for others when a writer aborts with writes under way', async () => {
    const topic = await bench.topic()
    const one = await bench.writer(topic)
    const other = await bench.writer(topic)
    for (let n = 0; n < 100; n++) {
      one.send({ value: `one-${n}` })
      other.send({ value: `other-${n}` })
    }
    one.stream!.abort(new StreamError('closed', 'gone'))
    await other.stored()
    const values = (await bench.readAll(topic)).values.filter((value) => value!.startsWith('other'))
    expect(values).toEqual(Array.from({ length: 100 }, (_, n) => `other-${n}`))
  })
}

function refusals(bench: KafkaBench): void {
  it('refuses a record that is too large, alone and in its place', async () => {
    const topic = await bench.topic(SMALL)
    const writer = await bench.writer(topic)
    for (const value of ['a', 'b', 'x'.repeat(20_000), 'c', 'y'.repeat(20_000), 'd']) writer.send({ value })
    await writer.stored()
    expect([...writer.refused].map(([number, error]) => [number, error.code])).toEqual([
      [3, 'too-large'],
      [5, 'too-large'],
    ])
    const numbers = writer.acks.map((ack) => ack.through)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect((await bench.readAll(topic)).values).toEqual(['a', 'b', 'c', 'd'])
    await writer.stored(writer.send({ value: 'e' }))
    expect((await bench.readAll(topic)).values).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('stores a record of exactly the size it told', async () => {
    const topic = await bench.topic(SMALL)
    const writer = await bench.writer(topic)
    const { accepted } = writer
    if (accepted?.kind !== 'produce') throw new Error('not accepted')
    const headers: HeaderEntry[] = [['name', 'v'.repeat(100)]]
    const key = 'k'.repeat(100)
    const bytes = accepted.maxRecordBytes - key.length - encodeHeaders(headers).buffer.length
    await writer.stored(writer.send({ key, headers, value: 'x'.repeat(bytes) }))
    expect(writer.refused.size).toBe(0)
    expect((await bench.readAll(topic)).records[0]?.value).toHaveLength(bytes)
  })

  it('stores many records that exceed the limit only together', async () => {
    const topic = await bench.topic(SMALL)
    const values = Array.from({ length: 100 }, (_, n) => `${n}:${'x'.repeat(3_000)}`)
    await bench.write(
      topic,
      values.map((value) => ({ value })),
    )
    expect((await bench.readAll(topic)).values).toEqual(values)
  })

  it('refuses a record without a key for a compacted topic, alone', async () => {
    const topic = await bench.topic({ configs: { 'cleanup.policy': 'compact' } })
    const writer = await bench.writer(topic)
    for (const key of ['a', null, 'b']) writer.send({ key, value: 'v', hash: 0 })
    await writer.stored()
    expect([...writer.refused].map(([number, error]) => [number, error.code])).toEqual([[2, 'invalid']])
    expect((await bench.readAll(topic)).records.map(({ key }) => key?.toString())).toEqual(['a', 'b'])
  })
}

function records(bench: KafkaBench): void {
  it('keeps null and empty apart, in keys and values', async () => {
    const topic = await bench.topic()
    await bench.write(topic, [
      { key: null, value: '' },
      { key: '', value: '' },
      { key: '', value: null },
      { key: null, value: null },
      { key: 'k', value: 'v' },
    ])
    const { records } = await bench.readAll(topic)
    expect(records.map(({ key, value }) => [key?.toString() ?? null, value?.toString() ?? null])).toEqual([
      [null, ''],
      ['', ''],
      ['', null],
      [null, null],
      ['k', 'v'],
    ])
  })

  it('keeps headers as they are: order, repeats, null and empty values, any bytes', async () => {
    const topic = await bench.topic()
    const headers: HeaderEntry[] = [
      ['b', '1'],
      ['a', '2'],
      ['b', Buffer.of(0, 255, 128)],
      ['', 'no name'],
      ['null', null],
      ['empty', ''],
      ['ünïcode', 'ä'],
    ]
    const encoded = encodeHeaders(headers)
    await bench.write(topic, [{ value: 'v', headers }, { value: 'w' }])
    const { records } = await bench.readAll(topic)
    expect(records[0]).toMatchObject({ headerCount: headers.length, headers: encoded.buffer })
    expect(records[1]).toMatchObject({ headerCount: 0, headers: Buffer.alloc(0) })
  })

  it('keeps timestamps, in any order', async () => {
    const topic = await bench.topic()
    const now = Date.now()
    const times = [now, now - 86_400_000, now + 1_000, now - 1, now]
    await bench.write(
      topic,
      times.map((timestamp) => ({ value: 'v', timestamp })),
    )
    expect((await bench.readAll(topic)).records.map(({ timestamp }) => timestamp)).toEqual(times)
  })
}

function contents(bench: KafkaBench): void {
  it('stamps the time of the append where the topic says so', async () => {
    const topic = await bench.topic({ configs: { 'message.timestamp.type': 'LogAppendTime' } })
    const before = Date.now()
    await bench.write(topic, [
      { value: 'a', timestamp: before - 86_400_000 },
      { value: 'b', timestamp: before - 5 },
    ])
    for (const { timestamp } of (await bench.readAll(topic)).records) {
      expect(timestamp).toBeGreaterThan(before - 60_000)
      expect(timestamp).toBeLessThan(before + 60_000)
    }
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('reads back what the topic keeps as %s', async (type) => {
    const topic = await bench.topic({ configs: { 'compression.type': type } })
    const values = Array.from({ length: 500 }, (_, n) => `${n}-${'compressible '.repeat(n % 50)}`)
    await bench.write(
      topic,
      values.map((value, n) => ({ key: `k${n}`, value, hash: 0, headers: [['n', String(n)]] })),
    )
    const { records } = await bench.readAll(topic)
    expect(records.map(({ value }) => value?.toString())).toEqual(values)
    expect(records.map(({ key }) => key?.toString())).toEqual(values.map((_, n) => `k${n}`))
  })

  it('carries bytes, not text: 900 KB of them', async () => {
    const topic = await bench.topic()
    const value = Buffer.alloc(900_000)
    for (let at = 0; at < value.length; at++) value[at] = (at * 31 + (at >> 8)) & 0xff
    await bench.write(topic, [{ value: 'before' }, { value }, { value: 'after' }])
    const { records } = await bench.readAll(topic)
    expect(records).toHaveLength(3)
    expect(records[1]!.value!.equals(value)).toBe(true)
    expect(records[2]!.value!.toString()).toBe('after')
  })
}

function partitions(bench: KafkaBench): void {
  it('places keys as Kafka does', async () => {
    expect(partitionHash(Buffer.from('sensor/one')) % 12).toBe(4)
    const topic = await bench.topic({ partitions: 12 })
    const keys = ['sensor/one', ...Array.from({ length: 50 }, (_, n) => `sensor/${n}`)]
    await bench.write(
      topic,
      keys.map((key) => ({ key, value: key })),
    )
    const { records } = await bench.readAll(topic)
    expect(records).toHaveLength(keys.length)
    for (const { key, partition } of records) expect(partition).toBe(partitionHash(key!) % 12)
    expect(records.find(({ key }) => key!.toString() === 'sensor/one')?.partition).toBe(4)
  })

  it('places records where the hash says, whatever the key', async () => {
    const topic = await bench.topic({ partitions: 3 })
    await bench.write(
      topic,
      [0, 1, 2, 4, 8, 0x7fffffff].map((hash) => ({ key: 'same', value: String(hash), hash })),
    )
    for (const { value, partition } of (await bench.readAll(topic)).records) {
      expect(partition).toBe(Number(value!.toString()) % 3)
    }
  })

  it('keeps the order of each writer in each partition', async () => {
    const topic = await bench.topic({ partitions: 3 })
    const writers = await Promise.all(Array.from({ length: 8 }, () => bench.writer(topic)))
    for (let n = 0; n < 300; n++) {
      for (const [w, writer] of writers.entries()) writer.send({ key: `writer-${w}`, value: String(n), hash: n + w })
    }
    await Promise.all(writers.map((writer) => writer.stored()))
    const { records } = await bench.readAll(topic)
    expect(records).toHaveLength(8 * 300)
    const last = new Map<string, number>()
    for (const { partition, key, value } of records) {
      const place = `${partition}/${key}`
      const n = Number(value!.toString())
      expect(n).toBeGreaterThan(last.get(place) ?? -1)
      last.set(place, n)
    }
  })
}
