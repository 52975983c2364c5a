/** The certificate of a peer and what it says. Used after a handshake only: everything here has been verified then. */
import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { TrustedCertificate } from '@zilla-ts/engine'

/** The peer's certificate, then its issuers up to the one that is trusted; empty: it has shown none. */
export function peerChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  let each: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  const seen = new Set<DetailedPeerCertificate>()
  // A root is its own issuer. Who has shown no certificate has an empty object for one.
  while (each?.raw !== undefined && !seen.has(each)) {
    seen.add(each)
    chain.push(new X509Certificate(each.raw))
    each = each.issuerCertificate
  }
  return chain
}

/** Those of a PEM text, in its order. Throws what Node throws for what is none. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

/** Names of those in the vault who stand in the chain. */
export function namesIn(chain: readonly X509Certificate[], trust: readonly TrustedCertificate[]): string[] {
  return trust
    .filter(({ certificate }) => {
      const { raw } = new X509Certificate(certificate)
      return chain.some((each) => each.raw.equals(raw))
    })
    .map(({ name }) => name)
}

/** `CN=gateway,O=Example`: most special part first, as RFC 4514 wants it. */
export function subjectOf(certificate: X509Certificate): string {
  return certificate.subject.split('\n').reverse().join(',')
}

/** Whether a certificate's subject has this common name, or is this whole name whatever blanks and case of types are. */
export function hasSubject(
  certificate: X509Certificate,
  { cn, dn }: { readonly cn?: string; readonly dn?: string },
): boolean {
  const subject = partsOf(subjectOf(certificate))
  if (cn !== undefined) return subject.includes(`CN=${cn}`)
  return dn !== undefined && subject.join(',') === partsOf(dn).join(',')
}

function partsOf(name: string): string[] {
  return name.split(/(?<!\\),/).map((part) => {
    const at = part.indexOf('=')
    return `${part.slice(0, at).trim().toUpperCase()}=${part.slice(at + 1).trim()}`
  })
}
