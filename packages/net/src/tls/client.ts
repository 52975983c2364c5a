/**
 * tls client: dials through its exit and speaks TLS there, with servers whose certificate somebody trusted has issued for
 * the name that was wanted. Neighbours get a socket (`dial`) or a stream.
 */
import { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import type {
  Binding,
  BindingContext,
  Counter,
  Exit,
  KeyPair,
  Route,
  Session,
  Stream,
  StreamHandler,
} from '@zilla-ts/engine'
import { SocketStream } from '../socket-stream.ts'
import type { Bytes, BytesOpen } from '../stream.ts'
import { StreamSocket } from '../stream-socket.ts'
import { hasSubject } from './certificates.ts'
import { ClientSocket, type RawSocket } from './client-socket.ts'
import { Condition, matchesAny } from './condition.ts'
import { contextOptions, keysOf, protocolsOf, trustOf } from './material.ts'
import type { TlsConfig } from './tls.config.ts'

interface CompiledRoute {
  readonly route: Route<TlsConfig, Bytes>
  readonly when: readonly Condition[]
}

export class TlsClient implements Binding<Bytes> {
  readonly #context: BindingContext<TlsConfig, Bytes>
  readonly #routes: readonly CompiledRoute[]
  readonly #protocols: string[]
  readonly #sockets = new Set<ClientSocket>()
  readonly #secured: Counter
  readonly #failed: Counter
  /** one a route, made of the vault, anew whenever it changes */
  #contexts: readonly SecureContext[] = []

  constructor(context: BindingContext<TlsConfig, Bytes>) {
    this.#context = context
    this.#routes = context.routes.map((route) => ({ route, when: route.when.map((when) => new Condition(when)) }))
    this.#protocols = [...protocolsOf(context.options)]
    this.#secured = context.report.counter('tls.handshakes.secured')
    this.#failed = context.report.counter('tls.handshakes.failed')
  }

  async start(): Promise<void> {
    this.#contexts = this.#load()
    this.#context.vault?.onChange(() => this.#reload())
  }

  accept(open: BytesOpen, stream: Stream<Bytes>): StreamHandler<Bytes> | null {
    const socket = this.#dial(open, stream.session)
    if (socket === null) return null
    const connection = new SocketStream(socket as unknown as Socket, this.#context.clock, () => {})
    socket.once('connect', () => {
      const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket
      stream.accept({
        local: { host: localAddress, port: localPort },
        remote: { host: remoteAddress, port: remotePort },
      })
    })
    connection.join(stream)
    return connection
  }

  dial(open: BytesOpen, session: Session | null): Socket | null {
    return this.#dial(open, session) as Socket | null
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
  }

  #dial(open: BytesOpen, session: Session | null): ClientSocket | null {
    // On streams that come from a server, `remote` is the peer, who is nobody to dial.
    const wanted = open.local === undefined ? open.remote : undefined
    const name = this.#context.options.sni?.[0] ?? wanted?.host
    const facts = { port: wanted?.port, authority: name, alpn: this.#protocols }
    const at = this.#routes.findIndex(({ route, when }) => matchesAny(when, facts) && route.permits(session))
    const [exit, context] = [this.#routes[at]?.route.exit, this.#contexts[at]]
    if (exit == null || context === undefined) return null
    const raw: RawSocket | null = exit.dial(open, session) ?? dialStream(exit, open, session)
    if (raw === null) return null
    const { clock, options } = this.#context
    const serverName = name === undefined ? nameOf(raw) : () => name
    const socket = new ClientSocket({
      raw,
      clock,
      handshakeMs: options.limits.handshakeSeconds * 1_000,
      begin: () => this.#begin(raw, serverName(), context),
      secured: this.#secured,
      failed: this.#failed,
    })
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  #begin(raw: Duplex, name: string | undefined, secureContext: SecureContext): TLSSocket {
    if (name === undefined)
      throw new Error('nothing says whose certificate the server must have: name it in options.sni')
    return connect({
      socket: raw,
      secureContext,
      // Addresses are never sent (RFC 6066 §3), but certificates may have them.
      servername: isIP(name) === 0 ? name : '',
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
      ...(this.#protocols.length > 0 && { ALPNProtocols: this.#protocols }),
    })
  }

  #reload(): void {
    try {
      this.#contexts = this.#load()
    } catch (error) {
      const message = `what was used before stays: ${(error as Error).message}`
      this.#context.report.event('error', 'TLS_NOT_RELOADED', message)
    }
  }

  #load(): SecureContext[] {
    const { options, vault, routes } = this.#context
    const trust = vault === null || options.trust === undefined ? null : trustOf(vault, options.trust)
    const shared = contextOptions(options, vault, trust, options.trustcacerts ?? options.trust === undefined)
    const shows = options.keys !== undefined || options.signers !== undefined
    const keys = vault === null || !shows ? [] : keysOf(vault, options)
    return routes.map((route) => {
      const key = keyFor(route, keys)
      if (shows && key === undefined) throw new Error('no key of the vault is one that this client shall show')
      return createSecureContext({ ...shared, ...(key !== undefined && { key: key.key, cert: key.certificates }) })
    })
  }
}

function keyFor(route: Route<TlsConfig, Bytes>, keys: readonly KeyPair[]): KeyPair | undefined {
  const subject = route.with?.certificate?.subject
  if (subject === undefined) return keys[0]
  return keys.find(({ certificates }) => hasSubject(new X509Certificate(certificates), subject))
}

/** For exits that have no socket to give. */
function dialStream(exit: Exit<Bytes>, open: BytesOpen, session: Session | null): StreamSocket | null {
  const socket = new StreamSocket()
  const stream = exit.connect(open, session, socket)
  if (stream === null) return null
  socket.join(stream)
  return socket
}

/** Where the exit alone knows whom it dials: the host it has looked up, or the address. Asked once it is connected. */
function nameOf(raw: RawSocket): () => string | undefined {
  let host: string | undefined
  raw.once('lookup', (_error: Error | null, _address: string, _family: number, name: string) => {
    host = name
  })
  return () => host ?? raw.remoteAddress
}
