/** Retained messages: kept, replayed, replaced, cleared. */
import type { Properties } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

describe.each(targets)('retained messages on $name', (target) => {
  const broker = serve(target)

  /** What a new subscriber gets before a fence on the topic. */
  async function replayed(filter: string, fence: string, version: 4 | 5 = 5) {
    const subscriber = await broker.subscriber(filter, { version })
    await subscriber.publish(fence, 'fence', { qos: 2 })
    return subscriber.messagesBefore('fence')
  }

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    it('reach later subscribers with RETAIN, those already there without [MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT-3.3.1-12] [MQTT-3.3.1-5]v3 [MQTT-3.3.1-6]v3 [MQTT-3.3.1-8]v3 [MQTT-3.3.1-9]v3', async () => {
      const topic = fresh('r')
      const early = await broker.subscriber(topic, { version })
      const publisher = await broker.connect({ version })
      await publisher.publish(topic, 'kept', { qos: 1, retain: true })
      expect(await early.take('publish')).toMatchObject({ retain: false, qos: 1 })
      const late = await broker.subscriber(topic, { version })
      expect(await late.take('publish')).toMatchObject({ retain: true, qos: 1, payload: Buffer.from('kept') })
    })

    it.each([0, 1, 2] as const)(
      'the last of several with QoS %s is the one kept [MQTT-3.3.1-5] [MQTT-3.3.1-5]v3 [MQTT-3.3.1-7]v3',
      async (qos) => {
        const topic = fresh('r')
        const early = await broker.subscriber(topic, { version })
        const publisher = await broker.connect({ version })
        await publisher.publish(topic, 'first', { qos: 2, retain: true })
        await publisher.publish(topic, 'last', { qos, retain: true })
        await early.messages(2)
        expect(await replayed(topic, topic, version)).toMatchObject([
          { payload: Buffer.from('last'), retain: true, qos },
        ])
      },
    )

    it('arrive with the lower QoS of message and subscription [MQTT-3.8.4-8] [MQTT-3.8.4-6]v3', async () => {
      const topic = fresh('r')
      const publisher = await broker.connect({ version })
      await publisher.publish(topic, 'x', { qos: 2, retain: true })
      for (const qos of [0, 1, 2] as const) {
        const subscriber = await broker.subscriber(topic, { version, qos })
        expect(await subscriber.take('publish')).toMatchObject({ qos, retain: true })
      }
    })

    it('an empty one clears the topic, is not kept, and is delivered as an ordinary message [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-10]v3 [MQTT-3.3.1-11]v3', async () => {
      const topic = fresh('r')
      const early = await broker.subscriber(topic, { version })
      const publisher = await broker.connect({ version })
      await publisher.publish(topic, 'kept', { qos: 1, retain: true })
      await publisher.publish(topic, '', { qos: 1, retain: true })
      expect(await early.messages(2)).toMatchObject([{ retain: false }, { retain: false, payload: Buffer.alloc(0) }])
      expect(await replayed(topic, topic, version)).toEqual([])
    })

    it('a message without RETAIN neither replaces nor clears [MQTT-3.3.1-8] [MQTT-3.3.1-12]v3', async () => {
      const topic = fresh('r')
      const publisher = await broker.connect({ version })
      await publisher.publish(topic, 'kept', { qos: 1, retain: true })
      await publisher.publish(topic, 'passing', { qos: 1 })
      await publisher.publish(topic, '', { qos: 1 })
      expect(texts(await replayed(topic, topic, version))).toEqual(['kept'])
    })

    it('all that match a wildcard are replayed, once each [MQTT-3.3.1-9] [MQTT-4.7.2-1] [MQTT-3.3.1-6]v3', async () => {
      const name = fresh('r')
      const publisher = await broker.connect({ version })
      const matching = ['', '/a', '/a/b', '/b/c'].map((rest) => `${name}${rest}`)
      for (const topic of [...matching, `${name}x`]) await publisher.publish(topic, topic, { qos: 1, retain: true })
      expect(texts(await replayed(`${name}/#`, `${name}/fence`, version)).sort()).toEqual([...matching].sort())
      expect(texts(await replayed(`${name}/+`, `${name}/fence`, version))).toEqual([`${name}/a`])
    })

    it('are no part of a session [MQTT-3.1.2-7]v3', async () => {
      const topic = fresh('r')
      const publisher = await broker.connect({ version, cleanStart: true })
      await publisher.publish(topic, 'kept', { qos: 1, retain: true })
      await publisher.disconnect()
      expect(texts(await replayed(topic, topic, version))).toEqual(['kept'])
    })

    it('are sent again when the same filter is subscribed again [MQTT-3.8.4-3] [MQTT-3.8.4-4] [MQTT-3.8.4-3]v3', async () => {
      const topic = fresh('r')
      const subscriber = await broker.connect({ version, acknowledge: true })
      await subscriber.publish(topic, 'kept', { qos: 1, retain: true })
      for (const qos of [0, 1] as const) {
        await subscriber.subscribe([{ filter: topic, qos }])
        expect(await subscriber.take('publish')).toMatchObject({ payload: Buffer.from('kept'), retain: true, qos })
      }
      await subscriber.publish(topic, 'fence', { qos: 1 })
      expect(await subscriber.messagesBefore('fence')).toEqual([])
    })

    it.skipIf(target.storage === 'external')(
      'outlive the process of the server [MQTT-3.3.1-5] [MQTT-3.3.1-5]v3',
      async () => {
        const name = fresh('r')
        const publisher = await broker.connect({ version })
        await publisher.publish(`${name}/kept`, 'kept', { qos: 1, retain: true })
        await publisher.publish(`${name}/cleared`, 'x', { qos: 1, retain: true })
        await publisher.publish(`${name}/cleared`, '', { qos: 1, retain: true })
        await broker.crash()
        expect(texts(await replayed(`${name}/#`, `${name}/fence`, version))).toEqual(['kept'])
      },
    )
  })

  it('keep their properties, user properties in order [MQTT-3.3.2-18] [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20]', async () => {
    const topic = fresh('r')
    const publisher = await broker.connect()
    const properties: Properties = {
      payloadFormat: 1,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from('c'),
      userProperties: [
        ['z', '1'],
        ['a', '2'],
        ['z', '1'],
      ],
    }
    await publisher.publish(topic, 'kept', { qos: 1, retain: true, properties })
    const late = await broker.subscriber(topic)
    expect((await late.take('publish')).properties).toEqual(properties)
    // The next value has properties of its own.
    await publisher.publish(topic, 'plain', { qos: 1, retain: true })
    const last = await broker.subscriber(topic)
    expect(await last.take('publish')).toMatchObject({ payload: Buffer.from('plain'), properties: null })
  })

  it('of one version reach subscribers of the other', async () => {
    const topic = fresh('r')
    const older = await broker.connect({ version: 4 })
    const newer = await broker.connect({ version: 5 })
    await older.publish(topic, 'from 3.1.1', { qos: 1, retain: true })
    expect(texts(await replayed(topic, topic, 5))).toEqual(['from 3.1.1'])
    await newer.publish(topic, 'from 5', { qos: 1, retain: true, properties: { contentType: 'x' } })
    expect(texts(await replayed(topic, topic, 4))).toEqual(['from 5'])
  })
})
