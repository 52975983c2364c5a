/** The `http` binding: its kinds, its schema, and what the schema cannot say. */
import type { Binding, BindingContext, BindingEntry, BindingModule, Finding } from '@zilla-ts/engine'
import type { Bytes } from '../stream.ts'
import { HttpClient } from './client.ts'
import { type HttpConfig, schema } from './http.config.ts'
import { HttpServer } from './server.ts'
import type { Http } from './stream.ts'

function check(entry: BindingEntry<HttpConfig>, exits: readonly BindingEntry[] | null): Finding[] {
  const findings: Finding[] = []
  const report = (level: Finding['level'], code: string, path: Finding['path'], message: string) =>
    findings.push({ level, code, path, message })
  const { versions, authorization = {}, 'access-control': access } = entry.options ?? {}
  if (versions?.includes('http/1.1') === false) {
    const message = 'HTTP/2 is not spoken in this version: add http/1.1, which every WebSocket client speaks'
    report('error', 'http-version-not-supported', ['options', 'versions'], message)
  }
  if (entry.kind === 'server' && exits?.some(({ type }) => type === 'http')) {
    const message = 'an http server hands WebSockets to a ws server; it forwards no requests to an http client'
    report('error', 'http-forward-not-supported', [], message)
  }
  const cookies = Object.values(authorization).some(({ credentials }) => credentials.cookies !== undefined)
  if (cookies && access?.policy === 'cross-origin' && access.allow?.origins === undefined) {
    const message =
      'any page can connect in the name of whoever visits it, for browsers send cookies along: name `allow.origins`'
    report('warning', 'cookies-of-any-origin', ['options', 'access-control'], message)
  }
  entry.routes?.forEach(({ guarded = {} }, at) => {
    for (const [guard, roles] of Object.entries(guarded)) {
      roles.forEach((role, place) => {
        if (!role.includes('${')) return
        const message = 'expressions in roles are not supported in this version'
        report('error', 'role-expression', ['routes', at, 'guarded', guard, place], message)
      })
    }
  })
  return findings
}

type Context<Out extends Bytes | Http> = BindingContext<HttpConfig, Out>

export const http = {
  type: 'http',
  kinds: { server: { accepts: 'bytes', produces: 'http' }, client: { accepts: 'http', produces: 'bytes' } },
  schema,
  check,
  attach(context: Context<Bytes | Http>): Binding<Bytes | Http> {
    if (context.kind === 'client') return new HttpClient(context as Context<Bytes>)
    return new HttpServer(context as Context<Http>)
  },
} satisfies BindingModule<HttpConfig, Bytes | Http, Bytes | Http>
