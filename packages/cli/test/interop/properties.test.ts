/** Properties of publications that a server only carries, and what a client may ask to be spared. */
import type { Properties } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets } from './target.ts'

describe.each(targets)('properties on $name', (target) => {
  const broker = serve(target)

  async function carried(properties: Properties, payload = 'x'): Promise<Properties | null> {
    const topic = fresh('t')
    const client = await broker.subscriber(topic)
    await client.publish(topic, payload, { qos: 1, properties })
    const message = await client.take('publish')
    expect(message.payload.toString()).toBe(payload)
    return message.properties
  }

  it('request and response: topic and correlation data arrive as they were, and the answer finds back [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-13]', async () => {
    const questions = fresh('t')
    const answers = `${fresh('t')}/é`
    const asking = await broker.subscriber(answers)
    const answering = await broker.subscriber(questions)
    const correlationData = Buffer.from([0, 1, 0xfe, 0xff])
    await asking.publish(questions, '?', { qos: 1, properties: { responseTopic: answers, correlationData } })
    const { properties } = await answering.take('publish')
    expect(properties).toEqual({ responseTopic: answers, correlationData })
    await answering.publish(properties!.responseTopic!, '!', { qos: 1, properties: { correlationData } })
    expect(await asking.take('publish')).toMatchObject({ topic: answers, properties: { correlationData } })
  })

  it('user properties keep their order, repeats and odd names [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-1.5.7-1]', async () => {
    const userProperties = [
      ['b', '1'],
      ['a', ''],
      ['', 'empty name'],
      ['10', 'x'],
      ['b', '1'],
      ['é', 'ü'],
      ['1', 'y'],
      ['zilla:qos', 'mine'],
      ['__proto__', 'z'],
    ] as const
    expect(await carried({ userProperties })).toEqual({ userProperties })
  })

  it.each(['text/plain', 'x'.repeat(1_000)])('content type %s [MQTT-3.3.2-20] [MQTT-3.3.2-19]', async (contentType) => {
    expect(await carried({ contentType })).toEqual({ contentType })
  })

  it('payload format 1 arrives, 0 arrives or is left out [MQTT-3.3.2-4]', async () => {
    expect(await carried({ payloadFormat: 1 }, 'é')).toEqual({ payloadFormat: 1 })
    expect((await carried({ payloadFormat: 0 }))?.payloadFormat ?? 0).toBe(0)
  })

  it('a payload that is not the UTF-8 it claims to be is carried as it is, or refused with 0x99 (§3.3.2.3.2)', async () => {
    const topic = fresh('t')
    const client = await broker.subscriber(topic)
    const payload = Buffer.from([0xff, 0xfe])
    client.startPublish(topic, payload, { qos: 1, properties: { payloadFormat: 1 } })
    const puback = await client.take('puback').catch(() => null)
    if (puback === null) expect(await client.closed()).toBe(0x99)
    else if (puback.reasonCode >= 0x80) expect(puback.reasonCode).toBe(0x99)
    else expect((await client.take('publish')).payload.equals(payload)).toBe(true)
  })

  it('empty correlation data is not none [MQTT-3.3.2-16]', async () => {
    expect(await carried({ correlationData: Buffer.alloc(0) })).toEqual({ correlationData: Buffer.alloc(0) })
  })

  it('a response topic with a wildcard is refused [MQTT-3.3.2-14]', async () => {
    const client = await broker.connect()
    client.startPublish(fresh('t'), 'x', { qos: 1, properties: { responseTopic: 'a/#' } })
    const puback = await client.take('puback').catch(() => null)
    if (puback === null) expect([null, 0x81, 0x82, 0x90]).toContain(await client.closed())
    else expect(puback.reasonCode).toBeGreaterThanOrEqual(0x80)
  })

  it.each([
    ['payload format 2', '02 0102'],
    ['payload format twice', '04 0100 0100'],
    ['message expiry twice', '0a 0200000001 0200000001'],
    ['content type that is not UTF-8', '04 030001ff'],
    ['a user property that is not UTF-8', '07 260001ff000161'],
    ['a property of other packets', '05 1100000001'],
  ])('%s ends the connection [MQTT-4.13.1-1] [MQTT-3.3.2-19] [MQTT-1.5.7-1]', async (_, hex) => {
    const client = await broker.connect()
    const properties = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    const body = Buffer.concat([Buffer.from([0, 1, 0x61]), properties])
    client.sendBytes(Buffer.concat([Buffer.from([0x30, body.length]), body]))
    expect([null, 0x81, 0x82, 0x99]).toContain(await client.closed())
  })

  it('with Request Problem Information 0 only PUBLISH, CONNACK and DISCONNECT have user properties or reasons [MQTT-3.1.2-29]', async () => {
    const topic = fresh('t')
    const client = await broker.connect({ properties: { requestProblemInformation: false }, acknowledge: true })
    const suback = await client
      .subscribe([
        { filter: topic, qos: 1 },
        { filter: '$share//bad', qos: 1 },
      ])
      .catch(() => null)
    if (suback !== null) expect(suback.properties).toBeNull()
    const other = await broker.connect({ properties: { requestProblemInformation: false }, acknowledge: true })
    await other.subscribe([{ filter: topic, qos: 1 }])
    expect((await other.unsubscribe(`${topic}/none`)).properties).toBeNull()
    other.acknowledge('pubrel', 99)
    expect((await other.take('pubcomp')).properties).toBeNull()
    const userProperties = [['a', 'b']] as const
    const puback = await other.publish(topic, 'x', { qos: 1, properties: { userProperties } })
    expect(puback?.properties).toBeNull()
    expect((await other.take('publish')).properties).toEqual({ userProperties })
  })

  it('user properties of SUBSCRIBE, UNSUBSCRIBE, acknowledgements and DISCONNECT are taken', async () => {
    const topic = fresh('t')
    const userProperties = [['a', 'b']] as const
    const client = await broker.connect({ properties: { userProperties } })
    await client.subscribe([{ filter: topic, qos: 1 }], { userProperties })
    await client.publish(topic, 'x', { qos: 1 })
    const [message] = await client.messages(1)
    const properties = { userProperties, reasonString: 'done' }
    client.send({ type: 'puback', packetId: message!.packetId, reasonCode: 0, properties })
    client.send({ type: 'unsubscribe', packetId: 900, filters: [topic], properties: { userProperties } })
    expect(await client.take('unsuback')).toMatchObject({ packetId: 900 })
    await client.ping()
    await client.disconnect(0, properties)
  })
})
