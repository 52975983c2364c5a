/**
 * The entropy stages of zstd (RFC 8878, section 4): a bit stream read from its end, FSE tables and Huffman tables.
 * Used by the zstd decoder only. Whatever the input, every loop here is bounded by a table or output size.
 */

/** A stream that is read backwards; its last byte has a marker bit above the first bit to be read. */
export class BackwardBits {
  /** bits not yet read; below 0 when more were read than there are (the missing ones count as 0) */
  left: number
  readonly #bytes: Buffer
  readonly #start: number

  constructor(bytes: Buffer, start: number, end: number) {
    const last = end > start ? bytes[end - 1]! : 0
    if (last === 0) throw new Error('zstd bit stream without its end mark')
    this.left = (end - start) * 8 - Math.clz32(last) + 23
    this.#bytes = bytes
    this.#start = start
  }

  /** Up to 31 bits. */
  read(count: number): number {
    if (count > 16) return this.read(count - 16) * 0x1_0000 + this.read(16)
    const value = this.peek(count)
    this.left -= count
    return value
  }

  /** Up to 16 bits, not taken out. */
  peek(count: number): number {
    const bit = this.left - count
    if (bit < 0) return this.left > 0 ? this.#extract(0, this.left) << -bit : 0
    return this.#extract(bit, count)
  }

  #extract(bit: number, count: number): number {
    const bytes = this.#bytes
    const at = this.#start + (bit >> 3)
    // Bytes behind the stream only fill bits that are masked away; behind the buffer they are undefined, which shifts to 0.
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
    return (word >> (bit & 7)) & ((1 << count) - 1)
  }
}

/** States of a finite state entropy decoder: the symbol of each, and how to come to the next. */
export interface FseTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly bases: Uint16Array
}

/** The table that gives one symbol for ever. */
export function fseRepeat(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), bases: new Uint16Array(1) }
}

/** Reads a table description (4.1.1) from [at, end); gives the table and the position behind it. */
export function readFse(bytes: Buffer, at: number, end: number, logMax: number, symbolMax: number): [FseTable, number] {
  const log = (bytes[at]! & 15) + 5
  if (at >= end || log > logMax) throw new Error('zstd table too large')
  const counts: number[] = []
  let bit = at * 8 + 4
  let left = 1 << log
  while (left > 0) {
    if (counts.length > symbolMax || bit >= end * 8) throw new Error('zstd table cut short')
    const width = 32 - Math.clz32(left + 1)
    const word = forwardBits(bytes, bit, width)
    const half = 1 << (width - 1)
    const short = half * 2 - 2 - left
    const low = word & (half - 1)
    bit += low < short ? width - 1 : width
    const count = (low < short ? low : word < half ? word : word - short) - 1
    counts.push(count)
    left -= Math.abs(count)
    if (count !== 0) continue
    for (let zeros = 3; zeros === 3; ) {
      zeros = forwardBits(bytes, bit, 2)
      bit += 2
      for (let index = 0; index < zeros; index++) counts.push(0)
      if (counts.length > symbolMax) throw new Error('zstd table with too many symbols')
    }
  }
  const next = (bit + 7) >> 3
  if (left < 0 || counts.length > symbolMax + 1 || next > end) throw new Error('zstd table does not add up')
  return [buildFse(counts, log), next]
}

function forwardBits(bytes: Buffer, bit: number, count: number): number {
  const at = bit >> 3
  const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
  return (word >> (bit & 7)) & ((1 << count) - 1)
}

/** Spreads the symbols over the states (4.1.1); a count of −1 is a symbol less probable than one state. */
export function buildFse(counts: readonly number[], log: number): FseTable {
  const size = 1 << log
  const symbols = new Uint8Array(size)
  const bits = new Uint8Array(size)
  const bases = new Uint16Array(size)
  const next = counts.map((count) => Math.abs(count))
  let high = size
  counts.forEach((count, symbol) => {
    if (count === -1) symbols[--high] = symbol
  })
  const step = (size >> 1) + (size >> 3) + 3
  let state = 0
  counts.forEach((count, symbol) => {
    for (let index = 0; index < count; index++) {
      symbols[state] = symbol
      do state = (state + step) & (size - 1)
      while (state >= high)
    }
  })
  for (state = 0; state < size; state++) {
    const value = next[symbols[state]!]!++
    const width = log - 31 + Math.clz32(value)
    bits[state] = width
    bases[state] = (value << width) - size
  }
  return { log, symbols, bits, bases }
}

/** A prefix code as a table over the next `log` bits. */
export interface HuffmanTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly lengths: Uint8Array
}

const HUFFMAN_LOG_MAX = 11
const WEIGHTS_MAX = 255
const WEIGHT_LOG_MAX = 6

/** Reads a tree description (4.2.1) from [at, end); gives the table and the position behind it. */
export function readHuffman(bytes: Buffer, at: number, end: number): [HuffmanTable, number] {
  const header = at < end ? bytes[at]! : 0
  const count = header - 127
  const next = at + 1 + (count > 0 ? (count + 1) >> 1 : header)
  if (header === 0 || next > end) throw new Error('zstd tree cut short')
  if (count <= 0) return [buildHuffman(readWeights(bytes, at + 1, next)), next]
  const weights: number[] = []
  for (let index = 0; index < count; index++) {
    const pair = bytes[at + 1 + (index >> 1)]!
    weights.push((index & 1) === 0 ? pair >> 4 : pair & 15)
  }
  return [buildHuffman(weights), next]
}

/** Two states take turns until the bits are used up (4.2.1.2). */
function readWeights(bytes: Buffer, at: number, end: number): number[] {
  const [table, start] = readFse(bytes, at, end, WEIGHT_LOG_MAX, WEIGHTS_MAX)
  const bits = new BackwardBits(bytes, start, end)
  const weights: number[] = []
  let state = bits.read(table.log)
  let other = bits.read(table.log)
  while (weights.length < WEIGHTS_MAX) {
    weights.push(table.symbols[state]!)
    const width = table.bits[state]!
    if (width > bits.left) {
      weights.push(table.symbols[other]!)
      return weights
    }
    const following = table.bases[state]! + bits.read(width)
    state = other
    other = following
  }
  throw new Error('zstd tree with too many symbols')
}

/** Makes the code of the weights; that of the last symbol is what is missing to a power of two (4.2.1). */
function buildHuffman(weights: number[]): HuffmanTable {
  let sum = 0
  for (const weight of weights) {
    if (weight > HUFFMAN_LOG_MAX) throw new Error('zstd tree too deep')
    if (weight > 0) sum += 1 << (weight - 1)
  }
  const log = 32 - Math.clz32(sum)
  const size = 1 << log
  const rest = size - sum
  if (sum === 0 || log > HUFFMAN_LOG_MAX || (rest & (rest - 1)) !== 0) throw new Error('zstd tree does not add up')
  weights.push(32 - Math.clz32(rest))
  if (weights.length > WEIGHTS_MAX + 1) throw new Error('zstd tree with too many symbols')
  const symbols = new Uint8Array(size)
  const lengths = new Uint8Array(size)
  let at = 0
  for (let weight = 1; weight <= log; weight++) {
    weights.forEach((candidate, symbol) => {
      if (candidate !== weight) return
      const end = at + (1 << (weight - 1))
      symbols.fill(symbol, at, end)
      lengths.fill(log + 1 - weight, at, end)
      at = end
    })
  }
  return { log, symbols, lengths }
}

/** Decodes one stream (4.2.2) from [at, end) into target [from, to), which it must fill exactly. */
export function decodeHuffman(
  table: HuffmanTable,
  bytes: Buffer,
  at: number,
  end: number,
  target: Buffer,
  from: number,
  to: number,
): void {
  const bits = new BackwardBits(bytes, at, end)
  const { log, symbols, lengths } = table
  for (let index = from; index < to; index++) {
    const code = bits.peek(log)
    target[index] = symbols[code]!
    bits.left -= lengths[code]!
  }
  if (bits.left !== 0) throw new Error('zstd literals of another length than they say')
}
