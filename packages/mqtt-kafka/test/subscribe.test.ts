import { type Session, StreamError } from '@zilla-ts/engine'
import type { Outgoing } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { type Client, Rig } from './rig.ts'

/** A client whose subscriptions have begun. */
function subscribed(rig: Rig, clientId: string, ...filters: Parameters<Client['subscribe']>): Client {
  const client = rig.client(clientId)
  client.subscribe(...filters)
  rig.clock.turn()
  return client
}

describe('delivery', () => {
  it('delivers what is published after SUBACK, with the smaller QoS', async () => {
    const rig = await Rig.started()
    const a = subscribed(rig, 'a', 'x/+', { filter: 'y/#', qos: 0 })
    expect(a.answers).toEqual([{ kind: 'subscribed', reasonCodes: [1, 0] }])
    const b = rig.client('b')
    b.publish('x/1', 'one', 1)
    b.publish('y', 'two', 1)
    b.publish('z', 'no', 1)
    b.publish('x/0', 'zero', 0)
    expect(a.received).toEqual([
      { topic: 'x/1', payload: 'one', qos: 1, retain: false, ids: [] },
      { topic: 'y', payload: 'two', qos: 0, retain: false, ids: [] },
      { topic: 'x/0', payload: 'zero', qos: 0, retain: false, ids: [] },
    ])
    expect(rig.faults()).toEqual([])
  })

  it('reads a topic once for all clients, and goes on for a while without them', async () => {
    const rig = await Rig.started()
    const clients = Array.from({ length: 20 }, (_, at) => subscribed(rig, `c${at}`, '#'))
    rig.kafka.topic('messages').append('t', 'x')
    expect(clients.map(({ texts }) => texts)).toEqual(clients.map(() => ['t=x']))
    expect(rig.kafka.topic('messages').fetches.size).toBe(1)
    for (const client of clients) client.disconnect()
    expect(rig.binding.usage).toMatchObject({ subscriptions: 0, nodes: 0, logs: 1 })
    rig.clock.advance(29_000)
    expect(rig.kafka.topic('messages').fetches.size).toBe(1)
    rig.clock.advance(2_000)
    expect(rig.kafka.topic('messages').fetches.size).toBe(0)
    expect(rig.binding.usage).toMatchObject({ logs: 0 })
    rig.kafka.topic('messages').append('t', 'missed')
    const late = subscribed(rig, 'late', '#')
    rig.kafka.topic('messages').append('t', 'y')
    expect(late.texts).toEqual(['t=y'])
  })

  it('makes one delivery of overlapping filters, with all identifiers and the highest QoS', async () => {
    const rig = await Rig.started()
    const client = subscribed(
      rig,
      'c',
      { filter: 'a/#', qos: 0, subscriptionId: 7 },
      { filter: 'a/+', qos: 1, subscriptionId: 9 },
      { filter: '#', qos: 0 },
    )
    rig.client('p').publish('a/b', 'x', 1)
    expect(client.received).toMatchObject([{ qos: 1, payload: 'x' }])
    expect([...client.received[0]!.ids].sort()).toEqual([7, 9])
  })

  it('does not send a message to its publisher where No Local is set', async () => {
    const rig = await Rig.started()
    const client = subscribed(
      rig,
      'c',
      { filter: 'a', noLocal: true, subscriptionId: 1 },
      { filter: 'b/#', noLocal: true },
      {
        filter: 'b/x',
        subscriptionId: 2,
      },
    )
    for (const who of [client, rig.client('other')]) {
      who.publish('a', who.clientId)
      who.publish('b/x', who.clientId)
    }
    expect(client.received.map(({ topic, payload, ids }) => [topic, payload, ids])).toEqual([
      ['b/x', 'c', [2]],
      ['a', 'other', [1]],
      ['b/x', 'other', [2]],
    ])
  })

  it('keeps RETAIN for Retain As Published only', async () => {
    const rig = await Rig.started()
    const rap = subscribed(rig, 'rap', { filter: '#', retainAsPublished: true })
    const plain = subscribed(rig, 'plain', '#')
    const publisher = rig.client('p')
    publisher.publish('t', 'r', 1, true)
    publisher.publish('t', 'n', 1)
    publisher.publish('t', '', 1, true)
    expect(rap.texts).toEqual(['R:t=r', 't=n', 'R:t='])
    expect(plain.texts).toEqual(['t=r', 't=n', 't='])
  })

  it('skips and counts records that MQTT cannot carry', async () => {
    const rig = await Rig.started({ options: { foreign: { qos: 'at_least_once' } } })
    const client = subscribed(rig, 'c', '#')
    const messages = rig.kafka.topic('messages')
    for (const key of [null, '', 'a/#', 'a\0', Buffer.from([0xc3, 0x28])]) messages.append(key, 'x')
    messages.append('t', null)
    messages.append('t', 'x')
    messages.append('$SYS/x', 'hidden')
    expect(client.received).toEqual([{ topic: 't', payload: 'x', qos: 1, retain: false, ids: [] }])
    expect(rig.counter('skipped')).toBe(6)
  })

  it('says once a minute that records of a topic are skipped, and how many', async () => {
    const rig = await Rig.started()
    subscribed(rig, 'c', '#')
    const messages = rig.kafka.topic('messages')
    const lines = () => rig.harness.reporter.events.filter(({ event }) => event === 'MQTT_KAFKA_RECORD_SKIPPED')
    for (const key of ['a/#', 'b', 'c/#']) messages.append(key, key === 'b' ? null : 'x')
    expect(lines()).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: "a record of topic 'messages' reaches no MQTT client: its key is no MQTT topic name",
        fields: { topic: 'messages', partition: 0, offset: 0, records: 1 },
      }),
    ])
    rig.clock.advance(60_000)
    messages.append('b', null)
    expect(lines()[1]).toMatchObject({
      message: "a record of topic 'messages' reaches no MQTT client: it has no value",
      fields: { offset: 3, records: 3 },
    })
  })

  it('does not deliver what has expired', async () => {
    const rig = await Rig.started()
    const client = subscribed(rig, 'c', '#')
    const expiry = Buffer.from([0, 0, 0, 10])
    const messages = rig.kafka.topic('messages')
    messages.append('t', 'late', { headers: [['zilla:expiry', expiry]], timestamp: rig.clock.now() - 10_000 })
    messages.append('t', 'in time', { headers: [['zilla:expiry', expiry]], timestamp: rig.clock.now() - 9_000 })
    expect(client.texts).toEqual(['t=in time'])
    expect((client.subscriber.data[0]!.meta as Outgoing).delivery.message.expiresAt).toBe(rig.clock.now() + 1_000)
    expect(rig.counter('expired')).toBe(1)
  })

  it('sees only what its routes admit', async () => {
    const open = { permits: (session: Session | null) => session === null }
    const rig = await Rig.started({
      routes: [{ when: [{ subscribe: [{ topic: 'mine/#' }] }], ...open }, { permits: () => false }],
    })
    rig.kafka.topic('retained').append('mine/r', 'x')
    rig.kafka.topic('retained').append('yours/r', 'x')
    const client = subscribed(rig, 'c', '#', 'yours/#', 'mine/+')
    expect(client.answers).toEqual([{ kind: 'subscribed', reasonCodes: [1, 0x87, 1] }])
    for (const topic of ['mine/a', 'yours/a']) rig.kafka.topic('messages').append(topic, 'x')
    expect(new Set(client.texts)).toEqual(new Set(['R:mine/r=x', 'mine/a=x']))
  })

  it('reads every topic that its routes name', async () => {
    const rig = new Rig({
      routes: [{ when: [{ subscribe: [{ topic: 'a/#' }] }], with: { messages: 'more', expiry: true } }, {}],
    })
    rig.kafka.add('more')
    await rig.start()
    const client = subscribed(rig, 'c', '#')
    rig.kafka.topic('more').append('a/x', '1')
    rig.kafka.topic('messages').append('b', '2')
    expect(client.texts).toEqual(['a/x=1', 'b=2'])
    client.unsubscribe('#')
    expect(rig.binding.usage).toMatchObject({ subscriptions: 0, nodes: 0 })
  })
})

describe('slow clients', () => {
  it('drops QoS 0, keeps QoS 1 in order, and sends when there is room', async () => {
    const rig = await Rig.started()
    const client = rig.client('c')
    const slow = client.subscriber
    client.subscribe('#')
    rig.clock.turn()
    slow.refill = false
    slow.stream!.grant(1 - 64 * 1024 * 1024)
    const messages = rig.kafka.topic('messages')
    const qos = ['1', '1', '0', '1']
    qos.forEach((digit, at) => {
      messages.append('t', String(at), { headers: [['zilla:qos', digit]] })
    })
    expect(client.texts).toEqual(['t=0'])
    expect(rig.counter('dropped')).toBe(1)
    slow.stream!.grant(10_000)
    expect(client.texts).toEqual(['t=0', 't=1', 't=3'])
    messages.append('t', 'after', { headers: [['zilla:qos', '0']] })
    expect(client.texts.at(-1)).toBe('t=after')
  })

  it('leaves what does not fit in the log, and sends it in order when there is room', async () => {
    const rig = await Rig.started({ partitions: 2, options: { limits: { queueBytes: 10_000 } } })
    const client = rig.client('c', { receiveMaximum: 60_000 })
    client.subscribe('#')
    rig.clock.turn()
    client.subscriber.refill = false
    client.subscriber.stream!.grant(-64 * 1024 * 1024)
    const messages = rig.kafka.topic('messages')
    const publish = (from: number, to: number) => {
      for (let at = from; at < to; at++) {
        messages.append(`t/${at % 5}`, String(at).padEnd(1_000), { headers: [['zilla:qos', '1']] })
      }
    }
    publish(0, 100)
    expect(client.subscriber.aborted).toBeNull()
    expect(rig.counter('fell.behind')).toBe(2)
    client.subscriber.refill = true
    client.subscriber.stream!.grant(64 * 1024 * 1024)
    rig.clock.turn()
    publish(100, 120)
    rig.clock.turn()
    for (let topic = 0; topic < 5; topic++) {
      const own = client.received.filter((one) => one.topic === `t/${topic}`).map(({ payload }) => Number(payload))
      expect(own).toEqual(Array.from({ length: 24 }, (_, at) => at * 5 + topic))
    }
    expect(rig.binding.usage).toMatchObject({ cursors: 0 })
    expect(rig.faults()).toEqual([])
  })

  it('drops what expires while it waits', async () => {
    const rig = await Rig.started()
    const client = subscribed(rig, 'c', '#')
    client.subscriber.stream!.grant(-64 * 1024 * 1024)
    const headers = [
      ['zilla:qos', '1'],
      ['zilla:expiry', Buffer.from([0, 0, 0, 5])],
    ] as const
    rig.kafka.topic('messages').append('t', 'x', { headers, timestamp: rig.clock.now() })
    rig.clock.advance(6_000)
    client.subscriber.stream!.grant(10_000)
    expect(client.texts).toEqual([])
    expect(rig.counter('expired')).toBe(1)
  })
})

describe('retained messages', () => {
  async function withRetained(count: number): Promise<Rig> {
    const rig = new Rig()
    for (let at = 0; at < count; at++) rig.kafka.topic('retained').append(`d/${at}`, String(at))
    return rig.start()
  }

  it.each<[number, number]>([
    [0, 4],
    [1, 2],
    [2, 0],
  ])('retain handling %s, subscribed twice: %s messages', async (retainHandling, count) => {
    const rig = await withRetained(2)
    const client = subscribed(rig, 'c', { filter: 'd/+', retainHandling: retainHandling as 0 | 1 | 2 })
    client.subscribe({ filter: 'd/+', retainHandling: retainHandling as 0 | 1 | 2 })
    rig.clock.turn()
    expect(client.received).toHaveLength(count)
    expect(client.received.every(({ retain }) => retain)).toBe(true)
    expect(client.answers).toHaveLength(2)
  })

  it('replays with identifier, the smaller QoS, and not what has expired', async () => {
    const rig = new Rig()
    const retained = rig.kafka.topic('retained')
    const timestamp = rig.clock.now() - 10_000
    retained.append('a', '1', {
      headers: [
        ['zilla:qos', '1'],
        ['zilla:expiry', Buffer.from([0, 0, 0, 60])],
      ],
      timestamp,
    })
    retained.append('b', '2', { headers: [['zilla:expiry', Buffer.from([0, 0, 0, 5])]], timestamp })
    await rig.start()
    const client = subscribed(rig, 'c', { filter: '#', subscriptionId: 5 })
    expect(client.received).toEqual([{ topic: 'a', payload: '1', qos: 1, retain: true, ids: [5] }])
    expect(rig.binding.usage).toMatchObject({ retained: 1 })
  })

  it('goes as fast as the client, and live messages follow', async () => {
    const rig = await withRetained(500)
    const client = rig.client('c')
    client.subscriber.refill = false
    client.subscriber.stream!.grant(1_000 - 64 * 1024 * 1024)
    client.subscribe('#')
    rig.clock.turn()
    expect(client.answers).toHaveLength(1)
    expect(client.received.length).toBeLessThan(20)
    rig.kafka.topic('messages').append('live', 'x', { headers: [['zilla:qos', '1']] })
    for (let round = 0; round < 100; round++) client.subscriber.stream!.grant(1_000)
    expect(client.received).toHaveLength(501)
    expect(client.texts.at(-1)).toBe('live=x')
  })

  it('leaves QoS 1 in the log while a slow client is replayed to; QoS 0 is dropped', async () => {
    const rig = new Rig({ options: { limits: { queueBytes: 5_000 } } })
    for (let at = 0; at < 100; at++) rig.kafka.topic('retained').append(`d/${at}`, 'x')
    await rig.start()
    const client = rig.client('c')
    client.subscriber.refill = false
    client.subscriber.stream!.grant(1_000 - 64 * 1024 * 1024)
    client.subscribe('#')
    rig.clock.turn()
    for (let at = 0; at < 50; at++) rig.kafka.topic('messages').append('t', 'x'.repeat(200))
    expect(rig.counter('dropped')).toBeGreaterThan(30)
    rig.kafka.topic('messages').append('t', 'y'.repeat(5_000), { headers: [['zilla:qos', '1']] })
    rig.kafka.topic('messages').append('t', 'z', { headers: [['zilla:qos', '1']] })
    client.subscriber.refill = true
    client.subscriber.stream!.grant(64 * 1024 * 1024)
    rig.clock.turn()
    expect(client.received.filter(({ retain }) => retain)).toHaveLength(100)
    expect(client.received.filter(({ qos }) => qos === 1).map(({ payload }) => payload[0])).toEqual(['y', 'z'])
  })
})

describe('requests', () => {
  it('answers in order, and says which filters were there', async () => {
    const rig = await Rig.started()
    const client = rig.client('c')
    rig.kafka.topic('messages').held = true
    client.subscribe('a', 'b')
    client.subscribe('c')
    client.unsubscribe('a', 'x')
    client.subscribe('a')
    client.unsubscribe('a', 'b', 'c')
    expect(client.answers).toEqual([])
    rig.kafka.topic('messages').held = false
    rig.clock.turn()
    expect(client.answers).toEqual([
      { kind: 'subscribed', reasonCodes: [1, 1] },
      { kind: 'subscribed', reasonCodes: [1] },
      { kind: 'unsubscribed', reasonCodes: [0, 0x11] },
      { kind: 'subscribed', reasonCodes: [1] },
      { kind: 'unsubscribed', reasonCodes: [0, 0, 0] },
    ])
    expect(rig.binding.usage).toMatchObject({ subscriptions: 0, nodes: 0 })
  })

  it('refuses filters one by one', async () => {
    const rig = await Rig.started({ options: { limits: { filters: 3 } } })
    const client = subscribed(rig, 'c', 'a', '$share/+/a', 'a/#/b', `a${'/b'.repeat(300)}`, 'b', 'c', 'd', 'a')
    expect(client.answers).toEqual([{ kind: 'subscribed', reasonCodes: [1, 0x8f, 0x8f, 0x8f, 1, 1, 0x97, 1] }])
    expect(rig.binding.usage).toMatchObject({ subscriptions: 3 })
  })

  it('replaces a filter: options change, nothing comes twice', async () => {
    const rig = await Rig.started()
    const client = subscribed(
      rig,
      'c',
      { filter: 'a', qos: 1, subscriptionId: 1 },
      { filter: 'a', qos: 1, subscriptionId: 2 },
    )
    client.subscribe({ filter: 'a', qos: 0, subscriptionId: 3 })
    rig.clock.turn()
    rig.client('p').publish('a', 'x', 1)
    expect(client.received).toEqual([{ topic: 'a', payload: 'x', qos: 0, retain: false, ids: [3] }])
  })

  it('gives up when Kafka does not answer', async () => {
    const rig = await Rig.started()
    rig.kafka.topic('messages').held = true
    const client = subscribed(rig, 'c', '#')
    rig.clock.advance(31_000)
    expect(client.subscriber.aborted?.code).toBe('unavailable')
    expect(client.answers).toEqual([])
    expect(rig.binding.usage).toMatchObject({ subscriptions: 0, nodes: 0 })
    rig.kafka.topic('messages').answer()
    expect(rig.faults()).toEqual([])
  })

  it('waits while Kafka is away, for a while', async () => {
    const rig = await Rig.started()
    const client = rig.client('c')
    rig.kafka.away = new StreamError('unavailable', 'no broker')
    client.subscribe('#')
    rig.clock.advance(20_000)
    expect(client.answers).toEqual([])
    rig.kafka.away = null
    rig.clock.advance(6_000)
    expect(client.answers).toEqual([{ kind: 'subscribed', reasonCodes: [1] }])
  })

  it('goes on where it was when the reader breaks', async () => {
    const rig = await Rig.started({ partitions: 2 })
    const client = subscribed(rig, 'c', '#')
    const messages = rig.kafka.topic('messages')
    messages.append('a', '1')
    rig.kafka.abort('messages', new StreamError('unavailable', 'gone'))
    messages.append('a', '2')
    messages.append('b', '3')
    rig.clock.advance(1_000)
    messages.append('c', '4')
    expect(client.texts.sort()).toEqual(['a=1', 'a=2', 'b=3', 'c=4'])
    expect(rig.events()).toContain('MQTT_KAFKA_READER_STOPPED')
  })

  it('refuses a filter whose Kafka topic is not there', async () => {
    const when = [{ subscribe: [{ topic: 'site/{site}' }] as [{ topic: string }] }]
    const rig = await Rig.started({
      routes: [{ when, with: { messages: 'site-${params.site}', expiry: true } }],
      options: { limits: { paramTopics: 2 } },
    })
    rig.kafka.add('site-1')
    const client = subscribed(rig, 'c', 'site/1', 'site/2', 'site/3', 'site/+')
    expect(client.answers).toEqual([{ kind: 'subscribed', reasonCodes: [1, 0x80, 0x97, 0x87] }])
    rig.kafka.topic('site-1').append('site/1', 'x')
    expect(client.texts).toEqual(['site/1=x'])
  })

  it('leaves nothing behind, however a stream ends', async () => {
    const rig = await Rig.started()
    rig.kafka.topic('retained').held = true
    const ends: ((client: Client) => void)[] = [
      (client) => client.disconnect(),
      (client) => client.subscriber.stream!.abort(new StreamError('closed', 'gone')),
      (client) => client.subscriber.stream!.end(),
      (client) => client.session.stream!.abort(new StreamError('closed', 'gone')),
      (client) => rig.session(client.clientId),
    ]
    ends.forEach((end, at) => {
      const client = subscribed(rig, `c${at}`, 'a/+/b', 'a/#', '#')
      expect(client.answers).toEqual([])
      end(client)
    })
    rig.clock.turn()
    rig.kafka.topic('retained').answer()
    expect(rig.binding.usage).toMatchObject({ subscriptions: 0, nodes: 0 })
    await rig.binding.stop()
    expect(rig.clock.pending).toBe(0)
    expect(rig.faults()).toEqual([])
  })
})

describe('a topic that changes', () => {
  it('reads a new partition from its first record', async () => {
    const rig = await Rig.started()
    const client = subscribed(rig, 'c', '#')
    const [fetch] = rig.kafka.topic('messages').fetches
    fetch!.stream.signal({ kind: 'partition', partition: 1 })
    fetch!.write(1, 0, 't', 'x')
    expect(client.texts).toEqual(['t=x'])
    const late = subscribed(rig, 'late', '#')
    fetch!.write(1, 1, 't', 'y')
    expect(late.texts).toEqual(['t=y'])
  })

  it('counts what was removed unread', async () => {
    const rig = await Rig.started()
    subscribed(rig, 'c', '#')
    const [fetch] = rig.kafka.topic('messages').fetches
    fetch!.stream.signal({ kind: 'lost', partition: 0, from: 5, to: 12 })
    expect(rig.counter('lost')).toBe(7)
    expect(rig.events()).toContain('MQTT_KAFKA_RECORDS_LOST')
  })

  it('forgets retained messages whose log is gone', async () => {
    const rig = new Rig()
    rig.kafka.topic('retained').append('t', 'x')
    await rig.start()
    const [fetch] = rig.kafka.topic('retained').fetches
    fetch!.stream.signal({ kind: 'lost', partition: 0, from: 1, to: 0 })
    expect(rig.binding.usage).toMatchObject({ retained: 0 })
    fetch!.write(0, 0, 'u', 'y')
    expect(rig.binding.usage).toMatchObject({ retained: 1 })
  })
})
