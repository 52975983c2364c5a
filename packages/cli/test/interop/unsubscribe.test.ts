/** UNSUBSCRIBE: what ends with it, and what goes on. */
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

describe.each(targets)('UNSUBSCRIBE on $name', (target) => {
  const broker = serve(target)

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    it('ends the subscription, and no other [MQTT-3.10.4-6]v3 [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-2.2.1-6] [MQTT-3.10.4-1]v3 [MQTT-3.10.4-2]v3 [MQTT-3.10.4-4]v3 [MQTT-2.3.1-7]v3', async () => {
      const name = fresh('t')
      const client = await broker.connect({ version, acknowledge: true })
      const filters = ['a', 'b', '+/c'].map((rest) => `${name}/${rest}`)
      await client.subscribe(filters.map((filter) => ({ filter, qos: 1 }) as const))
      const unsuback = await client.unsubscribe(`${name}/a`, `${name}/+/c`)
      expect(unsuback.reasonCodes).toEqual(version === 5 ? [0, 0] : [])
      for (const rest of ['a', 'x/c']) await client.publish(`${name}/${rest}`, rest, { qos: 1 })
      await client.publish(`${name}/b`, 'fence', { qos: 1 })
      expect(await client.messagesBefore('fence')).toEqual([])
    })

    it('compares filters by their characters, not by what they match [MQTT-3.10.4-1] [MQTT-3.10.4-1]v3', async () => {
      const name = fresh('t')
      const client = await broker.connect({ version, acknowledge: true })
      await client.subscribe([{ filter: `${name}/a`, qos: 1 }])
      const { reasonCodes } = await client.unsubscribe(`${name}/#`, `${name}/+`, `${name}/A`, `${name}/a/`)
      if (version === 5) expect(reasonCodes).toEqual([0x11, 0x11, 0x11, 0x11])
      await client.publish(`${name}/a`, 'still there', { qos: 1 })
      expect(texts(await client.messages(1))).toEqual(['still there'])
    })

    it('is answered when there was nothing [MQTT-3.10.4-5] [MQTT-3.10.4-5]v3', async () => {
      const client = await broker.connect({ version })
      const { reasonCodes } = await client.unsubscribe(fresh('t'))
      expect(reasonCodes).toEqual(version === 5 ? [0x11] : [])
    })

    it('does not stop what was being delivered [MQTT-3.10.4-3] [MQTT-3.10.4-3]v3', async () => {
      const topic = fresh('t')
      const clientId = fresh('c')
      const properties = version === 5 ? { sessionExpirySeconds: 600 } : null
      const client = await broker.connect({ version, clientId, cleanStart: false, properties })
      await client.subscribe([{ filter: topic, qos: 2 }])
      await client.publish(topic, 'one', { qos: 2 })
      await client.publish(topic, 'two', { qos: 1 })
      // Only what is of one QoS comes in order [MQTT-4.6.0-6].
      const messages = await client.messages(2)
      const [one, two] = [2, 1].map((qos) => messages.find((message) => message.qos === qos)?.packetId)
      await client.unsubscribe(topic)
      client.acknowledge('pubrec', one!)
      expect(await client.take('pubrel')).toMatchObject({ packetId: one })
      client.kill()
      const again = await broker.connect({ version, clientId, cleanStart: false, properties })
      expect(await again.take('pubrel')).toMatchObject({ packetId: one })
      expect(await again.take('publish')).toMatchObject({ packetId: two, dup: true })
      again.acknowledge('pubcomp', one!)
      again.acknowledge('puback', two!)
      await again.ping()
      await again.disconnect()
    })
  })

  it('several filters are answered one by one, in order [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2]', async () => {
    const name = fresh('t')
    const client = await broker.connect()
    await client.subscribe([
      { filter: `${name}/a`, qos: 0 },
      { filter: `${name}/b`, qos: 0 },
    ])
    const { reasonCodes } = await client.unsubscribe(`${name}/x`, `${name}/b`, `${name}/y`, `${name}/a`, `${name}/a`)
    expect(reasonCodes).toEqual([0x11, 0, 0x11, 0, 0x11])
  })
})
