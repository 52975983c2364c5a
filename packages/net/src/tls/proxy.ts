/**
 * tls proxy: chooses a route by what the client's hello says of whom it wants, and passes the connection on as it is. It
 * holds no key and decrypts nothing.
 */
import type { Socket } from 'node:net'
import {
  type Binding,
  type BindingContext,
  type Counter,
  EventLimiter,
  type Explanation,
  explainPassing,
  explainRoutes,
  type Inquiry,
  type Route,
  type Session,
  type Stream,
  type StreamError,
  type StreamHandler,
  type Task,
  type Timer,
} from '@zilla-ts/engine'
import { Sockets } from '../sockets.ts'
import type { Bytes, BytesOpen } from '../stream.ts'
import { StreamSocket } from '../stream-socket.ts'
import type { ClientHello } from './client-hello.ts'
import { Condition, type Facts, matchesAny, unmetNote } from './condition.ts'
import { Alert, endWithAlert, HelloPeek } from './hello-peek.ts'
import type { TlsConfig } from './tls.config.ts'

interface CompiledRoute {
  readonly route: Route<TlsConfig, Bytes>
  readonly when: readonly Condition[]
}

export class TlsProxy implements Binding<Bytes> {
  readonly #context: BindingContext<TlsConfig, Bytes>
  readonly #routes: readonly CompiledRoute[]
  readonly #events: EventLimiter
  readonly #sockets: Sockets
  readonly #peeks = new Set<Peek>()
  readonly #passed: Counter
  readonly #refused: Counter
  readonly #limited: Counter
  #draining = false

  constructor(context: BindingContext<TlsConfig, Bytes>) {
    this.#context = context
    this.#routes = context.routes.map((route) => ({ route, when: route.when.map((when) => new Condition(when)) }))
    this.#events = new EventLimiter(context.report, context.clock)
    this.#sockets = new Sockets(context.clock)
    this.#passed = context.report.counter('tls.connections.passed')
    this.#refused = context.report.counter('tls.connections.refused')
    this.#limited = context.report.counter('tls.handshakes.limited')
  }

  take(socket: Socket, open: BytesOpen, session: Session | null): 'taken' | 'refused' {
    const { limits } = this.#context.options
    if (this.#draining || this.#route({ port: open.local?.port }, session) === undefined) return 'refused'
    if (this.#peeks.size >= limits.handshakes) {
      this.#limited.value++
      const message = `${limits.handshakes} connections have not said whom they want, no more are looked at`
      this.#events.event('warn', 'TLS_HANDSHAKES_LIMITED', message, remoteOf(open))
      return 'refused'
    }
    const peek = new Peek(socket, {
      onHello: (hello) => {
        // Runs outside of any stream, so that what is thrown would end the process.
        try {
          this.#pass(peek, socket, open, session, hello)
        } catch (error) {
          this.#context.report.fault('tls.proxy', error)
          socket.destroy()
          this.#refuse(peek, open, 'a fault of this program')
        }
      },
      onFailed: (reason) => this.#refuse(peek, open, reason),
    })
    this.#peeks.add(peek)
    peek.timer = this.#context.clock.after(limits.handshakeSeconds * 1_000, peek)
    return 'taken'
  }

  accept(open: BytesOpen, stream: Stream<Bytes>): StreamHandler<Bytes> | null {
    const socket = new StreamSocket()
    if (this.take(socket as unknown as Socket, open, stream.session) === 'refused') return null
    socket.join(stream)
    return socket
  }

  explain(inquiry: Inquiry): Explanation {
    const { session, local, serverName: authority, protocols: alpn } = inquiry
    const facts = { port: local.port, authority, alpn }
    const found = this.#route(facts, session)
    const routes = explainRoutes(this.#context.routes, {
      session,
      taken: found === undefined ? -1 : this.#context.routes.indexOf(found),
      matches: (item) => new Condition(item).matches(facts),
      note: (item) => unmetNote(item, facts),
    })
    const reason = `no route for ${authority ?? 'no name'}`
    return explainPassing(found?.exit, inquiry, { what: 'connection', reason, routes })
  }

  /** Who has not said whom it wants is not waited for. */
  async drain(): Promise<void> {
    this.#draining = true
    for (const peek of this.#peeks) peek.fail('the engine shuts down')
    await this.#sockets.drained()
  }

  async stop(): Promise<void> {
    this.#draining = true
    for (const peek of this.#peeks) peek.fail('the engine shuts down')
    this.#sockets.abort('the engine shuts down')
  }

  #pass(peek: Peek, socket: Socket, open: BytesOpen, session: Session | null, hello: ClientHello): void {
    const { serverName, alpn } = hello
    const route = this.#route({ port: open.local?.port, authority: serverName, alpn }, session)
    if (route?.exit == null) {
      peek.fail(`no route for ${serverName ?? 'no name'}`, Alert.UNRECOGNIZED_NAME)
      return
    }
    peek.leave()
    this.#peeks.delete(peek)
    if (this.#sockets.pass(socket, route.exit, open, session)) this.#passed.value++
    else this.#refuse(peek, open, `${route.exit.name} refuses the connection`)
  }

  #refuse(peek: Peek, open: BytesOpen, reason: string): void {
    this.#peeks.delete(peek)
    this.#refused.value++
    this.#events.event('info', 'TLS_CONNECTION_REFUSED', reason, remoteOf(open))
  }

  #route(facts: Facts, session: Session | null): Route<TlsConfig, Bytes> | undefined {
    return this.#routes.find(({ route, when }) => matchesAny(when, facts) && route.permits(session))?.route
  }
}

interface PeekOwner {
  onHello(hello: ClientHello): void
  /** Once, unless it was left before: the socket is closed, or about to be. */
  onFailed(reason: string): void
}

/** A connection that has not said yet whom it wants, and its deadline. */
class Peek implements Task {
  timer: Timer | null = null
  readonly #socket: Socket
  readonly #owner: PeekOwner
  #over = false
  readonly #onClose = (): void => this.fail('the client has gone')

  constructor(socket: Socket, owner: PeekOwner) {
    this.#socket = socket
    this.#owner = owner
    // `close` follows and says all; errors after the handing over are the next one's as well.
    socket.on('error', () => {})
    socket.once('close', this.#onClose)
    new HelloPeek(
      socket,
      (hello) => {
        if (!this.#over) owner.onHello(hello)
      },
      () => this.fail('what came is no TLS ClientHello', Alert.DECODE_ERROR),
    )
  }

  /** The deadline. */
  run(): void {
    this.fail('no ClientHello in time')
  }

  fault(error: StreamError): void {
    this.fail(error.message)
  }

  fail(reason: string, alert?: number): void {
    if (this.#over) return
    this.leave()
    if (alert === undefined) this.#socket.destroy()
    else endWithAlert(this.#socket, alert)
    this.#owner.onFailed(reason)
  }

  leave(): void {
    this.#over = true
    this.timer?.cancel()
    this.#socket.off('close', this.#onClose)
  }
}

function remoteOf({ remote }: BytesOpen): Readonly<Record<string, unknown>> {
  return remote === undefined ? {} : { remote: remote.host }
}
