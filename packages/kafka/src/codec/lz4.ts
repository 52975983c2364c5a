/**
 * Decodes the LZ4 frame format (lz4_Frame_format.md 1.6.x, lz4_Block_format.md). Checksums of the frame are not looked
 * at: the record batch has its own. Called by `decompress` only.
 */
import { InflateBuffer } from './inflate-buffer.ts'

const MAGIC = 0x184d_2204
const VERSION_MASK = 0xc0
const VERSION = 0x40
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const DICTIONARY = 0x01
/** magic, flags, block descriptor */
const FIXED_HEADER_BYTES = 6
const CONTENT_SIZE_BYTES = 8
const HEADER_CHECKSUM_BYTES = 1
const CHECKSUM_BYTES = 4
const STORED = 0x8000_0000
const MATCH_MIN = 4
/** a length nibble of this value goes on in the bytes that follow */
const LONG = 15

/** The decompressed bytes, at most `bytesMax`; throws for malformed input. */
export function decompressLz4(input: Buffer, bytesMax: number): Buffer {
  if (input.length < FIXED_HEADER_BYTES || input.readUInt32LE(0) !== MAGIC) throw new Error('no lz4 frame')
  const flags = input[4]!
  if ((flags & VERSION_MASK) !== VERSION) throw new Error('lz4 frame of an unknown version')
  if ((flags & DICTIONARY) !== 0) throw new Error('lz4 frame with a dictionary')
  const checksumBytes = (flags & BLOCK_CHECKSUM) === 0 ? 0 : CHECKSUM_BYTES
  const output = new InflateBuffer(input.length, bytesMax)
  let at = FIXED_HEADER_BYTES + HEADER_CHECKSUM_BYTES
  if ((flags & CONTENT_SIZE) !== 0) at += CONTENT_SIZE_BYTES
  for (;;) {
    if (at + 4 > input.length) throw new Error('lz4 frame without its end mark')
    const word = input.readUInt32LE(at)
    at += 4
    if (word === 0) return output.result()
    const length = word % STORED
    if (length > input.length - at) throw new Error('lz4 block beyond the input')
    if (word >= STORED) output.literal(input, at, length)
    else decodeBlock(input, at, at + length, output)
    at += length + checksumBytes
  }
}

/** Sequences of literals and a match; blocks may be linked, so matches reach into all earlier output. */
function decodeBlock(input: Buffer, at: number, end: number, output: InflateBuffer): void {
  while (at < end) {
    const token = input[at++]!
    let length = token >> 4
    if (length === LONG) {
      const from = at
      at = lengthEnd(input, from, end)
      length += (at - from - 1) * 255 + input[at - 1]!
    }
    if (length > end - at) throw new Error('lz4 literals beyond their block')
    output.literal(input, at, length)
    at += length
    if (at === end) return
    if (at + 2 > end) throw new Error('lz4 match cut short')
    const distance = input[at]! | (input[at + 1]! << 8)
    at += 2
    length = token & LONG
    if (length === LONG) {
      const from = at
      at = lengthEnd(input, from, end)
      length += (at - from - 1) * 255 + input[at - 1]!
    }
    output.repeat(distance, length + MATCH_MIN)
  }
}

/** Behind the bytes of a long length: any number of 255, then one that is less. */
function lengthEnd(input: Buffer, at: number, end: number): number {
  while (at < end) {
    if (input[at++] !== 255) return at
  }
  throw new Error('lz4 length cut short')
}
