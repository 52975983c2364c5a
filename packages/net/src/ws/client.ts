/** ws client: opens a WebSocket for each stream of its neighbour, on a connection that its exit has dialled. */
import {
  type Binding,
  type BindingContext,
  type Session,
  type Stream,
  StreamError,
  type StreamHandler,
} from '@zilla-ts/engine'
import { WebSocket } from 'ws'
import type { HeaderFields, Http } from '../http/stream.ts'
import type { Address, Bytes, BytesOpen } from '../stream.ts'
import { WsCondition } from './condition.ts'
import { Link } from './link.ts'
import { Links } from './links.ts'
import type { WsConfig } from './ws.config.ts'

export class WsClient implements Binding<Bytes> {
  readonly #context: BindingContext<WsConfig, Http>
  readonly #links: Links
  readonly #routes
  #draining = false

  constructor(context: BindingContext<WsConfig, Http>) {
    this.#context = context
    this.#links = new Links(context)
    this.#routes = context.routes.map((route) => ({ route, when: route.when.map((when) => new WsCondition(when)) }))
  }

  accept({ remote }: BytesOpen, stream: Stream<Bytes>): StreamHandler<Bytes> | null {
    if (this.#draining) return null
    const { protocol } = this.#context.options.defaults ?? {}
    const headers = this.#headers(remote)
    const exit = this.#exit(headers, stream.session)
    const socket = exit?.dial({ headers, remote: this.#authority === undefined ? remote : undefined }, stream.session)
    if (headers[':authority'] === '' || socket == null) {
      const message =
        headers[':authority'] === '' ? 'there is no `authority`, and none is asked for' : 'the exit dials nothing'
      this.#links.events.event('warn', 'WS_NOT_DIALLED', message, {})
      socket?.destroy()
      return null
    }
    // What is encrypted is the exit's business: to the library it is a connection like any other.
    const webSocket = new WebSocket(
      `ws://${headers[':authority']}${headers[':path']}`,
      protocol === undefined ? [] : [protocol],
      {
        ...this.#links.settings,
        createConnection: () => socket,
      },
    )
    const link = new Link(this.#links, webSocket, socket, remote)
    link.join(stream)
    return link
  }

  drain(): Promise<void> {
    this.#draining = true
    return this.#links.watch.drained()
  }

  async stop(): Promise<void> {
    this.#draining = true
    this.#links.watch.abort(new StreamError('shutdown', 'the engine shuts down'))
  }

  get #authority(): string | undefined {
    return this.#context.options.defaults?.authority
  }

  #headers(remote: Address | undefined): HeaderFields {
    const { scheme = 'http', path = '/' } = this.#context.options.defaults ?? {}
    return {
      ':method': 'GET',
      ':scheme': scheme === 'https' || scheme === 'wss' ? 'https' : 'http',
      ':authority': this.#authority ?? (remote === undefined ? '' : authorityOf(remote)),
      ':path': path,
      upgrade: 'websocket',
      connection: 'Upgrade',
    }
  }

  #exit(headers: HeaderFields, session: Session | null) {
    const { protocol } = this.#context.options.defaults ?? {}
    const offered = protocol === undefined ? [] : [protocol]
    return this.#routes.find(
      ({ route, when }) =>
        route.permits(session) && (when.length === 0 || when.some((item) => item.match(headers, offered) !== null)),
    )?.route.exit
  }
}

const authorityOf = ({ host, port }: Address): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
