/** MQTT clients of others against the whole product, on both kinds of storage. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { IPublishPacket, MqttClient } from 'mqtt'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { hasMosquitto, kafkaBootstrap, pahoPython } from '../../../scripts/test-environment.mjs'
import { connackOf, defer, mqttClient, mqttDocument, type StorageKind, startEngine } from './fixture.ts'

const bootstrap = await kafkaBootstrap()
const mosquitto = hasMosquitto()
const paho = pahoPython()

type Received = { topic: string; payload: string; packet: IPublishPacket }

/** Collects what a client gets. */
function inbox(client: MqttClient): Received[] {
  const received: Received[] = []
  client.on('message', (topic, payload, packet) => received.push({ topic, payload: String(payload), packet }))
  return received
}

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 15_000)

const storages: { storage: StorageKind; skip: boolean }[] = [
  { storage: 'embedded', skip: false },
  { storage: 'kafka', skip: bootstrap === undefined },
]

for (const { storage, skip } of storages) {
  describe.skipIf(skip)(`on ${storage}`, () => {
    const document = () => mqttDocument(storage, bootstrap)

    describe.each([4, 5] as const)('MQTT.js, protocol level %s', (protocolVersion) => {
      it('carries QoS 0 and 1 from publisher to subscriber, in order', async () => {
        const { port } = await startEngine(document())
        const subscriber = await mqttClient(port, { protocolVersion })
        const received = inbox(subscriber)
        const granted = await subscriber.subscribeAsync({ 'a/+/c': { qos: 1 }, 'x/#': { qos: 0 } })
        expect(granted.map(({ qos }) => qos)).toEqual([1, 0])
        const publisher = await mqttClient(port, { protocolVersion })
        for (let at = 0; at < 50; at++) {
          await publisher.publishAsync('a/b/c', `a${at}`, { qos: 1 })
          await publisher.publishAsync('x', `x${at}`, { qos: 0 })
        }
        await publisher.publishAsync('elsewhere', 'no', { qos: 1 })
        await until(() => received.length === 100)
        const of = (topic: string) => received.filter((message) => message.topic === topic)
        expect(of('a/b/c').map(({ payload }) => payload)).toEqual(Array.from({ length: 50 }, (_, at) => `a${at}`))
        expect(of('x').map(({ payload }) => payload)).toEqual(Array.from({ length: 50 }, (_, at) => `x${at}`))
        expect(of('a/b/c').every(({ packet }) => packet.qos === 1 && !packet.retain && !packet.dup)).toBe(true)
        expect(of('x').every(({ packet }) => packet.qos === 0)).toBe(true)
      })

      it('keeps the last retained message for those who come later, and clears it', async () => {
        const { port } = await startEngine(document())
        const publisher = await mqttClient(port, { protocolVersion })
        for (const payload of ['old', 'new']) await publisher.publishAsync('r/one', payload, { qos: 1, retain: true })
        await publisher.publishAsync('r/two', 'two', { qos: 1, retain: true })
        const early = await mqttClient(port, { protocolVersion })
        const received = inbox(early)
        await early.subscribeAsync('r/#', { qos: 1 })
        await until(() => received.length >= 2)
        expect(received.map(({ topic, payload, packet }) => [topic, payload, packet.retain]).sort()).toEqual([
          ['r/one', 'new', true],
          ['r/two', 'two', true],
        ])
        await publisher.publishAsync('r/one', '', { qos: 1, retain: true })
        const late = await mqttClient(port, { protocolVersion })
        const rest = inbox(late)
        await late.subscribeAsync('r/+', { qos: 1 })
        await until(() => rest.length >= 1)
        expect(rest.map(({ payload }) => payload)).toEqual(['two'])
        // The live copy of the clearing message reaches the early subscriber as an ordinary, empty one.
        await until(() => received.length >= 3)
        expect(received[2]).toMatchObject({ topic: 'r/one', payload: '', packet: { retain: false } })
      })

      it('takes a client id over at once', async () => {
        const { port } = await startEngine(document())
        const first = await mqttClient(port, { protocolVersion, clientId: 'same' })
        const closed = new Promise<void>((resolve) => first.once('close', resolve))
        const second = await mqttClient(port, { protocolVersion, clientId: 'same' })
        await closed
        expect(second.connected).toBe(true)
      })

      it('stops delivering after UNSUBSCRIBE', async () => {
        const { port } = await startEngine(document())
        const client = await mqttClient(port, { protocolVersion })
        const received = inbox(client)
        await client.subscribeAsync(['one', 'two'], { qos: 1 })
        await client.unsubscribeAsync('one')
        await client.publishAsync('one', '1', { qos: 1 })
        await client.publishAsync('two', '2', { qos: 1 })
        await until(() => received.length === 1)
        expect(received[0]!.topic).toBe('two')
      })
    })

    it('carries every publication property of MQTT 5, in order', async () => {
      const { port } = await startEngine(document())
      const client = await mqttClient(port)
      const received = inbox(client)
      await client.subscribeAsync('p/#', { qos: 1, properties: { subscriptionIdentifier: 7 } })
      await client.publishAsync('p/é', 'body', {
        qos: 1,
        properties: {
          payloadFormatIndicator: true,
          messageExpiryInterval: 3_600,
          contentType: 'text/plain',
          responseTopic: 'answers/é',
          correlationData: Buffer.from([0, 1, 255]),
          userProperties: { one: ['1', '2'], 'zilla:qos': 'mine', '10': 'ten' },
        },
      })
      await until(() => received.length === 1)
      const { properties } = received[0]!.packet
      expect(properties).toMatchObject({
        payloadFormatIndicator: true,
        contentType: 'text/plain',
        responseTopic: 'answers/é',
        subscriptionIdentifier: 7,
        userProperties: { one: ['1', '2'], 'zilla:qos': 'mine', '10': 'ten' },
      })
      expect(Buffer.from(properties!.correlationData!)).toEqual(Buffer.from([0, 1, 255]))
      expect(properties!.messageExpiryInterval).toBeGreaterThan(3_500)
      expect(properties!.messageExpiryInterval).toBeLessThanOrEqual(3_600)
    })

    it('announces in CONNACK that everything is there, and it is', async () => {
      const { port } = await startEngine(document())
      const { properties } = await connackOf(port, { clientId: '', properties: { sessionExpiryInterval: 100 } })
      // Absent means 2, available, and as asked for [MQTT 5.0 §3.2.2.3].
      expect(properties?.maximumQoS ?? 2).toBe(2)
      expect(properties?.sessionExpiryInterval ?? 100).toBe(100)
      for (const name of ['retainAvailable', 'sharedSubscriptionAvailable', 'wildcardSubscriptionAvailable'] as const) {
        expect(properties?.[name] ?? true).toBe(true)
      }
      const client = await mqttClient(port)
      const received = inbox(client)
      const granted = await client.subscribeAsync(['q2', 'w'], { qos: 2 })
      expect(granted.map(({ qos }) => qos)).toEqual([2, 2])
      await client.publishAsync('q2', 'x', { qos: 2 })
      await until(() => received.length === 1)
      expect(received[0]).toMatchObject({ topic: 'q2', payload: 'x', packet: { qos: 2 } })
      const leaving = await mqttClient(port, { will: { topic: 'w', payload: Buffer.from('w'), qos: 1, retain: false } })
      leaving.stream.destroy()
      await until(() => received.length === 2)
      expect(received[1]).toMatchObject({ topic: 'w', payload: 'w', packet: { qos: 1 } })
    })

    describe.skipIf(!mosquitto)("mosquitto's clients", () => {
      it.each(['mqttv311', 'mqttv5'])('publish and subscribe by %s', async (version) => {
        const { port } = await startEngine(document())
        const common = ['-h', '127.0.0.1', '-p', String(port), '-V', version, '-q', '1']
        await run('mosquitto_pub', [...common, '-t', 'sensors/kept', '-m', 'retained', '-r'])
        // Without line buffering nothing is seen before it ends.
        const subscriber = spawn('stdbuf', [
          '-oL',
          'mosquitto_sub',
          ...common,
          '-t',
          'sensors/#',
          '-v',
          '-C',
          '2',
          '-W',
          '20',
        ])
        defer(() => subscriber.kill())
        const ended = once(subscriber, 'close')
        let output = ''
        subscriber.stdout.on('data', (chunk: Buffer) => {
          output += chunk
        })
        await until(() => output.includes('sensors/kept retained'))
        await run('mosquitto_pub', [...common, '-t', 'sensors/one', '-m', 'hi'])
        await ended
        expect(output).toBe('sensors/kept retained\nsensors/one hi\n')
      })
    })

    describe.skipIf(paho === undefined)('Paho Python', () => {
      it.each(['311', '5'])('publishes and subscribes by version %s', async (version) => {
        const { port } = await startEngine(document())
        const script = new URL('./paho-round-trip.py', import.meta.url).pathname
        const output = await run(paho!, [script, String(port), version])
        expect(output.trim().split('\n')).toEqual(Array.from({ length: 20 }, (_, at) => `paho/${at % 3} m${at} 1`))
      })
    })
  })
}

/** Runs a program to its end; its output, or an error with it. */
async function run(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${output}`)
  return output
}

beforeAll(() => {
  // Both kinds of storage, or a word about it at the end of `npm test`.
  expect(storages.some(({ skip }) => !skip)).toBe(true)
})
