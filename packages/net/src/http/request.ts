/** What the parser made of a request, as conditions see it. What it leaves to us to refuse is refused here. */
import type { IncomingMessage } from 'node:http'
import type { Address } from '../stream.ts'
import type { HeaderFields } from './stream.ts'

/** The target of a request through a proxy, which a server must understand (RFC 9112 §3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/is
const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([^:@/?#[\]]+))(?::(\d{1,5}))?$/i
const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 }

export class RequestFault extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'RequestFault'
    this.status = status
  }
}

/** Throws `RequestFault`. */
export function headerFields(request: IncomingMessage, countMax: number): HeaderFields {
  const { rawHeaders, headers, url = '', method = '' } = request
  if (rawHeaders.length / 2 > countMax) throw new RequestFault(431, `more than ${countMax} header fields`)
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]!.toLowerCase() === 'host') hosts++
  // RFC 9112 §3.2
  if (hosts > 1 || (hosts === 0 && request.httpVersion !== '1.0'))
    throw new RequestFault(400, 'exactly one Host is needed')
  const fields: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) fields[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const [, authority, path] = ABSOLUTE_FORM.exec(url) ?? []
  fields[':scheme'] = 'encrypted' in request.socket && request.socket.encrypted === true ? 'https' : 'http'
  fields[':authority'] = authority ?? headers.host ?? ''
  fields[':path'] = path === undefined ? url : path.startsWith('/') ? path : `/${path}`
  fields[':method'] = method
  return fields
}

/** Whether the request asks for a WebSocket, among other things perhaps. */
export function asksForWebSocket(fields: HeaderFields): boolean {
  return (fields['upgrade'] ?? '').split(',').some((token) => token.trim().toLowerCase() === 'websocket')
}

/** `host`, `host:port` or `[::1]:port`; null: it is none of these. */
export function authorityAddress(authority: string, scheme: string): Address | null {
  const [, address, name, digits] = AUTHORITY.exec(authority) ?? []
  const host = address ?? name
  const port = digits === undefined ? (PORTS[scheme] ?? 0) : Number(digits)
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port }
}
