/**
 * Who counts as one address. A host with IPv6 has a /64 at least and may use any address of it, so that is what is counted
 * (RFC 6177, RFC 8981). An IPv4 address that a socket of both families shows as `::ffff:a.b.c.d` is the IPv4 address.
 */
import { isIPv6 } from 'node:net'

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const GROUPS = 8
const NETWORK_GROUPS = 4

/** What is counted for a peer's address; a host that is no IPv6 address stands for itself. */
export function addressKey(host: string): string {
  const mapped = MAPPED.exec(host)
  if (mapped !== null) return mapped[1]!
  const address = host.split('%', 1)[0]!
  if (!isIPv6(address)) return host
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':')
    // four bytes at the end may be written as an IPv4 address, which is two groups
    const width = behind.length + (behind.at(-1)?.includes('.') === true ? 1 : 0)
    groups.push(...Array<string>(GROUPS - groups.length - width).fill('0'), ...behind)
  }
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}
