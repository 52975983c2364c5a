/**
 * One connection of a tls server from its first byte until it is handed over: the hello is looked at where names
 * matter, TLS does its part, the guard sees the certificate, a route is chosen. One deadline is over all of it. However
 * it fails, the socket closes, and the server is told once.
 */
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Session, StreamError, Task, Timer } from '@zilla-ts/engine'
import type { BytesOpen } from '../stream.ts'
import type { SecureListener } from './acceptor.ts'
import { peerChain } from './certificates.ts'
import type { ClientHello } from './client-hello.ts'
import { Alert, endWithAlert, HelloPeek } from './hello-peek.ts'
import type { TlsServer } from './server.ts'

type Chain = readonly X509Certificate[]

export const NO_CERTIFICATE = 'the client has shown no certificate'

export class Handshake implements SecureListener, Task {
  readonly socket: Socket
  readonly open: BytesOpen
  readonly #server: TlsServer
  readonly #session: Session | null
  readonly #timer: Timer
  /** why it has failed: what was known first, for the rest are consequences */
  #reason: string | null = null
  #over = false
  readonly #onError = (error: Error): void => {
    this.#reason ??= error.message
  }
  /** The TLS on top hears of the end, and says why, right after the socket below. */
  readonly #onClose = (): void => process.nextTick(() => this.#fail())

  constructor(server: TlsServer, socket: Socket, open: BytesOpen, session: Session | null) {
    this.socket = socket
    this.open = open
    this.#server = server
    this.#session = session
    // The errors of the socket remain somebody's after it is handed over.
    socket.on('error', this.#onError)
    socket.once('close', this.#onClose)
    this.#timer = server.clock.after(server.limits.handshakeSeconds * 1_000, this)
  }

  begin(): void {
    if (this.#server.needsHello) {
      new HelloPeek(
        this.socket,
        (hello) => this.#onHello(hello),
        () => this.#refuse(Alert.DECODE_ERROR, 'what came is no TLS ClientHello'),
      )
    } else this.#server.secure(this, null)
  }

  /** The deadline. */
  run(): void {
    this.abort(`no handshake in ${this.#server.limits.handshakeSeconds} s`)
  }

  fault(error: StreamError): void {
    this.abort(error.message)
  }

  abort(reason: string): void {
    this.#reason ??= reason
    this.socket.destroy()
  }

  /** TLS has failed; it closes the socket itself, after its alert. */
  failed(error: Error, socket: TLSSocket): void {
    this.#reason ??= socket.authorizationError ? refusedFor(socket) : error.message
  }

  /** TLS has done its part. */
  secured(socket: TLSSocket): void {
    // Whatever happens to it, `close` follows and says all.
    socket.on('error', this.#onError)
    // Now that the peer is known, it may close one direction alone (RFC 8446 §6.1).
    socket.allowHalfOpen = true
    // Clients could make us work for ever (CVE-2011-1473).
    socket.disableRenegotiation()
    this.#attempt(() => {
      const chain = peerChain(socket)
      const fault = this.#certificateFault(socket, chain)
      if (fault === null) this.#authorize(socket, chain)
      else this.abort(fault)
    })
  }

  /** `authorized` alone says too little: resumed sessions without any certificate have it too. */
  #certificateFault(socket: TLSSocket, chain: Chain): string | null {
    if (chain.length > 0) return socket.authorized ? null : refusedFor(socket)
    return this.#server.mutual === 'required' ? NO_CERTIFICATE : null
  }

  #authorize(socket: TLSSocket, chain: Chain): void {
    const authorized = this.#server.authorize(chain, this.#session)
    if (authorized === null) this.#pass(socket, chain, this.#session)
    else
      authorized.then(
        (session) => this.#attempt(() => this.#pass(socket, chain, session ?? this.#session)),
        (error: unknown) => this.abort(error instanceof Error ? error.message : String(error)),
      )
  }

  /** Runs outside of any stream, so that what is thrown would end the process. */
  #attempt(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#server.fault(error)
      this.abort('a fault of this program')
    }
  }

  #onHello(hello: ClientHello): void {
    if (this.socket.destroyed) return
    this.#attempt(() => {
      if (this.#server.mayAsk(hello.serverName, this.open)) this.#server.secure(this, hello.serverName)
      else this.#refuse(Alert.UNRECOGNIZED_NAME, `the client asks for ${hello.serverName ?? 'no name'}`)
    })
  }

  #refuse(alert: number, reason: string): void {
    this.#reason ??= reason
    endWithAlert(this.socket, alert)
  }

  #pass(socket: TLSSocket, chain: Chain, session: Session | null): void {
    if (this.#over || socket.destroyed) return
    this.#leave()
    this.#server.pass(this, socket, chain, session)
  }

  #fail(): void {
    if (this.#over) return
    this.#leave()
    this.#server.failed(this, this.#reason ?? 'the client has gone')
  }

  #leave(): void {
    this.#over = true
    this.#timer.cancel()
    this.socket.off('close', this.#onClose)
  }
}

const refusedFor = ({ authorizationError }: TLSSocket): string =>
  `the certificate of the client is refused: ${authorizationError}`
