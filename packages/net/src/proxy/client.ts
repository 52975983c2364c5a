/**
 * proxy client: writes a header in front of each connection of its exit. What comes from a server's side is told with the
 * addresses of its client; what a client of ours dials is our own connection, and told so (`LOCAL`).
 */
import type { Socket } from 'node:net'
import type { Binding, BindingContext, Exit, Session, Stream, StreamHandler } from '@zilla-ts/engine'
import type { Bytes, BytesOpen } from '../stream.ts'
import { ownAddresses, ProxyCondition } from './condition.ts'
import { writeHeader } from './header.ts'
import type { ProxyConfig } from './proxy.config.ts'
import { relay } from './relay.ts'

export class ProxyClient implements Binding<Bytes> {
  readonly #routes

  constructor({ routes }: BindingContext<ProxyConfig, Bytes>) {
    this.#routes = routes.map((route) => ({ route, when: route.when.map((when) => new ProxyCondition(when)) }))
  }

  accept(open: BytesOpen, stream: Stream<Bytes>): StreamHandler<Bytes> | null {
    const exit = this.#exit(open, stream.session)
    if (exit === null) return null
    return relay(stream, headerFor(open), (handler) => exit.connect(onward(open), stream.session, handler))
  }

  dial(open: BytesOpen, session: Session | null): Socket | null {
    const socket = this.#exit(open, session)?.dial(onward(open), session) ?? null
    // It may still be connecting: the header is then the first thing to leave.
    socket?.write(headerFor(open))
    return socket
  }

  #exit(open: BytesOpen, session: Session | null): Exit<Bytes> | null {
    const addresses = ownAddresses(open)
    const found = this.#routes.find(
      ({ route, when }) =>
        route.permits(session) && (when.length === 0 || when.some((item) => item.matches(addresses, {}))),
    )
    return found?.route.exit ?? null
  }
}

/** Only a server's side knows where a connection came in. */
const isServed = (open: BytesOpen): boolean => open.local !== undefined

const headerFor = (open: BytesOpen): Buffer =>
  isServed(open) ? writeHeader(open.remote, open.local) : writeHeader(undefined, undefined)

/** The peer of a connection that came in is not what is to be dialled. */
const onward = (open: BytesOpen): BytesOpen => (isServed(open) ? {} : open)
