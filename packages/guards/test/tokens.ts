/** Keys of an issuer, and tokens signed with them or forged in every way. Times are those of `FakeClock`. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'

export const ISSUER = 'https://auth.example.com'
export const AUDIENCE = 'https://api.example.com'
/** epoch seconds at which a `FakeClock` starts */
export const NOW = 1_700_000_000

export interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: Readonly<Record<string, string>>
}

export function rsa(kid: string, alg = 'RS256', modulusLength = 2048): Pair {
  return named(generateKeyPairSync('rsa', { modulusLength }), kid, alg)
}

export function ec(kid: string, namedCurve = 'P-256', alg = 'ES256'): Pair {
  return named(generateKeyPairSync('ec', { namedCurve }), kid, alg)
}

export function ed25519(kid: string, alg = 'EdDSA'): Pair {
  return named(generateKeyPairSync('ed25519'), kid, alg)
}

function named(
  { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject },
  kid: string,
  alg: string,
): Pair {
  return {
    privateKey,
    publicKey,
    jwk: { ...(publicKey.export({ format: 'jwk' }) as Record<string, string>), kid, alg },
  }
}

export const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: NOW - 10, exp: NOW + 300 }

/** `undefined` takes a claim or a member of the header away. */
export function sign(
  pair: Pair,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const { kid, alg } = pair.jwk
  const all = without({ alg, kid, typ: 'JWT', ...header })
  return new SignJWT(without({ ...CLAIMS, ...claims })).setProtectedHeader(all as never).sign(pair.privateKey)
}

const without = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Three parts of any content. */
export const forge = (header: unknown, payload: unknown, signature: Buffer | string = ''): string =>
  [encode(header), encode(payload), Buffer.from(signature).toString('base64url')].join('.')
