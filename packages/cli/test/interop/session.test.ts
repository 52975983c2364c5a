/** Clean start, session present and session expiry: how long a session lives, and what it keeps. */
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

const FOR_EVER = 0xffff_ffff

describe.each(targets)('sessions on $name', (target) => {
  const broker = serve(target)

  /** Leaves a session with one subscription behind. */
  async function leave(clientId: string, filter: string, sessionExpirySeconds: number): Promise<void> {
    const client = await broker.connect({ clientId, properties: { sessionExpirySeconds } })
    await client.subscribe([{ filter, qos: 1 }])
    await client.disconnect()
  }

  it('3.1.1: a session without the flag of clean session stays, with its subscriptions [MQTT-3.1.3-2]v3 [MQTT-3.1.2-4]v3 [MQTT-3.2.2-2]v3 [MQTT-3.2.2-3]v3 [MQTT-4.1.0-1]v3', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const options = { version: 4, clientId, cleanStart: false } as const
    const first = await broker.connect(options)
    expect(first.connack.sessionPresent).toBe(false)
    await first.subscribe([{ filter: topic, qos: 1 }])
    await first.disconnect()
    const again = await broker.connect({ ...options, acknowledge: true })
    expect(again.connack.sessionPresent).toBe(true)
    await again.publish(topic, 'x', { qos: 1 })
    expect(texts(await again.messages(1))).toEqual(['x'])
    await again.disconnect()
    const clean = await broker.connect({ version: 4, clientId })
    expect(clean.connack.sessionPresent).toBe(false)
    await clean.disconnect()
  })

  it('3.1.1: clean session discards what was there, and leaves nothing behind [MQTT-3.1.2-6]v3 [MQTT-3.2.2-1]v3 [MQTT-3.1.4-3]v3', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const first = await broker.connect({ version: 4, clientId, cleanStart: false })
    await first.subscribe([{ filter: topic, qos: 1 }])
    await first.disconnect()
    const clean = await broker.connect({ version: 4, clientId, acknowledge: true })
    expect(clean.connack.sessionPresent).toBe(false)
    await clean.subscribe([{ filter: `${topic}/fence`, qos: 1 }])
    await clean.publish(topic, 'not subscribed any more', { qos: 1 })
    await clean.publish(`${topic}/fence`, 'fence', { qos: 1 })
    expect(await clean.messagesBefore('fence')).toEqual([])
    await clean.disconnect()
    const again = await broker.connect({ version: 4, clientId, cleanStart: false })
    expect(again.connack.sessionPresent).toBe(false)
    await again.publish(`${topic}/fence`, 'gone too', { qos: 1 })
    await again.subscribe([{ filter: `${topic}/last`, qos: 0 }])
    await again.publish(`${topic}/last`, 'fence', { qos: 0 })
    expect(await again.messagesBefore('fence')).toEqual([])
    await again.disconnect()
    await (await broker.connect({ version: 4, clientId })).disconnect()
  })

  it('without clean start and without a session there is a new one [MQTT-3.1.2-6] [MQTT-3.2.2-3] [MQTT-3.2.2-3]v3', async () => {
    for (const version of [4, 5] as const) {
      const client = await broker.connect({ version, clientId: fresh('c'), cleanStart: false })
      expect(client.connack).toMatchObject({ reasonCode: 0, sessionPresent: false })
    }
  })

  it('a session within its expiry is resumed with its subscriptions [MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-3.2.2-3] [MQTT-3.1.3-2]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    await leave(clientId, topic, 600)
    const again = await broker.connect({ clientId, cleanStart: false, acknowledge: true })
    expect(again.connack.sessionPresent).toBe(true)
    await again.publish(topic, 'x', { qos: 1 })
    expect(texts(await again.messages(1))).toEqual(['x'])
  })

  it('clean start discards the session [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    await leave(clientId, topic, 600)
    const other = await broker.connect()
    await other.publish(topic, 'while offline', { qos: 1 })
    const clean = await broker.connect({ clientId, cleanStart: true, acknowledge: true })
    expect(clean.connack.sessionPresent).toBe(false)
    await clean.publish(topic, 'not subscribed any more', { qos: 1 })
    await clean.subscribe([{ filter: `${topic}/fence`, qos: 1 }])
    await clean.publish(`${topic}/fence`, 'fence', { qos: 1 })
    expect(await clean.messagesBefore('fence')).toEqual([])
  })

  it.each([
    ['is absent', null],
    ['is 0', { sessionExpirySeconds: 0 }],
  ])('the session ends with the connection when its expiry %s [MQTT-4.1.0-2] [MQTT-3.2.2-3]', async (_, properties) => {
    const clientId = fresh('c')
    const first = await broker.connect({ clientId, cleanStart: false, properties })
    await first.subscribe([{ filter: fresh('t'), qos: 1 }])
    await first.disconnect()
    const again = await broker.connect({ clientId, cleanStart: false })
    expect(again.connack.sessionPresent).toBe(false)
  })

  it('the session ends when its expiry has passed [MQTT-4.1.0-2]', async () => {
    const clientId = fresh('c')
    await leave(clientId, fresh('t'), 1)
    await broker.pass(4)
    const again = await broker.connect({ clientId, cleanStart: false })
    expect(again.connack.sessionPresent).toBe(false)
  })

  it('the session does not end while its connection lasts [MQTT-4.1.0-1] [MQTT-4.1.0-2]v3', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const properties = { sessionExpirySeconds: 1 }
    const client = await broker.connect({ clientId, properties, acknowledge: true })
    await client.subscribe([{ filter: topic, qos: 1 }])
    await broker.pass(2)
    await client.publish(topic, 'x', { qos: 1 })
    expect(texts(await client.messages(1))).toEqual(['x'])
    client.kill()
    const again = await broker.connect({ clientId, cleanStart: false })
    expect(again.connack.sessionPresent).toBe(true)
  })

  it.each([
    ['to 0', 600, 0, false],
    ['to more', 1, 600, true],
  ])('DISCONNECT changes the expiry %s [MQTT-3.1.2-23] [MQTT-4.1.0-2]', async (_, asked, changed, present) => {
    const clientId = fresh('c')
    const client = await broker.connect({ clientId, properties: { sessionExpirySeconds: asked } })
    await client.disconnect(0, { sessionExpirySeconds: changed })
    await broker.pass(2)
    const again = await broker.connect({ clientId, cleanStart: false })
    expect(again.connack.sessionPresent).toBe(present)
  })

  it('DISCONNECT must not give a life to a session that asked for none [MQTT-4.13.1-1]', async () => {
    const clientId = fresh('c')
    const client = await broker.connect({ clientId, properties: { sessionExpirySeconds: 0 } })
    client.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpirySeconds: 600 } })
    expect([null, 0x82]).toContain(await client.closed())
    const again = await broker.connect({ clientId, cleanStart: false })
    expect(again.connack.sessionPresent).toBe(false)
  })

  it('0xFFFFFFFF never ends, or CONNACK says how long instead [MQTT-3.1.2-23] [MQTT-3.1.2-5]', async () => {
    const clientId = fresh('c')
    const first = await broker.connect({ clientId, properties: { sessionExpirySeconds: FOR_EVER } })
    const kept = first.server.sessionExpirySeconds ?? FOR_EVER
    expect(kept).toBeGreaterThan(3_600)
    await first.disconnect()
    await broker.pass(1)
    const again = await broker.connect({ clientId, cleanStart: false })
    expect(again.connack.sessionPresent).toBe(true)
    await again.disconnect()
  })

  it('a resumed session goes on under the new expiry [MQTT-3.1.2-5] [MQTT-4.1.0-2]', async () => {
    const clientId = fresh('c')
    await leave(clientId, fresh('t'), 600)
    const second = await broker.connect({ clientId, cleanStart: false, properties: { sessionExpirySeconds: 0 } })
    expect(second.connack.sessionPresent).toBe(true)
    await second.disconnect()
    const third = await broker.connect({ clientId, cleanStart: false })
    expect(third.connack.sessionPresent).toBe(false)
  })

  it('a session left by one version is resumed by the other [MQTT-3.1.2-5] [MQTT-3.1.2-4]v3', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    await leave(clientId, topic, 600)
    const older = await broker.connect({ version: 4, clientId, cleanStart: false, acknowledge: true })
    expect(older.connack.sessionPresent).toBe(true)
    await older.publish(topic, 'x', { qos: 1 })
    expect(texts(await older.messages(1))).toEqual(['x'])
    await older.disconnect()
    const newer = await broker.connect({ clientId, cleanStart: false, acknowledge: true })
    expect(newer.connack.sessionPresent).toBe(true)
  })

  it('UNSUBSCRIBE holds for the session, not for the connection alone [MQTT-3.10.4-1]', async () => {
    const name = fresh('t')
    const clientId = fresh('c')
    const properties = { sessionExpirySeconds: 600 }
    const first = await broker.connect({ clientId, properties })
    await first.subscribe([
      { filter: `${name}/a`, qos: 1 },
      { filter: `${name}/b`, qos: 1 },
    ])
    await first.unsubscribe(`${name}/a`)
    await first.disconnect()
    const again = await broker.connect({ clientId, cleanStart: false, acknowledge: true })
    await again.publish(`${name}/a`, 'no', { qos: 1 })
    await again.publish(`${name}/b`, 'fence', { qos: 1 })
    expect(await again.messagesBefore('fence')).toEqual([])
  })

  it.skipIf(!new Set(['embedded', 'kafka']).has(target.storage))(
    'a session outlives the process of the server [MQTT-3.1.2-23] [MQTT-4.1.0-1]v3',
    async () => {
      const topic = fresh('t')
      const [newer, older] = [fresh('c'), fresh('c')]
      await leave(newer, topic, 600)
      const client = await broker.connect({ version: 4, clientId: older, cleanStart: false })
      await client.subscribe([{ filter: topic, qos: 2 }])
      await client.disconnect()
      await broker.crash()
      const publisher = await broker.connect()
      await publisher.publish(topic, 'after', { qos: 2 })
      for (const options of [{ clientId: newer }, { version: 4, clientId: older } as const]) {
        const again = await broker.connect({ ...options, cleanStart: false, acknowledge: true })
        expect(again.connack.sessionPresent).toBe(true)
        expect(texts(await again.messages(1))).toEqual(['after'])
      }
    },
  )
})
