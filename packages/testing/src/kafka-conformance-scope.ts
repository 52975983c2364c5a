/** Conformance of the `kafka` protocol: fetch streams of some partitions, and those that do not wait for transactions. */
import { expect, it } from 'vitest'
import type { KafkaBench } from './kafka-conformance-bench.ts'
import { KafkaReader, type ReceivedRecord } from './kafka-streams.ts'

export function scopeConformance(bench: KafkaBench): void {
  subsets(bench)
  uncommitted(bench)
  fates(bench)
}

function subsets(bench: KafkaBench): void {
  it('reads the partitions it asks for, history and live, and no others', async () => {
    const topic = await bench.topic({ partitions: 4 })
    const write = (round: string) =>
      bench.write(
        topic,
        [0, 1, 2, 3].map((hash) => ({ value: `${round}${hash}`, hash })),
      )
    await write('a')
    const late = await bench.readerOf(topic, 'start', { partitions: [3, 1] })
    const live = await bench.readerOf(topic, 'end', { partitions: [2] })
    const from = await bench.readerOf(topic, new Map([[1, 1]]), { partitions: [0, 1] })
    expect(late.accepted).toEqual({
      kind: 'fetch',
      partitions: [
        { partition: 1, start: 0, end: 1 },
        { partition: 3, start: 0, end: 1 },
      ],
    })
    expect(live.accepted).toEqual({ kind: 'fetch', partitions: [{ partition: 2, start: 1, end: 1 }] })
    await late.received(2)
    await write('b')
    await Promise.all([late.received(4), live.received(1), from.received(3)])
    expect([...late.of(1), ...late.of(3)].map(({ value }) => String(value))).toEqual(['a1', 'b1', 'a3', 'b3'])
    expect(live.values).toEqual(['b2'])
    expect([...from.of(0), ...from.of(1)].map(({ value }) => String(value))).toEqual(['a0', 'b0', 'b1'])
    for (const { records, signals } of [late, live, from]) {
      expect([late.records.length, live.records.length, from.records.length]).toEqual([4, 1, 3])
      expect(signals.filter(({ kind }) => kind !== 'progress')).toEqual([])
      expect(records.every(({ producerId }) => producerId === -1)).toBe(true)
    }
  })

  it('aborts with not-found where a partition is not there', async () => {
    const topic = await bench.topic({ partitions: 2 })
    const end = bench.connect(new KafkaReader(), { kind: 'fetch', topic, from: 'start', partitions: [0, 2] })
    await end.until('abort', () => end.aborted !== null)
    expect(end.aborted?.code).toBe('not-found')
    expect(end.accepted).toBe(null)
  })

  it('does not announce growth to who reads some partitions', async (context) => {
    const grow = bench.optional(context, 'grow')
    const topic = await bench.topic()
    const all = await bench.reader(topic, 'end')
    const some = await bench.readerOf(topic, 'end', { partitions: [0] })
    await grow(topic, 2)
    await all.until('partition 1', () => all.signals.some((signal) => signal.kind === 'partition'))
    await bench.write(topic, [{ value: 'new', hash: 1 }])
    await bench.write(topic, [{ value: 'old', hash: 0 }])
    await Promise.all([all.received(2), some.received(1)])
    expect(some.values).toEqual(['old'])
    expect(some.signals.filter(({ kind }) => kind !== 'progress')).toEqual([])
  })
}

function uncommitted(bench: KafkaBench): void {
  it('says of every record, committed or not, what became of it', async () => {
    const topic = await bench.topic({ partitions: 2 })
    const live = await bench.readerOf(topic, 'end', { isolation: 'uncommitted' })
    const writer = await bench.transactions(topic)
    await bench.write(topic, [{ value: 'plain' }])
    writer.send(topic, { value: 'a' }, { value: 'b' })
    expect(await writer.commit()).toBe(null)
    await bench.write(topic, [{ value: 'after' }])
    const late = await bench.readerOf(topic, 'start', { isolation: 'uncommitted', partitions: [0] })
    for (const reader of [live, late]) {
      await reader.until('all four', () => reader.effective.length >= 4)
      // The marker of a committed transaction may come after what was written then.
      expect([...reader.effective].sort()).toEqual(['a', 'after', 'b', 'plain'])
      expect(reader.values).toEqual(['plain', 'a', 'b', 'after'])
    }
  })

  it('gives markers their place in the order, records of transactions their producer', async (context) => {
    const transaction = bench.optional(context, 'transaction')
    const topic = await bench.topic()
    await bench.write(topic, [{ value: 'plain' }])
    await transaction(topic, ['a', 'b'], true)
    await transaction(topic, ['x'], false)
    await bench.write(topic, [{ value: 'last' }])
    const reader = await bench.readerOf(topic, 'start', { isolation: 'uncommitted' })
    expect(reader.accepted).toMatchObject({ partitions: [{ partition: 0, start: 0, end: 7 }] })
    await reader.reached(0, 7)
    const { producerId } = reader.records[1]!
    expect(producerId).toBeGreaterThanOrEqual(0)
    const data = (offset: number, value: string, id: number) => ({ offset, value, producerId: id })
    const marker = (offset: number, committed: boolean) => ({
      kind: 'marker',
      partition: 0,
      offset,
      producerId,
      committed,
    })
    expect(reader.events.filter((event) => !('kind' in event) || event.kind === 'marker').map(brief)).toEqual([
      data(0, 'plain', -1),
      data(1, 'a', producerId),
      data(2, 'b', producerId),
      marker(3, true),
      data(4, 'x', producerId),
      marker(5, false),
      data(6, 'last', -1),
    ])
  })
}

function fates(bench: KafkaBench): void {
  it('begins behind a marker that it was told of', async (context) => {
    const transaction = bench.optional(context, 'transaction')
    const topic = await bench.topic()
    await transaction(topic, ['a'], true)
    await bench.write(topic, [{ value: 'b' }])
    const behind = await bench.readerOf(topic, new Map([[0, 2]]), { isolation: 'uncommitted' })
    const before = await bench.readerOf(topic, new Map([[0, 1]]), { isolation: 'uncommitted' })
    await Promise.all([behind.reached(0, 3), before.reached(0, 3)])
    expect(behind.events.map((event) => ('kind' in event ? event.kind : String(event.value)))).toEqual(['b'])
    expect(before.signals.filter(({ kind }) => kind === 'marker')).toHaveLength(1)
    expect(before.values).toEqual(['b'])
  })

  it.for([true, false])(
    'reads on behind an open transaction, while committed reads wait (commit: %s)',
    async (commit, context) => {
      const hold = bench.optional(context, 'hold')
      const topic = await bench.topic()
      const finish = await hold(topic, bench.topicName(), ['held'])
      await bench.write(topic, [{ value: 'behind' }])
      const open = await bench.readerOf(topic, 'start', { isolation: 'uncommitted' })
      const committed = await bench.reader(topic, 'start')
      const atEnd = await bench.readerOf(topic, 'end', { isolation: 'uncommitted' })
      expect(atEnd.accepted).toMatchObject({ partitions: [{ start: 2, end: 2 }] })
      expect(committed.accepted).toMatchObject({ partitions: [{ start: 0, end: 0 }] })
      expect(await bench.offsets(topic)).toMatchObject([{ end: 0 }])
      const uncommitted = await bench.ask({ kind: 'offsets', topic, isolation: 'uncommitted' }, 'offsets')
      expect(uncommitted.partitions).toMatchObject([{ end: 2 }])
      await open.received(2)
      expect(open.effective).toEqual(['behind'])
      expect(committed.records).toEqual([])
      await finish(commit)
      await open.until('marker', () => open.signals.some((signal) => signal.kind === 'marker'))
      expect(open.effective).toEqual(commit ? ['behind', 'held'] : ['behind'])
      await committed.reached(0, 2)
      expect(committed.values).toEqual(commit ? ['held', 'behind'] : ['behind'])
    },
  )
}

function brief(event: ReceivedRecord | object): object {
  if ('kind' in event) return event
  const { offset, value, producerId } = event as ReceivedRecord
  return { offset, value: String(value), producerId }
}
