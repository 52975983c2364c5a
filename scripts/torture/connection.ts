/**
 * One MQTT connection over a plain socket, with a codec that is not ours. It acknowledges nothing by itself. Every step
 * is told to the stage, so that faults can strike there.
 */
import { connect, type Socket } from 'node:net'
import mqtt, { type IConnackPacket, type IConnectPacket, type Packet, type Parser } from 'mqtt-packet'
import type { Host } from './host.ts'
import type { Stage } from './stage.ts'

const CONNACK_MS = 45_000

export type Version = 4 | 5

export interface ConnectionOptions {
  readonly id: string
  readonly version: Version
  readonly clean: boolean
  /** version 5; absent: it ends with the connection */
  readonly expirySeconds?: number
  readonly keepaliveSeconds?: number
  readonly will?: NonNullable<IConnectPacket['will']>
  /** its steps are told */
  readonly isWatched?: boolean
}

export interface ConnectionHandler {
  /** CONNECT was accepted; called before anything else */
  onOpen(connection: Connection, connack: IConnackPacket): void
  onPacket(connection: Connection, packet: Packet): void
  /** an accepted connection has ended, whoever ended it */
  onClosed(connection: Connection): void
}

export type Cut = 'end' | 'reset'

export class Connection {
  readonly host: Host
  readonly openedAt = performance.now()
  readonly generation: number
  /** we have ended it */
  ended = false
  /** settles with what became of CONNECT: null when the connection ended before an answer */
  readonly opened: Promise<IConnackPacket | null>
  readonly closed: Promise<void>
  readonly socket: Socket
  readonly #stage: Stage
  readonly #options: ConnectionOptions
  readonly #handler: ConnectionHandler
  readonly #parser: Parser
  #isOpen = false
  #resolveOpened: (connack: IConnackPacket | null) => void = () => {}

  constructor(stage: Stage, host: Host, options: ConnectionOptions, handler: ConnectionHandler) {
    this.#stage = stage
    this.host = host
    this.generation = host.starts
    this.#options = options
    this.#handler = handler
    this.#parser = mqtt.parser({ protocolVersion: options.version })
    this.#parser.on('packet', (packet) => this.#onPacket(packet))
    this.#parser.on('error', (error: Error) => {
      stage.findings.violate('P8', `engine ${host.index} sent what is no MQTT: ${error.message}`)
      this.cut('reset')
    })
    this.opened = new Promise((resolve) => {
      this.#resolveOpened = resolve
    })
    const socket = connect({ host: '127.0.0.1', port: host.port, noDelay: true })
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      // What arrives after we have left was not received.
      if (!this.ended) this.#parser.parse(chunk)
    })
    socket.once('close', () => this.#onClosed())
    const late = setTimeout(() => this.cut('reset'), CONNACK_MS)
    void this.opened.then(() => clearTimeout(late))
    this.send(connectPacket(options))
  }

  send(packet: Packet): void {
    if (this.ended) return
    this.socket.write(mqtt.generate(packet, { protocolVersion: this.#options.version }))
    this.#tell('sent', packet)
  }

  /** Sends the first bytes of a packet, as a connection does that breaks there. */
  sendPart(packet: Packet, share: number): void {
    const bytes = mqtt.generate(packet, { protocolVersion: this.#options.version })
    this.socket.write(bytes.subarray(0, Math.floor(bytes.length * share)))
  }

  /** Ends it in order. */
  disconnect(reasonCode = 0): void {
    if (this.ended) return
    this.send({ cmd: 'disconnect', reasonCode })
    this.cut('end')
  }

  /** Ends it without a word. */
  cut(how: Cut): void {
    this.ended = true
    if (how === 'end') this.socket.end()
    else this.socket.resetAndDestroy()
  }

  #onPacket(packet: Packet): void {
    if (this.ended) return
    this.#tell('got', packet)
    if (this.#isOpen) {
      this.#handler.onPacket(this, packet)
      return
    }
    if (packet.cmd !== 'connack') return
    this.#isOpen = (packet.returnCode ?? packet.reasonCode) === 0
    if (this.#isOpen) this.#handler.onOpen(this, packet)
    this.#resolveOpened(packet)
  }

  #onClosed(): void {
    this.ended = true
    this.#resolveOpened(null)
    if (this.#isOpen) this.#handler.onClosed(this)
  }

  #tell(direction: 'sent' | 'got', { cmd }: Packet): void {
    if (this.#options.isWatched === true) this.#stage.onStep?.(this.host, { direction, cmd })
  }
}

function connectPacket({ id, version, clean, expirySeconds = 0, keepaliveSeconds = 0, will }: ConnectionOptions) {
  const packet: IConnectPacket = {
    cmd: 'connect',
    clientId: id,
    protocolId: 'MQTT',
    protocolVersion: version,
    clean,
    keepalive: keepaliveSeconds,
  }
  if (version === 5) packet.properties = { sessionExpiryInterval: expirySeconds }
  if (will !== undefined) packet.will = will
  return packet
}
