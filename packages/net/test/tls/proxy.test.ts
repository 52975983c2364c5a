/** The tls proxy on real sockets: routes by what a client says of whom it wants, and passes on every byte as it came. */
import { FakeClock, TestExit } from '@zilla-ts/testing'
import { Authority, type Issued } from '@zilla-ts/testing/authority'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Bytes } from '../../src/stream.ts'
import { attempt, closed, inFrontOf, MemoryVault, plain, route, started, until } from './peers.ts'

let authority: Authority
const issued: Issued[] = []

beforeAll(async () => {
  authority = await Authority.create('authority')
  for (const name of ['a.test', 'b.test']) issued.push(await authority.issue(name, { names: [name] }))
})

/** A proxy in front of two tls servers, `a.test` and `b.test`; `h2` goes to the second as well. */
async function proxied(options: object = {}) {
  const servers = await Promise.all(issued.map((key) => started('server', { vault: new MemoryVault([key]) })))
  const exits = servers.map((server) => {
    server.exit.onOpen = (_open, stream) => {
      stream.grant(65_536)
      return true
    }
    const exit = new TestExit<Bytes>('server', server.reporter)
    exit.onTake = (socket, open, session) => server.binding.take!(socket, open, session)
    return exit
  })
  const proxy = await started('proxy', {
    routes: [route(exits[1]!, [{ authority: 'B.*' }, { alpn: 'h2' }]), route(exits[0]!, [{ authority: 'a.test' }])],
    ...options,
  })
  return { proxy, servers, ...(await inFrontOf(proxy)) }
}

describe('a tls proxy', () => {
  it.each([
    ['a.test', undefined, 0],
    ['b.test', undefined, 1],
    ['A.TEST', ['mqtt'], 0],
    ['a.test', ['mqtt', 'h2'], 1],
  ])('passes %s with %j on', async (servername, ALPNProtocols, at) => {
    const { servers, port, proxy } = await proxied()
    const { socket } = await attempt(port, {
      servername,
      rejectUnauthorized: false,
      ...(ALPNProtocols && { ALPNProtocols }),
    })
    expect(socket.getPeerCertificate().subject.CN).toBe(issued[at]!.name)
    const { exit } = servers[at]!
    await until(() => exit.opened.length === 1)
    const { recorder, stream } = exit.opened[0]!
    const block = Buffer.alloc(200_000, 'z')
    socket.write(block)
    await until(() => recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === block.length)
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    stream.write(block, undefined)
    await until(() => received === block.length)
    expect(proxy.reporter.counter('tls.connections.passed').value).toBe(1)
  })

  it('tells who asks for a name that leads nowhere', async () => {
    const { port, proxy } = await proxied()
    for (const servername of ['c.test', '']) {
      const { error } = await attempt(port, { servername, rejectUnauthorized: false })
      expect(error?.code).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME')
    }
    expect(proxy.reporter.events.map(({ message }) => message)).toEqual(['no route for c.test', 'no route for no name'])
  })

  it('passes on to exits without sockets, within the room they grant', async () => {
    const proxy = await started('proxy')
    const { exit } = proxy
    exit.onOpen = (_open, stream, recorder) => {
      recorder.refill = false
      stream.grant(1)
      return true
    }
    const { port } = await inFrontOf(proxy)
    const client = attempt(port, { servername: 'a.test', rejectUnauthorized: false })
    await until(() => exit.opened[0]?.recorder.data.length === 1)
    const { recorder, stream } = exit.opened[0]!
    expect(recorder.data[0]!.payload[0]).toBe(22)
    stream.abort(new (await import('@zilla-ts/engine')).StreamError('refused', 'enough'))
    expect((await client).error).not.toBeNull()
  })

  it('serves a neighbour that has no sockets', async () => {
    const { proxy, servers } = await proxied()
    const client = await started('client', {
      vault: new MemoryVault([], [authority]),
      options: { trust: ['authority'], sni: ['a.test'] },
      routes: [
        route({
          name: 'proxy',
          connect: (open, _session, handler) => proxy.connect(open, handler as never),
          dial: () => null,
          take: () => 'streams',
        }),
      ],
    })
    const socket = client.binding.dial!({}, null)!
    socket.on('error', () => {})
    socket.write('through both')
    await until(() => servers[0]!.exit.opened[0]?.recorder.data.length === 1)
  })

  it.each<[string, Buffer]>([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a cut off hello', Buffer.from([22, 3, 1, 0, 50, 1, 0, 0, 46])],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s with an alert', async (_, bytes) => {
    const { port, proxy } = await proxied()
    const socket = await plain(port)
    const received: Buffer[] = []
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    socket.end(bytes)
    await closed(socket)
    expect(Buffer.concat(received)).toEqual(Buffer.from([21, 3, 3, 0, 2, 2, 50]))
    expect(proxy.reporter.counter('tls.connections.refused').value).toBe(1)
  })

  it('has a deadline and a limit for who says nothing', async () => {
    const clock = new FakeClock()
    const { port, proxy, taken } = await proxied({ clock, options: { limits: { handshakeSeconds: 5, handshakes: 1 } } })
    const silent = await plain(port)
    await until(() => taken.length === 1)
    await closed(await plain(port))
    expect(taken).toEqual(['taken', 'refused'])
    clock.advance(5_000)
    await closed(silent)
    expect(clock.pending).toBe(0)
    expect(proxy.reporter.events.map(({ event }) => event)).toEqual([
      'TLS_HANDSHAKES_LIMITED',
      'TLS_CONNECTION_REFUSED',
    ])
    expect((await attempt(port, { servername: 'a.test', rejectUnauthorized: false })).error).toBeNull()
  })

  it('lets who passed finish when it drains, and ends them when it stops', async () => {
    const { port, proxy, taken } = await proxied()
    const { socket } = await attempt(port, { servername: 'a.test', rejectUnauthorized: false })
    const silent = await plain(port)
    await until(() => taken.length === 2)
    let drained = false
    const draining = proxy.binding.drain!().then(() => {
      drained = true
    })
    await closed(silent)
    expect(drained).toBe(false)
    await proxy.binding.stop!()
    await closed(socket)
    await draining
  })
})
