import { describe, expect, it } from 'vitest'
import { MALFORMED, VarintCursor, varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

const VARINTS: readonly (readonly [value: number, hex: string])[] = [
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [63, '7e'],
  [-64, '7f'],
  [64, '8001'],
  [-65, '8101'],
  [8191, 'fe7f'],
  [8192, '808001'],
  [2 ** 31 - 1, 'feffffff0f'],
  [-(2 ** 31), 'ffffffff0f'],
]

const VARLONGS: readonly (readonly [value: number, hex: string])[] = [
  ...VARINTS,
  [2 ** 31, '8080808010'],
  [-(2 ** 31) - 1, '8180808010'],
  [2 ** 53 - 1, 'feffffffffffff1f'],
  [-(2 ** 53) + 1, 'fdffffffffffff1f'],
]

function cursor(bytes: Buffer): VarintCursor {
  const made = new VarintCursor()
  made.bytes = bytes
  made.end = bytes.length
  return made
}

describe('varint', () => {
  it.each(VARINTS)('%d is %s', (value, hex) => {
    const bytes = Buffer.alloc(12)
    expect(writeVarint(bytes, 0, value)).toBe(hex.length / 2)
    expect(bytes.subarray(0, hex.length / 2).toString('hex')).toBe(hex)
    expect(varintSize(value)).toBe(hex.length / 2)
    const read = cursor(Buffer.from(hex, 'hex'))
    expect(read.varint()).toBe(value)
    expect(read.at).toBe(hex.length / 2)
  })

  it.each(VARLONGS)('%d as varlong is %s', (value, hex) => {
    const bytes = Buffer.alloc(12)
    expect(writeVarlong(bytes, 0, value)).toBe(hex.length / 2)
    expect(bytes.subarray(0, hex.length / 2).toString('hex')).toBe(hex)
    expect(varlongSize(value)).toBe(hex.length / 2)
    const read = cursor(Buffer.from(hex, 'hex'))
    expect(read.varlong()).toBe(value)
    expect(read.at).toBe(hex.length / 2)
  })

  it.each(['', '80', 'ffffffff', '808080808001', 'ffffffffffffffffffff'])('%j is no varint', (hex) => {
    expect(cursor(Buffer.from(hex, 'hex')).varint()).toBe(MALFORMED)
  })

  it.each(['', '80', 'ffffffffffffffffff', '8080808080808080808001'])('%j is no varlong', (hex) => {
    expect(cursor(Buffer.from(hex, 'hex')).varlong()).toBeNaN()
  })

  it('reads the widest varlong', () => {
    expect(cursor(Buffer.from('ffffffffffffffffff01', 'hex')).varlong()).toBe(-(2 ** 63))
  })

  it('does not read past its end', () => {
    const read = cursor(Buffer.from('8001', 'hex'))
    read.end = 1
    expect(read.varint()).toBe(MALFORMED)
    expect(read.varlong()).toBeNaN()
  })
})
