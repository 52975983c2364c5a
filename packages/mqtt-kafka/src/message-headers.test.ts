import { encodeHeaders, type HeaderEntry } from '@zilla-ts/kafka'
import type { Properties } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { ClientIdentity } from './client-identity.ts'
import { MessageHeaders } from './message-headers.ts'
import { RecordHeaders } from './record-headers.ts'
import { TopicRecords } from './topic-records.ts'

const NOW = 1_000_000

function decode(entries: readonly HeaderEntry[], timestamp = NOW, reader = new MessageHeaders(0)) {
  const { buffer, count } = encodeHeaders(entries)
  const message = reader.decode('t', Buffer.from('p'), { headers: buffer, headerCount: count, timestamp }, NOW, true)
  return { message, qos: reader.qos, properties: message.properties }
}

const expiry = (seconds: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(seconds)
  return bytes
}

describe('message of a record', () => {
  it('gives back what was published', () => {
    const properties: Properties = {
      payloadFormat: 1,
      contentType: 'text/plain',
      responseTopic: 'r/s/',
      correlationData: Buffer.from([1, 2, 255]),
      userProperties: [
        ['zilla:qos', '2'],
        ['zilla:user:x', 'y'],
        ['k', 'v'],
        ['k', 'w'],
      ],
    }
    const writer = new RecordHeaders()
    const record = new TopicRecords(new ClientIdentity([])).of('a/b')
    const origin = { local: Buffer.from('me'), kafkaTopic: 'messages', expiry: true, form: null }
    const headers = writer.encode(record, origin, 1, { ...properties, messageExpirySeconds: 60 }, 1)
    const reader = new MessageHeaders(0)
    const stored = { headers, headerCount: writer.count, timestamp: NOW }
    const message = reader.decode('a/b', Buffer.from('x'), stored, NOW + 1_000, true)
    expect(message.properties).toEqual(properties)
    expect(message.expiresAt).toBe(NOW + 60_000)
    expect(reader.qos).toBe(1)
    expect(reader.local(stored)).toBe('me')
  })

  it('has no properties, no expiry and the configured QoS for a foreign record', () => {
    const { message, qos, properties } = decode([])
    expect([qos, properties, message.expiresAt]).toEqual([0, null, Number.POSITIVE_INFINITY])
    expect(decode([], NOW, new MessageHeaders(1)).qos).toBe(1)
    expect(decode([['zilla:qos', '7']]).qos).toBe(0)
    expect(new MessageHeaders(0).local({ headers: Buffer.alloc(0), headerCount: 0, timestamp: 0 })).toBeNull()
  })

  it('forgets one record before the next', () => {
    const reader = new MessageHeaders(0)
    const all: HeaderEntry[] = [
      ['zilla:qos', '1'],
      ['zilla:expiry', expiry(1)],
      ['zilla:reply-to', 'x'],
      ['a', 'b'],
    ]
    decode(all, NOW, reader)
    const { message, qos, properties } = decode([], NOW, reader)
    expect([qos, properties, message.expiresAt]).toEqual([0, null, Number.POSITIVE_INFINITY])
  })

  it.each([
    ['counts from the timestamp', NOW - 4_000, 10, NOW + 6_000],
    ['not from a clock ahead', NOW + 50_000, 10, NOW + 10_000],
    ['from now without timestamp', -1, 10, NOW + 10_000],
    ['beyond 31 bits', NOW, 0xffffffff, NOW + 0xffffffff * 1000],
  ])('expires: %s', (_name, timestamp, seconds, expiresAt) => {
    expect(decode([['zilla:expiry', expiry(seconds)]], timestamp).message.expiresAt).toBe(expiresAt)
  })

  it('ignores an expiry that is not four bytes', () => {
    expect(decode([['zilla:expiry', Buffer.alloc(8)]]).message.expiresAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('prefers reply-key to reply-to, whatever their order', () => {
    expect(
      decode([
        ['zilla:reply-to', 'kafka'],
        ['zilla:reply-key', 'a/b'],
      ]).properties,
    ).toEqual({ responseTopic: 'a/b' })
    expect(
      decode([
        ['zilla:reply-key', 'a/b'],
        ['zilla:reply-to', 'kafka'],
      ]).properties,
    ).toEqual({ responseTopic: 'a/b' })
    expect(decode([['zilla:reply-to', 'kafka']]).properties).toEqual({ responseTopic: 'kafka' })
  })

  it.each<[string, HeaderEntry]>([
    ['wildcard in the response topic', ['zilla:reply-key', 'a/#']],
    ['content type with U+0000', ['zilla:content-type', 'a\0b']],
    ['user property with U+0000', ['a\0', 'b']],
    ['user property too long', ['a', 'x'.repeat(65_536)]],
    ['correlation data too long', ['zilla:correlation-id', Buffer.alloc(65_536)]],
    ['null correlation data', ['zilla:correlation-id', null]],
    ['unknown format', ['zilla:format', 'NONE']],
    ['unknown header of the mapping', ['zilla:new', 'x']],
    ['filter and local', ['zilla:local', 'x']],
  ])('does not expose: %s', (_name, header) => {
    expect(decode([header]).properties).toBeNull()
  })

  it('takes a null user property as an empty one', () => {
    expect(decode([['k', null]]).properties).toEqual({ userProperties: [['k', '']] })
  })

  it('survives headers that are no headers', () => {
    const reader = new MessageHeaders(0)
    const headers = Buffer.from('ffffffffff', 'hex')
    const message = reader.decode('t', Buffer.alloc(0), { headers, headerCount: 3, timestamp: NOW }, NOW, true)
    expect(message.properties).toBeNull()
  })
})
