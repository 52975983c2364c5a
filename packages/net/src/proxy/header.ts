/**
 * The header of the PROXY protocol, as in haproxy's doc/proxy-protocol.txt: version 1 (text) and 2 (binary) are read,
 * version 2 is written. Bytes of a stranger: whatever they are, they are a header, half of one, or a `HeaderFault`.
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { Address } from '../stream.ts'
import { addressBytes, addressText, INET4_BYTES, INET6_BYTES, mapped } from './address-bytes.ts'
import { HeaderFault } from './header-fault.ts'
import { type ProxyInfo, readInfo } from './info.ts'

export type Family = 'inet4' | 'inet6' | 'unix'

export interface ProxyHeader {
  /** bytes of the header */
  readonly length: number
  /** null: the addresses of the connection itself stand, for it is the load balancer's own, or nothing is known */
  readonly client: ProxyClient | null
  readonly info: ProxyInfo
}

export interface ProxyClient {
  readonly family: Family
  readonly transport: 'stream' | 'datagram'
  /** of a unix socket: the path, and port 0 */
  readonly source: Address
  readonly destination: Address
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const TEXT = Buffer.from('PROXY ')
/** the longest line of version 1, with its end (§2.1) */
const LINE_BYTES_MAX = 107
const FIXED_BYTES = 16
const LOCAL = 0x20
const PROXY = 0x21
const UNIX_BYTES = 108
const ADDRESS_BYTES = { inet4: INET4_BYTES, inet6: INET6_BYTES, unix: UNIX_BYTES } as const
const FAMILIES: readonly (Family | null)[] = [null, 'inet4', 'inet6', 'unix']
const NO_INFO: ProxyInfo = {}

/** The header at the start of `bytes`; null: it is not complete. Throws `HeaderFault`. */
export function readHeader(bytes: Buffer, bytesMax: number): ProxyHeader | null {
  if (startsAlike(bytes, SIGNATURE)) return readBinary(bytes, bytesMax)
  if (startsAlike(bytes, TEXT)) return readText(bytes)
  throw new HeaderFault('there is no PROXY header')
}

const startsAlike = (bytes: Buffer, start: Buffer): boolean => {
  const length = Math.min(bytes.length, start.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}

// Version 2 (§2.2)

function readBinary(bytes: Buffer, bytesMax: number): ProxyHeader | null {
  const command = bytes[12]
  if (command !== undefined && command !== LOCAL && command !== PROXY)
    throw new HeaderFault(`neither LOCAL nor PROXY of version 2 but 0x${command.toString(16)}`)
  if (bytes.length < FIXED_BYTES) return null
  const length = FIXED_BYTES + bytes.readUInt16BE(14)
  if (length > bytesMax) throw new HeaderFault(`a header of ${length} bytes, the limit is ${bytesMax}`)
  if (bytes.length < length) return null
  if (command === LOCAL) return { length, client: null, info: NO_INFO }
  const kind = bytes[13]!
  const family = FAMILIES[kind >> 4]
  const transport = kind & 0x0f
  if (family === undefined || transport > 2)
    throw new HeaderFault(`addresses of an unknown kind, 0x${kind.toString(16)}`)
  if (family === null || transport === 0) return { length, client: null, info: NO_INFO }
  const size = ADDRESS_BYTES[family]
  const infoAt = FIXED_BYTES + 2 * size + (family === 'unix' ? 0 : 4)
  if (length < infoAt) throw new HeaderFault('the addresses are cut short')
  const source = bytes.subarray(FIXED_BYTES, FIXED_BYTES + size)
  const destination = bytes.subarray(FIXED_BYTES + size, FIXED_BYTES + 2 * size)
  const port = (at: number) => (family === 'unix' ? 0 : bytes.readUInt16BE(FIXED_BYTES + 2 * size + at))
  const client: ProxyClient = {
    family,
    transport: transport === 1 ? 'stream' : 'datagram',
    source: { host: hostOf(source), port: port(0) },
    destination: { host: hostOf(destination), port: port(2) },
  }
  return { length, client, info: readInfo(bytes.subarray(0, length), infoAt) }
}

function hostOf(bytes: Buffer): string {
  if (bytes.length !== UNIX_BYTES) return addressText(bytes)
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

// Version 1 (§2.1)

function readText(bytes: Buffer): ProxyHeader | null {
  const end = bytes.subarray(0, LINE_BYTES_MAX).indexOf('\r\n')
  if (end < 0) {
    if (bytes.length >= LINE_BYTES_MAX) throw new HeaderFault('a line without end')
    return null
  }
  const length = end + 2
  const [, protocol, source, destination, ...ports] = bytes.toString('latin1', 0, end).split(' ')
  if (protocol === 'UNKNOWN') return { length, client: null, info: NO_INFO }
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isIPv6 : null
  if (isAddress === null) throw new HeaderFault('neither TCP4 nor TCP6 nor UNKNOWN')
  if (!isAddress(source ?? '') || !isAddress(destination ?? '') || ports.length !== 2 || !ports.every(isPort))
    throw new HeaderFault('two addresses and two ports were expected')
  const [sourcePort, destinationPort] = ports.map(Number)
  const client: ProxyClient = {
    family: protocol === 'TCP4' ? 'inet4' : 'inet6',
    transport: 'stream',
    source: { host: source!, port: sourcePort! },
    destination: { host: destination!, port: destinationPort! },
  }
  return { length, client, info: NO_INFO }
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535

/** Version 2; without both addresses it says that the connection is our own. */
export function writeHeader(source: Address | undefined, destination: Address | undefined): Buffer {
  const ends = [source, destination].map((address) => (address === undefined ? null : addressBytes(address.host)))
  const [from, to] = ends
  if (!from || !to) return Buffer.concat([SIGNATURE, Buffer.from([LOCAL, 0, 0, 0])])
  const inet4 = from.length === INET4_BYTES && to.length === INET4_BYTES
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source!.port, 0)
  ports.writeUInt16BE(destination!.port, 2)
  const block = Buffer.concat([inet4 ? from : mapped(from), inet4 ? to : mapped(to), ports])
  return Buffer.concat([SIGNATURE, Buffer.from([PROXY, inet4 ? 0x11 : 0x21, 0, block.length]), block])
}
