/** Records of other Kafka programs: their MQTT topics, QoS and models. */
import type { HeaderEntry } from '@zilla-ts/kafka'
import { describe, expect, it } from 'vitest'
import type { MqttKafkaConfig } from '../src/mqtt-kafka.config.ts'
import { type Client, Rig } from './rig.ts'

type Foreign = NonNullable<MqttKafkaConfig['options']>['foreign']
type Entry = NonNullable<Foreign['topics']>[number]

async function started(...topics: (Partial<Entry> & { name?: string })[]): Promise<Rig> {
  const entries = topics.map((entry) => ({ name: 'messages', unfit: 'reject', ...entry }) as const)
  return Rig.started({ options: { foreign: { qos: 'at_most_once', topics: entries } } })
}

function subscribed(rig: Rig, clientId: string, filter = '#'): Client {
  const client = rig.client(clientId)
  client.subscribe(filter)
  rig.clock.turn()
  return client
}

describe('topics of foreign records', () => {
  const TOPIC = 'plant/${headers.line}/${key}/${partition}'

  it.each<[string, string | Buffer | null, HeaderEntry[], string | null]>([
    ['key, header and partition', 'k', [['line', '7']], 'plant/7/k/0'],
    [
      'the last header of a name',
      'k',
      [
        ['line', '7'],
        ['line', '8'],
      ],
      'plant/8/k/0',
    ],
    ['levels that are in the key', 'a/b', [['line', '7']], 'plant/7/a/b/0'],
    ['an empty header', 'k', [['line', '']], 'plant//k/0'],
    ['nothing: there is no such header', 'k', [['lines', '7']], null],
    ['nothing: the header is null', 'k', [['line', null]], null],
    ['nothing: the header is no text', 'k', [['line', Buffer.from([0xc3, 0x28])]], null],
    ['nothing: there is no key', null, [['line', '7']], null],
    ['nothing: the key is no text', Buffer.from([0xff]), [['line', '7']], null],
    ['nothing: a wildcard', '+', [['line', '7']], null],
    ['nothing: NUL', 'a\0', [['line', '7']], null],
    [
      'the key: the record is of an MQTT client',
      'a/b',
      [
        ['zilla:filter', 'a'],
        ['zilla:filter', 'b'],
      ],
      'a/b',
    ],
    ['the key: the record is of an MQTT client, and of slashes', '//', [['zilla:local', 'c']], '//'],
    [
      'zilla:topic',
      'k',
      [
        ['zilla:topic', 'a/b'],
        ['line', '7'],
      ],
      'a/b',
    ],
    [
      'nothing: zilla:topic is null',
      'k',
      [
        ['zilla:topic', null],
        ['line', '7'],
      ],
      null,
    ],
  ])('are made of %s', async (_what, key, headers, expected) => {
    const rig = await started({ topic: TOPIC })
    const client = subscribed(rig, 'c')
    rig.kafka.topic('messages').append(key, 'x', { headers })
    expect(client.received.map(({ topic }) => topic)).toEqual(expected === null ? [] : [expected])
    expect(rig.counter('skipped')).toBe(expected === null ? 1 : 0)
    expect(rig.faults()).toEqual([])
  })

  it('are matched as any topic, also by those who fall behind and by sessions that go on', async () => {
    const rig = await started({ topic: TOPIC, qos: 'at_least_once' })
    const options = { cleanStart: false, expirySeconds: 100 }
    const client = rig.client('c', { ...options, receiveMaximum: 1 })
    client.subscribe('plant/7/#')
    rig.clock.turn()
    const log = rig.kafka.topic('messages')
    for (const at of [0, 1, 2, 3]) log.append(`k${at}`, String(at), { headers: [['line', at % 2 === 0 ? '7' : '8']] })
    expect(client.texts).toEqual(['plant/7/k0/0=0'])
    client.disconnect(null)
    rig.clock.advance(2_000)
    log.append('k4', '4', { headers: [['line', '7']] })
    const back = rig.client('c', options)
    rig.clock.advance(100)
    expect(back.texts).toEqual(['plant/7/k0/0=0', 'plant/7/k2/0=2', 'plant/7/k4/0=4'])
  })

  it('say in the log why there is none', async () => {
    const rig = await started({ topic: TOPIC })
    subscribed(rig, 'c')
    rig.kafka.topic('messages').append('k', 'x')
    const [line] = rig.harness.reporter.events.filter(({ event }) => event === 'MQTT_KAFKA_RECORD_SKIPPED')
    expect(line!.message).toMatch(/it has no text for \$\{headers\.line\} of 'plant/)
  })
})

describe('QoS of foreign records', () => {
  it.each<[string, Partial<Entry>, HeaderEntry[], number]>([
    ['of foreign.qos', {}, [], 0],
    ['of the entry', { qos: 'at_least_once' }, [], 1],
    ['of the record', { qos: 'at_least_once' }, [['zilla:qos', '0']], 0],
    ['of another topic', { name: 'other', qos: 'at_least_once' }, [], 0],
    ['of topics that begin so', { name: 'mess*', qos: 'at_least_once' }, [], 1],
  ])('is that %s', async (_what, entry, headers, qos) => {
    const rig = await started(entry)
    const client = subscribed(rig, 'c')
    rig.kafka.topic('messages').append('k', 'x', { headers })
    expect(client.received).toMatchObject([{ topic: 'k', qos }])
  })
})

describe('models of foreign records', () => {
  it.each<['reject' | 'drop' | 'pass', string[], number]>([
    ['reject', ['k=7'], 1],
    ['drop', ['k=7'], 0],
    ['pass', ['k=seven', 'k=7'], 0],
  ])('%s', async (unfit, texts, skipped) => {
    const rig = await started({ value: 'int32', unfit })
    const client = subscribed(rig, 'c')
    rig.kafka.topic('messages').append('k', 'seven')
    rig.kafka.topic('messages').append('k', '7')
    expect(client.texts).toEqual(texts)
    expect([rig.counter('unfit'), rig.counter('skipped')]).toEqual([1, skipped])
  })

  it('are not for what MQTT clients have published', async () => {
    const rig = await started({ value: 'int32' })
    const client = subscribed(rig, 'c')
    client.publish('t', 'seven', 0)
    expect(client.texts).toEqual(['t=seven'])
  })

  it('count for those who fall behind', async () => {
    const rig = await started({ value: 'int32', qos: 'at_least_once' })
    const client = rig.client('c', { receiveMaximum: 1 })
    client.subscribe('#')
    rig.clock.turn()
    for (const text of ['1', 'x', '0']) rig.kafka.topic('messages').append('k', text)
    client.ackAll()
    rig.clock.advance(100)
    expect(client.texts).toEqual(['k=1', 'k=0'])
    expect(rig.counter('unfit')).toBe(1)
  })
})

it('a null value of another program clears what is retained', async () => {
  const rig = await Rig.started()
  const retained = rig.kafka.topic('retained')
  retained.append('k', 'x')
  retained.append('l', 'y')
  expect(subscribed(rig, 'before').texts.sort()).toEqual(['R:k=x', 'R:l=y'])
  retained.append('k', null)
  expect(subscribed(rig, 'after').texts).toEqual(['R:l=y'])
})
