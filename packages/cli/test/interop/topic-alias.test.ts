/** Topic aliases in both directions. */
import type { Properties } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets, texts } from './target.ts'

const alias = (topicAlias: number): { properties: Properties } => ({ properties: { topicAlias } })

describe.each(targets)('topic aliases on $name', (target) => {
  const broker = serve(target, { limits: { topicAliasMaximum: 5 } })

  it('every alias that the server offers is taken; a publish may use it instead of the topic [MQTT-3.3.2-12]', async (context) => {
    const name = fresh('t')
    const watcher = await broker.subscriber(`${name}/#`)
    const publisher = await broker.connect()
    const maximum = publisher.server.topicAliasMaximum ?? 0
    if (broker.isOurs) expect(maximum).toBe(5)
    context.skip(maximum === 0, 'the server offers none')
    for (let at = 1; at <= maximum; at++) await publisher.publish(`${name}/${at}`, 'set', { qos: 1, ...alias(at) })
    for (let at = 1; at <= maximum; at++) await publisher.publish('', 'used', { qos: 2, ...alias(at) })
    const received = await watcher.messages(2 * maximum)
    for (let at = 1; at <= maximum; at++) {
      const mine = received.filter(({ topic }) => topic === `${name}/${at}`)
      expect(texts(mine)).toEqual(['set', 'used'])
      expect(mine.every(({ properties }) => properties === null)).toBe(true)
    }
  })

  it('an alias can be given to another topic [MQTT-3.3.2-12]', async (context) => {
    const name = fresh('t')
    const watcher = await broker.subscriber(`${name}/#`)
    const publisher = await broker.connect()
    context.skip((publisher.server.topicAliasMaximum ?? 0) === 0, 'the server offers none')
    for (const [topic, text] of [
      [`${name}/a`, '1'],
      ['', '2'],
      [`${name}/b`, '3'],
      ['', '4'],
    ] as const) {
      await publisher.publish(topic, text, { qos: 1, ...alias(1) })
    }
    const received = await watcher.messages(4)
    const topics = Object.fromEntries(received.map(({ topic, payload }) => [payload.toString(), topic]))
    expect(topics).toEqual({ 1: `${name}/a`, 2: `${name}/a`, 3: `${name}/b`, 4: `${name}/b` })
  })

  it('an alias with the retain flag or without a subscriber is set all the same [MQTT-3.3.2-12]', async (context) => {
    const name = fresh('t')
    const publisher = await broker.connect()
    context.skip((publisher.server.topicAliasMaximum ?? 0) === 0, 'the server offers none')
    publisher.startPublish(`${name}/r`, 'kept', { retain: true, ...alias(1) })
    await publisher.publish('', 'kept too', { qos: 1, retain: true, ...alias(1) })
    const late = await broker.subscriber(`${name}/#`)
    expect(await late.take('publish')).toMatchObject({ topic: `${name}/r`, payload: Buffer.from('kept too') })
    await late.publish(`${name}/r`, '', { qos: 1, retain: true })
  })

  it.each([
    ['0 is refused with 0x94 [MQTT-3.3.2-8]', 't', 0],
    ['above the maximum is refused with 0x94 [MQTT-3.2.2-17] [MQTT-3.3.2-9]', 't', 65_535],
    ['that was not set is refused with 0x82 [MQTT-4.13.1-1]', '', 2],
  ] as const)('an alias %s', async (_, topic, topicAlias) => {
    const publisher = await broker.connect()
    publisher.startPublish(topic, 'x', { qos: 1, ...alias(topicAlias) })
    expect([null, 0x81, 0x82, 0x94]).toContain(await publisher.closed())
    expect(publisher.received).toEqual([])
  })

  it('no alias and no topic is refused [MQTT-4.7.3-1]', async () => {
    const publisher = await broker.connect()
    publisher.startPublish('', 'x', { qos: 1 })
    expect([null, 0x82, 0x90]).toContain(await publisher.closed())
  })

  it('aliases end with their connection, not with the session [MQTT-3.3.2-7]', async () => {
    const clientId = fresh('c')
    const properties = { sessionExpirySeconds: 600 }
    const first = await broker.connect({ clientId, properties })
    await first.publish(fresh('t'), 'x', { qos: 1, ...alias(1) })
    await first.disconnect()
    const again = await broker.connect({ clientId, cleanStart: false, properties })
    again.startPublish('', 'x', { qos: 1, ...alias(1) })
    expect([null, 0x82, 0x94]).toContain(await again.closed())
  })

  it.each([0, 1, 3])(
    'to a client that takes %s aliases the server sends no more than that, and topics arrive right [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11] [MQTT-3.3.2-10]',
    async (topicAliasMaximum) => {
      const name = fresh('t')
      // The codec of the client resolves aliases, and fails the test for one that it did not offer or does not know.
      const properties = topicAliasMaximum === 0 ? null : { topicAliasMaximum }
      const client = await broker.subscriber(`${name}/#`, { properties })
      const publisher = await broker.connect()
      const sent = Array.from({ length: 40 }, (_, at) => `${name}/${(at * at) % 7}`)
      for (const [at, topic] of sent.entries()) await publisher.publish(topic, topic, { qos: (at % 3) as 0 | 1 | 2 })
      for (const { topic, payload } of await client.messages(40)) expect(payload.toString()).toBe(topic)
    },
  )
})
