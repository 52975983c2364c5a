import { describe, expect, it } from 'vitest'
import { KafkaRecord } from '../record.ts'
import { HeaderCursor } from './header-cursor.ts'
import { encodeHeaderName, encodeHeaders, type HeaderEntry, HeaderWriter } from './headers.ts'

function record(headers: Buffer, count: number): KafkaRecord {
  return new KafkaRecord(0, 0, 0, null, false, headers, count)
}

const ENTRIES: readonly HeaderEntry[] = [
  ['zilla:filter', 'sensor'],
  ['zilla:filter', ''],
  ['zilla:filter', 'one'],
  ['null', null],
  ['ü', 'größe'],
  ['', Buffer.from([0, 255])],
  ['long', 'x'.repeat(64)],
  ['longest', Buffer.alloc(9000, 7)],
  ['zilla:qos', '1'],
]

describe('headers', () => {
  it('have the wire form of the protocol guide', () => {
    const { buffer, count } = encodeHeaders([
      ['ab', 'c'],
      ['n', null],
      ['e', ''],
    ])
    expect(count).toBe(3)
    expect(buffer.toString('hex')).toBe('04' + '6162' + '02' + '63' + '02' + '6e' + '01' + '02' + '65' + '00')
  })

  it('come back in order, repeats, null and empty values kept', () => {
    const { buffer, count } = encodeHeaders(ENTRIES)
    const expected = ENTRIES.map(([name, value]) => [name, typeof value === 'string' ? Buffer.from(value) : value])
    expect([...record(buffer, count).headerEntries()]).toEqual(expected)
  })

  it('can be put together from pieces', () => {
    const writer = new HeaderWriter()
    for (let round = 0; round < 2; round++) {
      writer.reset()
      for (const entry of ENTRIES) {
        const piece = encodeHeaders([entry])
        writer.appendEncoded(piece.buffer, piece.count)
      }
      expect(writer.count).toBe(ENTRIES.length)
      expect(writer.buffer).toEqual(encodeHeaders(ENTRIES).buffer)
    }
  })

  it.each(['ascii', 'é', 'aé'.repeat(40), 'x'.repeat(63), 'é'.repeat(63), 'x'.repeat(10_000), '\u{1f600}'])(
    'text %j is its UTF-8',
    (text) => {
      const name = encodeHeaderName('name')
      const asText = new HeaderWriter()
      const asBytes = new HeaderWriter()
      asText.appendText(name, text)
      asBytes.append(name, Buffer.from(text))
      expect(asText.buffer).toEqual(asBytes.buffer)
    },
  )

  it('are found by name, the last one of several', () => {
    const { buffer, count } = encodeHeaders(ENTRIES)
    const made = record(buffer, count)
    expect(made.header('zilla:filter')).toEqual(Buffer.from('one'))
    expect(made.header('ü')).toEqual(Buffer.from('größe'))
    expect(made.header('null')).toBeNull()
    expect(made.header('absent')).toBeUndefined()
  })
})

describe('header cursor', () => {
  it('compares names and values in place', () => {
    const { buffer, count } = encodeHeaders([
      ['zilla:qos', '2'],
      ['zilla:qos2', null],
      ['user', ''],
    ])
    const cursor = new HeaderCursor()
    cursor.reset(buffer, count)
    expect(cursor.next()).toBe(true)
    expect(cursor.nameIs(Buffer.from('zilla:qos'))).toBe(true)
    expect(cursor.nameIs(Buffer.from('zilla:qot'))).toBe(false)
    expect(cursor.nameStartsWith(Buffer.from('zilla:'))).toBe(true)
    expect(cursor.valueIs(Buffer.from('2'))).toBe(true)
    expect(cursor.valueIs(Buffer.from('1'))).toBe(false)
    expect(cursor.valueText()).toBe('2')
    expect(cursor.next()).toBe(true)
    expect(cursor.nameIs(Buffer.from('zilla:qos'))).toBe(false)
    expect(cursor.name()).toBe('zilla:qos2')
    expect(cursor.value()).toBeNull()
    expect(cursor.valueText()).toBe('')
    expect(cursor.valueIs(Buffer.alloc(0))).toBe(false)
    expect(cursor.next()).toBe(true)
    expect(cursor.nameStartsWith(Buffer.from('users'))).toBe(false)
    expect(cursor.value()).toEqual(Buffer.alloc(0))
    expect(cursor.valueIs(Buffer.alloc(0))).toBe(true)
    expect(cursor.next()).toBe(false)
    expect(cursor.next()).toBe(false)
  })

  it('ends where the bytes are no header, at every cut', () => {
    const { buffer } = encodeHeaders(ENTRIES)
    const cursor = new HeaderCursor()
    for (let length = 0; length < buffer.length; length++) {
      cursor.reset(buffer.subarray(0, length), ENTRIES.length)
      let seen = 0
      while (cursor.next()) seen++
      expect(seen).toBeLessThan(ENTRIES.length)
      expect(cursor.next()).toBe(false)
    }
  })

  it.each(['ffffffff0f00', '0161', '02610301', '8080808080'])('gives nothing for %s', (hex) => {
    const cursor = new HeaderCursor()
    cursor.reset(Buffer.from(hex, 'hex'), 5)
    expect(cursor.next()).toBe(false)
  })
})
