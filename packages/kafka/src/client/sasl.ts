/**
 * Who we are, for the brokers (SASL): the mechanisms of Kafka over kafkajs, with what it leaves out, and the credentials of
 * the document, filled in by a guard each time they are shown. Used by `BrokerConnection`.
 */
import type { Guard } from '@zilla-ts/engine'
import type { KafkaConfig } from '../kafka.config.ts'
import {
  plainProvider,
  saslBytes,
  saslText,
  scramProviders,
  type WireExchange,
  type WireSasl,
  type WireSaslContext,
} from './kafkajs.ts'

type Options = NonNullable<KafkaConfig['options']>
type Credentials = NonNullable<Options['authorization']>[string]['credentials']
/** Thrown to kafkajs, which hands it through. */
class AuthenticationError extends Error {}

type Login = Pick<Credentials, 'username' | 'password' | 'token'>

/** As the document writes them, and as Kafka does. */
const MECHANISMS: Readonly<Record<Credentials['mechanism'], string>> = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
  oauthbearer: 'OAUTHBEARER',
}
const PLACEHOLDER = /\{(identity|credentials)\}/g
/** RFC 7677 §4 wants no less; Kafka's own limit for what it stores is 16,384. */
const ITERATIONS_MIN = 4_096
/** Deriving a key twice as often costs twice the time, and who asks is not yet known to be our broker. */
const ITERATIONS_MAX = 100_000
/** RFC 6750 §2.1: nothing else, so that no token can end its field and begin another (RFC 7628 §3.1) */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/
const STATUS_LENGTH_MAX = 200

/** What connections present; null: nothing. Throws where the guard can never have anything to show. */
export function saslOf({ sasl, authorization }: Options, guardOf: (name: string) => Guard): WireSasl | null {
  if (sasl !== undefined) return wireSasl(sasl.mechanism, () => sasl)
  const [[name, { credentials }] = ['', { credentials: undefined }]] = Object.entries(authorization ?? {})
  if (credentials === undefined) return null
  const guard = guardOf(name)
  const texts = [credentials.username, credentials.password, credentials.token]
  if (!texts.some((text = '') => text.search(PLACEHOLDER) >= 0))
    return wireSasl(credentials.mechanism, () => credentials)
  if (guard.credentials === undefined) {
    throw new Error(`options.authorization: the guard ${name} is of a type that has no credentials to show to Kafka`)
  }
  return wireSasl(credentials.mechanism, () => filled(credentials, name, guard))
}

/** The credentials with what the guard has now. */
function filled({ username, password, token }: Credentials, name: string, guard: Guard): Login {
  const shown = guard.credentials?.(null) ?? null
  if (shown === null) throw new Error(`the guard ${name} has no credentials to show`)
  const fill = (text: string | undefined) =>
    text?.replace(PLACEHOLDER, (_, part: 'identity' | 'credentials') => {
      const value = shown[part]
      if (value === null) throw new Error(`the guard ${name} has no identity to show`)
      return value
    })
  const login = { username: fill(username), password: fill(password), token: fill(token) }
  return Object.fromEntries(Object.entries(login).filter(([, text]) => text !== undefined))
}

function wireSasl(mechanism: Credentials['mechanism'], login: () => Login): WireSasl {
  return {
    mechanism: MECHANISMS[mechanism],
    authenticationProvider: (context) => ({
      authenticate: async () => {
        try {
          await authenticate(mechanism, login(), context)
        } catch (error) {
          throw new AuthenticationError((error as Error).message)
        }
      },
    }),
  }
}

async function authenticate(mechanism: Credentials['mechanism'], login: Login, context: WireSaslContext) {
  const { username = '', password = '', token = '' } = login
  if (mechanism === 'oauthbearer') return bearer(token, context.saslAuthenticate)
  // RFC 4616 §2 ends each part with it.
  if (`${username}${password}`.includes('\0')) throw new Error('the credentials contain a NUL')
  if (mechanism === 'plain') return plainProvider({ username, password })(context).authenticate()
  const saslAuthenticate = bounded(context.saslAuthenticate)
  return scramProviders[mechanism]({ username, password })({ ...context, saslAuthenticate }).authenticate()
}

/** SCRAM (RFC 5802) with a look at what the server asks for before kafkajs works on it. */
function bounded(exchange: WireExchange): WireExchange {
  let first = true
  return async (call) => {
    const isFirst = first
    first = false
    const parse = async (decoded: never) => {
      const answer = await call.response!.parse(decoded).catch(() => {
        throw new Error('the broker answers with something that is no SCRAM message')
      })
      if (isFirst) checkFirst(answer as ServerFirst)
      return answer
    }
    return exchange({ request: call.request, response: { decode: call.response!.decode, parse } })
  }
}

/** server-first-message: nonce, salt and iterations */
interface ServerFirst {
  readonly r?: string
  readonly s?: string
  readonly i?: string
  readonly e?: string
}

function checkFirst({ r, s, i, e }: ServerFirst): void {
  if (e !== undefined) throw new Error(e)
  if (r === undefined || !s || i === undefined || !/^\d{1,10}$/.test(i)) {
    throw new Error('nonce, salt or iterations are missing in the answer of the broker')
  }
  const iterations = Number(i)
  if (iterations >= ITERATIONS_MIN && iterations <= ITERATIONS_MAX) return
  throw new Error(`the broker asks for ${i} iterations; ${ITERATIONS_MIN} to ${ITERATIONS_MAX} are accepted`)
}

/**
 * OAUTHBEARER (RFC 7628, KIP-255). A server that does not take the token says why in an answer like any other, and fails
 * only when the client has confirmed it with one 0x01; kafkajs would take that answer for success.
 */
async function bearer(token: string, exchange: WireExchange): Promise<void> {
  if (!TOKEN.test(token)) throw new Error('the token for Kafka is empty or has characters of no token')
  const refused = await exchange({ request: saslBytes(`n,,\x01auth=Bearer ${token}\x01\x01`), response: saslText })
  if (refused === '') return
  // Its failure is the expected end.
  await exchange({ request: saslBytes('\x01'), response: saslText }).catch(() => {})
  throw new Error(`SASL OAUTHBEARER authentication failed: ${statusOf(refused)}`)
}

function statusOf(answer: string): string {
  try {
    const { status } = JSON.parse(answer) as { readonly status?: unknown }
    if (typeof status === 'string') return status.slice(0, STATUS_LENGTH_MAX)
  } catch {
    // Not JSON: it says nothing that could be shown.
  }
  return 'the token is not accepted'
}

/** Why the broker does not let us in, in our words; null: that is not what the error says. */
export function refusalOf(error: unknown, mechanism: string): string | null {
  if (error instanceof AuthenticationError) return error.message
  switch ((error as { readonly type?: string }).type) {
    case 'UNSUPPORTED_SASL_MECHANISM':
      return `it does not take ${mechanism}: look at sasl.enabled.mechanisms of its listener`
    case 'ILLEGAL_SASL_STATE':
      return 'it wants no SASL here: leave options.authorization out, or use the port of another listener'
    default:
      return null
  }
}
