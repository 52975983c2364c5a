/**
 * The `http` protocol: one request whose connection goes over to another protocol (RFC 9110 §7.8). Spoken by http server
 * to ws server, which takes the socket, and by ws client to http client, which dials. There are no streams in it.
 */
import type { IncomingMessage } from 'node:http'
import type { Protocol } from '@zilla-ts/engine'
import type { Address } from '../stream.ts'

/** What conditions look at: header fields in lower case, `:scheme`, `:authority`, `:path` and `:method` among them. */
export type HeaderFields = Readonly<Record<string, string>>

export interface HttpOpen {
  readonly headers: HeaderFields
  /** server: what the parser made of the request, and the bytes that came behind it */
  readonly upgrade?: { readonly request: IncomingMessage; readonly head: Buffer }
  /** server: of the connection */
  readonly local?: Address
  /** server: the peer; client: what is to be dialled, if it is not the authority */
  readonly remote?: Address
}

export interface Http extends Protocol {
  open: HttpOpen
  accept: never
  meta: never
  signal: never
}
