import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Clock, StreamError } from '@zilla-ts/engine'
import { Harness, Recorder } from '@zilla-ts/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { http } from '../src/http/binding.ts'
import { proxy } from '../src/proxy/binding.ts'
import { writeHeader } from '../src/proxy/header.ts'
import type { ProxyConfig } from '../src/proxy/proxy.config.ts'
import type { Bytes } from '../src/stream.ts'
import { cleanUp, defer, fakeClock, RawClient, systemClock, until } from './web.ts'

afterEach(cleanUp)

const SOURCE = { host: '192.0.2.1', port: 1_234 }
const DESTINATION = { host: '198.51.100.1', port: 8_883 }
const HEADER = writeHeader(SOURCE, DESTINATION)
const LOCAL = writeHeader(undefined, undefined)
type When = NonNullable<ProxyConfig['when']>

/** A proxy server on a port; the test plays the next hop. Connections have the local address 203.0.113.9:7183. */
async function start(options: { when?: When[]; clock?: Clock } = {}) {
  const clock = options.clock ?? systemClock()
  const harness = new Harness(proxy, { kind: 'server', clock })
  const { exit, reporter } = harness
  const routes = [{ when: options.when ?? [], with: undefined, exit, permits: () => true }]
  const { binding } = options.when === undefined ? harness : new Harness(proxy, { kind: 'server', clock, routes })
  exit.onOpen = (_open, stream) => {
    stream.grant(1 << 20)
    return true
  }
  defer(() => binding.stop?.())
  const port = await listen((socket) => {
    const remote = { host: socket.remoteAddress!, port: socket.remotePort! }
    const taken = binding.take!(socket, { remote, local: { host: '203.0.113.9', port: 7_183 } }, null)
    if (taken === 'refused') socket.destroy()
  })
  return { binding, exit, reporter, port, clock }
}

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    onSocket(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  defer(() => server.close())
  defer(() => {
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as { port: number }).port
}

describe('proxy server', () => {
  it.each<[string, Buffer, object | null]>([
    ['version 2', HEADER, { remote: SOURCE, local: DESTINATION }],
    [
      'version 1',
      Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1234 8883\r\n'),
      { remote: SOURCE, local: DESTINATION },
    ],
    ['LOCAL', LOCAL, null],
  ])(
    '%s: hands on the addresses and every byte behind the header, however it comes',
    async (_name, header, expected) => {
      for (const pieceBytes of [1, 20, Number.POSITIVE_INFINITY]) {
        const { exit, port } = await start()
        const client = await RawClient.dial(port)
        const own = {
          remote: { host: '127.0.0.1', port: client.socket.localPort },
          local: { host: '203.0.113.9', port: 7_183 },
        }
        client.send(Buffer.concat([header, Buffer.from('hello')]), pieceBytes)
        await until(() => exit.opened[0]?.recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === 5)
        const { open, recorder, stream } = exit.opened[0]!
        expect(open).toEqual(expected ?? own)
        expect(Buffer.concat(recorder.data.map(({ payload }) => payload)).toString()).toBe('hello')
        stream.write(Buffer.from('answer'), undefined)
        await until(() => client.text === 'answer')
        client.socket.end()
        await until(() => recorder.ended)
        stream.end()
        await until(() => client.closed)
      }
    },
  )

  it('does not read on while the next hop has no room', async () => {
    const { exit, port, reporter } = await start()
    exit.onOpen = (_open, _stream, recorder) => {
      recorder.refill = false
      return true
    }
    const client = await RawClient.dial(port)
    client.send(Buffer.concat([HEADER, Buffer.from('abc')]))
    await until(() => exit.opened.length === 1)
    client.send('def')
    const { recorder, stream } = exit.opened[0]!
    // A second connection shows that the first had its chance.
    const other = await RawClient.dial(port)
    other.send(HEADER)
    await until(() => exit.opened.length === 2)
    expect(recorder.data).toEqual([])
    recorder.refill = true
    stream.grant(100)
    await until(() => recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === 6)
    expect(reporter.faults).toEqual([])
  })

  it('hands the socket on to who must own it', async () => {
    const server = new Harness(http as never, { kind: 'server', clock: systemClock() })
    const { exit, port } = await start()
    exit.onTake = (socket, open, session) => server.binding.take!(socket, open as never, session)
    for (const pieceBytes of [1, Number.POSITIVE_INFINITY]) {
      const client = await RawClient.dial(port)
      client.send(Buffer.concat([HEADER, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')]), pieceBytes)
      await until(() => client.status === 426)
      client.socket.end()
    }
  })

  it.each<[string, string]>([
    ['no header', 'GET / HTTP/1.1\r\n'],
    ['a malformed header', 'PROXY TCP4 a b c d\r\n'],
  ])('closes on %s, counts and logs it', async (_name, bytes) => {
    const { exit, port, reporter } = await start()
    const client = await RawClient.dial(port)
    client.send(bytes)
    await until(() => client.closed)
    expect(exit.opened).toEqual([])
    expect(reporter.counter('proxy.headers.malformed').value).toBe(1)
    expect(reporter.events).toMatchObject([{ event: 'PROXY_HEADER_MALFORMED', fields: { remote: '127.0.0.1' } }])
  })

  it('closes when the connection ends in the header', async () => {
    const { port, reporter } = await start()
    const client = await RawClient.dial(port)
    client.socket.end(HEADER.subarray(0, 20))
    await until(() => client.closed && reporter.counter('proxy.headers.malformed').value === 1)
  })

  it('does not wait for a header without end', async () => {
    const clock = fakeClock()
    const { port, reporter, binding } = await start({ clock })
    const client = await RawClient.dial(port)
    client.send(HEADER.subarray(0, 20))
    await until(() => clock.pending === 1)
    clock.advance(4_000)
    expect(client.closed).toBe(false)
    clock.advance(2_000)
    await until(() => client.closed)
    expect(reporter.counter('proxy.headers.timedOut').value).toBe(1)
    await binding.drain!()
  })

  it('closes what the exit refuses, and takes nothing more once it drains', async () => {
    const { exit, port, binding, reporter } = await start()
    exit.onOpen = () => false
    const client = await RawClient.dial(port)
    client.send(HEADER)
    await until(() => client.closed)
    expect(reporter.counter('proxy.connections.refused').value).toBe(1)
    const half = await RawClient.dial(port)
    half.send(HEADER.subarray(0, 5))
    await binding.drain!()
    await until(() => half.closed)
    const late = await RawClient.dial(port)
    await until(() => late.closed)
  })

  it('has nothing left of a thousand connections that end at any place', async () => {
    const { exit, port, binding, reporter } = await start()
    const bytes = Buffer.concat([HEADER, Buffer.from('x')])
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.dial(port)))
      clients.forEach((client, at) => {
        if (at % 3 === 0) client.socket.end(bytes.subarray(0, at % bytes.length))
        else if (at % 3 === 1) client.socket.write(bytes, () => client.socket.resetAndDestroy())
        else client.socket.end(bytes)
      })
      await until(() => {
        for (const { recorder, stream } of exit.opened) if (recorder.ended) stream.end()
        return clients.every(({ closed }) => closed)
      })
    }
    await until(() => exit.opened.every(({ stream }) => stream.closed))
    await binding.drain!()
    expect(reporter.faults).toEqual([])
  })

  it.each<[When, boolean]>([
    [{ transport: 'stream', family: 'inet' }, true],
    [{ family: 'inet4' }, true],
    [{ family: 'inet6' }, false],
    [{ transport: 'datagram' }, false],
    [{ source: { host: '192.0.2.0/24', port: 1_234 } }, true],
    [{ source: { host: '192.0.3.0/24' } }, false],
    [{ source: { port: 1 } }, false],
    [{ source: { host: '192.0.2.*' }, destination: { host: '198.51.100.1', port: 8_883 } }, true],
    [{ destination: { host: '198.51.100.2' } }, false],
    [{ info: { authority: '*' } }, false],
    [{ info: { secure: {} } }, false],
  ])('%j takes the header: %s', async (when, taken) => {
    const { exit, port } = await start({ when: [when] })
    const client = await RawClient.dial(port)
    client.send(HEADER)
    await until(() => client.closed || exit.opened.length === 1)
    expect(exit.opened).toHaveLength(taken ? 1 : 0)
  })

  it.each<[NonNullable<When['info']>, boolean]>([
    [{ alpn: 'mqtt', authority: '*.example.com', identity: '0x4A4b', namespace: 'b*' }, true],
    [{ secure: { version: 'TLSv1.*', name: 'c1' } }, true],
    [{ secure: { version: 'TLSv1.2' } }, false],
    [{ secure: { cipher: '*' } }, false],
    [{ identity: '4a4c' }, false],
    [{ alpn: 'mqt' }, false],
  ])('%j takes what is told: %s', async (info, taken) => {
    const tls = Buffer.from([1, 0, 0, 0, 0])
    const tlv = (type: number, value: Buffer | string) =>
      Buffer.concat([Buffer.from([type, 0, value.length]), Buffer.from(value as string)])
    const secure = Buffer.concat([tls, tlv(0x21, 'TLSv1.3'), tlv(0x22, 'c1')])
    const told = [tlv(1, 'mqtt'), tlv(2, 'a.example.com'), tlv(5, 'JK'), tlv(0x30, 'blue'), tlv(0x20, secure)]
    const header = Buffer.concat([HEADER, ...told])
    header.writeUInt16BE(header.length - 16, 14)
    const { exit, port } = await start({ when: [{ info }] })
    const client = await RawClient.dial(port)
    client.send(header)
    await until(() => client.closed || exit.opened.length === 1)
    expect(exit.opened).toHaveLength(taken ? 1 : 0)
  })
})

describe('proxy client', () => {
  const client = () => new Harness(proxy, { kind: 'client', clock: systemClock() })

  it('tells the addresses of who came in, passes bytes and credit both ways', () => {
    const harness = client()
    const near = new Recorder<Bytes>()
    const stream = harness.connect({ remote: SOURCE, local: DESTINATION }, near)!
    const { open, stream: far, recorder } = harness.exit.opened[0]!
    expect(open).toEqual({})
    expect(recorder.data).toEqual([])
    expect(stream.writable).toBe(false)
    // Room for the header, and then for what the near side may send.
    far.grant(1_000)
    expect(recorder.data.map(({ payload }) => payload)).toEqual([HEADER])
    expect(stream.credit).toBe(1_000)
    stream.write(Buffer.from('hello'), undefined)
    expect(String(recorder.data[1]!.payload)).toBe('hello')
    stream.grant(500)
    expect(far.writable).toBe(true)
    far.accept(DESTINATION as never)
    far.write(Buffer.from('back'), undefined)
    expect(String(near.data[0]!.payload)).toBe('back')
    expect(near.accepts).toHaveLength(1)
    stream.end()
    expect(recorder.ended).toBe(true)
    far.abort(new StreamError('closed', 'gone'))
    expect(near.aborted?.message).toBe('gone')
    expect(harness.reporter.faults).toEqual([])
  })

  it('says LOCAL for a connection of our own, on a socket too', async () => {
    const received: Buffer[] = []
    const port = await listen((socket) => socket.on('data', (chunk: Buffer) => received.push(chunk)))
    const harness = client()
    harness.exit.onDial = ({ remote }) => {
      const socket = connect({ ...remote!, noDelay: true })
      defer(() => socket.destroy())
      return socket
    }
    const socket = harness.binding.dial!({ remote: { host: '127.0.0.1', port } }, null)!
    socket.write('hello')
    await until(() => Buffer.concat(received).length === LOCAL.length + 5)
    expect(Buffer.concat(received)).toEqual(Buffer.concat([LOCAL, Buffer.from('hello')]))
  })

  it('refuses when its exit does', () => {
    const harness = client()
    harness.exit.onOpen = () => false
    expect(harness.connect({}, new Recorder<Bytes>())).toBeNull()
    expect(harness.binding.dial!({}, null)).toBeNull()
  })
})
