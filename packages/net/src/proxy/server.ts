/**
 * proxy server: reads the header in front of each connection and hands the socket on, with the addresses that the header
 * tells in the place of its own.
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
  refusedStep,
  type Session,
  StreamError,
} from '@zilla-ts/engine'
import { Sockets } from '../sockets.ts'
import type { Bytes, BytesOpen } from '../stream.ts'
import { Watch, type Watched } from '../watch.ts'
import { ownAddresses, ProxyCondition } from './condition.ts'
import { type ProxyClient, type ProxyHeader, readHeader } from './header.ts'
import { HeaderFault } from './header-fault.ts'
import type { ProxyConfig } from './proxy.config.ts'

interface CompiledRoute {
  readonly route: Route<ProxyConfig, Bytes>
  readonly when: readonly ProxyCondition[]
}

export class ProxyServer implements Binding<Bytes> {
  readonly #context: BindingContext<ProxyConfig, Bytes>
  readonly #routes: readonly CompiledRoute[]
  readonly #sockets: Sockets
  readonly #watch: Watch<HeaderReader>
  readonly #events: EventLimiter
  readonly #opened: Counter
  readonly #refused: Counter
  readonly #malformed: Counter
  readonly #timedOut: Counter
  #draining = false

  constructor(context: BindingContext<ProxyConfig, Bytes>) {
    const { clock, report, routes } = context
    this.#context = context
    this.#routes = routes.map((route) => ({ route, when: route.when.map((when) => new ProxyCondition(when)) }))
    this.#sockets = new Sockets(clock)
    this.#watch = new Watch(clock, report)
    this.#events = new EventLimiter(report, clock)
    this.#opened = report.counter('proxy.connections.opened')
    this.#refused = report.counter('proxy.connections.refused')
    this.#malformed = report.counter('proxy.headers.malformed')
    this.#timedOut = report.counter('proxy.headers.timedOut')
  }

  take(socket: Socket, open: BytesOpen, session: Session | null): 'taken' | 'refused' {
    if (this.#draining) return 'refused'
    const { clock, options } = this.#context
    const { headerBytes, headerSeconds } = options.limits
    const reader = new HeaderReader(socket, headerBytes, clock.monotonic() + headerSeconds * 1_000, {
      onHeader: (header) => this.#handOver(socket, open, session, header),
      onFault: (message) => {
        this.#malformed.value++
        this.#events.event('info', 'PROXY_HEADER_MALFORMED', message, { remote: open.remote?.host })
      },
      onTimeout: () => this.#timedOut.value++,
      onOver: () => this.#watch.delete(reader),
    })
    this.#watch.add(reader)
    return 'taken'
  }

  accept(): null {
    const message = 'a proxy server needs connections with a socket: let it be the exit of tcp or tls'
    this.#events.event('error', 'PROXY_NO_SOCKET', message, {})
    return null
  }

  async drain(): Promise<void> {
    this.#draining = true
    this.#watch.abort(new StreamError('shutdown', 'the engine shuts down'))
    await this.#sockets.drained()
  }

  async stop(): Promise<void> {
    this.#draining = true
    this.#watch.abort(new StreamError('shutdown', 'the engine shuts down'))
    this.#sockets.abort('the engine shuts down')
  }

  /** A client whose header tells what is known anyway, and no more. */
  explain(inquiry: Inquiry): Explanation {
    const { session, local, remote } = inquiry
    const addresses = ownAddresses(remote === null ? { local } : { local, remote })
    const matches = (item: NonNullable<ProxyConfig['when']>): boolean | null => {
      const { source, ...others } = item
      if (source === undefined || remote !== null) return new ProxyCondition(item).matches(addresses, {})
      return new ProxyCondition(others).matches(addresses, {}) ? null : false
    }
    const { routes: all } = this.#context
    const depends = all.findIndex(
      (route) => route.permits(session) && route.when.some((item) => matches(item) === null),
    )
    const found = this.#routeOf(addresses, {}, session)
    const taken = found === undefined ? -1 : this.#routes.indexOf(found)
    const isSure = depends < 0 || (taken >= 0 && taken < depends)
    const routes = explainRoutes(all, { session, taken: isSure ? taken : -1, matches })
    if (isSure)
      return explainPassing(found?.route.exit, inquiry, { what: 'connection', reason: 'no route takes it', routes })
    const reason = 'it depends on where the client comes from'
    return { steps: [refusedStep('connection', reason, { verdict: 'unknown', routes })], next: [] }
  }

  #routeOf(addresses: ProxyClient, info: ProxyHeader['info'], session: Session | null): CompiledRoute | undefined {
    return this.#routes.find(
      ({ route, when }) =>
        route.permits(session) && (when.length === 0 || when.some((item) => item.matches(addresses, info))),
    )
  }

  #handOver(socket: Socket, open: BytesOpen, session: Session | null, { client, info }: ProxyHeader): void {
    const addresses = client ?? ownAddresses(open)
    const exit = this.#routeOf(addresses, info, session)?.route.exit
    // A unix socket has no address that anybody behind us could make use of.
    const told =
      client === null || client.family === 'unix' ? open : { local: client.destination, remote: client.source }
    if (exit == null) socket.destroy()
    else if (this.#sockets.pass(socket, exit, { ...open, ...told }, session)) {
      this.#opened.value++
      return
    }
    this.#refused.value++
    socket.destroy()
  }
}

interface ReaderEvents {
  readonly onHeader: (header: ProxyHeader) => void
  readonly onFault: (message: string) => void
  readonly onTimeout: () => void
  readonly onOver: () => void
}

/** A socket whose header is not there yet. */
class HeaderReader implements Watched {
  readonly #socket: Socket
  readonly #bytesMax: number
  readonly #events: ReaderEvents
  #dueAt: number
  #bytes: Buffer = Buffer.alloc(0)
  readonly #onReadable = () => this.#read()
  readonly #onEnd = () => this.#fail('the connection ends before its header does')
  readonly #onClose = () => this.#events.onOver()
  readonly #onError = () => {}

  constructor(socket: Socket, bytesMax: number, dueAt: number, events: ReaderEvents) {
    this.#socket = socket
    this.#bytesMax = bytesMax
    this.#dueAt = dueAt
    this.#events = events
    // Not `data`: what is behind the header must stay in the socket.
    socket.on('readable', this.#onReadable).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onError)
  }

  check(now: number, late: boolean): void {
    if (late) this.#dueAt = Math.max(this.#dueAt, now + 1)
    else if (now >= this.#dueAt) {
      this.#events.onTimeout()
      this.abort()
    }
  }

  abort(): void {
    this.#events.onOver()
    this.#socket.destroy()
  }

  #read(): void {
    for (;;) {
      const chunk: Buffer | null = this.#socket.read()
      if (chunk === null) return
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
      const header = this.#parse()
      if (header === 'fault') return
      if (header !== null) {
        this.#hand(header)
        return
      }
    }
  }

  #parse(): ProxyHeader | null | 'fault' {
    try {
      return readHeader(this.#bytes, this.#bytesMax)
    } catch (error) {
      if (!(error instanceof HeaderFault)) throw error
      this.#fail(error.message)
      return 'fault'
    }
  }

  #hand(header: ProxyHeader): void {
    const socket = this.#socket
    socket.off('readable', this.#onReadable).off('end', this.#onEnd)
    if (this.#bytes.length > header.length) socket.unshift(this.#bytes.subarray(header.length))
    // Node forgets the listener for `readable` a tick later, and would read on whatever the next owner says.
    process.nextTick(() => {
      this.#events.onOver()
      if (!socket.destroyed) this.#events.onHeader(header)
      socket.off('close', this.#onClose).off('error', this.#onError)
    })
  }

  #fail(message: string): void {
    this.#events.onFault(message)
    this.abort()
  }
}
