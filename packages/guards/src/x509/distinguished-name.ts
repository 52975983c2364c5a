/** Names of certificates: their attributes, and the whole as text (RFC 4514). */
import { AsnConvert } from '@peculiar/asn1-schema'
import type { AttributeValue, Name } from '@peculiar/asn1-x509'

/** RFC 4514 §3, RFC 4519 and what is seen most beside them; the first name of a type is the one that is written. */
const TYPES: readonly (readonly [oid: string, ...names: string[]])[] = [
  ['2.5.4.3', 'CN', 'commonName'],
  ['2.5.4.7', 'L', 'localityName'],
  ['2.5.4.8', 'ST', 'stateOrProvinceName'],
  ['2.5.4.10', 'O', 'organizationName'],
  ['2.5.4.11', 'OU', 'organizationalUnitName'],
  ['2.5.4.6', 'C', 'countryName'],
  ['2.5.4.9', 'STREET', 'streetAddress'],
  ['0.9.2342.19200300.100.1.25', 'DC', 'domainComponent'],
  ['0.9.2342.19200300.100.1.1', 'UID', 'userId'],
  ['2.5.4.4', 'SN', 'surname'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.12', 'title'],
  ['2.5.4.42', 'GN', 'givenName'],
  ['2.5.4.46', 'dnQualifier'],
  ['1.2.840.113549.1.9.1', 'emailAddress', 'E', 'email'],
]

const OIDS = new Map(TYPES.flatMap(([oid, ...names]) => names.map((name) => [name.toLowerCase(), oid])))
/** Types whose names RFC 4514 §3 has everybody know; others are written as numbers (§2.3). */
const WRITTEN = new Map(TYPES.slice(0, 9).map(([oid, name]) => [oid, name]))

/** The object identifier of an attribute, given by any name or as such; null: nobody knows it. */
export function attributeType(name: string): string | null {
  return /^\d/.test(name) ? name : (OIDS.get(name.toLowerCase()) ?? null)
}

/** All values of an attribute, in the order of the certificate. */
export function attributeNamed(name: Name, attribute: string): readonly string[] {
  const oid = attributeType(attribute)
  return name.flatMap((part) => part.filter(({ type }) => type === oid).map(({ value }) => value.toString()))
}

/** RFC 4514 §2: last part first. */
export function distinguishedName(name: Name): string {
  const parts = name.map((part) =>
    part.map(({ type, value }) => {
      const known = WRITTEN.get(type)
      return known === undefined ? `${type}=${hex(value)}` : `${known}=${escaped(value.toString())}`
    }),
  )
  return parts
    .reverse()
    .map((values) => values.join('+'))
    .join(',')
}

/** §2.4 */
function escaped(text: string): string {
  const atStart = (char: string): boolean => char === ' ' || char === '#'
  return [...text]
    .map((char, at, all) => {
      if (char === '\0') return '\\00'
      const special =
        '"+,;<>\\'.includes(char) || (at === 0 && atStart(char)) || (at === all.length - 1 && char === ' ')
      return special ? `\\${char}` : char
    })
    .join('')
}

/** §2.4, of types without a name: the value as it stands in the certificate. */
const hex = (value: AttributeValue): string => `#${Buffer.from(AsnConvert.serialize(value)).toString('hex')}`
