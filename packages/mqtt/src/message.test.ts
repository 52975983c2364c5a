import { describe, expect, it } from 'vitest'
import { Decoder } from './codec/decoder.ts'
import { Delivery, Message } from './message.ts'
import type { PublishMeta, Qos, Version } from './stream.ts'

const NOW = 1_700_000_000_000
const payload = Buffer.from('hello')

function message(options: { properties?: Message['properties']; expiresAt?: number; topic?: string } = {}): Message {
  const { properties = null, expiresAt = Number.POSITIVE_INFINITY, topic = 'a/b' } = options
  return new Message(topic, payload, properties, expiresAt, false)
}

interface Received extends PublishMeta {
  readonly payload: string
  readonly packetId: number
  readonly dup: boolean
}

/** As a client of that version gets it. */
function receive(bytes: Buffer, version: Version): Received {
  const received: Received[] = []
  const decoder = new Decoder(
    'client',
    {
      onPublish: (meta, body) => {
        received.push({ ...meta, payload: body.toString() })
      },
      onPacket: () => {},
      onDecodeError: (error) => {
        throw error
      },
    },
    version,
  )
  decoder.push(Buffer.from(version === 5 ? '2003000000' : '20020000', 'hex'))
  decoder.push(bytes)
  expect(received.length).toBe(1)
  return received[0]!
}

describe('encode', () => {
  const cases = ([4, 5] as const).flatMap((version) =>
    ([0, 1, 2] as const).flatMap((qos) => [false, true].map((retain) => [version, qos, retain] as const)),
  )

  it.each(cases)('gives MQTT %i, QoS %i, retain %s what was published', (version, qos, retain) => {
    const properties = { contentType: 'text', userProperties: [['k', 'v']] } as const
    const sent = message({ properties })
    const dup = qos > 0
    const bytes = sent.encode(sent.delivery(qos, retain), version, 7, dup, NOW)
    expect(receive(bytes, version)).toStrictEqual({
      topic: 'a/b',
      qos,
      retain,
      properties: version === 5 ? properties : null,
      payload: 'hello',
      packetId: qos > 0 ? 7 : 0,
      dup,
    })
    expect(sent.encodedSize(sent.delivery(qos, retain), version)).toBe(bytes.length)
  })

  it('gives each receiver its own flags and packet identifier', () => {
    const sent = message()
    const seen = (
      [
        [1, 1, false],
        [2, 65_535, true],
        [1, 256, false],
      ] as const
    ).map(([qos, id, dup]) => {
      const {
        packetId,
        dup: again,
        qos: effective,
      } = receive(sent.encode(sent.delivery(qos, false), 5, id, dup, NOW), 5)
      return [effective, packetId, again]
    })
    expect(seen).toEqual([
      [1, 1, false],
      [2, 65_535, true],
      [1, 256, false],
    ])
  })

  it('encodes once for all receivers alike', () => {
    const sent = message()
    const first = sent.encode(sent.delivery(1, false), 5, 1, false, NOW)
    expect(sent.encode(sent.delivery(2, true), 5, 2, true, NOW)).toBe(first)
    expect(sent.encode(sent.delivery(1, false), 4, 1, false, NOW)).not.toBe(first)
    expect(sent.encode(sent.delivery(0, false), 5, 0, false, NOW)).not.toBe(first)
  })

  it('does not depend on the publisher’s buffer afterwards', () => {
    const body = Buffer.from('hello')
    const sent = new Message('a/b', body, null, Number.POSITIVE_INFINITY, true)
    const bytes = sent.encode(sent.delivery(0, false), 4, 0, false, NOW)
    body.fill(0)
    expect(receive(bytes, 4).payload).toBe('hello')
  })
})

describe('subscription identifiers', () => {
  const encode = (sent: Message, qos: Qos, ids: readonly number[], version: Version = 5) =>
    sent.encode(new Delivery(sent, qos, false, ids), version, 1, false, NOW)

  it('of all matching subscriptions are there [MQTT-3.3.4-3] [MQTT-3.3.4-4]', () => {
    const sent = message({ properties: { contentType: 'x' }, expiresAt: NOW + 5000 })
    expect(receive(encode(sent, 1, [1, 268_435_455]), 5).properties).toEqual({
      messageExpirySeconds: 5,
      contentType: 'x',
      subscriptionIds: [1, 268_435_455],
    })
  })

  it('are not mixed up between receivers', () => {
    const sent = message()
    const order = [[1], [2], [1], [1, 2], [1]] as const
    expect(order.map((ids) => receive(encode(sent, 1, ids), 5).properties?.subscriptionIds)).toEqual(order)
    expect(receive(encode(sent, 1, []), 5).properties).toBeNull()
    expect(receive(encode(sent, 0, [1]), 5)).toMatchObject({ packetId: 0, payload: 'hello' })
    expect(receive(encode(sent, 1, [1]), 5)).toMatchObject({ packetId: 1, payload: 'hello' })
  })

  it('alike are encoded once', () => {
    const sent = message()
    expect(encode(sent, 1, [3])).toBe(encode(sent, 2, [3]))
    expect(encode(sent, 1, [3, 4])).not.toBe(encode(sent, 1, [3, 5]))
  })

  it('are not for 3.1.1', () => {
    const sent = message()
    expect(encode(sent, 1, [1], 4)).toBe(encode(sent, 1, [], 4))
    expect(receive(encode(sent, 1, [1], 4), 4).properties).toBeNull()
  })
})

describe('message expiry', () => {
  const secondsAt = (sent: Message, nowMs: number) =>
    receive(sent.encode(sent.delivery(0, false), 5, 0, false, nowMs), 5).properties?.messageExpirySeconds

  it('is what was received less the whole seconds waited [MQTT-3.3.2-6]', () => {
    const sent = message({ expiresAt: NOW + 60_000 })
    const waited = [0, 1, 999, 1000, 1001, 30_500, 59_000, 59_999]
    expect(waited.map((ms) => secondsAt(sent, NOW + ms))).toEqual([60, 60, 60, 59, 59, 30, 1, 1])
  })

  it('is 1 when it is delivered again after its time', () => {
    expect(secondsAt(message({ expiresAt: NOW }), NOW)).toBe(1)
    expect(secondsAt(message({ expiresAt: NOW }), NOW + 10_000)).toBe(1)
  })

  it('fits its four bytes', () => {
    expect(secondsAt(message({ expiresAt: NOW + 0xffff_ffff * 1000 }), NOW)).toBe(0xffff_ffff)
    expect(secondsAt(message({ expiresAt: Number.MAX_SAFE_INTEGER }), NOW)).toBe(0xffff_ffff)
  })

  it('is not there when the message has none', () => {
    expect(secondsAt(message(), NOW)).toBeUndefined()
  })
})

describe('detach', () => {
  it('makes the payload the message’s own, once', () => {
    const body = Buffer.from('hello')
    const sent = new Message('a', body, null, Number.POSITIVE_INFINITY, true).detach()
    body.fill(0)
    expect(sent.payload.toString()).toBe('hello')
    expect(sent.detach().payload).toBe(sent.payload)
    const own = new Message('a', body, null, Number.POSITIVE_INFINITY, false)
    expect(own.detach().payload).toBe(body)
  })
})

it('delivery is shared by receivers alike', () => {
  const sent = message()
  expect(sent.delivery(1, false)).toBe(sent.delivery(1, false))
  expect(sent.delivery(1, true)).not.toBe(sent.delivery(1, false))
  expect(sent.delivery(2, true)).toMatchObject({ qos: 2, retain: true, subscriptionIds: [] })
})
