/** Conformance of the `kafka` protocol: where a fetch stream begins, what it delivers, what it says about gaps. */
import { StreamError } from '@zilla-ts/engine'
import { expect, it } from 'vitest'
import type { KafkaBench } from './kafka-conformance-bench.ts'
import type { TestRecord } from './kafka-streams.ts'

const numbered = (count: number, from = 0): TestRecord[] =>
  Array.from({ length: count }, (_, n) => ({ value: `v${from + n}` }))

export function fetchConformance(bench: KafkaBench): void {
  starts(bench)
  offsets(bench)
  gaps(bench)
  lives(bench)
  changes(bench)
}

function starts(bench: KafkaBench): void {
  it('reads from the start, then live, offsets without gaps', async () => {
    const topic = await bench.topic()
    await bench.write(topic, numbered(10))
    const reader = await bench.reader(topic, 'start')
    expect(reader.accepted).toEqual({ kind: 'fetch', partitions: [{ partition: 0, start: 0, end: 10 }] })
    await reader.received(10)
    await bench.write(topic, numbered(10, 10))
    await reader.received(20)
    expect(reader.values).toEqual(numbered(20).map(({ value }) => value))
    expect(reader.records.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  it('reads from the end as of the open', async () => {
    const topic = await bench.topic({ partitions: 2 })
    await bench.write(topic, [
      { value: 'old', hash: 0 },
      { value: 'old', hash: 0 },
      { value: 'old', hash: 1 },
    ])
    const reader = await bench.reader(topic, 'end')
    expect(reader.accepted).toEqual({
      kind: 'fetch',
      partitions: [
        { partition: 0, start: 2, end: 2 },
        { partition: 1, start: 1, end: 1 },
      ],
    })
    await bench.write(topic, [
      { value: 'new', hash: 0 },
      { value: 'new', hash: 1 },
    ])
    await reader.received(2)
    expect(reader.records.map(({ partition, offset, value }) => `${partition} ${offset} ${value}`).sort()).toEqual([
      '0 2 new',
      '1 1 new',
    ])
  })
}

function offsets(bench: KafkaBench): void {
  it('reads each partition from the offset it is given, others from 0, and ignores those that are not there', async () => {
    const topic = await bench.topic({ partitions: 3 })
    const records = [0, 1, 2].flatMap((hash) => Array.from({ length: 5 }, (_, n) => ({ value: `${hash}-${n}`, hash })))
    await bench.write(topic, records)
    const from = new Map([
      [0, 3],
      [1, 5],
      [77, 4],
    ])
    const reader = await bench.reader(topic, from)
    expect(reader.accepted).toMatchObject({ partitions: [{ start: 3 }, { start: 5 }, { start: 0 }] })
    await reader.received(7)
    await bench.write(topic, [{ value: '1-5', hash: 1 }])
    await reader.received(8)
    expect([...reader.of(0), ...reader.of(1), ...reader.of(2)].map(({ value }) => value!.toString())).toEqual([
      ...['0-3', '0-4'],
      ...['1-5'],
      ...['2-0', '2-1', '2-2', '2-3', '2-4'],
    ])
    expect(reader.signals).toEqual([])
  })

  it('begins in the middle of what was written together', async () => {
    const topic = await bench.topic()
    await bench.write(topic, numbered(100))
    for (const from of [1, 50, 99]) {
      const reader = await bench.reader(topic, new Map([[0, from]]))
      await reader.received(100 - from)
      expect(reader.records.map(({ offset }) => offset)).toEqual(Array.from({ length: 100 - from }, (_, n) => from + n))
    }
  })

  it('reads a topic without records, live', async () => {
    const topic = await bench.topic()
    const reader = await bench.reader(topic, 'start')
    expect(reader.accepted).toEqual({ kind: 'fetch', partitions: [{ partition: 0, start: 0, end: 0 }] })
    await bench.write(topic, [{ value: 'first' }])
    await reader.received(1)
    expect(reader.records[0]).toMatchObject({ partition: 0, offset: 0 })
  })
}

function gaps(bench: KafkaBench): void {
  it('begins at the start when an offset is beyond the end: it is of a former topic', async () => {
    const topic = await bench.topic()
    await bench.write(topic, numbered(3))
    const reader = await bench.reader(topic, new Map([[0, 1_000]]))
    await reader.received(3)
    expect(reader.signals[0]).toEqual({ kind: 'lost', partition: 0, from: 1_000, to: 0 })
    expect(reader.values).toEqual(['v0', 'v1', 'v2'])
  })

  it('says what is lost when an offset lies below the start', async (context) => {
    const deleteRecords = bench.optional(context, 'deleteRecords')
    const topic = await bench.topic()
    await bench.write(topic, numbered(10))
    await deleteRecords(topic, 0, 6)
    expect(await bench.offsets(topic)).toEqual([{ partition: 0, start: 6, end: 10 }])
    const reader = await bench.reader(topic, new Map([[0, 2]]))
    await reader.received(4)
    expect(reader.signals).toContainEqual({ kind: 'lost', partition: 0, from: 2, to: 6 })
    expect(reader.values).toEqual(['v6', 'v7', 'v8', 'v9'])
    const fromStart = await bench.reader(topic, 'start')
    await fromStart.received(4)
    expect(fromStart.signals.filter(({ kind }) => kind === 'lost')).toEqual([])
    expect(fromStart.values).toEqual(reader.values)
  })

  it('delivers the last value of each key after compaction, and passes what is gone', async (context) => {
    const compact = bench.optional(context, 'compact')
    const configs = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '1' }
    const topic = await bench.topic({ configs })
    for (let round = 0; round < 5; round++) {
      await bench.write(
        topic,
        ['a', 'b', 'c'].map((key) => ({ key, value: `${key}${round}`, hash: 0 })),
      )
    }
    await bench.write(topic, [{ key: 'last', value: 'batch', hash: 0 }])
    await compact(topic)
    const reader = await bench.readAll(topic)
    const latest = new Map(reader.records.map(({ key, value }) => [key!.toString(), value!.toString()]))
    expect(Object.fromEntries(latest)).toEqual({ a: 'a4', b: 'b4', c: 'c4', last: 'batch' })
    const offsets = reader.records.map(({ offset }) => offset)
    expect(offsets.length).toBeLessThan(16)
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
    expect(reader.signals.filter(({ kind }) => kind === 'lost')).toEqual([])
  })

  it('delivers committed transactions only, and passes aborted ones and markers', async (context) => {
    const transaction = bench.optional(context, 'transaction')
    const topic = await bench.topic()
    const reader = await bench.reader(topic, 'start')
    await transaction(topic, ['a', 'b'], true)
    await transaction(topic, ['x', 'y'], false)
    await bench.write(topic, [{ value: 'c' }])
    await transaction(topic, ['z'], false)
    const [offsets] = await bench.offsets(topic)
    await reader.reached(0, offsets!.end)
    expect(reader.values).toEqual(['a', 'b', 'c'])
  })
}

function lives(bench: KafkaBench): void {
  it('delivers to every reader, each in order', async () => {
    const topic = await bench.topic({ partitions: 2 })
    const readers = await Promise.all(Array.from({ length: 5 }, () => bench.reader(topic, 'end')))
    await bench.write(
      topic,
      Array.from({ length: 200 }, (_, n) => ({ value: String(n), hash: n })),
    )
    for (const reader of readers) {
      await reader.received(200)
      expect(reader.of(0).map(({ value }) => Number(value))).toEqual(Array.from({ length: 100 }, (_, n) => n * 2))
      expect(reader.of(1).map(({ value }) => Number(value))).toEqual(Array.from({ length: 100 }, (_, n) => n * 2 + 1))
    }
  })

  it('stops when the reader ends, and goes on for others', async () => {
    const topic = await bench.topic()
    const one = await bench.reader(topic, 'start')
    const other = await bench.reader(topic, 'start')
    await bench.write(topic, numbered(5))
    await Promise.all([one.received(5), other.received(5)])
    one.stream!.end()
    await one.until('end', () => one.ended)
    await bench.write(topic, numbered(5, 5))
    await other.received(10)
    expect(one.records).toHaveLength(5)
  })

  it('goes on for others when a reader aborts while it is given records', async () => {
    const topic = await bench.topic()
    const one = await bench.reader(topic, 'start')
    const other = await bench.reader(topic, 'start')
    const given = one.onData.bind(one)
    one.onData = (payload, meta, cost) => {
      given(payload, meta, cost)
      if (one.records.length === 3) one.stream!.abort(new StreamError('closed', 'gone'))
    }
    await bench.write(topic, numbered(20))
    await other.received(20)
    expect(one.records).toHaveLength(3)
    expect(other.values).toEqual(numbered(20).map(({ value }) => value))
  })
}

function changes(bench: KafkaBench): void {
  it('reads a partition that is added from 0, and announces it', async (context) => {
    const grow = bench.optional(context, 'grow')
    const topic = await bench.topic()
    const reader = await bench.reader(topic, 'end')
    const writer = await bench.writer(topic)
    await grow(topic, 2)
    await reader.until('partition 1', () => reader.signals.some((signal) => signal.kind === 'partition'))
    await writer.until('two partitions', () => writer.signals.some((signal) => signal.kind === 'topic'))
    await writer.stored(writer.send({ value: 'new', hash: 1 }))
    await reader.received(1)
    expect(reader.signals).toContainEqual({ kind: 'partition', partition: 1 })
    expect(reader.records[0]).toMatchObject({ partition: 1, offset: 0 })
  })

  it('has after a restart what was stored before, and goes on behind it', async (context) => {
    const restart = bench.optional(context, 'restart')
    const topic = await bench.topic({ partitions: 2, configs: { 'retention.ms': '7200000' } })
    await bench.write(
      topic,
      Array.from({ length: 100 }, (_, n) => ({ value: String(n), hash: n })),
    )
    const before = await bench.offsets(topic)
    await restart()
    expect(await bench.offsets(topic)).toEqual(before)
    const described = await bench.ask({ kind: 'describe', topic }, 'describe')
    expect(described.configs.get('retention.ms')).toBe('7200000')
    await bench.write(topic, [{ value: '100', hash: 0 }])
    const { records } = await bench.readAll(topic)
    expect(records.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual([...Array(101).keys()])
    expect(records.find(({ value }) => value?.toString() === '100')).toMatchObject({ partition: 0, offset: 50 })
  })
}
