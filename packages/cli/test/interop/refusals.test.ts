/** A server that was told to take QoS 1 at most says so, and refuses what is above. For servers of others: whatever they announce. */
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

describe.each(targets)('a maximum QoS on $name', (target) => {
  const broker = serve(target, { publish: { qosMax: 'at_least_once' } })

  it('is announced in CONNACK [MQTT-3.2.2-9]', async () => {
    const client = await broker.connect()
    const { maximumQos } = client.server
    if (broker.isOurs) expect(maximumQos).toBe(1)
    else expect([undefined, 0, 1]).toContain(maximumQos)
  })

  it('does not keep anybody from asking for more in SUBSCRIBE [MQTT-3.2.2-10] [MQTT-3.8.4-7]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ acknowledge: true })
    const { reasonCodes } = await client.subscribe(
      [0, 1, 2].map((qos) => ({ filter: `${topic}/${qos}`, qos: qos as 0 | 1 | 2 })),
    )
    for (const [qos, code] of reasonCodes.entries()) expect(code).toBeLessThanOrEqual(qos)
    await client.publish(`${topic}/2`, 'x', { qos: 1 })
    expect(texts(await client.messages(1))).toEqual(['x'])
  })

  it('a PUBLISH above it ends the connection with 0x9B [MQTT-3.2.2-11] [MQTT-4.13.1-1]', async (context) => {
    const client = await broker.connect()
    context.skip(client.server.maximumQos === undefined, 'the server takes QoS 2')
    client.startPublish(fresh('t'), 'x', { qos: 2 })
    expect([null, 0x9b]).toContain(await client.closed())
  })

  it('a will above it is refused with 0x9B [MQTT-3.2.2-12]', async (context) => {
    const probe = await broker.connect()
    context.skip(probe.server.maximumQos === undefined, 'the server takes QoS 2')
    const client = await broker.dial()
    const will = { topic: fresh('w'), payload: Buffer.from('w'), qos: 2, retain: false, properties: null } as const
    expect(await client.offer({ clientId: fresh('c'), will })).toMatchObject({
      reasonCode: 0x9b,
      sessionPresent: false,
    })
    await client.closed()
  })

  it('3.1.1 has no word for it: the connection ends', async (context) => {
    const probe = await broker.connect()
    context.skip(probe.server.maximumQos === undefined, 'the server takes QoS 2')
    const client = await broker.connect({ version: 4 })
    client.startPublish(fresh('t'), 'x', { qos: 2 })
    await client.closed()
  })
})

describe.each(targets)('what is refused alone on $name', (target) => {
  const broker = serve(target)

  it.each(['a/#/b', 'a#', '#a', 'a+', '+a/b', 'a/b+', ''])(
    'the filter "%s" is refused, by SUBACK or the end of the connection [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.1-2]v3 [MQTT-4.7.1-3]v3',
    async (filter) => {
      for (const version of [4, 5] as const) {
        const client = await broker.connect({ version })
        client.startSubscribe([{ filter, qos: 1 }])
        const refused = await client.take('suback').catch(() => null)
        if (refused !== null) expect(refused.reasonCodes[0]).toBeGreaterThanOrEqual(0x80)
        else expect([null, 0x81, 0x82, 0x8f]).toContain(await client.closed())
      }
    },
  )

  it('after a refused CONNECT nothing that was sent behind it counts [MQTT-3.1.4-6] [MQTT-3.1.4-5]v3', async () => {
    const topic = fresh('t')
    const watcher = await broker.subscriber(topic)
    const client = await broker.dial({ version: 4 })
    client.startPublish(topic, 'before CONNECT')
    await client.closed()
    const second = await broker.dial({ version: 4 })
    second.send({
      type: 'connect',
      version: 4,
      clientId: '',
      cleanStart: false,
      keepAliveSeconds: 0,
      will: null,
      username: null,
      password: null,
      properties: null,
    })
    second.startPublish(topic, 'behind a refused CONNECT')
    await second.closed()
    await watcher.publish(topic, 'fence')
    expect(await watcher.messagesBefore('fence')).toEqual([])
  })

  it('nothing is taken behind DISCONNECT [MQTT-3.14.4-1] [MQTT-3.14.4-2]v3', async () => {
    const topic = fresh('t')
    const watcher = await broker.subscriber(topic)
    const client = await broker.connect()
    client.startPublish(topic, 'before')
    client.send({ type: 'disconnect', reasonCode: 0, properties: null })
    client.startPublish(topic, 'behind')
    await client.hangUp()
    await watcher.publish(topic, 'fence')
    expect(texts(await watcher.messagesBefore('fence'))).toEqual(['before'])
  })

  it('one bad client does not disturb another [MQTT-4.13.1-1] [MQTT-4.8.0-1]v3', async () => {
    const topic = fresh('t')
    const good = await broker.subscriber(topic)
    for (const bytes of ['00', 'ff00', '30ffffffff7f', '3003000161', '820100']) {
      const bad = await broker.connect()
      bad.sendBytes(Buffer.from(bytes, 'hex'))
      bad.kill()
    }
    await good.publish(topic, 'x', { qos: 2 })
    expect(texts(await good.messages(1))).toEqual(['x'])
  })
})
