/** A rewritten PUBLISH says the same as the one it was made from. */
import { expect, test } from 'vitest'
import { encodeAliased } from '../../src/codec/aliased-publish.ts'
import { encode } from '../../src/codec/encoder.ts'
import type { PublishPacket } from '../../src/codec/packets.ts'
import { Collector, openDecoder } from './collector.ts'
import { RandomPackets } from './random-packets.ts'

/** PUBLISHes of the random packets, as a server may send them, without aliases of their own. */
function publishes(seed: number): PublishPacket[] {
  const packets = new RandomPackets(seed)
  const found = Array.from({ length: 400 }, () => packets.packet('client', 5)).filter(
    (packet) => packet.type === 'publish',
  )
  return found.map((packet) => {
    const { topicAlias: _alias, ...properties } = packet.properties ?? {}
    const rest = Object.keys(properties).length > 0 ? properties : null
    return { ...packet, topic: packet.topic === '' ? 'a' : packet.topic, properties: rest }
  })
}

test('an alias is added with the topic name and stands for it afterwards (§3.3.2.3.4)', () => {
  const target = Buffer.alloc(100_000)
  const sent = publishes(7)
  expect(sent.length).toBeGreaterThan(20)
  for (const packet of sent) {
    const whole = encode(packet, 5)
    const before = Buffer.from(whole)
    const collector = new Collector()
    const decoder = openDecoder('client', 5, collector)
    decoder.push(Buffer.from(target.subarray(0, encodeAliased(whole, 10, true, target))))
    decoder.push(Buffer.from(target.subarray(0, encodeAliased(whole, 10, false, target))))
    expect(collector.error).toBeNull()
    expect(collector.packets).toEqual([packet, packet])
    expect(whole.equals(before)).toBe(true)
  }
})

test('lengths that need another byte with the alias', () => {
  const target = Buffer.alloc(1_000)
  for (const bytes of [100, 110, 115, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128]) {
    const packet: PublishPacket = {
      type: 'publish',
      topic: 'topic',
      qos: 1,
      retain: false,
      dup: false,
      packetId: 9,
      properties: { contentType: 'x'.repeat(bytes) },
      payload: Buffer.from('p'),
    }
    const collector = new Collector()
    const length = encodeAliased(encode(packet, 5), 1, true, target)
    openDecoder('client', 5, collector).push(Buffer.from(target.subarray(0, length)))
    expect(collector.packets).toEqual([packet])
  }
})

test('says so when the target is too small', () => {
  const packet = { type: 'publish', topic: 'abcd', qos: 0, retain: false, dup: false, packetId: 0 } as const
  const whole = encode({ ...packet, properties: null, payload: Buffer.from('x') }, 5)
  expect(encodeAliased(whole, 1, true, Buffer.alloc(whole.length + 3))).toBe(whole.length + 3)
  expect(encodeAliased(whole, 1, true, Buffer.alloc(whole.length + 2))).toBe(0)
  expect(encodeAliased(whole, 1, false, Buffer.alloc(whole.length - 1))).toBe(whole.length - 1)
})
