import { once } from 'node:events'
import { KafkaBench, kafkaConformance } from '@zilla-ts/testing/kafka-conformance'
import { describe, expect, it } from 'vitest'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { Chain } from './chain.ts'

const bootstrap = (await kafkaBootstrap()) ?? ''
// A topic that grows is noticed with the next refresh, after 5 minutes by default.
const properties = { 'zilla.binding.kafka.client.metadata.max.age.ms': '500' }

describe.skipIf(bootstrap === '')('on a real broker', () => {
  kafkaConformance('client', () => Chain.open({ bootstrap, properties }))
  kafkaConformance('cache_client, cache_server, client', () => Chain.open({ bootstrap, properties, cached: true }))

  it('closes every connection and timer when it stops', async () => {
    const chain = await Chain.open({ bootstrap, cached: true })
    const bench = new KafkaBench(chain)
    const topic = await bench.topic({ partitions: 3 })
    const [live, late] = [await bench.reader(topic, 'end'), await bench.reader(topic, 'start')]
    await bench.write(topic, [{ value: 'a' }])
    const writer = await bench.writer(topic)
    await live.received(1)
    expect(chain.exit.sockets.size).toBeGreaterThanOrEqual(3)
    await chain.close()
    await Promise.all([...chain.exit.sockets].map((socket) => once(socket, 'close')))
    expect(chain.exit.sockets.size).toBe(0)
    expect(chain.clock.pending).toBe(0)
    for (const end of [live, late, writer]) expect(end.aborted?.code).toBe('shutdown')
    expect(chain.faults()).toEqual([])
  })
})
