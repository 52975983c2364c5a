/** The `proxy` binding: its kinds, its schema, and what the schema cannot say. */
import type { BindingEntry, BindingModule, Finding } from '@zilla-ts/engine'
import type { Bytes } from '../stream.ts'
import { ProxyClient } from './client.ts'
import { ProxyCondition } from './condition.ts'
import { type ProxyConfig, schema } from './proxy.config.ts'
import { ProxyServer } from './server.ts'

function check(entry: BindingEntry<ProxyConfig>): Finding[] {
  const findings: Finding[] = []
  entry.routes?.forEach((route, at) => {
    route.when?.forEach((when, item) => {
      for (const end of ['source', 'destination'] as const) {
        try {
          new ProxyCondition({ [end]: when[end] })
        } catch (error) {
          const path = ['routes', at, 'when', item, end, 'host']
          findings.push({ level: 'error', path, code: 'cidr-invalid', message: (error as Error).message })
        }
      }
    })
  })
  return findings
}

export const proxy: BindingModule<ProxyConfig, Bytes, Bytes> = {
  type: 'proxy',
  kinds: { server: { accepts: 'bytes', produces: 'bytes' }, client: { accepts: 'bytes', produces: 'bytes' } },
  schema,
  check,
  attach: (context) => (context.kind === 'server' ? new ProxyServer(context) : new ProxyClient(context)),
}
