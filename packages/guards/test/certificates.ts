/** Certificates with any name in them, self-signed, written byte by byte: what reads them has no part in it. */
import { generateKeyPairSync, sign } from 'node:crypto'

/** One attribute: object identifier and value, as UTF8String unless a tag says otherwise. */
export type Attribute = readonly [oid: string, value: string | Buffer, tag?: number]
/** Parts of a name, each of one or more attributes. */
export type Parts = readonly (readonly Attribute[])[]

export interface CertificateOptions {
  readonly subject?: Parts
  readonly issuer?: Parts
  /** tag within GeneralName (1 email, 2 dns, 6 uri, 7 ip) and bytes */
  readonly san?: readonly (readonly [tag: number, value: string | Buffer])[]
  /** `YYMMDDHHMMSSZ` */
  readonly notBefore?: string
  readonly notAfter?: string
}

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ECDSA = sequence(identifier('1.2.840.10045.4.3.2'))

function der({ subject = [], issuer = subject, san, notBefore, notAfter }: CertificateOptions): Buffer {
  const validity = sequence(tagged(0x17, notBefore ?? '200101000000Z'), tagged(0x17, notAfter ?? '300101000000Z'))
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' })
  const to = [
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.from([1])),
    ECDSA,
    name(issuer),
    validity,
    name(subject),
    spki,
  ]
  if (san !== undefined) {
    const names = sequence(...san.map(([tag, value]) => tagged(0x80 | tag, value)))
    to.push(tagged(0xa3, sequence(sequence(identifier('2.5.29.17'), tagged(0x04, names)))))
  }
  const tbs = sequence(...to)
  const signature = sign('sha256', tbs, keys.privateKey)
  return sequence(tbs, ECDSA, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])))
}

export function pem(options: CertificateOptions): string {
  const lines = der(options)
    .toString('base64')
    .match(/.{1,64}/g)!
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function name(parts: Parts): Buffer {
  const attribute = ([oid, value, tag = 0x0c]: Attribute): Buffer => sequence(identifier(oid), tagged(tag, value))
  return sequence(...parts.map((part) => tagged(0x31, Buffer.concat(part.map(attribute)))))
}

function sequence(...items: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(items))
}

function tagged(tag: number, value: string | Buffer): Buffer {
  const body = Buffer.from(value as string)
  const { length } = body
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

function identifier(oid: string): Buffer {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const groups = [part & 0x7f]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return tagged(0x06, Buffer.from(bytes))
}
