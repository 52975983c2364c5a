import { describe, expect, it } from 'vitest'
import { ACK_BYTES_MAX, encode, encodeAck, encodeWithin } from '../../src/codec/encoder.ts'
import type { AckType, Packet } from '../../src/codec/packets.ts'
import { CODES_OF, ReasonCode, returnCodeOf } from '../../src/codec/reason-codes.ts'
import { hex } from './collector.ts'

const ACK_TYPES: readonly AckType[] = ['puback', 'pubrec', 'pubrel', 'pubcomp']

describe('encodeAck', () => {
  it.each(ACK_TYPES)('writes a %s as encode does, and returns where it ends', (type) => {
    for (const version of [4, 5] as const) {
      for (const reasonCode of [0, 0x92]) {
        const target = Buffer.alloc(3 + ACK_BYTES_MAX, 0xee)
        const end = encodeAck(type, 0xabcd, reasonCode, version, target, 3)
        expect(target.subarray(3, end)).toEqual(
          encode({ type, packetId: 0xabcd, reasonCode, properties: null }, version),
        )
        expect(target.subarray(0, 3)).toEqual(hex('eeeeee'))
        expect(target.subarray(end).every((byte) => byte === 0xee)).toBe(true)
      }
    }
  })
})

describe('encodeWithin', () => {
  const properties = { reasonString: 'why', userProperties: [['k', 'v']] } as const
  const answers: readonly (readonly [string, Packet])[] = [
    [
      'CONNACK [MQTT-3.2.2-19] [MQTT-3.2.2-20]',
      { type: 'connack', sessionPresent: false, reasonCode: 0x80, properties },
    ],
    ['PUBACK [MQTT-3.4.2-2] [MQTT-3.4.2-3]', { type: 'puback', packetId: 1, reasonCode: 0x80, properties }],
    ['PUBREC [MQTT-3.5.2-2] [MQTT-3.5.2-3]', { type: 'pubrec', packetId: 1, reasonCode: 0x80, properties }],
    ['PUBREL [MQTT-3.6.2-2] [MQTT-3.6.2-3]', { type: 'pubrel', packetId: 1, reasonCode: 0x92, properties }],
    ['PUBCOMP [MQTT-3.7.2-2] [MQTT-3.7.2-3]', { type: 'pubcomp', packetId: 1, reasonCode: 0x92, properties }],
    ['SUBACK [MQTT-3.9.2-1] [MQTT-3.9.2-2]', { type: 'suback', packetId: 1, reasonCodes: [0x80], properties }],
    ['UNSUBACK [MQTT-3.11.2-1] [MQTT-3.11.2-2]', { type: 'unsuback', packetId: 1, reasonCodes: [0x80], properties }],
    ['DISCONNECT [MQTT-3.14.2-3] [MQTT-3.14.2-4]', { type: 'disconnect', reasonCode: 0x80, properties }],
    [
      'AUTH [MQTT-3.15.2-2] [MQTT-3.15.2-3]',
      { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm', ...properties } },
    ],
  ]

  it.each(answers)('leaves out of %s what does not fit', (_name, packet) => {
    const whole = encode(packet, 5)
    const base = packet.type === 'auth' ? { authenticationMethod: 'm' } : {}
    const withReason = encode({ ...packet, properties: { ...base, reasonString: 'why' } } as Packet, 5)
    const least = encode({ ...packet, properties: base } as Packet, 5)
    expect(encodeWithin(packet, 5, whole.length)).toEqual(whole)
    expect(encodeWithin(packet, 5, whole.length - 1)).toEqual(withReason)
    expect(encodeWithin(packet, 5, withReason.length - 1)).toEqual(least)
    expect(encodeWithin(packet, 5, least.length)).toEqual(least)
    expect(encodeWithin(packet, 5, least.length - 1)).toBeNull()
  })

  it('never leaves user properties out of a message [MQTT-3.3.2-17]', () => {
    const packet: Packet = {
      type: 'publish',
      topic: 'a',
      qos: 0,
      retain: false,
      dup: false,
      packetId: 0,
      payload: Buffer.from('x'),
      properties: { userProperties: [['k', 'v']] },
    }
    const whole = encode(packet, 5)
    expect(encodeWithin(packet, 5, whole.length)).toEqual(whole)
    expect(encodeWithin(packet, 5, whole.length - 1)).toBeNull()
  })

  it('takes packets without properties as they are', () => {
    expect(encodeWithin({ type: 'pingresp' }, 5, 2)).toEqual(hex('d000'))
    expect(encodeWithin({ type: 'pingresp' }, 5, 1)).toBeNull()
    expect(encodeWithin({ type: 'puback', packetId: 1, reasonCode: 0, properties: null }, 4, 4)).toEqual(
      hex('40020001'),
    )
  })
})

describe('encode', () => {
  it('gives a 3.1.1 client the one failure it knows (§3.9.3)', () => {
    expect(encode({ type: 'suback', packetId: 1, reasonCodes: [2, 0x8f, 0x97], properties: null }, 4)).toEqual(
      hex('90 05 0001 02 80 80'),
    )
  })

  it('does not write a field that MQTT has no room for', () => {
    const filters = ['x'.repeat(65_536)]
    expect(() => encode({ type: 'unsubscribe', packetId: 1, filters, properties: null }, 5)).toThrow(RangeError)
    expect(
      encode({ type: 'unsubscribe', packetId: 1, filters: ['x'.repeat(65_535)], properties: null }, 4).length,
    ).toBe(65_543)
  })
})

describe('reason codes', () => {
  it('have a return code for 3.1.1 where it has a word', () => {
    const pairs = Object.values(ReasonCode)
      .filter((code) => returnCodeOf(code) !== null)
      .map((code) => [code, returnCodeOf(code)])
    expect(new Map(pairs as [number, number][])).toEqual(
      new Map([
        [0x00, 0],
        [0x84, 1],
        [0x85, 2],
        [0x86, 4],
        [0x87, 5],
        [0x88, 3],
        [0x89, 3],
        [0x8a, 5],
      ]),
    )
  })

  it('of the packets are all named', () => {
    const named = new Set<number>(Object.values(ReasonCode))
    const carried = new Set(Object.values(CODES_OF).flatMap((codes) => [...codes]))
    expect(carried).toEqual(named)
  })
})
