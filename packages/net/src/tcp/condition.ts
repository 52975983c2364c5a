/** `when` of tcp routes: authority, cidr and port, compiled once at attach. */
import { BlockList, isIP } from 'node:net'
import { type PortRange, portRanges } from './ports.ts'
import type { TcpConfig } from './tcp.config.ts'

export type ConditionConfig = NonNullable<TcpConfig['when']>

/** A wildcard of zilla.yaml: `*` is any run of characters, everything else is literal; the whole value must match. */
export function wildcard(pattern: string): RegExp {
  return new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`, 's')
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** The addresses of a CIDR block; throws a `RangeError` when it is none. */
export function subnet(cidr: string): BlockList {
  const at = cidr.lastIndexOf('/')
  const address = cidr.slice(0, at)
  const family = isIP(address)
  const prefix = Number(cidr.slice(at + 1))
  if (family === 0 || !(prefix <= (family === 4 ? 32 : 128))) throw new RangeError(`${cidr} is not a CIDR block`)
  const list = new BlockList()
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  return list
}

export class Condition {
  readonly #authority: RegExp | null
  readonly #subnet: BlockList | null
  readonly #ports: readonly PortRange[] | null

  constructor(config: ConditionConfig) {
    this.#authority = config.authority === undefined ? null : wildcard(config.authority)
    this.#subnet = config.cidr === undefined ? null : subnet(config.cidr)
    this.#ports = config.port === undefined ? null : portRanges(config.port)
  }

  /** Whether the name (or literal address) and port fit; the address is not looked at. */
  matchesName(host: string, port: number): boolean {
    if (this.#authority !== null && !this.#authority.test(host)) return false
    return this.#ports === null || this.#ports.some((range) => port >= range.from && port <= range.to)
  }

  /** Whether an IP address lies in the block, or there is none to lie in. */
  matchesAddress(address: string): boolean {
    if (this.#subnet === null) return true
    return this.#subnet.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}
