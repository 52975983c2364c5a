/**
 * An MQTT client on a TCP socket for black-box tests of servers, ours and others. Called by the interoperability suite.
 * It speaks with our codec and sends what the test tells it, nothing else: no packet identifiers, no pings, no answers by
 * itself unless `acknowledge` is set. Each wait has a deadline that fails the test; it must never wait for a fixed time.
 */
import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import {
  type AckPacket,
  type AckType,
  type ConnackPacket,
  type ConnectPacket,
  Decoder,
  encode,
  type Packet,
  type Properties,
  type PublishMeta,
  type PublishPacket,
  type Qos,
  ReasonCode,
  type Subscription,
  type SubscriptionAckPacket,
  type Version,
} from '@zilla-ts/mqtt'

export interface MqttAddress {
  readonly host: string
  readonly port: number
  /** where to connect from: any of 127.0.0.0/8, where clients are to differ */
  readonly localAddress?: string
}

/** A CONNECT; what is left out is version 5, clean start, no keep-alive, an empty client id. */
export interface ConnectOptions extends Partial<Omit<ConnectPacket, 'type'>> {
  /** answer deliveries: PUBACK, PUBREC, PUBCOMP */
  readonly acknowledge?: boolean
  /** how long each wait may take */
  readonly deadlineMs?: number
}

export interface PublishOptions {
  readonly qos?: Qos
  readonly retain?: boolean
  readonly dup?: boolean
  readonly properties?: Properties | null
  /** absent: the next one of this client; 0 with QoS 0 */
  readonly packetId?: number
}

/** A filter with the options that are not their defaults: QoS 0, everything else off. */
export type SubscriptionOptions = Pick<Subscription, 'filter'> & Partial<Subscription>

export const MQTT_DEADLINE_MS = 15_000

type Received<T extends Packet['type']> = Packet & { type: T }

interface Wait {
  readonly what: string
  /** true: it has what it wanted */
  readonly look: () => boolean
  readonly fail: (error: Error) => void
  readonly late: NodeJS.Timeout
}

export class MqttTestClient {
  /** received and not yet taken, in order */
  readonly received: Packet[] = []
  readonly version: Version
  #connack: ConnackPacket | null = null
  readonly #socket: Duplex
  readonly #decoder: Decoder
  readonly #acknowledge: boolean
  readonly #deadlineMs: number
  #lastPacketId = 0
  #closed = false
  #failure: Error | null = null
  #wait: Wait | null = null

  private constructor(socket: Duplex, version: Version, { acknowledge, deadlineMs, properties }: ConnectOptions) {
    this.#socket = socket
    this.version = version
    this.#acknowledge = acknowledge ?? false
    this.#deadlineMs = deadlineMs ?? MQTT_DEADLINE_MS
    const handler = {
      onPublish: (meta: PublishMeta, payload: Buffer) =>
        this.#receive({ ...meta, type: 'publish', payload: Buffer.from(payload) }),
      onPacket: (packet: Packet) => this.#receive(packet),
      onDecodeError: (error: Error) => {
        this.#failure = error
        this.#look()
      },
    }
    this.#decoder = new Decoder('client', handler, version)
    // Aliases and sizes that we did not announce fail the test [MQTT-3.1.2-24] [MQTT-3.1.2-26].
    this.#decoder.topicAliasMaximum = properties?.topicAliasMaximum ?? 0
    if (properties?.maximumPacketSize !== undefined) this.#decoder.maximumPacketSize = properties.maximumPacketSize
    socket.on('data', (chunk) => this.#decoder.push(chunk))
    // A reset is an end like any other: tests ask whether the connection is closed, not how.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#closed = true
      this.#look()
    })
  }

  /** A connection on which nothing was sent. */
  static async dial({ host, port, localAddress }: MqttAddress, options: ConnectOptions = {}): Promise<MqttTestClient> {
    const socket = connect({ host, port, noDelay: true, ...(localAddress !== undefined && { localAddress }) })
    await once(socket, 'connect')
    return new MqttTestClient(socket, options.version ?? 5, options)
  }

  /** The same over something else than TCP: TLS, WebSocket. */
  static over(socket: Duplex, options: ConnectOptions = {}): MqttTestClient {
    return new MqttTestClient(socket, options.version ?? 5, options)
  }

  /** A connection whose CONNECT was accepted. */
  static async connect(address: MqttAddress, options: ConnectOptions = {}): Promise<MqttTestClient> {
    const client = await MqttTestClient.dial(address, options)
    const connack = await client.offer(options)
    if (connack.reasonCode !== ReasonCode.Success) throw new Error(`CONNECT was refused: ${connack.reasonCode}`)
    return client
  }

  /** Sends CONNECT; the CONNACK, whatever it says. */
  async offer(options: ConnectOptions = {}): Promise<ConnackPacket> {
    this.send(connectPacket({ version: this.version, ...options }))
    const connack = await this.next('connack')
    this.#connack = connack
    return connack
  }

  /** The CONNACK received. */
  get connack(): ConnackPacket {
    if (this.#connack === null) throw new Error('no CONNACK was received')
    return this.#connack
  }

  /** Properties of CONNACK; none are an empty record. */
  get server(): Properties {
    return this.connack.properties ?? {}
  }

  send(packet: Packet): void {
    this.sendBytes(encode(packet, this.version))
  }

  sendBytes(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes)
  }

  /** A packet identifier not used before by this object. */
  nextPacketId(): number {
    this.#lastPacketId = (this.#lastPacketId % 0xffff) + 1
    return this.#lastPacketId
  }

  /** Sends a PUBLISH and waits for nothing; its packet identifier. */
  startPublish(topic: string, payload: string | Buffer, options: PublishOptions = {}): number {
    const { qos = 0, retain = false, dup = false, properties = null } = options
    const packetId = options.packetId ?? (qos === 0 ? 0 : this.nextPacketId())
    this.send({ type: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup, properties, packetId })
    return packetId
  }

  /** Publishes up to the last answer of its QoS; the PUBACK, or the PUBREC of QoS 2, or null with QoS 0. */
  async publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): Promise<AckPacket | null> {
    const packetId = this.startPublish(topic, payload, options)
    if ((options.qos ?? 0) === 0) return null
    if (options.qos === 1) return this.#answer('puback', packetId)
    const received = await this.#answer('pubrec', packetId)
    if (received.reasonCode < ReasonCode.UnspecifiedError) {
      this.acknowledge('pubrel', packetId)
      await this.#answer('pubcomp', packetId)
    }
    return received
  }

  acknowledge(type: AckType, packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode, properties: null })
  }

  /** Subscribes and waits for SUBACK. Deliveries before it stay in `received` (the standard lets them come first). */
  subscribe(subscriptions: readonly SubscriptionOptions[], properties: Properties | null = null) {
    const packetId = this.startSubscribe(subscriptions, properties)
    return this.#answer('suback', packetId)
  }

  startSubscribe(subscriptions: readonly SubscriptionOptions[], properties: Properties | null = null): number {
    const packetId = this.nextPacketId()
    const defaults = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 } as const
    const requests = subscriptions.map((subscription) => ({ ...defaults, ...subscription, valid: true }))
    this.send({ type: 'subscribe', packetId, subscriptions: requests, properties })
    return packetId
  }

  unsubscribe(...filters: readonly string[]): Promise<SubscriptionAckPacket> {
    const packetId = this.nextPacketId()
    this.send({ type: 'unsubscribe', packetId, filters, properties: null })
    return this.#answer('unsuback', packetId)
  }

  /** A PINGREQ and its PINGRESP: the server has read all that was sent before. */
  async ping(): Promise<void> {
    this.send({ type: 'pingreq' })
    await this.take('pingresp')
  }

  /** The next packet, which must be of this type. */
  async next<T extends Packet['type']>(type: T): Promise<Received<T>> {
    const packet = await this.#await(`the next packet, ${type}`, () => this.received.shift())
    if (packet.type !== type) throw new Error(`expected ${type}, received ${describe(packet)}`)
    return packet as Received<T>
  }

  /** The first packet of this type; those before it stay. */
  take<T extends Packet['type']>(type: T): Promise<Received<T>> {
    return this.#await(`${type}`, () => {
      const at = this.received.findIndex((packet) => packet.type === type)
      return at < 0 ? undefined : (this.received.splice(at, 1)[0] as Received<T>)
    })
  }

  /** The next deliveries, so many. */
  async messages(count: number): Promise<PublishPacket[]> {
    const messages: PublishPacket[] = []
    while (messages.length < count) messages.push(await this.take('publish'))
    return messages
  }

  /** The deliveries before the one with this payload, which is taken too: what came before a fence. */
  async messagesBefore(payload: string): Promise<PublishPacket[]> {
    const messages: PublishPacket[] = []
    for (;;) {
      const message = await this.take('publish')
      if (message.payload.toString() === payload) return messages
      messages.push(message)
    }
  }

  /**
   * Waits until the server has closed the connection; the reason code of its DISCONNECT, or null when it sent none. What
   * else was received before stays.
   */
  async closed(): Promise<number | null> {
    await this.#await('the end of the connection', () => (this.#closed ? true : undefined), true)
    const at = this.received.findIndex((packet) => packet.type === 'disconnect')
    if (at < 0) return null
    if (at < this.received.length - 1) throw this.#surprise('a packet after DISCONNECT [MQTT-3.14.4-1]')
    return (this.received.pop() as Received<'disconnect'>).reasonCode
  }

  /** Sends DISCONNECT and waits for the end of the connection. */
  async disconnect(reasonCode = 0, properties: Properties | null = null): Promise<void> {
    this.send({ type: 'disconnect', reasonCode, properties })
    await this.hangUp()
  }

  /** Closes the connection without DISCONNECT; waits for the server's end. */
  async hangUp(): Promise<void> {
    this.#socket.end()
    if (!this.#closed) await once(this.#socket, 'close')
  }

  /** Breaks the connection (with RST where it is bare TCP), as a crash of the client does. */
  kill(): void {
    this.#decoder.close()
    const socket = this.#socket
    if (socket instanceof Socket && !(socket instanceof TLSSocket)) socket.resetAndDestroy()
    else socket.destroy()
  }

  async #answer<T extends AckType | 'suback' | 'unsuback'>(type: T, packetId: number): Promise<Received<T>> {
    const packet = await this.#await(`${type} ${packetId}`, () => {
      const at = this.received.findIndex(
        (each) => each.type === type && 'packetId' in each && each.packetId === packetId,
      )
      return at < 0 ? undefined : this.received.splice(at, 1)[0]
    })
    return packet as Received<T>
  }

  #receive(packet: Packet): void {
    if (this.#acknowledge) {
      if (packet.type === 'publish' && packet.qos > 0) {
        this.acknowledge(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId)
      } else if (packet.type === 'pubrel') {
        this.acknowledge('pubcomp', packet.packetId)
        return
      }
    }
    this.received.push(packet)
    this.#look()
  }

  #look(): void {
    if (this.#wait?.look()) this.#endWait()
  }

  #endWait(): void {
    clearTimeout(this.#wait!.late)
    this.#wait = null
  }

  /** Resolves with the first defined result of `find`. `end`: that the connection is closed is no failure. */
  #await<T>(what: string, find: () => T | undefined, end = false): Promise<T> {
    if (this.#wait !== null) throw new Error(`already waiting for ${this.#wait.what}`)
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        reject(error)
        this.#endWait()
      }
      const look = (): boolean => {
        const found = find()
        if (found !== undefined) resolve(found)
        else if (this.#failure !== null) reject(this.#failure)
        else if (this.#closed && !end) reject(this.#surprise(`closed before ${what}`))
        else return false
        return true
      }
      if (look()) return
      const late = setTimeout(() => fail(this.#surprise(`${what} did not come in time`)), this.#deadlineMs)
      this.#wait = { what, look, fail, late }
    })
  }

  #surprise(problem: string): Error {
    const rest = this.received.map(describe).join(', ') || 'nothing'
    return new Error(`${problem}; received and not taken: ${rest}`)
  }
}

export function connectPacket(options: ConnectOptions): ConnectPacket {
  const { acknowledge: _acknowledge, deadlineMs: _deadlineMs, ...fields } = options
  return {
    type: 'connect',
    version: 5,
    clientId: '',
    cleanStart: true,
    keepAliveSeconds: 0,
    will: null,
    username: null,
    password: null,
    properties: null,
    ...fields,
  }
}

function describe(packet: Packet): string {
  if (packet.type === 'publish') return `publish ${packet.topic} ${packet.payload.toString('utf8', 0, 40)}`
  const code = 'reasonCode' in packet ? ` 0x${packet.reasonCode.toString(16).padStart(2, '0')}` : ''
  return `${packet.type}${code}`
}
