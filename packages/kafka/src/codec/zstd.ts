/**
 * Decodes zstd (RFC 8878) where Node does not: before 22.15, and frames after the first. Kafka knows no dictionaries;
 * the checksums of frames are not looked at, as the record batch has its own. Called by `decompress` only.
 */
import { InflateBuffer } from './inflate-buffer.ts'
import {
  BackwardBits,
  buildFse,
  decodeHuffman,
  type FseTable,
  fseRepeat,
  type HuffmanTable,
  readFse,
  readHuffman,
} from './zstd-entropy.ts'

const MAGIC = 0xfd2f_b528
const SKIPPABLE = 0x184d_2a50
const SINGLE_SEGMENT = 0x20
const RESERVED = 0x08
const CHECKSUM = 0x04
const BLOCK_BYTES_MAX = 128 * 1024

/** What one block leaves to the next of its frame. */
interface FrameState {
  readonly output: InflateBuffer
  /** last three offsets, the latest first */
  readonly offsets: [number, number, number]
  huffman: HuffmanTable | null
  /** literal lengths, offsets, match lengths */
  readonly tables: [FseTable | null, FseTable | null, FseTable | null]
}

/** The decompressed bytes of all frames, at most `bytesMax`; throws for malformed input. */
export function decompressZstd(input: Buffer, bytesMax: number): Buffer {
  const output = new InflateBuffer(input.length, bytesMax)
  let at = 0
  while (at < input.length) {
    need(input, at, 8)
    const magic = input.readUInt32LE(at)
    if (magic === MAGIC) at = decodeFrame(input, at + 4, output)
    else if (magic >= SKIPPABLE && magic < SKIPPABLE + 16) at += 8 + input.readUInt32LE(at + 4)
    else throw new Error('no zstd frame')
  }
  return output.result()
}

function need(input: Buffer, at: number, bytes: number): void {
  if (at + bytes > input.length) throw new Error('zstd frame cut short')
}

function decodeFrame(input: Buffer, at: number, output: InflateBuffer): number {
  const descriptor = input[at]!
  const single = (descriptor & SINGLE_SEGMENT) !== 0
  if ((descriptor & RESERVED) !== 0) throw new Error('zstd frame with a reserved bit')
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  at += single ? 1 : 2
  need(input, at, dictionaryBytes + sizeBytes)
  if (dictionaryBytes > 0 && input.readUIntLE(at, dictionaryBytes) !== 0)
    throw new Error('zstd frame with a dictionary')
  at += dictionaryBytes + sizeBytes
  const frame: FrameState = { output, offsets: [1, 4, 8], huffman: null, tables: [null, null, null] }
  for (let last = false; !last; ) {
    need(input, at, 3)
    const header = input.readUIntLE(at, 3)
    at += 3
    last = (header & 1) === 1
    at = decodeBlock(input, at, (header >> 1) & 3, header >> 3, frame)
  }
  return (descriptor & CHECKSUM) === 0 ? at : at + 4
}

function decodeBlock(input: Buffer, at: number, type: number, size: number, frame: FrameState): number {
  if (size > BLOCK_BYTES_MAX) throw new Error('zstd block too large')
  switch (type) {
    case 0:
      frame.output.literal(input, at, size)
      return at + size
    case 1:
      if (size > 0) {
        frame.output.literal(input, at, 1)
        frame.output.repeat(1, size - 1)
      }
      return at + 1
    case 2: {
      need(input, at, size)
      const [literals, next] = decodeLiterals(input, at, at + size, frame)
      decodeSequences(input, next, at + size, literals, frame)
      return at + size
    }
  }
  throw new Error('zstd block of a reserved type')
}

/** Literals section (3.1.1.3.1): the literals, and the position behind the section. */
function decodeLiterals(input: Buffer, at: number, end: number, frame: FrameState): [Buffer, number] {
  if (at >= end) throw new Error('zstd block without literals')
  const type = input[at]! & 3
  const format = (input[at]! >> 2) & 3
  if (type < 2) {
    const headerBytes = [1, 2, 1, 3][format]!
    need(input, at, headerBytes)
    const size = input.readUIntLE(at, headerBytes) >> (headerBytes === 1 ? 3 : 4)
    at += headerBytes
    const next = at + (type === 0 ? size : 1)
    if (next > end || size > BLOCK_BYTES_MAX) throw new Error('zstd literals beyond their block')
    return [type === 0 ? input.subarray(at, next) : Buffer.alloc(size, input[at]), next]
  }
  const headerBytes = [3, 3, 4, 5][format]!
  need(input, at, headerBytes)
  const range = [0x400, 0x400, 0x4000, 0x4_0000][format]!
  const sizes = Math.floor(input.readUIntLE(at, headerBytes) / 16)
  const size = sizes % range
  at += headerBytes
  const next = at + Math.floor(sizes / range)
  if (next > end || size > BLOCK_BYTES_MAX) throw new Error('zstd literals beyond their block')
  if (type === 2) [frame.huffman, at] = readHuffman(input, at, next)
  if (frame.huffman === null) throw new Error('zstd literals without a tree')
  const literals = Buffer.allocUnsafe(size)
  if (format === 0) decodeHuffman(frame.huffman, input, at, next, literals, 0, size)
  else decodeFourStreams(frame.huffman, input, at, next, literals)
  return [literals, next]
}

function decodeFourStreams(table: HuffmanTable, input: Buffer, at: number, end: number, literals: Buffer): void {
  if (at + 6 > end) throw new Error('zstd literals cut short')
  const share = (literals.length + 3) >> 2
  let start = at + 6
  for (let stream = 0; stream < 4; stream++) {
    const next = stream < 3 ? start + input.readUInt16LE(at + stream * 2) : end
    const to = stream < 3 ? share * (stream + 1) : literals.length
    if (next > end || share * stream > to || to > literals.length) throw new Error('zstd literals cut short')
    decodeHuffman(table, input, start, next, literals, share * stream, to)
    start = next
  }
}

/** The codes of a kind of length or offset: its default table, the limits of others (3.1.1.3.2). */
interface Codes {
  readonly initial: FseTable
  readonly logMax: number
  readonly symbolMax: number
}

// Default distributions: RFC 8878, 3.1.1.3.2.2.
const CODES: readonly [Codes, Codes, Codes] = [
  {
    initial: buildFse(
      [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
      6,
    ),
    logMax: 9,
    symbolMax: 35,
  },
  {
    initial: buildFse([1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], 5),
    logMax: 8,
    symbolMax: 31,
  },
  {
    initial: buildFse(
      [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
      ],
      6,
    ),
    logMax: 9,
    symbolMax: 52,
  },
]

// Extra bits and least value of each code: RFC 8878, 3.1.1.3.2.1.1.
const LITERAL_BITS = [
  ...new Array<number>(16).fill(0),
  1,
  1,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  6,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  16,
]
const MATCH_BITS = [
  ...new Array<number>(32).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
]
const LITERAL_BASES = bases(LITERAL_BITS, 0)
const MATCH_BASES = bases(MATCH_BITS, 3)

function bases(bits: readonly number[], first: number): number[] {
  let next = first
  return bits.map((width) => {
    const base = next
    next += 1 << width
    return base
  })
}

/** Sequences section (3.1.1.3.2) from `at` to `end`, and its execution. */
function decodeSequences(input: Buffer, at: number, end: number, literals: Buffer, frame: FrameState): void {
  const { output } = frame
  if (at >= end) throw new Error('zstd block without sequences')
  let count = input[at++]!
  if (count > 0) {
    if (count > 127) {
      const extra = count === 255 ? 2 : 1
      if (at + extra > end) throw new Error('zstd sequences cut short')
      count = count === 255 ? input.readUInt16LE(at) + 0x7f00 : ((count - 128) << 8) | input[at]!
      at += extra
    }
    at = readTables(input, at, end, frame)
    const used = execute(new BackwardBits(input, at, end), count, literals, frame)
    output.literal(literals, used, literals.length - used)
  } else output.literal(literals, 0, literals.length)
}

function readTables(input: Buffer, at: number, end: number, frame: FrameState): number {
  if (at >= end) throw new Error('zstd sequences cut short')
  const modes = input[at++]!
  for (const kind of [0, 1, 2] as const) {
    const { initial, logMax, symbolMax } = CODES[kind]
    switch ((modes >> (6 - kind * 2)) & 3) {
      case 0:
        frame.tables[kind] = initial
        break
      case 1:
        if (at >= end || input[at]! > symbolMax) throw new Error('zstd code does not exist')
        frame.tables[kind] = fseRepeat(input[at++]!)
        break
      case 2:
        ;[frame.tables[kind], at] = readFse(input, at, end, logMax, symbolMax)
        break
    }
  }
  return at
}

/** Runs the sequences; gives the number of literals used. */
function execute(bits: BackwardBits, count: number, literals: Buffer, frame: FrameState): number {
  const { output, offsets } = frame
  const [literalTable, offsetTable, matchTable] = frame.tables
  if (literalTable === null || offsetTable === null || matchTable === null) throw new Error('zstd table missing')
  let literalState = bits.read(literalTable.log)
  let offsetState = bits.read(offsetTable.log)
  let matchState = bits.read(matchTable.log)
  let used = 0
  for (let left = count; left > 0; left--) {
    const offsetCode = offsetTable.symbols[offsetState]!
    const matchCode = matchTable.symbols[matchState]!
    const literalCode = literalTable.symbols[literalState]!
    const offsetValue = 2 ** offsetCode + bits.read(offsetCode)
    const matchLength = MATCH_BASES[matchCode]! + bits.read(MATCH_BITS[matchCode]!)
    const literalLength = LITERAL_BASES[literalCode]! + bits.read(LITERAL_BITS[literalCode]!)
    if (left > 1) {
      literalState = literalTable.bases[literalState]! + bits.read(literalTable.bits[literalState]!)
      matchState = matchTable.bases[matchState]! + bits.read(matchTable.bits[matchState]!)
      offsetState = offsetTable.bases[offsetState]! + bits.read(offsetTable.bits[offsetState]!)
    }
    if (bits.left < 0) throw new Error('zstd sequences cut short')
    output.literal(literals, used, literalLength)
    used += literalLength
    output.repeat(takeOffset(offsets, offsetValue, literalLength), matchLength)
  }
  if (bits.left !== 0) throw new Error('zstd sequences with bits left over')
  return used
}

/** The offset meant by a value, with the three last ones kept (3.1.1.5). */
function takeOffset(offsets: [number, number, number], value: number, literalLength: number): number {
  const which = value > 3 ? 3 : value - (literalLength === 0 ? 0 : 1)
  let offset = value - 3
  if (value <= 3) offset = which === 3 ? offsets[0] - 1 : offsets[which as 0 | 1 | 2]
  if (which > 1) offsets[2] = offsets[1]
  if (which > 0) offsets[1] = offsets[0]
  offsets[0] = offset
  return offset
}
