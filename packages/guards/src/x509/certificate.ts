/**
 * What stands in a certificate, by the names of the document. Read from the DER structure: the texts that tools print
 * cannot be taken apart again when a name has commas, line ends or several values in it.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { Certificate as Asn, id_ce_subjectAltName, type Name, SubjectAlternativeName } from '@peculiar/asn1-x509'
import { attributeNamed, distinguishedName } from './distinguished-name.ts'

export interface Certificate {
  /** epoch ms, both included */
  readonly notBefore: number
  readonly notAfter: number
  /** values of a field such as `subject.cn` or `san.dns`, in the order of the certificate */
  values(field: string): readonly string[]
}

/** The first certificate of a PEM text. Throws when there is none. */
export function readCertificate(pem: string): Certificate {
  const { raw } = new X509Certificate(pem)
  const { tbsCertificate } = AsnConvert.parse(raw, Asn)
  const { subject, issuer, validity, extensions } = tbsCertificate
  const extension = extensions?.find(({ extnID }) => extnID === id_ce_subjectAltName)
  const names = extension === undefined ? [] : [...AsnConvert.parse(extension.extnValue, SubjectAlternativeName)]
  const present = (values: readonly (string | undefined)[]): string[] => values.filter((value) => value !== undefined)
  return {
    notBefore: validity.notBefore.getTime().getTime(),
    notAfter: validity.notAfter.getTime().getTime(),
    values(field) {
      const [part = '', ...rest] = field.split('.')
      if (part === 'subject') return ofName(subject, rest.join('.'))
      if (part === 'issuer') return ofName(issuer, rest.join('.'))
      if (field === 'san.dns') return present(names.map(({ dNSName }) => dNSName))
      if (field === 'san.email') return present(names.map(({ rfc822Name }) => rfc822Name))
      if (field === 'san.uri') return present(names.map(({ uniformResourceIdentifier: uri }) => uri))
      if (field === 'san.ip') return present(names.map(({ iPAddress }) => iPAddress))
      // RFC 8705 §3.1
      return field === 'x5t.s256' ? [createHash('sha256').update(raw).digest('base64url')] : []
    },
  }
}

function ofName(name: Name, attribute: string): readonly string[] {
  if (attribute.toLowerCase() !== 'dn') return attributeNamed(name, attribute)
  const dn = distinguishedName(name)
  return dn === '' ? [] : [dn]
}
