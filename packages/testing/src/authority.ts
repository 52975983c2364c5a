/**
 * Certificates for tests, made while they run: no key is ever in the repository. Imported by itself, as
 * `@zilla-ts/testing/authority`, for what makes them takes long to load.
 */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto as never)

const DAY_MS = 86_400_000
const ALGORITHMS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
} as const

export interface Issued {
  readonly name: string
  /** PKCS#8, PEM */
  readonly key: string
  readonly certificate: x509.X509Certificate
  /** PEM, with those of the issuers below the root */
  readonly chain: string
}

export interface Wishes {
  readonly names?: readonly string[]
  readonly addresses?: readonly string[]
  /** days from now */
  readonly from?: number
  readonly to?: number
  readonly sort?: 'ec' | 'rsa'
  /** whole subject, instead of the common name alone */
  readonly subject?: string
}

export class Authority {
  readonly name: string
  readonly certificate: x509.X509Certificate
  /** above the root: what has to be sent along */
  readonly #chain: string
  readonly #keys: webcrypto.CryptoKeyPair
  #serial = 1

  private constructor(name: string, certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair, chain: string) {
    this.name = name
    this.certificate = certificate
    this.#keys = keys
    this.#chain = chain
  }

  static async create(name: string): Promise<Authority> {
    const keys = await pair('ec')
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys: keys as never,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 10 * DAY_MS),
      signingAlgorithm: ALGORITHMS.ec,
      extensions: authorityExtensions(),
    })
    return new Authority(name, certificate, keys, '')
  }

  /** An authority below this one. */
  async intermediate(name: string): Promise<Authority> {
    const keys = await pair('ec')
    const certificate = await this.#sign(`CN=${name}`, keys, {}, authorityExtensions())
    return new Authority(name, certificate, keys, `${pem(certificate)}${this.#chain}`)
  }

  get pem(): string {
    return pem(this.certificate)
  }

  async issue(name: string, wishes: Wishes = {}): Promise<Issued> {
    const keys = await pair(wishes.sort ?? 'ec')
    const alternatives = [
      ...(wishes.names ?? []).map((value) => ({ type: 'dns' as const, value })),
      ...(wishes.addresses ?? []).map((value) => ({ type: 'ip' as const, value })),
    ]
    const certificate = await this.#sign(wishes.subject ?? `CN=${name}`, keys, wishes, [
      new x509.BasicConstraintsExtension(false),
      ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
    ])
    return { name, key: await keyPem(keys), certificate, chain: `${pem(certificate)}${this.#chain}` }
  }

  /** A revocation list, PEM. */
  async revoke(revoked: readonly Issued[], to = 5): Promise<string> {
    const crl = await x509.X509CrlGenerator.create({
      issuer: this.certificate.subject,
      thisUpdate: new Date(Date.now() - 2 * DAY_MS),
      nextUpdate: new Date(Date.now() + to * DAY_MS),
      entries: revoked.map(({ certificate }) => ({
        serialNumber: certificate.serialNumber,
        revocationDate: new Date(),
      })),
      signingAlgorithm: ALGORITHMS.ec,
      signingKey: this.#keys.privateKey as never,
    })
    return `${crl.toString('pem').replaceAll(' CRL-', ' X509 CRL-')}\n`
  }

  #sign(
    subject: string,
    keys: webcrypto.CryptoKeyPair,
    { from = -1, to = 10 }: Wishes,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> {
    return x509.X509CertificateGenerator.create({
      serialNumber: (++this.#serial).toString(16).padStart(4, '1'),
      subject,
      issuer: this.certificate.subject,
      notBefore: new Date(Date.now() + from * DAY_MS),
      notAfter: new Date(Date.now() + to * DAY_MS),
      signingKey: this.#keys.privateKey as never,
      publicKey: keys.publicKey as never,
      signingAlgorithm: ALGORITHMS.ec,
      extensions,
    })
  }
}

/** Issued by nobody but itself. */
export async function selfSigned(name: string): Promise<Issued> {
  const keys = await pair('ec')
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys: keys as never,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHMS.ec,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  })
  return { name, key: await keyPem(keys), certificate, chain: pem(certificate) }
}

const authorityExtensions = (): x509.Extension[] => [
  new x509.BasicConstraintsExtension(true, undefined, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
]

const pair = (sort: 'ec' | 'rsa'): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHMS[sort] as never, true, ['sign', 'verify']) as never

const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`

async function keyPem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey))
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
}
