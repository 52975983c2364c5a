/** What a tls binding shows and trusts: its options, looked up in its vault. Every fault names the option. */
import { X509Certificate } from 'node:crypto'
import { rootCertificates, type SecureContextOptions } from 'node:tls'
import type { KeyPair, TrustedCertificate, Vault } from '@zilla-ts/engine'
import { isIssuedBy, select } from '../vault/entries.ts'
import type { TlsConfig } from './tls.config.ts'

type Options = TlsConfig['options']

/** `allowPartialTrustChain` is in Node, but not in the types of its oldest version that we support. */
type ContextOptions = SecureContextOptions & { readonly allowPartialTrustChain?: boolean }

/** The keys that `keys` or `signers` choose, or all there are. */
export function keysOf(vault: Vault, { keys, signers }: Options): readonly KeyPair[] {
  if (signers === undefined) return lookUp('keys', vault.keys, keys)
  const issuers = lookUp('signers', vault.signers, signers).map(({ certificate }) => new X509Certificate(certificate))
  return vault.keys.filter((pair) => {
    const own = new X509Certificate(pair.certificates)
    return issuers.some((issuer) => isIssuedBy(own, issuer))
  })
}

/** Certificates of the vault by name; every one when there are no names. */
export function trustOf(vault: Vault, names: readonly string[] | undefined): readonly TrustedCertificate[] {
  return lookUp('trust', vault.trust, names)
}

function lookUp<T extends { readonly name: string }>(
  option: string,
  entries: readonly T[],
  names: readonly string[] | undefined,
) {
  try {
    return select(entries, names)
  } catch (error) {
    throw new Error(`${option} of the vault: ${(error as Error).message}`)
  }
}

/** Versions, and whose certificates are accepted; null: those of the well-known authorities. */
export function contextOptions(
  { version }: Options,
  vault: Vault | null,
  trust: readonly TrustedCertificate[] | null,
  trustcacerts: boolean,
): ContextOptions {
  const crls = vault?.crls ?? null
  return {
    minVersion: version === 'TLS' ? 'TLSv1.2' : version,
    maxVersion: version === 'TLS' ? 'TLSv1.3' : version,
    ...(trust !== null && {
      ca: [...trust.map(({ certificate }) => certificate), ...(trustcacerts ? rootCertificates : [])],
      // As in Java: whoever is trusted need not be the root of its chain.
      allowPartialTrustChain: true,
    }),
    ...(crls !== null && { crl: [...crls] }),
  }
}

/** The names of a list that old documents filled up with nulls. */
export function protocolsOf({ alpn }: Options): readonly string[] {
  return alpn?.filter((name) => name !== null) ?? []
}
