import { describe, expect, it } from 'vitest'
import { addressBytes, addressText } from './address-bytes.ts'
import { crc32c } from './crc32c.ts'
import { readHeader, writeHeader } from './header.ts'
import { HeaderFault } from './header-fault.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const V4 = '7f00000a0a000001c35222b8'
const LIMIT = 4_096

function v2(commandAndKind: string, block: string, length = block.length / 2): Buffer {
  return Buffer.from(`${SIGNATURE}${commandAndKind}${length.toString(16).padStart(4, '0')}${block}`, 'hex')
}

function tlv(type: number, value: string | Buffer): string {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 0xff]), bytes]).toString('hex')
}

/** A header with its checksum, or one that is off. */
function summed(off = 0): Buffer {
  const header = v2('2111', `${V4}${tlv(3, Buffer.alloc(4))}`)
  header.writeUInt32BE((crc32c(header) + off) >>> 0, header.length - 4)
  return header
}

const unixBlock = (path: string) => Buffer.from(path).toString('hex').padEnd(216, '0')
const INET4 = {
  family: 'inet4',
  transport: 'stream',
  source: { host: '127.0.0.10', port: 50_002 },
  destination: { host: '10.0.0.1', port: 8_888 },
}
const TLS = Buffer.concat([
  Buffer.from([7, 0, 0, 0, 0]),
  Buffer.from(
    `${tlv(0x21, 'TLSv1.3')}${tlv(0x22, 'c1')}${tlv(0x23, 'AES')}${tlv(0x24, 'SHA256')}${tlv(0x25, 'RSA2048')}`,
    'hex',
  ),
])

const good: [string, Buffer, object | null, object][] = [
  ['version 2, TCP over IPv4', v2('2111', V4), INET4, {}],
  ['UDP over IPv4', v2('2112', V4), { ...INET4, transport: 'datagram' }, {}],
  [
    'IPv6',
    v2('2121', `${'20010db8'.padEnd(31, '0')}1${'0'.repeat(31)}1000a07d0`),
    {
      family: 'inet6',
      transport: 'stream',
      source: { host: '2001:db8::1', port: 10 },
      destination: { host: '::1', port: 2_000 },
    },
    {},
  ],
  [
    'unix sockets',
    v2('2131', `${unixBlock('/run/a')}${unixBlock('/run/b')}`),
    {
      family: 'unix',
      transport: 'stream',
      source: { host: '/run/a', port: 0 },
      destination: { host: '/run/b', port: 0 },
    },
    {},
  ],
  ['LOCAL', v2('2000', ''), null, {}],
  ['LOCAL with anything behind it', v2('20ff', 'ffffff'), null, {}],
  ['addresses that are not told', v2('2100', '0102'), null, {}],
  [
    'everything beside the addresses',
    v2(
      '2111',
      `${V4}${tlv(1, 'mqtt')}${tlv(2, 'a.example.com')}${tlv(4, 'noop')}${tlv(5, 'id')}${tlv(0x20, TLS)}${tlv(0x30, 'blue')}${tlv(0xee, 'own')}`,
    ),
    INET4,
    {
      alpn: 'mqtt',
      authority: 'a.example.com',
      identity: '6964',
      namespace: 'blue',
      secure: { version: 'TLSv1.3', name: 'c1', cipher: 'AES', signature: 'SHA256', key: 'RSA2048' },
    },
  ],
  ['no TLS at the client', v2('2111', `${V4}${tlv(0x20, Buffer.alloc(5))}`), INET4, {}],
  ['a checksum', summed(), INET4, {}],
  ['version 1', Buffer.from('PROXY TCP4 127.0.0.10 10.0.0.1 50002 8888\r\n'), INET4, {}],
  [
    'version 1, IPv6',
    Buffer.from('PROXY TCP6 2001:db8::1 ::1 10 2000\r\n'),
    {
      family: 'inet6',
      transport: 'stream',
      source: { host: '2001:db8::1', port: 10 },
      destination: { host: '::1', port: 2_000 },
    },
    {},
  ],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), null, {}],
  ['version 1, unknown with whatever', Buffer.from('PROXY UNKNOWN ffff::1 x y z\r\n'), null, {}],
]

describe('readHeader', () => {
  it.each(good)('%s', (_name, bytes, client, info) => {
    const followed = Buffer.concat([bytes, Buffer.from('PROXY and more')])
    expect(readHeader(followed, LIMIT)).toEqual({ length: bytes.length, client, info })
    for (let length = 0; length < bytes.length; length++) {
      expect(readHeader(bytes.subarray(0, length), LIMIT), `first ${length} bytes`).toBeNull()
    }
  })

  it.each<[string, Buffer]>([
    ['MQTT', Buffer.from('100c00044d515454', 'hex')],
    ['another text', Buffer.from('PROX!')],
    ['another signature', Buffer.from('0d0a0d0a000d0a515549540b', 'hex')],
    ['version 1 in binary', v2('1111', V4)],
    ['version 3', v2('3111', V4)],
    ['another command', v2('2211', V4)],
    ['another family', v2('2141', V4)],
    ['another transport', v2('2113', V4)],
    ['IPv4 cut short', v2('2111', V4.slice(2))],
    ['IPv6 cut short', v2('2121', V4)],
    ['a unix socket cut short', v2('2131', unixBlock('/a'))],
    ['more than the limit', v2('2111', '', 5_000)],
    ['a TLV without length', v2('2111', `${V4}0100`)],
    ['a TLV beyond the end', v2('2111', `${V4}010005aa`)],
    ['TLS cut short', v2('2111', `${V4}${tlv(0x20, 'abc')}`)],
    ['TLS with a TLV beyond the end', v2('2111', `${V4}${tlv(0x20, Buffer.from('010000000021000501', 'hex'))}`)],
    ['a long identifier', v2('2111', `${V4}${tlv(5, 'x'.repeat(129))}`)],
    ['a checksum of two bytes', v2('2111', `${V4}${tlv(3, 'ab')}`)],
    ['a wrong checksum', summed(1)],
    ['a line without end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(107)}`)],
    ['a line that is too long', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}\r\n`)],
    ['another protocol', Buffer.from('PROXY UDP4 127.0.0.1 127.0.0.1 1 2\r\n')],
    ['other letters', Buffer.from('PROXY tcp4 127.0.0.1 127.0.0.1 1 2\r\n')],
    ['too few fields', Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 1\r\n')],
    ['too many fields', Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 1 2 3\r\n')],
    ['two blanks', Buffer.from('PROXY TCP4  127.0.0.1 127.0.0.1 1 2\r\n')],
    ['a name', Buffer.from('PROXY TCP4 localhost 127.0.0.1 1 2\r\n')],
    ['IPv6 for IPv4', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['IPv4 for IPv6', Buffer.from('PROXY TCP6 127.0.0.1 127.0.0.1 1 2\r\n')],
    ['a port of zeros', Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 01 2\r\n')],
    ['a port that is none', Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 65536 2\r\n')],
    ['half an address', Buffer.from('PROXY TCP4 127.0.0 127.0.0.1 1 2\r\n')],
  ])('refuses %s', (_name, bytes) => {
    expect(() => readHeader(bytes, LIMIT)).toThrow(HeaderFault)
  })

  it('says header, half of one, or fault, whatever it reads', () => {
    let state = 42
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return (state >>> 8) % below
    }
    const outcomes = { header: 0, half: 0, fault: 0 }
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(good[random(good.length)]![1])
      for (let flips = random(4); flips >= 0; flips--) bytes[random(bytes.length)] = random(256)
      try {
        const length = random(2) === 0 ? bytes.length : 1 + random(bytes.length)
        const header = readHeader(bytes.subarray(0, length), LIMIT)
        if (header === null) outcomes.half++
        else {
          outcomes.header++
          expect(header.length).toBeLessThanOrEqual(bytes.length)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(HeaderFault)
        outcomes.fault++
      }
    }
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(100)
  })
})

describe('writeHeader', () => {
  const at = (host: string, port: number) => ({ host, port })

  it.each([
    [at('192.0.2.1', 1), at('192.0.2.2', 65_535), 'inet4', '192.0.2.1', '192.0.2.2'],
    [at('2001:db8::1', 1), at('::', 2), 'inet6', '2001:db8::1', '::'],
    [at('fe80::1%eth0', 1), at('fe80::2', 2), 'inet6', 'fe80::1', 'fe80::2'],
    [at('192.0.2.1', 1), at('::1', 2), 'inet6', '::ffff:192.0.2.1', '::1'],
    [at('::ffff:192.0.2.1', 1), at('1:2:3:4:5:6:7:8', 2), 'inet6', '::ffff:192.0.2.1', '1:2:3:4:5:6:7:8'],
  ])('%j to %j can be read back', (source, destination, family, from, to) => {
    const bytes = writeHeader(source, destination)
    expect(readHeader(bytes, LIMIT)).toEqual({
      length: bytes.length,
      client: {
        family,
        transport: 'stream',
        source: { host: from, port: source.port },
        destination: { host: to, port: destination.port },
      },
      info: {},
    })
  })

  it.each([
    [undefined, undefined],
    [at('127.0.0.1', 1), undefined],
    [at('localhost', 1), at('127.0.0.1', 1)],
  ])('%j to %j is a connection of our own', (source, destination) => {
    expect(writeHeader(source, destination)).toEqual(v2('2000', ''))
  })
})

describe('addresses', () => {
  it('are the same there and back', () => {
    let state = 1
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.alloc(round % 2 === 0 ? 16 : 4)
      for (let at = 0; at < bytes.length; at++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        bytes[at] = state % 3 === 0 ? 0 : state >>> 24
      }
      expect(addressBytes(addressText(bytes))).toEqual(bytes)
    }
    expect(addressBytes('localhost')).toBeNull()
  })
})

describe('crc32c', () => {
  it('is that of Castagnoli', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283)
  })
})
