/** Receive Maximum in both directions. */
import { describe, expect, it } from 'vitest'
import { fresh, numbered, serve, targets, texts } from './target.ts'

describe.each(targets)('flow control on $name', (target) => {
  const broker = serve(target, { limits: { receiveMaximum: 10 } })

  it.each([1, 2] as const)(
    'QoS %s: no more than Receive Maximum are under way to the client; QoS 0 goes on [MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]',
    async (qos) => {
      const topic = fresh('t')
      const client = await broker.connect({ properties: { receiveMaximum: 2 } })
      await client.subscribe([{ filter: topic, qos }])
      const publisher = await broker.connect()
      const sent = numbered(6)
      for (const text of sent) await publisher.publish(topic, text, { qos })
      await publisher.publish(topic, 'fence')
      const open = await client.messagesBefore('fence')
      expect(texts(open)).toEqual(['m0', 'm1'])
      await client.ping()
      expect(client.received).toEqual([])
      // Each that is done lets one more through.
      for (let next = 2; next < 8; next++) {
        const { packetId } = open.shift()!
        if (qos === 1) client.acknowledge('puback', packetId)
        else {
          client.acknowledge('pubrec', packetId)
          await client.take('pubrel')
          expect(client.received, 'PUBREC alone frees nothing').toEqual([])
          client.acknowledge('pubcomp', packetId)
        }
        if (next < sent.length) open.push(...(await client.messages(1)))
        if (next < sent.length) expect(open.at(-1)!.payload.toString()).toBe(sent[next])
      }
      await client.ping()
      expect(client.received).toEqual([])
    },
  )

  it('a PUBREC with a failure frees its place [MQTT-4.4.0-2] [MQTT-4.9.0-2]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ properties: { receiveMaximum: 1 } })
    await client.subscribe([{ filter: topic, qos: 2 }])
    const publisher = await broker.connect()
    for (const text of ['refused', 'next']) await publisher.publish(topic, text, { qos: 2 })
    const [message] = await client.messages(1)
    client.acknowledge('pubrec', message!.packetId, 0x80)
    expect(texts(await client.messages(1))).toEqual(['next'])
  })

  it('what was under way counts after a reconnect, against the new Receive Maximum [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-3.3.4-9]', async () => {
    const topic = fresh('t')
    const clientId = fresh('c')
    const lasting = (receiveMaximum: number) =>
      ({ clientId, cleanStart: false, properties: { sessionExpirySeconds: 600, receiveMaximum } }) as const
    const first = await broker.connect(lasting(4))
    await first.subscribe([{ filter: topic, qos: 1 }])
    const publisher = await broker.connect()
    for (const text of numbered(6)) await publisher.publish(topic, text, { qos: 1 })
    await first.messages(4)
    first.kill()
    const again = await broker.connect(lasting(2))
    const received = await again.messages(2)
    await publisher.publish(topic, 'fence')
    expect(await again.messagesBefore('fence')).toEqual([])
    for (const { packetId } of received) again.acknowledge('puback', packetId)
    for (let rest = 0; rest < 4; rest++) {
      const [message] = await again.messages(1)
      received.push(message!)
      again.acknowledge('puback', message!.packetId)
    }
    expect(texts(received)).toEqual(numbered(6))
  })

  it('retained messages and those that waited keep to it too [MQTT-3.3.4-9] [MQTT-4.9.0-2]', async () => {
    const name = fresh('t')
    const publisher = await broker.connect()
    for (const at of [0, 1, 2]) await publisher.publish(`${name}/${at}`, `r${at}`, { qos: 1, retain: true })
    const client = await broker.connect({ properties: { receiveMaximum: 1 } })
    await client.subscribe([{ filter: `${name}/#`, qos: 1 }])
    const received = await client.messages(1)
    await publisher.publish(`${name}/3`, 'live', { qos: 1 })
    await client.ping()
    expect(client.received).toEqual([])
    for (let at = 1; at < 4; at++) {
      client.acknowledge('puback', received.at(-1)!.packetId)
      received.push(...(await client.messages(1)))
      await client.ping()
      expect(client.received).toEqual([])
    }
    expect(texts(received).sort()).toEqual(['live', 'r0', 'r1', 'r2'])
  })

  it('the server takes as many as it said [MQTT-3.3.4-7]', async () => {
    const topic = fresh('t')
    const publisher = await broker.connect()
    const room = publisher.server.receiveMaximum ?? 65_535
    if (broker.isOurs) expect(room).toBe(10)
    const count = Math.min(room, 100)
    for (let packetId = 1; packetId <= count; packetId++) publisher.startPublish(topic, 'x', { qos: 2, packetId })
    for (let packetId = 1; packetId <= count; packetId++) await publisher.take('pubrec')
    // QoS 0 needs no room.
    publisher.startPublish(topic, 'x')
    for (let packetId = 1; packetId <= count; packetId++) publisher.acknowledge('pubrel', packetId)
    for (let packetId = 1; packetId <= count; packetId++) await publisher.take('pubcomp')
    await publisher.ping()
  })

  it('one more than it said ends the connection with 0x93 [MQTT-3.3.4-7] [MQTT-4.13.1-1]', async (context) => {
    const publisher = await broker.connect()
    const room = publisher.server.receiveMaximum ?? 65_535
    context.skip(room > 1_000, 'the server has no such limit')
    for (let packetId = 1; packetId <= room + 1; packetId++)
      publisher.startPublish(fresh('t'), 'x', { qos: 2, packetId })
    expect([null, 0x93]).toContain(await publisher.closed())
  })
})
