/** What was acknowledged stays: engines killed while publishing, brokers restarted under a running engine. */
import type { MqttClient } from 'mqtt'
import { describe, expect, it, vi } from 'vitest'
import { startBroker } from '../../../scripts/kafka-broker.mjs'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { defer, folder, freshTopics, mqttClient, mqttDocument, startEngine, startMortal } from './fixture.ts'
import { readBroker, readEmbedded, type StoredRecord } from './log-reader.ts'

const bootstrap = await kafkaBootstrap()

/** Publishes numbers with QoS 1 until told to stop; remembers which were acknowledged. */
class Publisher {
  readonly acknowledged: number[] = []
  sent = 0
  #stopped = false
  readonly #client: MqttClient
  readonly #window = 50

  constructor(client: MqttClient) {
    this.#client = client
    for (let at = 0; at < this.#window; at++) this.#next()
  }

  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    if (this.#stopped) return
    const number = this.sent++
    this.#client.publish(`n/${number % 7}`, String(number), { qos: 1 }, (error) => {
      if (error) return
      this.acknowledged.push(number)
      this.#next()
    })
  }
}

/** Every acknowledged number is stored; per topic the stored ones are in the order they were sent. */
function expectStored(records: readonly StoredRecord[], acknowledged: readonly number[]): void {
  const stored = new Set(records.map(({ value }) => Number(value)))
  expect(acknowledged.filter((number) => !stored.has(number))).toEqual([])
  const lastByTopic = new Map<string, number>()
  for (const { key, value } of records) {
    expect(Number(value)).toBeGreaterThan(lastByTopic.get(key) ?? -1)
    lastByTopic.set(key, Number(value))
  }
}

describe('an engine killed while clients publish', () => {
  it('has every acknowledged message in the embedded log, and goes on from there', async () => {
    const directory = folder()
    const topics = freshTopics()
    const document = mqttDocument('embedded', undefined, topics)
    const engine = await startMortal(document, directory)
    const publisher = new Publisher(await mqttClient(engine.port))
    await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(500), 20_000)
    await engine.kill()
    publisher.stop()
    expectStored(await readEmbedded(directory, topics.messages), publisher.acknowledged)

    const again = await startMortal(document, directory)
    const late = await mqttClient(again.port)
    await late.publishAsync('n/after', '1', { qos: 1 })
    expect(await again.stop()).toBe(0)
    const records = await readEmbedded(directory, topics.messages)
    expect(records.filter(({ key }) => key === 'n/after')).toHaveLength(1)
  })

  it.skipIf(bootstrap === undefined)('has every acknowledged message in Kafka', async () => {
    const topics = freshTopics()
    const engine = await startMortal(mqttDocument('kafka', bootstrap, topics), folder())
    const publisher = new Publisher(await mqttClient(engine.port))
    await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(500), 20_000)
    await engine.kill()
    publisher.stop()
    expectStored(await readBroker(bootstrap!, topics.messages), publisher.acknowledged)
  })
})

describe.skipIf(bootstrap === undefined)('a broker that goes away and returns', () => {
  it.each(['kill', 'restart'] as const)(
    'by %s: publishing goes on without a new connection, nothing acknowledged is lost or doubled',
    async (how) => {
      const broker = await startBroker({ dir: folder() })
      defer(() => broker.stop())
      const topics = freshTopics()
      const { port } = await startEngine(mqttDocument('kafka', broker.bootstrap, topics))
      const client = await mqttClient(port, { keepalive: 1 })
      let closed = false
      client.on('close', () => {
        closed = true
      })
      const publisher = new Publisher(client)
      await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(500), 20_000)
      if (how === 'kill') await broker.kill()
      await broker.restart()
      const before = publisher.acknowledged.length
      await vi.waitFor(() => expect(publisher.acknowledged.length).toBeGreaterThan(before + 500), 60_000)
      expect(closed).toBe(false)
      publisher.stop()
      await vi.waitFor(() => expect(publisher.acknowledged.length).toBe(publisher.sent), 20_000)
      const records = await readBroker(broker.bootstrap, topics.messages)
      expectStored(records, publisher.acknowledged)
      expect(records).toHaveLength(publisher.sent)
    },
    120_000,
  )

  it('by staying away at the start: the engine listens, refuses CONNECT with 0x88, and serves when it comes', async () => {
    const broker = await startBroker({ dir: folder() })
    defer(() => broker.stop())
    await broker.kill()
    const { port } = await startEngine(mqttDocument('kafka', broker.bootstrap))
    await expect(mqttClient(port)).rejects.toMatchObject({ code: 0x88 })
    await broker.restart()
    const client = await vi.waitFor(() => mqttClient(port), { timeout: 60_000, interval: 200 })
    await client.publishAsync('x', 'y', { qos: 1 })
  }, 120_000)
})
