/** Addresses of the internet as the bytes that a PROXY header holds. */
import { isIP, SocketAddress } from 'node:net'

export const INET4_BYTES = 4
export const INET6_BYTES = 16

export function addressText(bytes: Buffer): string {
  if (bytes.length === INET4_BYTES) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16))
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

/** Four or sixteen bytes; null: no address. */
export function addressBytes(host: string): Buffer | null {
  const family = isIP(host)
  if (family === 4) return Buffer.from(host.split('.').map(Number))
  if (family === 0) return null
  // Zones mean nothing to anybody else.
  const text = host.replace(/%.*$/, '').replace(/[\d.]+$/, (tail) => (tail.includes('.') ? groupsOf(tail) : tail))
  const [before = '', after] = text.split('::')
  const front = before === '' ? [] : before.split(':')
  const back = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array<string>(8 - front.length - back.length).fill('0')
  const bytes = Buffer.alloc(INET6_BYTES)
  for (const [at, group] of [...front, ...zeros, ...back].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), at * 2)
  return bytes
}

/** The same address in sixteen bytes (RFC 4291 §2.5.5.2). */
export function mapped(bytes: Buffer): Buffer {
  if (bytes.length === INET6_BYTES) return bytes
  return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes])
}

function groupsOf(dotted: string): string {
  const bytes = Buffer.from(dotted.split('.').map(Number))
  return `${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`
}
