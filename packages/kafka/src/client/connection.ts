/**
 * One connection to one broker through kafkajs, which brings API versions, authentication and correlation. Every request
 * has a deadline of its own; one that passes it destroys the connection, which is never used again. Owned by a `Lane`.
 */
import { StreamError, type Task, type Timer } from '@zilla-ts/engine'
import { GuardedSocket } from './guarded-socket.ts'
import {
  Broker,
  ConnectionPool,
  type WireBroker,
  type WireCall,
  type WireConnection,
  type WireLogger,
} from './kafkajs.ts'
import { AuthenticationRefused } from './refusals.ts'
import { refusalOf } from './sasl.ts'
import type { ClientSite } from './site.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A session is renewed when this much of it is over (KIP-368); Kafka's own clients take 85 to 95 %. */
const RENEWAL_SHARE_MIN = 0.8
const RENEWAL_SHARE_MAX = 0.9
/** Brokers take a renewal for an error that follows the last within a second. */
const RENEWAL_MIN_MS = 1_500
/** The renewal is answered in turn, and a JoinGroup before it may take its time. */
const RENEWAL_TIMEOUT_MS = 60_000
const CLIENT_ID = 'zilla-ts'
/** what kafkajs is told where the exit alone knows the address */
const EXIT_ADDRESS = 'exit:0'

export class BrokerConnection {
  /** `host:port`, or null: the address the exit knows */
  readonly address: string | null
  readonly #site: ClientSite
  readonly #onClose: (connection: BrokerConnection) => void
  readonly #broker: WireBroker
  readonly #wire: WireConnection
  readonly #waiting = new Set<Waiting>()
  #socket: GuardedSocket | null = null
  #closed: StreamError | null = null
  #opened = false
  /** among the connections of the site */
  #counted = false
  #renewal: Timer | null = null

  constructor(site: ClientSite, address: string | null, onClose: (connection: BrokerConnection) => void) {
    this.#site = site
    this.address = address
    this.#onClose = onClose
    const [host, port] = splitAddress(address ?? EXIT_ADDRESS)
    const logger = silent(site)
    const pool = new ConnectionPool({
      host,
      port,
      clientId: CLIENT_ID,
      logger,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: CONNECT_TIMEOUT_MS,
      // Its check is a timer every 100 ms per connection; the deadlines are ours.
      enforceRequestTimeout: false,
      sasl: site.sasl,
      // It would authenticate only with a request, and between two that are on their way already: we do.
      reauthenticationThreshold: Number.MIN_SAFE_INTEGER,
      socketFactory: ({ onConnect }) => this.#dial(onConnect),
    })
    this.#broker = new Broker({ connectionPool: pool, logger, allowAutoTopicCreation: false })
    // kafkajs would send Fetch over a second connection; ours have one purpose each, so the first serves all.
    this.#wire = pool.pool[0]!
    calmRequestQueue(this.#wire)
  }

  get closed(): boolean {
    return this.#closed !== null
  }

  /** Connects, once. */
  async open(): Promise<void> {
    try {
      await this.#wait('connect', CONNECT_TIMEOUT_MS, this.#broker.connect())
    } catch (error) {
      const reason = this.#toError(error)
      this.close(reason)
      throw reason
    }
    if (this.#closed !== null) throw this.#closed
    this.#opened = true
    if (this.#site.sasl !== null) this.#authenticated()
  }

  /** The broker lets us in. Without credentials that shows with the first answer to something else than the versions. */
  #welcome(): void {
    this.#site.refusals.accepted(this.address)
    if (this.#counted) return
    this.#counted = true
    this.#site.connectionOpened()
  }

  #authenticated(): void {
    this.#welcome()
    const { clock } = this.#site
    const lifetimeMs = Number(this.#wire.sessionLifetime)
    if (lifetimeMs === 0) return
    const share = RENEWAL_SHARE_MIN + Math.random() * (RENEWAL_SHARE_MAX - RENEWAL_SHARE_MIN)
    const task = { run: () => this.#renew(), fault: (error: StreamError) => this.close(error) }
    this.#renewal = clock.after(Math.max(lifetimeMs * share, RENEWAL_MIN_MS), task)
  }

  /** Shows the credentials again, as the guard has them now; requests wait meanwhile. */
  #renew(): void {
    this.#wire.authenticatedAt = null
    this.#wait('authentication', RENEWAL_TIMEOUT_MS, this.#wire.authenticate()).then(
      () => this.#authenticated(),
      (error) => this.close(this.#toError(error)),
    )
  }

  /** Sends a request; rejects with `timeout` at the deadline, `unavailable` when the connection is lost. */
  send<T>(call: WireCall<T>, timeoutMs: number): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    const calm = { request: call.request, response: call.response, logResponseError: false }
    return this.#wait(call.request.apiName, timeoutMs, this.#wire.send(calm))
  }

  /** A request of kafkajs in the newest version that both sides know, its answer undisturbed by error codes. */
  call: WireBroker['lookupRequest'] = (apiKey, definition) => {
    const make = this.#broker.lookupRequest(apiKey, definition)
    return (args) => {
      const { request, response } = make(args)
      return { request, response: { decode: response.decode, parse: (decoded) => decoded } }
    }
  }

  /** The highest version of an API that the broker takes, at most `known`. */
  version(apiKey: number, known: number): number {
    return Math.min(this.#broker.versions?.[apiKey]?.maxVersion ?? 0, known)
  }

  close(error: StreamError): void {
    if (this.#closed !== null) return
    this.#closed = error
    this.#renewal?.cancel()
    const { refusals, sasl } = this.#site
    if (error instanceof AuthenticationRefused) refusals.add(this.address, error, sasl !== null)
    if (this.#counted) this.#site.connectionClosed()
    this.#socket?.destroy(error)
    for (const waiting of this.#waiting) waiting.fault(error)
    this.#onClose(this)
  }

  #dial(onConnect: () => void): GuardedSocket {
    if (this.#closed !== null) throw this.#closed
    const socket = this.#site.dial(this.address)
    if (socket === null) throw new Error(`the exit does not dial ${this.address ?? 'without an address'}`)
    this.#socket = new GuardedSocket(socket, onConnect, (error) => this.close(this.#toError(error)))
    return this.#socket
  }

  #wait<T>(what: string, timeoutMs: number, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = new Waiting(this, what, timeoutMs, reject)
      this.#waiting.add(waiting)
      waiting.timer = this.#site.clock.after(timeoutMs, waiting)
      const over = () => {
        waiting.timer?.cancel()
        this.#waiting.delete(waiting)
      }
      answer.then(
        (value) => {
          over()
          if (this.#opened && !this.#counted) this.#welcome()
          resolve(value)
        },
        (error) => {
          over()
          reject(this.#closed ?? this.#toError(error))
        },
      )
    })
  }

  #toError(error: unknown): StreamError {
    if (error instanceof StreamError) return error
    const where = this.address ?? 'the broker'
    const { sasl } = this.#site
    const refusal = sasl === null ? null : refusalOf(error, sasl.mechanism)
    if (refusal !== null) return new AuthenticationRefused(`${where}: ${refusal}`)
    const message = error instanceof Error ? error.message : String(error)
    // A listener with SASL answers the question for versions, and closes at anything else.
    if (this.#opened && !this.#counted) {
      return new AuthenticationRefused(`${where}: ${message} (does it want SASL? see options.authorization)`)
    }
    return new StreamError('unavailable', `${where}: ${message}`, { cause: error })
  }
}

/** A promise that somebody waits for, and its deadline. */
class Waiting implements Task {
  timer: Timer | null = null
  readonly #connection: BrokerConnection
  readonly #what: string
  readonly #timeoutMs: number
  readonly #reject: (error: StreamError) => void

  constructor(connection: BrokerConnection, what: string, timeoutMs: number, reject: (error: StreamError) => void) {
    this.#connection = connection
    this.#what = what
    this.#timeoutMs = timeoutMs
    this.#reject = reject
  }

  run(): void {
    const where = this.#connection.address ?? 'the broker'
    this.#connection.close(new StreamError('timeout', `${where}: no answer to ${this.#what} in ${this.#timeoutMs} ms`))
  }

  fault(error: StreamError): void {
    this.timer?.cancel()
    this.#reject(error)
  }
}

/** `host:port`, where the host may be an IPv6 address in brackets. */
export function splitAddress(address: string): [host: string, port: number] {
  const at = address.lastIndexOf(':')
  return [address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), Number(address.slice(at + 1))]
}

/** The inverse of `splitAddress`. */
export function joinAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** kafkajs arms a timer with a negative delay after every answer, which newer Node versions warn about. */
function calmRequestQueue(wire: WireConnection): void {
  const queue = wire.requestQueue
  const schedule = queue.scheduleCheckPendingRequests
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length > 0) schedule.call(queue)
  }
}

/** kafkajs logs what it also rejects with; only its warnings say something of their own. */
function silent(site: ClientSite): WireLogger {
  const logger: WireLogger = {
    namespace: () => logger,
    debug() {},
    info() {},
    warn: (message) => site.report.event('debug', 'KAFKA_LIBRARY', message),
    error() {},
  }
  return logger
}
