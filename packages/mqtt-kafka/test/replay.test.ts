/** Subscriptions that begin in the past, by the user property `zilla:from`. */
import { describe, expect, it } from 'vitest'
import { type Client, Rig, type RigOptions } from './rig.ts'

const T = 1_700_000_000_000
const QOS = (qos: number) => [['zilla:qos', String(qos)]] as const
const iso = (ms: number) => new Date(ms).toISOString()

/** A rig whose messages topic has `old0`… `old4`, a second apart, QoS 0 and 1 in turn. */
async function withHistory(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.started(options)
  for (let at = 0; at < 5; at++) append(rig, `old${at}`, at % 2, T + at * 1_000)
  return rig
}

function append(rig: Rig, text: string, qos = 1, timestamp = T + 60_000, key = 't'): void {
  rig.kafka.topic('messages').append(key, text, { headers: QOS(qos), timestamp })
}

function replayed(rig: Rig, clientId: string, from: string, ...filters: Parameters<Client['subscribe']>): Client {
  const client = rig.client(clientId)
  client.replay(from, ...filters)
  rig.clock.turn()
  rig.clock.advance(10)
  return client
}

const payloads = (client: Client) => client.received.map(({ payload }) => payload)

describe('a replay', () => {
  it.each<[string, string, string[]]>([
    ['the start', 'start', ['old0', 'old1', 'old2', 'old3', 'old4']],
    ['a time', iso(T + 2_000), ['old2', 'old3', 'old4']],
    ['a time between', iso(T + 2_001), ['old3', 'old4']],
    ['a time to come', iso(T + 9_999_000), []],
    ['an offset', '0:3', ['old3', 'old4']],
    ['the end', '0:5', []],
    ['an offset to come', '0:50', []],
    ['an offset of another partition', '7:0', []],
  ])('begins at %s, and ends live', async (_what, from, expected) => {
    const rig = await withHistory()
    const client = replayed(rig, 'c', from, 't')
    expect(client.answers).toEqual([{ kind: 'subscribed', reasonCodes: [1] }])
    expect(payloads(client)).toEqual(expected)
    append(rig, 'live0', 0)
    append(rig, 'live1', 1)
    expect(payloads(client)).toEqual([...expected, 'live0', 'live1'])
    expect(client.received.every(({ retain }) => !retain)).toBe(true)
    expect(rig.binding.usage).toMatchObject({ replays: 0, cursors: 0 })
    expect(rig.faults()).toEqual([])
  })

  it('begins where retention has left something, and counts nothing as lost', async () => {
    const rig = await withHistory()
    rig.kafka.topic('messages').startAt(0, 3)
    const client = replayed(rig, 'c', 'start', 't')
    expect(payloads(client)).toEqual(['old3', 'old4'])
    expect(rig.counter('lost')).toBe(0)
  })

  it('loses and doubles nothing of what comes while it starts, or while it reads', async () => {
    const rig = await withHistory()
    const log = rig.kafka.topic('messages')
    const client = rig.client('c')
    log.held = true
    client.replay('start', 't')
    rig.clock.turn()
    append(rig, 'n0', 0)
    for (let round = 0; round < 20; round++) {
      log.answer()
      log.deliver(1)
      if (round < 5) append(rig, `n${round + 1}`, round % 2)
      rig.clock.advance(10)
    }
    log.held = false
    log.answer()
    log.deliver()
    rig.clock.advance(10)
    expect(payloads(client)).toEqual([
      ...[0, 1, 2, 3, 4].map((at) => `old${at}`),
      ...[0, 1, 2, 3, 4, 5].map((at) => `n${at}`),
    ])
  })

  it('goes as fast as the client, QoS 0 as well, and in order', async () => {
    const rig = await withHistory()
    const client = rig.client('c', { receiveMaximum: 1 })
    client.replay('start', 't')
    rig.clock.turn()
    rig.clock.advance(10)
    append(rig, 'live0', 0)
    append(rig, 'live1', 1)
    const seen: number[] = []
    for (let at = 0; at < 4; at++) {
      seen.push(client.received.length)
      client.ackAll()
      rig.clock.advance(3_000)
    }
    expect(seen).toEqual([2, 4, 7, 7])
    expect(payloads(client)).toEqual(['old0', 'old1', 'old2', 'old3', 'old4', 'live0', 'live1'])
    expect(rig.counter('dropped')).toBe(0)
  })

  it('brings nothing again to the other subscriptions of its client', async () => {
    const rig = await withHistory()
    const client = rig.client('c')
    client.subscribe({ filter: '#', subscriptionId: 1 })
    rig.clock.turn()
    append(rig, 'seen')
    client.replay('start', { filter: 't', subscriptionId: 2 })
    rig.clock.turn()
    rig.clock.advance(10)
    const of = (id: number) => client.received.flatMap(({ payload, ids }) => (ids.includes(id) ? [payload] : []))
    expect(of(1)).toEqual(['seen'])
    expect(of(2)).toEqual(['old0', 'old1', 'old2', 'old3', 'old4', 'seen'])
    append(rig, 'live')
    expect([of(1).at(-1), of(2).at(-1)]).toEqual(['live', 'live'])
  })

  it('has no retained messages: they are in the log', async () => {
    const rig = await Rig.started()
    rig.client('p').publish('t', 'x', 1, true)
    expect(replayed(rig, 'c', 'start', 't').texts).toEqual(['t=x'])
  })

  it('keeps the options of its subscription', async () => {
    const rig = await Rig.started()
    const client = rig.client('c')
    for (const [text, qos] of [
      ['0', 0],
      ['1', 1],
      ['2', 2],
    ] as const)
      client.publish('t', text, qos)
    rig.clock.turn()
    client.replay('start', { filter: 't', noLocal: true }, { filter: '+', qos: 0 })
    rig.clock.turn()
    rig.clock.advance(10)
    expect(client.received.map(({ payload, qos }) => [payload, qos])).toEqual([
      ['0', 0],
      ['1', 0],
      ['2', 0],
    ])
  })

  it('ends with UNSUBSCRIBE, and with its connection', async () => {
    const rig = await withHistory()
    const client = rig.client('c', { receiveMaximum: 1 })
    client.replay('start', 't')
    rig.clock.turn()
    rig.clock.advance(10)
    expect(rig.binding.usage).toMatchObject({ replays: 1 })
    client.unsubscribe('t')
    rig.clock.turn()
    client.ackAll()
    rig.clock.advance(3_000)
    expect(payloads(client)).toEqual(['old0', 'old1'])
    expect(rig.binding.usage).toMatchObject({ replays: 0, subscriptions: 0, nodes: 0 })
    client.replay('start', 't')
    client.disconnect()
    rig.clock.advance(3_000)
    expect(rig.binding.usage).toMatchObject({ replays: 0, subscriptions: 0, nodes: 0, cursors: 0 })
  })

  it('goes on when its filter is subscribed to again without a beginning [MQTT-3.8.4-4]', async () => {
    const rig = await withHistory()
    const client = rig.client('c', { receiveMaximum: 1 })
    client.replay('start', 't')
    rig.clock.turn()
    rig.clock.advance(10)
    client.subscribe('t')
    rig.clock.turn()
    for (let at = 0; at < 4; at++) {
      client.ackAll()
      rig.clock.advance(3_000)
    }
    expect(payloads(client)).toEqual(['old0', 'old1', 'old2', 'old3', 'old4'])
  })

  it('goes on with its session, and others of the session where they were', async () => {
    const rig = await withHistory()
    const options = { cleanStart: false, expirySeconds: 100, receiveMaximum: 1 }
    const client = rig.client('c', options)
    client.subscribe({ filter: '#', subscriptionId: 1 })
    rig.clock.turn()
    append(rig, 'seen', 1, T, 'u')
    client.ackAll()
    client.replay('start', { filter: 't', subscriptionId: 2 })
    rig.clock.turn()
    rig.clock.advance(10)
    client.disconnect(null)
    rig.clock.advance(2_000)
    append(rig, 'missed')
    const back = rig.client('c', options)
    for (let at = 0; at < 4; at++) {
      rig.clock.advance(3_000)
      back.ackAll()
    }
    const brief = back.deliveries.map(({ payload, dup, ids }) => [payload, dup, ids])
    // QoS 0 of the past is not kept for a session, as QoS 0 never is.
    expect(brief).toEqual([
      ['old1', true, [1, 2]],
      ['old3', false, [2]],
      ['missed', false, [1, 2]],
    ])
  })
})

describe('a replay that cannot be', () => {
  it.each<[string, string, string[]]>([
    ['is nothing', 'yesterday', ['a', 'b']],
    ['is no time', '2026-02-30T99:00:00Z', ['a']],
  ])('%s: refused, filter by filter, with a reason', async (_what, from, filters) => {
    const rig = await withHistory()
    const client = replayed(rig, 'c', from, ...filters)
    expect(client.answers).toEqual([
      { kind: 'subscribed', reasonCodes: filters.map(() => 0x83), reason: expect.stringContaining('zilla:from') },
    ])
    expect(rig.binding.usage).toMatchObject({ subscriptions: 0, replays: 0 })
  })

  it('is of a shared subscription', async () => {
    const rig = await withHistory()
    const client = replayed(rig, 'c', 'start', '$share/g/t', 't')
    expect(client.answers).toMatchObject([{ reasonCodes: [0x83, 1], reason: expect.stringContaining('shared') }])
  })

  it('is of offsets where the filter reads several topics', async () => {
    const rig = new Rig({
      routes: [{ when: [{ subscribe: [{ topic: 'a/#' }] }], with: { messages: 'more', expiry: true } }, {}],
    })
    rig.kafka.add('more')
    await rig.start()
    expect(replayed(rig, 'c', '0:0', 'a/b', 'c').answers).toMatchObject([{ reasonCodes: [0x83, 1] }])
    rig.kafka.topic('more').append('a/x', '1')
    rig.kafka.topic('messages').append('a/x', '2')
    const both = replayed(rig, 'd', 'start', 'a/#')
    expect(payloads(both).sort()).toEqual(['1', '2'])
  })

  it('is one too many, until another has come to the end', async () => {
    const rig = await withHistory({ options: { limits: { replays: 1 } } })
    const slow = rig.client('slow', { receiveMaximum: 1 })
    slow.replay('start', 't')
    rig.clock.turn()
    rig.clock.advance(10)
    const client = replayed(rig, 'c', 'start', 't')
    expect(client.answers).toMatchObject([{ reasonCodes: [0x97], reason: 'too many replays' }])
    for (let at = 0; at < 3; at++) {
      slow.ackAll()
      rig.clock.advance(3_000)
    }
    client.replay('start', 't')
    rig.clock.turn()
    rig.clock.advance(10)
    expect(payloads(client)).toHaveLength(5)
  })

  it('waits while Kafka is away, for a while', async () => {
    const rig = await withHistory()
    const client = rig.client('c')
    rig.kafka.topic('messages').held = true
    client.replay('start', 't')
    rig.clock.turn()
    rig.kafka.topic('messages').answer()
    rig.clock.advance(60_000)
    expect(client.subscriber.aborted).toMatchObject({ code: 'unavailable' })
    expect(rig.binding.usage).toMatchObject({ replays: 0, subscriptions: 0 })
  })
})
