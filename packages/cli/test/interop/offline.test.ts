/** What is published while a session is offline waits for it. */
import { describe, expect, it } from 'vitest'
import { fresh, numbered, serve, targets, texts } from './target.ts'

describe.each(targets)('offline queueing on $name', (target) => {
  const broker = serve(target)

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    const lasting = (clientId: string) =>
      ({
        version,
        clientId,
        cleanStart: false,
        properties: version === 5 ? { sessionExpirySeconds: 600 } : null,
      }) as const

    async function leave(clientId: string, ...subscriptions: { filter: string; qos: 0 | 1 | 2 }[]) {
      const client = await broker.connect(lasting(clientId))
      await client.subscribe(subscriptions)
      await client.disconnect()
    }

    it.each([1, 2] as const)(
      'QoS %s is kept in order and delivered at the next connection [MQTT-4.5.0-1] [MQTT-3.1.2-5] [MQTT-4.6.0-6] [MQTT-3.1.2-5]v3 [MQTT-4.5.0-1]v3',
      async (qos) => {
        const topic = fresh('t')
        const clientId = fresh('c')
        await leave(clientId, { filter: topic, qos })
        const publisher = await broker.connect()
        const sent = numbered(40)
        for (const text of sent) await publisher.publish(topic, text, { qos })
        const again = await broker.connect({ ...lasting(clientId), acknowledge: true })
        expect(again.connack.sessionPresent).toBe(true)
        const received = await again.messages(sent.length)
        expect(texts(received)).toEqual(sent)
        expect(received.every((message) => message.qos === qos && !message.dup && !message.retain)).toBe(true)
        await publisher.publish(topic, 'live', { qos })
        expect(texts(await again.messages(1))).toEqual(['live'])
        await again.disconnect()
      },
    )

    it('several topics and filters, each in its order, with the QoS of its subscription [MQTT-3.8.4-8] [MQTT-4.6.0-5] [MQTT-3.1.2-5]v3', async () => {
      const name = fresh('t')
      const clientId = fresh('c')
      await leave(clientId, { filter: `${name}/+/a`, qos: 1 }, { filter: `${name}/x/b`, qos: 2 })
      const publisher = await broker.connect()
      for (let at = 0; at < 10; at++) {
        for (const topic of ['x/a', 'y/a', 'x/b']) await publisher.publish(`${name}/${topic}`, `${at}`, { qos: 2 })
        await publisher.publish(`${name}/y/b`, 'matches nothing', { qos: 2 })
      }
      const again = await broker.connect({ ...lasting(clientId), acknowledge: true })
      const received = await again.messages(30)
      for (const [topic, qos] of [
        ['x/a', 1],
        ['y/a', 1],
        ['x/b', 2],
      ] as const) {
        const mine = received.filter((message) => message.topic === `${name}/${topic}`)
        expect(texts(mine)).toEqual(Array.from({ length: 10 }, (_, at) => `${at}`))
        expect(mine.every((message) => message.qos === qos)).toBe(true)
      }
      await again.disconnect()
    })

    it('what was acknowledged does not come again [MQTT-4.4.0-1] [MQTT-4.3.2-3] [MQTT-4.4.0-1]v3', async () => {
      const topic = fresh('t')
      const clientId = fresh('c')
      await leave(clientId, { filter: topic, qos: 2 })
      const publisher = await broker.connect()
      for (const text of ['one', 'two']) await publisher.publish(topic, text, { qos: 1 })
      await publisher.publish(topic, 'three', { qos: 2 })
      const first = await broker.connect({ ...lasting(clientId), acknowledge: true })
      expect(texts(await first.messages(3)).sort()).toEqual(['one', 'three', 'two'])
      await first.ping()
      await first.disconnect()
      const again = await broker.connect({ ...lasting(clientId), acknowledge: true })
      await publisher.publish(topic, 'fence', { qos: 1 })
      expect(texts(await again.messagesBefore('fence'))).toEqual([])
      await again.disconnect()
    })

    it('a lost connection is as good as DISCONNECT for what is kept [MQTT-3.1.2-23] [MQTT-3.1.2-5]v3', async () => {
      const topic = fresh('t')
      const clientId = fresh('c')
      const client = await broker.connect(lasting(clientId))
      await client.subscribe([{ filter: topic, qos: 1 }])
      client.kill()
      const publisher = await broker.connect()
      const sent = numbered(5)
      for (const text of sent) await publisher.publish(topic, text, { qos: 1 })
      const again = await broker.connect({ ...lasting(clientId), acknowledge: true })
      // What went into the broken connection may be marked as sent before, but must be there.
      expect(texts(await again.messages(5))).toEqual(sent)
      await again.disconnect()
    })

    it.skipIf(target.storage === 'external')(
      'nothing is lost when the server is killed meanwhile [MQTT-3.1.2-5] [MQTT-4.5.0-1] [MQTT-4.1.0-1]v3',
      async () => {
        const topic = fresh('t')
        const clientId = fresh('c')
        await leave(clientId, { filter: `${topic}/#`, qos: 2 })
        const sent = numbered(20)
        const publisher = await broker.connect()
        for (const [at, text] of sent.entries()) {
          await publisher.publish(`${topic}/1`, text, { qos: 1 })
          await publisher.publish(`${topic}/2`, text, { qos: 2 })
          if (at !== 9) continue
          await broker.crash()
          break
        }
        const second = await broker.connect()
        for (const text of sent.slice(10)) {
          await second.publish(`${topic}/1`, text, { qos: 1 })
          await second.publish(`${topic}/2`, text, { qos: 2 })
        }
        const again = await broker.connect({ ...lasting(clientId), acknowledge: true })
        expect(again.connack.sessionPresent).toBe(true)
        const received = await again.messages(40)
        for (const level of ['1', '2']) {
          expect(texts(received.filter((message) => message.topic === `${topic}/${level}`))).toEqual(sent)
        }
        await again.disconnect()
      },
    )
  })
})
