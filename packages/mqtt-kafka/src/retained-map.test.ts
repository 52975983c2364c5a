import { encodeHeaders, KafkaRecord } from '@zilla-ts/kafka'
import { filterMatchesTopic, isTopicFilter } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { RetainedCursor } from './retained-cursor.ts'
import { NOTHING, RetainedMap } from './retained-map.ts'

const HEADERS = encodeHeaders([['zilla:qos', '1']])

interface Put {
  readonly partition?: number
  readonly offset?: number
  readonly timestamp?: number
}

function put(map: RetainedMap, topic: string | Buffer | null, value: string | null, at: Put = {}): void {
  const key = typeof topic === 'string' ? Buffer.from(topic) : topic
  const { partition = 0, offset = 0, timestamp = 1 } = at
  const record = new KafkaRecord(partition, offset, timestamp, key, value === null, HEADERS.buffer, HEADERS.count)
  map.apply(record, Buffer.from(value ?? ''))
}

function find(map: RetainedMap, filter: string): string[] {
  const cursor = new RetainedCursor(map, filter)
  const found: string[] = []
  while (cursor.step()) if (cursor.place !== NOTHING) found.push(cursor.topic)
  return found
}

describe('retained map', () => {
  it('keeps the last record of a topic, whole', () => {
    const map = new RetainedMap()
    put(map, 'a/b', 'one')
    put(map, 'a/b', 'two', { offset: 7, timestamp: 1_700_000_000_123 })
    expect(map.get('a/b')).toEqual({
      timestamp: 1_700_000_000_123,
      partition: 0,
      offset: 7,
      headers: HEADERS.buffer,
      headerCount: 1,
      value: Buffer.from('two'),
    })
    expect(map.size).toBe(1)
    expect(map.get('a')).toBeNull()
  })

  it.each([
    ['a tombstone', null],
    ['an empty value', ''],
  ])('clears a topic by %s', (_name, value) => {
    const map = new RetainedMap()
    put(map, 'a/b', 'one')
    put(map, 'a/b', value)
    put(map, 'never', value)
    expect([map.size, map.bytes, map.root.leaf]).toEqual([0, 0, true])
  })

  it('skips keys that are no topic names', () => {
    const map = new RetainedMap()
    for (const key of [
      null,
      '',
      'a/#',
      'a+b',
      'a\0b',
      Buffer.from([0xff, 0xfe]),
      'x'.repeat(65_536),
      '/'.repeat(300),
    ]) {
      put(map, key, 'x')
    }
    expect([map.size, map.skipped]).toEqual([0, 8])
    put(map, 'ä\ufffd', 'x')
    expect(map.size).toBe(1)
  })

  it('takes the newer timestamp of two partitions, the later record of one', () => {
    const map = new RetainedMap()
    put(map, 't', 'new', { partition: 1, timestamp: 20 })
    put(map, 't', 'old', { partition: 0, timestamp: 10 })
    put(map, 't', null, { partition: 0, timestamp: 15 })
    expect(map.get('t')?.value.toString()).toBe('new')
    put(map, 't', 'back in time', { partition: 1, timestamp: 5 })
    expect(map.get('t')?.value.toString()).toBe('back in time')
    put(map, 't', 'newest', { partition: 0, timestamp: 30 })
    expect(map.get('t')?.value.toString()).toBe('newest')
  })

  it('remembers while it loads that a topic was cleared elsewhere later', () => {
    const map = new RetainedMap()
    put(map, 't', null, { partition: 1, timestamp: 20 })
    put(map, 't', 'old', { partition: 0, timestamp: 10 })
    expect(map.size).toBe(0)
    put(map, 't', 'again', { partition: 1, timestamp: 5 })
    expect(map.size).toBe(1)
  })

  it('forgets a partition', () => {
    const map = new RetainedMap()
    for (const topic of ['a', 'a/b', 'c/d/e']) put(map, topic, topic, { partition: 1 })
    put(map, 'a/c', 'x', { partition: 0 })
    map.removePartition(1)
    expect(find(map, '#')).toEqual(['a/c'])
    put(map, 'a/c', null)
    expect(map.root.leaf).toBe(true)
  })

  it('holds values of every size in the places of others', () => {
    const map = new RetainedMap()
    const sizes = [0, 1, 15, 16, 17, 500, 2_000, 16_000, 16_400, 300_000]
    for (let round = 0; round < 20; round++) {
      for (const [at, size] of sizes.entries()) put(map, `t${(at + round) % 10}`, 'x'.repeat(size + 1))
      for (const [at, size] of sizes.entries()) {
        expect(map.get(`t${(at + round) % 10}`)?.value.equals(Buffer.alloc(size + 1, 'x'))).toBe(true)
      }
    }
    for (let at = 0; at < 10; at++) put(map, `t${at}`, null)
    expect(map.bytes).toBe(0)
  })

  it('finds what filterMatchesTopic finds', () => {
    const levels = ['', 'a', 'b', '$x']
    const map = new RetainedMap()
    const topics: string[] = []
    for (const a of levels)
      for (const b of ['-', ...levels])
        for (const c of ['-', ...levels]) {
          const topic = [a, b, c].filter((level) => level !== '-').join('/')
          if (topic !== '' && !topics.includes(topic)) topics.push(topic)
        }
    for (const topic of topics) put(map, topic, 'x')
    const parts = ['', 'a', '+', '#', '$x']
    for (const a of parts)
      for (const b of ['-', ...parts])
        for (const c of ['-', ...parts]) {
          const filter = [a, b, c].filter((level) => level !== '-').join('/')
          if (!isTopicFilter(filter)) continue
          const expected = topics.filter((topic) => filterMatchesTopic(filter, topic))
          expect(find(map, filter).sort(), filter).toEqual(expected.sort())
        }
  })

  it('may change while it is walked', () => {
    const map = new RetainedMap()
    for (let at = 0; at < 100; at++) put(map, `d/${at}/x`, 'v')
    const cursor = new RetainedCursor(map, 'd/#')
    const seen = new Set<string>()
    for (let at = 0; cursor.step(); at++) {
      if (cursor.place === NOTHING) continue
      expect(seen.has(cursor.topic)).toBe(false)
      seen.add(cursor.topic)
      map.remove(cursor.topic)
      put(map, `d/${at}/x`, null)
    }
    expect(map.size).toBe(0)
    expect(map.root.leaf).toBe(true)
  })
})
