import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { Random } from '../../test/random.ts'
import { murmur2, partitionHash } from './murmur2.ts'

const kafkajs: (key: Buffer) => number = createRequire(import.meta.url)(
  'kafkajs/src/producer/partitioners/default/murmur2.js',
)

describe('murmur2', () => {
  it.each([
    ['sensor/one', -1358274100, 4],
    ['client', 1960817737, 1],
  ])('of %s', (key, hash, partition) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
    expect(partitionHash(Buffer.from(key)) % 12).toBe(partition)
  })

  it('agrees with kafkajs for every length', () => {
    const random = new Random(2)
    for (let length = 0; length < 100; length++) {
      const key = random.bytes(length)
      expect(murmur2(key)).toBe(kafkajs(key))
    }
  })
})
