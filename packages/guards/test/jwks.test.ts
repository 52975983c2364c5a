/** The jwt guard with keys that an issuer serves: a real HTTP server, and a clock that the test drives. */

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Session } from '@zilla-ts/engine'
import { FakeClock } from '@zilla-ts/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { jwt } from '../src/index.ts'
import { attach, type GuardUnderTest, reasons } from './guard-harness.ts'
import { AUDIENCE, ec, ISSUER, type Pair, rsa, sign } from './tokens.ts'

const first = ec('first')
const second = ec('second')

let server: Server
let under: GuardUnderTest
let answer: RequestListener
let requests: string[]

/** Answers with these keys. */
const keys = (...items: unknown[]): RequestListener => text(JSON.stringify({ keys: items }))

const text =
  (body: string | Buffer, status = 200, headers = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers).end(body)
  }

beforeEach(async () => {
  requests = []
  answer = keys(first.jwk)
  server = createServer((request, response) => {
    requests.push(request.url!)
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  await under.guard.stop?.()
  expect(under.clock.pending).toBe(0)
  expect(under.report.faults).toEqual([])
  server.closeAllConnections()
  server.close()
})

const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

async function start(options: object = {}): Promise<void> {
  under = attach(jwt, { issuer: ISSUER, audience: AUDIENCE, keys: `${address()}/keys`, ...options })
  await under.guard.start?.()
}

/** Who is let in with a token of this key, or the code of the error. The token itself does not end during a test. */
async function show(pair: Pair, claims = {}): Promise<string | null> {
  return session(pair, claims).then(
    (session) => session?.identity ?? null,
    (error) => error.code,
  )
}

async function session(pair: Pair, claims = {}): Promise<Session | null> {
  const token = await sign(pair, { exp: 1_800_000_000, ...claims })
  return under.guard.authorize({ credentials: token, identity: null }, null)
}

const events = (name: string) => under.report.events.filter(({ event }) => event === name)

describe('the first read', () => {
  test('is waited for by tokens that come before it has ended', async () => {
    await start()
    expect(await Promise.all([show(first), show(first), show(second)])).toEqual(['alice', 'alice', null])
    expect(requests).toEqual(['/keys'])
    expect(events('JWKS_READ')).toMatchObject([{ level: 'info', fields: { keys: 1, url: `${address()}/keys` } }])
  })

  test.each(['', '/'])('goes below the issuer when there are no keys, issuer ending in %j', async (end) => {
    const issuer = `${address()}/realm${end}`
    await start({ issuer, keys: undefined })
    expect(await show(first, { iss: issuer })).toBe('alice')
    expect(requests).toEqual(['/realm/.well-known/jwks.json'])
  })

  test('that fails refuses nobody for good and starts all the same; it is done again soon', async () => {
    answer = text('', 503)
    await start()
    expect(await show(first)).toBe('unavailable')
    expect(events('JWKS_UNAVAILABLE')).toMatchObject([
      {
        level: 'error',
        message:
          'the keys of the issuer cannot be read: it answers with status 503; no token can be checked until they are there',
      },
    ])
    expect(await show(first)).toBe('unavailable')
    expect(requests).toHaveLength(1)
    answer = keys(first.jwk)
    under.clock.advance(5_000)
    expect(await show(first)).toBe('alice')
    expect(requests).toHaveLength(2)
  })

  test('that fails again and again is done less and less often', async () => {
    answer = text('', 500)
    await start({ refreshSeconds: 30 })
    const pauses: number[] = []
    vi.spyOn(under.clock, 'after').mockImplementation((ms, task) => {
      pauses.push(ms)
      return FakeClock.prototype.after.call(under.clock, ms, task)
    })
    for (let failed = 1; failed < 5; failed++) {
      await vi.waitFor(() => expect(events('JWKS_UNAVAILABLE')).toHaveLength(failed))
      under.clock.advance(30_000)
    }
    await vi.waitFor(() => expect(events('JWKS_UNAVAILABLE')).toHaveLength(5))
    // 10 s are the deadlines of the reads between
    expect(pauses.filter((_ms, at) => at % 2 === 0)).toEqual([5_000, 10_000, 20_000, 30_000, 30_000])
  })
})

describe('what is no key set is said and not taken', () => {
  const small = rsa('small', 'RS256', 1024)
  const none = 'the key set has no key that verifies signatures'
  test.each<[string, RequestListener, string]>([
    ['a page', text('<html>'), 'the answer is no key set: it is not JSON'],
    ['not UTF-8', text(Buffer.from([0x22, 0xff, 0x22])), 'the answer is not UTF-8 text'],
    ['null', text('null'), 'the answer is no key set: `keys` is not a list'],
    ['a list', text('[]'), 'the answer is no key set: `keys` is not a list'],
    ['keys an object', text('{"keys":{"length":1}}'), 'the answer is no key set: `keys` is not a list'],
    ['empty', keys(), none],
    ['items of any kind', keys(null, 1, 'x', []), `${none}; a key without name: \`kty\` is missing`],
    ['secrets', keys({ kty: 'oct', kid: 'a', k: 'AAAA' }), `${none}; a: keys of type oct verify nothing`],
    ['keys to encrypt to', keys({ ...first.jwk, use: 'enc' }), `${none}; first: the key is not for signatures`],
    [
      'keys not to verify with',
      keys({ ...first.jwk, key_ops: ['sign'] }),
      `${none}; first: the key is not for verifying`,
    ],
    ['small keys', keys(small.jwk), `${none}; small: the key has 1024 bits`],
    ['a point off the curve', keys({ ...first.jwk, y: first.jwk['x'] }), `${none}; first: this is no EC key`],
    ['too many', keys(...Array(1_001).fill({})), 'the key set has more than 1000 keys'],
    ['too large', text('x'.repeat(1_048_577)), 'the answer has more than 1048576 bytes'],
    ['without end', (_request, response) => void endless(response), 'the answer has more than 1048576 bytes'],
    ['not there', text('', 404), 'it answers with status 404'],
    [
      'another address',
      text('', 302, { location: 'http://169.254.169.254/' }),
      'it redirects to http://169.254.169.254/',
    ],
    ['cut', (request) => request.socket.destroy(), ''],
  ])('%s', async (_what, listener, reason) => {
    answer = listener
    await start()
    expect(await show(first)).toBe('unavailable')
    expect(events('JWKS_UNAVAILABLE')[0]!.message).toContain(`the keys of the issuer cannot be read: ${reason}`)
    expect(requests).toHaveLength(1)
  })

  function endless(response: Parameters<RequestListener>[1]): void {
    while (response.write('x'.repeat(65_536)));
    response.once('drain', () => endless(response))
  }

  test('an issuer that does not answer is given up after 10 s', async () => {
    answer = () => {}
    await start()
    const shown = show(first)
    await vi.waitFor(() => expect(requests).toHaveLength(1))
    under.clock.advance(10_000)
    expect(await shown).toBe('unavailable')
    expect(events('JWKS_UNAVAILABLE')[0]!.message).toContain('it did not answer within 10 s')
  })

  test('an answer that does not end is given up as well', async () => {
    answer = (_request, response) => response.writeHead(200).write('{')
    await start()
    const shown = show(first)
    await vi.waitFor(() => expect(requests).toHaveLength(1))
    under.clock.advance(10_000)
    expect(await shown).toBe('unavailable')
  })

  test('unusable keys beside good ones are left out and named', async () => {
    answer = keys({ ...first.jwk, kid: 'e', use: 'enc' }, first.jwk, { kty: 'EC', kid: 'c', crv: 'secp256k1' })
    await start()
    expect(await show(first)).toBe('alice')
    expect(events('JWKS_READ')[0]!.fields).toMatchObject({
      keys: 1,
      unusable: ['e: the key is not for signatures', 'c: there are no EC keys on the curve secp256k1'],
    })
  })

  test('one name for keys of two algorithms is taken (RFC 7517 §4.5)', async () => {
    const twin = rsa('first')
    answer = keys(first.jwk, twin.jwk)
    await start()
    expect([await show(first), await show(twin)]).toEqual(['alice', 'alice'])
  })
})

describe('rotation', () => {
  test('a new key is known in the background before anybody shows a token of it', async () => {
    await start()
    expect(await show(first)).toBe('alice')
    answer = keys(first.jwk, second.jwk)
    under.clock.advance(600_000)
    await vi.waitFor(() => expect(events('JWKS_READ')).toHaveLength(2))
    expect([await show(first), await show(second)]).toEqual(['alice', 'alice'])
    expect(requests).toHaveLength(2)
  })

  test('a token with an unknown key has the set read again, once for all who wait, and seldom', async () => {
    await start()
    expect(await show(first)).toBe('alice')
    under.clock.advance(30_000)
    answer = keys(first.jwk, second.jwk)
    expect(await Promise.all(Array.from({ length: 20 }, () => show(second)))).toEqual(Array(20).fill('alice'))
    expect(requests).toHaveLength(2)
    for (let at = 0; at < 50; at++) expect(await show(ec(`unknown-${at}`))).toBeNull()
    expect(requests).toHaveLength(2)
    under.clock.advance(30_000)
    expect(await show(ec('unknown'))).toBeNull()
    expect(requests).toHaveLength(3)
  })

  test('a known key with a wrong signature or algorithm has nothing read', async () => {
    await start()
    expect(await show(first)).toBe('alice')
    under.clock.advance(60_000)
    expect(await show(ec('first'))).toBeNull()
    expect(await show(rsa('first'))).toBeNull()
    expect(requests).toHaveLength(1)
  })

  test('tokens of a key that was taken away are refused, also those that were known', async () => {
    await start()
    expect(await show(first)).toBe('alice')
    answer = keys(second.jwk)
    under.clock.advance(600_000)
    await vi.waitFor(() => expect(events('JWKS_READ')).toHaveLength(2))
    expect(await show(first)).toBeNull()
    expect(reasons(under)).toEqual(['no key of the issuer has the `kid` and `alg` of the token'])
  })

  test('sessions of a key that was taken away are revoked, others and those of an issuer that is away are not', async () => {
    answer = keys(first.jwk, second.jwk)
    await start({ staleSeconds: 900 })
    const [old, kept] = [await session(first), await session(second)]
    const revoked = (): unknown[] => [old?.revoked, kept?.revoked]
    expect(revoked()).toEqual([false, false])
    answer = keys(second.jwk)
    under.clock.advance(600_000)
    await vi.waitFor(() => expect(events('JWKS_READ')).toHaveLength(2))
    expect(revoked()).toEqual([true, false])
    answer = text('', 500)
    under.clock.advance(600_000)
    await vi.waitFor(() => expect(events('JWKS_UNAVAILABLE')).toHaveLength(1))
    under.clock.advance(900_000)
    expect(await show(second)).toBe('unavailable')
    expect(revoked()).toEqual([true, false])
  })

  test('a key replaced under its name counts at once', async () => {
    await start()
    expect(await show(first)).toBe('alice')
    const replaced = ec('first')
    answer = keys(replaced.jwk)
    under.clock.advance(600_000)
    await vi.waitFor(() => expect(events('JWKS_READ')).toHaveLength(2))
    expect([await show(first), await show(replaced)]).toEqual([null, 'alice'])
  })
})

describe('an issuer that goes away', () => {
  test('leaves its keys in use until they are too old', async () => {
    await start({ refreshSeconds: 600, staleSeconds: 900 })
    expect(await show(first)).toBe('alice')
    answer = text('', 500)
    under.clock.advance(600_000)
    await vi.waitFor(() => expect(events('JWKS_UNAVAILABLE')).toHaveLength(1))
    expect(events('JWKS_UNAVAILABLE')[0]).toMatchObject({
      level: 'warn',
      message: 'the keys of the issuer cannot be read: it answers with status 500; the keys read before are used',
    })
    under.clock.advance(299_999)
    expect(await show(first)).toBe('alice')
    under.clock.advance(1)
    expect(await show(first, { sub: 'bob' })).toBe('unavailable')
  })

  test('answers with rubbish: the same', async () => {
    await start()
    expect(await show(first)).toBe('alice')
    answer = keys()
    under.clock.advance(600_000)
    await vi.waitFor(() => expect(events('JWKS_UNAVAILABLE')).toHaveLength(1))
    expect(await show(first)).toBe('alice')
  })
})

test('stops while it reads', async () => {
  answer = () => {}
  await start()
  const shown = show(first)
  await vi.waitFor(() => expect(requests).toHaveLength(1))
  await under.guard.stop?.()
  expect(await shown).toBe('unavailable')
  expect(under.report.events).toEqual([])
})
