/**
 * tcp client: dials the address its neighbour asks for when a condition allows it, else the address of its options. A
 * neighbour whose library must own the socket (`dial`) gets it raw.
 */
import { lookup } from 'node:dns'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import {
  type Binding,
  type BindingContext,
  type Session,
  type Stream,
  StreamError,
  type StreamHandler,
  type Timer,
} from '@zilla-ts/engine'
import { SocketStream } from '../socket-stream.ts'
import type { Address, Bytes, BytesOpen } from '../stream.ts'
import { Condition } from './condition.ts'
import { expandPorts } from './ports.ts'
import type { TcpConfig } from './tcp.config.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** `host: "*"` of the document: no fixed host */
const HOST_OPEN = '*'

export class TcpClient implements Binding<Bytes> {
  readonly #context: BindingContext<TcpConfig, Bytes>
  readonly #conditions: readonly Condition[]
  /** address of the options, when they name one */
  readonly #fixed: Address | null
  readonly #sockets = new Set<Socket>()

  constructor(context: BindingContext<TcpConfig, Bytes>) {
    this.#context = context
    this.#conditions = context.routes.flatMap((route) => route.when.map((when) => new Condition(when)))
    const { host, port } = context.options
    const first = port === undefined ? undefined : expandPorts(port)[0]
    this.#fixed = host === undefined || host === HOST_OPEN || first === undefined ? null : { host, port: first }
  }

  accept(open: BytesOpen, stream: Stream<Bytes>): StreamHandler<Bytes> | null {
    const socket = this.dial(open)
    if (socket === null) return null
    const connection = new SocketStream(socket, this.#context.clock, () => deadline?.cancel())
    const deadline: Timer | null = this.#deadline(socket, connection)
    socket.once('connect', () => {
      deadline?.cancel()
      const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket
      stream.accept({
        local: { host: localAddress, port: localPort },
        remote: { host: remoteAddress, port: remotePort },
      })
    })
    connection.join(stream)
    return connection
  }

  dial(open: BytesOpen, _session: Session | null = null): Socket | null {
    const target = this.#target(open.remote)
    if (target === null) return null
    const socket = connect({ ...target, noDelay: true, keepAlive: true, allowHalfOpen: true, lookup: this.#lookup })
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
  }

  #target(wanted: Address | undefined): Address | null {
    if (this.#conditions.length > 0 && wanted !== undefined) {
      const allowed = this.#conditions.some(
        (item) =>
          item.matchesName(wanted.host, wanted.port) && (isIP(wanted.host) === 0 || item.matchesAddress(wanted.host)),
      )
      if (allowed) return wanted
    }
    if (this.#fixed !== null) return this.#fixed
    return this.#conditions.length === 0 ? (wanted ?? null) : null
  }

  /** A name is judged by what it resolves to: addresses outside every block are not dialled. */
  readonly #lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, [])
        return
      }
      const permitted =
        this.#conditions.length === 0 || this.#fixed?.host === hostname
          ? addresses
          : addresses.filter(({ address }) => this.#conditions.some((item) => item.matchesAddress(address)))
      const first = permitted[0]
      if (first === undefined) {
        callback(new Error(`no condition of ${this.#context.name} allows an address of ${hostname}`), [])
      } else if (options.all) {
        callback(null, permitted)
      } else {
        callback(null, first.address, first.family)
      }
    })
  }

  #deadline(socket: Socket, connection: SocketStream): Timer {
    const expire = () => {
      const { host, port } = this.#fixed ?? { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
      connection.abort(new StreamError('timeout', `no connection to ${host}:${port} in ${CONNECT_TIMEOUT_MS} ms`))
    }
    return this.#context.clock.after(CONNECT_TIMEOUT_MS, { run: expire, fault: (error) => connection.abort(error) })
  }
}
