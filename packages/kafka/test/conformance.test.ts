import { once } from 'node:events'
import { KafkaBench, KafkaEnd, kafkaConformance } from '@zilla-ts/testing/kafka-conformance'
import { Kafka, logLevel } from 'kafkajs'
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

  it('leaves its groups when it stops', async () => {
    const chain = await Chain.open({ bootstrap })
    const bench = new KafkaBench(chain)
    const topic = await bench.topic()
    const member = bench.connect(new KafkaEnd(), {
      kind: 'group',
      topic,
      id: topic,
      member: 'me',
      sessionTimeoutMs: 60_000,
    })
    await member.until('first generation', () => member.signals.length === 1)
    const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const members = async () => (await admin.describeGroups([topic])).groups[0]?.members.length
    expect(await members()).toBe(1)
    await chain.close()
    expect([member.aborted?.code, await members()]).toEqual(['shutdown', 0])
    await admin.disconnect()
  })

  it('fences the transactions of another process', async () => {
    const chains = await Promise.all([Chain.open({ bootstrap }), Chain.open({ bootstrap, cached: true })])
    const [one, two] = chains.map((chain) => new KafkaBench(chain)) as [KafkaBench, KafkaBench]
    const topic = await one.topic()
    const former = await one.transactions(topic, topic)
    former.send(topic, { value: 'first' })
    expect(await former.commit()).toBe(null)
    const next = await two.transactions(topic, topic)
    former.send(topic, { value: 'late' })
    await expect(former.commit()).rejects.toMatchObject({ code: 'taken-over' })
    next.send(topic, { value: 'second' })
    expect(await next.commit()).toBe(null)
    const reader = await two.reader(topic, 'start')
    await reader.received(2)
    expect(reader.values).toEqual(['first', 'second'])
    for (const chain of chains) await chain.close()
  })
})
