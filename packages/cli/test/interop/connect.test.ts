/** CONNECT: who gets in under which name, and what ends a connection before it has begun. */
import { type MqttTestClient, wireBytes } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

/** Waits for the end. A server that does not know the protocol may answer in the CONNACK format of either version. */
async function refused(client: MqttTestClient): Promise<void> {
  await client.closed().catch((error: Error) => expect(error.message).toContain('CONNACK'))
  for (const packet of client.received) expect(packet).toMatchObject({ type: 'connack', sessionPresent: false })
}

describe.each(targets)('CONNECT on $name', (target) => {
  const broker = serve(target)

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    it('is answered by CONNACK 0 without session present, before anything else [MQTT-2.2.2-1] [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.1.4-4]v3 [MQTT-3.2.0-1]v3 [MQTT-3.2.2-1]v3', async () => {
      const client = await broker.dial({ version })
      const connack = await client.offer({ version, clientId: fresh('c') })
      expect(connack).toMatchObject({ reasonCode: 0, sessionPresent: false })
    })

    it.each(['a', 'abcdefghijklmnopqrstuvw', '0123456789ABCDEFGHIJXYZ'])(
      'takes the client identifier %s [MQTT-3.1.3-5] [MQTT-3.1.3-5]v3',
      async (clientId) => {
        const client = await broker.connect({ version, clientId })
        await client.ping()
        await client.disconnect()
      },
    )

    it('gives a name of its own to each client that has none [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] [MQTT-3.1.3-6]v3', async () => {
      const topic = fresh('t')
      const one = await broker.subscriber(topic, { version, clientId: '', cleanStart: true })
      const two = await broker.subscriber(topic, { version, clientId: '', cleanStart: true })
      if (version === 5) {
        expect(one.server.assignedClientId).toMatch(/./)
        expect(two.server.assignedClientId).not.toBe(one.server.assignedClientId)
      }
      // Were it one name for both, the second had thrown the first out.
      await one.publish(topic, 'x', { qos: 1 })
      for (const client of [one, two]) expect(texts(await client.messages(1))).toEqual(['x'])
    })

    it.each([
      ['another protocol name', '[MQTT-3.1.2-1] [MQTT-3.1.2-1]v3', "{ 'MQTX' @ 02 0000 % 'c' }"],
      ['the reserved flag', '[MQTT-3.1.2-3] [MQTT-3.1.2-3]v3', "{ 'MQTT' @ 03 0000 % 'c' }"],
      ['will QoS 3', '[MQTT-3.1.2-12] [MQTT-3.1.2-14]v3', "{ 'MQTT' @ 1e 0000 % 'c' % 'w' 0000 }"],
      ['will QoS without will', '[MQTT-3.1.2-11] [MQTT-3.1.2-13]v3', "{ 'MQTT' @ 0a 0000 % 'c' }"],
      ['will retain without will', '[MQTT-3.1.2-13] [MQTT-3.1.2-15]v3', "{ 'MQTT' @ 22 0000 % 'c' }"],
      ['a will flag without a will', '[MQTT-3.1.2-9] [MQTT-3.1.2-9]v3', "{ 'MQTT' @ 06 0000 % 'c' }"],
      ['a user name flag without one', '[MQTT-3.1.2-17] [MQTT-3.1.2-19]v3', "{ 'MQTT' @ 82 0000 % 'c' }"],
      ['a password flag without one', '[MQTT-3.1.2-19] [MQTT-3.1.2-21]v3', "{ 'MQTT' @ c2 0000 % 'c' 'u' }"],
      ['a user name without its flag', '[MQTT-3.1.2-16] [MQTT-3.1.2-18]v3', "{ 'MQTT' @ 02 0000 % 'c' 'u' }"],
      ['a password without its flag', '[MQTT-3.1.2-18] [MQTT-3.1.2-20]v3', "{ 'MQTT' @ 82 0000 % 'c' 'u' 'p' }"],
      ['a will without its flag', '[MQTT-3.1.4-1] [MQTT-3.1.2-11]v3', "{ 'MQTT' @ 02 0000 % 'c' % 'w' 0000 }"],
      [
        'a will topic that is not UTF-8',
        '[MQTT-3.1.3-11] [MQTT-3.1.3-10]v3',
        "{ 'MQTT' @ 06 0000 % 'c' % 0001 ff 0000 }",
      ],
      ['a user name that is not UTF-8', '[MQTT-3.1.3-12] [MQTT-3.1.3-11]v3', "{ 'MQTT' @ 82 0000 % 'c' 0001 ff }"],
      ['U+0000 in the client id', '[MQTT-1.5.4-2] [MQTT-1.5.3-2]v3', "{ 'MQTT' @ 02 0000 % 0001 00 }"],
      [
        'a surrogate in the client id',
        '[MQTT-1.5.4-1] [MQTT-3.1.3-4] [MQTT-1.5.3-1]v3 [MQTT-3.1.3-4]v3',
        "{ 'MQTT' @ 02 0000 % 0003 eda080 }",
      ],
      ['a wildcard in the will topic', '[MQTT-4.7.0-1] [MQTT-4.7.1-1]v3', "{ 'MQTT' @ 06 0000 % 'c' % 'w/#' 0000 }"],
      ['bytes behind its end', '[MQTT-3.1.4-1] [MQTT-3.1.4-1]v3', "{ 'MQTT' @ 02 0000 % 'c' 00 }"],
    ])('%s ends the connection %s', async (_, _clauses, text) => {
      const client = await broker.dial({ version })
      const body = text.replace('@', `0${version}`).replaceAll('%', version === 5 ? '00' : '')
      client.sendBytes(wireBytes(`10 ${body}`))
      await refused(client)
    })

    it('the first packet must be CONNECT [MQTT-3.1.0-1] [MQTT-3.1.0-1]v3', async () => {
      const client = await broker.dial({ version })
      client.send({ type: 'pingreq' })
      expect(await client.closed()).toBeNull()
      expect(client.received).toEqual([])
    })

    it('a second CONNECT ends the connection [MQTT-3.1.0-2] [MQTT-3.2.0-2] [MQTT-3.1.0-2]v3', async () => {
      const clientId = fresh('c')
      const client = await broker.connect({ version, clientId })
      client.sendBytes(wireBytes(`10 { 'MQTT' 0${version} 02 0000 ${version === 5 ? '00' : ''} '${clientId}' }`))
      expect([null, 0x82]).toContain(await client.closed())
      expect(client.received).toEqual([])
    })

    it.each([
      ['SUBSCRIBE with flags 0', '[MQTT-3.8.1-1] [MQTT-3.8.1-1]v3 [MQTT-2.2.2-2]v3', '80 { 0001 % "" 0001 61 00 }'],
      ['UNSUBSCRIBE with flags 0', '[MQTT-3.10.1-1] [MQTT-3.10.1-1]v3', 'a0 { 0001 % 0001 61 }'],
      ['PUBREL with flags 0', '[MQTT-3.6.1-1] [MQTT-3.6.1-1]v3', '60 { 0001 }'],
      ['a filter of UNSUBSCRIBE that is not UTF-8', '[MQTT-3.10.3-1] [MQTT-3.10.3-1]v3', 'a2 { 0001 % 0001 ff }'],
      ['DISCONNECT with a flag', '[MQTT-3.14.1-1] [MQTT-3.14.1-1]v3', 'e2 {}'],
      ['PINGREQ with a flag', '[MQTT-2.1.3-1] [MQTT-2.2.2-1]v3', 'c1 {}'],
      ['PUBLISH with QoS 3', '[MQTT-3.3.1-4] [MQTT-3.3.1-4]v3', "36 { 'a' 0001 % }"],
      ['PUBLISH to a wildcard', '[MQTT-3.3.2-2] [MQTT-3.3.2-2]v3 [MQTT-4.7.1-1]v3', "30 { 'a/+' % }"],
      ['QoS 1 without a packet identifier', '[MQTT-2.2.1-3] [MQTT-2.3.1-1]v3', "32 { 'a' 0000 % }"],
      ['SUBSCRIBE without a filter', '[MQTT-3.8.3-2] [MQTT-3.8.3-3]v3', '82 { 0001 % }'],
      ['UNSUBSCRIBE without a filter', '[MQTT-3.10.3-2] [MQTT-3.10.3-2]v3', 'a2 { 0001 % }'],
      ['SUBSCRIBE with reserved bits', '[MQTT-3.8.3-5] [MQTT-3.8.3-4]v3', "82 { 0001 % 'a' c0 }"],
      ['SUBSCRIBE with QoS 3', '[MQTT-4.13.1-1] [MQTT-3.8.3-4]v3', "82 { 0001 % 'a' 03 }"],
      ['a filter that is not UTF-8', '[MQTT-3.8.3-1] [MQTT-3.8.3-1]v3', '82 { 0001 % 0001 ff 00 }'],
      ['a topic that is not UTF-8', '[MQTT-3.3.2-1] [MQTT-1.5.4-1] [MQTT-3.3.2-1]v3', '30 { 0002 c080 % }'],
      ['U+0000 in a topic', '[MQTT-4.7.3-2] [MQTT-4.7.3-2]v3', '30 { 0001 00 % }'],
      ['an empty topic', '[MQTT-4.7.3-1] [MQTT-4.7.3-1]v3', '30 { 0000 % }'],
    ])('%s ends the connection %s', async (_, _clauses, text) => {
      const client = await broker.connect({ version })
      client.sendBytes(wireBytes(text.replace('%', version === 5 ? '00' : '')))
      const reasonCode = await client.closed()
      expect([null, 0x81, 0x82, 0x8f, 0x90]).toContain(reasonCode)
    })
  })

  it('a user name is taken or refused, never lost: with or without a password [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.3-1]v3 [MQTT-3.1.3-3]v3', async () => {
    const will = { topic: fresh('w'), payload: Buffer.from('w'), qos: 0, retain: false, properties: null } as const
    for (const version of [4, 5] as const) {
      const client = await broker.connect({ version, username: 'u', password: Buffer.from('p'), will })
      await client.ping()
    }
    // 5.0 alone lets a password come without a user name (§3.1.2.9).
    const client = await broker.connect({ password: Buffer.from('p') })
    await client.ping()
  })

  it('3.1.1: no client identifier without clean session is refused with return code 2 [MQTT-3.1.3-8]v3 [MQTT-3.1.3-9]v3 [MQTT-3.2.2-4]v3 [MQTT-3.2.2-5]v3', async () => {
    const client = await broker.dial({ version: 4 })
    expect(await client.offer({ version: 4, clientId: '', cleanStart: false })).toMatchObject({
      reasonCode: 2,
      sessionPresent: false,
    })
    await client.closed()
  })

  it('3.1.1: a protocol level that is not served is refused with return code 1 [MQTT-3.1.2-2]v3', async () => {
    const client = await broker.dial({ version: 4 })
    client.sendBytes(wireBytes("10 { 'MQTT' 03 02 0000 'c' }"))
    expect(await client.next('connack')).toMatchObject({ reasonCode: 1, sessionPresent: false })
    await client.closed()
  })

  it('5.0: a protocol level that is not served ends the connection, with 0x84 if with anything [MQTT-3.1.2-2] [MQTT-3.2.2-7]', async () => {
    const client = await broker.dial({ version: 5, deadlineMs: 10_000 })
    client.sendBytes(wireBytes("10 { 'MQTT' 06 02 0000 00 'c' }"))
    await refused(client)
  })

  it('5.0: a zero length client identifier without clean start is given one too [MQTT-3.1.3-6] [MQTT-3.2.2-16]', async () => {
    const client = await broker.connect({ clientId: '', cleanStart: false })
    expect(client.connack.sessionPresent).toBe(false)
    expect(client.server.assignedClientId).toMatch(/./)
  })

  it('5.0: the assigned client identifier is the name of the session [MQTT-3.1.3-2] [MQTT-3.1.3-7]', async () => {
    const topic = fresh('t')
    const properties = { sessionExpirySeconds: 600 }
    const first = await broker.connect({ clientId: '', properties })
    const clientId = first.server.assignedClientId!
    await first.subscribe([{ filter: topic, qos: 1 }])
    await first.disconnect()
    const again = await broker.connect({ clientId, cleanStart: false, properties: { sessionExpirySeconds: 0 } })
    expect(again.connack.sessionPresent).toBe(true)
    expect(again.server.assignedClientId).toBeUndefined()
    await again.publish(topic, 'x', { qos: 1 })
    expect(texts(await again.messages(1))).toEqual(['x'])
  })

  it('5.0: an authentication method that is not served is refused with 0x8C [MQTT-4.12.0-1] [MQTT-4.13.2-1] [MQTT-3.2.2-6] [MQTT-3.2.2-7]', async () => {
    const client = await broker.dial()
    const connack = await client.offer({ clientId: fresh('c'), properties: { authenticationMethod: 'none-such' } })
    expect([0x8c, 0x87]).toContain(connack.reasonCode)
    expect(connack.sessionPresent).toBe(false)
    await client.closed()
  })

  it('5.0: without an authentication method nothing of AUTH is used; AUTH from the client ends the connection [MQTT-4.12.0-6]', async () => {
    const client = await broker.connect()
    expect(client.server.authenticationMethod).toBeUndefined()
    client.send({ type: 'auth', reasonCode: 0x19, properties: { authenticationMethod: 'x' } })
    expect([null, 0x82, 0x8c]).toContain(await client.closed())
  })

  it('5.0: Response Information comes only when it is asked for [MQTT-3.1.2-28]', async () => {
    const silent = await broker.connect({ properties: { requestResponseInformation: false } })
    expect(silent.server.responseInformation).toBeUndefined()
    const unset = await broker.connect()
    expect(unset.server.responseInformation).toBeUndefined()
  })

  it.each([
    ['Receive Maximum 0', '03 210000'],
    ['Maximum Packet Size 0', '05 2700000000'],
    ['Session Expiry twice', '0a 1100000001 1100000001'],
    ['Request Problem Information 2', '02 1702'],
    ['Request Response Information 2', '02 1902'],
    ['authentication data without a method', '04 160001ff'],
    ['a property of other packets', '02 0101'],
    ['a property that does not exist', '02 7f00'],
  ])('5.0: %s ends the connection [MQTT-3.1.4-1] [MQTT-4.13.1-1]', async (_, properties) => {
    const client = await broker.dial()
    client.sendBytes(wireBytes(`10 { 'MQTT' 05 02 0000 ${properties} 'c' }`))
    await refused(client)
  })
})
