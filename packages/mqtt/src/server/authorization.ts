/**
 * `options.authorization` of a server: which part of a CONNECT or AUTH holds credentials, and the guard that knows them. One
 * for all connections; holds nothing of any.
 */
import { isUtf8 } from 'node:buffer'
import { type Credentials, type Finding, type Guard, type Reporter, type Session, StreamError } from '@zilla-ts/engine'
import type { ConnectPacket } from '../codec/packets.ts'
import type { MqttConfig, MqttCredentials } from '../mqtt.config.ts'
import { CredentialsPattern } from './credentials-pattern.ts'

/** Who is told what a guard has said: exactly one call, in a later turn. */
export interface Asker {
  /** null: the credentials are not accepted */
  onAnswer(session: Session | null): void
  /** The guard cannot say; the message is for operators. */
  onNoAnswer(error: StreamError): void
  /** One of the calls above threw: a fault of ours. */
  onFault(error: unknown): void
}

type Options = NonNullable<MqttConfig['options']['authorization']>

export class Authorization {
  /** Authentication Method that clients may name (MQTT 5.0 §4.12); null: none */
  readonly method: string | null
  readonly #guard: Guard
  readonly #report: Reporter
  readonly #username: CredentialsPattern | null
  readonly #password: CredentialsPattern | null
  readonly #data: CredentialsPattern | null

  constructor(options: Options, guard: (name: string) => Guard, report: Reporter) {
    const [name, { credentials }] = Object.entries(options)[0]!
    const { connect, auth } = credentials
    this.#guard = guard(name)
    this.#report = report
    this.#username = compile(connect?.username)
    this.#password = compile(connect?.password)
    this.#data = compile(auth?.data)
    this.method = auth?.method ?? null
  }

  /** A user name is where credentials are: it is nothing to be shown to anybody else. */
  get usernameIsSecret(): boolean {
    return this.#username?.has('credentials') === true
  }

  /** What CONNECT shows; null: nothing that fits, so that the client stays anonymous. */
  shownBy(packet: ConnectPacket): Credentials | null {
    const { username } = packet
    const byName = this.#username === null ? NOTHING : matched(this.#username, username)
    const byPassword = this.#password === null ? NOTHING : matched(this.#password, textOf(packet.password))
    if (byName === null || byPassword === null) return null
    const credentials = byName.credentials ?? byPassword.credentials
    if (credentials === null) return null
    const named = byName.credentials === null ? username : null
    return { credentials, identity: byName.identity ?? byPassword.identity ?? named }
  }

  /** What Authentication Data shows; null: nothing that fits. */
  shownIn(data: Buffer | undefined): Credentials | null {
    const found = this.#data === null ? null : matched(this.#data, textOf(data ?? null))
    return found?.credentials == null ? null : { credentials: found.credentials, identity: found.identity }
  }

  /** How a CONNECT shows this token, as the document wants it; null: by Authentication Data. For `explain`. */
  placeOf(token: string, username: string | null): Pick<ConnectPacket, 'username' | 'password'> | null {
    const values = { credentials: token, identity: username ?? '' }
    const inName = this.#username?.has('credentials') === true
    if (!inName && this.#password?.has('credentials') !== true) return null
    const password = inName ? null : Buffer.from(this.#password?.fill(values) ?? '')
    return { username: inName ? (this.#username?.fill(values) ?? null) : username, password }
  }

  /** Authentication Data that shows this token. */
  dataOf(token: string): Buffer {
    return Buffer.from(this.#data?.fill({ credentials: token, identity: '' }) ?? token)
  }

  /** `earlier`: what a guard of the byte stream has found out. */
  ask(shown: Credentials, earlier: Session | null, asker: Asker): void {
    this.authorize(shown, earlier)
      .then(
        (session) => asker.onAnswer(session),
        (error) => asker.onNoAnswer(this.#told(error)),
      )
      .catch((error) => asker.onFault(error))
  }

  /** A guard that throws at once rejects as well. */
  async authorize(shown: Credentials, earlier: Session | null): Promise<Session | null> {
    return this.#guard.authorize(shown, earlier)
  }

  /** The message of an unexpected exception may quote what was shown: its place is told, its message is not. */
  #told(error: unknown): StreamError {
    if (error instanceof StreamError) return error
    const name = error instanceof Error ? error.name : typeof error
    const fault = new Error(`a guard threw ${name}`)
    const frames = error instanceof Error ? (error.stack?.match(/^ {4}at .*$/gm) ?? []) : []
    fault.stack = [`Error: ${fault.message}`, ...frames].join('\n')
    this.#report.fault('mqtt.authorize', fault)
    return new StreamError('internal', fault.message)
  }
}

const NOTHING = { credentials: null, identity: null }

function compile(pattern: string | undefined): CredentialsPattern | null {
  return pattern === undefined ? null : new CredentialsPattern(pattern)
}

function matched(pattern: CredentialsPattern, text: string | null): ReturnType<CredentialsPattern['match']> {
  return text === null ? null : pattern.match(text)
}

/** Null: bytes that are no UTF-8 match no pattern, and must not be changed into some that do. */
function textOf(bytes: Buffer | null): string | null {
  return bytes !== null && isUtf8(bytes) ? bytes.toString() : null
}

type Path = readonly (string | number)[]

/** What the schema of the document cannot say of `options.authorization`. */
export function checkAuthorization(options: MqttConfig['options']['authorization'], guarded: boolean): Finding[] {
  return Object.entries(options ?? {}).flatMap(([guard, { credentials }]) => {
    const path = ['options', 'authorization', guard]
    const findings = checkCredentials(credentials, [...path, 'credentials'])
    if (guarded) return findings
    const message = 'no route is `guarded`, so that clients without credentials are let in as well'
    return [...findings, { level: 'warning', path, code: 'authorization-not-required', message }]
  })
}

function checkCredentials({ connect, auth }: MqttCredentials, path: Path): Finding[] {
  const findings: Finding[] = []
  const error = (at: Path, message: string) =>
    findings.push({ level: 'error', path: [...path, ...at], code: 'credentials-pattern-invalid', message })
  const holders = (of: string, patterns: Readonly<Record<string, string | undefined>>): void => {
    const sound = Object.entries(patterns).flatMap(([key, pattern]) => {
      try {
        return pattern === undefined ? [] : [{ key, compiled: new CredentialsPattern(pattern) }]
      } catch (fault) {
        error([of, key], (fault as Error).message)
        return []
      }
    })
    for (const part of ['credentials', 'identity'] as const) {
      const [, second] = sound.filter(({ compiled }) => compiled.has(part))
      if (second !== undefined) error([of, second.key], `{${part}} stands in the other pattern already`)
    }
    const none = findings.length === 0 && sound.length > 0 && !sound.some(({ compiled }) => compiled.has('credentials'))
    if (none) error([of, sound.at(-1)!.key], 'the pattern does not say where the {credentials} are')
  }
  if (connect !== undefined) holders('connect', { username: connect.username, password: connect.password })
  if (auth !== undefined) holders('auth', { data: auth.data })
  return findings
}
