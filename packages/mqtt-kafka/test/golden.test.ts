/**
 * Records byte for byte as other Zilla engines write and read them: what a publish becomes, and what such a record becomes.
 * The bytes are written down, not made by our own encoder. Changing one breaks whoever shares the topics.
 */
import type { Outgoing, Properties, Qos } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { Rig } from './rig.ts'

/** Names on the wire: length as a zigzag varint, then ASCII. */
const NAMES = {
  filter: '18 7a696c6c613a66696c746572',
  local: '16 7a696c6c613a6c6f63616c',
  expiry: '18 7a696c6c613a657870697279',
  contentType: '24 7a696c6c613a636f6e74656e742d74797065',
  format: '18 7a696c6c613a666f726d6174',
  replyTo: '1c 7a696c6c613a7265706c792d746f',
  replyKey: '1e 7a696c6c613a7265706c792d6b6579',
  replyFilter: '24 7a696c6c613a7265706c792d66696c746572',
  correlation: '28 7a696c6c613a636f7272656c6174696f6e2d6964',
  qos: '12 7a696c6c613a716f73',
}

interface Golden {
  readonly topic: string
  readonly payload: string
  readonly qos: Qos
  readonly properties: Properties | null
  /** murmur2 of the key, of 12 partitions */
  readonly partition: number
  readonly headers: readonly string[]
}

const PLAIN: Golden = {
  topic: 'sensor/one',
  payload: 'message',
  qos: 0,
  properties: null,
  partition: 4,
  headers: [
    `${NAMES.filter} 0c 73656e736f72`,
    `${NAMES.filter} 06 6f6e65`,
    `${NAMES.local} 0c 636c69656e74`,
    `${NAMES.qos} 02 30`,
  ],
}

const WHOLE: Golden = {
  topic: 'sensor/one',
  payload: 'message',
  qos: 1,
  properties: {
    messageExpirySeconds: 15,
    contentType: 'text',
    payloadFormat: 1,
    responseTopic: 'reply/one/',
    correlationData: Buffer.from('info'),
    userProperties: [
      ['row', '1'],
      ['col', 'ä'],
      ['row', '2'],
    ],
  },
  partition: 4,
  headers: [
    `${NAMES.filter} 0c 73656e736f72`,
    `${NAMES.filter} 06 6f6e65`,
    `${NAMES.local} 0c 636c69656e74`,
    `${NAMES.expiry} 08 0000000f`,
    `${NAMES.contentType} 08 74657874`,
    `${NAMES.format} 08 54455854`,
    `${NAMES.replyTo} 10 6d65737361676573`,
    `${NAMES.replyKey} 14 7265706c792f6f6e652f`,
    `${NAMES.replyFilter} 0a 7265706c79`,
    `${NAMES.replyFilter} 06 6f6e65`,
    `${NAMES.replyFilter} 00`,
    `${NAMES.correlation} 08 696e666f`,
    '06 726f77 02 31',
    '06 636f6c 04 c3a4',
    '06 726f77 02 32',
    `${NAMES.qos} 02 31`,
  ],
}

const bytes = (headers: readonly string[]) => Buffer.from(headers.join('').replaceAll(' ', ''), 'hex')

describe.each([
  ['without properties', PLAIN],
  ['with all properties', WHOLE],
])('a message %s', (_what, { topic, payload, qos, properties, partition, headers }) => {
  it('is this record, and retained the same one', async () => {
    const rig = await Rig.started({ partitions: 12 })
    rig.client('client').publish(topic, payload, qos, true, properties)
    for (const name of ['messages', 'retained']) {
      const [record, ...others] = rig.kafka.topic(name).partitions[partition]!
      expect(others).toEqual([])
      expect(String(record!.key)).toBe(topic)
      expect(String(record!.value)).toBe(payload)
      expect(record!.headers.toString('hex')).toBe(bytes(headers).toString('hex'))
      expect(record!.headerCount).toBe(headers.length)
    }
  })

  it('is what this record becomes, live and retained', async () => {
    const rig = await Rig.started()
    const write = (name: string) =>
      rig.kafka.topic(name).appendTransactional(0, {
        key: Buffer.from(topic),
        value: Buffer.from(payload),
        timestamp: rig.clock.now(),
        headers: bytes(headers),
        headerCount: headers.length,
      })
    const client = rig.client('c')
    client.subscribe({ filter: '#', qos: 2 })
    rig.clock.turn()
    write('messages')
    write('retained')
    const late = rig.client('late')
    late.subscribe({ filter: 'sensor/+', qos: 2 })
    rig.clock.turn()
    expect(client.received).toEqual([{ topic, payload, qos, retain: false, ids: [] }])
    expect(late.received).toEqual([{ topic, payload, qos, retain: true, ids: [] }])
    const { messageExpirySeconds, ...others } = properties ?? {}
    for (const { subscriber } of [client, late]) {
      const { message } = (subscriber.data[0]!.meta as Outgoing).delivery
      expect(message.properties).toEqual(properties === null ? null : others)
      const expiresAt = messageExpirySeconds === undefined ? Infinity : rig.clock.now() + messageExpirySeconds * 1_000
      expect(message.expiresAt).toBe(expiresAt)
    }
  })
})

it.each([
  ['/a/b/', ['', 'a', 'b']],
  ['a//b', ['a', '', 'b']],
  ['/', []],
])('the levels of %s are %j', async (topic, levels) => {
  const rig = await Rig.started()
  rig.client('client').publish(topic, 'x')
  const filters = levels.map(
    (level) => `${NAMES.filter} ${['00', '02'][level.length]} ${Buffer.from(level).toString('hex')}`,
  )
  const expected = bytes([...filters, `${NAMES.local} 0c 636c69656e74`, `${NAMES.qos} 02 30`])
  expect(rig.kafka.topic('messages').records[0]!.headers.toString('hex')).toBe(expected.toString('hex'))
})

it('an empty payload is no null value; retained, it is a null value without headers', async () => {
  const rig = await Rig.started()
  rig.client('client').publish('a', '', 1, true)
  expect(rig.kafka.topic('messages').records).toMatchObject([{ value: Buffer.alloc(0) }])
  expect(rig.kafka.topic('retained').records).toMatchObject([{ value: null, headerCount: 0 }])
})
