/** What was delivered and not acknowledged comes again after a reconnect, and only then. */
import { describe, expect, it } from 'vitest'
import { fresh, numbered, serve, targets, texts } from './target.ts'

describe.each(targets)('redelivery on $name', (target) => {
  const broker = serve(target)

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    const lasting = (clientId: string) =>
      ({
        version,
        clientId,
        cleanStart: false,
        properties: version === 5 ? { sessionExpirySeconds: 600 } : null,
      }) as const

    /** A client that answers nothing, subscribed to a topic on which `sent` was published, and what it received. */
    async function delivered(qos: 1 | 2, sent: readonly string[]) {
      const topic = fresh('t')
      const clientId = fresh('c')
      const client = await broker.connect(lasting(clientId))
      await client.subscribe([{ filter: topic, qos }])
      const publisher = await broker.connect()
      for (const text of sent) await publisher.publish(topic, text, { qos })
      const received = await client.messages(sent.length)
      expect(texts(received)).toEqual(sent)
      return { topic, clientId, client, publisher, received, ids: received.map(({ packetId }) => packetId) }
    }

    describe.each(['lost connection', ...(target.storage === 'external' ? [] : ['killed server'])])(
      'over a %s',
      (how) => {
        async function comeBack(client: { kill(): void }, clientId: string, acknowledge = false) {
          client.kill()
          if (how === 'killed server') {
            // Progress of QoS 1 is stored within a second; a server killed before that sends again [MQTT-4.3.2-1].
            await broker.pass(1)
            await broker.crash()
          }
          const again = await broker.connect({ ...lasting(clientId), acknowledge })
          expect(again.connack.sessionPresent).toBe(true)
          return again
        }

        it.each([1, 2] as const)(
          'QoS %s: same packet identifiers, same order, DUP [MQTT-4.3.3-3] [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] [MQTT-4.4.0-1]v3 [MQTT-3.3.1-1]v3 [MQTT-4.6.0-1]v3 [MQTT-2.3.1-3]v3',
          async (qos) => {
            const sent = numbered(5)
            const { clientId, client, ids } = await delivered(qos, sent)
            expect(new Set(ids).size).toBe(5)
            const again = await comeBack(client, clientId, true)
            const received = await again.messages(5)
            expect(texts(received)).toEqual(sent)
            expect(received.map(({ packetId }) => packetId)).toEqual(ids)
            expect(received.every((message) => message.dup && message.qos === qos)).toBe(true)
            await again.disconnect()
          },
        )

        it('QoS 1: what was acknowledged, in any order, does not come again [MQTT-4.4.0-1] [MQTT-4.3.2-3] [MQTT-4.3.2-1]v3', async () => {
          const { topic, clientId, client, ids } = await delivered(1, numbered(5))
          client.acknowledge('puback', ids[3]!)
          client.acknowledge('puback', ids[1]!)
          await client.ping()
          await client.disconnect()
          const again = await comeBack(client, clientId, true)
          const publisher = await broker.connect()
          await publisher.publish(topic, 'fence', { qos: 1 })
          expect(texts(await again.messagesBefore('fence'))).toEqual(['m0', 'm2', 'm4'])
          await again.disconnect()
        })

        it('QoS 2 after PUBREC: PUBREL comes again, PUBLISH never [MQTT-4.3.3-6] [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.4.0-1] [MQTT-4.3.3-1]v3 [MQTT-4.4.0-1]v3', async () => {
          const { clientId, client, ids } = await delivered(2, numbered(3))
          for (const packetId of ids.slice(0, 2)) {
            client.acknowledge('pubrec', packetId)
            expect(await client.take('pubrel')).toMatchObject({ packetId, reasonCode: 0 })
          }
          const again = await comeBack(client, clientId)
          const released = [await again.take('pubrel'), await again.take('pubrel')]
          expect(released.map(({ packetId }) => packetId)).toEqual(ids.slice(0, 2))
          expect(await again.take('publish')).toMatchObject({ packetId: ids[2], dup: true, payload: Buffer.from('m2') })
          expect(again.received).toEqual([])
          again.acknowledge('pubrec', ids[2]!)
          await again.take('pubrel')
          for (const packetId of ids) again.acknowledge('pubcomp', packetId)
          await again.ping()
          await again.disconnect()
          const last = await broker.connect(lasting(clientId))
          await last.ping()
          expect(last.received).toEqual([])
          await last.disconnect()
        })

        it('QoS 2 after PUBCOMP: nothing comes again [MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.3.3-1]v3', async () => {
          const { topic, clientId, client, ids } = await delivered(2, numbered(2))
          for (const packetId of ids) {
            client.acknowledge('pubrec', packetId)
            await client.take('pubrel')
            client.acknowledge('pubcomp', packetId)
          }
          await client.ping()
          await client.disconnect()
          const again = await comeBack(client, clientId, true)
          const publisher = await broker.connect()
          await publisher.publish(topic, 'fence', { qos: 2 })
          expect(await again.messagesBefore('fence')).toEqual([])
          await again.disconnect()
        })

        it('what was waiting comes behind what was in flight [MQTT-4.6.0-6] [MQTT-4.6.0-1] [MQTT-4.6.0-1]v3', async () => {
          const { topic, clientId, client, publisher } = await delivered(1, numbered(3))
          client.kill()
          for (const text of ['w0', 'w1']) await publisher.publish(topic, text, { qos: 1 })
          const again = await comeBack(client, clientId, true)
          const received = await again.messages(5)
          expect(texts(received)).toEqual(['m0', 'm1', 'm2', 'w0', 'w1'])
          expect(received.slice(0, 3).every(({ dup }) => dup)).toBe(true)
          await again.disconnect()
        })
      },
    )

    it('nothing is sent again while the connection lasts [MQTT-4.4.0-1]', async () => {
      const { topic, client, publisher } = await delivered(1, numbered(2))
      await broker.pass(2)
      await publisher.publish(topic, 'fence', { qos: 1 })
      expect(texts(await client.messagesBefore('fence'))).toEqual([])
      client.kill()
    })

    it('a packet identifier in use is not given away [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-2.3.1-4]v3', async () => {
      const topic = fresh('t')
      const clientId = fresh('c')
      const client = await broker.connect(lasting(clientId))
      await client.subscribe([{ filter: topic, qos: 1 }])
      const publisher = await broker.connect()
      await publisher.publish(topic, 'held', { qos: 1 })
      const [held] = await client.messages(1)
      for (const text of numbered(20)) {
        await publisher.publish(topic, text, { qos: 1 })
        const [message] = await client.messages(1)
        expect(message!.packetId).not.toBe(held!.packetId)
        client.acknowledge('puback', message!.packetId)
      }
    })

    it('clean start ends what was in flight [MQTT-3.1.2-4] [MQTT-3.1.2-6]v3', async () => {
      const { topic, clientId, client } = await delivered(2, numbered(2))
      client.kill()
      const again = await broker.connect({ version, clientId, cleanStart: true, acknowledge: true })
      await again.subscribe([{ filter: topic, qos: 2 }])
      await again.publish(topic, 'fence', { qos: 2 })
      expect(texts(await again.messagesBefore('fence'))).toEqual([])
    })
  })

  const lasting = (clientId: string) =>
    ({ clientId, cleanStart: false, properties: { sessionExpirySeconds: 600 } }) as const

  it.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('QoS %s: %s with a failure ends the exchange [MQTT-4.4.0-2] [MQTT-4.3.3-4]', async (qos, type) => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const client = await broker.connect(lasting(clientId))
    await client.subscribe([{ filter: topic, qos }])
    const publisher = await broker.connect()
    await publisher.publish(topic, 'refused', { qos })
    const [message] = await client.messages(1)
    client.acknowledge(type, message!.packetId, 0x80)
    await client.ping()
    expect(client.received).toEqual([])
    await client.disconnect()
    const again = await broker.connect({ ...lasting(clientId), acknowledge: true })
    await publisher.publish(topic, 'fence', { qos })
    expect(await again.messagesBefore('fence')).toEqual([])
  })

  it('QoS 2: a message that was sent does not expire before it is done [MQTT-4.3.3-7] [MQTT-4.4.0-1]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const client = await broker.connect(lasting(clientId))
    await client.subscribe([{ filter: topic, qos: 2 }])
    const publisher = await broker.connect()
    await publisher.publish(topic, 'x', { qos: 2, properties: { messageExpirySeconds: 1 } })
    const [message] = await client.messages(1)
    client.kill()
    await broker.pass(1)
    const again = await broker.connect({ ...lasting(clientId), acknowledge: true })
    expect(await again.take('publish')).toMatchObject({ packetId: message!.packetId, dup: true })
    await again.ping()
  })
})
