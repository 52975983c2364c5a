/** The keys of an issuer by name. Built whole from a document or a JSON Web Key Set, then never changed. */
import type { VerifyingKey } from './key.ts'

export class KeySet {
  /** a value that differs when any key does */
  readonly fingerprint: string
  readonly size: number
  readonly #fingerprints: ReadonlySet<string>
  /** names need not be unique across algorithms (RFC 7517 §4.5) */
  readonly #byKid = new Map<string | null, VerifyingKey[]>()

  constructor(keys: readonly VerifyingKey[]) {
    this.size = keys.length
    for (const key of keys) {
      const same = this.#byKid.get(key.kid)
      if (same === undefined) this.#byKid.set(key.kid, [key])
      else same.push(key)
    }
    this.#fingerprints = new Set(keys.map(({ fingerprint }) => fingerprint))
    this.fingerprint = [...this.#fingerprints].sort().join()
  }

  has(kid: string): boolean {
    return this.#byKid.has(kid)
  }

  holds({ fingerprint }: VerifyingKey): boolean {
    return this.#fingerprints.has(fingerprint)
  }

  /** `kid` is a name to look up and nothing else (RFC 8725 §3.10). A token without one is tried with a key that is alone. */
  find(kid: string | null, algorithm: string): VerifyingKey | null {
    const named = kid === null && this.size === 1 ? [...this.#byKid.values()][0] : this.#byKid.get(kid)
    return named?.find(({ algorithms }) => algorithms.includes(algorithm)) ?? null
  }
}
