/** `when` of http routes: header fields and pseudo fields, compiled once at attach. */
import { wildcard } from '../tcp/condition.ts'
import type { HttpConfig } from './http.config.ts'
import type { HeaderFields } from './stream.ts'

const CAPTURE = /\{[a-zA-Z0-9_.-]+\}/

interface Field {
  readonly name: string
  readonly pattern: RegExp
  /** the query takes no part */
  readonly pathOnly: boolean
}

export class HttpCondition {
  readonly #fields: readonly Field[]

  constructor({ headers }: NonNullable<HttpConfig['when']>) {
    this.#fields = Object.entries(headers).map(([name, value]) => {
      const lower = name.toLowerCase()
      // Tokens of Upgrade are compared without regard to case (RFC 9110 §7.8).
      if (lower === 'upgrade') return { name: lower, pattern: wildcard(value.toLowerCase()), pathOnly: false }
      const isPath = lower === ':path'
      return {
        name: lower,
        pattern: isPath ? pathPattern(value) : wildcard(value),
        pathOnly: isPath && !value.endsWith('*'),
      }
    })
  }

  matches(headers: HeaderFields): boolean {
    return this.#fields.every(({ name, pattern, pathOnly }) => {
      const value = headers[name]
      if (value === undefined) return false
      if (name === 'upgrade') return pattern.test(value.toLowerCase())
      return pattern.test(pathOnly ? value.split('?', 1)[0]! : value)
    })
  }
}

/** `{name}` stands for one segment. */
function pathPattern(path: string): RegExp {
  const pieces = path.split(CAPTURE).map((piece) => wildcard(piece).source.slice(1, -1))
  return new RegExp(`^${pieces.join('[^/?]+')}$`, 's')
}
