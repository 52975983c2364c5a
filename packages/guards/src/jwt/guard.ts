/** The `jwt` guard: tokens of one issuer, and the identity, roles and attributes that they name. */
import { createHash } from 'node:crypto'
import {
  type Credentials,
  type Guard,
  type GuardContext,
  type GuardModule,
  qualify,
  type Session,
  StreamError,
} from '@zilla-ts/engine'
import { Outcome } from '../outcome.ts'
import { Recent } from '../recent.ts'
import { check } from './check.ts'
import { type Bearer, bearerOf } from './claims.ts'
import { type JwtConfig, schema } from './jwt.config.ts'
import { readKeys, type VerifyingKey } from './key.ts'
import { KeySet } from './key-set.ts'
import { keySetAddress } from './key-set-address.ts'
import { RemoteKeys } from './remote-keys.ts'
import { type KeySource, TokenFault, verifyToken } from './token.ts'

type Options = NonNullable<JwtConfig['options']>

interface Verified extends Bearer {
  /** epoch ms from which on the token is refused, skew included; null: never */
  readonly expiresAt: number | null
  readonly key: VerifyingKey
}

/** Verified tokens that are known again without their signature. */
const TOKENS_MAX = 10_000
/** the largest date there is */
const TIME_MAX = 8.64e15

class JwtGuard implements Guard {
  readonly #context: GuardContext<Options>
  readonly #id: string
  readonly #keys: KeySource
  readonly #remote: RemoteKeys | null
  readonly #outcome: Outcome
  /** by hash, so that no token is kept for longer than its session */
  readonly #verified = new Recent<Verified>(TOKENS_MAX)
  /** a number for the keys in use: what old ones verified meanwhile is not kept */
  #generation = 0
  readonly #tokens = new WeakMap<Session, string>()

  constructor(context: GuardContext<Options>) {
    const { options, clock, report } = context
    this.#context = context
    this.#id = qualify(context.namespace, context.name)
    this.#outcome = new Outcome(report)
    if (Array.isArray(options.keys)) {
      this.#remote = null
      this.#keys = new KeySet(readKeys(options.keys).keys)
    } else {
      this.#remote = new RemoteKeys({
        url: keySetAddress(options),
        refreshMs: options.refreshSeconds * 1_000,
        staleMs: options.staleSeconds * 1_000,
        clock,
        report,
        onChange: () => {
          this.#generation++
          this.#verified.clear()
        },
      })
      this.#keys = this.#remote
    }
  }

  async start(): Promise<void> {
    this.#remote?.start()
  }

  async stop(): Promise<void> {
    this.#remote?.stop()
  }

  async authorize(shown: Credentials, earlier: Session | null): Promise<Session | null> {
    const { options, clock, report } = this.#context
    const token = shown.credentials
    if (token.length > options.tokenBytes) return this.#outcome.refused('the token is longer than `tokenBytes`')
    let verified: Verified
    try {
      verified = await this.#verify(token)
    } catch (error) {
      if (error instanceof TokenFault) return this.#outcome.refused(error.message)
      if (error instanceof StreamError) throw error
      report.fault('jwt', error)
      throw new StreamError('unavailable', 'a token could not be checked')
    }
    const { expiresAt, key } = verified
    if (expiresAt !== null && clock.now() >= expiresAt) return this.#outcome.refused('the token has expired')
    this.#outcome.accepted()
    const session = this.#sessionOf(verified, key, earlier)
    this.#tokens.set(session, token)
    return session
  }

  assume(claims: Readonly<Record<string, unknown>>, earlier: Session | null): Session | null {
    const bearer = bearerOf(claims, this.#context.options)
    return bearer === null ? null : this.#sessionOf({ ...bearer, expiresAt: null }, null, earlier)
  }

  /** `key`: that has signed for it; null: nothing has. */
  #sessionOf(
    { identity, roles, attributes, expiresAt }: Omit<Verified, 'key'>,
    key: Verified['key'] | null,
    earlier: Session | null,
  ): Session {
    const keys = this.#keys
    return {
      guard: this.#id,
      earlier,
      identity,
      roles,
      attributes,
      expiresAt,
      get revoked() {
        return key !== null && !keys.holds(key)
      },
    }
  }

  permits(session: Session, roles: readonly string[]): boolean {
    return roles.every((role) => session.roles.includes(role))
  }

  /** The token of the session: it may be shown to servers behind this one. */
  credentials(session: Session | null): Credentials | null {
    const token = session === null ? undefined : this.#tokens.get(session)
    return session === null || token === undefined ? null : { credentials: token, identity: session.identity }
  }

  async #verify(token: string): Promise<Verified> {
    const { options, clock } = this.#context
    const hash = createHash('sha256').update(token).digest('base64')
    const known = this.#verified.get(hash)
    if (known !== undefined) return known
    const generation = this.#generation
    const { payload, key } = await verifyToken(token, this.#keys, options, clock.now())
    const bearer = bearerOf(payload, options)
    if (bearer === null) throw new TokenFault(`the token has no claim \`${options.identity}\` that names its bearer`)
    const { exp } = payload
    const expiresAt = exp === undefined ? null : Math.min((exp + options.clockSkewSeconds) * 1_000, TIME_MAX)
    const verified = { ...bearer, expiresAt, key }
    if (generation === this.#generation || this.#remote === null) this.#verified.set(hash, verified)
    return verified
  }
}

export const jwt: GuardModule<Options> = {
  type: 'jwt',
  schema,
  check,
  offline: ({ keys }) => Array.isArray(keys),
  attach: (context) => new JwtGuard(context),
}
