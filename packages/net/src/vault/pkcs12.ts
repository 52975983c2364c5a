/**
 * Keys and certificates in PKCS#12 (RFC 7292), with the names that keytool and openssl give them. Node's own reader knows
 * neither names nor the older ciphers, so node-forge decrypts the container; what is in it, Node parses.
 */
import forge from 'node-forge'
import {
  type NamedCertificate,
  type NamedKey,
  parseCertificate,
  parseKey,
  type StoreEntries,
  StoreFault,
} from './entries.ts'

type Bag = forge.pkcs12.Bag

/** The entries of one file. Entries without a name are called by their number, as Java does. */
export function readPkcs12(bytes: Buffer, password: string | undefined): StoreEntries {
  const keys: NamedKey[] = []
  const certificates: NamedCertificate[] = []
  const { certBag, keyBag, pkcs8ShroudedKeyBag } = forge.pki.oids
  let unnamed = 0
  for (const { safeBags } of open(bytes, password).safeContents) {
    for (const bag of safeBags) {
      const name = nameOf(bag) ?? String(++unnamed)
      if (bag.type === certBag)
        certificates.push({ name, certificate: parseCertificate(derOf(certificateOf(bag)), name) })
      else if (bag.type === keyBag || bag.type === pkcs8ShroudedKeyBag)
        keys.push({ name, key: parseKey({ key: derOf(keyOf(bag)), format: 'der', type: 'pkcs8' }, name) })
    }
  }
  return { keys, certificates }
}

function open(bytes: Buffer, password: string | undefined): forge.pkcs12.Pkcs12Pfx {
  let content: forge.asn1.Asn1
  try {
    content = forge.asn1.fromDer(forge.util.createBuffer(bytes.toString('binary')))
  } catch {
    throw new StoreFault('it is no PKCS#12 file')
  }
  try {
    return forge.pkcs12.pkcs12FromAsn1(content, false, password ?? '')
  } catch (error) {
    const { message } = error as Error
    if (/Invalid password/.test(message)) throw new StoreFault('the password is wrong, or the file is damaged')
    throw new StoreFault(`it is no PKCS#12 file that can be read: ${message}`)
  }
}

function nameOf(bag: Bag): string | undefined {
  const { friendlyName } = bag.attributes as { friendlyName?: string[] }
  return friendlyName?.[0]
}

/** forge parses RSA only and hands over the rest as it is. */
function certificateOf(bag: Bag): forge.asn1.Asn1 {
  return bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1
}

function keyOf(bag: Bag): forge.asn1.Asn1 {
  return bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1
}

function derOf(content: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(content).getBytes(), 'binary')
}
