import { StreamError } from '@zilla-ts/engine'
import { HeaderCursor } from '@zilla-ts/kafka'
import { describe, expect, it } from 'vitest'
import type { StoredRecord } from './memory-kafka.ts'
import { Rig } from './rig.ts'

function text(record: StoredRecord): string {
  const cursor = new HeaderCursor()
  cursor.reset(record.headers, record.headerCount)
  const headers: string[] = []
  while (cursor.next()) headers.push(`${cursor.name()}=${cursor.valueText()}`)
  return `${record.key}: ${record.value === null ? 'null' : `'${record.value}'`} ${headers.join(' ')}`.trim()
}

describe('publish', () => {
  it('writes a record per publish and acknowledges what is stored', async () => {
    const rig = await Rig.started()
    const client = rig.client('me')
    const messages = rig.kafka.topic('messages')
    messages.held = true
    client.publish('a/b', 'x', 1)
    client.publish('a/b', 'y', 0, false, { contentType: 't' })
    expect(client.publisher.acks).toEqual([])
    messages.store()
    messages.store()
    expect(client.publisher.acks).toEqual([{ through: 1 }, { through: 2 }])
    expect(messages.records.map(text)).toEqual([
      "a/b: 'x' zilla:filter=a zilla:filter=b zilla:local=me zilla:qos=1",
      "a/b: 'y' zilla:filter=a zilla:filter=b zilla:local=me zilla:content-type=t zilla:qos=0",
    ])
    expect(messages.records[0]!.timestamp).toBe(rig.clock.now())
  })

  it('writes a retained publish twice, and acknowledges when both are stored', async () => {
    const rig = await Rig.started()
    const client = rig.client('me')
    const retained = rig.kafka.topic('retained')
    retained.held = true
    client.publish('a', 'x', 1, true, { responseTopic: 'r' })
    client.publish('a', 'y', 1)
    expect(client.publisher.acks).toEqual([])
    rig.clock.advance(5)
    retained.store()
    expect(client.publisher.acks).toEqual([{ through: 2 }])
    const [message] = rig.kafka.topic('messages').records
    expect(retained.records).toEqual([message])
    expect(text(message!)).toContain('zilla:reply-to=messages')
  })

  it('clears by an empty message and a tombstone without headers', async () => {
    const rig = await Rig.started()
    rig.client('me').publish('a', '', 1, true)
    expect(rig.kafka.topic('messages').records.map(text)).toEqual(["a: '' zilla:filter=a zilla:local=me zilla:qos=1"])
    expect(rig.kafka.topic('retained').records.map(text)).toEqual(['a: null'])
  })

  it.each(['messages', 'retained'])('passes on a refusal of the %s topic, and goes on', async (name) => {
    const rig = await Rig.started()
    const client = rig.client('me')
    const refusal = new StreamError('too-large', 'too large')
    rig.kafka.topic(name).refusal = refusal
    client.publish('a', 'x', 1, true)
    rig.kafka.topic(name).refusal = null
    client.publish('a', 'y', 1, true)
    expect(client.publisher.acks).toEqual([{ through: 1, refused: refusal }, { through: 2 }])
    expect(rig.counter('refused')).toBe(1)
    expect(rig.binding.usage).toMatchObject({ flights: 0 })
  })

  it('refuses what no route takes, a QoS above the highest, and a retained topic of too many levels', async () => {
    const rig = await Rig.started({
      routes: [{ when: [{ publish: [{ topic: 'a/#' }] }] }, { when: [{ subscribe: [{ topic: 'b' }] }] }],
      options: { publish: { qosMax: 'at_least_once' } },
    })
    const client = rig.client('me')
    client.publish('b', 'x', 1)
    client.publish('a', 'x', 2)
    client.publish(`a${'/b'.repeat(300)}`, 'x', 1, true)
    client.publish('a', 'x', 1)
    expect(client.publisher.acks.map(({ through, refused }) => [through, refused?.code])).toEqual([
      [1, 'not-authorized'],
      [2, 'invalid'],
      [3, 'invalid'],
      [4, undefined],
    ])
  })

  it('keeps at most its window while Kafka has no room, and loses nothing', async () => {
    const rig = await Rig.started()
    rig.kafka.produceWindow = 0
    const client = rig.client('me')
    const { stream } = client.publisher
    let sent = 0
    while (stream!.writable) client.publish('a', String(sent++).padStart(1_000, '0'), 1, sent % 2 === 0)
    expect(sent).toBeLessThan(130)
    expect(rig.kafka.topic('messages').records).toHaveLength(0)
    for (const name of ['messages', 'retained']) {
      for (const producer of rig.kafka.topic(name).producers) producer.stream.grant(1_000_000)
    }
    expect(rig.kafka.topic('messages').records.map(({ value }) => Number(value))).toEqual(
      Array.from({ length: sent }, (_, at) => at),
    )
    expect(client.publisher.acks.at(-1)).toEqual({ through: sent })
    expect(client.publisher.writables).toBe(1)
    expect(stream!.credit).toBe(64 * 1024)
  })

  it('stores what was sent before the end, then ends', async () => {
    const rig = await Rig.started()
    rig.kafka.produceWindow = 0
    const client = rig.client('me')
    client.publish('a', 'last', 0)
    client.publisher.stream!.end()
    expect(client.publisher.ended).toBe(false)
    for (const producer of rig.kafka.topic('messages').producers) producer.stream.grant(1_000)
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
    expect(client.publisher.ended).toBe(true)
    expect(rig.binding.usage).toMatchObject({ publishers: 0 })
  })

  it('ends the stream when Kafka gives up, and lands what was under way', async () => {
    const rig = await Rig.started()
    const client = rig.client('me')
    rig.kafka.topic('messages').held = true
    rig.kafka.topic('retained').held = true
    client.publish('a', 'x', 1, true)
    expect(rig.binding.usage).toMatchObject({ flights: 1, publishers: 1 })
    rig.kafka.abort('retained', new StreamError('unavailable', 'gone'))
    expect(client.publisher.aborted?.code).toBe('unavailable')
    rig.kafka.topic('messages').store()
    expect(client.publisher.acks).toEqual([])
    expect(rig.binding.usage).toMatchObject({ flights: 0, publishers: 0 })
  })

  it('takes a topic named by the client, if there is one', async () => {
    const when = [{ publish: [{ topic: 'site/{site}/#' }] as [{ topic: string }] }]
    const rig = await Rig.started({
      routes: [{ when, with: { messages: 'site-${params.site}', expiry: true } }, {}],
      options: { limits: { paramTopics: 2 } },
    })
    for (const name of ['1', '2', '3']) rig.kafka.add(`site-${name}`)
    const client = rig.client('me')
    for (const site of ['1', '2', '3', 'none', 'no ne', '1']) client.publish(`site/${site}/x`, site, 1)
    expect(client.publisher.acks.map(({ refused }) => refused?.code)).toEqual([
      undefined,
      undefined,
      'quota',
      'quota',
      'invalid',
      undefined,
    ])
    expect(rig.kafka.topic('site-1').records).toHaveLength(2)
    client.disconnect()
    expect(rig.binding.usage).toMatchObject({ paramTopics: 0 })
    const other = rig.client('other')
    const opened = rig.kafka.opened.length
    for (let at = 0; at < 10; at++) other.publish('site/none/x', 'x', 1)
    expect(other.publisher.acks.map(({ refused }) => refused?.code)).toEqual(new Array(10).fill('invalid'))
    expect(rig.kafka.opened.length).toBe(opened + 1)
    expect(rig.faults()).toEqual([])
  })
})
