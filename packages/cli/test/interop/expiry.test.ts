/** Message expiry: what is told to receivers, and what is not delivered any more. */
import type { PublishPacket } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

const expiring = (messageExpirySeconds: number) => ({ properties: { messageExpirySeconds } })
const remaining = ({ properties }: PublishPacket) => properties?.messageExpirySeconds

describe.each(targets)('message expiry on $name', (target) => {
  const broker = serve(target)

  async function leave(filter: string) {
    const options = { clientId: fresh('c'), cleanStart: false, properties: { sessionExpirySeconds: 600 } } as const
    const client = await broker.connect(options)
    await client.subscribe([{ filter, qos: 1 }])
    await client.disconnect()
    return { ...options, acknowledge: true }
  }

  it('live: the interval comes with the message, not longer than it was [MQTT-3.3.2-6]', async () => {
    const topic = fresh('t')
    const client = await broker.subscriber(topic)
    await client.publish(topic, 'x', { qos: 1, ...expiring(600) })
    const seconds = remaining(await client.take('publish'))
    expect(seconds).toBeLessThanOrEqual(600)
    expect(seconds).toBeGreaterThan(500)
  })

  it('without an interval there is none [MQTT-3.3.2-6]', async () => {
    const topic = fresh('t')
    const client = await broker.subscriber(topic)
    await client.publish(topic, 'x', { qos: 1 })
    expect(remaining(await client.take('publish'))).toBeUndefined()
  })

  it('the largest interval is carried [MQTT-3.3.2-6]', async () => {
    const topic = fresh('t')
    const client = await broker.subscriber(topic)
    await client.publish(topic, 'x', { qos: 1, ...expiring(0xffff_ffff) })
    const seconds = remaining(await client.take('publish'))
    expect(seconds).toBeLessThanOrEqual(0xffff_ffff)
    expect(seconds).toBeGreaterThan(0xffff_ff00)
  })

  it('offline: what expired is not delivered, what remains has less time left [MQTT-3.3.2-5] [MQTT-3.3.2-6]', async () => {
    const topic = fresh('t')
    const session = await leave(topic)
    const publisher = await broker.connect()
    await publisher.publish(topic, 'short', { qos: 1, ...expiring(1) })
    await publisher.publish(topic, 'long', { qos: 1, ...expiring(600) })
    await publisher.publish(topic, 'for ever', { qos: 1 })
    await broker.pass(2)
    const again = await broker.connect(session)
    const received = await again.messages(2)
    expect(texts(received)).toEqual(['long', 'for ever'])
    expect(remaining(received[0]!)).toBeLessThanOrEqual(598)
    expect(remaining(received[0]!)).toBeGreaterThan(500)
    expect(remaining(received[1]!)).toBeUndefined()
  })

  it('retained: what expired is not replayed, what remains has less time left [MQTT-3.3.2-5] [MQTT-3.3.2-6]', async () => {
    const name = fresh('t')
    const publisher = await broker.connect()
    await publisher.publish(`${name}/short`, 'short', { qos: 1, retain: true, ...expiring(1) })
    await publisher.publish(`${name}/long`, 'long', { qos: 1, retain: true, ...expiring(600) })
    await broker.pass(2)
    const late = await broker.subscriber(`${name}/#`)
    await publisher.publish(`${name}/long`, 'fence', { qos: 1 })
    const received = await late.messagesBefore('fence')
    expect(texts(received)).toEqual(['long'])
    expect(remaining(received[0]!)).toBeLessThanOrEqual(598)
    expect(remaining(received[0]!)).toBeGreaterThan(500)
    await publisher.publish(`${name}/long`, '', { qos: 1, retain: true })
  })

  it('a message that waits for room of its receiver expires there too [MQTT-3.3.2-5]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ properties: { receiveMaximum: 1 } })
    await client.subscribe([{ filter: topic, qos: 1 }])
    const publisher = await broker.connect()
    await publisher.publish(topic, 'first', { qos: 1 })
    await publisher.publish(topic, 'short', { qos: 1, ...expiring(1) })
    await publisher.publish(topic, 'last', { qos: 1 })
    const [first] = await client.messages(1)
    await broker.pass(2)
    client.acknowledge('puback', first!.packetId)
    expect(texts(await client.messages(1))).toEqual(['last'])
  })

  it('a session of 3.1.1 does not get what expired, and is told nothing of the rest [MQTT-3.3.2-5]', async () => {
    const topic = fresh('t')
    const session = { version: 4, clientId: fresh('c'), cleanStart: false } as const
    const client = await broker.connect(session)
    await client.subscribe([{ filter: topic, qos: 1 }])
    await client.disconnect()
    const publisher = await broker.connect()
    await publisher.publish(topic, 'short', { qos: 1, ...expiring(1) })
    await publisher.publish(topic, 'long', { qos: 1, ...expiring(600) })
    await broker.pass(2)
    const again = await broker.connect({ ...session, acknowledge: true })
    expect(await again.take('publish')).toMatchObject({ payload: Buffer.from('long'), properties: null })
    await again.disconnect()
    await (await broker.connect({ ...session, cleanStart: true })).disconnect()
  })
})
