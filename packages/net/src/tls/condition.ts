/** `when` of tls routes, compiled once at attach. A connection is judged by what is known of it so far. */
import { wildcard } from '../tcp/condition.ts'
import { type PortRange, portRanges } from '../tcp/ports.ts'
import type { TlsConfig } from './tls.config.ts'

/** What is known of a connection. Undefined: not known yet, so that any condition may still come true. */
export interface Facts {
  readonly port?: number
  /** name asked for; null: none */
  readonly authority?: string | null
  /** protocol that was agreed on, or on a proxy those that were offered */
  readonly alpn?: readonly string[]
  /** names in the vault of those who vouch for the client; null: it has shown no certificate */
  readonly trust?: readonly string[] | null
}

export class Condition {
  readonly #authority: RegExp | null
  readonly #alpn: string | null
  readonly #ports: readonly PortRange[] | null
  readonly #trust: readonly string[] | null
  readonly #mutual: 'required' | 'none' | null

  constructor({ authority, alpn, port, trust, mutual }: NonNullable<TlsConfig['when']>) {
    this.#authority = authority === undefined ? null : wildcard(authority.toLowerCase())
    this.#alpn = alpn ?? null
    this.#ports = port === undefined ? null : portRanges(port)
    this.#trust = trust ?? null
    this.#mutual = mutual ?? (trust === undefined ? null : 'required')
  }

  /** Whether nothing that is known contradicts. */
  matches({ port, authority, alpn, trust }: Facts): boolean {
    if (this.#ports !== null && port !== undefined && !this.#ports.some(({ from, to }) => port >= from && port <= to))
      return false
    if (this.#authority !== null && authority !== undefined && !this.#authority.test(authority?.toLowerCase() ?? ''))
      return false
    if (this.#alpn !== null && alpn !== undefined && !alpn.includes(this.#alpn)) return false
    if (trust === undefined || this.#mutual === null) return true
    if (this.#mutual === 'none') return trust === null
    return trust !== null && (this.#trust === null || this.#trust.some((name) => trust.includes(name)))
  }
}

/** No condition at all matches everything; else any one is enough. */
export const matchesAny = (conditions: readonly Condition[], facts: Facts): boolean =>
  conditions.length === 0 || conditions.some((condition) => condition.matches(facts))

/** For people: what the client is like, where a condition alone is not met. */
export function unmetNote(when: NonNullable<TlsConfig['when']>, { port, authority, alpn }: Facts): string {
  if (when.authority !== undefined) return `the client asks for ${authority ?? 'no name'}`
  if (when.port !== undefined) return `the client connects to port ${port}`
  if (when.alpn !== undefined)
    return alpn?.length === 0 ? 'no protocol is agreed on' : `the protocol is ${alpn?.join(', ')}`
  return ''
}
