/**
 * ws server: makes a WebSocket of each upgrade that an http server hands over, and a stream of bytes of the WebSocket. The
 * handshake and the frames are the `ws` library's.
 */
import type { Socket } from 'node:net'
import {
  type Binding,
  type BindingContext,
  type Explanation,
  explainPassing,
  explainRoutes,
  type Inquiry,
  type Route,
  type Session,
  StreamError,
} from '@zilla-ts/engine'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Http, HttpOpen } from '../http/stream.ts'
import type { Bytes } from '../stream.ts'
import type { Watched } from '../watch.ts'
import { anyOf, WsCondition } from './condition.ts'
import { Link } from './link.ts'
import { Links } from './links.ts'
import type { WsConfig } from './ws.config.ts'

interface CompiledRoute {
  readonly route: Route<WsConfig, Bytes>
  readonly when: readonly WsCondition[]
}

export class WsServer implements Binding<Http> {
  readonly #links: Links
  readonly #routes: readonly CompiledRoute[]
  readonly #handshakes: WebSocketServer
  /** answer of the handshake under way; '': none */
  #protocol = ''
  #draining = false

  constructor(context: BindingContext<WsConfig, Bytes>) {
    this.#links = new Links(context)
    this.#routes = context.routes.map((route) => ({ route, when: route.when.map((when) => new WsCondition(when)) }))
    this.#handshakes = new WebSocketServer({
      ...this.#links.settings,
      noServer: true,
      clientTracking: false,
      handleProtocols: () => this.#protocol,
    })
  }

  take(socket: Socket, open: HttpOpen, session: Session | null): 'taken' | 'refused' {
    const { headers, upgrade, local, remote } = open
    if (this.#draining || upgrade === undefined) return 'refused'
    const found = this.#find(headers, session)
    if (found === null) {
      this.#links.refused.value++
      return 'refused'
    }
    this.#protocol = found.protocol
    let opened: WebSocket | null = null
    this.#handshakes.handleUpgrade(upgrade.request, socket, upgrade.head, (webSocket) => {
      opened = webSocket
    })
    if (opened === null) {
      this.#links.refused.value++
      this.#links.watch.add(new RefusedHandshake(socket, this.#links))
      return 'taken'
    }
    const link = new Link(this.#links, opened, socket, remote)
    const stream = found.route.exit?.connect({ local, remote }, session, link) ?? null
    if (stream === null) {
      this.#links.refused.value++
      link.refuse()
    } else {
      this.#links.opened.value++
      link.join(stream)
    }
    return 'taken'
  }

  explain(inquiry: Inquiry): Explanation {
    const { headers, session } = inquiry
    const found = this.#find(headers, session)
    const offered = offeredProtocols(headers['sec-websocket-protocol'])
    const routes = explainRoutes(
      this.#routes.map(({ route }) => route),
      {
        session,
        taken: found === null ? -1 : this.#routes.findIndex(({ route }) => route === found.route),
        matches: (item) => new WsCondition(item).match(headers, offered) !== null,
      },
    )
    const facts = found === null ? [] : ([['subprotocol', found.protocol]] as const)
    const reason = 'no route takes the WebSocket'
    return explainPassing(found?.route.exit, inquiry, { what: 'WebSocket', reason, routes, facts })
  }

  drain(): Promise<void> {
    this.#draining = true
    return this.#links.watch.drained()
  }

  async stop(): Promise<void> {
    this.#draining = true
    this.#links.watch.abort(new StreamError('shutdown', 'the engine shuts down'))
  }

  /** The first route that takes one of the subprotocols offered, and which. */
  #find(
    headers: HttpOpen['headers'],
    session: Session | null,
  ): { route: CompiledRoute['route']; protocol: string } | null {
    const offered = offeredProtocols(headers['sec-websocket-protocol'])
    for (const { route, when } of this.#routes) {
      if (!route.permits(session)) continue
      if (when.length === 0) return { route, protocol: anyOf(offered) }
      for (const condition of when) {
        const protocol = condition.match(headers, offered)
        if (protocol !== null) return { route, protocol }
      }
    }
    return null
  }
}

/** What is malformed is refused by the handshake. */
const offeredProtocols = (header = ''): readonly string[] =>
  header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

/** The library has answered with an error; a peer that does not take the answer is cut off. */
class RefusedHandshake implements Watched {
  readonly #socket: Socket
  readonly #dueAt: number

  constructor(socket: Socket, { clock, limits, watch }: Links) {
    this.#socket = socket
    this.#dueAt = clock.monotonic() + limits.closeSeconds * 1_000
    socket.on('error', () => {})
    socket.once('close', () => watch.delete(this))
  }

  check(now: number): void {
    if (now >= this.#dueAt) this.#socket.destroy()
  }

  abort(): void {
    this.#socket.destroy()
  }
}
