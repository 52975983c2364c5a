/** The SASL mechanisms against a broker that a test plays: what it may not do to us, and what we say then. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { StreamError } from '@zilla-ts/engine'
import { FakeClock, TestReporter } from '@zilla-ts/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { BrokerConnection, splitAddress } from '../src/client/connection.ts'
import { AuthenticationRefused } from '../src/client/refusals.ts'
import { saslOf } from '../src/client/sasl.ts'
import { ClientSite } from '../src/client/site.ts'
import { SaslGuard } from './sasl-guard.ts'

const SETTINGS = { holdMs: 60_000, askMs: 30_000, metadataMaxAgeMs: 300_000, produceBytesMax: 1 << 20 }
const [SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE] = [17, 18, 36]
const NO_ERROR = 0
const UNLIMITED = 0

const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff])
const int32 = (value: number) =>
  Buffer.from([value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff))
const text = (value: string) => Buffer.concat([int16(value.length), Buffer.from(value)])
const bytes = (value: string) => Buffer.concat([int32(value.length), Buffer.from(value)])
const int64 = (value: number) => Buffer.concat([int32(0), int32(value)])

/** Two versions of the APIs that an authentication needs. */
const VERSIONS = Buffer.concat([
  ...[int16(NO_ERROR), int32(3)],
  ...[API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE].map((key) => Buffer.concat([int16(key), int16(0), int16(1)])),
  int32(0),
])

/** What the broker says to the n-th message of a mechanism, which is given as text. */
type Answer = (message: string, n: number) => string

let server: Server
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server.close()
  await once(server, 'close')
})

/** A broker that answers the messages of a mechanism as told, each session of unlimited time unless told otherwise. */
async function listen(answer: Answer, lifetimeMs = UNLIMITED): Promise<{ port: number; messages: string[] }> {
  const messages: string[] = []
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    let n = 0
    socket.on('data', (request) => {
      const key = request.readInt16BE(4)
      const clientIdEnd = 14 + request.readInt16BE(12)
      let body = key === API_VERSIONS ? VERSIONS : Buffer.concat([int16(NO_ERROR), int32(1), text('ANY')])
      if (key === SASL_HANDSHAKE) {
        const mechanism = request.toString('utf8', clientIdEnd + 2)
        body = Buffer.concat([int16(NO_ERROR), int32(1), text(mechanism)])
      }
      if (key === SASL_AUTHENTICATE) {
        const message = request.toString('utf8', clientIdEnd + 4)
        messages.push(message)
        body = Buffer.concat([int16(NO_ERROR), int16(-1), bytes(answer(message, n++)), int64(lifetimeMs)])
      }
      socket.write(Buffer.concat([int32(4 + body.length), request.subarray(8, 12), body]))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, messages }
}

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer'

function connection(port: number, mechanism: Mechanism, guard: SaslGuard) {
  const login =
    mechanism === 'oauthbearer' ? { token: '{credentials}' } : { username: '{identity}', password: '{credentials}' }
  const credentials = { mechanism, ...login }
  const sasl = saslOf({ authorization: { guard: { credentials } } }, () => guard)
  const [clock, reporter] = [new FakeClock(), new TestReporter()]
  const dial = (address: string | null) => {
    const [host, to] = splitAddress(address!)
    return connect(to, host)
  }
  const site = new ClientSite('client', clock, reporter, SETTINGS, [], dial, sasl)
  return { made: new BrokerConnection(site, `127.0.0.1:${port}`, () => {}), site, clock, reporter }
}

/** The server's half of SCRAM (RFC 5802 §3) for one password, with what a test changes. */
function scramServer(
  digest: 'sha256' | 'sha512',
  password: string,
  changes: { i?: string; r?: string; v?: string },
): Answer {
  const salt = Buffer.from('salt')
  let [clientFirst, serverFirst] = ['', '']
  return (message, n) => {
    if (n === 0) {
      clientFirst = message.slice('n,,'.length)
      const nonce = /r=(.*)$/.exec(clientFirst)![1]
      serverFirst = `r=${changes.r ?? `${nonce}server`},s=${salt.toString('base64')},i=${changes.i ?? '4096'}`
      return serverFirst
    }
    const withoutProof = message.slice(0, message.lastIndexOf(',p='))
    const salted = pbkdf2Sync(password, salt, 4096, createHash(digest).digest().length, digest)
    const hmac = (key: Buffer, data: string) => createHmac(digest, key).update(data).digest()
    const signature = hmac(hmac(salted, 'Server Key'), `${clientFirst},${serverFirst},${withoutProof}`)
    return `v=${changes.v ?? signature.toString('base64')}`
  }
}

describe('SCRAM', () => {
  it.each(['sha256', 'sha512'] as const)('%s accepts a server that knows the password', async (digest) => {
    const { port, messages } = await listen(scramServer(digest, 'secret', {}))
    const { made } = connection(port, `scram-sha-${digest === 'sha256' ? 256 : 512}`, new SaslGuard('a=b,c', 'secret'))
    await made.open()
    expect(messages[0]).toMatch(/^n,,n=a=3Db=2Cc,r=/)
    made.close(new StreamError('closed', 'test is over'))
  })

  it.each<[string, Answer, string]>([
    ['a server that does not know the password', scramServer('sha256', 'other', {}), 'Invalid server signature'],
    ['no signature', scramServer('sha256', 'secret', { v: '' }), 'Invalid server signature'],
    ['a nonce that is not ours', scramServer('sha256', 'secret', { r: 'another' }), 'Invalid server nonce'],
    ['too few iterations', scramServer('sha256', 'secret', { i: '4095' }), 'the broker asks for 4095 iterations'],
    ['too many', scramServer('sha256', 'secret', { i: '100001' }), 'the broker asks for 100001 iterations'],
    ['far too many', scramServer('sha256', 'secret', { i: '99999999999' }), 'iterations are missing'],
    ['iterations that are none', scramServer('sha256', 'secret', { i: '4096x' }), 'iterations are missing'],
    ['no salt', (first) => `r=${/r=(.*)$/.exec(first)![1]}x,s=,i=4096`, 'nonce, salt or iterations are missing'],
    ['an error', () => 'e=unknown-user', 'unknown-user'],
    ['nonsense', () => 'hello', 'no SCRAM message'],
    ['nothing', () => '', 'no SCRAM message'],
  ])('refuses %s', async (_, answer, reason) => {
    const { port } = await listen(answer)
    const { made, reporter } = connection(port, 'scram-sha-256', new SaslGuard('user', 'secret'))
    const error = await made.open().catch((failure) => failure)
    expect(error).toBeInstanceOf(AuthenticationRefused)
    expect(error.message).toContain(reason)
    expect(made.closed).toBe(true)
    expect(reporter.events.map(({ level, event }) => `${level} ${event}`)).toEqual([
      'error KAFKA_AUTHENTICATION_FAILED',
    ])
    expect(JSON.stringify(reporter.events)).not.toContain('secret')
  })
})

describe('OAUTHBEARER', () => {
  it('sends the token, and nothing more when it is taken', async () => {
    const { port, messages } = await listen(() => '')
    const { made } = connection(port, 'oauthbearer', new SaslGuard(null, 'a.b-c_d~e+f/g=='))
    await made.open()
    expect(messages).toEqual(['n,,\x01auth=Bearer a.b-c_d~e+f/g==\x01\x01'])
    made.close(new StreamError('closed', 'test is over'))
  })

  it.each([
    ['{"status":"invalid_token"}', 'failed: invalid_token'],
    ['{"status":7}', 'failed: the token is not accepted'],
    ['not JSON', 'failed: the token is not accepted'],
  ])('confirms a refusal such as %s with one 0x01 (RFC 7628 §3.2.3)', async (answer, reason) => {
    const { port, messages } = await listen((_, n) => (n === 0 ? answer : ''))
    const { made } = connection(port, 'oauthbearer', new SaslGuard(null, 'token'))
    await expect(made.open()).rejects.toThrow(reason)
    expect(messages).toHaveLength(2)
    expect(messages[1]).toBe('\x01')
  })

  it.each(['', 'a b', 'a\x01auth=Bearer b', 'é'])('does not send %j', async (token) => {
    const { port, messages } = await listen(() => '')
    const { made } = connection(port, 'oauthbearer', new SaslGuard(null, token))
    await expect(made.open()).rejects.toThrow('characters of no token')
    expect(messages).toEqual([])
  })
})

describe('PLAIN', () => {
  it('sends user name and password in UTF-8 (RFC 4616)', async () => {
    const { port, messages } = await listen(() => '')
    const { made } = connection(port, 'plain', new SaslGuard('zoë', 'pässword'))
    await made.open()
    expect(messages).toEqual(['\0zoë\0pässword'])
    made.close(new StreamError('closed', 'test is over'))
  })

  it.each([
    ['a NUL', new SaslGuard('user', 'pass\0word'), 'contain a NUL'],
    ['no identity', new SaslGuard(null, 'password'), 'has no identity to show'],
  ])('does not send %s', async (_, guard, reason) => {
    const { port, messages } = await listen(() => '')
    const { made } = connection(port, 'plain', guard)
    await expect(made.open()).rejects.toThrow(reason)
    expect(messages).toEqual([])
  })

  it('sends nothing while the guard has nothing to show', async () => {
    const { port, messages } = await listen(() => '')
    const guard = new SaslGuard('user', 'password')
    guard.shown = null
    const { made } = connection(port, 'plain', guard)
    await expect(made.open()).rejects.toMatchObject({ code: 'unavailable', message: /guard guard has no credentials/ })
    expect(messages).toEqual([])
  })
})

describe('a session that ends (KIP-368)', () => {
  it('is renewed before, with what the guard has then', async () => {
    const { port, messages } = await listen(() => '', 60_000)
    const guard = new SaslGuard('user', 'first')
    const { made, clock } = connection(port, 'plain', guard)
    await made.open()
    clock.advance(47_000)
    expect(guard.asked).toBe(1)
    guard.shown = { identity: 'user', credentials: 'second' }
    const renewed = guard.more(1)
    clock.advance(8_000)
    await renewed
    await expect.poll(() => messages).toEqual(['\0user\0first', '\0user\0second'])
    expect(made.closed).toBe(false)
    made.close(new StreamError('closed', 'test is over'))
  })

  it('is not renewed within a second, which brokers take for an error', async () => {
    const { port } = await listen(() => '', 1_000)
    const guard = new SaslGuard('user', 'password')
    const { made, clock } = connection(port, 'plain', guard)
    await made.open()
    clock.advance(1_400)
    expect(guard.asked).toBe(1)
    made.close(new StreamError('closed', 'test is over'))
    expect(clock.pending).toBe(0)
  })
})

describe('what a document says', () => {
  const authorization = {
    guard: { credentials: { mechanism: 'plain' as const, username: '{identity}', password: 'x' } },
  }

  it('needs a guard that can show something', () => {
    const guard = { authorize: async () => null, permits: () => false }
    expect(() => saslOf({ authorization }, () => guard)).toThrow('the guard guard is of a type that has no credentials')
  })

  it('may be nothing', () => {
    expect(saslOf({}, () => new SaslGuard('', ''))).toBe(null)
  })
})
