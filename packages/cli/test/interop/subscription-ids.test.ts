/** Subscription identifiers: which of a client's subscriptions a message came for. */
import { wireBytes } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets } from './target.ts'

const LARGEST = 268_435_455

describe.each(targets)('subscription identifiers on $name', (target) => {
  const broker = serve(target)

  it.each([1, 127, 128, 16_384, 2_097_152, LARGEST])(
    '%s comes with the message [MQTT-3.3.4-3] [MQTT-3.3.4-4]',
    async (id) => {
      const topic = fresh('t')
      const client = await broker.connect({ acknowledge: true })
      await client.subscribe([{ filter: topic, qos: 1 }], { subscriptionIds: [id] })
      await client.publish(topic, 'x', { qos: 1 })
      expect((await client.take('publish')).properties).toEqual({ subscriptionIds: [id] })
    },
  )

  it('each that matches is told, in one copy or one copy each [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]', async () => {
    const name = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.subscribe([{ filter: `${name}/+`, qos: 1 }], { subscriptionIds: [11] })
    await client.subscribe([{ filter: `${name}/a`, qos: 2 }], { subscriptionIds: [12] })
    await client.subscribe([{ filter: `${name}/#`, qos: 0 }])
    await client.subscribe([{ filter: `${name}/b`, qos: 1 }], { subscriptionIds: [13] })
    await client.publish(`${name}/a`, 'x', { qos: 2 })
    const ids: number[] = []
    let copies = 0
    while (ids.length < 2) {
      const { properties } = await client.take('publish')
      ids.push(...(properties?.subscriptionIds ?? []))
      copies += 1
      expect(copies).toBeLessThanOrEqual(3)
    }
    expect(ids.sort()).toEqual([11, 12])
  })

  it('one identifier may stand for several filters [MQTT-3.3.4-4]', async () => {
    const name = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    const filters = [`${name}/a`, `${name}/b`].map((filter) => ({ filter, qos: 1 }) as const)
    await client.subscribe(filters, { subscriptionIds: [5] })
    for (const level of ['a', 'b']) {
      await client.publish(`${name}/${level}`, level, { qos: 1 })
      expect((await client.take('publish')).properties).toEqual({ subscriptionIds: [5] })
    }
  })

  it('a second SUBSCRIBE of the filter replaces it, also by none [MQTT-3.8.4-3] [MQTT-3.3.4-3]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    for (const ids of [[1], [2], undefined]) {
      await client.subscribe([{ filter: topic, qos: 1 }], ids === undefined ? null : { subscriptionIds: ids })
      await client.publish(topic, 'x', { qos: 1 })
      expect((await client.take('publish')).properties?.subscriptionIds).toEqual(ids)
    }
  })

  it('each client gets its own [MQTT-3.3.4-3]', async () => {
    const topic = fresh('t')
    const clients = []
    for (const id of [21, 22]) {
      const client = await broker.connect({ acknowledge: true })
      await client.subscribe([{ filter: topic, qos: 1 }], { subscriptionIds: [id] })
      clients.push({ client, id })
    }
    const plain = await broker.subscriber(topic)
    await plain.publish(topic, 'x', { qos: 1 })
    for (const { client, id } of clients) {
      expect((await client.take('publish')).properties).toEqual({ subscriptionIds: [id] })
    }
    expect((await plain.take('publish')).properties).toBeNull()
  })

  it('comes with retained messages and after a reconnect with those that waited [MQTT-3.3.4-3] [MQTT-4.1.0-1]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const lasting = { clientId, cleanStart: false, properties: { sessionExpirySeconds: 600 }, acknowledge: true }
    const publisher = await broker.connect()
    await publisher.publish(topic, 'kept', { qos: 1, retain: true })
    const client = await broker.connect(lasting)
    await client.subscribe([{ filter: topic, qos: 1 }], { subscriptionIds: [31] })
    expect(await client.take('publish')).toMatchObject({ retain: true, properties: { subscriptionIds: [31] } })
    await client.ping()
    await client.disconnect()
    await publisher.publish(topic, 'waited', { qos: 1 })
    const again = await broker.connect(lasting)
    expect(await again.take('publish')).toMatchObject({
      payload: Buffer.from('waited'),
      properties: { subscriptionIds: [31] },
    })
    await publisher.publish(topic, '', { qos: 1, retain: true })
  })

  it('0 ends the connection (§3.8.2.1.2) [MQTT-4.13.1-1]', async () => {
    const client = await broker.connect()
    client.sendBytes(wireBytes("82 { 0001 02 0b00 'a' 00 }"))
    expect([null, 0x81, 0x82]).toContain(await client.closed())
  })

  it('two in one SUBSCRIBE end the connection (§3.8.2.1.2) [MQTT-4.13.1-1]', async () => {
    const client = await broker.connect()
    client.sendBytes(wireBytes("82 { 0001 04 0b01 0b02 'a' 00 }"))
    expect([null, 0x81, 0x82]).toContain(await client.closed())
  })

  it('one in a PUBLISH of a client ends the connection [MQTT-3.3.4-6]', async () => {
    const client = await broker.connect()
    client.sendBytes(wireBytes("30 { 'a' 02 0b01 }"))
    expect([null, 0x81, 0x82]).toContain(await client.closed())
  })
})
