/**
 * One JSON Web Key (RFC 7517) as a key that verifies, or what is wrong with it. Only public members are read. The
 * algorithms come from the key alone, never from a token (RFC 8725 §3.1).
 */
import { createPublicKey, type KeyObject } from 'node:crypto'

export interface VerifyingKey {
  /** null: the key has no name */
  readonly kid: string | null
  /** values of `alg` in tokens that this key verifies */
  readonly algorithms: readonly string[]
  readonly key: KeyObject
  /** the same for the same name, algorithms and key, whenever it was read */
  readonly fingerprint: string
}

/** Why a key cannot be used. `member` is where; null: the key as a whole. */
export class KeyFault extends Error {
  readonly code: string
  readonly member: string | null
  constructor(code: string, member: string | null, message: string) {
    super(message)
    this.name = 'KeyFault'
    this.code = code
    this.member = member
  }
}

type Jwk = Readonly<Record<string, unknown>>

/** RFC 7518 §3.3 asks for 2048; more than 8192 only costs time. */
const RSA_BITS_MIN = 2048
const RSA_BITS_MAX = 8192
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']

/** RFC 7518 §3.4: a curve has one algorithm. RFC 9864 has renamed EdDSA. */
const CURVES: Readonly<Record<string, { readonly kty: string; readonly algorithms: readonly string[] }>> = {
  'P-256': { kty: 'EC', algorithms: ['ES256'] },
  'P-384': { kty: 'EC', algorithms: ['ES384'] },
  'P-521': { kty: 'EC', algorithms: ['ES512'] },
  Ed25519: { kty: 'OKP', algorithms: ['EdDSA', 'Ed25519'] },
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = { RSA: ['n', 'e'], EC: ['x', 'y'], OKP: ['x'] }

/** Those of a list that can be used, and `name: reason` of the others. Items may be anything. */
export function readKeys(items: readonly unknown[]): { readonly keys: VerifyingKey[]; readonly unusable: string[] } {
  const keys: VerifyingKey[] = []
  const unusable: string[] = []
  for (const item of items) {
    const jwk = item !== null && typeof item === 'object' ? item : {}
    try {
      keys.push(readKey(jwk))
    } catch (error) {
      if (!(error instanceof KeyFault)) throw error
      const kid = (jwk as Jwk)['kid']
      unusable.push(`${typeof kid === 'string' ? kid.slice(0, 100) : 'a key without name'}: ${error.message}`)
    }
  }
  return { keys, unusable }
}

/** Throws a `KeyFault`. Members may be anything. */
export function readKey(item: object): VerifyingKey {
  const jwk = item as Jwk
  const kty = textOf(jwk, 'kty')
  const members = Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined
  if (members === undefined)
    throw new KeyFault('key-type-unknown', 'kty', `keys of type ${kty.slice(0, 50)} verify nothing`)
  const kid = jwk['kid'] === undefined ? null : textOf(jwk, 'kid')
  checkUse(jwk)
  const algorithms = algorithmsOf(jwk, kty)
  const numbers = Object.fromEntries(members.map((member) => [member, base64url(jwk, member)]))
  const crv = kty === 'RSA' ? {} : { crv: textOf(jwk, 'crv') }
  let key: KeyObject
  try {
    key = createPublicKey({ format: 'jwk', key: { kty, ...crv, ...numbers } })
  } catch {
    throw new KeyFault('key-invalid', members[0]!, `this is no ${kty} key`)
  }
  if (kty === 'RSA') checkRsa(key)
  const der = key.export({ type: 'spki', format: 'der' }).toString('base64')
  return { kid, algorithms, key, fingerprint: JSON.stringify([kid, algorithms, der]) }
}

function checkUse(jwk: Jwk): void {
  const { use, key_ops: operations } = jwk
  if (use !== undefined && use !== 'sig')
    throw new KeyFault('key-not-for-signatures', 'use', 'the key is not for signatures')
  if (operations === undefined || (Array.isArray(operations) && operations.includes('verify'))) return
  throw new KeyFault('key-not-for-signatures', 'key_ops', 'the key is not for verifying')
}

function algorithmsOf(jwk: Jwk, kty: string): readonly string[] {
  let allowed: readonly string[] = RSA_ALGORITHMS
  let assumed: readonly string[] = ['RS256']
  if (kty !== 'RSA') {
    const crv = textOf(jwk, 'crv')
    const curve = Object.hasOwn(CURVES, crv) ? CURVES[crv] : undefined
    if (curve?.kty !== kty)
      throw new KeyFault('curve-mismatch', 'crv', `there are no ${kty} keys on the curve ${crv.slice(0, 50)}`)
    allowed = curve.algorithms
    assumed = allowed
  }
  const alg = jwk['alg']
  if (alg === undefined) return assumed
  if (typeof alg === 'string' && allowed.includes(alg)) return [alg]
  const what = kty === 'RSA' ? 'RSA keys' : `${kty} keys on the curve ${String(jwk['crv'])}`
  throw new KeyFault(
    'algorithm-mismatch',
    'alg',
    `${what} sign with ${allowed.join(', ')}, not with ${String(alg).slice(0, 50)}`,
  )
}

/** An exponent of 1 would make every text its own signature. */
function checkRsa({ asymmetricKeyDetails }: KeyObject): void {
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {}
  if (modulusLength < RSA_BITS_MIN) {
    const message = `the key has ${modulusLength} bits, ${RSA_BITS_MIN} are the least that is safe (RFC 7518 §3.3)`
    throw new KeyFault('key-too-small', 'n', message)
  }
  if (modulusLength > RSA_BITS_MAX) {
    throw new KeyFault(
      'key-too-large',
      'n',
      `the key has ${modulusLength} bits, more than ${RSA_BITS_MAX} are not taken`,
    )
  }
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw new KeyFault('key-invalid', 'e', 'the exponent must be odd and at least 3')
  }
}

function textOf(jwk: Jwk, member: string): string {
  const value = jwk[member]
  if (value === undefined) throw new KeyFault('key-member-missing', member, `\`${member}\` is missing`)
  if (typeof value !== 'string' || value === '') throw new KeyFault('key-invalid', member, `\`${member}\` must be text`)
  return value
}

/** RFC 7518 wants base64url; plain base64 is what many published documents have. */
function base64url(jwk: Jwk, member: string): string {
  const text = textOf(jwk, member).replaceAll(/\s/g, '')
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) {
    throw new KeyFault('key-invalid', member, `\`${member}\` must be base64url`)
  }
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
