/**
 * `options.authorization` of a client: which user name and password go into CONNECT, from what a guard has to show. Built
 * once for a client; asked once for a session.
 */
import { type Finding, type Guard, type Session, sessionOf } from '@zilla-ts/engine'
import type { MqttAuthorization } from '../mqtt.config.ts'

export interface Login {
  readonly username: string | null
  readonly password: Buffer | null
}

/** A two byte length stands before each field (§1.5.4, §1.5.6). */
const FIELD_BYTES_MAX = 65_535

export class Authorization {
  readonly #name: string
  readonly #guard: Guard
  readonly #connect: MqttAuthorization['credentials']['connect']

  /** `name` is the qualified one of the guard. */
  constructor(name: string, guard: Guard, { credentials }: MqttAuthorization) {
    this.#name = name
    this.#guard = guard
    this.#connect = credentials.connect
  }

  /** Throws an error that says why there is nothing to log in with. `username` is that of the client spoken for. */
  login(session: Session | null, username: string | null): Login {
    const shown = this.#guard.credentials?.(sessionOf(session, this.#name)) ?? null
    if (shown === null) throw new Error(`the guard ${this.#name} has no credentials to show for this session`)
    const { credentials, identity } = shown
    const fill = (pattern: string): string => {
      if (identity === null && pattern.includes('{identity}')) {
        throw new Error(`the guard ${this.#name} has no identity to show for this session`)
      }
      // A function, for `$` in a replacement has a meaning.
      return pattern.replace(/\{(credentials|identity)\}/g, (_, name) =>
        name === 'identity' ? identity! : credentials,
      )
    }
    const { username: userPattern, password: passwordPattern } = this.#connect
    const login = {
      username: userPattern === undefined ? username : fill(userPattern),
      password: passwordPattern === undefined ? null : Buffer.from(fill(passwordPattern)),
    }
    checkLogin(login)
    return login
  }
}

function checkLogin({ username, password }: Login): void {
  const bytes = Math.max(Buffer.byteLength(username ?? ''), password?.length ?? 0)
  if (bytes > FIELD_BYTES_MAX) throw new Error('the credentials to log in with are too long for MQTT')
  // [MQTT-1.5.4-1], [MQTT-1.5.4-2]; a password may be any bytes
  if (/[\0\p{Cs}]/u.test(username ?? '')) throw new Error('the user name to log in with is no text of MQTT')
}

/** What the schema cannot say about the patterns of a client. */
export function checkAuthorization(authorization: Readonly<Record<string, MqttAuthorization>>): Finding[] {
  return Object.entries(authorization).flatMap(([guard, { credentials }]): Finding[] => {
    const path = ['options', 'authorization', guard, 'credentials', 'connect']
    const findings: Finding[] = []
    const patterns = Object.entries(credentials.connect) as [string, string][]
    for (const [field, pattern] of patterns) {
      const unknown = /\{(?!(?:credentials|identity)\})[^{}]*\}/.exec(pattern)?.[0]
      if (unknown === undefined) continue
      const message = `${unknown} is neither {credentials} nor {identity}`
      findings.push({ level: 'error', path: [...path, field], code: 'credentials-pattern-invalid', message })
    }
    if (!patterns.some(([, pattern]) => pattern.includes('{credentials}'))) {
      const message = '{credentials} is in none of the patterns, so nothing would be proved'
      findings.push({ level: 'error', path, code: 'credentials-pattern-invalid', message })
    }
    return findings
  })
}
