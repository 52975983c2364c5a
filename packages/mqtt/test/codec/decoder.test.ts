import { afterEach, describe, expect, it, vi } from 'vitest'
import { DECODE_LIMITS } from '../../src/codec/decode-limits.ts'
import { Decoder } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import type { NonPublishPacket } from '../../src/codec/packets.ts'
import type { PublishMeta } from '../../src/stream.ts'
import { Collector, decodeChunks, hex, newDecoder, openDecoder } from './collector.ts'

const CONNECT_4 = hex('10 0d 0004 4d515454 04 02 003c 0001 63')
const CONNECT_5 = hex('10 0e 0004 4d515454 05 02 003c 00 0001 63')

function publish(topic: string, payload: string | Buffer = 'x', version: 4 | 5 = 4): Buffer {
  return encode(
    {
      type: 'publish',
      topic,
      qos: 0,
      retain: false,
      dup: false,
      packetId: 0,
      payload: Buffer.from(payload),
      properties: null,
    },
    version,
  )
}

function topicsOf(collector: Collector): string[] {
  return collector.packets.map((packet) => (packet.type === 'publish' ? packet.topic : packet.type))
}

/** Collects, and runs something after each packet. */
class Acting extends Collector {
  readonly act: (count: number) => void

  constructor(act: (count: number) => void) {
    super()
    this.act = act
  }

  override onPublish(meta: PublishMeta, payload: Buffer): void {
    super.onPublish(meta, payload)
    this.act(this.packets.length)
  }

  override onPacket(packet: NonPublishPacket): void {
    super.onPacket(packet)
    this.act(this.packets.length)
  }
}

describe('the first packet', () => {
  it('is CONNECT, whose level sets the version', () => {
    const collector = new Collector()
    const decoder = new Decoder('server', collector)
    expect(decoder.version).toBeNull()
    decoder.push(CONNECT_5)
    expect(decoder.version).toBe(5)
    expect(topicsOf(collector)).toEqual(['connect'])
  })

  it.each([
    ['[MQTT-3.1.0-1] PUBLISH', 'server', '30 03 0001 61', 0x82],
    ['[MQTT-3.1.0-1] PINGREQ', 'server', 'c0 00', 0x82],
    ['[MQTT-3.1.0-1] another protocol: GET / HTTP', 'server', '47 45 54 20 2f', 0x82],
    ['[MQTT-3.1.0-1] another protocol: TLS', 'server', '16 03 01', 0x81],
    ['[MQTT-3.2.0-1] PUBLISH', 'client', '30 04 0001 61 00', 0x82],
    ['[MQTT-3.14.0-1] DISCONNECT', 'client', 'e0 00', 0x82],
  ] as const)('is not %s to a %s', (_name, role, bytes, reasonCode) => {
    const collector = new Collector()
    newDecoder(role, 5, collector).push(hex(bytes))
    expect(collector.error?.reasonCode).toBe(reasonCode)
  })

  it('may be AUTH to a client of MQTT 5.0 (§4.12)', () => {
    const collector = new Collector()
    newDecoder('client', 5, collector).push(hex('f0 06 18 04 15 0001 6d 20 03 00 00 00'))
    expect(topicsOf(collector)).toEqual(['auth', 'connack'])
  })

  it.each([
    ['[MQTT-3.1.0-2] CONNECT', 'server', CONNECT_4],
    ['[MQTT-3.2.0-2] CONNACK', 'client', hex('20 02 00 00')],
  ] as const)('comes once: %s', (_name, role, bytes) => {
    const collector = new Collector()
    newDecoder(role, 4, collector).push(Buffer.concat([bytes, bytes]))
    expect(collector.packets.length).toBe(1)
    expect(collector.error?.reasonCode).toBe(0x82)
  })
})

describe('an error', () => {
  it('comes after the packets before it and ends all', () => {
    const collector = new Collector()
    const decoder = openDecoder('server', 4, collector)
    decoder.push(Buffer.concat([publish('a'), hex('ff'), publish('b')]))
    decoder.push(publish('c'))
    decoder.resume()
    expect(topicsOf(collector)).toEqual(['a'])
    expect(collector.error?.reasonCode).toBe(0x81)
    expect(decoder.bufferedBytes).toBe(0)
  })

  it('of the handler passes through and ends all', () => {
    const collector = new Acting(() => {
      throw new TypeError('fault of the handler')
    })
    const decoder = openDecoder('server', 4, collector)
    expect(() => decoder.push(Buffer.concat([publish('a'), publish('b')]))).toThrow('fault of the handler')
    decoder.push(publish('c'))
    expect(topicsOf(collector)).toEqual(['a'])
    expect(collector.error).toBeNull()
  })
})

describe('pause and resume', () => {
  it('stop after the packet at hand, keep the rest and go on in order', () => {
    const collector = new Acting(() => decoder.pause())
    const decoder: Decoder = openDecoder('server', 4, collector)
    const chunk = Buffer.concat([publish('a'), publish('b'), publish('c').subarray(0, 3)])
    decoder.push(chunk)
    expect(topicsOf(collector)).toEqual(['a'])
    expect(decoder.paused).toBe(true)
    expect(decoder.bufferedBytes).toBe(publish('b').length + 3)
    // the chunk was borrowed
    chunk.fill(0xff)
    decoder.push(Buffer.concat([publish('c').subarray(3), publish('d')]))
    expect(topicsOf(collector)).toEqual(['a'])
    for (const seen of [
      ['a', 'b'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c', 'd'],
    ]) {
      decoder.resume()
      expect(topicsOf(collector)).toEqual(seen)
    }
    decoder.resume()
    expect(decoder.bufferedBytes).toBe(0)
    decoder.push(publish('e'))
    expect(topicsOf(collector)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(collector.error).toBeNull()
  })

  it('work at every split point of two chunks', () => {
    const all = Buffer.concat([publish('a'), publish('b', 'y'.repeat(20)), publish('c'), hex('c000'), publish('d')])
    for (let at = 0; at <= all.length; at++) {
      const collector = new Acting((count) => count % 2 === 1 && decoder.pause())
      const decoder: Decoder = openDecoder('server', 4, collector)
      decoder.push(all.subarray(0, at))
      decoder.push(all.subarray(at))
      for (let i = 0; i < 5; i++) decoder.resume()
      expect(topicsOf(collector), `split at ${at}`).toEqual(['a', 'b', 'c', 'pingreq', 'd'])
    }
  })

  it('inside one handler cancel each other', () => {
    const collector = new Acting(() => {
      decoder.pause()
      decoder.resume()
    })
    const decoder: Decoder = openDecoder('server', 4, collector)
    decoder.push(Buffer.concat([publish('a'), publish('b')]))
    expect(topicsOf(collector)).toEqual(['a', 'b'])
  })

  it('before any byte hold all of them', () => {
    const collector = new Collector()
    const decoder = openDecoder('server', 4, collector)
    decoder.pause()
    decoder.push(publish('a'))
    expect(collector.packets).toEqual([])
    decoder.resume()
    expect(topicsOf(collector)).toEqual(['a'])
  })

  it('leave an error where it is until it is reached', () => {
    const collector = new Acting(() => decoder.pause())
    const decoder: Decoder = openDecoder('server', 4, collector)
    decoder.push(Buffer.concat([publish('a'), hex('00')]))
    expect(collector.error).toBeNull()
    decoder.resume()
    expect(collector.error?.reasonCode).toBe(0x81)
  })
})

describe('close', () => {
  it('from inside a handler ends with the packet at hand', () => {
    const collector = new Acting(() => {
      decoder.push(publish('late'))
      decoder.close()
      decoder.push(publish('later'))
      decoder.resume()
    })
    const decoder: Decoder = openDecoder('server', 4, collector)
    decoder.push(Buffer.concat([publish('a'), publish('b')]))
    decoder.push(publish('c'))
    expect(topicsOf(collector)).toEqual(['a'])
    expect(decoder.bufferedBytes).toBe(0)
  })
})

describe('a push from inside a handler', () => {
  it('comes after the chunk at hand', () => {
    const collector = new Acting((count) => {
      if (count === 1) decoder.push(publish('c').subarray(0, 4))
      if (count === 2) decoder.push(publish('c').subarray(4))
    })
    const decoder: Decoder = openDecoder('server', 4, collector)
    decoder.push(Buffer.concat([publish('a'), publish('b')]))
    expect(topicsOf(collector)).toEqual(['a', 'b', 'c'])
  })

  it('comes after the rest of a chunk that completes a packet', () => {
    const collector = new Acting((count) => count === 1 && decoder.push(publish('c')))
    const decoder: Decoder = openDecoder('server', 4, collector)
    decoder.push(publish('a').subarray(0, 2))
    decoder.push(Buffer.concat([publish('a').subarray(2), publish('b')]))
    expect(topicsOf(collector)).toEqual(['a', 'b', 'c'])
  })

  it('is kept when the handler pauses', () => {
    const collector = new Acting((count) => {
      if (count > 1) return
      decoder.push(publish('c'))
      decoder.pause()
    })
    const decoder: Decoder = openDecoder('server', 4, collector)
    decoder.push(Buffer.concat([publish('a'), publish('b')]))
    expect(topicsOf(collector)).toEqual(['a'])
    decoder.resume()
    expect(topicsOf(collector)).toEqual(['a', 'b', 'c'])
  })
})

describe('maximum packet size', () => {
  const packet = publish('a', 'x'.repeat(200))

  it('counts the whole packet', () => {
    const collector = new Collector()
    const decoder = openDecoder('server', 4, collector)
    decoder.maximumPacketSize = packet.length
    decoder.push(packet)
    expect(collector.error).toBeNull()
    decoder.maximumPacketSize = packet.length - 1
    decoder.push(packet)
    expect(collector.error?.reasonCode).toBe(0x95)
  })

  it('is known from the fixed header, before anything is kept', () => {
    const collector = new Collector()
    const decoder = openDecoder('server', 4, collector)
    decoder.maximumPacketSize = 200
    for (const byte of packet.subarray(0, 3)) decoder.push(Buffer.from([byte]))
    expect(collector.error?.reasonCode).toBe(0x95)
    expect(decoder.bufferedBytes).toBe(0)
  })
})

describe('memory', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  /** Sizes of what the decoder allocates for pending bytes. */
  function allocations(): number[] {
    const sizes: number[] = []
    const original = Buffer.allocUnsafeSlow
    vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((size) => {
      sizes.push(size)
      return original(size)
    })
    return sizes
  }

  it('does not follow what a header announces', () => {
    const sizes = allocations()
    const collector = new Collector()
    const decoder = openDecoder('server', 4, collector)
    decoder.push(hex('30 ffffff7f 0001 61'))
    for (let i = 0; i < 100; i++) decoder.push(Buffer.from([0]))
    expect(sizes.length).toBeGreaterThan(0)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * 108)
    expect(decoder.bufferedBytes).toBe(108)
  })

  it('is copied a constant number of times when a large packet comes in single bytes', () => {
    const packet = publish('large', Buffer.alloc(300_000, 7))
    const sizes = allocations()
    const collector = new Collector()
    const decoder = openDecoder('server', 4, collector)
    for (let i = 0; i < packet.length; i++) decoder.push(packet.subarray(i, i + 1))
    expect(topicsOf(collector)).toEqual(['large'])
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(4 * packet.length)
    expect(sizes.length).toBeLessThan(20)
  })

  it('is not used at all for packets that come whole', () => {
    const sizes = allocations()
    const decoder = openDecoder('server', 4, new Collector())
    for (let i = 0; i < 10; i++) decoder.push(Buffer.concat([publish('a'), publish('b')]))
    expect(sizes).toEqual([])
  })

  it('of a split packet holds that packet only', () => {
    const sizes = allocations()
    const decoder = openDecoder('server', 4, new Collector())
    decoder.push(publish('a').subarray(0, 3))
    decoder.push(Buffer.concat([publish('a').subarray(3), Buffer.concat(new Array<Buffer>(1000).fill(publish('b')))]))
    expect(Math.max(...sizes)).toBeLessThan(64)
  })
})

describe('the payload', () => {
  function payloadsOf(chunks: readonly Buffer[]): Buffer[] {
    const payloads: Buffer[] = []
    const decoder = openDecoder('server', 4, {
      onPublish: (_meta, payload) => payloads.push(payload),
      onPacket: () => {},
      onDecodeError: (error) => {
        throw error
      },
    })
    for (const chunk of chunks) decoder.push(chunk)
    return payloads
  }

  it('is a slice of the chunk when the packet lies in it', () => {
    const chunk = Buffer.concat([publish('a', 'one'), publish('b', 'two')])
    expect(payloadsOf([chunk]).map((payload) => payload.buffer)).toEqual([chunk.buffer, chunk.buffer])
  })

  it('of a split packet stays as it is while later ones are decoded', () => {
    const stream = Buffer.concat([publish('a', 'one'), publish('b', 'two'), publish('c', 'three')])
    const pieces = Array.from(stream, (byte) => Buffer.from([byte]))
    expect(payloadsOf(pieces).map(String)).toEqual(['one', 'two', 'three'])
  })
})

describe('topic aliases', () => {
  const set = (alias: string, topic: string) => `30 ${hexByte(6 + topic.length)} ${topicHex(topic)} 03 23 ${alias}`
  const use = (alias: string) => `30 06 0000 03 23 ${alias}`
  const hexByte = (value: number) => value.toString(16).padStart(2, '0')
  const topicHex = (topic: string) => `00${hexByte(topic.length)} ${Buffer.from(topic).toString('hex')}`

  it('stand for the topic they were last given with [MQTT-3.3.2-10] [MQTT-3.3.2-12]', () => {
    const wire = [set('0001', 'one'), set('000a', 'ten'), use('0001'), use('000a'), set('0001', 'uno'), use('0001')]
    const collector = decodeChunks('server', 5, [hex(wire.join(''))])
    expect(topicsOf(collector)).toEqual(['one', 'ten', 'one', 'ten', 'uno', 'uno'])
    expect(collector.packets.every((packet) => packet.type === 'publish' && packet.properties === null)).toBe(true)
  })

  it('are not among the properties, whatever else is', () => {
    const collector = decodeChunks('server', 5, [hex('30 0c 0001 61 08 01 01 23 0001 03 0000')])
    expect(collector.packets).toMatchObject([{ topic: 'a', properties: { payloadFormat: 1, contentType: '' } }])
    expect(collector.packets[0]).not.toHaveProperty('properties.topicAlias')
  })

  it('are refused where none were announced [MQTT-3.3.2-9]', () => {
    const collector = new Collector()
    const decoder = openDecoder('server', 5, collector)
    decoder.topicAliasMaximum = 0
    decoder.push(hex(set('0001', 'a')))
    expect(collector.error?.reasonCode).toBe(0x94)
  })
})

describe('topics seen before', () => {
  it('come out again', () => {
    const collector = decodeChunks('server', 4, [publish('a/b/c'), publish('a/b/d'), publish('a/b/c')])
    expect(topicsOf(collector)).toEqual(['a/b/c', 'a/b/d', 'a/b/c'])
  })

  it('are told apart by every byte', () => {
    // same length, last and middle character: one slot
    const names = ['abXca', 'acXca', 'adXca', 'abXda', 'bbXca', 'é€', 'ééa', '€aé', 'x'.repeat(128), 'x'.repeat(129)]
    const wire = Array.from({ length: 200 }, (_, i) => names[(i * 7 + (i >> 3)) % names.length]!)
    const collector = decodeChunks(
      'server',
      4,
      wire.map((name) => publish(name)),
    )
    expect(topicsOf(collector)).toEqual(wire)
  })
})

describe('levels of a topic', () => {
  it('are counted [§4.7.3]', () => {
    const collector = new Collector()
    const decoder = openDecoder('server', 4, collector)
    decoder.limits = { ...DECODE_LIMITS, topicLevels: 3 }
    decoder.push(publish('a/b/c'))
    decoder.push(hex('82 0e 0001 0003 2f2f2f 00 0003 612f23 01'))
    expect(collector.error).toBeNull()
    expect(collector.packets[1]).toMatchObject({ subscriptions: [{ valid: false }, { valid: true }] })
    decoder.push(publish('a/b/c/'))
    expect(collector.error?.reasonCode).toBe(0x90)
  })
})
