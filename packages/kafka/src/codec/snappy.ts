/**
 * Decodes snappy as Kafka producers write it: framed by the Java client (the "xerial" stream format), a bare block by
 * others. Formats: google/snappy format_description.txt; snappy-java SnappyCodec. Called by `decompress` only.
 */
import { InflateBuffer, InflateLimitError } from './inflate-buffer.ts'

/** the frame's magic; version and lowest compatible version follow, int32 each, then blocks with their length */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/** The decompressed bytes, at most `bytesMax`; throws for malformed input. */
export function decompressSnappy(input: Buffer, bytesMax: number): Buffer {
  const output = new InflateBuffer(input.length, bytesMax)
  if (!input.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) {
    decodeBlock(input, output, bytesMax)
    return output.result()
  }
  let at = XERIAL_HEADER_BYTES
  while (at < input.length) {
    const length = at + 4 <= input.length ? input.readInt32BE(at) : -1
    at += 4
    if (length < 0 || length > input.length - at) throw new Error('snappy block beyond the input')
    decodeBlock(input.subarray(at, at + length), output, bytesMax)
    at += length
  }
  return output.result()
}

function decodeBlock(block: Buffer, output: InflateBuffer, bytesMax: number): void {
  let at = 0
  let length = 0
  for (let unit = 1; ; unit *= 128) {
    const byte = block[at++]
    if (byte === undefined || at > 5) throw new Error('snappy block without its length')
    length += (byte & 0x7f) * unit
    if (byte < 0x80) break
  }
  const end = output.size + length
  if (end > bytesMax) throw new InflateLimitError(`more than ${bytesMax} bytes`)
  while (at < block.length) {
    const tag = block[at++]!
    const kind = tag & 3
    if (kind === 0) at = decodeLiteral(block, at, tag >> 2, output)
    else {
      const offsetBytes = kind === 3 ? 4 : kind
      if (at + offsetBytes > block.length) throw new Error('snappy copy cut short')
      const low = block.readUIntLE(at, offsetBytes)
      at += offsetBytes
      if (kind === 1) output.repeat(((tag >> 5) << 8) | low, ((tag >> 2) & 7) + 4)
      else output.repeat(low, (tag >> 2) + 1)
    }
    if (output.size > end) break
  }
  if (output.size !== end) throw new Error('snappy block of another length than it says')
}

/** Up to 60 bytes the tag holds the length − 1; above, how many length bytes follow. */
function decodeLiteral(block: Buffer, at: number, size: number, output: InflateBuffer): number {
  let length = size + 1
  if (size >= 60) {
    const lengthBytes = size - 59
    if (at + lengthBytes > block.length) throw new Error('snappy literal cut short')
    length = block.readUIntLE(at, lengthBytes) + 1
    at += lengthBytes
  }
  output.literal(block, at, length)
  return at + length
}
