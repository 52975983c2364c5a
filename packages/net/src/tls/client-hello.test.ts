/** What the first message of a client is taken for, whole or in whatever pieces; real ones come from Node's own TLS. */
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { ClientHelloReader, HELLO_BYTES_MAX, type HelloResult } from './client-hello.ts'

/** What Node sends first. */
function helloOf(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk)
        done()
      },
    })
    connect({ socket, ...options }).on('error', () => {})
  })
}

const read = (...chunks: Buffer[]): HelloResult => {
  const reader = new ClientHelloReader()
  let result: HelloResult = 'more'
  for (const chunk of chunks) {
    if (result !== 'more') break
    result = reader.push(chunk)
  }
  return result
}

const u16 = (value: number) => Buffer.from([value >> 8, value & 255])
const vector = (size: 1 | 2, bytes: Buffer) =>
  Buffer.concat([size === 1 ? Buffer.from([bytes.length]) : u16(bytes.length), bytes])
const extension = (type: number, content: Buffer) => Buffer.concat([u16(type), vector(2, content)])
const name = (text: string, type = 0) => Buffer.concat([Buffer.from([type]), vector(2, Buffer.from(text, 'latin1'))])
const serverNames = (...names: Buffer[]) => extension(0, vector(2, Buffer.concat(names)))
const protocols = (...names: string[]) =>
  extension(16, vector(2, Buffer.concat(names.map((each) => vector(1, Buffer.from(each))))))

/** A hello with these extensions; null: none at all. */
function message(extensions: Buffer | null, more = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    vector(1, Buffer.alloc(32)),
    vector(2, Buffer.from([0x13, 0x01])),
    vector(1, Buffer.from([0])),
    ...(extensions === null ? [] : [vector(2, extensions)]),
    more,
  ])
  return Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body])
}

const record = (content: Buffer) => Buffer.concat([Buffer.from([22, 3, 1]), vector(2, content)])

/** Cut into records of at most `size` bytes. */
function records(content: Buffer, size: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length; at += size) parts.push(record(content.subarray(at, at + size)))
  return Buffer.concat(parts)
}

describe('a ClientHello of a real client', () => {
  it.each<[ConnectionOptions, object]>([
    [{ servername: 'MQTT.Example.com' }, { serverName: 'mqtt.example.com', alpn: [] }],
    [{}, { serverName: null, alpn: [] }],
    [
      { servername: 'a.test', ALPNProtocols: ['mqtt', 'h2'], maxVersion: 'TLSv1.2' },
      { serverName: 'a.test', alpn: ['mqtt', 'h2'] },
    ],
  ])('%j', async (options, expected) => {
    const bytes = await helloOf(options)
    expect(read(bytes)).toEqual(expected)
    expect(read(...Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(expected)
    expect(read(Buffer.concat([bytes, Buffer.from('early data')]))).toEqual(expected)
    for (const size of [32, 100, 511]) expect(read(records(bytes.subarray(5), size))).toEqual(expected)
    for (let length = 0; length < bytes.length; length += 7) expect(read(bytes.subarray(0, length))).toBe('more')
  })
})

describe('a ClientHello made by hand', () => {
  it('may have no extensions', () => {
    expect(read(record(message(null)))).toEqual({ serverName: null, alpn: [] })
    expect(read(record(message(Buffer.alloc(0))))).toEqual({ serverName: null, alpn: [] })
  })

  it('may be as long as the limit', () => {
    const around = message(extension(99, Buffer.alloc(0))).length
    const long = (length: number) => records(message(extension(99, Buffer.alloc(length - around))), 8_000)
    expect(read(long(HELLO_BYTES_MAX))).toEqual({ serverName: null, alpn: [] })
    expect(read(long(HELLO_BYTES_MAX + 1))).toBe('invalid')
  })

  it.each<[string, Buffer]>([
    ['another record', Buffer.from([23, 3, 1, 0, 1, 1])],
    ['another record, seen at its first byte', Buffer.from([0x16 + 1])],
    ['another version of the record', Buffer.from([22, 2, 1, 0, 1, 1])],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['another message', record(Buffer.from([2, 0, 0, 0]))],
    ['a message that claims too much', record(Buffer.from([1, 0xff, 0xff, 0xff]))],
    ['more records than anybody needs', records(message(protocols('a'.repeat(200))), 1)],
    ['bytes behind the extensions', record(message(protocols('x'), Buffer.from([0])))],
    ['a cut off extension', record(message(protocols('x').subarray(0, -1)))],
    ['the same extension twice', record(message(Buffer.concat([protocols('x'), protocols('y')])))],
    ['two names', record(message(serverNames(name('a.test'), name('b.test'))))],
    ['an empty name', record(message(serverNames(name(''))))],
    ['a name with a NUL', record(message(serverNames(name('a\0.test'))))],
    ['a name beyond ASCII', record(message(serverNames(name('ä.test'))))],
    ['a name that is too long', record(message(serverNames(name('a'.repeat(256)))))],
    ['nothing but a header', record(Buffer.from([1, 0, 0, 0]))],
  ])('is none with %s', (_, bytes) => {
    expect(read(bytes)).toBe('invalid')
  })

  it('may have names of a sort that nobody knows', () => {
    expect(read(record(message(serverNames(name('?', 9), name('a.test')))))).toEqual({ serverName: 'a.test', alpn: [] })
  })

  it('never throws, whatever comes', () => {
    const whole = record(message(Buffer.concat([serverNames(name('a.test')), protocols('mqtt', 'h2')])))
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = Buffer.from(whole)
        changed[at] = value
        const result = read(changed)
        expect(result === 'more' || result === 'invalid' || Array.isArray(result.alpn)).toBe(true)
      }
    }
  })
})
