/** A second connection with the client identifier of the first. */
import { describe, expect, it } from 'vitest'
import { fresh, numbered, serve, targets, texts } from './target.ts'

describe.each(targets)('takeover on $name', (target) => {
  const broker = serve(target)

  it.each([
    [5, 5],
    [5, 4],
    [4, 5],
    [4, 4],
  ] as const)(
    'level %s then %s: the first is closed, 5.0 with 0x8E, the second is served [MQTT-3.14.4-2] [MQTT-4.13.2-1] [MQTT-3.1.4-3] [MQTT-3.14.2-1] [MQTT-3.1.4-2]v3',
    async (first, second) => {
      const clientId = fresh('c')
      const topic = fresh('t')
      const old = await broker.connect({ version: first, clientId })
      const young = await broker.connect({ version: second, clientId, acknowledge: true })
      const reasonCode = await old.closed()
      if (first === 5) expect([null, 0x8e]).toContain(reasonCode)
      else expect(reasonCode).toBeNull()
      await young.subscribe([{ filter: topic, qos: 1 }])
      await young.publish(topic, 'x', { qos: 1 })
      expect(texts(await young.messages(1))).toEqual(['x'])
    },
  )

  it('the session goes over: subscriptions, and what was in flight with its packet identifiers [MQTT-3.1.2-5] [MQTT-4.4.0-1] [MQTT-3.2.2-3]', async () => {
    const clientId = fresh('c')
    const topic = fresh('t')
    const lasting = { clientId, cleanStart: false, properties: { sessionExpirySeconds: 600 } }
    const old = await broker.connect(lasting)
    await old.subscribe([{ filter: topic, qos: 1 }])
    const publisher = await broker.connect()
    for (const text of numbered(3)) await publisher.publish(topic, text, { qos: 1 })
    const held = await old.messages(3)
    const young = await broker.connect({ ...lasting, acknowledge: true })
    expect(young.connack.sessionPresent).toBe(true)
    await old.closed()
    const received = await young.messages(3)
    expect(texts(received)).toEqual(numbered(3))
    expect(received.map(({ packetId }) => packetId)).toEqual(held.map(({ packetId }) => packetId))
    expect(received.every(({ dup }) => dup)).toBe(true)
    await publisher.publish(topic, 'fence', { qos: 1 })
    expect(await young.messagesBefore('fence')).toEqual([])
  })

  it('a session without expiry ends with its connection: nothing goes over [MQTT-4.1.0-2] [MQTT-3.2.2-3]', async () => {
    const clientId = fresh('c')
    const old = await broker.connect({ clientId })
    await old.subscribe([{ filter: fresh('t'), qos: 1 }])
    const young = await broker.connect({ clientId, cleanStart: false })
    expect(young.connack.sessionPresent).toBe(false)
    await old.closed()
  })

  it('clean start takes the name and not the session [MQTT-3.1.2-4] [MQTT-3.2.2-2]', async () => {
    const clientId = fresh('c')
    const topic = fresh('t')
    const properties = { sessionExpirySeconds: 600 }
    const old = await broker.connect({ clientId, properties })
    await old.subscribe([{ filter: topic, qos: 1 }])
    const young = await broker.connect({ clientId, properties, acknowledge: true })
    expect(young.connack.sessionPresent).toBe(false)
    await young.publish(topic, 'not subscribed', { qos: 1 })
    await young.subscribe([{ filter: `${topic}/fence`, qos: 1 }])
    await young.publish(`${topic}/fence`, 'fence', { qos: 1 })
    expect(await young.messagesBefore('fence')).toEqual([])
  })

  it.each([
    ['without delay is published', 0, false, ['will']],
    ['with a delay is published when clean start ends the session', 300, true, ['will']],
    ['with a delay is not published when the session goes on', 300, false, []],
  ] as const)(
    'the will of the first %s [MQTT-3.1.2-8] [MQTT-3.1.3-9] [MQTT-3.1.4-3]',
    async (_, willDelaySeconds, cleanStart, expected) => {
      const topic = fresh('w')
      const clientId = fresh('c')
      const watcher = await broker.subscriber(topic)
      const properties = { sessionExpirySeconds: 600 }
      const payload = Buffer.from('will')
      const will = { topic, payload, qos: 1, retain: false, properties: { willDelaySeconds } } as const
      const old = await broker.connect({ clientId, properties, will })
      await broker.connect({ clientId, properties, cleanStart })
      await old.closed()
      const received = expected.length === 0 ? [] : texts(await watcher.messages(1))
      await watcher.publish(topic, 'fence', { qos: 1 })
      received.push(...texts(await watcher.messagesBefore('fence')))
      expect(received).toEqual(expected)
    },
  )

  it('many connections with one name: the last one stays [MQTT-3.1.4-3] [MQTT-3.1.4-2]v3', async () => {
    const clientId = fresh('c')
    const clients = []
    for (let at = 0; at < 8; at++) clients.push(await broker.connect({ version: at % 2 === 0 ? 5 : 4, clientId }))
    const last = clients.pop()!
    for (const client of clients) await client.closed()
    await last.ping()
  })

  it('other names are not touched', async () => {
    const clientId = fresh('c')
    const others = [
      await broker.connect({ clientId: `${clientId}x` }),
      await broker.connect({ clientId: clientId.toUpperCase() }),
    ]
    const old = await broker.connect({ clientId })
    await broker.connect({ clientId })
    await old.closed()
    for (const other of others) await other.ping()
  })
})
