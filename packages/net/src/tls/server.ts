/**
 * tls server: ends TLS for the connections it is handed and passes each on by its route. Works on the socket itself
 * (`take`); a neighbour without sockets is served through a slower stand-in. When the vault changes, new handshakes use
 * what is in it now; connections go on.
 */
import { constants, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import {
  type Binding,
  type BindingContext,
  type Clock,
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
  type Stream,
  type StreamHandler,
  type TrustedCertificate,
  type Vault,
} from '@zilla-ts/engine'
import { Sockets } from '../sockets.ts'
import type { Bytes, BytesOpen } from '../stream.ts'
import { StreamSocket } from '../stream-socket.ts'
import { wildcard } from '../tcp/condition.ts'
import { Acceptor } from './acceptor.ts'
import { certificatesIn, namesIn, subjectOf } from './certificates.ts'
import { Condition, type Facts, matchesAny, unmetNote } from './condition.ts'
import { Handshake, NO_CERTIFICATE } from './handshake.ts'
import { KeyRing } from './key-ring.ts'
import { contextOptions, keysOf, protocolsOf, trustOf } from './material.ts'
import { asksForCertificate, mutualOf } from './mutual.ts'
import type { TlsConfig, TlsLimits } from './tls.config.ts'

/** Node's own deadline must not come before ours. */
const NEVER_MS = 2 ** 31 - 1

interface CompiledRoute {
  readonly route: Route<TlsConfig, Bytes>
  readonly when: readonly Condition[]
}

/** What is made of the vault, anew whenever it changes. */
interface Material {
  readonly ring: KeyRing
  readonly trust: readonly TrustedCertificate[]
}

export class TlsServer implements Binding<Bytes> {
  readonly clock: Clock
  readonly limits: TlsLimits
  readonly mutual: 'required' | 'requested' | 'none'
  readonly #context: BindingContext<TlsConfig, Bytes>
  readonly #vault: Vault
  readonly #guard: Guard | null
  readonly #routes: readonly CompiledRoute[]
  readonly #names: readonly RegExp[]
  /** Not every name may be asked for. */
  readonly #restrictsNames: boolean
  readonly #protocols: readonly string[]
  readonly #events: EventLimiter
  readonly #sockets: Sockets
  readonly #handshakes = new Map<Socket, Handshake>()
  readonly #secured: Counter
  readonly #failed: Counter
  readonly #limited: Counter
  readonly #refused: Counter
  #material: Material | null = null
  #draining = false

  constructor(context: BindingContext<TlsConfig, Bytes>) {
    const { options, routes, report, clock, vault } = context
    if (vault === null) throw new Error('a tls server needs a vault')
    const whens = routes.map(({ when }) => when)
    const guard = Object.keys(options.authorization ?? {})[0]
    this.#context = context
    this.#vault = vault
    this.#guard = guard === undefined ? null : context.guard(guard)
    this.clock = clock
    this.limits = options.limits
    this.mutual = mutualOf(options, whens)
    this.#routes = routes.map((route) => ({ route, when: route.when.map((when) => new Condition(when)) }))
    this.#names = (options.sni ?? []).map((name) => wildcard(name.toLowerCase()))
    this.#restrictsNames =
      this.#names.length > 0 ||
      whens.every((when) => when.length > 0 && when.every(({ authority }) => authority !== undefined))
    const ofRoutes = whens.flat().flatMap(({ alpn }) => alpn ?? [])
    this.#protocols = options.alpn === undefined ? [...new Set(ofRoutes)] : protocolsOf(options)
    this.#events = new EventLimiter(report, clock)
    this.#sockets = new Sockets(clock)
    this.#secured = report.counter('tls.handshakes.secured')
    this.#failed = report.counter('tls.handshakes.failed')
    this.#limited = report.counter('tls.handshakes.limited')
    this.#refused = report.counter('tls.connections.refused')
  }

  async start(): Promise<void> {
    this.#material = this.#load()
    this.#vault.onChange(() => this.#reload())
  }

  take(socket: Socket, open: BytesOpen, session: Session | null): 'taken' | 'refused' {
    if (this.#draining || !this.#mayMatch({ port: open.local?.port })) return 'refused'
    if (this.#handshakes.size >= this.limits.handshakes) {
      this.#limited.value++
      const message = `${this.limits.handshakes} handshakes are under way, no more are begun`
      this.#events.event('warn', 'TLS_HANDSHAKES_LIMITED', message, remoteOf(open))
      return 'refused'
    }
    const handshake = new Handshake(this, socket, open, session)
    this.#handshakes.set(socket, handshake)
    handshake.begin()
    return 'taken'
  }

  accept(open: BytesOpen, stream: Stream<Bytes>): StreamHandler<Bytes> | null {
    const socket = new StreamSocket()
    if (this.take(socket as unknown as Socket, open, stream.session) === 'refused') return null
    socket.join(stream)
    return socket
  }

  /** Whether the certificate is to be trusted is for the handshake to find out: here it is taken for verified. */
  async explain(inquiry: Inquiry): Promise<Explanation> {
    const { local, serverName, protocols } = inquiry
    const asks = asksForCertificate(this.mutual)
    const chain = asks && inquiry.certificate !== null ? certificatesIn(inquiry.certificate) : []
    const refused = (reason: string): Explanation => ({ steps: [refusedStep('handshake', reason)], next: [] })
    if (this.#restrictsNames && !this.mayAsk(serverName, { local })) {
      return refused(`the client asks for ${serverName ?? 'no name'}`)
    }
    const alpn = this.#protocols.length > 0 ? this.#choose(serverName, protocols) : undefined
    if (alpn === undefined && this.#protocols.length > 0 && protocols.length > 0) {
      return refused(`none of the protocols of the client is served: ${this.#protocols.join(', ')}`)
    }
    if (chain.length === 0 && this.mutual === 'required') return refused(NO_CERTIFICATE)
    let session = inquiry.session
    try {
      session = (await this.authorize(chain, session)) ?? session
    } catch (error) {
      return { steps: [refusedStep('handshake', (error as Error).message, { verdict: 'unknown' })], next: [] }
    }
    const facts = { port: local.port, authority: serverName, alpn: alpn === undefined ? [] : [alpn] }
    const headers = { ':scheme': 'https', ...inquiry.headers }
    return this.#explainRoute({ ...inquiry, session, headers }, chain.length === 0 ? { ...facts, trust: null } : facts)
  }

  #explainRoute(inquiry: Inquiry, facts: Facts): Explanation {
    const { session } = inquiry
    const found = this.#routeOf(facts, session)
    const matches = (when: NonNullable<TlsConfig['when']>): boolean | null => {
      const may = new Condition(when).matches(facts)
      return may && facts.trust === undefined && when.trust !== undefined ? null : may
    }
    const { routes: all } = this.#context
    const depends =
      found !== undefined && found.when.length > 0 && !found.route.when.some((item) => matches(item) === true)
    const taken = depends || found === undefined ? -1 : this.#routes.indexOf(found)
    const routes = explainRoutes(all, { session, taken, matches, note: (item) => unmetNote(item, facts) })
    if (depends) {
      const reason = 'who vouches for the certificate is known at the handshake only'
      return { steps: [refusedStep('connection', reason, { verdict: 'unknown', routes })], next: [] }
    }
    return explainPassing(found?.route.exit, inquiry, { what: 'connection', reason: 'no route takes it', routes })
  }

  /** Who is in a handshake is not waited for: nothing was said yet. */
  async drain(): Promise<void> {
    this.#draining = true
    for (const handshake of this.#handshakes.values()) handshake.abort('the engine shuts down')
    await this.#sockets.drained()
  }

  async stop(): Promise<void> {
    this.#draining = true
    for (const handshake of this.#handshakes.values()) handshake.abort('the engine shuts down')
    this.#sockets.abort('the engine shuts down')
  }

  // What a handshake asks for

  /** What the client asks for has to be known before anything is answered. */
  get needsHello(): boolean {
    return this.#restrictsNames || this.#material?.ring.isOne === false
  }

  /** Whether the name may lead anywhere. */
  mayAsk(name: string | null, { local }: BytesOpen): boolean {
    if (name !== null && this.#names.length > 0 && !this.#names.some((each) => each.test(name))) return false
    return this.#mayMatch({ port: local?.port, authority: name })
  }

  /** TLS begins; `secured` or `failed` of the handshake follows. */
  secure(handshake: Handshake, name: string | null): void {
    this.#material?.ring.acceptorFor(name).begin(handshake.socket, handshake)
  }

  /** Null: there is nothing to ask. */
  authorize(chain: readonly X509Certificate[], earlier: Session | null): Promise<Session | null> | null {
    if (this.#guard === null || chain.length === 0) return null
    return this.#guard.authorize({ credentials: chain.map(String).join(''), identity: null }, earlier)
  }

  pass(handshake: Handshake, socket: TLSSocket, chain: readonly X509Certificate[], session: Session | null): void {
    this.#handshakes.delete(handshake.socket)
    this.#secured.value++
    const sni = (socket as { servername?: string | false }).servername || null
    const alpn = socket.alpnProtocol || null
    const { open } = handshake
    const facts: Facts = {
      port: open.local?.port,
      authority: sni,
      alpn: alpn === null ? [] : [alpn],
      trust: chain.length === 0 ? null : namesIn(chain, this.#material?.trust ?? []),
    }
    const exit = this.#routeOf(facts, session)?.route.exit
    const tls = {
      version: socket.getProtocol() ?? '',
      cipher: socket.getCipher().standardName,
      sni,
      alpn,
      subject: chain[0] === undefined ? null : subjectOf(chain[0]),
    }
    if (exit == null) socket.destroy()
    else if (this.#sockets.pass(socket, exit, { ...open, tls }, session)) return
    this.#refused.value++
    const reason = exit == null ? 'no route takes the connection' : `${exit.name} refuses the connection`
    this.#events.event('info', 'TLS_CONNECTION_REFUSED', reason, { ...remoteOf(open), sni, alpn, subject: tls.subject })
  }

  fault(error: unknown): void {
    this.#context.report.fault('tls.handshake', error)
  }

  failed(handshake: Handshake, reason: string): void {
    this.#handshakes.delete(handshake.socket)
    this.#failed.value++
    this.#events.event('info', 'TLS_HANDSHAKE_FAILED', reason, remoteOf(handshake.open))
  }

  #routeOf(facts: Facts, session: Session | null): CompiledRoute | undefined {
    return this.#routes.find(({ route, when }) => matchesAny(when, facts) && route.permits(session))
  }

  #mayMatch(facts: Facts): boolean {
    return this.#routes.some(({ when }) => matchesAny(when, facts))
  }

  #reload(): void {
    try {
      this.#material = this.#load()
    } catch (error) {
      const message = `what was used before stays: ${(error as Error).message}`
      this.#context.report.event('error', 'TLS_NOT_RELOADED', message)
    }
  }

  #load(): Material {
    const { options, report } = this.#context
    const trust = this.#trust()
    const shared = contextOptions(options, this.#vault, trust, options.trustcacerts === true)
    const pairs = keysOf(this.#vault, options)
    if (pairs.length === 0) throw new Error('the vault has no key that could be shown')
    const ring = new KeyRing(pairs, (keys) => this.#acceptor({ ...shared, ...keys }))
    for (const name of ring.notValid(this.clock.now())) {
      const message = `the certificate of the key ${name} is expired, or not valid yet`
      report.event('warn', 'TLS_CERTIFICATE_NOT_VALID', message)
    }
    return { ring, trust: trust ?? [] }
  }

  #acceptor(context: SecureContextOptions): Acceptor {
    return new Acceptor({
      ...context,
      requestCert: asksForCertificate(this.mutual),
      rejectUnauthorized: this.mutual === 'required',
      // A ticket would stand for a certificate that is not looked at again, whatever has become of it.
      secureOptions: asksForCertificate(this.mutual) ? constants.SSL_OP_NO_TICKET : 0,
      handshakeTimeout: NEVER_MS,
      ...(this.#protocols.length > 0 && {
        ALPNCallback: ({ servername, protocols }: { servername: string; protocols: string[] }) =>
          this.#choose(servername || null, protocols),
      }),
    })
  }

  /** Null: nobody is asked for a certificate, or only the well-known authorities are trusted. */
  #trust(): readonly TrustedCertificate[] | null {
    const { options, routes } = this.#context
    if (!asksForCertificate(this.mutual)) return null
    const ofRoutes = routes.flatMap(({ when }) => when.flatMap(({ trust = [] }) => trust))
    const names = [...new Set([...(options.trust ?? []), ...ofRoutes])]
    const isWhole = options.trust === undefined && options.trustcacerts !== true
    if (names.length === 0 && !isWhole) return null
    const trust = trustOf(this.#vault, isWhole ? undefined : names)
    if (trust.length === 0) throw new Error('clients are asked for certificates, but the vault has no trust')
    return trust
  }

  /** Best first. Undefined: none fits, and the client is told so (RFC 7301 §3.2). */
  #choose(authority: string | null, offered: readonly string[]): string | undefined {
    return this.#protocols.find((name) => offered.includes(name) && this.#mayMatch({ authority, alpn: [name] }))
  }
}

function remoteOf({ remote }: BytesOpen): Readonly<Record<string, unknown>> {
  return remote === undefined ? {} : { remote: remote.host }
}
