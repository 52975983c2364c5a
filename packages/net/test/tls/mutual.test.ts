/** Certificates that clients of the tls server show: who is let in, whatever they did before, and what a guard makes of it. */
import { once } from 'node:events'
import { type Credentials, type Guard, type Session, StreamError } from '@zilla-ts/engine'
import { FakeClock } from '@zilla-ts/testing'
import { Authority, type Issued, selfSigned } from '@zilla-ts/testing/authority'
import { beforeAll, describe, expect, it } from 'vitest'
import { accepting, attempt, closed, count, events, inFrontOf, MemoryVault, started, until } from './peers.ts'

let servers: Authority
let clients: Authority
let others: Authority
let localhost: Issued
let device: Issued

beforeAll(async () => {
  servers = await Authority.create('servers')
  clients = await Authority.create('clients')
  others = await Authority.create('others')
  localhost = await servers.issue('localhost', { names: ['localhost'] })
  device = await clients.issue('device')
})

describe('certificates of clients', () => {
  const shown: Record<string, () => Promise<Partial<Issued>>> = {
    good: async () => device,
    'good, of an authority below': async () => (await clients.intermediate('below')).issue('deep'),
    'not sent along with its authority': async () => {
      const deep = await (await clients.intermediate('below')).issue('deep')
      return { ...deep, chain: deep.certificate.toString('pem') }
    },
    expired: () => clients.issue('expired', { from: -5, to: -1 }),
    'not valid yet': () => clients.issue('early', { from: 1, to: 5 }),
    'of another authority': () => others.issue('foreign'),
    'of another authority of the same name': async () => (await Authority.create('clients')).issue('forged'),
    'self-signed': () => selfSigned('self'),
    none: async () => ({}),
  }
  const FINE = ['good', 'good, of an authority below']

  const cases = (['required', 'requested'] as const).flatMap((mutual) =>
    (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
      Object.keys(shown).map((which) => {
        const fine = FINE.includes(which) || (which === 'none' && mutual === 'requested')
        return [mutual, version, which, fine] as const
      }),
    ),
  )

  it.each(cases)('%s, %s, %s: %s', async (mutual, version, which, fine) => {
    const server = await started('server', {
      vault: new MemoryVault([localhost], [clients]),
      options: { trust: ['clients'], mutual },
    })
    const exit = accepting(server)
    const { port } = await inFrontOf(server)
    const { key, chain } = await shown[which]!()
    const options = { ca: servers.pem, servername: 'localhost', maxVersion: version }
    const { socket } = await attempt(port, { ...options, ...(key !== undefined && { key, cert: chain }) })
    if (fine) {
      await until(() => exit.opened.length === 1)
      const subject = which === 'none' ? null : which === 'good' ? 'CN=device' : 'CN=deep'
      expect(exit.opened[0]!.open.tls!.subject).toBe(subject)
    } else {
      await closed(socket)
      await until(() => count(server, 'tls.handshakes.failed') === 1)
      expect(exit.opened).toEqual([])
      expect(events(server, 'TLS_HANDSHAKE_FAILED')).toHaveLength(1)
    }
  })

  it('are required where trust is set, and not asked for where nothing is', async () => {
    const vault = new MemoryVault([localhost], [clients])
    for (const [options, asked] of [
      [{ trust: ['clients'] }, true],
      [{ trustcacerts: true }, true],
      [{}, false],
      [{ trust: ['clients'], mutual: 'none' }, false],
    ] as const) {
      const server = await started('server', { vault, options: options as never })
      const exit = accepting(server)
      const { port } = await inFrontOf(server)
      const { socket } = await attempt(port, { ca: servers.pem, servername: 'localhost' })
      if (asked) await closed(socket)
      else await until(() => exit.opened.length === 1)
      expect(exit.opened).toHaveLength(asked ? 0 : 1)
    }
  })

  it('that were revoked are refused, as are all that no valid list covers', async () => {
    const revoked = await clients.issue('revoked')
    const vault = new MemoryVault([localhost], [clients])
    vault.crls = [await clients.revoke([revoked])]
    const server = await started('server', { vault, options: { trust: ['clients'] } })
    const exit = accepting(server)
    const { port } = await inFrontOf(server)
    const connect = async ({ key, chain }: Issued) =>
      (await attempt(port, { ca: servers.pem, servername: 'localhost', key, cert: chain })).socket
    await connect(device)
    await until(() => exit.opened.length === 1)
    await closed(await connect(revoked))
    expect(events(server, 'TLS_HANDSHAKE_FAILED').at(-1)).toContain('CERT_REVOKED')
    // The list of yesterday says nothing of today.
    vault.crls = [await clients.revoke([], -1)]
    vault.changed()
    await closed(await connect(device))
    expect(events(server, 'TLS_HANDSHAKE_FAILED').at(-1)).toContain('CRL_HAS_EXPIRED')
    vault.crls = [await others.revoke([])]
    vault.changed()
    await closed(await connect(device))
    expect(events(server, 'TLS_HANDSHAKE_FAILED').at(-1)).toContain('UNABLE_TO_GET_CRL')
    expect(exit.opened).toHaveLength(1)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('are looked at again when a client comes back, over %s', async (version) => {
    const vault = new MemoryVault([localhost], [clients, others])
    const server = await started('server', { vault, options: { trust: ['clients', 'others'] } })
    const exit = accepting(server)
    const { port } = await inFrontOf(server)
    const options = { ca: servers.pem, servername: 'localhost', maxVersion: version }
    const { socket } = await attempt(port, { ...options, key: device.key, cert: device.chain })
    let session = socket.getSession()
    socket.on('session', (given) => {
      session = given
    })
    await until(() => exit.opened.length === 1)
    exit.opened[0]!.stream.write(Buffer.from('x'), undefined)
    await once(socket, 'data')
    const again = await attempt(port, { ...options, session: session! })
    await closed(again.socket)
    expect(again.socket.isSessionReused()).toBeFalsy()
    expect(exit.opened).toHaveLength(1)
  })
})

describe('a guard', () => {
  function guarded(answer: (shown: Credentials, earlier: Session | null) => Promise<Session | null>): Guard {
    return { authorize: answer, permits: (session, roles) => roles.every((role) => session.roles.includes(role)) }
  }
  const authorization = { g: { credentials: { certificates: 'pem' as const } } }
  const session = (earlier: Session | null): Session => ({
    guard: 'test:g',
    earlier,
    identity: 'device',
    roles: [],
    attributes: {},
    expiresAt: null,
  })

  async function serve(guard: Guard, options: object = {}) {
    const server = await started('server', {
      vault: new MemoryVault([localhost], [clients]),
      options: { trust: ['clients'], mutual: 'requested', authorization, ...options },
      guards: { g: guard },
    })
    accepting(server)
    return server
  }

  it('sees the certificate and what was found out before, and its session goes on', async () => {
    const seen: Credentials[] = []
    const server = await serve(
      guarded(async (shown, earlier) => {
        seen.push(shown)
        return session(earlier)
      }),
    )
    const before = { ...session(null), guard: 'test:before' }
    const { port } = await inFrontOf(server, before)
    const options = { ca: servers.pem, servername: 'localhost' }
    await attempt(port, { ...options, key: device.key, cert: device.chain })
    await until(() => server.exit.opened.length === 1)
    expect(server.exit.opened[0]!.session).toEqual(session(before))
    expect(seen).toHaveLength(1)
    expect(seen[0]!.credentials.startsWith(device.certificate.toString('pem').slice(0, 200))).toBe(true)
    await attempt(port, options)
    await until(() => server.exit.opened.length === 2)
    expect(server.exit.opened[1]!.session).toEqual(before)
    expect(seen).toHaveLength(1)
  })

  it('that accepts no certificate leaves the session as it was', async () => {
    const server = await serve(guarded(async () => null))
    const { port } = await inFrontOf(server)
    await attempt(port, { ca: servers.pem, servername: 'localhost', key: device.key, cert: device.chain })
    await until(() => server.exit.opened.length === 1)
    expect(server.exit.opened[0]!.session).toBeNull()
  })

  it('that cannot answer ends the connection, as does one that never does', async () => {
    const clock = new FakeClock()
    const options = { ca: servers.pem, servername: 'localhost', key: device.key, cert: device.chain }
    const failing = await serve(guarded(() => Promise.reject(new StreamError('unavailable', 'keys are not there'))))
    await closed((await attempt((await inFrontOf(failing)).port, options)).socket)
    expect(events(failing, 'TLS_HANDSHAKE_FAILED')).toEqual(['keys are not there'])
    const silent = await started('server', {
      vault: new MemoryVault([localhost], [clients]),
      options: { trust: ['clients'], authorization },
      guards: { g: guarded(() => new Promise(() => {})) },
      clock,
    })
    const { socket } = await attempt((await inFrontOf(silent)).port, options)
    clock.advance(10_000)
    await closed(socket)
    expect(events(silent, 'TLS_HANDSHAKE_FAILED')).toEqual(['no handshake in 10 s'])
  })
})
