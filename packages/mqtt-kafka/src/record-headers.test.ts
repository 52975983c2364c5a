import { encodeHeaders, HeaderCursor, murmur2 } from '@zilla-ts/kafka'
import type { Properties, Qos } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { ClientIdentity } from './client-identity.ts'
import { RecordHeaders } from './record-headers.ts'
import type { RecordForm } from './record-shape.ts'
import { placeOf, TopicRecords } from './topic-records.ts'

const LOCAL = Buffer.from('c1')

function encode(
  topic: string,
  properties: Properties | null = null,
  qos: Qos = 0,
  payload = 'x',
  expiry = true,
  form: RecordForm | null = null,
): Buffer {
  const record = new TopicRecords(new ClientIdentity([])).of(topic)
  const origin = { local: LOCAL, kafkaTopic: 'messages', expiry, form }
  return new RecordHeaders().encode(record, origin, qos, properties, payload.length)
}

/** Headers as text, `name=value`, values that are not text in hex. */
function list(headers: Buffer): string[] {
  const cursor = new HeaderCursor()
  cursor.reset(headers, 1_000)
  const found: string[] = []
  while (cursor.next()) {
    const value = cursor.value()!
    const text = value.every((byte) => byte >= 0x20 && byte < 0x7f)
    found.push(`${cursor.name()}=${text ? value.toString() : value.toString('hex')}`)
  }
  return found
}

const hex = (...parts: string[]) => parts.join('').replaceAll(' ', '')
/** zigzag varint lengths: 24 is `zilla:filter` (12 bytes), 22 `zilla:local`, 18 `zilla:qos` */
const FILTER = '18 7a696c6c613a66696c746572'
const LOCAL_C1 = '16 7a696c6c613a6c6f63616c 04 6331'
const QOS = '12 7a696c6c613a716f73 02'

describe('headers of a message record', () => {
  it.each<[string, string[]]>([
    ['a', ['02 61']],
    ['sensor/one', ['0c 73656e736f72', '06 6f6e65']],
    ['/a/b/', ['00', '02 61', '02 62']],
    ['a//b', ['02 61', '00', '02 62']],
    ['a///', ['02 61']],
    ['/', []],
    ['é/x', ['04 c3a9', '02 78']],
  ])('splits %s like Java', (topic, levels) => {
    const filters = levels.map((level) => FILTER + level)
    expect(encode(topic).toString('hex')).toBe(hex(...filters, LOCAL_C1, QOS, '30'))
  })

  it('writes all properties in their order, byte for byte', () => {
    const properties: Properties = {
      payloadFormat: 1,
      messageExpirySeconds: 15,
      contentType: 't/p',
      responseTopic: 'r/s/',
      correlationData: Buffer.from([1, 2, 255]),
      userProperties: [
        ['k1', 'v1'],
        ['k2', ''],
        ['k1', 'v2'],
      ],
    }
    expect(encode('a', properties, 1).toString('hex')).toBe(
      hex(
        `${FILTER} 02 61`,
        LOCAL_C1,
        '18 7a696c6c613a657870697279 08 0000000f',
        '24 7a696c6c613a636f6e74656e742d74797065 06 742f70',
        '18 7a696c6c613a666f726d6174 08 54455854',
        '1c 7a696c6c613a7265706c792d746f 10 6d65737361676573',
        '1e 7a696c6c613a7265706c792d6b6579 08 722f732f',
        '24 7a696c6c613a7265706c792d66696c746572 02 72',
        '24 7a696c6c613a7265706c792d66696c746572 02 73',
        '24 7a696c6c613a7265706c792d66696c746572 00',
        '28 7a696c6c613a636f7272656c6174696f6e2d6964 06 0102ff',
        '04 6b31 04 7631',
        '04 6b32 00',
        '04 6b31 04 7632',
        `${QOS} 31`,
      ),
    )
  })

  it('writes BINARY for format 0, and no format for an empty payload', () => {
    expect(list(encode('a', { payloadFormat: 0 }))).toContain('zilla:format=BINARY')
    expect(list(encode('a', { payloadFormat: 1 }, 0, ''))).toEqual(['zilla:filter=a', 'zilla:local=c1', 'zilla:qos=0'])
  })

  it('writes an expiry beyond int32 as the same four bytes, and none where the route says so', () => {
    expect(list(encode('a', { messageExpirySeconds: 0xffffffff }))).toContain('zilla:expiry=ffffffff')
    expect(list(encode('a', { messageExpirySeconds: 5 }, 0, 'x', false)).join()).not.toContain('expiry')
  })

  it('escapes user properties that would pass for its own headers', () => {
    const headers = encode('a', {
      userProperties: [
        ['zilla:qos', '2'],
        ['zilla:user:x', 'y'],
        ['zilla', 'z'],
      ],
    })
    expect(list(headers)).toEqual([
      'zilla:filter=a',
      'zilla:local=c1',
      'zilla:user:zilla:qos=2',
      'zilla:user:zilla:user:x=y',
      'zilla=z',
      'zilla:qos=0',
    ])
  })

  it('writes headers of the route, which no user property can pass for, and the topic where the key is another', () => {
    const form = {
      key: Buffer.from('k'),
      partition: null,
      headers: encodeHeaders([
        ['sender', 'ann'],
        ['site', '7'],
      ]),
      names: new Set(['sender', 'site']),
    }
    const properties: Properties = { userProperties: [['sender', 'eve']] }
    expect(list(encode('a/b/', properties, 0, 'x', true, form))).toEqual([
      'zilla:topic=a/b/',
      'zilla:filter=a',
      'zilla:filter=b',
      'zilla:local=c1',
      'sender=ann',
      'site=7',
      'zilla:user:sender=eve',
      'zilla:qos=0',
    ])
    expect(list(encode('a', null, 0, 'x', true, { ...form, key: null }))[0]).toBe('zilla:filter=a')
  })

  it.each<[string, string, Partial<RecordForm> | null, string]>([
    ['the topic', 'sensor/one', null, 'sensor/one'],
    ['the identity in the topic', 'place/client/x', null, 'client'],
    ['the key of the route', 'sensor/one', { key: Buffer.from('client') }, 'client'],
    ['the identity in the topic, whatever the key', 'place/client/x', { key: Buffer.from('k') }, 'client'],
    ['the partition of the route', 'place/client/x', { partition: Buffer.from('p') }, 'p'],
  ])('chooses the partition by %s', (_what, topic, given, hashed) => {
    const record = new TopicRecords(new ClientIdentity(['place/{identity}/#'])).of(topic)
    const form = given && { key: null, partition: null, headers: encodeHeaders([]), names: new Set<string>(), ...given }
    expect(placeOf(record, form).hash).toBe(murmur2(Buffer.from(hashed)) & 0x7fffffff)
  })

  it('hashes the key as Kafka does, or the identity in the topic', () => {
    const records = new TopicRecords(new ClientIdentity(['place/{identity}/#']))
    expect(records.of('sensor/one').hash % 12).toBe(4)
    expect(records.of('place/client/x').hash % 12).toBe(1)
    expect(murmur2(Buffer.from('sensor/one'))).toBe(-1358274100)
    expect(records.of('place/client/x').hash).toBe(murmur2(Buffer.from('client')) & 0x7fffffff)
  })
})
