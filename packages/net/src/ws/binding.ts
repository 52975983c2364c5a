/** The `ws` binding: its kinds, its schema, and what the schema cannot say. */
import type { Binding, BindingContext, BindingEntry, BindingModule, Finding } from '@zilla-ts/engine'
import { authorityAddress } from '../http/request.ts'
import type { Http } from '../http/stream.ts'
import type { Bytes } from '../stream.ts'
import { WsClient } from './client.ts'
import { WsServer } from './server.ts'
import { schema, type WsConfig } from './ws.config.ts'

function check(entry: BindingEntry<WsConfig>, exits: readonly BindingEntry[] | null): Finding[] {
  const findings: Finding[] = []
  const report = (code: string, path: Finding['path'], message: string) =>
    findings.push({ level: 'error', code, path, message })
  const { authority } = entry.options?.defaults ?? {}
  if (authority !== undefined && authorityAddress(authority, 'http') === null) {
    report(
      'authority-invalid',
      ['options', 'defaults', 'authority'],
      `${authority} is no host with a port of 1 to 65535`,
    )
  }
  if (entry.kind === 'client' && exits?.some(({ kind }) => kind !== 'client')) {
    report('exit-not-dialled', [], 'a ws client needs an http client to dial, not a server')
  }
  return findings
}

type Context<Out extends Bytes | Http> = BindingContext<WsConfig, Out>

export const ws = {
  type: 'ws',
  kinds: { server: { accepts: 'http', produces: 'bytes' }, client: { accepts: 'bytes', produces: 'http' } },
  schema,
  check,
  attach(context: Context<Bytes | Http>): Binding<Bytes | Http> {
    if (context.kind === 'client') return new WsClient(context as Context<Http>)
    return new WsServer(context as Context<Bytes>)
  },
} satisfies BindingModule<WsConfig, Bytes | Http, Bytes | Http>
