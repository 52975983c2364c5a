import { describe, expect, it } from 'vitest'
import { encode } from '../../src/codec/encoder.ts'
import type { Packet } from '../../src/codec/packets.ts'
import { decodeChunks, decodeOne, hex } from './collector.ts'
import { ROWS } from './rows.ts'

describe.each(ROWS.map((row) => [`MQTT ${row.version}, ${row.role}: ${row.name}`, row] as const))(
  '%s',
  (_name, row) => {
    const bytes = hex(row.hex)

    it('is decoded from its bytes', () => {
      const result = decodeOne(row.role, row.version, bytes)
      expect(result.error).toBeNull()
      expect(result.packets).toStrictEqual([row.packet])
    })

    it.skipIf(row.decodeOnly === true)('is encoded to its bytes', () => {
      expect(encode(row.packet, row.version).toString('hex')).toBe(bytes.toString('hex'))
    })

    it('survives a round trip', () => {
      const again = decodeOne(row.role, row.version, encode(row.packet, row.version))
      expect(again.packets).toStrictEqual([row.packet])
    })

    it('is the same whichever byte it is split at', () => {
      // long ones: every place around the header, then a sample
      const step = bytes.length > 1000 ? 5000 : 1
      for (let at = 0; at <= bytes.length; at += at < 8 ? 1 : step) {
        const result = decodeChunks(row.role, row.version, [bytes.subarray(0, at), bytes.subarray(at)])
        expect(result.packets, `split at ${at}`).toStrictEqual([row.packet])
      }
    })

    it('is the same in pieces of one byte, before and behind its like', () => {
      const three = Buffer.concat([bytes, bytes, bytes])
      const whole = row.packet.type === 'connect' || row.packet.type === 'connack' ? bytes : three
      const pieces = Array.from(whole, (byte) => Buffer.from([byte]))
      const expected: Packet[] = new Array(whole.length / bytes.length).fill(row.packet)
      expect(decodeChunks(row.role, row.version, pieces).packets).toStrictEqual(expected)
    })
  },
)
