/** Shared subscriptions: one member gets each message, and what it does not acknowledge another does (MQTT 5.0 §4.8.2). */
import { describe, expect, it } from 'vitest'
import { type Client, Rig, type SessionOptions } from './rig.ts'

const SHARE = '$share/g/t/#'

function member(rig: Rig, clientId: string, options?: SessionOptions): Client {
  const client = rig.client(clientId, options)
  client.subscribe({ filter: SHARE, qos: 2 })
  rig.clock.turn()
  return client
}

function publish(rig: Rig, from: number, to: number, qos: 0 | 1 | 2 = 1): void {
  for (let at = from; at < to; at++) {
    rig.kafka.topic('messages').append(`t/${at % 3}`, String(at), { headers: [['zilla:qos', String(qos)]] })
  }
  rig.clock.turn()
}

const payloads = (...clients: Client[]): number[] =>
  clients.flatMap(({ received }) => received.map(({ payload }) => Number(payload)))
const sorted = (numbers: number[]): number[] => numbers.toSorted((a, b) => a - b)
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)

describe('a shared subscription', () => {
  it.each([0, 1, 2] as const)('gives each QoS %i message to one member, and all get some', async (qos) => {
    const rig = await Rig.started()
    rig.kafka.topic('retained').append('t/0', 'kept')
    rig.clock.turn()
    const members = ['a', 'b', 'c'].map((id) => member(rig, id))
    const plain = rig.client('plain')
    plain.subscribe('t/#')
    rig.clock.turn()
    publish(rig, 0, 30, qos)
    for (const { answers } of members) expect(answers).toEqual([{ kind: 'subscribed', reasonCodes: [2] }])
    // No retained messages: it is not known who should get them.
    expect(sorted(payloads(...members))).toEqual(range(0, 30))
    for (const one of members) expect(one.received.length).toBeGreaterThan(5)
    expect(plain.received.filter(({ retain }) => !retain)).toHaveLength(30)
    expect(rig.faults()).toEqual([])
  })

  it('keeps the order of a topic within a member', async () => {
    const rig = await Rig.started({ partitions: 2 })
    const members = ['a', 'b'].map((id) => member(rig, id))
    publish(rig, 0, 60)
    for (const { received } of members) {
      for (const topic of ['t/0', 't/1', 't/2']) {
        const own = received.filter((one) => one.topic === topic).map(({ payload }) => Number(payload))
        expect(own).toEqual(sorted(own))
      }
    }
  })

  it('gives what a member leaves unacknowledged to another when it goes', async () => {
    const rig = await Rig.started()
    const [a, b] = [member(rig, 'a'), member(rig, 'b')]
    publish(rig, 0, 20)
    a.ackAll()
    const lost = payloads(b)
    expect(lost.length).toBeGreaterThan(5)
    b.disconnect(null)
    rig.clock.turn()
    expect(sorted(payloads(a))).toEqual(range(0, 20))
    expect(a.deliveries.every(({ dup }) => !dup)).toBe(true)
  })

  it('gives more to who acknowledges, and waits when nobody has room', async () => {
    const rig = await Rig.started()
    const [slow, quick] = [member(rig, 'slow', { receiveMaximum: 1 }), member(rig, 'quick', { receiveMaximum: 3 })]
    publish(rig, 0, 50)
    expect(payloads(slow, quick)).toHaveLength(4)
    for (let round = 0; round < 60; round++) {
      quick.ackAll()
      rig.clock.turn()
    }
    expect(slow.received).toHaveLength(1)
    expect(sorted(payloads(slow, quick))).toEqual(range(0, 50))
  })

  it('does not give a QoS 2 message that has begun to another [MQTT-4.8.2-4] [MQTT-4.8.2-5]', async () => {
    const rig = await Rig.started()
    const [a, b] = [member(rig, 'a'), member(rig, 'b', { cleanStart: false, expirySeconds: 100 })]
    publish(rig, 0, 10, 2)
    const begun = payloads(b)
    b.disconnect(null)
    rig.clock.turn()
    publish(rig, 10, 12, 2)
    expect(sorted([...payloads(a), ...begun])).toEqual(range(0, 12))
    const back = rig.client('b', { cleanStart: false, expirySeconds: 100 })
    rig.clock.turn()
    expect(sorted(payloads(back))).toEqual(sorted(begun))
    expect(back.deliveries.every(({ dup }) => dup)).toBe(true)
  })

  it('keeps a backlog while a member has a session that lasts, and begins anew without', async () => {
    const rig = await Rig.started()
    const durable = { cleanStart: false, expirySeconds: 1_000 }
    const a = member(rig, 'a', durable)
    publish(rig, 0, 3)
    a.ackAll()
    rig.clock.advance(1_500)
    a.disconnect()
    rig.clock.turn()
    publish(rig, 3, 8)
    const next = await rig.restarted()
    const back = next.client('a', durable)
    next.clock.turn()
    expect(back.subscriptions.map(({ filter }) => filter)).toEqual([SHARE])
    expect(payloads(back)).toEqual(range(3, 8))
    back.ackAll()
    back.unsubscribe(SHARE)
    next.clock.turn()
    back.disconnect()
    next.clock.turn()
    publish(next, 8, 10)
    const other = member(next, 'other')
    publish(next, 10, 12)
    expect(payloads(other)).toEqual([10, 11])
    expect(next.faults()).toEqual([])
  })

  it('leaves nothing behind', async () => {
    const rig = await Rig.started()
    const members = ['a', 'b'].map((id) => member(rig, id))
    expect(rig.binding.usage).toMatchObject({ groups: 1, subscriptions: 1 })
    members[0]!.unsubscribe(SHARE)
    members[1]!.disconnect()
    rig.clock.turn()
    expect(rig.binding.usage).toMatchObject({ groups: 0, subscriptions: 0, nodes: 0 })
  })
})
