/** Options of a subscription: no local, retain as published, retain handling, and what a second SUBSCRIBE changes. */
import { wireBytes } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

describe.each(targets)('subscription options on $name', (target) => {
  const broker = serve(target)

  it('no local: own messages do not come back, those of others do [MQTT-3.8.3-3]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.subscribe([{ filter: topic, qos: 1, noLocal: true }])
    const other = await broker.connect()
    await client.publish(topic, 'own', { qos: 1 })
    await other.publish(topic, 'fence', { qos: 1 })
    expect(await client.messagesBefore('fence')).toEqual([])
  })

  it('no local is about the client identifier: it holds over a reconnect and for messages that waited [MQTT-3.8.3-3]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const lasting = { clientId, cleanStart: false, properties: { sessionExpirySeconds: 600 }, acknowledge: true }
    const client = await broker.connect(lasting)
    await client.subscribe([{ filter: topic, qos: 1, noLocal: true }])
    await client.publish(topic, 'own', { qos: 1 })
    await client.disconnect()
    const other = await broker.connect()
    await other.publish(topic, 'of others', { qos: 1 })
    const again = await broker.connect(lasting)
    await again.publish(topic, 'own again', { qos: 1 })
    await other.publish(topic, 'fence', { qos: 1 })
    expect(texts(await again.messagesBefore('fence'))).toEqual(['of others'])
  })

  it('no local of one subscription does not silence another [MQTT-3.8.3-3] [MQTT-3.3.4-2]', async () => {
    const name = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.subscribe([
      { filter: `${name}/#`, qos: 1, noLocal: true },
      { filter: `${name}/a`, qos: 1 },
    ])
    await client.publish(`${name}/a`, 'own', { qos: 1 })
    expect(texts(await client.messages(1))).toEqual(['own'])
  })

  it.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('retain as published %s, RETAIN %s [MQTT-3.3.1-12] [MQTT-3.3.1-13]', async (retainAsPublished, retain) => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.subscribe([{ filter: topic, qos: 1, retainAsPublished }])
    await client.publish(topic, 'x', { qos: 1, retain })
    expect(await client.take('publish')).toMatchObject({ retain: retain && retainAsPublished })
    if (retain) await client.publish(topic, '', { qos: 1, retain: true })
  })

  it('what is replayed to a new subscription has RETAIN either way [MQTT-3.3.1-9]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.publish(topic, 'kept', { qos: 1, retain: true })
    for (const retainAsPublished of [false, true]) {
      await client.subscribe([{ filter: topic, qos: 1, retainAsPublished }])
      expect(await client.take('publish')).toMatchObject({ retain: true })
    }
  })

  it.each([
    [0, ['kept', 'kept'], '[MQTT-3.3.1-9] [MQTT-3.8.4-4]'],
    [1, ['kept'], '[MQTT-3.3.1-10]'],
    [2, [], '[MQTT-3.3.1-11]'],
  ] as const)('retain handling %s: subscribing twice brings %j %s', async (retainHandling, expected, _clauses) => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.publish(topic, 'kept', { qos: 1, retain: true })
    const received = []
    for (let times = 0; times < 2; times++) {
      await client.subscribe([{ filter: topic, qos: 1, retainHandling }])
      await client.publish(topic, 'fence', { qos: 1 })
      received.push(...texts(await client.messagesBefore('fence')))
    }
    expect(received).toEqual(expected)
  })

  it('retain handling 1 counts a subscription of the session, made on an earlier connection [MQTT-3.3.1-10]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const lasting = { clientId, cleanStart: false, properties: { sessionExpirySeconds: 600 }, acknowledge: true }
    const first = await broker.connect(lasting)
    await first.publish(topic, 'kept', { qos: 1, retain: true })
    await first.subscribe([{ filter: topic, qos: 1, retainHandling: 1 }])
    expect(texts(await first.messages(1))).toEqual(['kept'])
    await first.ping()
    await first.disconnect()
    const again = await broker.connect(lasting)
    await again.subscribe([{ filter: topic, qos: 1, retainHandling: 1 }])
    await again.publish(topic, 'fence', { qos: 1 })
    expect(await again.messagesBefore('fence')).toEqual([])
    await again.unsubscribe(topic)
    await again.subscribe([{ filter: topic, qos: 1, retainHandling: 1 }])
    expect(texts(await again.messages(1))).toEqual(['kept'])
  })

  it.each([5, 4] as const)(
    'level %s: a second SUBSCRIBE of the same filter replaces the first, without a second copy [MQTT-3.8.4-3] [MQTT-3.8.4-3]v3',
    async (version) => {
      const topic = fresh('t')
      const client = await broker.connect({ version, acknowledge: true })
      await client.subscribe([{ filter: topic, qos: 2 }])
      await client.subscribe([{ filter: topic, qos: 0 }])
      await client.publish(topic, 'once', { qos: 2 })
      expect(await client.take('publish')).toMatchObject({ qos: 0, payload: Buffer.from('once') })
      await client.subscribe([{ filter: topic, qos: 1 }])
      await client.publish(topic, 'again', { qos: 2 })
      expect(await client.take('publish')).toMatchObject({ qos: 1, payload: Buffer.from('again') })
    },
  )

  it('a second SUBSCRIBE replaces the options too [MQTT-3.8.4-3]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.subscribe([{ filter: topic, qos: 1, noLocal: true }])
    await client.subscribe([{ filter: topic, qos: 1, retainAsPublished: true, retainHandling: 2 }])
    await client.publish(topic, 'x', { qos: 1, retain: true })
    expect(await client.take('publish')).toMatchObject({ payload: Buffer.from('x'), retain: true })
    await client.publish(topic, '', { qos: 1, retain: true })
  })

  it('nothing is lost while a subscription is replaced [MQTT-3.8.4-4] [MQTT-3.8.4-3]v3', async () => {
    const topic = fresh('t')
    const client = await broker.subscriber(topic, { qos: 1 })
    const publisher = await broker.connect({ acknowledge: true })
    const sent = []
    for (let at = 0; at < 15; at++) {
      sent.push(`m${at}`)
      publisher.startPublish(topic, `m${at}`, { qos: 1 })
      if (at % 4 === 0) client.startSubscribe([{ filter: topic, qos: 1, retainHandling: 2 }])
    }
    expect(texts(await client.messages(15))).toEqual(sent)
  })

  it('retain handling 3 ends the connection [MQTT-4.13.1-1]', async () => {
    const client = await broker.connect()
    client.sendBytes(wireBytes("82 { 0001 00 'a' 30 }"))
    expect([null, 0x81, 0x82]).toContain(await client.closed())
  })
})

describe.each(targets)('overlapping subscriptions on $name', (target) => {
  const broker = serve(target)

  it.each([5, 4] as const)(
    'level %s: the message comes with the highest QoS granted, in one copy or one for each subscription [MQTT-3.3.4-2] [MQTT-3.3.5-1]v3',
    async (version) => {
      const name = fresh('t')
      const client = await broker.connect({ version, acknowledge: true })
      const filters = [
        { filter: `${name}/#`, qos: 0 },
        { filter: `${name}/+`, qos: 2 },
        { filter: `${name}/a`, qos: 1 },
      ] as const
      await client.subscribe(filters)
      await client.publish(`${name}/a`, 'x', { qos: 2 })
      // A publisher that has its answer says nothing about deliveries, which end with the subscription [MQTT-3.10.4-2].
      const first = await client.take('publish')
      await client.unsubscribe(...filters.map(({ filter }) => filter))
      await client.subscribe([{ filter: `${name}/a`, qos: 2 }])
      await client.publish(`${name}/a`, 'fence', { qos: 2 })
      const copies = [first, ...(await client.messagesBefore('fence'))]
      expect(copies.length).toBeLessThanOrEqual(3)
      expect(Math.max(...copies.map(({ qos }) => qos))).toBe(2)
      if (copies.length > 1) expect(copies.map(({ qos }) => qos).sort()).toEqual([0, 1, 2])
    },
  )

  it('RETAIN as published by any of them [MQTT-3.3.1-13]', async () => {
    const name = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.subscribe([
      { filter: `${name}/#`, qos: 1, retainAsPublished: true },
      { filter: `${name}/a`, qos: 1 },
    ])
    await client.publish(`${name}/a`, 'x', { qos: 1, retain: true })
    const first = await client.take('publish')
    const copies = [first, ...client.received.filter((packet) => packet.type === 'publish')]
    expect(copies.length).toBeLessThanOrEqual(2)
    if (copies.length === 1) expect(first.retain).toBe(true)
    await client.publish(`${name}/a`, '', { qos: 1, retain: true })
  })
})
