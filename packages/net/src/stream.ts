/**
 * The `bytes` protocol: a connection as a stream of buffers. Spoken by tcp, tls, proxy and ws towards whatever they exit
 * to, and by clients of a transport towards `tcp` and `tls` client.
 */
import type { Protocol } from '@zilla-ts/engine'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface BytesOpen {
  /** on a server: the address the connection came in on; on a client: the address wanted, absent when the exit knows */
  readonly local?: Address
  /** on a server: the peer; on a client: the address to dial */
  readonly remote?: Address
  /** what was agreed on with the peer of a server; absent: nothing is encrypted, as far as we know */
  readonly tls?: TlsFacts
}

export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3` */
  readonly version: string
  /** as in the registry of TLS, `TLS_AES_256_GCM_SHA384` */
  readonly cipher: string
  /** name that the client asked for; null: none */
  readonly sni: string | null
  /** protocol agreed on; null: none */
  readonly alpn: string | null
  /** subject of the client's certificate, which was verified (RFC 4514, most special part first); null: it has shown none */
  readonly subject: string | null
}

export interface Bytes extends Protocol {
  open: BytesOpen
  accept: { readonly local: Address; readonly remote: Address }
  /** a payload is any run of bytes; boundaries mean nothing */
  meta: undefined
  /** the socket will not be read for a while because the acceptor granted no room, or is read again */
  signal: never
}

/** Smallest and usual room a receiver of bytes grants, in bytes. */
export const BYTES_WINDOW = 65_536
