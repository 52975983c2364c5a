/** The jwt guard with keys of the document: whom it lets in, and every way of RFC 8725 and RFC 7519 to be kept out. */
import { createHmac, createSign, sign as signRaw } from 'node:crypto'
import type { Session } from '@zilla-ts/engine'
import { CompactEncrypt } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { jwt } from '../src/index.ts'
import { attach, type GuardUnderTest, reasons } from './guard-harness.ts'
import { AUDIENCE, CLAIMS, ec, ed25519, encode, forge, ISSUER, NOW, rsa, sign } from './tokens.ts'

const main = rsa('main')
const other = ec('other')
const stranger = rsa('main')
const edwards = ed25519('edwards')
const options = { issuer: ISSUER, audience: AUDIENCE, keys: [main.jwk, other.jwk, edwards.jwk] }

let under: GuardUnderTest
beforeEach(() => {
  under = attach(jwt, options)
})

const show = (credentials: string, earlier: Session | null = null, identity: string | null = null) =>
  under.guard.authorize({ credentials, identity }, earlier)

describe('a session', () => {
  test('has what the token says, and ends with it, skew included', async () => {
    expect(await show(await sign(main, { scope: 'mqtt:stream  mqtt:admin' }))).toEqual({
      guard: 'test:g',
      earlier: null,
      identity: 'alice',
      roles: ['mqtt:stream', 'mqtt:admin'],
      attributes: {},
      expiresAt: (NOW + 300 + 60) * 1_000,
      revoked: false,
    })
  })

  test('has the one before it, also when the token is known', async () => {
    const token = await sign(main)
    const first = await show(token)
    const earlier: Session = { ...first!, guard: 'test:tls', identity: 'certificate' }
    const second = await show(token, earlier)
    expect(second?.earlier).toBe(earlier)
    expect(first?.earlier).toBeNull()
    expect(second).not.toBe(first)
  })

  test('has the identity of the token, whatever name is shown', async () => {
    expect((await show(await sign(main), null, 'mallory'))?.identity).toBe('alice')
  })

  test.each([
    ['scope', { scope: 'a b' }, ['a', 'b']],
    ['scope', { scope: ['a', 'b c', 1, null] }, ['a', 'b c']],
    ['scope', {}, []],
    ['scope', { scope: { a: 1 } }, []],
    ['scope', { scope: 7 }, []],
    ['realm_access.roles', { realm_access: { roles: ['a'] } }, ['a']],
    ['realm_access.roles', { realm_access: 'a' }, []],
    ['realm_access.roles', { realm_access: null }, []],
    ['https://example.com/roles', { 'https://example.com/roles': ['a'] }, ['a']],
    ['a.b', { 'a.b': 'dotted', a: { b: 'nested' } }, ['dotted']],
    ['constructor.name', {}, []],
    ['__proto__.x', {}, []],
  ])('roles at %s of %j: %j', async (roles, claims, expected) => {
    under = attach(jwt, { ...options, roles })
    expect((await show(await sign(main, claims)))?.roles).toEqual(expected)
  })

  test('has attributes that the token has as texts, numbers or booleans', async () => {
    const attributes = { site: 'custom.site', level: 'level', on: 'on', none: 'none', object: 'custom' }
    under = attach(jwt, { ...options, attributes })
    const session = await show(await sign(main, { custom: { site: 'north' }, level: 3, on: true }))
    expect(session?.attributes).toEqual({ site: 'north', level: '3', on: 'true' })
  })

  test.each([
    ['sub', { sub: 'bob' }, 'bob'],
    ['user.name', { user: { name: 'bob' } }, 'bob'],
    ['uid', { uid: 7 }, '7'],
  ])('identity at %s', async (identity, claims, expected) => {
    under = attach(jwt, { ...options, identity })
    expect((await show(await sign(main, claims)))?.identity).toBe(expected)
  })

  test('permits roles that it has, all of them', async () => {
    const session = await show(await sign(main, { scope: 'a b' }))
    const permits = (...roles: string[]): boolean => under.guard.permits(session!, roles)
    expect([permits(), permits('a'), permits('a', 'b'), permits('a', 'c'), permits('a b')]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  test('can show its token to others, and nobody else can', async () => {
    const token = await sign(main)
    const session = await show(token)
    expect(under.guard.credentials!(session)).toEqual({ credentials: token, identity: 'alice' })
    expect(under.guard.credentials!(null)).toBeNull()
    expect(under.guard.credentials!({ ...session! })).toBeNull()
    expect(JSON.stringify(session)).not.toContain(token)
  })
})

describe('keys of every kind', () => {
  test.each([
    ['RS256', rsa('k')],
    ['RS384', rsa('k', 'RS384')],
    ['RS512', rsa('k', 'RS512')],
    ['PS256', rsa('k', 'PS256')],
    ['PS384', rsa('k', 'PS384')],
    ['PS512', rsa('k', 'PS512')],
    ['ES256', ec('k')],
    ['ES384', ec('k', 'P-384', 'ES384')],
    ['ES512', ec('k', 'P-521', 'ES512')],
    ['EdDSA', ed25519('k')],
    ['Ed25519', ed25519('k', 'Ed25519')],
  ])('%s', async (_alg, pair) => {
    under = attach(jwt, { ...options, keys: [pair.jwk] })
    expect(await show(await sign(pair))).not.toBeNull()
  })

  test('numbers in plain base64 with padding, in lines', async () => {
    const n = `${Buffer.from(main.jwk['n']!, 'base64url')
      .toString('base64')
      .replace(/(.{64})/g, '$1\n')}\n`
    expect(n).toMatch(/[+/=]/)
    under = attach(jwt, { ...options, keys: [{ ...main.jwk, n }] })
    expect(await show(await sign(main))).not.toBeNull()
  })

  test('a key without alg has the one of its curve, or RS256', async () => {
    const bare = [main, other, edwards].map(({ jwk: { alg: _alg, ...rest } }) => rest)
    under = attach(jwt, { ...options, keys: bare })
    for (const pair of [main, other, edwards]) expect(await show(await sign(pair))).not.toBeNull()
    expect(await show(await sign(edwards, {}, { alg: 'Ed25519' }))).not.toBeNull()
    expect(await show(await sign(main, {}, { alg: 'PS256' }))).toBeNull()
  })

  test('a token that names no key is tried with the key that is alone', async () => {
    under = attach(jwt, { ...options, keys: [main.jwk] })
    expect(await show(await sign(main, {}, { kid: undefined }))).not.toBeNull()
    under = attach(jwt, options)
    expect(await show(await sign(main, {}, { kid: undefined }))).toBeNull()
  })
})

describe('refused by algorithm (RFC 8725 §3.1, §3.2)', () => {
  const claims = JSON.stringify(CLAIMS)
  const pem = main.publicKey.export({ type: 'spki', format: 'pem' })
  const der = main.publicKey.export({ type: 'spki', format: 'der' })
  const modulus = Buffer.from(main.jwk['n']!, 'base64url')

  test.each(['none', 'None', 'NONE', 'nOnE', ''])('alg %j, with and without a signature', async (alg) => {
    for (const signature of ['', 'x']) {
      expect(await show(forge({ alg, kid: 'main' }, claims, signature))).toBeNull()
      expect(await show(forge({ alg }, claims, signature))).toBeNull()
    }
  })

  test.each([
    ['PEM', pem],
    ['PEM without end of line', pem.toString().trimEnd()],
    ['DER', der],
    ['modulus', modulus],
    ['nothing', ''],
  ])('HS256 with the public key as secret: %s', async (_what, secret) => {
    const signed = [encode({ alg: 'HS256', kid: 'main' }), encode(claims)].join('.')
    expect(await show(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`)).toBeNull()
    expect(reasons(under)).toEqual(['no key of the issuer has the `kid` and `alg` of the token'])
  })

  test.each([
    ['another one of the same key', 'main', 'RS512'],
    ['PSS where PKCS1 is configured', 'main', 'PS256'],
    ['of another kind of key', 'main', 'ES256'],
    ['of another kind of key, the other way', 'other', 'RS256'],
    ['unknown', 'main', 'RS1'],
    ['secp256k1', 'other', 'ES256K'],
    ['encryption', 'main', 'RSA-OAEP'],
    ['a property of all objects', 'main', 'constructor'],
  ])('%s', async (_what, kid, alg) => {
    expect(await show(forge({ alg, kid }, claims, createSign('sha256').update('x').sign(main.privateKey)))).toBeNull()
  })

  test('right signature, algorithm not that of the key', async () => {
    expect(await show(await sign(main, {}, { alg: 'RS384' }))).toBeNull()
    expect(await show(await sign(main, {}, { alg: 'PS256' }))).toBeNull()
  })
})

describe('refused by signature (RFC 8725 §3.3)', () => {
  test.each([
    ['another key of the same name', () => sign(stranger)],
    ['another key of ours', () => sign(other, {}, { kid: 'edwards', alg: 'ES256' })],
    ['taken away', async () => (await sign(main)).replace(/\.[^.]*$/, '.')],
    ['cut', async () => (await sign(main)).slice(0, -8)],
    ['longer', async () => `${await sign(main)}AAAA`],
    ['one bit', async () => flip(await sign(main), 2)],
    ['claims changed', async () => replacePart(await sign(main), 1, encode({ ...CLAIMS, sub: 'root' }))],
    ['header changed', async () => replacePart(await sign(main), 0, encode({ alg: 'RS256', kid: 'main', x: 1 }))],
    ['of another token', async () => swap(await sign(main), await sign(main, { sub: 'root' }))],
    ['zeros, for ECDSA (CVE-2022-21449)', async () => replacePart(await sign(other), 2, encode('\0'.repeat(64)))],
    ['DER in place of two numbers', async () => derSigned()],
  ])('%s', async (_what, make) => {
    expect(await show(await make())).toBeNull()
    expect(reasons(under)).toHaveLength(1)
  })

  function derSigned(): string {
    const signed = `${encode({ alg: 'ES256', kid: 'other' })}.${encode(CLAIMS)}`
    return `${signed}.${signRaw('sha256', Buffer.from(signed), other.privateKey).toString('base64url')}`
  }
})

describe('header members that would choose the key (RFC 8725 §3.10)', () => {
  const { kid: _kid, ...bare } = stranger.jwk
  test.each([
    ['jwk', { jwk: bare }],
    ['jku', { jku: 'http://127.0.0.1:1/keys' }],
    ['x5u', { x5u: 'http://127.0.0.1:1/cert' }],
    ['x5c', { x5c: [stranger.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] }],
  ])('%s is not read', async (_name, member) => {
    expect(await show(await sign(stranger, {}, member))).toBeNull()
    expect(await show(await sign(main, {}, member))).not.toBeNull()
  })

  test.each([
    '../../etc/passwd',
    '/dev/null',
    "main' OR '1'='1",
    '__proto__',
    'constructor',
    'toString',
    'http://127.0.0.1:1/',
    '',
    'MAIN',
    'main ',
  ])('kid %j is a name and nothing else', async (kid) => {
    expect(await show(await sign(main, {}, { kid }))).toBeNull()
    expect(under.report.faults).toEqual([])
  })

  test.each([1, null, ['main'], { kid: 'main' }, true])('kid %j is no text', async (kid) => {
    expect(await show(forge({ alg: 'RS256', kid }, CLAIMS, 'x'))).toBeNull()
  })

  test.each([
    ['unknown', { crit: ['exp2'], exp2: 1 }],
    ['b64', { crit: ['b64'], b64: false }],
    ['empty', { crit: [] }],
    ['no list', { crit: 'exp' }],
    ['of a registered member', { crit: ['alg'] }],
  ])('crit %s is refused (RFC 7515 §4.1.11)', async (_what, member) => {
    const signed = `${encode({ alg: 'RS256', kid: 'main', ...member })}.${encode(CLAIMS)}`
    const signature = createSign('sha256').update(signed).sign(main.privateKey)
    expect(await show(`${signed}.${signature.toString('base64url')}`)).toBeNull()
    expect(under.report.faults).toEqual([])
  })
})

describe('type (RFC 8725 §3.11, §3.12)', () => {
  test.each([undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'application/JWT'])(
    '%j is taken',
    async (typ) => {
      expect(await show(await sign(main, {}, { typ }))).not.toBeNull()
    },
  )

  test.each(['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'JOSE', '', 'application/', 'JWTx'])(
    '%j is refused',
    async (typ) => {
      expect(await show(await sign(main, {}, { typ }))).toBeNull()
    },
  )

  test.each([null, 1, ['JWT'], {}])('%j is refused', async (typ) => {
    expect(await show(forge({ alg: 'RS256', kid: 'main', typ }, CLAIMS, 'x'))).toBeNull()
  })
})

describe('issuer, subject and audience (RFC 8725 §3.8, §3.9)', () => {
  test.each([
    ['no issuer', { iss: undefined }],
    ['another issuer', { iss: 'https://evil.example.com' }],
    ['with a slash more', { iss: `${ISSUER}/` }],
    ['in capitals', { iss: ISSUER.toUpperCase() }],
    ['issuer in a list', { iss: [ISSUER] }],
    ['issuer null', { iss: null }],
    ['no audience', { aud: undefined }],
    ['another audience', { aud: 'https://other.example.com' }],
    ['part of the audience', { aud: `${AUDIENCE}/x` }],
    ['an empty list', { aud: [] }],
    ['a list of others', { aud: ['a', 'b'] }],
    ['audience as object', { aud: { [AUDIENCE]: true } }],
    ['no subject', { sub: undefined }],
    ['empty subject', { sub: '' }],
    ['subject null', { sub: null }],
    ['subject object', { sub: { a: 1 } }],
    ['subject list', { sub: ['alice'] }],
  ])('%s', async (_what, claims) => {
    expect(await show(await sign(main, claims))).toBeNull()
    expect(reasons(under)).toHaveLength(1)
  })

  test.each([
    [AUDIENCE, ['x', AUDIENCE], true],
    [['a', AUDIENCE], AUDIENCE, true],
    [['a', 'b'], ['b', 'c'], true],
    [['a', 'b'], ['c'], false],
  ])('configured %j, token %j: %s', async (audience, aud, accepted) => {
    under = attach(jwt, { ...options, audience })
    expect((await show(await sign(main, { aud }))) !== null).toBe(accepted)
  })
})

describe('time', () => {
  const skew = 60
  test.each([
    ['exp just not over', { exp: NOW - skew + 1 }, true],
    ['exp over with skew', { exp: NOW - skew }, false],
    ['exp of another unit', { exp: `${NOW + 300}` }, false],
    ['exp null', { exp: null }, false],
    ['no exp', { exp: undefined }, false],
    ['nbf at the edge', { nbf: NOW + skew }, true],
    ['nbf too late', { nbf: NOW + skew + 1 }, false],
    ['nbf text', { nbf: 'now' }, false],
    ['iat at the edge', { iat: NOW + skew }, true],
    ['iat in the future', { iat: NOW + skew + 1 }, false],
    ['iat text', { iat: 'now' }, false],
    ['no iat', { iat: undefined }, true],
    ['exp beyond all dates', { exp: 1e300 }, true],
  ])('%s: %s', async (_what, claims, accepted) => {
    const session = await show(await sign(main, claims))
    expect(session !== null).toBe(accepted)
    if (session !== null) expect(new Date(session.expiresAt!).getTime()).not.toBeNaN()
  })

  test('skew can be none', async () => {
    under = attach(jwt, { ...options, clockSkewSeconds: 0 })
    expect(await show(await sign(main, { exp: NOW }))).toBeNull()
    expect(await show(await sign(main, { exp: NOW + 1 }))).not.toBeNull()
  })

  test('without end, where that is allowed', async () => {
    under = attach(jwt, { ...options, expiryRequired: false })
    expect((await show(await sign(main, { exp: undefined })))?.expiresAt).toBeNull()
    expect(await show(await sign(main, { exp: NOW - 61 }))).toBeNull()
  })

  test('a token that is known ends all the same, to the millisecond', async () => {
    const token = await sign(main)
    expect(await show(token)).not.toBeNull()
    under.clock.advance(359_999)
    expect(await show(token)).not.toBeNull()
    under.clock.advance(1)
    expect(await show(token)).toBeNull()
    expect(reasons(under)).toEqual(['the token has expired'])
  })
})

describe('what is no token', () => {
  test.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['dots', '..'],
    ['many dots', '.'.repeat(1_000)],
    ['text', 'Bearer abc'],
    ['one part', encode({ alg: 'RS256' })],
    ['two parts', `${encode({ alg: 'RS256', kid: 'main' })}.${encode(CLAIMS)}`],
    ['four parts', `${forge({ alg: 'RS256', kid: 'main' }, CLAIMS, 'x')}.x`],
    ['JSON', JSON.stringify({ payload: encode(CLAIMS), protected: encode({ alg: 'RS256' }), signature: 'x' })],
    ['header no JSON', forge('{', CLAIMS, 'x')],
    ['header a list', forge([], CLAIMS, 'x')],
    ['header null', forge(null, CLAIMS, 'x')],
    ['header a number', forge(1, CLAIMS, 'x')],
    ['header empty', forge({}, CLAIMS, 'x')],
    ['header deep', forge('['.repeat(3_000), CLAIMS, 'x')],
    ['alg a list', forge({ alg: ['RS256'], kid: 'main' }, CLAIMS, 'x')],
    ['no base64url', 'a+b/c==.a+b/c==.a+b/c=='],
    ['blanks', ' . . '],
    ['not ASCII', 'ä.ö.ü'],
    ['zeros', '\0.\0.\0'],
    ['lone surrogate', '\ud800.\ud800.\ud800'],
  ])('%s', async (_what, token) => {
    expect(await show(token)).toBeNull()
    expect(under.report.faults).toEqual([])
  })

  test.each([
    ['no JSON', 'x'],
    ['a list', '[]'],
    ['null', 'null'],
    ['text', '"x"'],
    ['empty', ''],
    ['another token (RFC 8725 §2.5)', forge({ alg: 'none' }, CLAIMS)],
  ])('signed, but the claims are %s', async (_what, payload) => {
    expect(await show(signedRaw(Buffer.from(payload)))).toBeNull()
    expect(under.report.faults).toEqual([])
  })

  test('signed, but not UTF-8 (RFC 8725 §3.7)', async () => {
    const json = Buffer.from(JSON.stringify({ ...CLAIMS, sub: 'alice?' }))
    expect(await show(signedRaw(json))).not.toBeNull()
    json[json.indexOf('?')] = 0xff
    expect(await show(signedRaw(json))).toBeNull()
  })

  test('encrypted, to our own key (RFC 8725 §3.6)', async () => {
    const header = { alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'main' }
    const bytes = Buffer.from(JSON.stringify(CLAIMS))
    expect(await show(await new CompactEncrypt(bytes).setProtectedHeader(header).encrypt(main.publicKey))).toBeNull()
  })

  test('longer than allowed', async () => {
    const token = await sign(main, { padding: 'x'.repeat(6_500) })
    expect(await show(token)).toBeNull()
    expect(reasons(under)).toEqual(['the token is longer than `tokenBytes`'])
    under = attach(jwt, { ...options, tokenBytes: 16_384 })
    expect(await show(token)).not.toBeNull()
  })

  function signedRaw(payload: Buffer): string {
    const signed = `${encode({ alg: 'RS256', kid: 'main' })}.${payload.toString('base64url')}`
    return `${signed}.${createSign('sha256').update(signed).sign(main.privateKey).toString('base64url')}`
  }
})

test('a refusal says why, counted, and nothing of what was shown', async () => {
  const shown = [await sign(stranger, { secret: 'hunter2' }), await sign(main, { iss: 'evil' }), 'rubbish-of-a-client']
  for (const token of shown) expect(await show(token)).toBeNull()
  const text = JSON.stringify(under.report.events)
  for (const part of shown.flatMap((token) => token.split('.'))) expect(text).not.toContain(part)
  expect(reasons(under)).toEqual([
    'the token is refused: signature verification failed',
    'the token is refused: unexpected "iss" claim value',
    'this is no JSON Web Token',
  ])
  expect(under.report.counters.get('guard.refused')?.value).toBe(3)
})

const replacePart = (token: string, at: number, part: string): string => token.split('.').with(at, part).join('.')

const swap = (token: string, signedElse: string): string => replacePart(token, 2, signedElse.split('.')[2]!)

function flip(token: string, part: number): string {
  const bytes = Buffer.from(token.split('.')[part]!, 'base64url')
  bytes[10]! ^= 1
  return replacePart(token, part, bytes.toString('base64url'))
}
