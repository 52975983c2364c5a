/** QoS 2 from the client: exactly once, whatever is sent again, over reconnects. Published at PUBLISH or at PUBREL: both are allowed. */
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

describe.each(targets)('QoS 2 from clients on $name', (target) => {
  const broker = serve(target)

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    const lasting = (clientId: string) =>
      ({
        version,
        clientId,
        cleanStart: false,
        properties: version === 5 ? { sessionExpirySeconds: 600 } : null,
      }) as const

    async function parties() {
      const topic = fresh('t')
      const watcher = await broker.subscriber(topic)
      const clientId = fresh('c')
      const publisher = await broker.connect(lasting(clientId))
      return { topic, watcher, clientId, publisher }
    }

    it('PUBLISH, PUBREC, PUBREL, PUBCOMP under one packet identifier, delivered once [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-2.2.1-5] [MQTT-4.3.3-2]v3 [MQTT-2.3.1-6]v3', async () => {
      const { topic, watcher, publisher } = await parties()
      publisher.startPublish(topic, 'x', { qos: 2, packetId: 0xfffe })
      expect(await publisher.next('pubrec')).toMatchObject({ packetId: 0xfffe })
      publisher.acknowledge('pubrel', 0xfffe)
      expect(await publisher.next('pubcomp')).toMatchObject({ packetId: 0xfffe, reasonCode: 0 })
      await publisher.publish(topic, 'fence', { qos: 2 })
      expect(texts(await watcher.messagesBefore('fence'))).toEqual(['x'])
    })

    it('a PUBLISH sent again before PUBREL is answered by PUBREC and not delivered again [MQTT-4.3.3-10] [MQTT-4.3.3-2]v3', async () => {
      const { topic, watcher, publisher } = await parties()
      publisher.startPublish(topic, 'x', { qos: 2, packetId: 5 })
      await publisher.next('pubrec')
      for (let again = 0; again < 3; again++) {
        publisher.startPublish(topic, 'x', { qos: 2, packetId: 5, dup: true })
        expect(await publisher.next('pubrec')).toMatchObject({ packetId: 5 })
      }
      publisher.acknowledge('pubrel', 5)
      await publisher.next('pubcomp')
      await publisher.publish(topic, 'fence', { qos: 2 })
      expect(texts(await watcher.messagesBefore('fence'))).toEqual(['x'])
    })

    it('after PUBCOMP the packet identifier means a new message [MQTT-4.3.3-12] [MQTT-4.3.3-2]v3', async () => {
      const { topic, watcher, publisher } = await parties()
      for (const text of ['one', 'two', 'two']) await publisher.publish(topic, text, { qos: 2, packetId: 9 })
      expect(texts(await watcher.messages(3))).toEqual(['one', 'two', 'two'])
    })

    it('QoS 1 with the packet identifier of a finished exchange is a new message each time [MQTT-4.3.2-4] [MQTT-4.3.2-5] [MQTT-4.3.2-2]v3', async () => {
      const { topic, watcher, publisher } = await parties()
      for (const dup of [false, true]) await publisher.publish(topic, 'same', { qos: 1, packetId: 3, dup })
      const received = await watcher.messages(2)
      expect(texts(received)).toEqual(['same', 'same'])
      expect(
        received.every((message) => !message.dup),
        'DUP is not passed on [MQTT-3.3.1-3]',
      ).toBe(true)
    })

    it('DUP of the publisher is not passed on [MQTT-3.3.1-3] [MQTT-3.3.1-3]v3', async () => {
      const { topic, watcher, publisher } = await parties()
      await publisher.publish(topic, 'x', { qos: 2, dup: true })
      expect(await watcher.take('publish')).toMatchObject({ qos: 2, dup: false })
    })

    it('several are open at once; PUBRECs come in the order of the PUBLISHes [MQTT-4.6.0-3] [MQTT-4.6.0-3]v3', async () => {
      const { topic, watcher, publisher } = await parties()
      const ids = [7, 3, 11, 1]
      for (const packetId of ids) publisher.startPublish(topic, `${packetId}`, { qos: 2, packetId })
      for (const packetId of ids) expect(await publisher.next('pubrec')).toMatchObject({ packetId })
      for (const packetId of ids) publisher.acknowledge('pubrel', packetId)
      for (const packetId of ids) expect(await publisher.next('pubcomp')).toMatchObject({ packetId })
      expect(texts(await watcher.messages(4))).toEqual(ids.map(String))
    })

    describe.each(['lost connection', ...(target.storage === 'external' ? [] : ['killed server'])])(
      'over a %s',
      (how) => {
        async function comeBack(publisher: { kill(): void }, clientId: string) {
          publisher.kill()
          if (how === 'killed server') await broker.crash()
          const again = await broker.connect(lasting(clientId))
          expect(again.connack.sessionPresent).toBe(true)
          return again
        }

        /** The watcher has to outlive the server as well. */
        async function lastingParties() {
          const topic = fresh('t')
          const watching = { clientId: fresh('c'), cleanStart: false, properties: { sessionExpirySeconds: 600 } }
          // Away meanwhile, so that what it gets later is all there was.
          await (await broker.subscriber(topic, watching)).disconnect()
          const clientId = fresh('c')
          const publisher = await broker.connect(lasting(clientId))
          return { topic, clientId, publisher, watching }
        }

        async function delivered(watching: Parameters<typeof broker.connect>[0], topic: string) {
          const publisher = await broker.connect()
          const watcher = await broker.connect({ ...watching, acknowledge: true })
          await publisher.publish(topic, 'fence', { qos: 2 })
          return texts(await watcher.messagesBefore('fence'))
        }

        it('before PUBREC was seen: the PUBLISH sent again is delivered once [MQTT-4.3.3-10] [MQTT-4.4.0-1] [MQTT-4.3.3-2]v3 [MQTT-4.4.0-1]v3', async () => {
          const { topic, clientId, publisher, watching } = await lastingParties()
          publisher.startPublish(topic, 'x', { qos: 2, packetId: 21 })
          // The server has taken it: the PUBREC is in this log, though the client acts as if it was not.
          await publisher.take('pubrec')
          const again = await comeBack(publisher, clientId)
          again.startPublish(topic, 'x', { qos: 2, packetId: 21, dup: true })
          expect(await again.next('pubrec')).toMatchObject({ packetId: 21 })
          again.acknowledge('pubrel', 21)
          expect(await again.next('pubcomp')).toMatchObject({ packetId: 21 })
          expect(await delivered(watching, topic)).toEqual(['x'])
        })

        it('after PUBREC: PUBREL alone completes it [MQTT-4.3.3-11] [MQTT-4.1.0-1] [MQTT-4.3.3-2]v3', async () => {
          const { topic, clientId, publisher, watching } = await lastingParties()
          publisher.startPublish(topic, 'x', { qos: 2, packetId: 22 })
          await publisher.take('pubrec')
          const again = await comeBack(publisher, clientId)
          again.acknowledge('pubrel', 22)
          expect(await again.next('pubcomp')).toMatchObject({ packetId: 22, reasonCode: 0 })
          // From here on the identifier means something new.
          await again.publish(topic, 'y', { qos: 2, packetId: 22 })
          expect(await delivered(watching, topic)).toEqual(['x', 'y'])
        })

        it('after PUBREL: a second PUBREL is answered as well, and nothing is delivered twice [MQTT-4.3.3-11] [MQTT-4.3.3-2]v3', async () => {
          const { topic, clientId, publisher, watching } = await lastingParties()
          await publisher.publish(topic, 'x', { qos: 2, packetId: 23 })
          const again = await comeBack(publisher, clientId)
          again.acknowledge('pubrel', 23)
          const { reasonCode } = await again.next('pubcomp')
          expect([0, 0x92]).toContain(reasonCode)
          expect(await delivered(watching, topic)).toEqual(['x'])
        })
      },
    )

    it('clean start forgets what was not released [MQTT-3.1.2-4] [MQTT-3.1.2-6]v3', async () => {
      const { topic, watcher, clientId, publisher } = await parties()
      publisher.startPublish(topic, 'one', { qos: 2, packetId: 31 })
      await publisher.take('pubrec')
      publisher.kill()
      const again = await broker.connect({ version, clientId, cleanStart: true })
      await again.publish(topic, 'two', { qos: 2, packetId: 31 })
      // Whether the first one counts is the server's choice: its PUBREL never came.
      const received = texts(await watcher.messages(1))
      if (received[0] === 'one') received.push(...texts(await watcher.messages(1)))
      expect(received.at(-1)).toBe('two')
    })

    it('the exchange goes on for a message that has expired meanwhile [MQTT-4.3.3-13] [MQTT-4.3.3-2]v3', async () => {
      const { topic, publisher } = await parties()
      const properties = version === 5 ? { messageExpirySeconds: 1 } : null
      publisher.startPublish(topic, 'x', { qos: 2, packetId: 41, properties })
      await publisher.next('pubrec')
      await broker.pass(1)
      publisher.acknowledge('pubrel', 41)
      expect(await publisher.next('pubcomp')).toMatchObject({ packetId: 41, reasonCode: 0 })
    })

    it('PUBREL of a packet identifier that is not in use is answered [MQTT-4.3.3-11] [MQTT-3.7.2-1] [MQTT-4.3.3-2]v3', async () => {
      const { publisher } = await parties()
      publisher.acknowledge('pubrel', 777)
      const pubcomp = await publisher.next('pubcomp')
      expect(pubcomp.packetId).toBe(777)
      expect(version === 5 ? [0, 0x92] : [0]).toContain(pubcomp.reasonCode)
    })

    it('PUBREC of a packet identifier that is not in use does not harm the connection [MQTT-3.6.2-1]', async () => {
      const { publisher } = await parties()
      publisher.acknowledge('pubrec', 778)
      await publisher.ping()
      for (const packet of publisher.received) expect(packet).toMatchObject({ type: 'pubrel', packetId: 778 })
    })

    it.each(['puback', 'pubcomp'] as const)(
      '%s of a packet identifier that is not in use does not harm the connection',
      async (type) => {
        const { topic, watcher, publisher } = await parties()
        publisher.acknowledge(type, 779)
        await publisher.publish(topic, 'x', { qos: 2 })
        expect(texts(await watcher.messages(1))).toEqual(['x'])
      },
    )

    it('packet identifiers of both directions are apart [MQTT-2.2.1-4] [MQTT-2.3.1-4]v3', async () => {
      const topic = fresh('t')
      const client = await broker.connect({ version })
      await client.subscribe([{ filter: topic, qos: 2 }])
      for (let packetId = 1; packetId <= 5; packetId++) client.startPublish(topic, `${packetId}`, { qos: 2, packetId })
      for (let packetId = 1; packetId <= 5; packetId++) {
        expect(await client.take('pubrec')).toMatchObject({ packetId })
        client.acknowledge('pubrel', packetId)
        expect(await client.take('pubcomp')).toMatchObject({ packetId })
      }
      const received = await client.messages(5)
      expect(new Set(received.map(({ packetId }) => packetId)).size).toBe(5)
      for (const { packetId } of received) {
        client.acknowledge('pubrec', packetId)
        expect(await client.take('pubrel')).toMatchObject({ packetId })
        client.acknowledge('pubcomp', packetId)
      }
      await client.ping()
    })
  })
})
