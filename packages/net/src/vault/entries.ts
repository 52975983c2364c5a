/**
 * What a store of keys and certificates holds, whatever its format: pairs of a key with its chain, and certificates by
 * name. Used by the readers of both formats. A fault names the entry; it never holds a password or a key.
 */
import { createPrivateKey, type KeyObject, type PrivateKeyInput, X509Certificate } from 'node:crypto'
import type { KeyPair, TrustedCertificate } from '@zilla-ts/engine'

/** What is wrong with the content of a store; `message` goes on after `the file …: `. */
export class StoreFault extends Error {}

export interface NamedKey {
  readonly name: string
  readonly key: KeyObject
}

export interface NamedCertificate {
  readonly name: string
  readonly certificate: X509Certificate
}

export interface StoreEntries {
  readonly keys: readonly NamedKey[]
  readonly certificates: readonly NamedCertificate[]
}

/** Upper and lower case make no difference in names of entries, as in Java, whose tools make most stores. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

export function parseKey(input: PrivateKeyInput, name: string): KeyObject {
  try {
    return createPrivateKey(input)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_MISSING_PASSPHRASE')
      throw new StoreFault(`the key ${name} is encrypted, and there is no password`)
    if (input.passphrase !== undefined)
      throw new StoreFault(`the password does not fit the key ${name}, or it is damaged`)
    throw new StoreFault(`the key ${name} cannot be read: it is damaged, or of an unknown sort`)
  }
}

export function parseCertificate(input: Buffer | string, name: string): X509Certificate {
  try {
    return new X509Certificate(input)
  } catch {
    throw new StoreFault(`the certificate ${name} cannot be read: it is damaged`)
  }
}

/** Every key with its own certificate and those of its issuers, as far as they are there. */
export function keyPairs({ keys, certificates }: StoreEntries): KeyPair[] {
  const all = certificates.map(({ certificate }) => certificate)
  return keys.map(({ name, key }) => {
    const own = all.find((certificate) => certificate.checkPrivateKey(key))
    if (own === undefined) throw new StoreFault(`the key ${name} has no certificate there`)
    return {
      name,
      key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
      certificates: chainOf(own, all).map(String).join(''),
    }
  })
}

export function trusted({ certificates }: StoreEntries): TrustedCertificate[] {
  return certificates.map(({ name, certificate }) => ({ name, certificate: String(certificate) }))
}

/** From a certificate to the last issuer found. */
function chainOf(own: X509Certificate, all: readonly X509Certificate[]): X509Certificate[] {
  const chain = [own]
  for (let last = own; ; ) {
    const issuer = all.find((each) => !chain.includes(each) && isIssuedBy(last, each))
    if (issuer === undefined) return chain
    chain.push(issuer)
    last = issuer
  }
}

/** By name and by signature: authorities of one name may have several keys. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** The named ones, or all; a name that is not there is a fault that lists what is. */
export function select<T extends { readonly name: string }>(
  entries: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  if (names === undefined) return entries
  return names.map((name) => {
    const entry = entries.find((each) => sameName(each.name, name))
    if (entry !== undefined) return entry
    throw new StoreFault(
      `there is no entry ${name}, only ${entries.map((each) => each.name).join(', ') || 'none at all'}`,
    )
  })
}
