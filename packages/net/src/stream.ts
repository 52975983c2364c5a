/**
 * The `bytes` protocol: a connection as a stream of buffers. Spoken by tcp, proxy and ws (and later tls) towards whatever
 * they exit to, and by clients of a transport towards `tcp` client.
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
