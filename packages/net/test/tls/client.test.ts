/** The tls client against servers of Node's: whom it believes, what it shows, and how its sockets behave. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { FakeClock, Harness, Recorder, TestExit } from '@zilla-ts/testing'
import { Authority, type Issued, selfSigned } from '@zilla-ts/testing/authority'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Bytes, BytesOpen } from '../../src/stream.ts'
import { tcp } from '../../src/tcp/binding.ts'
import { defer } from '../folder.ts'
import {
  keyPair,
  listening,
  MemoryVault,
  route,
  started,
  systemClock,
  tlsServer,
  trustedCertificate,
  until,
} from './peers.ts'

let servers: Authority
let others: Authority
let clients: Authority
let localhost: Issued
let device: Issued

beforeAll(async () => {
  servers = await Authority.create('servers')
  others = await Authority.create('others')
  clients = await Authority.create('clients')
  localhost = await servers.issue('localhost', { names: ['localhost'], addresses: ['127.0.0.1'] })
  device = await clients.issue('device')
})

const shown = ({ key, chain }: Issued): TlsOptions => ({ key, cert: chain })

/** An exit that dials like a tcp client, of these options. */
function tcpExit(options?: { readonly host: string; readonly port: number }): TestExit<Bytes> {
  const client = new Harness(tcp, { kind: 'client', options: options ?? {}, routes: [], clock: systemClock() })
  defer(() => client.binding.stop?.())
  const exit = new TestExit<Bytes>('tcp', client.reporter)
  exit.onDial = (open) => client.binding.dial!(open, null)
  return exit
}

async function tlsClient(options: object, vault: MemoryVault | undefined, exit = tcpExit(), more: object = {}) {
  return started('client', { options: options as never, vault, routes: [route(exit)], ...more })
}

/** Dials, and waits until that has succeeded or failed. */
async function dial(client: Awaited<ReturnType<typeof tlsClient>>, open: BytesOpen) {
  const socket = client.binding.dial!(open, null)!
  const error = await new Promise<Error | null>((resolve) => {
    socket.once('connect', () => resolve(null))
    socket.once('error', resolve)
  })
  socket.on('error', () => {})
  return { socket, error }
}

describe('a server', () => {
  const TRUST = { trust: ['servers'] }
  const cases: [string, () => Promise<Issued>, string, object, string | null][] = [
    ['with a good certificate', async () => localhost, 'localhost', TRUST, null],
    ['with a good certificate, by address', async () => localhost, '127.0.0.1', TRUST, null],
    [
      'of an authority below',
      async () => (await servers.intermediate('below')).issue('x', { names: ['localhost'] }),
      'localhost',
      TRUST,
      null,
    ],
    [
      'with another name',
      () => servers.issue('x', { names: ['other.test'] }),
      'localhost',
      TRUST,
      "does not match certificate's altnames",
    ],
    [
      'with another address',
      () => servers.issue('x', { names: ['localhost'] }),
      '127.0.0.1',
      TRUST,
      'does not match certificate',
    ],
    [
      'with the name that sni asks for',
      () => servers.issue('x', { names: ['mqtt.test'] }),
      'localhost',
      { ...TRUST, sni: ['mqtt.test'] },
      null,
    ],
    [
      'with the host, not what sni asks for',
      async () => localhost,
      'localhost',
      { ...TRUST, sni: ['mqtt.test'] },
      "does not match certificate's altnames",
    ],
    [
      'expired',
      () => servers.issue('x', { names: ['localhost'], from: -5, to: -1 }),
      'localhost',
      TRUST,
      'certificate has expired',
    ],
    [
      'not valid yet',
      () => servers.issue('x', { names: ['localhost'], from: 1, to: 5 }),
      'localhost',
      TRUST,
      'not yet valid',
    ],
    ['of another authority', () => others.issue('x', { names: ['localhost'] }), 'localhost', TRUST, 'unable to'],
    ['self-signed', () => selfSigned('localhost'), 'localhost', TRUST, 'self-signed'],
    ['of nobody that the world knows', async () => localhost, 'localhost', {}, 'unable to'],
    ['of ours beside those of the world', async () => localhost, 'localhost', { ...TRUST, trustcacerts: true }, null],
  ]
  it.each(cases)('%s', async (_, issue, host, options, fault) => {
    const secrets: string[] = []
    const { port } = await tlsServer(shown(await issue()), (socket) => {
      socket.on('data', (chunk) => secrets.push(String(chunk)))
    })
    const client = await tlsClient(options, new MemoryVault([], [servers]))
    const socket = client.binding.dial!({ remote: { host, port } }, null)!
    // What is written early leaves only once the server is believed.
    socket.write('secret')
    const error = await new Promise<Error | null>((resolve) => {
      socket.once('connect', () => resolve(null))
      socket.once('error', resolve)
    })
    socket.on('error', () => {})
    if (fault === null) {
      expect(error).toBeNull()
      await until(() => secrets.join('') === 'secret')
      expect(client.reporter.counter('tls.handshakes.secured').value).toBe(1)
    } else {
      expect(error!.message).toContain(fault)
      await until(() => socket.destroyed)
      expect(secrets).toEqual([])
      expect(client.reporter.counter('tls.handshakes.failed').value).toBe(1)
    }
  })

  it('that was revoked is refused', async () => {
    const revoked = await servers.issue('revoked', { names: ['localhost'] })
    const vault = new MemoryVault([], [servers])
    vault.crls = [await servers.revoke([revoked])]
    const client = await tlsClient(TRUST, vault)
    const [bad, good] = [await tlsServer(shown(revoked)), await tlsServer(shown(localhost))]
    expect((await dial(client, { remote: { host: 'localhost', port: bad.port } })).error!.message).toContain('revoked')
    expect((await dial(client, { remote: { host: 'localhost', port: good.port } })).error).toBeNull()
  })

  it('is checked by the host of the exit where nobody else names one', async () => {
    const { port } = await tlsServer(shown(await servers.issue('x', { names: ['localhost'] })))
    for (const [host, fine] of [
      ['localhost', true],
      ['127.0.0.1', false],
    ] as const) {
      const client = await tlsClient(TRUST, new MemoryVault([], [servers]), tcpExit({ host, port }))
      expect((await dial(client, {})).error === null).toBe(fine)
      // A stream that comes from a server names its peer, who is nobody to dial.
      const from = { local: { host: '127.0.0.1', port: 1 }, remote: { host: '192.0.2.1', port: 2 } }
      expect((await dial(client, from)).error === null).toBe(fine)
    }
  })

  it('is reached by whichever of its addresses answers', async () => {
    const { port } = await tlsServer(shown(localhost))
    const exit = new TestExit<Bytes>('tcp', null as never)
    // Node drops the first socket below and takes another, which TLS must not have been put on yet.
    exit.onDial = () =>
      connect({
        host: 'localhost',
        port,
        allowHalfOpen: true,
        lookup: (_name, _options, done) =>
          done(null, [
            { address: '::1', family: 6 },
            { address: '127.0.0.1', family: 4 },
          ]),
      })
    const client = await tlsClient(TRUST, new MemoryVault([], [servers]), exit)
    expect((await dial(client, { remote: { host: 'localhost', port } })).error).toBeNull()
  })

  it('sees the name and the protocols that are wanted, and never an address', async () => {
    const seen: TLSSocket[] = []
    const { port } = await tlsServer({ ...shown(localhost), ALPNProtocols: ['h2', 'mqtt'] }, (socket) =>
      seen.push(socket),
    )
    const client = await tlsClient({ ...TRUST, alpn: ['mqtt'] }, new MemoryVault([], [servers]))
    for (const host of ['localhost', '127.0.0.1']) await dial(client, { remote: { host, port } })
    await until(() => seen.length === 2)
    expect(seen.map((socket) => [(socket as { servername?: unknown }).servername, socket.alpnProtocol])).toEqual([
      ['localhost', 'mqtt'],
      [false, 'mqtt'],
    ])
  })

  it.each([
    ['TLSv1.2', 'TLSv1.3', false],
    ['TLSv1.3', 'TLSv1.3', true],
    ['TLS', 'TLSv1.2', true],
  ] as const)('with another version: %s against %s', async (version, served, fine) => {
    const { port } = await tlsServer({ ...shown(localhost), minVersion: served, maxVersion: served })
    const client = await tlsClient({ ...TRUST, version }, new MemoryVault([], [servers]))
    expect((await dial(client, { remote: { host: 'localhost', port } })).error === null).toBe(fine)
  })
})

describe('the certificate of the client', () => {
  const asking = () => ({ ...shown(localhost), requestCert: true, rejectUnauthorized: true, ca: clients.pem })

  async function seenBy(options: object, vault: MemoryVault, more: object = {}) {
    const seen: string[] = []
    const { port } = await tlsServer(asking(), (socket) => seen.push(String(socket.getPeerCertificate().subject.CN)))
    const client = await tlsClient({ trust: ['servers'], ...options }, vault, tcpExit(), more)
    const { socket } = await dial(client, { remote: { host: 'localhost', port } })
    return { seen, socket }
  }

  it.each([{ keys: ['device'] }, { signers: ['clients'] }])('is chosen by %j', async (options) => {
    const vault = new MemoryVault([await others.issue('foreign'), device], [servers])
    vault.signers = [trustedCertificate(clients)]
    const { seen } = await seenBy(options, vault)
    await until(() => seen.length === 1)
    expect(seen).toEqual(['device'])
  })

  it.each([
    [{ cn: 'second' }, 'second'],
    [{ dn: 'cn=first, O=Ours' }, 'first'],
  ])('is chosen by %j of a route', async (subject, name) => {
    const keys = ['first', 'second'].map((each) => clients.issue(each, { subject: `O=Ours, CN=${each}` }))
    const vault = new MemoryVault(await Promise.all(keys), [servers])
    const exit = tcpExit()
    const { seen } = await seenBy({ keys: ['first', 'second'] }, vault, {
      routes: [
        route(exit, [{ authority: 'other.test' }], { with: { certificate: { subject: { cn: 'first' } } } }),
        route(exit, [], { with: { certificate: { subject } } }),
      ],
    })
    await until(() => seen.length === 1)
    expect(seen).toEqual([name])
  })

  it('that is missing is told by the server', async () => {
    const { seen, socket } = await seenBy({}, new MemoryVault([], [servers]))
    await until(() => socket.destroyed)
    expect(seen).toEqual([])
  })

  it.each([
    [{ keys: ['none'] }, 'keys of the vault: there is no entry none, only device'],
    [{ signers: ['clients'] }, 'signers of the vault: there is no entry clients'],
    [{ trust: ['none'] }, 'trust of the vault: there is no entry none, only servers'],
  ])('or trust that the vault has not ends the start: %j', async (options, message) => {
    await expect(tlsClient(options, new MemoryVault([device], [servers]))).rejects.toThrow(message)
  })

  it('changes with the vault', async () => {
    const seen: string[] = []
    const { port } = await tlsServer(asking(), (socket) => seen.push(socket.getPeerCertificate().serialNumber))
    const vault = new MemoryVault([device], [servers])
    const client = await tlsClient({ trust: ['servers'], keys: ['device'] }, vault)
    const first = await dial(client, { remote: { host: 'localhost', port } })
    await until(() => seen.length === 1)
    vault.keys = [keyPair(await clients.issue('device'))]
    vault.changed()
    await dial(client, { remote: { host: 'localhost', port } })
    await until(() => seen.length === 2)
    expect(seen[1]).not.toBe(seen[0])
    expect(first.socket.destroyed).toBe(false)
    vault.keys = []
    vault.changed()
    expect(client.reporter.events.map(({ event }) => event)).toEqual(['TLS_NOT_RELOADED'])
  })
})

describe('a dialled socket', () => {
  const vault = () => new MemoryVault([], [servers])

  async function connected(onSocket: (socket: TLSSocket) => void) {
    const { port } = await tlsServer(shown(localhost), onSocket)
    const client = await tlsClient({ trust: ['servers'] }, vault())
    return dial(client, { remote: { host: 'localhost', port } })
  }

  it('carries 64 KiB writes both ways with back-pressure', async () => {
    const { socket } = await connected((peer) => peer.pipe(peer))
    const block = Buffer.alloc(65_536, 'x')
    let written = 0
    const total = 200 * block.length
    const fill = () => {
      while (written < total) {
        written += block.length
        if (!socket.write(block)) return
      }
    }
    socket.on('drain', fill)
    fill()
    expect(written).toBeLessThan(total)
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await until(() => received === total)
  })

  it('keeps what came before the end for a slow reader', async () => {
    const size = 1_000_000
    const { socket } = await connected((peer) => peer.end(Buffer.alloc(size)))
    socket.once('data', () => socket.pause())
    await once(socket, 'data')
    await until(() => socket.readableLength > 0)
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    const ended = once(socket, 'end')
    socket.resume()
    await ended
    expect(received).toBeGreaterThan(size / 2)
    socket.end()
    await until(() => socket.destroyed)
  })

  it('may close one direction alone', async () => {
    const { socket } = await connected((peer) => {
      peer.on('end', () => peer.end('the last word'))
      peer.resume()
    })
    socket.end()
    expect(String((await once(socket, 'data'))[0])).toBe('the last word')
    await once(socket, 'close')
  })

  it('tells an abrupt end as an event', async () => {
    const behind = await tlsServer(shown(localhost), (peer) => peer.pipe(peer))
    const between: Socket[] = []
    const port = await listening(
      createServer((socket) => {
        between.push(socket)
        socket.on('error', () => {})
        const onward = connect({ host: '127.0.0.1', port: behind.port }).on('error', () => {})
        socket.pipe(onward).pipe(socket)
      }),
    )
    const client = await tlsClient({ trust: ['servers'] }, vault())
    const { socket } = await dial(client, { remote: { host: 'localhost', port } })
    socket.write('x')
    await once(socket, 'data')
    const error = new Promise<Error>((resolve) => socket.once('error', resolve))
    between[0]!.resetAndDestroy()
    expect(String(await error)).toContain('ECONNRESET')
    await until(() => socket.destroyed)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['closes', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
    ['speaks something else', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['closes after the hello', (socket) => socket.once('data', () => socket.end())],
    [
      'answers half',
      (socket) => socket.once('data', () => socket.end(Buffer.from([22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3]))),
    ],
  ])('fails when the server %s', async (_, behave) => {
    const port = await listening(
      createServer((socket) => {
        socket.on('error', () => {})
        behave(socket)
      }),
    )
    const client = await tlsClient({ trust: ['servers'] }, vault())
    const { error, socket } = await dial(client, { remote: { host: 'localhost', port } })
    expect(error).not.toBeNull()
    await until(() => socket.destroyed)
  })

  it('fails when nobody listens, and when its exit dials nobody', async () => {
    const client = await tlsClient({ trust: ['servers'] }, vault())
    const { port } = await tlsServer({})
    const { error } = await dial(client, { remote: { host: '127.0.0.1', port: port === 1 ? 2 : 1 } })
    expect(error!.message).toContain('ECONNREFUSED')
    const exit = new TestExit<Bytes>('none', client.reporter)
    exit.onOpen = () => false
    expect((await tlsClient({}, undefined, exit)).binding.dial!({ remote: { host: 'x', port: 1 } }, null)).toBeNull()
  })

  it('has a deadline', async () => {
    const port = await listening(createServer((socket) => socket.on('error', () => {})))
    const clock = new FakeClock()
    const client = await tlsClient({ limits: { handshakeSeconds: 3 } }, undefined, tcpExit(), { clock })
    const socket = client.binding.dial!({ remote: { host: '127.0.0.1', port } }, null)!
    clock.advance(2_999)
    expect(socket.destroyed).toBe(false)
    clock.advance(1)
    expect(String((await once(socket, 'error'))[0])).toContain('no TLS connection in 3000 ms')
  })
})

describe('a stream', () => {
  it('is opened when the server is believed, and carries bytes both ways', async () => {
    const { port } = await tlsServer(shown(localhost), (peer) => peer.pipe(peer))
    const client = await tlsClient({ trust: ['servers'] }, new MemoryVault([], [servers]))
    const recorder = new Recorder<Bytes>()
    const stream = client.connect({ remote: { host: 'localhost', port } }, recorder)!
    stream.grant(65_536)
    stream.write(Buffer.from('early'), undefined)
    await until(() => recorder.data.length === 1)
    expect(recorder.accepts[0]!.remote).toEqual({ host: '127.0.0.1', port })
    expect(String(recorder.data[0]!.payload)).toBe('early')
    stream.end()
    await until(() => recorder.ended)
  })

  it('is aborted with the reason when the server is not', async () => {
    const { port } = await tlsServer(shown(localhost))
    const client = await tlsClient({}, undefined)
    const recorder = new Recorder<Bytes>()
    client.connect({ remote: { host: 'localhost', port } }, recorder)
    await until(() => recorder.aborted !== null)
    expect(recorder.aborted!.message).toContain('unable to')
    expect(recorder.accepts).toEqual([])
  })

  it('ends with the binding', async () => {
    const { port } = await tlsServer(shown(localhost))
    const client = await tlsClient({ trust: ['servers'] }, new MemoryVault([], [servers]))
    const recorder = new Recorder<Bytes>()
    client.connect({ remote: { host: 'localhost', port } }, recorder)
    await until(() => recorder.accepts.length === 1)
    await client.binding.stop!()
    await until(() => recorder.aborted !== null)
  })
})
