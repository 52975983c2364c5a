/** Random and mutated streams. A failing case names its seed: the run is the same each time. */
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../src/codec/decode-error.ts'
import { encode } from '../../src/codec/encoder.ts'
import { Collector, decodeChunks, decodeOne, hex, newDecoder, openDecoder } from './collector.ts'
import { type Random, RandomPackets } from './random-packets.ts'
import { ROWS } from './rows.ts'

const SIDES = [
  ['server', 4],
  ['server', 5],
  ['client', 4],
  ['client', 5],
] as const

describe.each(SIDES)('role %s, MQTT %i', (role, version) => {
  it('decodes what it encodes, cut anywhere', () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const packets = new RandomPackets(seed)
      const packet = packets.packet(role, version)
      const bytes = encode(packet, version)
      const at = packets.random.below(bytes.length)
      const result = decodeChunks(role, version, [bytes.subarray(0, at), bytes.subarray(at)])
      expect(result.error, `seed ${seed}`).toBeNull()
      expect(result.packets, `seed ${seed}`).toStrictEqual([packet])
    }
  })

  it('decodes a stream of them in random chunks, with random pauses', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const packets = new RandomPackets(seed * 1009)
      const sent = Array.from({ length: 40 }, () => packets.packet(role, version)).filter(
        (packet) => packet.type !== 'connect' && packet.type !== 'connack',
      )
      const stream = Buffer.concat(sent.map((packet) => encode(packet, version)))
      const collector = new Collector()
      const decoder = openDecoder(role, version, {
        onPublish: (meta, payload) => {
          collector.onPublish(meta, payload)
          if (packets.random.chance(20)) decoder.pause()
        },
        onPacket: (packet) => collector.onPacket(packet),
        onDecodeError: (error) => collector.onDecodeError(error),
      })
      for (let at = 0; at < stream.length; ) {
        const end = at + 1 + packets.random.below(packets.random.pick([2, 30, 5000]))
        const chunk = Buffer.from(stream.subarray(at, end))
        decoder.push(chunk)
        chunk.fill(0xff)
        if (packets.random.chance(50)) decoder.resume()
        at = end
      }
      for (let i = 0; i <= sent.length; i++) decoder.resume()
      expect(collector.error, `seed ${seed}`).toBeNull()
      expect(collector.packets, `seed ${seed}`).toStrictEqual(sent)
      expect(decoder.bufferedBytes).toBe(0)
    }
  })

  it('gives packets or one DecodeError for mutated bytes, whatever the chunks', () => {
    const outcomes = { packets: 0, errors: 0 }
    for (let seed = 1; seed <= 4000; seed++) {
      const packets = new RandomPackets(seed * 7919)
      const { random } = packets
      const own = ROWS.filter((row) => row.role === role && row.version === version)
      const base = random.chance(50) ? encode(packets.packet(role, version), version) : hex(random.pick(own).hex)
      const bytes = mutate(random, base)
      const whole = new Collector()
      const decoder = random.chance(30) ? newDecoder(role, version, whole) : openDecoder(role, version, whole)
      decoder.push(bytes)
      if (whole.error !== null) {
        outcomes.errors++
        expect(whole.error, `seed ${seed}`).toBeInstanceOf(DecodeError)
        expect(whole.error.reasonCode, `seed ${seed}`).toBeGreaterThanOrEqual(0x81)
      } else outcomes.packets++

      const once = decodeOne(role, version, bytes)
      const pieces = decodeChunks(
        role,
        version,
        Array.from(bytes, (byte) => Buffer.from([byte])),
      )
      expect(pieces.error?.message, `seed ${seed}`).toBe(once.error?.message)
      expect(pieces.packets, `seed ${seed}`).toStrictEqual(once.packets)
      // what is accepted can be said again
      for (const packet of once.packets) {
        expect(decodeOne(role, version, encode(packet, version)).packets, `seed ${seed}`).toStrictEqual([packet])
      }
    }
    // the mutations are neither too coarse nor too fine to say anything
    expect(outcomes.packets).toBeGreaterThan(200)
    expect(outcomes.errors).toBeGreaterThan(200)
  })

  it('gives packets or one DecodeError for noise', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const { random } = new RandomPackets(seed)
      const decoder = openDecoder(role, version, new Collector())
      for (let i = 0; i < 20; i++) decoder.push(random.bytes(50))
    }
  })
})

const INTERESTING = [0x00, 0x01, 0x02, 0x03, 0x04, 0x26, 0x7f, 0x80, 0xc0, 0xed, 0xff]

function mutate(random: Random, base: Buffer): Buffer {
  let bytes = Buffer.from(base.subarray(0, 2000))
  for (let i = 1 + random.below(3); i > 0; i--) {
    const at = random.below(bytes.length)
    switch (random.below(5)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << random.below(8))
        break
      case 1:
        bytes[at] = random.pick(INTERESTING)
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(4), bytes.subarray(at)])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4)), Buffer.from([0])])
        break
      default:
        // cut short, with a remaining length that agrees
        if (bytes[1]! < 0x80 && at >= 2) {
          bytes = Buffer.from(bytes.subarray(0, at))
          bytes[1] = at - 2
        }
    }
  }
  return bytes
}
