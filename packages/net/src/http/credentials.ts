/** What a guard is shown of a request: patterns of the document over header fields, cookies and the query. Holds no secret. */
import type { Credentials } from '@zilla-ts/engine'
import type { HttpAuthorization } from './http.config.ts'
import type { HeaderFields } from './stream.ts'

type Read = (fields: HeaderFields) => Credentials | null

const BASIC = /^basic +(?=.*\{username\})/i
const GROUPS: Readonly<Record<string, string>> = {
  '{credentials}': '(?<credentials>.+)',
  // RFC 7617: a user name has no colon
  '{username}': '(?<username>[^:]*)',
  '{password}': '(?<password>.*)',
}

export class CredentialsReader {
  readonly #reads: readonly Read[]
  /** what a client that shows nothing is asked for */
  readonly challenge: string

  constructor({ credentials }: HttpAuthorization) {
    const { headers = {}, cookies = {}, query = {} } = credentials
    this.#reads = [
      ...Object.entries(headers).map(([name, pattern]) => fromHeader(name.toLowerCase(), pattern)),
      ...Object.entries(cookies).map(([name, pattern]) => fromCookie(name, pattern)),
      ...Object.entries(query).map(([name, pattern]) => fromQuery(name, pattern)),
    ]
    const [, scheme] =
      Object.entries(headers)
        .filter(([name]) => name.toLowerCase() === 'authorization')
        .map(([, pattern]) => /^([a-z0-9-]+) /i.exec(pattern))
        .find((match) => match !== null) ?? []
    this.challenge = scheme?.toLowerCase() === 'basic' ? 'Basic realm="zilla", charset="UTF-8"' : (scheme ?? 'Bearer')
  }

  /** The first that fits; null: nothing is shown. */
  read(fields: HeaderFields): Credentials | null {
    for (const read of this.#reads) {
      const shown = read(fields)
      if (shown !== null) return shown
    }
    return null
  }
}

function fromHeader(name: string, pattern: string): Read {
  // The scheme of an Authorization is compared without regard to case (RFC 9110 §11.1).
  const flags = name === 'authorization' ? 'is' : 's'
  if (!BASIC.test(pattern)) {
    const regexp = compile(pattern, flags)
    return (fields) => extract(regexp, fields[name])
  }
  const regexp = compile(pattern.replace(BASIC, ''), 's')
  return (fields) => {
    const encoded = /^basic +([a-z0-9+/]+={0,2})$/i.exec(fields[name] ?? '')?.[1]
    return encoded === undefined ? null : extract(regexp, Buffer.from(encoded, 'base64').toString())
  }
}

function fromCookie(name: string, pattern: string): Read {
  const regexp = compile(pattern, 's')
  return (fields) => {
    for (const pair of (fields['cookie'] ?? '').split(';')) {
      const at = pair.indexOf('=')
      if (at < 0 || pair.slice(0, at).trim() !== name) continue
      return extract(
        regexp,
        pair
          .slice(at + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      )
    }
    return null
  }
}

function fromQuery(name: string, pattern: string): Read {
  const regexp = compile(pattern, 's')
  return (fields) => {
    const path = fields[':path'] ?? ''
    const at = path.indexOf('?')
    return at < 0 ? null : extract(regexp, new URLSearchParams(path.slice(at)).get(name) ?? undefined)
  }
}

function compile(pattern: string, flags: string): RegExp {
  const source = pattern
    .split(/(\{credentials\}|\{username\}|\{password\})/)
    .map((piece) => GROUPS[piece] ?? piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${source.join('')}$`, flags)
}

function extract(regexp: RegExp, value: string | undefined): Credentials | null {
  const { credentials, username, password } = (value === undefined ? null : regexp.exec(value))?.groups ?? {}
  if (credentials !== undefined) return { credentials, identity: null }
  return username === undefined || password === undefined ? null : { credentials: password, identity: username }
}
