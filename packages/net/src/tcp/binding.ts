/** The `tcp` binding: its kinds, its schema, and what the schema cannot say. */
import type { BindingEntry, BindingModule, Finding, Listens } from '@zilla-ts/engine'
import type { Bytes } from '../stream.ts'
import { TcpClient } from './client.ts'
import { subnet } from './condition.ts'
import { expandPorts, portRanges } from './ports.ts'
import { TcpServer } from './server.ts'
import { schema, type TcpConfig } from './tcp.config.ts'

/** A server with more listeners than this is a typing error, not a wish. */
const LISTENERS_MAX = 1_000

function check(entry: BindingEntry<TcpConfig>): Finding[] {
  const findings: Finding[] = []
  const attempt = (code: string, path: (string | number)[], test: () => void): void => {
    try {
      test()
    } catch (error) {
      findings.push({ level: 'error', path, code, message: (error as Error).message })
    }
  }
  attempt('port-invalid', ['options', 'port'], () => {
    const ports = expandPorts(entry.options?.port ?? [])
    if (ports.length > LISTENERS_MAX) throw new RangeError(`${ports.length} ports are more than ${LISTENERS_MAX}`)
  })
  entry.routes?.forEach((route, at) => {
    route.when?.forEach((when, item) => {
      const path = ['routes', at, 'when', item]
      attempt('port-invalid', [...path, 'port'], () => expandPorts(when.port ?? []))
      attempt('cidr-invalid', [...path, 'cidr'], () => when.cidr !== undefined && subnet(when.cidr))
    })
  })
  return findings
}

function listens({ kind, options }: BindingEntry<TcpConfig>): Listens[] {
  const { host, port } = options ?? {}
  if (kind !== 'server' || host === undefined || port === undefined) return []
  const path = ['options', 'port']
  return portRanges(port).map((range, at) => ({ host, ...range, path: Array.isArray(port) ? [...path, at] : path }))
}

export const tcp: BindingModule<TcpConfig, Bytes, Bytes> = {
  type: 'tcp',
  kinds: { server: { produces: 'bytes' }, client: { accepts: 'bytes' } },
  schema,
  check,
  listens,
  attach: (context) => (context.kind === 'server' ? new TcpServer(context) : new TcpClient(context)),
}
