/**
 * Which pages may connect. A browser sends the `Origin` of a page and every credential it has for our host, whoever wrote
 * that page (RFC 6455 §10.2), so pages of other hosts are refused unless the document names them. The fields of CORS only
 * let pages read our answers and ask beforehand; a WebSocket needs none of them.
 */
import { wildcard } from '../tcp/condition.ts'
import type { AnswerHeaders } from './answer.ts'
import type { AccessControlOptions } from './http.config.ts'
import type { HeaderFields } from './stream.ts'

const SAME_ORIGIN: AccessControlOptions = { policy: 'same-origin' }

export class AccessControl {
  readonly #options: AccessControlOptions
  readonly #origins: readonly RegExp[] | null

  constructor(options: AccessControlOptions = SAME_ORIGIN) {
    this.#options = options
    this.#origins = options.allow?.origins?.map((origin) => wildcard(origin.toLowerCase())) ?? null
  }

  /** Whether the page that the request comes from, if any, may connect. */
  permits(fields: HeaderFields): boolean {
    const { origin } = fields
    return origin === undefined || isSameOrigin(origin, fields) || this.#permitsOther(origin)
  }

  /** Fields that let the page read the answer. */
  answerHeaders(fields: HeaderFields): AnswerHeaders {
    const { origin } = fields
    const { allow, expose } = this.#options
    if (origin === undefined || !this.#permitsOther(origin)) return {}
    return {
      'Access-Control-Allow-Origin': origin,
      Vary: 'Origin',
      ...(allow?.credentials === true && { 'Access-Control-Allow-Credentials': 'true' }),
      ...(expose?.headers !== undefined && { 'Access-Control-Expose-Headers': expose.headers.join(', ') }),
    }
  }

  /** Fields that answer a browser's question before a request of a page; null: it is no such question, or denied. */
  preflightHeaders(fields: HeaderFields): AnswerHeaders | null {
    const method = fields['access-control-request-method']
    const { origin } = fields
    const { allow, 'max-age': maxAge } = this.#options
    if (fields[':method'] !== 'OPTIONS' || method === undefined) return null
    if (origin === undefined || !this.#permitsOther(origin)) return null
    const headers = allow?.headers?.join(', ') ?? fields['access-control-request-headers']
    return {
      ...this.answerHeaders(fields),
      'Access-Control-Allow-Methods': allow?.methods?.join(', ') ?? method,
      ...(headers !== undefined && { 'Access-Control-Allow-Headers': headers }),
      ...(maxAge !== undefined && { 'Access-Control-Max-Age': String(maxAge) }),
    }
  }

  #permitsOther(origin: string): boolean {
    if (this.#options.policy !== 'cross-origin') return false
    return this.#origins === null || this.#origins.some((pattern) => pattern.test(origin.toLowerCase()))
  }
}

/**
 * Whether a page came from the host that it connects to. We may stand behind somebody who ends TLS, so that its `https` can
 * be our `http`, but never the other way round.
 */
function isSameOrigin(origin: string, fields: HeaderFields): boolean {
  try {
    const page = new URL(origin)
    if (page.protocol === 'http:' && fields[':scheme'] === 'https') return false
    if (page.protocol !== 'http:' && page.protocol !== 'https:') return false
    return new URL(`${page.protocol}//${fields[':authority']}`).host === page.host
  } catch {
    return false
  }
}
