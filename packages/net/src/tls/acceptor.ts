/**
 * Server's side of TLS for sockets that somebody else has accepted. Made of one set of options, which never change: others
 * are another acceptor, while handshakes under way go on with this one.
 */
import { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'

/** Exactly one of the two is called, unless the socket is closed before. */
export interface SecureListener {
  secured(socket: TLSSocket): void
  /** TLS has sent its alert; the socket is closed, or about to be. */
  failed(error: Error, socket: TLSSocket): void
}

export class Acceptor {
  readonly #options: TlsOptions
  /** Never listens. One for all, for its tickets are good for all. */
  readonly #server: Server
  readonly #listeners = new WeakMap<Socket, SecureListener>()

  constructor(options: TlsOptions) {
    this.#options = options
    this.#server = serverFor(options, (socket) => this.#listeners.get(socketBelow(socket)))
  }

  begin(socket: Socket, listener: SecureListener): void {
    // Who closes while the handshake is under way is gone.
    socket.allowHalfOpen = false
    if (socket instanceof Socket) {
      this.#listeners.set(socket, listener)
      this.#server.emit('connection', socket)
    } else {
      // What is no socket of the system's is wrapped once more, and cannot be found again: it has a server of its own.
      serverFor(this.#options, () => listener).emit('connection', socket)
    }
  }
}

function serverFor(options: TlsOptions, listenerOf: (socket: TLSSocket) => SecureListener | undefined): Server {
  const server = createServer(options)
  server.on('secureConnection', (socket) => {
    const listener = listenerOf(socket)
    if (listener === undefined) socket.destroy()
    else listener.secured(socket)
  })
  server.on('tlsClientError', (error, socket) => listenerOf(socket)?.failed(error, socket))
  return server
}

/** Node has no public way to tell on which socket it has put its own. */
const socketBelow = (socket: TLSSocket): Socket => (socket as unknown as { readonly _parent: Socket })._parent
