/**
 * A client that comes back: it connects again, to any of the engines, whenever it has lost its connection and wants one.
 * Its session must be there each time after the first.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { IConnackPacket, Packet } from 'mqtt-packet'
import { Connection, type ConnectionOptions, type Cut } from './connection.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'

const RETRY_MS = 100
const EXPIRY_SECONDS = 7_200

export interface PeerOptions {
  readonly id: string
  readonly version: 4 | 5
  /** its session outlives its connections */
  readonly durable: boolean
  /** the one engine that it connects to; absent: any */
  readonly host?: Host
  readonly keepaliveSeconds?: number
  readonly isWatched?: boolean
}

export interface PeerHandler {
  onOpen(connection: Connection, isPresent: boolean): void
  onPacket(connection: Connection, packet: Packet): void
  onClosed(connection: Connection): void
}

export class Peer {
  /** the open connection */
  connection: Connection | null = null
  /** what CONNECT was refused with last */
  refusal = ''
  readonly id: string
  readonly #stage: Stage
  readonly #random: Random
  readonly #options: PeerOptions
  readonly #handler: PeerHandler
  #isKnown = false
  #isWanted = true
  #isStopped = false
  #wake: () => void = () => {}
  #running: Promise<void> = Promise.resolve()

  constructor(stage: Stage, options: PeerOptions, handler: PeerHandler) {
    this.id = options.id
    this.#stage = stage
    this.#random = stage.random.fork(options.id)
    this.#options = options
    this.#handler = handler
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Ends the connection and stays away until `come`. */
  leave(how: 'disconnect' | Cut): void {
    this.#isWanted = false
    const connection = this.connection
    if (how === 'disconnect') connection?.disconnect()
    else connection?.cut(how)
  }

  come(): void {
    this.#isWanted = true
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.leave('disconnect')
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#isWanted) await this.#once()
      else await this.#wanted()
    }
  }

  async #once(): Promise<void> {
    const { id, version, durable, keepaliveSeconds, isWatched } = this.#options
    const host = this.#options.host ?? this.#random.pick(this.#stage.hosts)
    const options: ConnectionOptions = {
      id,
      version,
      clean: !durable,
      expirySeconds: durable ? EXPIRY_SECONDS : 0,
      ...(keepaliveSeconds !== undefined && { keepaliveSeconds }),
      ...(isWatched !== undefined && { isWatched }),
    }
    const connection = new Connection(this.#stage, host, options, {
      onOpen: (opened, connack) => this.#onOpen(opened, connack),
      onPacket: (from, packet) => this.#handler.onPacket(from, packet),
      onClosed: (closed) => this.#onClosed(closed),
    })
    const connack = await connection.opened
    const code = connack?.returnCode ?? connack?.reasonCode
    if (code === 0) {
      await connection.closed
      return
    }
    this.refusal = code === undefined ? 'no CONNACK' : `CONNACK 0x${code.toString(16)}`
    if (code !== undefined) this.#stage.findings.count(`CONNECT refused with 0x${code.toString(16)}`)
    connection.cut('reset')
    await delay(RETRY_MS)
  }

  #onOpen(connection: Connection, { sessionPresent }: IConnackPacket): void {
    this.connection = connection
    if (this.#options.durable && this.#isKnown && !sessionPresent) {
      this.#stage.findings.violate('P4', `${this.id}: its session is gone`)
    }
    if (!this.#options.durable && sessionPresent) {
      this.#stage.findings.violate('P4', `${this.id}: a session is present after Clean Start`)
    }
    this.#isKnown = true
    if (!this.#isWanted) {
      connection.cut('end')
      return
    }
    this.#handler.onOpen(connection, sessionPresent)
  }

  #onClosed(connection: Connection): void {
    if (this.connection === connection) this.connection = null
    this.#handler.onClosed(connection)
  }

  #wanted(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
