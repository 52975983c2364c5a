/**
 * http server: reads requests from sockets that somebody else has accepted, with Node's own parser, and hands each that asks
 * for a WebSocket to the exit of its route. Everything else is answered here, at once. Nothing a client sends may make a
 * connection hold more, or last longer, than the limits say.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type Binding,
  type BindingContext,
  type Counter,
  EventLimiter,
  type Explanation,
  explainPassing,
  explainRoutes,
  type Guard,
  type Inquiry,
  type Route,
  refusedStep,
  type Session,
  StreamError,
} from '@zilla-ts/engine'
import type { Bytes, BytesOpen } from '../stream.ts'
import { Watch } from '../watch.ts'
import { AccessControl } from './access-control.ts'
import type { AnswerHeaders } from './answer.ts'
import { HttpCondition } from './condition.ts'
import { HttpConnection } from './connection.ts'
import { CredentialsReader } from './credentials.ts'
import type { HttpConfig } from './http.config.ts'
import { asksForWebSocket, headerFields, RequestFault } from './request.ts'
import type { HeaderFields, Http } from './stream.ts'

/** RFC 9110 §7.8, §15.5.22 */
const UPGRADE_REQUIRED: AnswerHeaders = { Upgrade: 'websocket' }
const MALFORMED: ReadonlySet<number> = new Set([400, 431])
const ONLY_WEBSOCKETS = 'this is for WebSockets only'
const NOTHING_HERE = 'there is nothing here'
/** Node's own deadlines are all off: the clock of the engine has them. */
const NO_DEADLINES = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 }
const STATUS_OF_PARSER: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the header is too large'],
  HPE_PAUSED_H2_UPGRADE: [400, 'HTTP/2 is not spoken here'],
}

interface CompiledRoute {
  readonly route: Route<HttpConfig, Http>
  readonly when: readonly HttpCondition[]
}

interface Authorization {
  readonly guard: Guard
  readonly reader: CredentialsReader
}

/** An upgrade on its way to the exit. */
interface Upgrade {
  readonly connection: HttpConnection
  readonly request: IncomingMessage
  readonly head: Buffer
  readonly headers: HeaderFields
}

export class HttpServer implements Binding<Bytes> {
  readonly #context: BindingContext<HttpConfig, Http>
  readonly #routes: readonly CompiledRoute[]
  readonly #access: AccessControl
  readonly #authorization: Authorization | null
  readonly #server: Server
  readonly #events: EventLimiter
  readonly #watch: Watch<HttpConnection>
  readonly #connections = new Map<Duplex, HttpConnection>()
  readonly #opened: Counter
  readonly #upgraded: Counter
  readonly #refused: Counter
  readonly #malformed: Counter
  readonly #timedOut: Counter
  #draining = false

  constructor(context: BindingContext<HttpConfig, Http>) {
    this.#context = context
    const { options, report, clock } = context
    this.#routes = context.routes.map((route) => ({ route, when: route.when.map((when) => new HttpCondition(when)) }))
    this.#access = new AccessControl(options['access-control'])
    const [name, authorization] = Object.entries(options.authorization ?? {})[0] ?? []
    this.#authorization =
      name === undefined || authorization === undefined
        ? null
        : { guard: context.guard(name), reader: new CredentialsReader(authorization) }
    this.#events = new EventLimiter(report, clock)
    this.#watch = new Watch(clock, report)
    this.#opened = report.counter('http.connections.opened')
    this.#upgraded = report.counter('http.upgrades.accepted')
    this.#refused = report.counter('http.requests.refused')
    this.#malformed = report.counter('http.requests.malformed')
    this.#timedOut = report.counter('http.connections.timedOut')
    this.#server = this.#createServer()
  }

  take(socket: Socket, open: BytesOpen, session: Session | null): 'taken' | 'refused' {
    if (this.#draining) return 'refused'
    const dueAt = this.#dueAt('headerSeconds')
    const connection = new HttpConnection(socket, open, session, dueAt, () => this.#timedOut.value++)
    this.#connections.set(socket, connection)
    this.#watch.add(connection)
    // `close` follows each error and is all that matters.
    socket.on('error', () => {})
    socket.once('close', () => this.#forget(connection))
    this.#opened.value++
    this.#server.emit('connection', socket)
    return 'taken'
  }

  accept(): null {
    const message = 'an http server needs connections with a socket: let it be the exit of tcp, tls or proxy'
    this.#events.event('error', 'HTTP_NO_SOCKET', message, {})
    return null
  }

  /** What is no WebSocket yet has nothing to lose. */
  drain(): Promise<void> {
    this.#draining = true
    for (const { socket, pending } of this.#connections.values()) if (pending === 0) socket.destroy()
    return this.#watch.drained()
  }

  async stop(): Promise<void> {
    this.#draining = true
    this.#watch.abort(new StreamError('shutdown', 'the engine shuts down'))
  }

  /** A request for a WebSocket. What the client does not say is as clients of MQTT have it. */
  async explain(inquiry: Inquiry): Promise<Explanation> {
    const { host, port } = inquiry.local
    const headers: HeaderFields = { ...UPGRADE, ':authority': `${host}:${port}`, ...inquiry.headers }
    const what = `WebSocket ${headers[':path']}`
    if (!this.#access.permits(headers)) {
      return { steps: [refusedStep(what, `pages of ${headers['origin']} may not connect: 403`)], next: [] }
    }
    let session = inquiry.session
    const { token: credentials, username: identity } = inquiry
    const given = credentials === null ? null : { credentials, identity }
    const shown = this.#authorization === null ? null : (this.#authorization.reader.read(headers) ?? given)
    try {
      if (shown !== null) session = (await this.#authorization?.guard.authorize(shown, session)) ?? session
    } catch (error) {
      return { steps: [refusedStep(what, (error as Error).message, { verdict: 'unknown' })], next: [] }
    }
    const matching = this.#matching(headers)
    const found = matching.find(({ route }) => route.permits(session))
    const routes = explainRoutes<HttpConfig, Http>(this.#context.routes, {
      session,
      taken: found === undefined ? -1 : this.#routes.indexOf(found),
      matches: (item) => new HttpCondition(item).matches(headers),
      note: (item) =>
        Object.keys(item.headers)
          .map((name) => noteOf(headers, name))
          .join(),
    })
    const reason = matching.length === 0 ? `${NOTHING_HERE}: 404` : 'no route permits the client: 401 or 403'
    return explainPassing(found?.route.exit, { ...inquiry, session, headers }, { what, reason, routes })
  }

  #createServer(): Server {
    const { headerBytes } = this.#context.options.limits
    const server = createServer({ ...NO_DEADLINES, maxHeaderSize: headerBytes, requireHostHeader: true })
    // Node drops what is above this in silence; we count ourselves, and refuse.
    server.maxHeadersCount = 0
    server.on('request', (request, response) => this.#onRequest(request, response))
    server.on('checkContinue', (request, response) => this.#onRequest(request, response))
    server.on('checkExpectation', (request, response) => this.#onRequest(request, response))
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head))
    server.on('clientError', (error, socket) => this.#onClientError(error, socket))
    return server
  }

  // Requests that ask for no WebSocket

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket)
    if (connection === undefined) {
      request.socket.destroy()
      return
    }
    connection.pending++
    connection.dueAt = this.#dueAt('headerSeconds')
    response.once('close', () => {
      connection.pending--
      connection.dueAt = this.#dueAt('keepAliveSeconds')
      if (this.#draining) request.socket.destroy()
    })
    const [status, text, headers] = this.#answerTo(request)
    if (status !== 204) this.#refused.value++
    // Nobody reads a body; and after a malformed request nothing is sure.
    const last =
      hasBody(request) ||
      MALFORMED.has(status) ||
      this.#draining ||
      ++connection.requests >= this.#context.options.limits.requests
    if (last) response.setHeader('Connection', status === 426 ? 'close, Upgrade' : 'close')
    else if (status === 426) response.setHeader('Connection', 'Upgrade')
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers })
    response.end(status === 204 ? undefined : `${text}\n`)
  }

  #answerTo(request: IncomingMessage): readonly [number, string, AnswerHeaders] {
    const fields = this.#fieldsOf(request)
    if (fields instanceof RequestFault) return [fields.status, fields.message, {}]
    const preflight = this.#access.preflightHeaders(fields)
    if (preflight !== null) return [204, '', preflight]
    const headers = this.#access.answerHeaders(fields)
    if (!this.#isWebSocketRoute(fields)) return [404, NOTHING_HERE, headers]
    return [426, ONLY_WEBSOCKETS, { ...headers, ...UPGRADE_REQUIRED }]
  }

  /** Whether the same request would find a route if it asked for a WebSocket. */
  #isWebSocketRoute(fields: HeaderFields): boolean {
    return this.#matching({ ...fields, upgrade: 'websocket', connection: 'Upgrade' }).length > 0
  }

  /** Counted when at fault. */
  #fieldsOf(request: IncomingMessage): HeaderFields | RequestFault {
    try {
      return headerFields(request, this.#context.options.limits.headerCount)
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error
      this.#malformed.value++
      return error
    }
  }

  // Upgrades

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket)
    // Sent on before the answer to an earlier request: our answers would overtake each other (RFC 9112 §9.3.2).
    if (connection === undefined || connection.pending > 0) {
      this.#malformed.value++
      socket.destroy()
      return
    }
    connection.dueAt = this.#dueAt('headerSeconds')
    const headers = this.#fieldsOf(request)
    if (headers instanceof RequestFault) this.#refuse(connection, headers.status, headers.message)
    else if (this.#draining) this.#refuse(connection, 503, 'the server is about to stop')
    else if (!asksForWebSocket(headers)) {
      if (this.#isWebSocketRoute(headers)) this.#refuse(connection, 426, ONLY_WEBSOCKETS, UPGRADE_REQUIRED)
      else this.#refuse(connection, 404, NOTHING_HERE)
    } else if (!this.#access.permits(headers)) {
      this.#event('HTTP_ORIGIN_REFUSED', 'a page of another origin wants to connect', connection, headers)
      this.#refuse(connection, 403, 'pages of this origin may not connect')
    } else this.#authorize({ connection, request, head, headers })
  }

  #authorize(upgrade: Upgrade): void {
    const { connection, headers } = upgrade
    const shown = this.#authorization?.reader.read(headers) ?? null
    if (this.#authorization === null || shown === null) {
      this.#route(upgrade, connection.session, false)
      return
    }
    this.#authorization.guard
      .authorize(shown, connection.session)
      .then(
        (session) => this.#route(upgrade, session ?? connection.session, session !== null),
        (error: unknown) => {
          const known = error instanceof StreamError && error.code === 'unavailable'
          if (!known) this.#context.report.fault('http.authorize', error)
          this.#refuse(connection, 503, 'credentials cannot be checked now')
        },
      )
      .catch((error: unknown) => {
        this.#context.report.fault('http.upgrade', error)
        connection.socket.destroy()
      })
  }

  #route({ connection, request, head, headers }: Upgrade, session: Session | null, authorized: boolean): void {
    const { socket, open } = connection
    if (socket.destroyed) return
    if (this.#draining) {
      this.#refuse(connection, 503, 'the server is about to stop')
      return
    }
    const matching = this.#matching(headers)
    const exit = matching.find(({ route }) => route.permits(session))?.route.exit
    if (exit == null) {
      this.#refuseUnrouted(connection, headers, matching.length > 0, authorized)
      return
    }
    const taken = exit.take(socket as Socket, { ...open, headers, upgrade: { request, head } }, session)
    if (taken === 'taken') {
      this.#upgraded.value++
      this.#forget(connection)
    } else this.#refuse(connection, 404, 'there is no such WebSocket here')
  }

  #refuseUnrouted(connection: HttpConnection, headers: HeaderFields, guarded: boolean, authorized: boolean): void {
    if (!guarded) this.#refuse(connection, 404, NOTHING_HERE)
    else {
      const message = authorized ? 'the roles of a client do not suffice' : 'a client showed no valid credentials'
      this.#event('HTTP_NOT_AUTHORIZED', message, connection, headers)
      if (authorized) this.#refuse(connection, 403, 'not permitted')
      // RFC 9110 §15.5.2
      else this.#refuse(connection, 401, 'credentials are needed', { 'WWW-Authenticate': this.#challenge })
    }
  }

  get #challenge(): string {
    return this.#authorization?.reader.challenge ?? 'Bearer'
  }

  #matching(headers: HeaderFields): readonly CompiledRoute[] {
    return this.#routes.filter(({ when }) => when.length === 0 || when.some((condition) => condition.matches(headers)))
  }

  // Ends

  #refuse(connection: HttpConnection, status: number, text: string, headers?: AnswerHeaders): void {
    this.#refused.value++
    connection.dueAt = this.#dueAt('headerSeconds')
    connection.answer(status, text, headers)
  }

  #onClientError(error: Error, socket: Duplex): void {
    const connection = this.#connections.get(socket)
    const { code = '' } = error as NodeJS.ErrnoException
    if (connection === undefined || connection.pending > 0 || !code.startsWith('HPE_') || !socket.writable) {
      if (code.startsWith('HPE_')) this.#malformed.value++
      socket.destroy()
      return
    }
    if (connection.closing) return
    this.#malformed.value++
    const [status, text] = STATUS_OF_PARSER[code] ?? [400, 'this is not HTTP/1.1']
    this.#event('HTTP_REQUEST_MALFORMED', text, connection, null)
    this.#refuse(connection, status, text)
  }

  /** Neither query nor header fields, for they may hold secrets. */
  #event(code: string, message: string, { open }: HttpConnection, headers: HeaderFields | null): void {
    const path = headers?.[':path']?.split('?', 1)[0]?.slice(0, 200)
    const origin = headers?.['origin']?.slice(0, 200)
    this.#events.event('info', code, message, { remote: open.remote?.host, path, origin })
  }

  #forget(connection: HttpConnection): void {
    if (this.#connections.get(connection.socket) === connection) this.#connections.delete(connection.socket)
    this.#watch.delete(connection)
  }

  #dueAt(limit: 'headerSeconds' | 'keepAliveSeconds'): number {
    return this.#context.clock.monotonic() + this.#context.options.limits[limit] * 1_000
  }
}

/** What a client of MQTT asks for [MQTT-6.0.0-3]. */
const UPGRADE: HeaderFields = {
  ':method': 'GET',
  ':scheme': 'http',
  ':path': '/',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-protocol': 'mqtt',
}

/** Header fields may hold secrets: only what a URL shows is shown. */
function noteOf(headers: HeaderFields, name: string): string {
  const value = headers[name.toLowerCase()]
  if (value === undefined) return 'the client does not send it'
  return name.startsWith(':') ? `it is ${value.split('?', 1)[0]}` : 'the client sends another'
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
