/** `when` of proxy routes: addresses and what else a header tells, compiled once at attach. */
import { isIP, isIPv6 } from 'node:net'
import type { Address, BytesOpen } from '../stream.ts'
import { subnet, wildcard } from '../tcp/condition.ts'
import type { ProxyClient, ProxyHeader } from './header.ts'
import type { ProxyConfig } from './proxy.config.ts'

type When = NonNullable<ProxyConfig['when']>
type Endpoint = NonNullable<When['source']>
type Test = (client: ProxyClient, info: ProxyHeader['info']) => boolean

export class ProxyCondition {
  readonly #tests: readonly Test[]

  /** Throws `RangeError` when a block is none. */
  constructor({ transport, family, source, destination, info }: When) {
    const tests: Test[] = []
    if (transport !== undefined) tests.push((client) => client.transport === transport)
    if (family !== undefined)
      tests.push((client) => client.family.replace(family === 'inet' ? /\d/ : '', '') === family)
    if (source !== undefined) tests.push(endpoint(source, (client) => client.source))
    if (destination !== undefined) tests.push(endpoint(destination, (client) => client.destination))
    const { identity, secure, ...texts } = info ?? {}
    for (const name of ['alpn', 'authority', 'namespace'] as const) {
      const pattern = texts[name]
      if (pattern !== undefined) tests.push(text(pattern, (told) => told[name]))
    }
    if (identity !== undefined) {
      const hex = identity.replace(/^0x/, '').toLowerCase()
      tests.push((_client, told) => told.identity === hex)
    }
    if (secure !== undefined) tests.push((_client, told) => told.secure !== undefined)
    for (const name of ['version', 'cipher', 'key', 'name', 'signature'] as const) {
      const pattern = secure?.[name]
      if (pattern !== undefined) tests.push(text(pattern, (told) => told.secure?.[name]))
    }
    this.#tests = tests
  }

  matches(client: ProxyClient, info: ProxyHeader['info']): boolean {
    return this.#tests.every((test) => test(client, info))
  }
}

/** The addresses of a connection that has no header, or one that tells nothing. */
export function ownAddresses({ local, remote }: BytesOpen): ProxyClient {
  const nowhere = { host: '', port: 0 }
  const family = isIPv6(remote?.host ?? '') ? 'inet6' : 'inet4'
  return { family, transport: 'stream', source: remote ?? nowhere, destination: local ?? nowhere }
}

function endpoint({ host, port }: Endpoint, of: (client: ProxyClient) => Address): Test {
  const matchesHost = host === undefined ? () => true : hostTest(host)
  return (client) => {
    const address = of(client)
    return matchesHost(address.host) && (port === undefined || address.port === port)
  }
}

/** A block of addresses, or a wildcard; a path has slashes as well. */
function hostTest(host: string): (value: string) => boolean {
  const [address = ''] = host.split('/', 1)
  if (!host.includes('/') || isIP(address) === 0) {
    const pattern = wildcard(host)
    return (value) => pattern.test(value)
  }
  const block = subnet(host)
  return (value) => {
    const family = isIP(value)
    return family !== 0 && block.check(value, family === 6 ? 'ipv6' : 'ipv4')
  }
}

function text(pattern: string, of: (info: ProxyHeader['info']) => string | undefined): Test {
  const regexp = wildcard(pattern)
  return (_client, info) => {
    const value = of(info)
    return value !== undefined && regexp.test(value)
  }
}
