import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BatchReader } from '@zilla-ts/kafka'
import { FakeClock } from '@zilla-ts/testing'
import { KafkaBench, KafkaEnd, KafkaReader, KafkaTransactions, KafkaWriter } from '@zilla-ts/testing/kafka-conformance'
import { open } from 'lmdb'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Embedded, type Options } from './embedded.ts'

const opened: Embedded[] = []

function track(embedded: Embedded): Embedded {
  opened.push(embedded)
  return embedded
}

afterEach(async () => {
  vi.restoreAllMocks()
  for (const embedded of opened.splice(0)) {
    await embedded.close()
    expect(embedded.faults()).toEqual([])
  }
})

/** The file of a log, past the engine. */
function rawLog(embedded: Embedded) {
  return open<Buffer, Buffer>(join(embedded.directory, 'log', 'log.mdb'), {
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
  })
}

describe('layout', () => {
  it('is the documented one: whole record batches by topic, partition and base offset', async () => {
    const embedded = track(await Embedded.open())
    const bench = new KafkaBench(embedded)
    const topic = await bench.topic({ partitions: 2, configs: { 'retention.ms': '1000000' } }, 'readings')
    await bench.write(topic, [
      { value: 'a', hash: 1 },
      { value: 'b', hash: 1 },
    ])
    await bench.write(topic, [{ key: 'k', value: 'c', hash: 1 }])
    await embedded.harness.binding.stop?.()
    const db = rawLog(embedded)
    const entries = [...db.getRange({ start: Buffer.of(0), end: Buffer.of(255) })]
    await db.close()
    expect(entries.map(({ key }) => key.toString('hex'))).toEqual([
      '00',
      `02${Buffer.from('readings').toString('hex')}`,
      '030000000100000001',
      '0400000001000000010000000000000000',
      '0400000001000000010000000000000002',
    ])
    expect(entries[0]!.value.toString()).toBe('layout 1')
    expect(JSON.parse(entries[1]!.value.toString())).toEqual({
      id: 1,
      partitions: 2,
      configs: { 'retention.ms': '1000000' },
    })
    const reader = new BatchReader({ checkCrc: true })
    reader.reset(entries[4]!.value)
    expect(reader.nextBatch() && reader.nextRecord()).toBe(true)
    expect([reader.offset, reader.key()?.toString(), reader.value()?.toString()]).toEqual([2, 'k', 'c'])
    expect(entries[2]!.value.readDoubleBE(8)).toBe(entries[3]!.value.length + entries[4]!.value.length)
  })

  it('refuses a layout it does not know, and leaves it alone', async () => {
    const embedded = track(await Embedded.open())
    await embedded.harness.binding.stop?.()
    const db = rawLog(embedded)
    await db.put(Buffer.of(0), Buffer.from('layout 2'))
    await db.close()
    await expect(embedded.restart()).rejects.toThrow(
      `directory ${join(embedded.directory, 'log')}: the log is of layout 2, this version reads layout 1 only`,
    )
    const again = rawLog(embedded)
    expect([...again.getKeys({ start: Buffer.of(0), end: Buffer.of(255) })]).toHaveLength(1)
    await again.close()
  })

  it.each([
    ['no log', () => Buffer.from('not a log at all '.repeat(10_000)), 'it is not a log'],
    ['short and no log', () => Buffer.from('no'), 'it is not a log'],
    ['a log cut short', (log: Buffer) => log.subarray(0, 8192), 'it is cut short'],
    ['a log cut to its first bytes', (log: Buffer) => log.subarray(0, 200), 'it is cut short'],
    [
      'of another lmdb format',
      (log: Buffer) => Buffer.concat([log.subarray(0, 28), Buffer.of(3), log.subarray(29)]),
      'its lmdb format is 3',
    ],
  ])('refuses a file that is %s', async (_what, change, fault) => {
    const embedded = track(await Embedded.open())
    await new KafkaBench(embedded).topic()
    await embedded.harness.binding.stop?.()
    const directory = join(embedded.directory, 'log')
    const file = join(directory, 'log.mdb')
    writeFileSync(file, change(readFileSync(file)))
    await expect(embedded.restart()).rejects.toThrow(`directory ${directory}: log.mdb cannot be opened: ${fault}`)
  })

  it('refuses a directory that it cannot make', async () => {
    const embedded = track(new Embedded({ directory: 'file/log' }))
    writeFileSync(join(embedded.directory, 'file'), '')
    const directory = join(embedded.directory, 'file', 'log')
    await expect(embedded.restart()).rejects.toThrow(`directory ${directory} cannot be written: ENOTDIR`)
  })

  it.skipIf(process.platform !== 'linux')('does not hang on a directory that cannot be made', async () => {
    const embedded = track(new Embedded({ directory: '/proc/nope/log' }))
    await expect(embedded.restart()).rejects.toThrow('directory /proc/nope/log cannot be written: ENOENT')
  })

  it('refuses to write behind a damaged batch', async () => {
    const embedded = track(await Embedded.open())
    const bench = new KafkaBench(embedded)
    const topic = await bench.topic({}, 'damaged')
    await bench.write(topic, [{ value: 'a' }])
    await embedded.harness.binding.stop?.()
    const db = rawLog(embedded)
    const key = Buffer.from('0400000001000000000000000000000000', 'hex')
    const batch = db.get(key)!
    batch[batch.length - 2]! ^= 1
    await db.put(key, batch)
    await db.close()
    await expect(embedded.restart()).rejects.toThrow('topic damaged partition 0: the last batch is damaged')
  })
})

describe('a damaged batch', () => {
  it('is passed by readers, and stops the cleaner in its own partition only', async () => {
    const embedded = track(await Embedded.open())
    const bench = new KafkaBench(embedded)
    const topic = await bench.topic({ partitions: 2, configs: { 'retention.ms': '0' } })
    for (const value of ['a', 'b', 'c'])
      await bench.write(topic, [
        { value, timestamp: 1 },
        { value: value + value, timestamp: 1 },
      ])
    await bench.write(topic, [{ value: 'other', hash: 1, timestamp: 1 }])
    const { store } = embedded.log
    const [batch] = store.batches(1, 0, 2, 3, 1)
    batch![16] = 1
    await store.commit(() => store.putBatch(1, 0, 2, batch!))
    await embedded.restart()
    const reader = await bench.reader(topic, 'start')
    await reader.received(5)
    expect(reader.of(0).map(({ offset, value }) => [offset, value?.toString()])).toEqual([
      [0, 'a'],
      [1, 'aa'],
      [4, 'c'],
      [5, 'cc'],
    ])
    expect(reader.signals[0]).toMatchObject({ kind: 'lost', partition: 0, from: 2 })
    await embedded.log.cleaner.clean()
    expect((await bench.offsets(topic)).map(({ start }) => start)).toEqual([0, 1])
    expect(embedded.harness.reporter.events.map(({ event }) => event)).toEqual([
      'KAFKA_LOG_BATCH_DAMAGED',
      'KAFKA_LOG_CLEAN_FAILED',
    ])
  })
})

describe('topics of the options', () => {
  it('are there after start, and take settings and partitions of a later start', async () => {
    const topics: Options['topics'] = [{ name: 'a', partitions: 2, configs: { 'retention.ms': 5 } }, { name: 'b' }]
    const options = { defaults: { partitions: 3, configs: { 'retention.bytes': 7 } }, topics }
    const embedded = track(await Embedded.open(options))
    const bench = new KafkaBench(embedded)
    await bench.write('a', [{ value: 'x', hash: 1 }])
    expect((await bench.offsets('b')).length).toBe(3)
    topics[0] = { name: 'a', partitions: 4, configs: { 'retention.ms': 6 } }
    topics[1] = { name: 'b', partitions: 1 }
    await embedded.restart()
    const described = await bench.ask({ kind: 'describe', topic: 'a' }, 'describe')
    expect([described.configs.get('retention.ms'), described.configs.get('retention.bytes')]).toEqual(['6', '7'])
    expect((await bench.offsets('a')).map(({ end }) => end)).toEqual([0, 1, 0, 0])
    expect((await bench.offsets('b')).length).toBe(3)
  })
})

describe('life', () => {
  it('stops twice, without a start, and after a failed one', async () => {
    const embedded = track(new Embedded({ directory: 'file/log' }))
    await embedded.harness.binding.stop?.()
    writeFileSync(join(embedded.directory, 'file'), '')
    await expect(embedded.harness.binding.start?.()).rejects.toThrow()
    await embedded.harness.binding.stop?.()
    const other = track(await Embedded.open())
    await other.harness.binding.stop?.()
    await other.harness.binding.stop?.()
    expect(other.connect({ kind: 'offsets', topic: 'a' }, new KafkaReader())).toBe(null)
    expect(readdirSync(join(other.directory, 'log')).filter((name) => name.startsWith('lock'))).toEqual([])
  })

  it('keeps a second binding of the same process out, and is not disturbed by it', async () => {
    const embedded = track(await Embedded.open())
    const bench = new KafkaBench(embedded)
    const topic = await bench.topic()
    const second = track(new Embedded({}, embedded.clock, embedded.directory))
    await expect(second.harness.binding.start?.()).rejects.toThrow('is in use by another engine or binding')
    await bench.write(topic, [{ value: 'a' }])
    expect((await bench.readAll(topic)).values).toEqual(['a'])
    await embedded.harness.binding.stop?.()
    await second.restart()
    expect((await new KafkaBench(second).readAll(topic)).values).toEqual(['a'])
  })

  it('drains when nothing waits to be stored', async () => {
    const embedded = track(await Embedded.open())
    const bench = new KafkaBench(embedded)
    const writer = await bench.writer(await bench.topic())
    for (let n = 0; n < 100; n++) writer.send({ value: 'x'.repeat(1_000) })
    await embedded.harness.binding.drain?.()
    expect(writer.answered).toBe(100)
  })

  it('stores what was written before it stops, and ends the streams', async () => {
    const embedded = track(await Embedded.open())
    const bench = new KafkaBench(embedded)
    const topic = await bench.topic()
    const writer = await bench.writer(topic)
    const reader = await bench.reader(topic, 'end')
    for (let n = 0; n < 10; n++) writer.send({ value: String(n) })
    await embedded.restart()
    expect([writer.aborted?.code, reader.aborted?.code]).toEqual(['shutdown', 'shutdown'])
    expect((await bench.readAll(topic)).records).toHaveLength(10)
  })

  it('says at start that sync: os can lose records', async () => {
    const embedded = track(await Embedded.open({ sync: 'os' }))
    expect(embedded.harness.reporter.events).toMatchObject([{ level: 'warn', event: 'KAFKA_LOG_NOT_FLUSHED' }])
    const flushed = track(await Embedded.open())
    expect(flushed.harness.reporter.events).toEqual([])
  })
})

describe('appending', () => {
  it('makes one batch per partition of a turn, and one transaction of all', async () => {
    const clock = new FakeClock()
    const embedded = track(await Embedded.open({ topics: [{ name: 't', partitions: 2 }] }, clock))
    const { log } = embedded
    const commit = vi.spyOn(log.store, 'commit')
    const writers = [0, 1, 2].map(() => new KafkaWriter())
    for (const writer of writers) writer.open(embedded.connect.bind(embedded), { kind: 'produce', topic: 't' })
    for (let n = 0; n < 30; n++) writers[n % 3]!.send({ value: String(n), hash: n, timestamp: n })
    expect(commit).not.toHaveBeenCalled()
    clock.turn()
    expect(commit).toHaveBeenCalledTimes(1)
    expect(writers.map(({ answered }) => answered)).toEqual([0, 0, 0])
    await Promise.all(writers.map((writer) => writer.stored()))
    const { partitions } = log.topic('t')!
    expect(partitions.map((partition) => partition.end)).toEqual([15, 15])
    const reader = new BatchReader()
    for (const partition of partitions) {
      const batches = log.store.batches(1, partition.index, 0, 15, 1 << 20)
      expect(batches).toHaveLength(1)
      reader.reset(batches[0]!)
      expect(reader.nextBatch()).toBe(true)
      expect(reader.count).toBe(15)
    }
  })

  it('shows records to readers and offsets only once they are stored', async () => {
    const clock = new FakeClock()
    const embedded = track(await Embedded.open({ topics: [{ name: 't' }] }, clock))
    const writer = new KafkaWriter()
    writer.open(embedded.connect.bind(embedded), { kind: 'produce', topic: 't' })
    const reader = new KafkaReader()
    reader.open(embedded.connect.bind(embedded), { kind: 'fetch', topic: 't', from: 'start' })
    reader.stream!.grant(1_000)
    writer.send({ value: 'a' })
    clock.turn()
    expect([reader.records.length, embedded.log.topic('t')!.partitions[0]!.end]).toEqual([0, 0])
    await writer.stored()
    expect([reader.records.length, embedded.log.topic('t')!.partitions[0]!.end]).toEqual([1, 1])
  })

  it('holds records while the disk refuses, says so, and writes them when it takes them again', async () => {
    const clock = new FakeClock()
    const embedded = track(await Embedded.open({ topics: [{ name: 't' }] }, clock))
    const { reporter } = embedded.harness
    const commit = vi.spyOn(embedded.log.store, 'commit').mockRejectedValue(new Error('no space left'))
    const writer = new KafkaWriter()
    writer.open(embedded.connect.bind(embedded), { kind: 'produce', topic: 't' })
    writer.send({ value: 'a' })
    clock.turn()
    await writer.until('unavailable', () => writer.signals.length === 1)
    expect(reporter.events).toMatchObject([
      { event: 'KAFKA_LOG_WRITE_FAILED', message: 'the log cannot be written, records wait: no space left' },
    ])
    writer.send({ value: 'b' })
    commit.mockRestore()
    clock.advance(1_000)
    await writer.until('a is stored', () => writer.answered === 1)
    clock.turn()
    await writer.stored()
    expect(writer.signals).toEqual([
      { kind: 'available', available: false },
      { kind: 'available', available: true },
    ])
    expect(reporter.events.map(({ event }) => event)).toEqual(['KAFKA_LOG_WRITE_FAILED', 'KAFKA_LOG_WRITTEN'])
    expect(embedded.log.topic('t')!.partitions[0]!.end).toBe(2)
  })

  it('gives up after the hold time: writers end, offsets are free again', async () => {
    const clock = new FakeClock()
    const embedded = track(await Embedded.open({ topics: [{ name: 't' }] }, clock))
    const commit = vi.spyOn(embedded.log.store, 'commit').mockRejectedValue(new Error('no space left'))
    const writer = new KafkaWriter()
    writer.open(embedded.connect.bind(embedded), { kind: 'produce', topic: 't' })
    writer.send({ value: 'a' })
    clock.turn()
    for (let second = 0; writer.aborted === null && second < 100; second++) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(1_000)
    }
    expect(writer.aborted?.code).toBe('unavailable')
    expect(clock.monotonic()).toBeGreaterThanOrEqual(60_000)
    commit.mockRestore()
    const next = new KafkaWriter()
    next.open(embedded.connect.bind(embedded), { kind: 'produce', topic: 't' })
    next.send({ value: 'b' })
    clock.turn()
    await next.stored()
    const [partition] = embedded.log.topic('t')!.partitions
    expect([partition!.end, partition!.state.bytes]).toEqual([1, embedded.log.store.batches(1, 0, 0, 1, 1)[0]!.length])
  })

  it('stores a transaction in one commit, or none of it when the disk refuses for good', async () => {
    const clock = new FakeClock()
    const embedded = track(await Embedded.open({ topics: [{ name: 't' }, { name: 'u' }] }, clock))
    const connect = embedded.connect.bind(embedded)
    const writer = new KafkaTransactions()
    writer.open(connect, { kind: 'transaction', topic: 't', id: 'i', timeoutMs: 1_000 })
    clock.turn()
    const commit = vi.spyOn(embedded.log.store, 'commit')
    // More than a batch of 256 KiB.
    writer.send('t', ...Array.from({ length: 5 }, () => ({ value: 'x'.repeat(100_000) })))
    writer.send('u', { value: 'u' })
    clock.turn()
    expect(commit).not.toHaveBeenCalled()
    const answered = writer.commit()
    clock.turn()
    expect(await answered).toBe(null)
    expect(commit).toHaveBeenCalledTimes(1)
    const ends = () => ['t', 'u'].map((name) => embedded.log.topic(name)!.partitions[0]!.end)
    expect(ends()).toEqual([5, 1])
    commit.mockRejectedValue(new Error('no space left'))
    writer.send('t', { value: 'lost' })
    writer.commitLater()
    clock.turn()
    for (let second = 0; writer.aborted === null && second < 100; second++) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(1_000)
    }
    commit.mockRestore()
    expect([writer.aborted?.code, writer.acks.length, ends()]).toEqual(['unavailable', 1, [5, 1]])
  })

  it('accepts the next stream of a transactional id when what the one before committed is stored', async () => {
    const clock = new FakeClock()
    const embedded = track(await Embedded.open({ topics: [{ name: 't' }] }, clock))
    const open = { kind: 'transaction', topic: 't', id: 'i', timeoutMs: 1_000 } as const
    const [first, second] = [new KafkaTransactions(), new KafkaTransactions()]
    first.open(embedded.connect.bind(embedded), open)
    clock.turn()
    first.send('t', { value: 'a' })
    first.commitLater()
    first.send('t', { value: 'b' })
    second.open(embedded.connect.bind(embedded), open)
    first.commitLater()
    expect([first.aborted, second.accepted]).toEqual([null, null])
    clock.turn()
    await second.until('accept', () => second.accepted !== null)
    expect([first.acks, first.aborted?.code]).toEqual([[{ through: 1 }], 'taken-over'])
    expect(embedded.log.topic('t')!.partitions[0]!.end).toBe(1)
  })

  it('ends the members of groups when it stops', async () => {
    const embedded = track(await Embedded.open({ topics: [{ name: 't', partitions: 2 }] }))
    const [gone, there] = [new KafkaEnd(), new KafkaEnd()]
    for (const [at, end] of [gone, there].entries()) {
      const open = { kind: 'group', topic: 't', id: 'g', member: `m${at}`, sessionTimeoutMs: 10_000 } as const
      end.open(embedded.connect.bind(embedded), open)
    }
    gone.stream!.end()
    await embedded.harness.binding.stop?.()
    expect(there.signals).toEqual([{ kind: 'assigned', generation: 1, partitions: [0, 1], members: ['m1'] }])
    expect([gone.ended, gone.aborted, there.aborted?.code]).toEqual([true, null, 'shutdown'])
  })

  it('shares its room among many writers', async () => {
    const embedded = track(await Embedded.open({ topics: [{ name: 't' }] }))
    const credits = Array.from({ length: 1_000 }, () => {
      const writer = new KafkaWriter()
      writer.open(embedded.connect.bind(embedded), { kind: 'produce', topic: 't' })
      return writer.stream!.credit
    })
    expect(credits[0]).toBe(256 * 1024)
    expect(credits.at(-1)).toBeLessThan(100 * 1024)
    expect(credits.reduce((sum, credit) => sum + credit, 0)).toBeLessThan(256 * 1024 * 1024)
  })
})
