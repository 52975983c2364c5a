/** What a load balancer tells beside the addresses: the TLVs of a header of version 2 (§2.2). */
import { crc32c } from './crc32c.ts'
import { HeaderFault } from './header-fault.ts'

export interface ProxyInfo {
  readonly alpn?: string
  readonly authority?: string
  /** of the connection, in hex digits */
  readonly identity?: string
  readonly namespace?: string
  /** the client uses TLS */
  readonly secure?: SecureInfo
}

export interface SecureInfo {
  readonly version?: string
  readonly cipher?: string
  readonly key?: string
  readonly name?: string
  readonly signature?: string
}

const Tlv = { ALPN: 0x01, AUTHORITY: 0x02, CRC32C: 0x03, UNIQUE_ID: 0x05, SSL: 0x20, NAMESPACE: 0x30 } as const
const SECURE: Readonly<Record<number, keyof SecureInfo>> = {
  33: 'version',
  34: 'name',
  35: 'cipher',
  36: 'signature',
  37: 'key',
}
/** client flags and the result of verification, before the TLVs inside */
const SSL_FIXED_BYTES = 5
const CLIENT_SSL = 0x01
const UNIQUE_ID_BYTES_MAX = 128

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Types that are not known are skipped. Throws `HeaderFault`. */
export function readInfo(header: Buffer, from: number): ProxyInfo {
  const info: Mutable<ProxyInfo> = {}
  for (const { type, value, at } of tlvs(header, from)) {
    if (type === Tlv.ALPN) info.alpn = value.toString()
    else if (type === Tlv.AUTHORITY) info.authority = value.toString()
    else if (type === Tlv.NAMESPACE) info.namespace = value.toString()
    else if (type === Tlv.SSL) info.secure = readSecure(value)
    else if (type === Tlv.CRC32C) checkSum(header, value, at)
    else if (type === Tlv.UNIQUE_ID) {
      if (value.length > UNIQUE_ID_BYTES_MAX) throw new HeaderFault('an identifier of more than 128 bytes')
      info.identity = value.toString('hex')
    }
  }
  return info
}

function* tlvs(bytes: Buffer, from: number): Generator<{ type: number; value: Buffer; at: number }> {
  for (let at = from; at < bytes.length; ) {
    const end = at + 3 > bytes.length ? Number.POSITIVE_INFINITY : at + 3 + bytes.readUInt16BE(at + 1)
    if (end > bytes.length) throw new HeaderFault('a TLV is cut short')
    yield { type: bytes[at]!, value: bytes.subarray(at + 3, end), at: at + 3 }
    at = end
  }
}

function readSecure(value: Buffer): SecureInfo | undefined {
  if (value.length < SSL_FIXED_BYTES) throw new HeaderFault('the TLV of TLS is cut short')
  const secure: Mutable<SecureInfo> = {}
  for (const { type, value: text } of tlvs(value, SSL_FIXED_BYTES)) {
    const name = SECURE[type]
    if (name !== undefined) secure[name] = text.toString()
  }
  return (value[0]! & CLIENT_SSL) === 0 ? undefined : secure
}

/** §2.2.3: over the whole header, with zeros in the place of the sum. */
function checkSum(header: Buffer, value: Buffer, at: number): void {
  if (value.length !== 4) throw new HeaderFault('a checksum of the wrong size')
  const zeroed = Buffer.from(header)
  zeroed.fill(0, at, at + 4)
  if (crc32c(zeroed) !== value.readUInt32BE(0)) throw new HeaderFault('the checksum is wrong')
}
