/** tcp server: listens on every port of its set and hands each connection to the exit of its route. */
import { createServer, type Server, type Socket } from 'node:net'
import {
  type Binding,
  type BindingContext,
  type Counter,
  EventLimiter,
  type Explanation,
  explainPassing,
  explainRoutes,
  type Inquiry,
  type ListenAddress,
  type Route,
} from '@zilla-ts/engine'
import { Sockets } from '../sockets.ts'
import type { Bytes } from '../stream.ts'
import { Condition } from './condition.ts'
import { openFilesMax, safeConnections } from './open-files.ts'
import { expandPorts } from './ports.ts'
import type { TcpConfig } from './tcp.config.ts'

const BACKLOG = 4096
/** the default of the document: every address of the host */
const HOST_ANY = '0.0.0.0'

interface CompiledRoute {
  readonly route: Route<TcpConfig, Bytes>
  readonly when: readonly Condition[]
}

export class TcpServer implements Binding<Bytes> {
  readonly #context: BindingContext<TcpConfig, Bytes>
  readonly #routes: readonly CompiledRoute[]
  readonly #sockets: Sockets
  readonly #opened: Counter
  readonly #refused: Counter
  readonly #limited: Counter
  readonly #acceptFailed: Counter
  readonly #events: EventLimiter
  #connectionsMax = Number.POSITIVE_INFINITY
  #servers: Server[] = []

  constructor(context: BindingContext<TcpConfig, Bytes>) {
    this.#context = context
    this.#sockets = new Sockets(context.clock)
    this.#routes = context.routes.map((route) => ({
      route,
      when: route.when.map((when) => new Condition(when)),
    }))
    this.#opened = context.report.counter('tcp.connections.opened')
    this.#refused = context.report.counter('tcp.connections.refused')
    this.#limited = context.report.counter('tcp.limited.connections')
    this.#acceptFailed = context.report.counter('tcp.accept.failed')
    this.#events = new EventLimiter(context.report, context.clock)
  }

  async start(): Promise<void> {
    const { host = HOST_ANY, port = 0, limits } = this.#context.options
    this.#connectionsMax = this.#connectionsWithin(limits?.connections)
    for (const number of expandPorts(port)) this.#servers.push(await this.#listen(host, number))
  }

  addresses(): readonly ListenAddress[] {
    return this.#servers.flatMap((server) => {
      const address = server.address()
      return address === null || typeof address === 'string' ? [] : [{ host: address.address, port: address.port }]
    })
  }

  drain(): Promise<void> {
    for (const server of this.#servers) server.close()
    return this.#sockets.drained()
  }

  async stop(): Promise<void> {
    const servers = this.#servers
    this.#servers = []
    const closed = servers.map(
      (server) => new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
    )
    this.#sockets.abort('the listener stops')
    await Promise.all(closed)
  }

  explain(inquiry: Inquiry): Explanation {
    const { host, port } = inquiry.local
    const found = this.#route(host, port)
    const routes = explainRoutes(this.#context.routes, {
      session: null,
      taken: found === undefined ? -1 : this.#routes.indexOf(found),
      matches: (item) => fits(new Condition(item), host, port),
      note: () => `the client connects to ${host}:${port}`,
    })
    return explainPassing(found?.route.exit, inquiry, { what: 'connection', reason: 'no route takes it', routes })
  }

  #listen(host: string, port: number): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
        this.#onConnection(socket),
      )
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new Error(`cannot listen on ${host}:${port}: ${listenFault(error)}`, { cause: error }))
      })
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.removeAllListeners('error')
        // Later errors come from `accept` (no file descriptors left, say): the listener itself lives on.
        server.on('error', (error) => this.#onAcceptFailed(error))
        resolve(server)
      })
    })
  }

  /** As many as asked for, or as are safe. */
  #connectionsWithin(wanted: number | undefined): number {
    const safe = safeConnections(openFilesMax())
    if (wanted === undefined || wanted <= safe) return wanted ?? safe
    const message = `the limit of open files lets this process keep ${safe} connections, not ${wanted} (ulimit -n)`
    this.#context.report.event('warn', 'TCP_CONNECTIONS_LIMITED', message)
    return safe
  }

  #onAcceptFailed(error: Error): void {
    this.#acceptFailed.value++
    this.#events.event('error', 'TCP_ACCEPT_FAILED', error.message, {})
  }

  #onConnection(socket: Socket): void {
    const { localAddress, localPort, remoteAddress, remotePort } = socket
    // The peer is gone before we looked.
    if (!localAddress || !localPort || !remoteAddress || !remotePort) {
      socket.destroy()
      return
    }
    if (this.#sockets.size >= this.#connectionsMax) {
      socket.destroy()
      this.#refused.value++
      this.#limited.value++
      const message = `there are ${this.#connectionsMax} connections, as many as may be`
      this.#events.event('warn', 'TCP_CONNECTION_REFUSED', message, { remote: `${remoteAddress}:${remotePort}` })
      return
    }
    const exit = this.#route(localAddress, localPort)?.route.exit
    const local = { host: localAddress, port: localPort }
    const remote = { host: remoteAddress, port: remotePort }
    if (exit == null) socket.destroy()
    else if (this.#sockets.pass(socket, exit, { local, remote }, null)) {
      this.#opened.value++
      return
    }
    this.#refused.value++
  }

  #route(address: string, port: number): CompiledRoute | undefined {
    return this.#routes.find(({ when }) => when.length === 0 || when.some((item) => fits(item, address, port)))
  }
}

const fits = (item: Condition, address: string, port: number): boolean =>
  item.matchesName(address, port) && item.matchesAddress(address)

function listenFault(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program listens there (EADDRINUSE)'
    case 'EACCES':
      return 'not permitted for this user (EACCES)'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address (EADDRNOTAVAIL)'
    default:
      return error.message
  }
}
