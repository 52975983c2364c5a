/** CRC-32C (Castagnoli) of a header: short, so bit by bit. */

const POLYNOMIAL = 0x82f6_3b78

/** Unsigned. */
export function crc32c(bytes: Buffer): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  }
  return ~crc >>> 0
}
