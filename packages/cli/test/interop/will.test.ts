/** Will messages: when they are published, when not, and what they carry. */
import type { Properties, Qos, Version, Will } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

const willTo = (topic: string, properties: Properties | null = null, qos: Qos = 1, retain = false): Will => ({
  topic,
  payload: Buffer.from('will'),
  qos,
  retain,
  properties,
})

describe.each(targets)('wills on $name', (target) => {
  const broker = serve(target)

  /** A subscriber of a new topic and a client whose will goes there. */
  async function pair(options: {
    version?: Version
    properties?: Properties
    session?: Properties
    clientId?: string
  }) {
    const { version = 5, properties = null, session = null, clientId = fresh('c') } = options
    const topic = fresh('w')
    const watcher = await broker.subscriber(topic)
    const client = await broker.connect({ version, clientId, will: willTo(topic, properties), properties: session })
    return { topic, watcher, client, clientId }
  }

  /** What the watcher got on its topic before a message published now. */
  async function before(watcher: Awaited<ReturnType<typeof pair>>['watcher'], topic: string) {
    const publisher = await broker.connect()
    await publisher.publish(topic, 'fence', { qos: 1 })
    return texts(await watcher.messagesBefore('fence'))
  }

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    it.each(['reset', 'end'] as const)(
      'is published when the connection is lost by TCP %s [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-14] [MQTT-3.1.2-8]v3 [MQTT-3.1.2-16]v3',
      async (how) => {
        const { watcher, client, topic } = await pair({ version })
        if (how === 'reset') client.kill()
        else await client.hangUp()
        expect(await watcher.take('publish')).toMatchObject({
          topic,
          qos: 1,
          retain: false,
          payload: Buffer.from('will'),
        })
      },
    )

    it('is published when keep-alive has passed [MQTT-3.1.2-8] [MQTT-3.1.2-22] [MQTT-3.1.2-8]v3 [MQTT-3.1.2-24]v3', async () => {
      const topic = fresh('w')
      const watcher = await broker.subscriber(topic)
      const client = await broker.connect({ version, keepAliveSeconds: 1, will: willTo(topic) })
      await client.closed()
      expect(texts(await watcher.messages(1))).toEqual(['will'])
    })

    it('is published when the server ends the connection for an error of the client [MQTT-3.1.2-8] [MQTT-3.1.2-8]v3', async () => {
      const { watcher, client } = await pair({ version })
      client.sendBytes(Buffer.from([0xf7, 0x00]))
      await client.closed()
      expect(texts(await watcher.messages(1))).toEqual(['will'])
    })

    it('is not published after DISCONNECT 0x00 [MQTT-3.14.4-3] [MQTT-3.1.2-10] [MQTT-3.14.4-3]v3 [MQTT-3.1.2-10]v3', async () => {
      const { watcher, client, topic } = await pair({ version })
      await client.disconnect()
      expect(await before(watcher, topic)).toEqual([])
    })

    it('is gone once it was published [MQTT-3.1.2-10] [MQTT-3.1.2-12]v3 [MQTT-3.1.2-10]v3', async () => {
      const { watcher, client, topic, clientId } = await pair({ version })
      client.kill()
      expect(texts(await watcher.messages(1))).toEqual(['will'])
      const again = await broker.connect({ version, clientId, cleanStart: false })
      await again.ping()
      again.kill()
      await (await broker.connect({ version, clientId })).disconnect()
      expect(await before(watcher, topic)).toEqual([])
    })

    it.each([0, 1, 2] as const)('has its own QoS, %s [MQTT-3.1.2-9] [MQTT-3.1.2-9]v3', async (qos) => {
      const topic = fresh('w')
      const watcher = await broker.subscriber(topic)
      const client = await broker.connect({ version, will: willTo(topic, null, qos) })
      client.kill()
      expect(await watcher.take('publish')).toMatchObject({ qos })
    })

    it('is retained when it says so, and not else [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.1.2-16]v3 [MQTT-3.1.2-17]v3', async () => {
      const name = fresh('w')
      const watcher = await broker.subscriber(`${name}/#`)
      const kept = await broker.connect({ version, will: willTo(`${name}/kept`, null, 1, true) })
      const passing = await broker.connect({ version, will: willTo(`${name}/passing`) })
      kept.kill()
      passing.kill()
      await watcher.messages(2)
      const late = await broker.subscriber(`${name}/#`)
      await late.publish(`${name}/kept`, 'fence', { qos: 1 })
      const received = await late.messagesBefore('fence')
      expect(received).toMatchObject([{ topic: `${name}/kept`, retain: true, payload: Buffer.from('will') }])
      await late.publish(`${name}/kept`, '', { qos: 1, retain: true })
    })

    it('an empty will clears what was retained [MQTT-3.3.1-6] [MQTT-3.3.1-10]v3', async () => {
      const topic = fresh('w')
      const watcher = await broker.subscriber(topic)
      await watcher.publish(topic, 'old', { qos: 1, retain: true })
      const will = { ...willTo(topic, null, 1, true), payload: Buffer.alloc(0) }
      const client = await broker.connect({ version, will })
      client.kill()
      expect(texts(await watcher.messages(2))).toEqual(['old', ''])
      const late = await broker.subscriber(topic)
      await late.publish(topic, 'fence', { qos: 1 })
      expect(await late.messagesBefore('fence')).toEqual([])
    })

    it('goes to the topic of its own, whatever else was published there', async () => {
      const { watcher, client, topic } = await pair({ version })
      await client.publish(topic, 'live', { qos: 1 })
      client.kill()
      expect(texts(await watcher.messages(2))).toEqual(['live', 'will'])
    })
  })

  it('is published after DISCONNECT 0x04 [MQTT-3.1.2-8]', async () => {
    const { watcher, client } = await pair({})
    await client.disconnect(0x04)
    expect(texts(await watcher.messages(1))).toEqual(['will'])
  })

  it('3.1.1: a session that stays does not hold its will back [MQTT-3.1.2-8]v3', async () => {
    const topic = fresh('w')
    const clientId = fresh('c')
    const watcher = await broker.subscriber(topic)
    const client = await broker.connect({ version: 4, clientId, cleanStart: false, will: willTo(topic) })
    client.kill()
    expect(texts(await watcher.messages(1))).toEqual(['will'])
    await (await broker.connect({ version: 4, clientId })).disconnect()
  })

  it('reaches clients of both versions', async () => {
    const topic = fresh('w')
    const older = await broker.subscriber(topic, { version: 4 })
    const newer = await broker.subscriber(topic, { version: 5 })
    const client = await broker.connect({ will: willTo(topic, { contentType: 'text/plain' }) })
    client.kill()
    expect(await older.take('publish')).toMatchObject({ properties: null })
    expect(await newer.take('publish')).toMatchObject({ properties: { contentType: 'text/plain' } })
  })

  it('carries its properties, user properties in order; the delay is not among them [MQTT-3.1.3-10] [MQTT-3.3.2-18]', async () => {
    const properties: Properties = {
      payloadFormat: 1,
      messageExpirySeconds: 600,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from([0, 255]),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
    }
    const { watcher, client } = await pair({ properties: { ...properties, willDelaySeconds: 0 } })
    client.kill()
    const { properties: received } = await watcher.take('publish')
    const { messageExpirySeconds, ...rest } = received!
    const { messageExpirySeconds: sent, ...expected } = properties
    expect(rest).toEqual(expected)
    expect(messageExpirySeconds).toBeGreaterThan(sent! - 60)
    expect(messageExpirySeconds).toBeLessThanOrEqual(sent!)
  })

  describe('with a delay', () => {
    const lasting = { sessionExpirySeconds: 600 }

    it('is published when the delay has passed [MQTT-3.1.2-8]', async () => {
      const { watcher, client } = await pair({ properties: { willDelaySeconds: 1 }, session: lasting })
      client.kill()
      expect(texts(await watcher.messages(1))).toEqual(['will'])
    })

    it('is not published before [MQTT-3.1.2-8]', async () => {
      const { watcher, client, topic } = await pair({ properties: { willDelaySeconds: 300 }, session: lasting })
      client.kill()
      await broker.pass(1)
      expect(await before(watcher, topic)).toEqual([])
    })

    it('is not published when the client comes back in time [MQTT-3.1.3-9] [MQTT-3.1.2-8]', async () => {
      const { watcher, client, topic, clientId } = await pair({ properties: { willDelaySeconds: 2 }, session: lasting })
      client.kill()
      const again = await broker.connect({ clientId, cleanStart: false, properties: lasting })
      expect(again.connack.sessionPresent).toBe(true)
      await broker.pass(3)
      expect(await before(watcher, topic)).toEqual([])
    })

    it('is published at once when the session ends first, by expiry [MQTT-3.1.2-8]', async () => {
      const session = { sessionExpirySeconds: 1 }
      const { watcher, client } = await pair({ properties: { willDelaySeconds: 600 }, session })
      client.kill()
      expect(texts(await watcher.messages(1))).toEqual(['will'])
    })

    it('is published at once when the session ends with the connection [MQTT-3.1.2-8]', async () => {
      const { watcher, client } = await pair({ properties: { willDelaySeconds: 600 } })
      client.kill()
      expect(texts(await watcher.messages(1))).toEqual(['will'])
    })

    it('is published at once when clean start ends the session [MQTT-3.1.2-8] [MQTT-3.1.2-4]', async () => {
      const { watcher, client, clientId } = await pair({ properties: { willDelaySeconds: 600 }, session: lasting })
      client.kill()
      await broker.connect({ clientId, cleanStart: true })
      expect(texts(await watcher.messages(1))).toEqual(['will'])
    })

    it('is not published after DISCONNECT 0x00, and waits after 0x04 [MQTT-3.14.4-3] [MQTT-3.1.2-8]', async () => {
      const clean = await pair({ properties: { willDelaySeconds: 1 }, session: lasting })
      const unclean = await pair({ properties: { willDelaySeconds: 1 }, session: lasting })
      await clean.client.disconnect()
      await unclean.client.disconnect(0x04)
      expect(texts(await unclean.watcher.messages(1))).toEqual(['will'])
      await broker.pass(1)
      expect(await before(clean.watcher, clean.topic)).toEqual([])
    })

    it.skipIf(target.storage === 'external')(
      'survives the process of the server [MQTT-3.1.2-7] [MQTT-3.1.2-8]',
      async () => {
        const topic = fresh('w')
        const clientId = fresh('c')
        const watching = { clientId, properties: lasting, deadlineMs: 60_000 }
        await (await broker.subscriber(topic, watching)).disconnect()
        const properties = { willDelaySeconds: 2 }
        const offline = await broker.connect({ will: willTo(topic, properties), properties: lasting })
        offline.kill()
        await broker.connect({ will: willTo(topic), properties: lasting })
        await broker.crash()
        const watcher = await broker.connect({ ...watching, cleanStart: false, acknowledge: true })
        expect(texts(await watcher.messages(2))).toEqual(['will', 'will'])
      },
      120_000,
    )
  })
})
