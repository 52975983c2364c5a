/** Every limit of mqtt-kafka, reached: what is told and counted, and that what was there before goes on. */
import type { Mqtt, MqttSignal } from '@zilla-ts/mqtt'
import type { Recorder } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { type Client, Rig, type RigOptions } from './rig.ts'

const QUOTA = 0x97

/** Refusal of each publish so far; null: stored. */
const refusals = ({ publisher }: Client) => publisher.acks.map(({ refused }) => refused?.code ?? null)
/** Reason codes of the last SUBACK. */
const granted = ({ answers }: Client) => (answers.at(-1) as Extract<MqttSignal, { kind: 'subscribed' }>).reasonCodes
/** Why a session is refused; null: it is accepted. */
function refusal(rig: Rig, session: Recorder<Mqtt>): string | null {
  rig.clock.turn()
  return session.accepts.length > 0 ? null : (session.aborted?.code ?? 'nothing')
}

const started = (limits: NonNullable<RigOptions['options']>['limits']) => Rig.started({ options: { limits } })

describe('retained messages', () => {
  it('are bounded by count, with each QoS; what is there is replaced, cleared and served', async () => {
    const rig = await started({ retained: 2 })
    const client = rig.client('me')
    for (const topic of ['a', 'b']) client.publish(topic, 'x', 1, true)
    rig.clock.turn()
    client.publish('c', 'x', 0, true)
    client.publish('c', 'x', 1, true)
    client.publishAs(9, 'not/retained', 'x')
    client.publish('b', 'y', 1, true)
    client.publish('c', 'x', 1, false)
    rig.clock.turn()
    expect(refusals(client)).toEqual([null, null, 'quota', 'quota', null, null, null])
    client.publish('a', '', 1, true)
    rig.clock.turn()
    client.publish('c', 'kept', 1, true)
    rig.clock.turn()
    expect(refusals(client).slice(-2)).toEqual([null, null])
    const reader = rig.client('reader')
    reader.subscribe('#')
    rig.clock.turn()
    expect(reader.texts.filter((text) => text.startsWith('R:')).sort()).toEqual(['R:b=y', 'R:c=kept'])
    expect([rig.counter('limited.retained'), rig.faults()]).toEqual([2, []])
  })

  it('are bounded by bytes', async () => {
    const rig = await started({ retainedBytes: 1_000 })
    const client = rig.client('me')
    client.publish('a', 'x'.repeat(600), 1, true)
    rig.clock.turn()
    client.publish('b', 'x'.repeat(600), 1, true)
    client.publish('a', 'y'.repeat(600), 1, true)
    client.publish('a', 'y'.repeat(1_200), 1, true)
    client.publish('b', 'small', 1, true)
    rig.clock.turn()
    expect(refusals(client)).toEqual([null, 'quota', null, 'quota', null])
  })

  it('that are on the topic already are all served, and the operator is told', async () => {
    const rig = new Rig({ options: { limits: { retained: 2 } } })
    for (const topic of ['a', 'b', 'c']) rig.kafka.topic('retained').append(topic, 'x')
    await rig.start()
    expect(rig.events()).toContain('MQTT_KAFKA_RETAINED_FULL')
    const client = rig.client('me')
    client.subscribe('#')
    client.publish('d', 'x', 1, true)
    client.publish('c', 'y', 1, true)
    rig.clock.turn()
    expect(refusals(client)).toEqual(['quota', null])
    expect(client.texts.filter((text) => text.startsWith('R:'))).toHaveLength(3)
  })

  it('of wills are published, and not kept beyond the limit', async () => {
    const rig = await started({ retained: 0 })
    const watcher = rig.client('watcher')
    watcher.subscribe({ filter: '#', qos: 0 })
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 0 as const, retain: true, properties: null }
    rig.client('leaving', { will }).disconnect(null)
    rig.clock.advance(10_000)
    expect(watcher.texts).toEqual(['w=gone'])
    expect(rig.kafka.topic('retained').records).toEqual([])
  })
})

describe('sessions', () => {
  it('are bounded; whoever is known may come, and a place is free when its keys are gone', async () => {
    const rig = await started({ sessions: 2 })
    const [a] = [rig.client('a'), rig.client('b', { cleanStart: false, expirySeconds: 60 })]
    expect(refusal(rig, rig.session('c'))).toBe('quota')
    expect(refusal(rig, rig.session('b', { cleanStart: false, expirySeconds: 60 }))).toBeNull()
    a.disconnect()
    rig.clock.turn()
    expect(refusal(rig, rig.session('c'))).toBe('quota')
    rig.clock.advance(3_700_000)
    expect(refusal(rig, rig.session('c'))).toBeNull()
    expect([rig.counter('limited.sessions'), rig.faults()]).toEqual([2, []])
  })

  it('hold so many bytes of filters', async () => {
    const rig = await started({ sessionBytes: 1_000 })
    const client = rig.client('a', { expirySeconds: 60 })
    const filters = ['a', 'b', 'c'].map((letter) => letter.repeat(200))
    client.subscribe(...filters, '$share/g/x'.padEnd(200, 'x'))
    rig.clock.turn()
    expect(granted(client)).toEqual([1, 1, 1, QUOTA])
    client.subscribe(filters[0]!)
    rig.clock.turn()
    expect(granted(client)).toEqual([1])
    client.unsubscribe(filters[1]!)
    client.subscribe('s')
    rig.clock.turn()
    expect(granted(client)).toEqual([1])
  })
})

describe('subscriptions', () => {
  it('of all clients are bounded, and free again when they end', async () => {
    const rig = await started({ subscriptions: 3 })
    const [a, b] = [rig.client('a'), rig.client('b')]
    a.subscribe('1', '$share/g/2')
    b.subscribe('1', '2')
    rig.clock.turn()
    expect([granted(a), granted(b)]).toEqual([
      [1, 1],
      [1, QUOTA],
    ])
    b.subscribe('1')
    rig.clock.turn()
    expect(granted(b)).toEqual([1])
    a.disconnect()
    rig.clock.turn()
    b.subscribe('2', '3')
    rig.clock.turn()
    expect([granted(b), rig.counter('limited.subscriptions')]).toEqual([[1, 1], 1])
    b.disconnect()
    rig.clock.turn()
    expect(rig.binding.usage['filters']).toBe(0)
  })

  it('of a session that goes on stay, though there is no room for new ones', async () => {
    const rig = await started({ subscriptions: 1 })
    const durable = { cleanStart: false, expirySeconds: 600 }
    const a = rig.client('a', durable)
    a.subscribe('1')
    rig.clock.turn()
    a.disconnect()
    rig.clock.turn()
    const b = rig.client('b')
    b.subscribe('2')
    rig.clock.turn()
    const again = rig.client('a', durable)
    again.subscribe('3')
    rig.clock.turn()
    expect([granted(b), granted(again)]).toEqual([[1], [QUOTA]])
    b.publish('1', 'x', 1)
    rig.clock.turn()
    expect(again.texts).toEqual(['1=x'])
  })

  it('that are shared are in so many groups', async () => {
    const rig = await started({ sharedGroups: 1 })
    const [a, b] = [rig.client('a'), rig.client('b')]
    a.subscribe('$share/g/t', '$share/h/t')
    b.subscribe('$share/g/t')
    rig.clock.turn()
    expect([granted(a), granted(b)]).toEqual([[1, QUOTA], [1]])
  })
})
