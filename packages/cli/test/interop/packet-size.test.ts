/** Maximum Packet Size in both directions. */
import { wireBytes } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

describe.each(targets)('packet sizes on $name', (target) => {
  const broker = serve(target, { limits: { packetBytes: 2_000 } })

  it.each([0, 1, 2] as const)(
    'QoS %s: what the client does not take is left out, and done with [MQTT-3.1.2-24] [MQTT-3.1.2-25]',
    async (qos) => {
      const topic = fresh('t')
      // The codec of the client fails the test for a packet above the maximum.
      const properties = { maximumPacketSize: 120, receiveMaximum: 1 }
      const client = await broker.subscriber(topic, { qos, properties })
      const publisher = await broker.connect()
      for (const text of ['one', 'x'.repeat(200), 'x'.repeat(300), 'two']) await publisher.publish(topic, text, { qos })
      expect(texts(await client.messages(2))).toEqual(['one', 'two'])
    },
  )

  it('properties count: the whole packet is measured [MQTT-3.1.2-24]', async () => {
    const topic = fresh('t')
    const client = await broker.subscriber(topic, { properties: { maximumPacketSize: 120 } })
    const publisher = await broker.connect()
    const properties = { userProperties: [['name', 'v'.repeat(150)]] } as const
    await publisher.publish(topic, 'large', { qos: 1, properties })
    await publisher.publish(topic, 'fence', { qos: 1 })
    expect(await client.messagesBefore('fence')).toEqual([])
  })

  it('retained messages that are too large are left out [MQTT-3.1.2-25]', async () => {
    const topic = fresh('t')
    const publisher = await broker.connect()
    await publisher.publish(topic, 'x'.repeat(300), { qos: 1, retain: true })
    const client = await broker.subscriber(topic, { properties: { maximumPacketSize: 120 } })
    await publisher.publish(topic, 'fence', { qos: 1 })
    expect(await client.messagesBefore('fence')).toEqual([])
    await publisher.publish(topic, '', { qos: 1, retain: true })
  })

  it('a session that waited is not held up by a message that its client does not take [MQTT-3.1.2-25]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const lasting = (maximumPacketSize: number) =>
      ({ clientId, cleanStart: false, properties: { sessionExpirySeconds: 600, maximumPacketSize } }) as const
    const first = await broker.connect(lasting(1_000))
    await first.subscribe([{ filter: topic, qos: 1 }])
    await first.disconnect()
    const publisher = await broker.connect()
    for (const text of ['one', 'x'.repeat(300), 'two']) await publisher.publish(topic, text, { qos: 1 })
    const again = await broker.connect({ ...lasting(120), acknowledge: true })
    expect(texts(await again.messages(2))).toEqual(['one', 'two'])
    await again.disconnect()
    const last = await broker.connect({ ...lasting(1_000), acknowledge: true })
    await publisher.publish(topic, 'fence', { qos: 1 })
    expect(await last.messagesBefore('fence')).toEqual([])
  })

  it('the server says what it takes, takes that, and ends the connection with 0x95 for more [MQTT-3.2.2-15] [MQTT-4.13.1-1]', async (context) => {
    const topic = fresh('t')
    const client = await broker.subscriber(topic)
    const limit = client.server.maximumPacketSize ?? Number.POSITIVE_INFINITY
    if (broker.isOurs) expect(limit).toBe(2_000)
    context.skip(limit > 1_000_000, 'the server has no such limit')
    // Fixed header of 3 bytes, topic, packet identifier, no properties: exactly the limit.
    const payload = Buffer.alloc(limit - 3 - 2 - topic.length - 2 - 1, 'x')
    await client.publish(topic, payload, { qos: 1 })
    expect((await client.take('publish')).payload.equals(payload)).toBe(true)
    client.startPublish(topic, Buffer.concat([payload, Buffer.from('x')]), { qos: 1 })
    expect([null, 0x95]).toContain(await client.closed())
  })

  it.for([5, 4] as const)(
    'level %s: a header that announces too much is refused before the rest comes',
    async (version, context) => {
      const client = await broker.connect({ version })
      const limit = client.server.maximumPacketSize ?? Number.POSITIVE_INFINITY
      context.skip(!broker.isOurs && limit > 100_000_000, 'the server has no such limit')
      client.sendBytes(wireBytes('32 ffffff7f 0001'))
      expect([null, 0x95]).toContain(await client.closed())
    },
  )

  it.each(['ffffffff7f', '8080808001'])(
    'a remaining length of five bytes, %s, ends the connection [MQTT-1.5.5-1] [MQTT-4.8.0-1]v3',
    async (length) => {
      for (const version of [4, 5] as const) {
        const client = await broker.connect({ version })
        client.sendBytes(wireBytes(`30 ${length}`))
        await client.closed()
      }
    },
  )
})
