import { BatchReader } from '@zilla-ts/kafka'
import { KafkaBench, type KafkaReader, type ReceivedRecord } from '@zilla-ts/testing/kafka-conformance'
import { afterEach, describe, expect, it } from 'vitest'
import type { Partition } from '../src/topic.ts'
import { Embedded, MovableClock } from './embedded.ts'

const DAY_MS = 86_400_000

let embedded: Embedded
let bench: KafkaBench
let clock: MovableClock

async function open(): Promise<void> {
  clock = new MovableClock(() => {})
  embedded = await Embedded.open({}, clock)
  bench = new KafkaBench(embedded)
}

afterEach(async () => {
  await embedded.close()
  expect(embedded.faults()).toEqual([])
})

function partitionOf(topic: string): Partition {
  return embedded.log.topic(topic)!.partitions[0]!
}

/** The batches that are stored, whole. */
function stored(partition: Partition): { bytes: number; count: number } {
  const batches = embedded.log.store.batches(partition.topic.id, 0, 0, partition.end, 1 << 30)
  return { bytes: batches.reduce((sum, batch) => sum + batch.length, 0), count: batches.length }
}

/** Writes each value as a batch of its own, with the time of the clock. */
async function writeEach(topic: string, values: readonly string[]): Promise<void> {
  for (const value of values) await bench.write(topic, [{ value, timestamp: clock.now() }])
}

describe('retention', () => {
  it('removes batches that are too old, whole, from the start', async () => {
    await open()
    const topic = await bench.topic({ configs: { 'retention.ms': String(DAY_MS) } })
    const old = clock.now()
    await bench.write(topic, [
      { value: 'a', timestamp: old },
      { value: 'b', timestamp: old + DAY_MS },
    ])
    await bench.write(topic, [{ value: 'c', timestamp: old }])
    await bench.write(topic, [{ value: 'd', timestamp: old + DAY_MS * 2 }])
    await bench.write(topic, [{ value: 'e', timestamp: old }])
    clock.aheadMs = DAY_MS + 1_000
    await embedded.log.cleaner.clean()
    expect((await bench.offsets(topic))[0]).toEqual({ partition: 0, start: 0, end: 5 })
    clock.aheadMs = DAY_MS * 2 + 1_000
    await embedded.log.cleaner.clean()
    expect((await bench.offsets(topic))[0]).toEqual({ partition: 0, start: 3, end: 5 })
    expect((await bench.readAll(topic)).values).toEqual(['d', 'e'])
    expect(partitionOf(topic).state.bytes).toBe(stored(partitionOf(topic)).bytes)
  })

  it('may remove everything, and goes on behind it, also after a restart', async () => {
    await open()
    const topic = await bench.topic({ configs: { 'retention.ms': '1000' } })
    await writeEach(topic, ['a', 'b', 'c'])
    clock.aheadMs = 10_000
    await embedded.log.cleaner.clean()
    expect((await bench.offsets(topic))[0]).toEqual({ partition: 0, start: 3, end: 3 })
    expect([partitionOf(topic).state.bytes, stored(partitionOf(topic)).count]).toEqual([0, 0])
    await embedded.restart()
    expect((await bench.offsets(topic))[0]).toEqual({ partition: 0, start: 3, end: 3 })
    await writeEach(topic, ['d'])
    const reader = await bench.readAll(topic)
    expect(reader.records.map(({ offset, value }) => [offset, value?.toString()])).toEqual([[3, 'd']])
  })

  it('keeps as many bytes as it may, and not a batch less', async () => {
    await open()
    const topic = await bench.topic({ configs: { 'retention.ms': '-1', 'retention.bytes': '3000' } })
    await writeEach(
      topic,
      Array.from({ length: 10 }, (_, n) => `${n}${'x'.repeat(900)}`),
    )
    clock.aheadMs = DAY_MS * 1_000
    await embedded.log.cleaner.clean()
    const { state } = partitionOf(topic)
    const batchBytes = stored(partitionOf(topic)).bytes / stored(partitionOf(topic)).count
    expect(state.bytes).toBeGreaterThanOrEqual(3_000)
    expect(state.bytes - batchBytes).toBeLessThan(3_000)
    expect(state.start).toBe(10 - state.bytes / batchBytes)
  })

  it('tells a reader that had no room what was removed before it', async () => {
    await open()
    const topic = await bench.topic({ configs: { 'retention.ms': '1000' } })
    await writeEach(topic, ['a', 'b', 'c', 'd'])
    const reader = await bench.reader(topic, 'start', 1, true)
    await reader.received(1)
    clock.aheadMs = 10_000
    await embedded.log.cleaner.clean()
    await writeEach(topic, ['e'])
    reader.release()
    await reader.received(2)
    expect(reader.values).toEqual(['a', 'e'])
    expect(reader.signals).toContainEqual({ kind: 'lost', partition: 0, from: 1, to: 4 })
  })

  it('begins by itself, once a minute', async () => {
    await open()
    const topic = await bench.topic({ configs: { 'retention.ms': '0' } })
    await writeEach(topic, ['a'])
    clock.aheadMs = 10_000
    embedded.log.cleaner.run()
    await embedded.log.cleaner.clean()
    expect((await bench.offsets(topic))[0]).toMatchObject({ start: 1 })
  })
})

describe('compaction', () => {
  const compacted = (configs: Record<string, string> = {}) => ({
    configs: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0', ...configs },
  })

  it('leaves the last batch, and what is younger than the lag', async () => {
    await open()
    const topic = await bench.topic(compacted({ 'min.compaction.lag.ms': '5000' }))
    for (const value of ['1', '2', '3']) await bench.write(topic, [{ key: 'k', value, timestamp: clock.now() }])
    await embedded.log.cleaner.clean()
    expect((await bench.readAll(topic)).values).toEqual(['1', '2', '3'])
    clock.aheadMs = 10_000
    await embedded.log.cleaner.clean()
    expect((await bench.readAll(topic)).values).toEqual(['2', '3'])
  })

  it('waits until enough is dirty', async () => {
    await open()
    const topic = await bench.topic(compacted({ 'min.cleanable.dirty.ratio': '0.5' }))
    await bench.write(
      topic,
      Array.from({ length: 100 }, (_, n) => ({ key: `k${n}`, value: 'x' })),
    )
    await bench.write(topic, [{ key: 'k0', value: 'y' }])
    await embedded.log.cleaner.clean()
    const bytes = partitionOf(topic).state.bytes
    await bench.write(topic, [{ key: 'k1', value: 'y' }])
    await embedded.log.cleaner.clean()
    expect(partitionOf(topic).state.bytes).toBeGreaterThan(bytes)
  })

  it('says where a batch ends whose last records are gone', async () => {
    await open()
    const topic = await bench.topic(compacted())
    await bench.write(topic, [
      { key: 'a', value: '1' },
      { key: 'b', value: '1' },
      { key: 'c', value: '1' },
    ])
    await bench.write(topic, [
      { key: 'b', value: '2' },
      { key: 'c', value: '2' },
    ])
    await bench.write(topic, [{ key: 'd', value: '1' }])
    await embedded.log.cleaner.clean()
    const reader = await bench.reader(topic, 'start')
    await reader.reached(0, 6)
    expect(reader.records.map(({ offset }) => offset)).toEqual([0, 3, 4, 5])
    expect(reader.signals).toEqual([{ kind: 'progress', partition: 0, next: 3 }])
  })

  it('drops a tombstone once it has outlived its values by delete.retention.ms, not before', async () => {
    await open()
    const topic = await bench.topic(compacted({ 'delete.retention.ms': String(DAY_MS) }))
    await bench.write(topic, [{ key: 'a', value: '1' }])
    await bench.write(topic, [{ key: 'a', value: null }])
    // The tombstone is old, but its value went just now: readers that saw the value have a day to see the tombstone.
    clock.aheadMs = DAY_MS * 10
    const offsetsAfter = async (filler: string): Promise<number[]> => {
      await bench.write(topic, [{ key: filler, value: 'x' }])
      await embedded.log.cleaner.clean()
      return (await bench.readAll(topic)).records.map(({ offset }) => offset)
    }
    expect(await offsetsAfter('b')).toEqual([1, 2])
    clock.aheadMs += DAY_MS - 10_000
    expect(await offsetsAfter('c')).toEqual([1, 2, 3])
    clock.aheadMs += 20_000
    expect(await offsetsAfter('d')).toEqual([2, 3, 4])
  })

  it('takes several runs for more keys than it keeps in memory', async () => {
    await open()
    const topic = await bench.topic(compacted())
    const keys = 260_000
    const writer = await bench.writer(topic)
    for (let n = 0; n < keys; n++) writer.send({ key: `k${n}`, value: '1', hash: 0 })
    await writer.stored()
    for (let n = 0; n < keys; n += 1_000) writer.send({ key: `k${n}`, value: '2', hash: 0 })
    await writer.stored()
    await bench.write(topic, [{ key: 'last', value: 'x' }])
    await embedded.log.cleaner.clean()
    const { cleaned } = partitionOf(topic).state
    expect(cleaned).toBeGreaterThanOrEqual(250_000)
    expect(cleaned).toBeLessThan(keys)
    await embedded.log.cleaner.clean()
    expect(partitionOf(topic).state).toMatchObject({
      cleaned: keys + keys / 1_000,
      bytes: stored(partitionOf(topic)).bytes,
    })
    const reader = await bench.readAll(topic)
    expect(reader.records).toHaveLength(keys + 1)
    expect(reader.values.filter((value) => value === '2')).toHaveLength(keys / 1_000)
  })

  it('removes by age too where the policy says both', async () => {
    await open()
    const topic = await bench.topic(compacted({ 'cleanup.policy': 'compact,delete', 'retention.ms': String(DAY_MS) }))
    await bench.write(topic, [{ key: 'old', value: '1', timestamp: clock.now() }])
    clock.aheadMs = DAY_MS * 2
    await bench.write(topic, [{ key: 'a', value: '1', timestamp: clock.now() }])
    await bench.write(topic, [{ key: 'a', value: '2', timestamp: clock.now() }])
    await bench.write(topic, [{ key: 'b', value: '3', timestamp: clock.now() }])
    await embedded.log.cleaner.clean()
    expect((await bench.readAll(topic)).values).toEqual(['2', '3'])
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('agrees with a model, seed %i', async (seed) => {
    await open()
    await runModel(seed)
  })
})

/** Mulberry32: small, and the same everywhere. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What a reader knows from records, in order. */
function mapOf(records: readonly ReceivedRecord[]): Map<string, string> {
  const map = new Map<string, string>()
  for (const { key, value } of records) {
    if (value === null) map.delete(key!.toString())
    else map.set(key!.toString(), value.toString())
  }
  return map
}

/** Random writes, cleanings, restarts and slow readers; every reader must end with the map that the writes make. */
async function runModel(seed: number): Promise<void> {
  const next = random(seed)
  const upTo = (limit: number): number => Math.floor(next() * limit)
  const configs = {
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': ['0', '0.1', '0.5'][upTo(3)]!,
    'delete.retention.ms': String(DAY_MS),
  }
  const topic = await bench.topic({ configs })
  const written: { key: string; value: string | null }[] = []
  const expected = new Map<string, string>()
  let slow: KafkaReader[] = []

  const finish = async (): Promise<void> => {
    for (const reader of slow) {
      reader.release()
      reader.stream!.grant(1 << 20)
      await reader.reached(0, written.length)
      expect(mapOf(reader.records)).toEqual(expected)
      reader.stream!.end()
    }
    slow = []
  }

  for (let step = 0; step < 120; step++) {
    const action = upTo(10)
    if (action < 6) {
      const records = Array.from({ length: 1 + upTo(8) }, () => {
        const key = `key-${upTo(12)}`
        return { key, value: upTo(4) === 0 ? null : `${key} at ${step}.${upTo(1_000)}` }
      })
      await bench.write(topic, records)
      for (const { key, value } of records) {
        written.push({ key, value })
        if (value === null) expected.delete(key)
        else expected.set(key, value)
      }
    } else if (action < 8) {
      await embedded.log.cleaner.clean()
      const partition = partitionOf(topic)
      expect(partition.state.bytes).toBe(stored(partition).bytes)
      checkStored(partition, written)
    } else if (action === 8) {
      slow.push(await bench.reader(topic, 'start', 1 + upTo(1_000), true))
    } else {
      // Readers that take longer than `delete.retention.ms` may miss tombstones, as with Kafka.
      await finish()
      clock.aheadMs += upTo(2 * DAY_MS)
      if (upTo(2) === 0) await embedded.restart()
    }
  }
  await finish()
  const reader = await bench.readAll(topic)
  expect(mapOf(reader.records)).toEqual(expected)
}

/** What is stored was written, at that offset, and nothing is there whose key has an older record that was to go. */
function checkStored(partition: Partition, written: readonly { key: string; value: string | null }[]): void {
  const reader = new BatchReader({ checkCrc: true })
  const seen = new Set<string>()
  for (const batch of embedded.log.store.batches(partition.topic.id, 0, 0, partition.end, 1 << 30)) {
    reader.reset(batch)
    expect(reader.nextBatch()).toBe(true)
    while (reader.nextRecord()) {
      const key = reader.key()!.toString()
      expect({ key, value: reader.value()?.toString() ?? null }).toEqual(written[reader.offset])
      if (reader.offset < partition.state.cleaned) {
        expect(seen.has(key)).toBe(false)
        seen.add(key)
      }
    }
  }
}
