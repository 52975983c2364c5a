/** `when` of ws routes: subprotocol and what was asked for, compiled once at attach. */
import type { HeaderFields } from '../http/stream.ts'
import { wildcard } from '../tcp/condition.ts'
import type { WsConfig } from './ws.config.ts'

type Part = ':scheme' | ':authority' | ':path'

export class WsCondition {
  readonly #protocol: RegExp | null
  readonly #parts: readonly { readonly name: Part; readonly pattern: RegExp; readonly pathOnly: boolean }[]

  constructor({ protocol, scheme, authority, path }: NonNullable<WsConfig['when']>) {
    this.#protocol = protocol === undefined ? null : wildcard(protocol)
    const parts: Readonly<Record<Part, string | undefined>> = {
      ':scheme': scheme,
      ':authority': authority,
      ':path': path,
    }
    this.#parts = Object.entries(parts).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [{ name: name as Part, pattern: wildcard(value), pathOnly: name === ':path' && !value.endsWith('*') }],
    )
  }

  /** The subprotocol to be used, of those offered, in the client's order; '': none; null: no match. */
  match(headers: HeaderFields, offered: readonly string[]): string | null {
    const matches = this.#parts.every(({ name, pattern, pathOnly }) => {
      const value = headers[name] ?? ''
      return pattern.test(pathOnly ? value.split('?', 1)[0]! : value)
    })
    if (!matches) return null
    return this.#protocol === null ? anyOf(offered) : (offered.find((each) => this.#protocol!.test(each)) ?? null)
  }
}

/**
 * A client that offers subprotocols fails when none of them is answered, so one must be. MQTT's goes first, for a server of
 * MQTT must answer `mqtt` [MQTT-6.0.0-4] and clients offer it beside names of older versions.
 */
export const anyOf = (offered: readonly string[]): string => (offered.includes('mqtt') ? 'mqtt' : (offered[0] ?? ''))
