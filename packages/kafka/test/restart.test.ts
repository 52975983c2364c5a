import { KafkaBench, KafkaEnd } from '@zilla-ts/testing/kafka-conformance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBroker } from '../../../scripts/kafka-broker.mjs'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { Chain } from './chain.ts'

const COUNT = 60_000
const PARTITIONS = 3
/** a broker that was killed takes a while to come back */
const TIMEOUT_MS = 180_000

// This suite kills its broker, so it has one of its own; the shared one only says whether Kafka runs here at all.
describe.skipIf((await kafkaBootstrap()) === undefined)('a broker that is killed and comes back', () => {
  let broker: Awaited<ReturnType<typeof startBroker>>
  let chain: Chain
  let bench: KafkaBench

  beforeAll(async () => {
    broker = await startBroker()
    chain = await Chain.open({ bootstrap: broker.bootstrap, cached: true })
    bench = new KafkaBench(chain)
  }, TIMEOUT_MS)

  afterAll(async () => {
    await chain?.close()
    await broker?.stop()
  }, TIMEOUT_MS)

  it(
    'has every acknowledged record once, in order, and readers go on by themselves',
    async () => {
      const topic = await bench.topic({ partitions: PARTITIONS })
      const reader = await bench.reader(topic, 'end')
      const writer = await bench.writer(topic)
      for (let n = 0; n < COUNT; n++) writer.send({ key: `key-${n}`, value: String(n), hash: n })
      await writer.stored(COUNT / 10)
      await broker.kill()
      expect(writer.answered).toBeLessThan(COUNT)
      await writer.until('away', () => writer.signals.some((s) => s.kind === 'available' && !s.available))
      await broker.restart()
      await writer.stored()
      await writer.until('back', () => writer.signals.some((s) => s.kind === 'available' && s.available))
      expect(writer.refused.size).toBe(0)
      await reader.received(COUNT)
      const late = await bench.readAll(topic)
      for (const { records, of } of [reader, late].map((one) => ({ records: one.records, of: one.of.bind(one) }))) {
        expect(records).toHaveLength(COUNT)
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const wrong = of(partition).findIndex(({ value }, at) => Number(value) !== at * PARTITIONS + partition)
          expect(wrong).toBe(-1)
        }
      }
      expect(chain.faults()).toEqual([])
    },
    TIMEOUT_MS,
  )

  it(
    'carries a transaction out after all, once, and has its members again',
    async () => {
      const topic = await bench.topic({ partitions: PARTITIONS })
      const writer = await bench.transactions(topic)
      const open = { kind: 'group', topic, id: topic, sessionTimeoutMs: 6_000 } as const
      const member = bench.connect(new KafkaEnd(), { ...open, member: 'one' })
      await member.until('first generation', () => member.signals.length === 1)
      writer.send(topic, { value: 'before' })
      expect(await writer.commit()).toBe(null)
      await broker.kill()
      writer.send(topic, { value: 'a', hash: 0 }, { value: 'b', hash: 1 })
      writer.commitLater()
      await broker.restart()
      expect(await writer.commit()).toBe(null)
      // The coordinator may know its members again; a new one makes all of them speak.
      const other = bench.connect(new KafkaEnd(), { ...open, member: 'two' })
      for (const end of [member, other]) {
        await end.until('both', () => end.signals.some((signal) => 'members' in signal && signal.members.length === 2))
        expect(end.signals.at(-1)).toMatchObject({ kind: 'assigned', members: ['one', 'two'] })
      }
      const reader = await bench.reader(topic, 'start')
      await reader.received(3)
      expect([reader.of(0), reader.of(1)].map((records) => records.map(({ value }) => String(value)))).toEqual([
        ['before', 'a'],
        ['b'],
      ])
      expect(chain.faults()).toEqual([])
    },
    TIMEOUT_MS,
  )
})
