/** Conformance of the `kafka` protocol: transaction streams, whose writes are stored together or not at all (KIP-98). */
import { StreamError } from '@zilla-ts/engine'
import { expect, it } from 'vitest'
import type { KafkaBench } from './kafka-conformance-bench.ts'

const SMALL = { configs: { 'max.message.bytes': '10000' } }
const COMPACTED = { configs: { 'cleanup.policy': 'compact' } }

export function transactionConformance(bench: KafkaBench): void {
  commits(bench)
  order(bench)
  fencing(bench)
  refusals(bench)
}

function commits(bench: KafkaBench): void {
  it('stores the records of several topics and partitions, once it is told to', async () => {
    const [one, two] = [await bench.topic({ partitions: 3 }), await bench.topic()]
    const writer = await bench.transactions(one)
    writer.send(one, { key: 'k', value: 'a', hash: 0, headers: [['h', '1']] }, { key: 'l', value: null, hash: 2 })
    writer.send(two, { value: 'b' })
    await bench.write(one, [{ value: 'plain', hash: 0 }])
    expect((await bench.readAll(one)).values).toEqual(['plain'])
    expect(writer.acks).toEqual([])
    expect(await writer.commit()).toBe(null)
    expect(writer.acks).toEqual([{ through: 3 }])
    const [live, other] = [await bench.reader(one, 'start'), await bench.reader(two, 'start')]
    await Promise.all([live.received(3), other.received(1)])
    expect(live.of(0).map(({ value }) => String(value))).toEqual(['plain', 'a'])
    expect(live.of(0)[1]).toMatchObject({ key: Buffer.from('k'), headerCount: 1 })
    expect(live.of(2)).toMatchObject([{ key: Buffer.from('l'), value: null }])
    expect(other.values).toEqual(['b'])
  })

  it('has no transaction without a write', async () => {
    const topic = await bench.topic()
    const writer = await bench.transactions(topic)
    writer.commitLater()
    writer.send(topic, { value: 'a' })
    expect(await writer.commit()).toBe(null)
    writer.commitLater()
    writer.send(topic, { value: 'b' })
    expect(await writer.commit()).toBe(null)
    expect(writer.acks).toEqual([{ through: 1 }, { through: 2 }])
  })

  it('keeps nothing of what was not committed when the writer ends', async () => {
    const topic = await bench.topic()
    const writer = await bench.transactions(topic)
    writer.send(topic, { value: 'kept' })
    writer.commitLater()
    writer.send(topic, { value: 'dropped' })
    writer.stream!.end()
    await writer.until('end', () => writer.ended)
    expect(writer.acks).toEqual([{ through: 1 }])
    await bench.write(topic, [{ value: 'plain' }])
    const reader = await bench.reader(topic, 'start')
    await reader.received(2)
    expect(reader.values).toEqual(['kept', 'plain'])
  })
}

function order(bench: KafkaBench): void {
  it('stores transactions in their order, each when it is committed', async () => {
    const topic = await bench.topic({ partitions: 2 })
    const writer = await bench.transactions(topic)
    for (let n = 0; n < 10; n++) {
      writer.send(topic, { value: `${n}a`, hash: 0 }, { value: `${n}b`, hash: n })
      if (n < 9) writer.commitLater()
    }
    expect(await writer.commit()).toBe(null)
    expect(writer.acks).toEqual(Array.from({ length: 10 }, (_, n) => ({ through: 2 * (n + 1) })))
    const reader = await bench.reader(topic, 'start')
    await reader.received(20)
    const even = (n: number) => (n % 2 === 0 ? [`${n}a`, `${n}b`] : [`${n}a`])
    expect(reader.of(0).map(({ value }) => String(value))).toEqual([...Array(10).keys()].flatMap(even))
    expect(reader.of(1).map(({ value }) => String(value))).toEqual(['1b', '3b', '5b', '7b', '9b'])
  })

  it('takes more records of a partition than fit into a batch', async () => {
    const topic = await bench.topic(SMALL)
    const values = Array.from({ length: 50 }, (_, n) => `${n}:${'x'.repeat(3_000)}`)
    const writer = await bench.transactions(topic)
    writer.send(topic, ...values.map((value) => ({ value })))
    expect(await writer.commit()).toBe(null)
    const reader = await bench.reader(topic, 'start')
    await reader.received(50)
    expect(reader.values).toEqual(values)
  })

  it('gives bounded room, again after each transaction', async () => {
    const topic = await bench.topic()
    const writer = await bench.transactions(topic)
    const value = 'x'.repeat(100_000)
    for (let round = 0; round < 6; round++) {
      writer.send(topic, ...Array.from({ length: 20 }, () => ({ value })))
      expect(await writer.commit()).toBe(null)
    }
    expect(writer.peakCredit).toBeLessThanOrEqual(8 << 20)
    const reader = await bench.reader(topic, 'start', 32 << 20)
    await reader.received(120)
  })
}

function fencing(bench: KafkaBench): void {
  it('ends the stream that had the id before, and what it had open', async () => {
    const topic = await bench.topic()
    const id = bench.topicName()
    const first = await bench.transactions(topic, id)
    first.send(topic, { value: 'first' })
    expect(await first.commit()).toBe(null)
    first.send(topic, { value: 'open' })
    const second = await bench.transactions(topic, id)
    await first.until('abort', () => first.aborted !== null)
    expect(first.aborted?.code).toBe('taken-over')
    second.send(topic, { value: 'second' })
    expect(await second.commit()).toBe(null)
    const reader = await bench.reader(topic, 'start')
    await reader.received(2)
    expect(reader.values).toEqual(['first', 'second'])
    const terms = [first, second].map(({ accepted }) => accepted?.kind === 'transaction' && accepted.term)
    expect(new Set(terms).size).toBe(2)
  })

  it('leaves streams of other ids alone', async () => {
    const topic = await bench.topic()
    const [one, two] = [await bench.transactions(topic), await bench.transactions(topic)]
    one.send(topic, { value: 'one' })
    two.send(topic, { value: 'two' })
    expect(await Promise.all([one.commit(), two.commit()])).toEqual([null, null])
    const reader = await bench.reader(topic, 'start')
    await reader.received(2)
    expect([...reader.values].sort()).toEqual(['one', 'two'])
  })

  it('is accepted when the last commit of the one before is decided', async () => {
    const topic = await bench.topic()
    const id = bench.topicName()
    const first = await bench.transactions(topic, id)
    first.send(topic, { value: 'a' })
    first.commitLater()
    await bench.transactions(topic, id)
    await first.until('abort', () => first.aborted !== null)
    expect(['taken-over', 'timeout']).toContain(first.aborted?.code)
    const reader = await bench.readerOf(topic, 'start', { isolation: 'uncommitted' })
    if (reader.accepted?.kind !== 'fetch') throw new Error('not accepted')
    await reader.reached(0, reader.accepted.partitions[0]!.end)
    const decided = reader.effective
    if (first.acks.length > 0) expect(decided).toEqual(['a'])
    await bench.write(topic, [{ value: 'later' }])
    await reader.until('later', () => reader.effective.includes('later'))
    expect(reader.effective).toEqual([...decided, 'later'])
  })

  it('undoes the open transaction of another program with that id', async (context) => {
    const hold = bench.optional(context, 'hold')
    const topic = await bench.topic()
    const id = bench.topicName()
    const finish = await hold(topic, id, ['held'])
    const writer = await bench.transactions(topic, id)
    await expect(finish(true)).rejects.toThrow()
    writer.send(topic, { value: 'own' })
    expect(await writer.commit()).toBe(null)
    const committed = await bench.reader(topic, 'start')
    const open = await bench.readerOf(topic, 'start', { isolation: 'uncommitted' })
    await Promise.all([committed.received(1), open.until('own', () => open.effective.includes('own'))])
    expect(committed.values).toEqual(['own'])
    expect(open.effective).toEqual(['own'])
  })

  it('is told that another program has its id', async (context) => {
    const hold = bench.optional(context, 'hold')
    const topic = await bench.topic()
    const id = bench.topicName()
    const writer = await bench.transactions(topic, id)
    writer.send(topic, { value: 'first' })
    expect(await writer.commit()).toBe(null)
    const finish = await hold(topic, id, ['other'])
    writer.send(topic, { value: 'late' })
    await expect(writer.commit()).rejects.toMatchObject({ code: 'taken-over' })
    await finish(true)
    const reader = await bench.reader(topic, 'start')
    await reader.received(2)
    expect(reader.values).toEqual(['first', 'other'])
  })
}

function refusals(bench: KafkaBench): void {
  it('stores nothing of a transaction with a record that can never be stored, and goes on', async () => {
    const [plain, compacted] = [await bench.topic(), await bench.topic(COMPACTED)]
    const writer = await bench.transactions(plain)
    writer.send(plain, { value: 'a' }, { value: 'b' })
    writer.send(compacted, { key: null, value: 'no key' }, { key: 'k', value: 'key' })
    expect(await writer.commit()).toMatchObject({ code: 'invalid' })
    expect(writer.acks.map(({ through }) => through)).toEqual([4])
    writer.send(plain, { value: 'c' })
    writer.send(compacted, { key: 'k', value: 'd' })
    expect(await writer.commit()).toBe(null)
    const [one, two] = [await bench.reader(plain, 'start'), await bench.reader(compacted, 'start')]
    await Promise.all([one.received(1), two.received(1)])
    expect([one.values, two.values]).toEqual([['c'], ['d']])
    const open = await bench.readerOf(plain, 'start', { isolation: 'uncommitted' })
    await open.until('c', () => open.effective.length > 0)
    expect(open.effective).toEqual(['c'])
  })

  it.each([
    ['too large', 'too-large', { value: 'x'.repeat(20_000) }, false],
    ['of a topic that is not there', 'not-found', { value: 'x' }, true],
  ])('refuses a record %s with %s, and all that belongs to it', async (_what, code, record, elsewhere) => {
    const topic = await bench.topic(SMALL)
    const writer = await bench.transactions(topic)
    writer.send(topic, { value: 'a' })
    writer.send(elsewhere ? bench.topicName() : topic, record)
    writer.send(topic, { value: 'b' })
    expect(await writer.commit()).toMatchObject({ code })
    writer.send(topic, { value: 'c' })
    expect(await writer.commit()).toBe(null)
    const reader = await bench.reader(topic, 'start')
    await reader.received(1)
    expect(reader.values).toEqual(['c'])
    expect(writer.acks.map(({ through }) => through)).toEqual([3, 4])
  })

  it('goes on for others when a writer aborts in the middle', async () => {
    const topic = await bench.topic()
    const [one, two] = [await bench.transactions(topic), await bench.transactions(topic)]
    one.send(topic, { value: 'dropped' })
    one.stream!.abort(new StreamError('closed', 'gone'))
    two.send(topic, { value: 'kept' })
    expect(await two.commit()).toBe(null)
    const reader = await bench.reader(topic, 'start')
    await reader.received(1)
    expect(reader.values).toEqual(['kept'])
  })
}
