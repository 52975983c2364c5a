/**
 * Kafka's murmur2, by which its default partitioner places keys. Bit-exact with the Java client: keys of one device must
 * land in one partition whoever writes them.
 */

const SEED = 0x9747_b28c
const M = 0x5bd1_e995
const R = 24

/** The hash as a signed 32-bit number. */
export function murmur2(key: Buffer): number {
  const length = key.length
  const whole = length & ~3
  let h = SEED ^ length
  for (let at = 0; at < whole; at += 4) {
    let k = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> R
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  const rest = length - whole
  if (rest > 2) h ^= key[whole + 2]! << 16
  if (rest > 1) h ^= key[whole + 1]! << 8
  if (rest > 0) h = Math.imul(h ^ key[whole]!, M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

/** What the partition is taken from: `partitionHash(key) % partitions`. */
export function partitionHash(key: Buffer): number {
  return murmur2(key) & 0x7fff_ffff
}
