/** Conformance of the `kafka` protocol: credit in both directions, and many records. */
import { expect, it } from 'vitest'
import type { KafkaBench } from './kafka-conformance-bench.ts'

const COUNT = 50_000

export function flowConformance(bench: KafkaBench): void {
  credit(bench)
  volume(bench)
}

function credit(bench: KafkaBench): void {
  it('gives a writer bounded room, takes no more, and goes on', async () => {
    const topic = await bench.topic()
    const writer = await bench.writer(topic)
    const value = 'x'.repeat(10_000)
    for (let n = 0; n < 1_000; n++) writer.send({ value })
    expect(writer.written).toBeLessThan(1_000)
    await writer.stored()
    expect(writer.peakCredit).toBeLessThanOrEqual(8 << 20)
    expect((await bench.offsets(topic))[0]!.end).toBe(1_000)
  })

  it('gives a reader no more than it has room for', async () => {
    const topic = await bench.topic()
    await bench.write(
      topic,
      Array.from({ length: 100 }, () => ({ value: 'x'.repeat(936) })),
    )
    const reader = await bench.reader(topic, 'start', 10_000, true)
    await reader.received(10)
    await bench.write(topic, [{ value: 'more' }])
    expect(reader.records).toHaveLength(10)
    reader.stream!.grant(1_000)
    await reader.received(11)
    reader.release()
    await reader.received(101)
  })

  it('stalls one reader only, which gets everything later, once', async () => {
    const topic = await bench.topic({ partitions: 3 })
    const stalled = await bench.reader(topic, 'start', 5_000, true)
    const other = await bench.reader(topic, 'start')
    const values = Array.from({ length: 3_000 }, (_, n) => `${n}:${'x'.repeat(1_000)}`)
    await bench.write(
      topic,
      values.map((value, hash) => ({ value, hash })),
    )
    await other.received(3_000)
    expect(stalled.records.length).toBeLessThan(10)
    stalled.release()
    await stalled.received(3_000)
    for (const reader of [stalled, other]) {
      for (const partition of [0, 1, 2]) {
        expect(reader.of(partition).map(({ value }) => value!.toString())).toEqual(
          values.filter((_, n) => n % 3 === partition),
        )
      }
    }
  })

  it('lets a reader that stalls again and again keep its place', async () => {
    const topic = await bench.topic()
    await bench.write(
      topic,
      Array.from({ length: 500 }, (_, n) => ({ value: String(n) })),
    )
    const reader = await bench.reader(topic, 'start', 1, true)
    for (let count = 1; count <= 100; count++) {
      await reader.received(count)
      reader.stream!.grant(64 + reader.records.at(-1)!.value!.length)
    }
    reader.release()
    reader.stream!.grant(1_000_000)
    await reader.received(500)
    expect(reader.values.map(Number)).toEqual([...Array(500).keys()])
  })
}

function volume(bench: KafkaBench): void {
  it('takes the records of two writers in turn', async () => {
    const topic = await bench.topic()
    const [one, two] = [await bench.writer(topic), await bench.writer(topic)]
    for (let n = 0; n < 500; n++) {
      one.send({ key: 'one', value: String(n), hash: 0 })
      two.send({ key: 'two', value: String(n), hash: 0 })
    }
    await Promise.all([one.stored(), two.stored()])
    const { records } = await bench.readAll(topic)
    for (const name of ['one', 'two']) {
      const own = records.filter(({ key }) => key!.toString() === name)
      expect(own.map(({ value }) => Number(value))).toEqual([...Array(500).keys()])
    }
  })

  it('writes from inside a delivery', async () => {
    const from = await bench.topic()
    const to = await bench.topic()
    const writer = await bench.writer(to)
    const reader = await bench.reader(from, 'start')
    const given = reader.onData.bind(reader)
    reader.onData = (payload, meta, cost) => {
      given(payload, meta, cost)
      writer.send({ value: Buffer.from(payload) })
    }
    const values = Array.from({ length: 200 }, (_, n) => `v${n}`)
    await bench.write(
      from,
      values.map((value) => ({ value })),
    )
    await reader.received(200)
    await writer.stored()
    expect((await bench.readAll(to)).values).toEqual(values)
  })

  it(`carries ${COUNT} records, all and in order, to a live reader and to a later one`, async () => {
    const topic = await bench.topic({ partitions: 4 })
    const live = await bench.reader(topic, 'end')
    const writer = await bench.writer(topic)
    for (let n = 0; n < COUNT; n++) writer.send({ key: `key-${n % 100}`, value: `value-${n}`, hash: n })
    await writer.stored()
    await live.received(COUNT)
    const late = await bench.reader(topic, 'start')
    await late.received(COUNT)
    for (const reader of [live, late]) {
      for (let partition = 0; partition < 4; partition++) {
        const records = reader.of(partition)
        const wrong = records.findIndex(
          ({ offset, value }, at) => offset !== at || value!.toString() !== `value-${at * 4 + partition}`,
        )
        expect([records.length, wrong]).toEqual([COUNT / 4, -1])
      }
    }
  })
}
