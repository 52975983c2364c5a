/** What every client relies on: publish, subscribe, match, order. */
import { describe, expect, it } from 'vitest'
import { fresh, numbered, serve, targets, texts } from './target.ts'

const QOS = [0, 1, 2] as const

describe.each(targets)('basics on $name', (target) => {
  const broker = serve(target)

  describe.each([5, 4] as const)('MQTT level %s', (version) => {
    it.each(QOS)(
      'QoS %s reaches its subscriber as published [MQTT-2.2.1-2] [MQTT-4.3.1-1] [MQTT-4.3.2-2] [MQTT-4.3.3-2] [MQTT-2.3.1-5]v3 [MQTT-3.3.1-2]v3 [MQTT-4.3.1-1]v3 [MQTT-3.3.4-1] [MQTT-3.3.2-3] [MQTT-3.3.4-1]v3 [MQTT-3.3.2-3]v3',
      async (qos) => {
        const topic = `${fresh('t')}/é/x`
        const subscriber = await broker.subscriber(topic, { version })
        const publisher = await broker.connect({ version })
        const answer = await publisher.publish(topic, 'hello', { qos })
        expect(answer?.reasonCode ?? 0).toBe(0)
        const message = await subscriber.take('publish')
        expect(message).toMatchObject({ topic, qos, retain: false, dup: false })
        expect(message.payload.toString()).toBe('hello')
        expect(message.packetId > 0).toBe(qos > 0)
      },
    )

    it.each(QOS.flatMap((published) => QOS.map((granted) => [published, granted] as const)))(
      'QoS %s under a subscription of QoS %s arrives with the lower one [MQTT-3.8.4-8] [MQTT-3.8.4-6]v3 [MQTT-3.3.1-2]',
      async (published, granted) => {
        const topic = fresh('t')
        const subscriber = await broker.subscriber(topic, { version, qos: granted })
        const publisher = await broker.connect({ version })
        await publisher.publish(topic, 'x', { qos: published })
        expect(await subscriber.take('publish')).toMatchObject({ qos: Math.min(published, granted), dup: false })
      },
    )

    it('SUBACK answers each filter, in order, under the same packet identifier [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-2.2.1-6] [MQTT-3.8.4-1]v3 [MQTT-3.8.4-2]v3 [MQTT-3.8.4-4]v3 [MQTT-3.8.4-5]v3 [MQTT-3.9.3-1]v3 [MQTT-2.3.1-7]v3', async () => {
      const client = await broker.connect({ version })
      const name = fresh('t')
      const { reasonCodes } = await client.subscribe([
        { filter: `${name}/c`, qos: 2 },
        { filter: `${name}/a`, qos: 0 },
        { filter: `${name}/b`, qos: 1 },
      ])
      expect(reasonCodes).toEqual([2, 0, 1])
    })

    it('messages of one publisher, topic and QoS keep their order, and so do their PUBACKs [MQTT-4.6.0-2] [MQTT-4.6.0-2]v3 [MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT-4.6.0-5]v3 [MQTT-4.6.0-6]v3', async () => {
      const topic = fresh('t')
      const subscriber = await broker.subscriber(`${topic}/+`, { version })
      const publisher = await broker.connect({ version, acknowledge: true })
      for (const qos of QOS) {
        const sent = numbered(15, `q${qos}-`)
        // Without waiting for answers: no more than any server takes at once.
        const ids = sent.map((text) => publisher.startPublish(`${topic}/${qos}`, text, { qos }))
        if (qos === 1) {
          for (const packetId of ids) expect(await publisher.take('puback')).toMatchObject({ packetId })
        }
        if (qos === 2) {
          for (const _ of sent) publisher.acknowledge('pubrel', (await publisher.take('pubrec')).packetId)
        }
        expect(texts(await subscriber.messages(sent.length))).toEqual(sent)
      }
    })

    it.each([0, 1, 300_000])(
      'a payload of %s bytes arrives whole [MQTT-4.2.0-1] [MQTT-4.2.0-1]v3 [MQTT-7.1.1-1]v3',
      async (bytes) => {
        const topic = fresh('t')
        const subscriber = await broker.subscriber(topic, { version, qos: 1 })
        const publisher = await broker.connect({ version })
        const payload = Buffer.alloc(bytes, 'ab')
        await publisher.publish(topic, payload, { qos: 1 })
        expect((await subscriber.take('publish')).payload.equals(payload)).toBe(true)
      },
    )

    it('a topic may have 65,535 bytes [MQTT-4.7.3-3] [MQTT-4.7.3-3]v3', async () => {
      const name = fresh('t')
      const subscriber = await broker.subscriber(`${name}/#`, { version, qos: 1 })
      const publisher = await broker.connect({ version })
      const topic = `${name}/`.padEnd(65_535, 'x')
      await publisher.publish(topic, 'x', { qos: 1 })
      expect((await subscriber.take('publish')).topic === topic).toBe(true)
    })

    it('PINGREQ is answered [MQTT-3.12.4-1] [MQTT-3.12.4-1]v3', async () => {
      const client = await broker.connect({ version })
      client.send({ type: 'pingreq' })
      expect(await client.next('pingresp')).toEqual({ type: 'pingresp' })
    })

    it.each([
      // what stands before the first slash is made unique
      ['t/+', ['t/a', 't/'], ['t', 't/a/b']],
      ['t/#', ['t', 't/', 't/a', 't/a/b'], ['tt']],
      ['t/+/c', ['t/a/c', 't//c'], ['t/a/b/c', 't/c']],
      ['t/+/#', ['t/a', 't/a/b/c', 't/'], ['t']],
      ['t/a', ['t/a'], ['t/A', 't/a/', 't//a']],
      ['+/t', ['x/t', '/t'], ['t', 'x/y/t', 'x/t/']],
      ['/t', ['/t'], ['t', 't/']],
    ])(
      'the filter %s matches %j and not %j [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-3.3.2-3] [MQTT-4.7.1-2]v3 [MQTT-4.7.1-3]v3',
      async (filter, matching, others) => {
        const word = fresh('t')
        const own = (text: string) => text.replace('t', word)
        const subscriber = await broker.subscriber(own(filter), { version, qos: 1 })
        const publisher = await broker.connect({ version })
        for (const topic of [...others, ...matching]) await publisher.publish(own(topic), topic, { qos: 1 })
        await publisher.publish(own(matching[0]!), 'fence', { qos: 1 })
        expect(texts(await subscriber.messagesBefore('fence')).sort()).toEqual([...matching].sort())
      },
    )

    it('# and + at the first level do not match topics that begin with $ [MQTT-4.7.2-1] [MQTT-4.7.2-1]v3', async () => {
      const name = fresh('t')
      const wild = await broker.subscriber('#', { version, qos: 1 })
      await wild.subscribe([{ filter: `+/${name}`, qos: 1 }])
      const named = await broker.subscriber(`$own${name}/#`, { version, qos: 1 })
      const publisher = await broker.connect({ version })
      await publisher.publish(`$own${name}/${name}`, 'hidden', { qos: 1 })
      await publisher.publish(`x/${name}`, `fence ${name}`, { qos: 1 })
      expect(texts(await wild.messagesBefore(`fence ${name}`))).not.toContain('hidden')
      expect(texts(await named.messages(1))).toEqual(['hidden'])
    })

    it('topic names are compared byte by byte, never normalized [MQTT-4.7.3-4] [MQTT-1.5.4-3] [MQTT-4.7.3-4]v3 [MQTT-1.5.3-3]v3', async () => {
      const name = fresh('t')
      const composed = `${name}/\u00e9`
      const marked = `${name}/\ufeffx`
      const subscriber = await broker.subscriber(composed, { version, qos: 1 })
      await subscriber.subscribe([{ filter: marked, qos: 1 }])
      const publisher = await broker.connect({ version })
      await publisher.publish(`${name}/e\u0301`, 'decomposed', { qos: 1 })
      await publisher.publish(`${name}/x`, 'without U+FEFF', { qos: 1 })
      await publisher.publish(marked, 'with U+FEFF', { qos: 1 })
      await publisher.publish(composed, 'fence', { qos: 1 })
      const received = await subscriber.messages(2)
      expect(texts(received).sort()).toEqual(['fence', 'with U+FEFF'])
      expect(received.map(({ topic }) => topic).sort()).toEqual([composed, marked].sort())
    })

    it('one connection may publish to itself', async () => {
      const topic = fresh('t')
      const client = await broker.subscriber(topic, { version })
      await client.publish(topic, 'own', { qos: 2 })
      expect(texts(await client.messages(1))).toEqual(['own'])
    })
  })

  it('clients of both versions share topics; what 3.1.1 lacks is left out for it [MQTT-3.3.2-20] [MQTT-3.3.2-17]', async () => {
    const topic = fresh('t')
    const older = await broker.subscriber(topic, { version: 4 })
    const newer = await broker.subscriber(topic, { version: 5 })
    const fromOlder = await broker.connect({ version: 4 })
    const fromNewer = await broker.connect({ version: 5 })
    await fromOlder.publish(topic, 'from 3.1.1', { qos: 2 })
    const properties = { contentType: 'text/plain', userProperties: [['a', 'b']] } as const
    await fromNewer.publish(topic, 'from 5', { qos: 2, properties })
    for (const client of [older, newer]) expect(texts(await client.messages(1))).toEqual(['from 3.1.1'])
    expect(await older.take('publish')).toMatchObject({ qos: 2, properties: null })
    expect(await newer.take('publish')).toMatchObject({ qos: 2, properties })
  })
})
