/** What `validate` says about the options of a jwt guard, each fault at its place. */
import { describe, expect, test } from 'vitest'
import { jwt } from '../src/index.ts'
import { findings } from './guard-harness.ts'
import { AUDIENCE, ec, ed25519, ISSUER, rsa } from './tokens.ts'

const pair = rsa('r')
const point = ec('e')
const edwards = ed25519('o')
const without = (jwk: object, ...names: string[]): object =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)))

const check = (options: object): string[] => findings(jwt, { issuer: ISSUER, audience: AUDIENCE, ...options })

test('sound options', () => {
  expect(check({ keys: [pair.jwk, point.jwk, edwards.jwk] })).toEqual([])
  expect(check({ keys: 'https://auth.example.com/keys' })).toEqual([])
  expect(check({})).toEqual([])
})

describe('keys', () => {
  const small = rsa('s', 'RS256', 1024)
  test.each<[string, object, string]>([
    ['no n', without(pair.jwk, 'n'), 'error key-member-missing options.keys.0 `n` is missing'],
    ['no e', without(pair.jwk, 'e'), 'error key-member-missing options.keys.0 `e` is missing'],
    ['no crv', without(point.jwk, 'crv'), 'error key-member-missing options.keys.0 `crv` is missing'],
    ['no x', without(edwards.jwk, 'x'), 'error key-member-missing options.keys.0 `x` is missing'],
    ['no y', without(point.jwk, 'y'), 'error key-member-missing options.keys.0 `y` is missing'],
    ['n elided', { ...pair.jwk, n: 'qq...aDQ==' }, 'error key-invalid options.keys.0.n `n` must be base64url'],
    ['n empty', { ...pair.jwk, n: '' }, 'error key-invalid options.keys.0.n `n` must be text'],
    [
      'small',
      small.jwk,
      'error key-too-small options.keys.0.n the key has 1024 bits, 2048 are the least that is safe (RFC 7518 §3.3)',
    ],
    ['e is 1', { ...pair.jwk, e: 'AQ' }, 'error key-invalid options.keys.0.e the exponent must be odd and at least 3'],
    [
      'e is even',
      { ...pair.jwk, e: 'BA' },
      'error key-invalid options.keys.0.e the exponent must be odd and at least 3',
    ],
    ['not on the curve', { ...point.jwk, y: point.jwk['x'] }, 'error key-invalid options.keys.0.x this is no EC key'],
    ['x too short', { ...edwards.jwk, x: 'AAAA' }, 'error key-invalid options.keys.0.x this is no OKP key'],
    [
      'ES256 for RSA',
      { ...pair.jwk, alg: 'ES256' },
      'error algorithm-mismatch options.keys.0.alg RSA keys sign with RS256, RS384, RS512, PS256, PS384, PS512, not with ES256',
    ],
    [
      'ES512 on P-256',
      { ...point.jwk, alg: 'ES512' },
      'error algorithm-mismatch options.keys.0.alg EC keys on the curve P-256 sign with ES256, not with ES512',
    ],
    [
      'RS256 for OKP',
      { ...edwards.jwk, alg: 'RS256' },
      'error algorithm-mismatch options.keys.0.alg OKP keys on the curve Ed25519 sign with EdDSA, Ed25519, not with RS256',
    ],
    [
      'curve of another kind',
      { ...point.jwk, crv: 'Ed25519' },
      'error curve-mismatch options.keys.0.crv there are no EC keys on the curve Ed25519',
    ],
    [
      'no alg',
      without(pair.jwk, 'alg'),
      'warning key-algorithm-missing options.keys.0 the key names no `alg`: tokens must be signed with RS256',
    ],
    [
      'no alg',
      without(point.jwk, 'alg'),
      'warning key-algorithm-missing options.keys.0 the key names no `alg`: tokens must be signed with ES256',
    ],
  ])('%s', (_what, key, finding) => {
    expect(check({ keys: [key] })).toEqual([finding])
  })

  test.each<[string, object, string]>([
    ['no kid', without(pair.jwk, 'kid'), 'error missing-property options.keys.0'],
    ['no kty', without(pair.jwk, 'kty'), 'error missing-property options.keys.0'],
    ['kid a number', { ...pair.jwk, kid: 1 }, 'error wrong-type options.keys.0.kid A number must be in quotes.'],
    [
      'oct',
      { kty: 'oct', kid: 'k' },
      'error value-not-allowed options.keys.0.kty Shared secrets (oct) are not taken: whoever could check a token could make one.',
    ],
    ['HS256', { ...pair.jwk, alg: 'HS256' }, 'error value-not-allowed options.keys.0.alg'],
    ['none', { ...pair.jwk, alg: 'none' }, 'error value-not-allowed options.keys.0.alg'],
    ['private', { ...pair.jwk, d: 'AAAA' }, 'error not-accepted options.keys.0.d This belongs to a private key'],
  ])('%s', (_what, key, finding) => {
    const [first, ...more] = check({ keys: [key] })
    expect(first?.startsWith(finding)).toBe(true)
    expect(more).toEqual([])
  })

  test('two of one name', () => {
    expect(check({ keys: [pair.jwk, { ...point.jwk, kid: 'r' }] })).toEqual([
      'error duplicate-kid options.keys.1.kid there is another key of the name `r`',
    ])
  })

  test('none for signatures', () => {
    expect(check({ keys: [{ ...pair.jwk, use: 'enc' }] })).toEqual([
      'warning key-not-for-signatures options.keys.0.use the key is not for signatures',
      'error no-usable-key options.keys no key verifies signatures, so every token would be refused',
    ])
  })

  test('members that nobody knows are left alone', () => {
    expect(check({ keys: [{ ...pair.jwk, x5t: 'x', ext: true }] })).toEqual([])
  })
})

describe('addresses', () => {
  const tls = 'the keys are not read over TLS: whoever is on the way can replace them'
  test.each<[object, string[]]>([
    [{ keys: 'http://auth.example.com/keys' }, [`warning keys-not-over-tls options.keys ${tls}`]],
    [{ keys: 'http://127.0.0.1:8080/keys' }, []],
    [{ keys: 'http://localhost/keys' }, []],
    [{ issuer: 'http://auth.example.com' }, [`warning keys-not-over-tls options.issuer ${tls}`]],
    [{ keys: 'https://' }, ['error keys-address-invalid options.keys no keys can be read there: it is no address']],
    [
      { keys: 'https://user:hunter2@auth.example.com/' },
      [
        'error keys-address-invalid options.keys no keys can be read there: user names and passwords in addresses are not taken',
      ],
    ],
    [
      { issuer: 'accounts' },
      [
        'error keys-address-invalid options.issuer without `keys`, the keys are read from below the issuer, but it is no address',
      ],
    ],
    [
      { issuer: 'urn:example:issuer' },
      [
        'error keys-address-invalid options.issuer without `keys`, the keys are read from below the issuer, but it is no http or https address',
      ],
    ],
  ])('%j', (options, expected) => {
    expect(check(options)).toEqual(expected)
  })
})

test.each(['issuer', 'audience'])('%s must be there: no token is taken of everybody or for everybody', (name) => {
  expect(check({ keys: [pair.jwk], [name]: undefined })).toHaveLength(1)
  expect(findings(jwt, without({ issuer: ISSUER, audience: AUDIENCE, keys: [pair.jwk] }, name))[0]).toMatch(
    /^error missing-property options /,
  )
})
