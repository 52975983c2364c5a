/**
 * Verifies one token: RFC 7519 §7.2 under the rules of RFC 8725. The header only chooses among what is configured: `kid` is
 * looked up, `alg` must be one of the key's own, and what a header says about where keys are (`jku`, `jwk`, `x5u`, `x5c`)
 * is not read at all.
 */
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import type { JwtConfig } from './jwt.config.ts'
import type { VerifyingKey } from './key.ts'

export interface KeySource {
  find(kid: string | null, algorithm: string): Promise<VerifyingKey | null> | VerifyingKey | null
  /** Whether a key that was found is still there. */
  holds(key: VerifyingKey): boolean
}

/** Why a token is refused. The message holds nothing of the token. */
export class TokenFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TokenFault'
  }
}

export interface VerifiedToken {
  readonly payload: JWTPayload
  readonly key: VerifyingKey
}

type Options = NonNullable<JwtConfig['options']>

/**
 * Types of tokens that let their bearer in (RFC 9068 has the second); absent is as good. Other kinds that the same issuer
 * signs, such as logout tokens, are not to be taken for one (RFC 8725 §3.11, §3.12).
 */
const TYPES = new Set(['jwt', 'at+jwt'])

/** Rejects with a `TokenFault`, or with what `keys` rejects with. `now` is in epoch ms. */
export async function verifyToken(
  token: string,
  keys: KeySource,
  options: Options,
  now: number,
): Promise<VerifiedToken> {
  const { kid, alg } = readHeader(token)
  const found = await keys.find(kid, alg)
  if (found === null) throw new TokenFault('no key of the issuer has the `kid` and `alg` of the token')
  const { issuer, audience, clockSkewSeconds: clockTolerance, expiryRequired } = options
  try {
    const { payload } = await jwtVerify(token, found.key, {
      algorithms: [alg],
      issuer,
      audience,
      clockTolerance,
      currentDate: new Date(now),
      requiredClaims: expiryRequired ? ['exp'] : [],
    })
    checkIssued(payload, now / 1_000 + clockTolerance)
    return { payload, key: found }
  } catch (error) {
    throw error instanceof errors.JOSEError ? new TokenFault(`the token is refused: ${error.message}`) : error
  }
}

function readHeader(token: string): { kid: string | null; alg: string } {
  let header: ReturnType<typeof decodeProtectedHeader>
  try {
    header = decodeProtectedHeader(token)
  } catch {
    throw new TokenFault('this is no JSON Web Token')
  }
  const { alg, kid, typ } = header as Record<string, unknown>
  if (typeof alg !== 'string') throw new TokenFault('the token has no `alg`')
  if (kid !== undefined && typeof kid !== 'string') throw new TokenFault('the `kid` of the token is not text')
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, '')))) {
    throw new TokenFault('the `typ` of the token is not JWT or at+jwt')
  }
  return { kid: kid ?? null, alg }
}

/** A token from the future has another clock behind it than ours, so its `exp` means nothing. `latest` in epoch seconds. */
function checkIssued({ iat }: JWTPayload, latest: number): void {
  if (iat === undefined) return
  if (typeof iat !== 'number') throw new TokenFault('the token is refused: "iat" claim must be a number')
  if (iat > latest) throw new TokenFault('the token is refused: "iat" claim lies in the future')
}
