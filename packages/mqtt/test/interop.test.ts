/** A client that is not ours, over real sockets: tcp, the mqtt server, and a next hop that sends back what it gets. */
import { Side, type Stream, SystemClock } from '@zilla-ts/engine'
import { type Bytes, tcp } from '@zilla-ts/net'
import { Harness } from '@zilla-ts/testing'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { mqtt } from '../src/binding.ts'
import { Message } from '../src/message.ts'
import type { MqttConfig } from '../src/mqtt.config.ts'
import type { Mqtt, PublishMeta } from '../src/stream.ts'
import { CAPABILITIES, defaultOptions, outgoing } from './wire-peer.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})

/** Every publish is stored at once and delivered to every subscribe stream, with the lower QoS of the two. */
function loopBack(harness: Harness<MqttConfig, Bytes, Mqtt>): void {
  const subscribers = new Set<{ stream: Stream<Mqtt>; qos: number }>()
  let packetId = 0
  harness.exit.onOpen = (open, stream, recorder) => {
    if (open.kind === 'session') stream.accept({ kind: 'session', capabilities: CAPABILITIES, subscriptions: [] })
    else stream.accept({ kind: open.kind })
    stream.grant(1_000_000)
    let written = 0
    recorder.onData = (payload, meta, cost) => {
      const { topic, qos, retain, properties } = meta as PublishMeta
      stream.grant(cost)
      stream.ack(++written)
      const message = new Message(topic, Buffer.from(payload), properties, Number.POSITIVE_INFINITY, false)
      for (const subscriber of subscribers) {
        const granted = qos < subscriber.qos ? qos : 1
        const delivery = message.delivery(granted, retain)
        if (subscriber.stream.writable) subscriber.stream.write(message.payload, outgoing(delivery, ++packetId))
      }
    }
    recorder.onSignal = (signal) => {
      if (signal.kind !== 'subscribe') return
      subscribers.add({ stream, qos: signal.subscriptions[0]!.qos })
      stream.signal({ kind: 'subscribed', reasonCodes: signal.subscriptions.map(({ qos }) => qos) })
    }
    return true
  }
}

async function serve() {
  const clock = new SystemClock((where, error) => expect.fail(`${where}: ${error}`))
  const server = new Harness<MqttConfig, Bytes, Mqtt>(mqtt as never, {
    kind: 'server',
    clock,
    options: defaultOptions(),
  })
  loopBack(server)
  const exit = {
    name: 'mqtt',
    connect: (open: Bytes['open'], session: null, handler: never) =>
      Side.connect<Bytes>(
        open,
        session,
        handler,
        (what, stream) => server.binding.accept?.(what, stream) ?? null,
        { initiator: 'tcp', acceptor: 'mqtt' },
        server.reporter.fault,
      ),
    dial: () => null,
    take: () => 'streams',
  }
  const listener = new Harness(tcp, {
    kind: 'server',
    clock,
    options: { host: '127.0.0.1', port: 0 },
    routes: [{ when: [], with: undefined, exit: exit as never, permits: () => true }],
  })
  await listener.binding.start?.()
  cleanUp.push(() => listener.binding.stop?.())
  cleanUp.push(() => server.binding.stop?.())
  return { server, port: listener.binding.addresses?.()[0]?.port ?? 0 }
}

async function client(port: number, protocolVersion: 4 | 5, clientId: string): Promise<MqttClient> {
  const found = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion, clientId, reconnectPeriod: 0 })
  cleanUp.push(() => found.endAsync(true))
  return found
}

describe.each([4, 5] as const)('MQTT.js, protocol level %i', (version) => {
  test('a thousand messages of QoS 1 come back in order', async () => {
    const { server, port } = await serve()
    const [publisher, subscriber] = [await client(port, version, 'p'), await client(port, version, 's')]
    const got: string[] = []
    subscriber.on('message', (topic, payload) => got.push(`${topic} ${payload}`))
    const [granted] = await subscriber.subscribeAsync('loop/#', { qos: 1 })
    expect(granted?.qos).toBe(1)
    const sent = Array.from({ length: 1_000 }, (_, i) => `loop/${i % 7} ${i}`)
    await Promise.all(sent.map((line) => publisher.publishAsync(line.split(' ')[0]!, line.split(' ')[1]!, { qos: 1 })))
    await vi.waitFor(() => expect(got.length).toBe(1_000), { timeout: 10_000, interval: 5 })
    expect(got).toEqual(sent)
    expect(server.reporter.faults).toEqual([])
  })

  test('a megabyte comes back whole', async () => {
    const { port } = await serve()
    const found = await client(port, version, 'big')
    const got: Buffer[] = []
    found.on('message', (_topic, payload) => got.push(payload))
    await found.subscribeAsync('big', { qos: 1 })
    const payload = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => i & 0xff))
    await found.publishAsync('big', payload, { qos: 1 })
    await vi.waitFor(() => expect(got.length).toBe(1), { timeout: 10_000, interval: 5 })
    expect(got[0]?.equals(payload)).toBe(true)
  })

  test('draining ends it', async () => {
    const { server, port } = await serve()
    const found = await client(port, version, 'd')
    const codes: (number | undefined)[] = []
    found.on('disconnect', ({ reasonCode }) => codes.push(reasonCode))
    const closed = new Promise<void>((resolve) => found.once('close', () => resolve()))
    await server.binding.drain?.()
    await closed
    expect(codes).toEqual(version === 5 ? [0x8b] : [])
  })
})
