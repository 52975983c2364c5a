/**
 * A value of `params:` in a condition: a text, or what a guard has found out about the client. Resolved once per CONNECT and
 * re-authentication.
 */
import { qualify, type Session, sessionOf } from '@zilla-ts/engine'

const EXPRESSION = /^\$\{guarded\['([^'\]]+)'\]\.(?:identity|attributes\.([a-zA-Z0-9._-]+))\}$/

/** Values by the name of their placeholder. */
export type Values = ReadonlyMap<string, string>

/** - `text` as written; else the guard as written, and the attribute, null: the identity */
export type Param = { readonly text: string } | { readonly guard: string; readonly attribute: string | null }

/** Throws a `RangeError`. */
export function parseParam(written: string): Param {
  if (!written.includes('${')) return { text: written }
  const [, guard, attribute] = EXPRESSION.exec(written) ?? []
  if (guard !== undefined) return { guard, attribute: attribute ?? null }
  throw new RangeError(
    `${written} is neither a text nor \${guarded['guard'].identity} nor \${guarded['guard'].attributes.name}`,
  )
}

/** All of one condition, for sessions of guards as `namespace` names them. */
export class Params {
  readonly #params: readonly (readonly [name: string, param: Param])[]
  readonly #namespace: string

  constructor(written: Readonly<Record<string, string>>, namespace: string) {
    this.#params = Object.entries(written).map(([name, value]) => [name, parseParam(value)])
    this.#namespace = namespace
  }

  get empty(): boolean {
    return this.#params.length === 0
  }

  /** Null: one of them is not known of this client, so that the condition cannot hold. */
  resolve(session: Session | null): Values | null {
    const values = new Map<string, string>()
    for (const [name, param] of this.#params) {
      const value = this.#value(param, session)
      if (value === null) return null
      values.set(name, value)
    }
    return values
  }

  #value(param: Param, session: Session | null): string | null {
    if ('text' in param) return param.text
    const found = sessionOf(session, qualify(this.#namespace, param.guard))
    if (found === null) return null
    if (param.attribute === null) return found.identity
    return Object.hasOwn(found.attributes, param.attribute) ? (found.attributes[param.attribute] ?? null) : null
  }
}
