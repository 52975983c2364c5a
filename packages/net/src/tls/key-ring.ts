/**
 * The keys of a server, and which of them a client gets: those whose certificate has the name asked for, one of each sort
 * (RSA, EC), so that every client finds one that it can use. Node can do so for one set of keys at a time only, so each set
 * has an acceptor. Immutable: other keys are another ring.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { KeyPair } from '@zilla-ts/engine'
import type { Acceptor } from './acceptor.ts'

/** The part of the options of TLS that a set of keys decides. */
export type KeyOptions = Required<Pick<SecureContextOptions, 'key' | 'cert'>>

interface RingKey {
  readonly pair: KeyPair
  readonly certificate: X509Certificate
  /** `rsa`, `ec`, … */
  readonly sort: string | undefined
}

export class KeyRing {
  readonly #keys: readonly RingKey[]
  readonly #accept: (keys: KeyOptions) => Acceptor
  /** for clients that ask for no name, or for one that no certificate has */
  readonly #defaults: readonly RingKey[]
  /** by the places of the keys in it: as many as there are keys that go together, whatever clients ask for */
  readonly #acceptors = new Map<string, Acceptor>()

  /** At least one pair. Throws when a key cannot be used, so that this is found out before a client comes. */
  constructor(pairs: readonly KeyPair[], accept: (keys: KeyOptions) => Acceptor) {
    this.#accept = accept
    this.#keys = pairs.map(ringKey)
    const first = this.#keys[0]!
    const name = first.certificate.subjectAltName?.match(/DNS:([^,\s"*]+)/)?.[1]
    const group = name === undefined ? [] : this.#group(name)
    this.#defaults = group[0] === first ? group : [first]
    this.#acceptorOf(this.#defaults)
  }

  /** Whatever a client asks for, it gets the same. */
  get isOne(): boolean {
    return this.#defaults.length === this.#keys.length
  }

  /** Null: no name is asked for, or it does not matter. */
  acceptorFor(name: string | null): Acceptor {
    const group = name === null || this.isOne ? [] : this.#group(name)
    return this.#acceptorOf(group.length === 0 ? this.#defaults : group)
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

  #acceptorOf(group: readonly RingKey[]): Acceptor {
    const places = group.map((key) => this.#keys.indexOf(key)).join()
    let acceptor = this.#acceptors.get(places)
    if (acceptor === undefined) {
      acceptor = this.#accept({
        key: group.map(({ pair }) => pair.key),
        cert: group.map(({ pair }) => pair.certificates),
      })
      this.#acceptors.set(places, acceptor)
    }
    return acceptor
  }
}

function ringKey(pair: KeyPair): RingKey {
  try {
    createSecureContext({ key: pair.key, cert: pair.certificates })
  } catch (error) {
    throw new Error(`the key ${pair.name} cannot be used for TLS: ${(error as Error).message}`)
  }
  return {
    pair,
    certificate: new X509Certificate(pair.certificates),
    sort: createPrivateKey(pair.key).asymmetricKeyType,
  }
}
