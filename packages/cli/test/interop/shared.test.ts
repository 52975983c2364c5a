/** Shared subscriptions: each message to one member of the group. */
import type { PublishPacket } from '@zilla-ts/mqtt'
import type { MqttTestClient } from '@zilla-ts/testing'
import { describe, expect, it, vi } from 'vitest'
import { fresh, numbered, serve, targets, texts } from './target.ts'

/** Deliveries that a client has received and nobody has taken. */
const waiting = (client: MqttTestClient) =>
  client.received.filter((packet): packet is PublishPacket => packet.type === 'publish')

/** Resolves when the members have received so many messages in all; what each has. */
async function shares(members: readonly MqttTestClient[], count: number): Promise<PublishPacket[][]> {
  await vi.waitFor(() => expect(members.flatMap(waiting).length).toBeGreaterThanOrEqual(count), 15_000)
  return members.map(waiting)
}

describe.each(targets)('shared subscriptions on $name', (target) => {
  const broker = serve(target)

  async function group(count: number, filter: string, qos: 0 | 1 | 2 = 1): Promise<MqttTestClient[]> {
    const members = []
    for (let at = 0; at < count; at++) members.push(await broker.subscriber(filter, { qos }))
    return members
  }

  it.each([0, 1, 2] as const)(
    'QoS %s: each message reaches one member, and every member gets some [MQTT-4.8.2-1] [MQTT-4.8.2-3]',
    async (qos) => {
      const name = fresh('t')
      const members = await group(3, `$share/${fresh('g')}/${name}/+`, qos)
      const publisher = await broker.connect()
      const sent = numbered(60)
      for (const [at, text] of sent.entries()) await publisher.publish(`${name}/${at % 12}`, text, { qos: 2 })
      const received = await shares(members, 60)
      expect(texts(received.flat()).sort()).toEqual([...sent].sort())
      expect(received.every((share) => share.length > 0)).toBe(true)
      expect(received.flat().every((message) => message.qos === qos)).toBe(true)
    },
  )

  it('each group gets every message, and so does an ordinary subscription [MQTT-4.8.2-1]', async () => {
    const topic = fresh('t')
    const one = await group(2, `$share/${fresh('g')}/${topic}`)
    const two = await group(2, `$share/${fresh('g')}/${topic}`)
    const plain = await broker.subscriber(topic, { qos: 1 })
    const publisher = await broker.connect()
    const sent = numbered(20)
    for (const text of sent) await publisher.publish(topic, text, { qos: 1 })
    expect(texts(await plain.messages(20))).toEqual(sent)
    for (const members of [one, two]) {
      expect(texts((await shares(members, 20)).flat()).sort()).toEqual([...sent].sort())
    }
  })

  it('one client may have both: it gets a copy for each [MQTT-4.8.2-1] [MQTT-3.3.4-5]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    await client.subscribe([{ filter: `$share/${fresh('g')}/${topic}`, qos: 1 }], { subscriptionIds: [1] })
    await client.subscribe([{ filter: topic, qos: 1 }], { subscriptionIds: [2] })
    await client.publish(topic, 'x', { qos: 1 })
    const ids = (await client.messages(2)).map(({ properties }) => properties?.subscriptionIds)
    expect(ids.sort()).toEqual([[1], [2]])
  })

  it('when a member dies the others get what comes then [MQTT-4.8.2-1]', async () => {
    const topic = fresh('t')
    const members = await group(2, `$share/${fresh('g')}/${topic}`)
    const publisher = await broker.connect()
    for (const text of numbered(10, 'before')) await publisher.publish(topic, text, { qos: 1 })
    await shares(members, 10)
    const [dying, staying] = members as [MqttTestClient, MqttTestClient]
    await dying.hangUp()
    const sent = numbered(10, 'after')
    for (const text of sent) await publisher.publish(topic, text, { qos: 1 })
    await vi.waitFor(() => expect(texts(waiting(staying))).toEqual(expect.arrayContaining(sent)), 15_000)
  })

  it('a member that unsubscribes gets no more [MQTT-3.10.4-1] [MQTT-3.10.4-2]', async () => {
    const topic = fresh('t')
    const filter = `$share/${fresh('g')}/${topic}`
    const [leaving, staying] = (await group(2, filter)) as [MqttTestClient, MqttTestClient]
    expect((await leaving.unsubscribe(filter)).reasonCodes).toEqual([0])
    const sent = numbered(10)
    for (const text of sent) await staying.publish(topic, text, { qos: 1 })
    expect(texts(await staying.messages(10))).toEqual(sent)
    expect(waiting(leaving)).toEqual([])
    expect((await leaving.unsubscribe(filter)).reasonCodes).toEqual([0x11])
  })

  it('retained messages are not sent to a shared subscription (§4.8.2)', async () => {
    const topic = fresh('t')
    const publisher = await broker.connect()
    await publisher.publish(topic, 'kept', { qos: 1, retain: true })
    const [member] = (await group(1, `$share/${fresh('g')}/${topic}`)) as [MqttTestClient]
    await publisher.publish(topic, 'fence', { qos: 1 })
    expect(await member.messagesBefore('fence')).toEqual([])
    await publisher.publish(topic, '', { qos: 1, retain: true })
  })

  it('QoS 2 that was begun with a member is completed with that member, and given to no other [MQTT-4.8.2-4] [MQTT-4.8.2-5]', async () => {
    const topic = fresh('t')
    const filter = `$share/${fresh('g')}/${topic}`
    const clientId = fresh('c')
    const lasting = { clientId, cleanStart: false, properties: { sessionExpirySeconds: 600 } }
    const member = await broker.connect(lasting)
    await member.subscribe([{ filter, qos: 2 }])
    const publisher = await broker.connect()
    await publisher.publish(topic, 'begun', { qos: 2 })
    const [begun] = await member.messages(1)
    member.acknowledge('pubrec', begun!.packetId)
    await member.take('pubrel')
    member.kill()
    const [other] = (await group(1, filter, 2)) as [MqttTestClient]
    const again = await broker.connect(lasting)
    expect(await again.take('pubrel')).toMatchObject({ packetId: begun!.packetId })
    again.acknowledge('pubcomp', begun!.packetId)
    await again.unsubscribe(filter)
    await publisher.publish(topic, 'fence', { qos: 2 })
    expect(await other.messagesBefore('fence')).toEqual([])
  })

  it.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('QoS %s: what a member refuses by %s is given to no other [MQTT-4.8.2-6]', async (qos, type) => {
    const topic = fresh('t')
    const filter = `$share/${fresh('g')}/${topic}`
    const refusing = await broker.connect()
    await refusing.subscribe([{ filter, qos }])
    const publisher = await broker.connect()
    await publisher.publish(topic, 'refused', { qos })
    const [message] = await refusing.messages(1)
    const [other] = (await group(1, filter, qos)) as [MqttTestClient]
    refusing.acknowledge(type, message!.packetId, 0x80)
    await refusing.unsubscribe(filter)
    await publisher.publish(topic, 'fence', { qos })
    expect(await other.messagesBefore('fence')).toEqual([])
  })

  it.each(['$share//t', '$share/g', '$share/g/', '$share/g+/t', '$share/+/t', '$share/#', '$share/g#/t'])(
    'the filter %s is refused [MQTT-4.8.2-1] [MQTT-4.8.2-2]',
    async (filter) => {
      const client = await broker.connect()
      client.startSubscribe([{ filter, qos: 1 }])
      const refused = await client.take('suback').catch(() => null)
      if (refused !== null) expect(refused.reasonCodes[0]).toBeGreaterThanOrEqual(0x80)
      else expect([null, 0x81, 0x82, 0x8f]).toContain(await client.closed())
    },
  )

  it('no local on a shared subscription is a protocol error [MQTT-3.8.3-4]', async () => {
    const client = await broker.connect()
    client.startSubscribe([{ filter: `$share/${fresh('g')}/t`, qos: 1, noLocal: true }])
    expect([null, 0x81, 0x82]).toContain(await client.closed())
  })

  it('a shared filter may have wildcards, and $ topics stay hidden from them [MQTT-4.8.2-2] [MQTT-4.7.2-1]', async () => {
    const name = fresh('t')
    const client = await broker.subscriber(`$share/${fresh('g')}/+/${name}/#`, { qos: 1 })
    await client.publish(`$x/${name}/a`, 'hidden', { qos: 1 })
    await client.publish(`x/${name}`, 'fence', { qos: 1 })
    expect(await client.messagesBefore('fence')).toEqual([])
  })
})
