/** Sessions that outlive their connections and the process: what must come, once, in order, and what must not. */
import { StreamError } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { SESSION_PARAMETERS } from '../src/session/parameters.ts'
import { type Client, Rig, type SessionOptions } from './rig.ts'

const DURABLE: SessionOptions = { cleanStart: false, expirySeconds: 3_600 }

function durable(rig: Rig, clientId: string, ...filters: Parameters<Client['subscribe']>): Client {
  const client = rig.client(clientId, DURABLE)
  if (filters.length > 0) client.subscribe(...filters)
  rig.clock.turn()
  return client
}

function publish(rig: Rig, topic: string, payload: string, qos: 0 | 1 | 2): void {
  rig.kafka.topic('messages').append(topic, payload, { headers: [['zilla:qos', String(qos)]] })
}

function leave(rig: Rig, client: Client, reasonCode: number | null = 0): void {
  client.disconnect(reasonCode)
  rig.clock.turn()
}

/** Connects again, in this process or after its end. */
const AGAIN = [
  ['the same process', async (rig: Rig) => rig],
  ['another one', (rig: Rig) => rig.restarted()],
] as const

describe('a QoS 2 publish whose first connection is gone', () => {
  it('is not answered when its record is lost [MQTT-4.3.3-8]', async () => {
    const rig = await Rig.started()
    const messages = rig.kafka.topic('messages')
    const client = durable(rig, 'c')
    messages.held = true
    client.publishAs(1, 'a', 'x')
    rig.clock.turn()
    messages.answer()
    rig.clock.turn()
    expect(messages.writes).toHaveLength(1)
    const back = durable(rig, 'c')
    back.publishAs(1, 'a', 'x', true)
    rig.clock.turn()
    rig.kafka.abort('messages', new StreamError('unavailable', 'the connection is lost'))
    messages.writes.length = 0
    messages.held = false
    rig.clock.turn()
    expect(back.publisher.acks.filter(({ refused }) => refused === undefined)).toEqual([])
    leave(rig, back, null)
    const last = durable(rig, 'c')
    last.publishAs(1, 'a', 'x', true)
    rig.clock.turn()
    expect(last.publisher.acks).toEqual([{ through: 1 }])
    expect(messages.records).toHaveLength(1)
  })
})

describe.each(AGAIN)('a session that goes on in %s', (_where, again) => {
  it('gets what was published meanwhile, in order, with QoS 1 and 2 [MQTT-3.1.2-5] [MQTT-4.5.0-1]', async () => {
    const rig = await Rig.started({ partitions: 3 })
    const client = durable(rig, 'c', { filter: 'a/#', qos: 2 })
    expect(client.present).toBe(false)
    leave(rig, client)
    for (let at = 0; at < 60; at++) publish(rig, `a/${at % 4}`, String(at), ((at >> 2) % 3) as 0 | 1 | 2)
    publish(rig, 'b', 'no', 1)
    const next = await again(rig)
    const back = durable(next, 'c')
    expect(back.present).toBe(true)
    expect(back.subscriptions.map(({ filter }) => filter)).toEqual(['a/#'])
    for (let topic = 0; topic < 4; topic++) {
      const own = back.received.filter((one) => one.topic === `a/${topic}`).map(({ payload }) => Number(payload))
      // QoS 0 was for the moment only.
      const expected = Array.from({ length: 15 }, (_, i) => i * 4 + topic).filter((n) => (n >> 2) % 3 > 0)
      expect(own.sort((a, b) => a - b)).toEqual(expected)
      for (const qos of [1, 2]) {
        const same = back.received.filter((one) => one.topic === `a/${topic}` && one.qos === qos)
        const order = same.map(({ payload }) => Number(payload))
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }
    }
    expect(next.faults()).toEqual([])
  })

  it('keeps all it had when its connection ends before Kafka has answered [MQTT-3.1.2-5]', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c', 'a', { filter: 'b', qos: 2 })
    publish(rig, 'b', 'in flight', 2)
    rig.clock.turn()
    leave(rig, client)
    publish(rig, 'a', 'meanwhile', 1)
    rig.kafka.topic('messages').held = true
    leave(rig, durable(rig, 'c'))
    const messages = rig.kafka.topic('messages')
    messages.held = false
    messages.answer()
    const back = durable(await again(rig), 'c')
    expect(back.subscriptions.map(({ filter }) => filter)).toEqual(['a', 'b'])
    expect(back.texts.sort()).toEqual(['a=meanwhile', 'b=in flight'])
    expect(back.deliveries.find(({ topic }) => topic === 'b')?.dup).toBe(true)
  })

  it('gets what it had not acknowledged again, with DUP and the same packet identifier [MQTT-4.4.0-1]', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c', { filter: '#', qos: 2 })
    for (const [at, qos] of [1, 2, 1, 2, 1].entries()) publish(rig, `t/${at}`, String(at), qos as 1 | 2)
    rig.clock.turn()
    const first = client.deliveries
    expect(first).toHaveLength(5)
    const idOf = (topic: string) => first.find((one) => one.topic === topic)!.packetId
    client.acknowledge('puback', idOf('t/0'))
    client.acknowledge('pubrec', idOf('t/1'))
    rig.clock.turn()
    expect(client.pubrels).toEqual([{ kind: 'pubrel', packetId: idOf('t/1'), reasonCode: 0 }])
    leave(rig, client, null)
    publish(rig, 't/5', '5', 1)
    const next = await again(rig)
    const back = durable(next, 'c')
    expect(back.pubrels).toEqual([{ kind: 'pubrel', packetId: idOf('t/1'), reasonCode: 0 }])
    const resent = back.deliveries.map(({ topic, packetId, dup }) => ({ topic, packetId, dup }))
    expect(resent.slice(0, 3)).toEqual(
      ['t/2', 't/3', 't/4'].map((topic) => ({ topic, packetId: idOf(topic), dup: true })),
    )
    expect(resent.slice(3)).toMatchObject([{ topic: 't/5', dup: false }])
    expect(first.map(({ packetId }) => packetId)).not.toContain(resent[3]!.packetId + 100)
    for (const { packetId, qos } of back.deliveries) back.acknowledge(qos === 1 ? 'puback' : 'pubrec', packetId)
    next.clock.turn()
    for (const signal of back.pubrels) if (signal.kind === 'pubrel') back.acknowledge('pubcomp', signal.packetId)
    next.clock.turn()
    leave(next, back)
    const last = durable(await again(next), 'c')
    expect(last.deliveries).toEqual([])
    expect(last.pubrels).toEqual([])
  })

  it('is sent nothing twice that waited for room, up to the last message [MQTT-4.3.3-10]', async () => {
    const rig = await Rig.started({ options: { limits: { queueBytes: 1_024 } } })
    leave(rig, durable(rig, 'c', { filter: 'a', qos: 2 }))
    for (let at = 0; at < 3; at++) publish(rig, 'a', String(at).repeat(1_000), 2)
    const next = await again(rig)
    const back = next.client('c', { ...DURABLE, receiveMaximum: 1 })
    for (let at = 0; at < 3; at++) {
      const { packetId, payload } = back.deliveries[at]!
      expect(payload[0]).toBe(String(at))
      back.acknowledge('pubrec', packetId)
      next.clock.turn()
      back.acknowledge('pubcomp', packetId)
      next.clock.turn()
    }
    expect(next.binding.usage['cursors']).toBe(0)
    leave(next, back)
    expect(durable(await again(next), 'c').received).toEqual([])
  })

  it('lets go of a packet identifier whose message is gone before it is used again [MQTT-4.3.3-1]', async () => {
    const rig = await Rig.started()
    const retain = (payload: string) =>
      rig.kafka.topic('retained').append('r', payload, { headers: [['zilla:qos', '2']] })
    retain('old')
    rig.clock.turn()
    const client = durable(rig, 'c', { filter: 'r', qos: 2 }, { filter: 'm', qos: 2 })
    publish(rig, 'm', 'removed', 2)
    rig.clock.turn()
    const packetIds = client.deliveries.map(({ packetId }) => packetId)
    expect(packetIds).toHaveLength(2)
    leave(rig, client, null)
    retain('new')
    rig.kafka.topic('messages').startAt(0, 1)
    publish(rig, 'm', 'later', 2)
    const next = await again(rig)
    const back = durable(next, 'c')
    const released = back.pubrels.map((signal) => (signal.kind === 'pubrel' ? signal.packetId : 0))
    expect(released.sort()).toEqual(packetIds.sort())
    expect(back.texts).toEqual(['m=later'])
    expect(packetIds).not.toContain(back.deliveries[0]!.packetId)
    for (const packetId of released) back.acknowledge('pubcomp', packetId, 0x92)
    next.clock.advance(2_000)
    leave(next, back)
    expect(durable(await again(next), 'c').pubrels).toEqual([])
  })

  it('is over when its time is, and with a clean start [MQTT-3.1.2-4]', async () => {
    const rig = await Rig.started()
    leave(rig, durable(rig, 'c', 'a'))
    leave(rig, durable(rig, 'd', 'a'))
    rig.clock.advance(3_000_000)
    publish(rig, 'a', 'x', 1)
    const next = await again(rig)
    const clean = next.client('d', { cleanStart: true, expirySeconds: 10 })
    expect(clean.present).toBe(false)
    next.clock.advance(700_000)
    const late = durable(next, 'c')
    expect(late.present).toBe(false)
    expect([...late.received, ...clean.received]).toEqual([])
  })

  it('forgets what was unsubscribed [MQTT-3.10.4-1]', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c', 'a', 'b')
    client.unsubscribe('a', 'x')
    rig.clock.turn()
    expect(client.answers.at(-1)).toEqual({ kind: 'unsubscribed', reasonCodes: [0, 0x11] })
    leave(rig, client)
    publish(rig, 'a', 'no', 1)
    publish(rig, 'b', 'yes', 1)
    const back = durable(await again(rig), 'c')
    expect(back.texts).toEqual(['b=yes'])
  })

  it('gets retained messages once more only where they had not all been sent', async () => {
    const rig = await Rig.started()
    for (let at = 0; at < 10; at++)
      rig.kafka.topic('retained').append(`r/${at}`, 'x', { headers: [['zilla:qos', '1']] })
    rig.clock.turn()
    const client = rig.client('c', { ...DURABLE, receiveMaximum: 4 })
    client.subscribe('r/+')
    rig.clock.turn()
    expect(client.received).toHaveLength(4)
    leave(rig, client)
    const back = durable(await again(rig), 'c')
    expect(new Set(back.received.map(({ topic }) => topic)).size).toBe(10)
    back.ackAll()
    rig.clock.turn()
    leave(rig, back)
    expect(durable(await again(rig), 'c').received).toEqual([])
  })

  it('starts a subscription that it takes while it is behind at its SUBSCRIBE, not before', async () => {
    const rig = await Rig.started()
    leave(rig, durable(rig, 'c', 'a'))
    for (let at = 0; at < 10; at++) for (const topic of ['a', 'b']) publish(rig, topic, String(at), 1)
    const next = await again(rig)
    const back = next.client('c', { ...DURABLE, receiveMaximum: 2 })
    back.subscribe({ filter: 'b', qos: 1 })
    next.clock.turn()
    publish(next, 'b', 'new', 1)
    for (let round = 0; round < 20; round++) {
      back.ackAll()
      next.clock.turn()
    }
    expect(back.texts).toEqual([...Array.from({ length: 10 }, (_, at) => `a=${at}`), 'b=new'])
  })
})

describe('what is stored, and when', () => {
  it('sends a QoS 2 message when its packet identifier is stored, PUBREL when PUBREC is', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c', { filter: '#', qos: 2 })
    const sessions = rig.kafka.topic('sessions')
    sessions.held = true
    publish(rig, 't', 'x', 2)
    rig.clock.turn()
    expect(client.deliveries).toEqual([])
    sessions.store()
    sessions.deliver()
    rig.clock.turn()
    expect(client.deliveries).toMatchObject([{ packetId: 1, qos: 2, dup: false }])
    client.acknowledge('pubrec', 1)
    rig.clock.turn()
    expect(client.pubrels).toEqual([])
    sessions.store()
    sessions.deliver()
    rig.clock.turn()
    expect(client.pubrels).toHaveLength(1)
  })

  it('answers SUBSCRIBE and UNSUBSCRIBE when the session says so', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    const sessions = rig.kafka.topic('sessions')
    for (const ask of [() => client.subscribe('a'), () => client.unsubscribe('a')]) {
      sessions.held = true
      const before = client.answers.length
      ask()
      rig.clock.turn()
      expect(client.answers).toHaveLength(before)
      while (sessions.store()) {}
      sessions.deliver()
      rig.clock.turn()
      expect(client.answers).toHaveLength(before + 1)
      sessions.held = false
    }
  })

  it('writes progress late, and nothing for a session that ends with its connection', async () => {
    const rig = await Rig.started()
    const brief = rig.client('brief')
    brief.subscribe('#')
    const client = durable(rig, 'c', '#')
    const before = rig.kafka.topic('sessions').records.length
    for (let at = 0; at < 50; at++) publish(rig, 't', String(at), 1)
    for (const one of [brief, client]) one.ackAll()
    rig.clock.turn()
    expect(rig.kafka.topic('sessions').records.length).toBe(before)
    rig.clock.advance(1_100)
    expect(rig.kafka.topic('sessions').records.length).toBe(before + 1)
  })
})

/** The intents of these are stored, the messages were not, and the next process is slow to find that out. */
async function restartedBefore(...payloads: string[]) {
  const rig = await Rig.started()
  const client = durable(rig, 'c')
  const messages = rig.kafka.topic('messages')
  messages.held = true
  for (const [at, payload] of payloads.entries()) client.publishAs(at + 1, 't', payload)
  rig.clock.turn()
  messages.answer()
  rig.clock.turn()
  messages.append('other', 'x')
  messages.writes.length = 0
  const next = await rig.restarted()
  messages.held = false
  messages.heldReaders.add(next.hop.name)
  const stored = () => messages.records.filter(({ key }) => String(key) === 't').map(({ value }) => String(value))
  return { rig: next, messages, stored }
}

describe('QoS 2 from a client', () => {
  it('is stored once, however often it comes, and its identifier is free after PUBREL [MQTT-4.3.3-10]', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    client.publishAs(7, 't', 'x')
    rig.clock.turn()
    client.publishAs(7, 't', 'x', true)
    rig.clock.turn()
    expect(client.publisher.acks.at(-1)).toEqual({ through: 2 })
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
    client.pubrel(7)
    rig.clock.turn()
    expect(client.pubcomps).toEqual([{ kind: 'pubcomp', packetId: 7, reasonCode: 0 }])
    client.pubrel(7)
    rig.clock.turn()
    expect(client.pubcomps.at(-1)).toMatchObject({ packetId: 7, reasonCode: 0x92 })
    client.publishAs(7, 't', 'y')
    rig.clock.turn()
    expect(rig.kafka.topic('messages').records.map(({ value }) => String(value))).toEqual(['x', 'y'])
  })

  it('stores the intent before the message, and answers after it', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    const sessions = rig.kafka.topic('sessions')
    const messages = rig.kafka.topic('messages')
    sessions.held = true
    client.publishAs(1, 't', 'x')
    rig.clock.turn()
    expect(messages.records).toEqual([])
    sessions.store()
    rig.clock.turn()
    expect(messages.records).toEqual([])
    messages.held = true
    sessions.deliver()
    rig.clock.turn()
    expect(messages.writes).toHaveLength(1)
    expect(client.publisher.acks).toEqual([])
    messages.store()
    expect(client.publisher.acks).toEqual([{ through: 1 }])
  })

  it.each(['before', 'after'])('is found, or written, when the process ends %s the message is stored', async (when) => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    const messages = rig.kafka.topic('messages')
    messages.append('other', 'x')
    messages.held = true
    client.publishAs(1, 't', 'x')
    client.publishAs(2, 't', 'x')
    rig.clock.turn()
    // Two equal messages of one millisecond: only counting tells them apart.
    if (when === 'after') messages.store()
    messages.writes.length = 0
    const next = await rig.restarted()
    messages.held = false
    const back = durable(next, 'c')
    expect(back.present).toBe(true)
    back.publishAs(1, 't', 'x', true)
    back.publishAs(2, 't', 'x', true)
    next.clock.turn()
    next.clock.advance(20_000)
    expect(back.publisher.acks.at(-1)).toEqual({ through: 2 })
    expect(messages.records.filter(({ key }) => String(key) === 't')).toHaveLength(2)
    back.pubrel(1)
    back.pubrel(2)
    next.clock.turn()
    expect(back.pubcomps).toHaveLength(2)
    expect(next.faults()).toEqual([])
  })

  it('keeps its place before what follows, while the log is searched for it [MQTT-4.6.0-5]', async () => {
    const { rig, messages, stored } = await restartedBefore('first')
    const back = durable(rig, 'c')
    back.publishAs(1, 't', 'first', true)
    back.publishAs(2, 't', 'second', true)
    rig.clock.turn()
    expect(stored()).toEqual([])
    messages.release(rig.hop.name)
    rig.clock.turn()
    expect(stored()).toEqual(['first', 'second'])
    expect(back.publisher.acks.at(-1)).toEqual({ through: 2 })
  })

  it('is not forgotten when the connection ends while it waits for one before it', async () => {
    const { rig, messages, stored } = await restartedBefore('first', 'second')
    const between = durable(rig, 'c')
    between.publishAs(1, 't', 'first', true)
    between.publishAs(2, 't', 'second', true)
    rig.clock.turn()
    leave(rig, between, null)
    const back = durable(rig, 'c')
    back.publishAs(1, 't', 'first', true)
    back.publishAs(2, 't', 'second', true)
    rig.clock.turn()
    messages.release(rig.hop.name)
    rig.clock.turn()
    expect(stored()).toEqual(['first', 'second'])
    expect(back.publisher.acks.at(-1)).toEqual({ through: 2 })
  })

  it('is looked for in time though the clock was set back since the process died', async () => {
    const rig = await Rig.started()
    durable(rig, 'c').publishAs(1, 't', 'x')
    rig.clock.turn()
    const next = await rig.crashed()
    next.session('c', DURABLE)
    next.clock.advance(SESSION_PARAMETERS.graceMs)
    const now = next.clock.now.bind(next.clock)
    next.clock.now = () => now() - 3_600_000
    const publisher = next.open({ kind: 'publish', clientId: 'c', version: 5 })
    const meta = { topic: 't', qos: 2, retain: false, properties: null, packetId: 1, dup: true } as const
    publisher.stream!.write(Buffer.from('x'), meta)
    next.clock.advance(SESSION_PARAMETERS.settleMs)
    expect(publisher.acks).toEqual([{ through: 1 }])
  })

  it('that was released is so again in a session that goes on: its PUBCOMP may have been lost', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    client.publishAs(1, 't', 'x')
    rig.clock.turn()
    client.pubrel(1)
    rig.clock.turn()
    leave(rig, client, null)
    const back = durable(rig, 'c')
    back.pubrel(1)
    rig.clock.turn()
    expect(back.pubcomps).toEqual([{ kind: 'pubcomp', packetId: 1, reasonCode: 0 }])
  })

  it('is one message though it comes twice before anything is stored', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    client.publishAs(1, 't', 'x')
    client.publishAs(1, 't', 'x', true)
    rig.clock.turn()
    expect(client.publisher.acks.at(-1)).toEqual({ through: 2 })
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
  })

  it('goes on where its connection was lost while the intent was being stored', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    rig.kafka.topic('sessions').held = true
    client.publishAs(1, 't', 'x')
    rig.clock.turn()
    leave(rig, client, null)
    rig.kafka.topic('sessions').held = false
    rig.kafka.topic('sessions').release('')
    rig.clock.turn()
    const back = durable(rig, 'c')
    back.publishAs(1, 't', 'x', true)
    rig.clock.turn()
    expect(back.publisher.acks).toEqual([{ through: 1 }])
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
  })

  it.each([
    ['is written where it is missing', undefined, 'x'],
    ['is left alone where a newer one is', 'newer', 'newer'],
  ])('the retained copy of one that is found %s', async (_what, newer, expected) => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    rig.kafka.topic('retained').held = true
    const meta = { topic: 't', qos: 2, retain: true, properties: null, packetId: 1, dup: false } as const
    client.publisher.stream!.write(Buffer.from('x'), meta)
    rig.clock.turn()
    rig.kafka.topic('retained').writes.length = 0
    rig.kafka.topic('retained').held = false
    if (newer !== undefined) {
      rig.kafka.topic('retained').append('t', newer, { timestamp: rig.clock.now() + 1, headers: [['zilla:qos', '1']] })
    }
    const next = await rig.restarted()
    const back = durable(next, 'c')
    back.publisher.stream!.write(Buffer.from('x'), { ...meta, dup: true })
    next.clock.turn()
    next.clock.advance(20_000)
    expect(back.publisher.acks).toEqual([{ through: 1 }])
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
    expect(String(rig.kafka.topic('retained').records.at(-1)!.value)).toBe(expected)
  })

  it('with RETAIN is in both topics before it is answered', async () => {
    const rig = await Rig.started()
    const client = durable(rig, 'c')
    rig.kafka.topic('retained').held = true
    client.publish('t', 'x', 2, true)
    rig.clock.turn()
    expect(client.publisher.acks).toEqual([])
    rig.kafka.topic('retained').store()
    expect(client.publisher.acks).toEqual([{ through: 1 }])
  })

  it('needs no record on the sessions topic where the session ends with the connection', async () => {
    const rig = await Rig.started()
    const client = rig.client('c')
    const before = rig.kafka.topic('sessions').records.length
    client.publishAs(1, 't', 'x')
    client.publishAs(1, 't', 'x', true)
    client.pubrel(1)
    rig.clock.turn()
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
    expect(client.pubcomps).toHaveLength(1)
    expect(rig.kafka.topic('sessions').records.length).toBe(before)
    leave(rig, client)
    expect(rig.binding.usage).toMatchObject({ inbounds: 0, publishers: 0 })
  })
})

describe('catching up', () => {
  it('serves all who resume together in about one pass, and leaves nobody behind', async () => {
    const rig = await Rig.started()
    const count = 100
    const clients = Array.from({ length: count }, (_, at) => durable(rig, `c${at}`, '#'))
    for (const client of clients) leave(rig, client)
    for (let at = 0; at < 200; at++) publish(rig, 't', String(at), 1)
    const messages = rig.kafka.topic('messages')
    const before = messages.given
    messages.heldReaders.add('')
    const back = clients.map(({ clientId }) => rig.client(clientId, DURABLE))
    messages.release('')
    rig.clock.turn()
    for (const client of back) expect(client.received).toHaveLength(200)
    expect(messages.given - before).toBeLessThanOrEqual(4 * 200)
    expect(rig.binding.usage).toMatchObject({ cursors: 0 })
  })

  it('does not let a slow session hold up another, nor live messages', async () => {
    const rig = await Rig.started({ options: { limits: { queueBytes: 1_024, inFlight: 10_000 } } })
    for (const id of ['slow', 'quick']) leave(rig, durable(rig, id, '#'))
    for (let at = 0; at < 500; at++) publish(rig, 't', String(at), 1)
    const slow = rig.client('slow', { ...DURABLE, receiveMaximum: 1 })
    const quick = rig.client('quick', { ...DURABLE, receiveMaximum: 10_000 })
    const live = rig.client('live')
    live.subscribe('#')
    rig.clock.turn()
    publish(rig, 't', 'live', 1)
    rig.clock.turn()
    expect(quick.received).toHaveLength(501)
    expect(live.texts).toEqual(['t=live'])
    expect(slow.received.length).toBeLessThan(10)
    for (let round = 0; round < 600; round++) {
      slow.ackAll()
      rig.clock.turn()
    }
    expect(slow.received.map(({ payload }) => payload)).toEqual([
      ...Array.from({ length: 500 }, (_, at) => String(at)),
      'live',
    ])
    expect(rig.faults()).toEqual([])
  })

  it('counts what retention removed first, and goes on behind it', async () => {
    const rig = await Rig.started()
    leave(rig, durable(rig, 'c', '#'))
    for (let at = 0; at < 10; at++) publish(rig, 't', String(at), 1)
    rig.kafka.topic('messages').startAt(0, 6)
    const back = durable(rig, 'c')
    expect(back.received.map(({ payload }) => payload)).toEqual(['6', '7', '8', '9'])
    expect(rig.counter('lost')).toBe(6)
  })
})
