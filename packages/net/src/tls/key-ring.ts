/**
 * The keys of a server, and which of them a client gets: those whose certificate has the name asked for, one of each sort
 * (RSA, EC), so that every client finds one that it can use. Immutable: other keys are another ring.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { KeyPair } from '@zilla-ts/engine'

interface RingKey {
  readonly pair: KeyPair
  readonly certificate: X509Certificate
  /** `rsa`, `ec`, … */
  readonly sort: string | undefined
}

export class KeyRing {
  readonly #shared: SecureContextOptions
  readonly #keys: readonly RingKey[]
  /** by the places of the keys in it: as many as there are keys that go together, whatever clients ask for */
  readonly #contexts = new Map<string, SecureContext>()

  /** Throws when a key cannot be used, so that this is found out before a client comes. */
  constructor(pairs: readonly KeyPair[], shared: SecureContextOptions) {
    this.#shared = shared
    this.#keys = pairs.map((pair) => ({
      pair,
      certificate: new X509Certificate(pair.certificates),
      sort: createPrivateKey(pair.key).asymmetricKeyType,
    }))
    for (const key of this.#keys) {
      try {
        createSecureContext(this.#options([key]))
      } catch (error) {
        throw new Error(`the key ${key.pair.name} cannot be used for TLS: ${(error as Error).message}`)
      }
    }
  }

  /** For clients that ask for no name, or for one that no certificate has. */
  get defaults(): SecureContextOptions {
    const first = this.#keys[0]!
    const name = first.certificate.subjectAltName?.match(/DNS:([^,\s"*]+)/)?.[1]
    const group = name === undefined ? [] : this.#group(name)
    return this.#options(group[0] === first ? group : [first])
  }

  /** Undefined: no certificate has the name. */
  contextFor(name: string): SecureContext | undefined {
    const group = this.#group(name)
    if (group.length === 0) return undefined
    const places = group.map((key) => this.#keys.indexOf(key)).join()
    let context = this.#contexts.get(places)
    if (context === undefined) {
      context = createSecureContext(this.#options(group))
      this.#contexts.set(places, context)
    }
    return context
  }

  /** Names of keys whose certificates are not valid at `now` (epoch ms). */
  notValid(now: number): string[] {
    return this.#keys
      .filter(({ certificate }) => Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now)
      .map(({ pair }) => pair.name)
  }

  #group(name: string): RingKey[] {
    const group: RingKey[] = []
    for (const key of this.#keys) {
      if (key.certificate.checkHost(name) === undefined) continue
      if (!group.some(({ sort }) => sort === key.sort)) group.push(key)
    }
    return group
  }

  #options(keys: readonly RingKey[]): SecureContextOptions {
    return { ...this.#shared, key: keys.map(({ pair }) => pair.key), cert: keys.map(({ pair }) => pair.certificates) }
  }
}
