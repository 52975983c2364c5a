/** The tls server on real sockets: who is let in with which certificate, which key and route a client gets, what flows. */
import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { FakeClock, TestExit } from '@zilla-ts/testing'
import { Authority, type Issued } from '@zilla-ts/testing/authority'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Bytes } from '../../src/stream.ts'
import {
  accepting,
  attempt,
  closed,
  count,
  events,
  inFrontOf,
  keyPair,
  MemoryVault,
  plain,
  route,
  started,
  trustedCertificate,
  until,
} from './peers.ts'

let servers: Authority
let clients: Authority
let others: Authority
let localhost: Issued
let localhostRsa: Issued
let wild: Issued
let device: Issued

beforeAll(async () => {
  servers = await Authority.create('servers')
  clients = await Authority.create('clients')
  others = await Authority.create('others')
  localhost = await servers.issue('localhost', { names: ['localhost'] })
  localhostRsa = await servers.issue('localhost-rsa', { names: ['localhost'], sort: 'rsa' })
  wild = await servers.issue('wild', { names: ['*.example.com', 'example.com'] })
  device = await clients.issue('device')
})

const commonName = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN

describe('a connection', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'carries bytes both ways over %s, and tells what was agreed on',
    async (version) => {
      const server = await started('server', { vault: new MemoryVault([localhost]), options: { alpn: ['mqtt'] } })
      const exit = accepting(server)
      const { port } = await inFrontOf(server)
      const { socket } = await attempt(port, {
        ca: servers.pem,
        servername: 'localhost',
        ALPNProtocols: ['mqtt'],
        maxVersion: version,
      })
      await until(() => exit.opened.length === 1)
      const { open, stream, recorder } = exit.opened[0]!
      expect(open).toMatchObject({
        local: { host: '127.0.0.1', port },
        remote: { host: '127.0.0.1', port: socket.localPort },
        tls: { version, sni: 'localhost', alpn: 'mqtt', subject: null },
      })
      expect(open.tls!.cipher).toMatch(/^TLS_/)
      socket.write('hello')
      await until(() => recorder.data.length > 0)
      expect(String(recorder.data[0]!.payload)).toBe('hello')
      stream.write(Buffer.from('world'), undefined)
      expect(String((await once(socket, 'data'))[0])).toBe('world')
      socket.end()
      await until(() => recorder.ended)
      stream.end()
      await once(socket, 'end')
      expect(count(server, 'tls.handshakes.secured')).toBe(1)
    },
  )

  it('carries 64 KiB writes both ways with back-pressure', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    const { exit } = server
    exit.onOpen = (_open, stream, recorder) => {
      recorder.refill = false
      stream.grant(1)
      return true
    }
    const { port } = await inFrontOf(server)
    const { socket } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
    const block = Buffer.alloc(65_536, 'x')
    for (let blocks = 0; blocks < 64; blocks++) socket.write(block)
    const total = 64 * block.length
    await until(() => exit.opened[0]?.recorder.data.length === 1)
    const { recorder, stream } = exit.opened[0]!
    // Nothing more comes before there is room for it: what was asked for is all that is there after the other way is done.
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    let sent = 0
    const fill = () => {
      while (sent < 64 && stream.writable) {
        stream.write(block, undefined)
        sent++
      }
    }
    recorder.onWritable = fill
    fill()
    await until(() => received === total)
    expect(recorder.data).toHaveLength(1)
    recorder.refill = true
    stream.grant(recorder.data[0]!.cost)
    await until(() => recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === total)
  })

  it('gives no room while the client does not read', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    const exit = accepting(server)
    const { port } = await inFrontOf(server)
    const { socket } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
    socket.pause()
    await until(() => exit.opened.length === 1)
    const { stream, recorder } = exit.opened[0]!
    let sent = 0
    recorder.onWritable = () => {
      while (stream.writable) {
        stream.write(Buffer.alloc(65_000), undefined)
        sent += 65_000
      }
    }
    recorder.onWritable()
    let before = -1
    await until(() => {
      const stalled = sent === before
      before = sent
      return stalled
    })
    recorder.onWritable = () => {}
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    socket.resume()
    await until(() => received === sent)
    await until(() => stream.credit > 0)
  })

  it('is handed over as a socket to an exit that owns sockets', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    const handed: Bytes['open'][] = []
    server.exit.onTake = (socket, open) => {
      handed.push(open)
      socket.on('error', () => {})
      socket.end('from the socket')
      return 'taken'
    }
    const { port } = await inFrontOf(server)
    const { socket } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
    expect(String((await once(socket, 'data'))[0])).toBe('from the socket')
    expect(handed[0]!.tls!.sni).toBe('localhost')
    let drained = false
    const draining = server.binding.drain!().then(() => {
      drained = true
    })
    expect(drained).toBe(false)
    socket.end()
    await draining
  })

  it('comes to an end when the exit refuses it, or cannot take it', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    const { port } = await inFrontOf(server)
    server.exit.onTake = () => 'refused'
    await closed((await attempt(port, { ca: servers.pem, servername: 'localhost' })).socket)
    expect(count(server, 'tls.connections.refused')).toBe(1)
    expect(events(server, 'TLS_CONNECTION_REFUSED')).toEqual(['exit refuses the connection'])
    server.exit.onTake = () => {
      throw new Error('a fault')
    }
    await closed((await attempt(port, { ca: servers.pem, servername: 'localhost' })).socket)
    expect(server.reporter.faults.splice(0).map(({ error }) => String(error))).toEqual(['Error: a fault'])
  })

  it('serves a neighbour that has no sockets', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    const exit = accepting(server)
    const client = await started('client', {
      vault: new MemoryVault([], [servers]),
      options: { trust: ['servers'], sni: ['localhost'] },
      routes: [
        route({
          name: 'server',
          connect: (open, _session, handler) => {
            const stream = server.connect(open, handler as never)
            return stream
          },
          dial: () => null,
          take: () => 'streams',
        }),
      ],
    })
    const socket = client.binding.dial!({}, null)!
    await once(socket, 'connect')
    await until(() => exit.opened.length === 1)
    const { recorder, stream } = exit.opened[0]!
    const block = Buffer.alloc(300_000, 'y')
    socket.write(block)
    await until(() => recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === block.length)
    stream.write(Buffer.from('back'), undefined)
    expect(String((await once(socket, 'data'))[0])).toBe('back')
    socket.destroy()
    await until(() => recorder.aborted !== null || recorder.ended)
  })
})

describe('versions', () => {
  it.each([
    ['TLS', 'TLSv1.1', false],
    ['TLS', 'TLSv1.2', true],
    ['TLSv1.2', 'TLSv1.3', false],
    ['TLSv1.3', 'TLSv1.2', false],
    ['TLSv1.3', 'TLSv1.3', true],
  ] as const)('%s: a client with %s', async (version, offered, fine) => {
    const server = await started('server', { vault: new MemoryVault([localhost]), options: { version } })
    accepting(server)
    const { port } = await inFrontOf(server)
    // Old versions need ciphers that Node has switched off.
    const options = { ca: servers.pem, servername: 'localhost', ciphers: 'DEFAULT@SECLEVEL=0' }
    const { error } = await attempt(port, { ...options, minVersion: offered, maxVersion: offered })
    expect(error === null).toBe(fine)
    if (!fine) await until(() => count(server, 'tls.handshakes.failed') === 1)
  })
})

describe('keys', () => {
  it.each([
    ['localhost', 'localhost'],
    ['LOCALHOST', 'localhost'],
    ['mqtt.example.com', 'wild'],
    ['a.b.example.com', 'localhost'],
    ['nobody.test', 'localhost'],
    ['', 'localhost'],
  ])('who asks for %j gets %s', async (servername, name) => {
    const server = await started('server', { vault: new MemoryVault([localhost, wild, localhostRsa]) })
    accepting(server)
    const { port } = await inFrontOf(server)
    const { socket } = await attempt(port, { servername, rejectUnauthorized: false })
    expect(commonName(socket)).toBe(name)
  })

  it('of both sorts serve one name', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost, localhostRsa]) })
    accepting(server)
    const { port } = await inFrontOf(server)
    for (const servername of ['localhost', '']) {
      const options = { servername, rejectUnauthorized: false, maxVersion: 'TLSv1.2' } as const
      const rsa = await attempt(port, { ...options, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })
      const ec = await attempt(port, { ...options, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })
      expect([commonName(rsa.socket), commonName(ec.socket)]).toEqual(['localhost-rsa', 'localhost'])
    }
  })

  it('are chosen by name, whatever its case, or by who has signed them', async () => {
    const vault = new MemoryVault([localhost, wild, await others.issue('foreign', { names: ['foreign.test'] })])
    vault.signers = [others, servers].map(trustedCertificate)
    for (const [options, name] of [
      [{ keys: ['WILD'] }, 'wild'],
      [{ signers: ['others'] }, 'foreign'],
      [{ signers: ['servers'] }, 'localhost'],
    ] as const) {
      const server = await started('server', { vault, options: options as never })
      accepting(server)
      const { port } = await inFrontOf(server)
      const { socket } = await attempt(port, { servername: '', rejectUnauthorized: false })
      expect(commonName(socket)).toBe(name)
    }
  })

  it.each([
    [{ keys: ['none'] }, 'keys of the vault: there is no entry none, only localhost'],
    [{ signers: ['none'] }, 'signers of the vault: there is no entry none, only others'],
    [{ signers: ['others'] }, 'the vault has no key that could be shown'],
    [{ trust: ['none'] }, 'trust of the vault: there is no entry none, only none at all'],
    [{ mutual: 'required' }, 'clients are asked for certificates, but the vault has no trust'],
  ])('%j ends the start', async (options, message) => {
    const vault = new MemoryVault([localhost])
    vault.signers = [trustedCertificate(others)]
    await expect(started('server', { vault, options: options as never })).rejects.toThrow(message)
  })

  it('that do not fit their certificates end the start', async () => {
    const vault = new MemoryVault([{ ...localhost, key: wild.key }])
    await expect(started('server', { vault })).rejects.toThrow('the key localhost cannot be used for TLS')
  })

  it('that are not valid are warned of', async () => {
    const expired = await servers.issue('expired', { names: ['localhost'], from: -5, to: -1 })
    const server = await started('server', { vault: new MemoryVault([localhost, expired]) })
    expect(events(server, 'TLS_CERTIFICATE_NOT_VALID')).toEqual([
      'the certificate of the key expired is expired, or not valid yet',
    ])
  })

  it('change while clients stay connected', async () => {
    const vault = new MemoryVault([localhost])
    const server = await started('server', { vault })
    const exit = accepting(server)
    const { port } = await inFrontOf(server)
    const options = { ca: servers.pem, servername: 'localhost' }
    const first = (await attempt(port, options)).socket
    await until(() => exit.opened.length === 1)
    vault.keys = [keyPair({ ...(await servers.issue('renewed', { names: ['localhost'] })) })]
    vault.changed()
    const second = (await attempt(port, options)).socket
    expect([commonName(first), commonName(second)]).toEqual(['localhost', 'renewed'])
    first.write('still here')
    await until(() => exit.opened[0]!.recorder.data.length === 1)
    // What cannot be used changes nothing.
    vault.keys = []
    vault.changed()
    expect(events(server, 'TLS_NOT_RELOADED')).toHaveLength(1)
    expect(commonName((await attempt(port, options)).socket)).toBe('renewed')
  })

  it('serve a client that comes back without a new handshake, over the rotation of nothing', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    accepting(server)
    const { port } = await inFrontOf(server)
    const options = { ca: servers.pem, servername: 'localhost' }
    const { socket } = await attempt(port, { ...options, maxVersion: 'TLSv1.2' })
    const again = await attempt(port, { ...options, maxVersion: 'TLSv1.2', session: socket.getSession()! })
    expect(again.socket.isSessionReused()).toBe(true)
  })
})

describe('names', () => {
  it.each([
    ['a.example.com', null],
    ['A.EXAMPLE.COM', null],
    ['', null],
    ['localhost', 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME'],
  ])('%j with sni: *.example.com', async (servername, code) => {
    const server = await started('server', { vault: new MemoryVault([wild]), options: { sni: ['*.Example.com'] } })
    accepting(server)
    const { port } = await inFrontOf(server)
    const { error } = await attempt(port, { servername, rejectUnauthorized: false })
    expect(error?.code ?? null).toBe(code)
    if (code !== null) {
      await until(() => count(server, 'tls.handshakes.failed') === 1)
      expect(events(server, 'TLS_HANDSHAKE_FAILED')).toEqual(['the client asks for localhost'])
    }
  })
})

describe('ALPN', () => {
  it.each<[string[], string[], string | false | null]>([
    [['mqtt', 'h2'], ['h2', 'mqtt'], 'mqtt'],
    [['mqtt'], [], false],
    // RFC 7301 §3.2
    [['mqtt'], ['h2'], null],
    [[], ['h2'], false],
  ])('%j with a client of %j', async (alpn, offered, agreed) => {
    const server = await started('server', {
      vault: new MemoryVault([localhost]),
      options: alpn.length === 0 ? {} : { alpn: [alpn[0]!, null, ...alpn.slice(1)] },
    })
    accepting(server)
    const { port } = await inFrontOf(server)
    const options = { servername: 'localhost', ca: servers.pem }
    const { socket, error } = await attempt(
      port,
      offered.length === 0 ? options : { ...options, ALPNProtocols: offered },
    )
    if (agreed === null) expect(error?.code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
    else expect(socket.alpnProtocol).toBe(agreed)
  })
})

describe('routes', () => {
  async function routed(options: object = {}, vault = new MemoryVault([localhost, wild], [clients, others])) {
    const names: string[] = []
    const exitOf = (name: string) => {
      const exit = new TestExit<Bytes>(name, null as never)
      exit.onTake = (socket) => {
        names.push(name)
        socket.on('error', () => {})
        socket.end()
        return 'taken'
      }
      return exit
    }
    const server = await started('server', {
      vault,
      options: options as never,
      routes: [
        route(exitOf('guarded'), [], { permits: (session) => session?.roles.includes('admin') === true }),
        route(exitOf('trusted'), [{ trust: ['others'] }]),
        route(exitOf('mutual'), [{ mutual: 'required', authority: 'localhost' }]),
        route(exitOf('h2'), [{ alpn: 'h2' }]),
        route(exitOf('example'), [{ authority: '*.example.com' }, { authority: 'example.com' }]),
        route(exitOf('elsewhere'), [{ port: 1 }]),
        route(exitOf('anonymous'), [{ mutual: 'none', authority: 'localhost' }]),
      ],
    })
    return { server, names }
  }

  it.each<[string, object, string | null]>([
    ['a name', { servername: 'a.example.com' }, 'example'],
    ['another name', { servername: 'example.com' }, 'example'],
    ['a protocol', { servername: 'a.example.com', ALPNProtocols: ['h2'] }, 'h2'],
    ['nothing that fits', { servername: 'nobody.test' }, null],
    ['no certificate', { servername: 'localhost' }, 'anonymous'],
    ['a certificate', { servername: 'localhost', client: 'device' }, 'mutual'],
    ['a certificate of those named', { servername: 'nobody.test', client: 'other' }, 'trusted'],
  ])('%s', async (_, { client, ...options }: { client?: string }, expected) => {
    const { server, names } = await routed()
    const { port } = await inFrontOf(server)
    const shown = client === 'device' ? device : client === 'other' ? await others.issue('other') : undefined
    const certificate = shown === undefined ? {} : { key: shown.key, cert: shown.chain }
    const { socket } = await attempt(port, { rejectUnauthorized: false, ...options, ...certificate })
    await closed(socket)
    expect(names).toEqual(expected === null ? [] : [expected])
    if (expected === null) expect(events(server, 'TLS_CONNECTION_REFUSED')).toEqual(['no route takes the connection'])
  })

  it('are asked with the session that came with the connection', async () => {
    const { server, names } = await routed()
    const session = { guard: 'g', earlier: null, identity: 'i', roles: ['admin'], attributes: {}, expiresAt: null }
    const { port } = await inFrontOf(server, session)
    await closed((await attempt(port, { rejectUnauthorized: false, servername: 'localhost' })).socket)
    expect(names).toEqual(['guarded'])
  })

  it('for other ports refuse the socket at once', async () => {
    const server = await started('server', {
      vault: new MemoryVault([localhost]),
      routes: [route(new TestExit<Bytes>('elsewhere', null as never), [{ port: 1 }])],
    })
    const { port, taken } = await inFrontOf(server)
    const { error } = await attempt(port, { rejectUnauthorized: false })
    expect(error).not.toBeNull()
    expect(taken).toEqual(['refused'])
  })

  it('that all name an authority refuse other names before anything is answered', async () => {
    const server = await started('server', {
      vault: new MemoryVault([wild]),
      routes: [route(new TestExit<Bytes>('example', null as never), [{ authority: '*.example.com' }])],
    })
    const { port } = await inFrontOf(server)
    for (const servername of ['localhost', '']) {
      const { error } = await attempt(port, { rejectUnauthorized: false, servername })
      expect(error?.code).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME')
    }
  })
})

describe('clients that do not finish', () => {
  const PEEKING = { sni: ['localhost'] } as const

  it.each([
    ['natively', {}],
    ['after a look at the hello', PEEKING],
  ])('have a deadline, %s', async (_, options) => {
    const clock = new FakeClock()
    const server = await started('server', {
      vault: new MemoryVault([localhost]),
      options: { ...options, limits: { handshakeSeconds: 5, handshakes: 10 } } as never,
      clock,
    })
    const { port, taken } = await inFrontOf(server)
    const [silent, slow] = [await plain(port), await plain(port)]
    slow.write(Buffer.from([22, 3, 1]))
    await until(() => taken.length === 2)
    clock.advance(4_999)
    expect(count(server, 'tls.handshakes.failed')).toBe(0)
    clock.advance(1)
    await Promise.all([closed(silent), closed(slow)])
    await until(() => count(server, 'tls.handshakes.failed') === 2)
    expect(clock.pending).toBe(0)
  })

  it('are limited in number, and leave room when they go', async () => {
    const server = await started('server', {
      vault: new MemoryVault([localhost]),
      options: { limits: { handshakeSeconds: 10, handshakes: 2 } },
    })
    accepting(server)
    const { port, taken } = await inFrontOf(server)
    const first = await plain(port)
    const second = await plain(port)
    await until(() => taken.length === 2)
    await closed(await plain(port))
    expect(taken).toEqual(['taken', 'taken', 'refused'])
    expect(count(server, 'tls.handshakes.limited')).toBe(1)
    first.destroy()
    await until(() => count(server, 'tls.handshakes.failed') === 1)
    const { error } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
    expect(error).toBeNull()
    second.destroy()
  })

  it.each<[string, object, Buffer]>([
    ['HTTP', {}, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['HTTP, looked at', PEEKING, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['MQTT', {}, Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0])],
    ['noise', {}, Buffer.alloc(20_000, 0xa5)],
    ['noise, looked at', PEEKING, Buffer.alloc(20_000, 0xa5)],
    ['a record of nothing', {}, Buffer.from([22, 3, 1, 0, 0])],
    ['a cut off hello', {}, Buffer.from([22, 3, 1, 0, 50, 1, 0, 0, 46])],
    ['a cut off hello, looked at', PEEKING, Buffer.from([22, 3, 1, 0, 50, 1, 0, 0, 46])],
  ])('%s is refused, and hurts nobody', async (_, options, bytes) => {
    const server = await started('server', { vault: new MemoryVault([localhost]), options: options as never })
    const exit = accepting(server)
    const { port } = await inFrontOf(server)
    const { socket } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
    const garbage = await plain(port)
    garbage.end(bytes)
    await closed(garbage)
    await until(() => count(server, 'tls.handshakes.failed') === 1)
    socket.write('fine')
    await until(() => exit.opened[0]!.recorder.data.length === 1)
  })

  it('do not fill the log', async () => {
    const clock = new FakeClock()
    const server = await started('server', { vault: new MemoryVault([localhost]), clock })
    const { port } = await inFrontOf(server)
    for (let clients = 0; clients < 30; clients++) {
      const garbage = await plain(port)
      garbage.end('no TLS')
      await closed(garbage)
    }
    await until(() => count(server, 'tls.handshakes.failed') === 30)
    expect(events(server, 'TLS_HANDSHAKE_FAILED')).toHaveLength(10)
  })

  it('may leave at every step', async () => {
    const server = await started('server', {
      vault: new MemoryVault([localhost], [clients]),
      options: { mutual: 'requested' },
    })
    const exit = accepting(server)
    const { port, sockets } = await inFrontOf(server)
    const silent = await plain(port)
    await until(() => sockets.length === 1)
    silent.resetAndDestroy()
    const partly = await plain(port)
    partly.write(Buffer.from([22, 3, 1, 2, 0, 1]), () => partly.resetAndDestroy())
    // Right after the hello, after the server's answer, and right after the handshake.
    const { connect } = await import('node:net')
    const tls = await import('node:tls')
    for (const when of ['hello', 'answer', 'secure'] as const) {
      const raw = connect({ host: '127.0.0.1', port })
      raw.on('error', () => {})
      const client = tls.connect({ socket: raw, ca: servers.pem, servername: 'localhost' })
      client.on('error', () => {})
      if (when === 'hello') raw.once('connect', () => setImmediate(() => raw.resetAndDestroy()))
      if (when === 'answer') client.once('keylog', () => raw.resetAndDestroy())
      if (when === 'secure') client.once('secureConnect', () => raw.resetAndDestroy())
      await once(raw, 'close')
    }
    const streams = () => exit.opened.filter(({ recorder }) => recorder.aborted === null).length
    await until(() => sockets.length === 5 && sockets.every((socket) => socket.destroyed) && streams() === 0)
    const { error } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
    expect(error).toBeNull()
  })
})

describe('stopping', () => {
  it('ends handshakes and connections, and takes no more', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    const exit = accepting(server)
    const { port, taken } = await inFrontOf(server)
    const { socket } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
    const half = await plain(port)
    await until(() => taken.length === 2)
    const draining = server.binding.drain!()
    await closed(half)
    await closed(await plain(port))
    expect(taken).toEqual(['taken', 'taken', 'refused'])
    await server.binding.stop!()
    await server.binding.stop!()
    await closed(socket)
    await draining
    expect(exit.opened[0]!.recorder.aborted?.code).toBe('shutdown')
  })

  it('is possible before the start', async () => {
    const server = await started('server', { vault: new MemoryVault([localhost]) })
    await server.binding.stop!()
  })
})
