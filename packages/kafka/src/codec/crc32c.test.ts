import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { Random } from '../../test/random.ts'
import { crc32c } from './crc32c.ts'

const kafkajs: (bytes: Buffer) => number = createRequire(import.meta.url)(
  'kafkajs/src/protocol/recordBatch/crc32C/crc32C.js',
)

describe('crc32c', () => {
  // RFC 3720, B.4, and the usual check value.
  it.each([
    [Buffer.from('123456789'), 0xe306_9283],
    [Buffer.alloc(32), 0x8a91_36aa],
    [Buffer.alloc(32, 0xff), 0x62a8_ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd_794e],
    [Buffer.alloc(0), 0],
  ])('of %o', (bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })

  it('agrees with kafkajs for every length and start', () => {
    const bytes = new Random(1).bytes(200)
    for (let start = 0; start < 9; start++) {
      for (let end = start; end <= bytes.length; end++) {
        expect(crc32c(bytes, start, end)).toBe(kafkajs(bytes.subarray(start, end)) >>> 0)
      }
    }
  })
})
