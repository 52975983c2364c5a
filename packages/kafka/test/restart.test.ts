import { KafkaBench } from '@zilla-ts/testing/kafka-conformance'
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
})
