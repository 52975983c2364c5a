/**
 * One session's connection to the broker: CONNECT, keep-alive and ends, between the session stream and a byte stream. What is
 * published, delivered and subscribed is in files of its own. Nothing the broker sends may throw out of here or hurt another
 * session; however the connection ends, the session ends with it.
 */
import {
  type Exit,
  type Level,
  type Session,
  type Stream,
  StreamError,
  type StreamHandler,
  type Task,
} from '@zilla-ts/engine'
import { BYTES_WINDOW, type Bytes } from '@zilla-ts/net'
import type { DecodeError } from '../codec/decode-error.ts'
import { DECODE_LIMITS } from '../codec/decode-limits.ts'
import { Decoder, type PacketHandler } from '../codec/decoder.ts'
import { ACK_BYTES_MAX, encode, encodeAck, encodeWithin } from '../codec/encoder.ts'
import type { AckType, ConnackPacket, DisconnectPacket, NonPublishPacket } from '../codec/packets.ts'
import { CODES_OF, ReasonCode } from '../codec/reason-codes.ts'
import { Output } from '../server/output.ts'
import type { Mqtt, MqttSignal, PublishMeta, Version } from '../stream.ts'
import type { Login } from './authorization.ts'
import { connackError, disconnectError, redirectOf } from './broker-answer.ts'
import { type MqttClient, TICK_MS } from './client.ts'
import { Deliveries } from './deliveries.ts'
import {
  capabilitiesOf,
  connectPacket,
  RECEIVE_MAXIMUM_DEFAULT,
  receiveMaximumFor,
  type SessionOpen,
} from './handshake.ts'
import { Publishes } from './publishes.ts'
import { Requests } from './requests.ts'
import { SessionStream } from './session-stream.ts'

/** How long the broker may take to close its half after we closed ours. */
const LINGER_MS = 5_000
const PINGREQ = encode({ type: 'pingreq' }, 4)
const NO_LOGIN: Login = { username: null, password: null }
/** for one answer; used within one call */
const ACK = Buffer.allocUnsafe(ACK_BYTES_MAX)

/**
 * - `opening` until the end of the turn; `connecting` CONNECT is sent; `up` CONNACK has come
 * - `closing` the session is over: what waits is sent, what comes is thrown away; `closed` both halves are over
 */
type State = 'opening' | 'connecting' | 'up' | 'closing' | 'closed'

export class Link implements StreamHandler<Bytes>, PacketHandler, Task {
  readonly client: MqttClient
  readonly clientId: string
  readonly version: Version
  readonly session: SessionStream
  readonly publishes: Publishes
  readonly deliveries: Deliveries
  readonly requests: Requests
  /** bytes of the largest packet the broker takes */
  maximumPacketSize = Number.POSITIVE_INFINITY
  readonly #open: SessionOpen
  readonly #identity: Session | null
  readonly #decoder: Decoder
  /** until CONNECT is sent */
  #login: Login
  /** why nothing was dialled */
  #unable: StreamError | null = null
  #bytes: Stream<Bytes> | null = null
  #output: Output | null = null
  #state: State = 'opening'
  /** cost received and not granted again */
  #owed = 0
  #decoding = false
  #paused = false
  #keepAliveMs = 0
  /** monotonic ms, at most a tick early: of the state, of the last packets, of PINGREQ and a full socket (0: none) */
  #since: number
  #sentAt = 0
  #receivedAt = 0
  #pingedAt = 0
  #stalledSince = 0

  /** Whether a client with this session would be taken the same way. */
  servesAlike(session: Session): boolean {
    return this.client.exitFor(session) === this.client.exitFor(this.#identity)
  }

  constructor(client: MqttClient, open: SessionOpen, stream: Stream<Mqtt>) {
    this.client = client
    this.clientId = open.clientId
    this.version = open.version
    this.session = new SessionStream(this, stream)
    this.publishes = new Publishes(this)
    this.deliveries = new Deliveries(this, receiveMaximumFor(open, client.limits))
    this.requests = new Requests(this)
    this.#open = open
    this.#login = { username: open.username, password: null }
    this.#identity = stream.session
    this.#since = client.clock.monotonic()
    this.#decoder = new Decoder('client', this, open.version)
    this.#decoder.maximumPacketSize = client.limits.packetBytes
    this.#decoder.limits = { ...DECODE_LIMITS, topicLevels: client.limits.topicLevels }
  }

  /** False: the exit takes no connection. Nothing is written before the end of the turn, for the session is not open yet. */
  dial(exit: Exit<Bytes>): boolean {
    const { address, authorization, clock } = this.client
    try {
      if (authorization !== null) this.#login = authorization.login(this.#identity, this.#open.username)
    } catch (error) {
      // told at the end of the turn, when the client can be told why
      this.#unable = new StreamError('not-authorized', (error as Error).message)
      clock.endOfTurn(this)
      return true
    }
    const bytes = exit.connect(address === null ? {} : { remote: address }, this.#identity, this)
    if (bytes === null) return false
    this.#bytes = bytes
    this.#output = new Output(bytes)
    bytes.grant(BYTES_WINDOW)
    clock.endOfTurn(this)
    return true
  }

  /** End of the first turn. */
  run(): void {
    if (this.#state !== 'opening') return
    if (this.#unable !== null) {
      this.lost(this.#unable)
      return
    }
    this.#state = 'connecting'
    this.send(encode(connectPacket(this.#open, this.#login, this.client.limits), this.version))
    this.#login = NO_LOGIN
  }

  fault(error: StreamError): void {
    this.lost(error)
  }

  // The byte stream

  onData(chunk: Buffer, _meta: undefined, cost: number): void {
    this.#owed += cost
    this.#receivedAt = this.client.now
    if (this.#state !== 'closing') this.#decode(chunk)
    this.#readOn()
  }

  onWritable(): void {
    this.#stalledSince = 0
    this.#output?.flush()
    if (this.#state === 'closing') this.#closeWhenSent()
    else this.publishes.flush()
  }

  onEnd(): void {
    if (this.#state === 'closing') {
      this.#bytes?.end()
      this.#closed()
    } else this.lost(new StreamError('closed', 'the broker has closed the connection'))
  }

  onAbort(error: StreamError): void {
    this.lost(new StreamError(error.code, `the connection to the broker is lost: ${error.message}`))
    this.#closed()
  }

  // The packets

  onPublish(meta: PublishMeta, payload: Buffer): void {
    this.deliveries.onPublish(meta, payload)
  }

  onPacket(packet: NonPublishPacket): void {
    switch (packet.type) {
      case 'connack':
        this.#onConnack(packet)
        break
      case 'puback':
        this.publishes.onPuback(packet)
        break
      case 'pubrec':
        this.publishes.onPubrec(packet)
        break
      case 'pubcomp':
        this.publishes.onPubcomp(packet)
        break
      case 'pubrel':
        this.deliveries.onPubrel(packet)
        break
      case 'suback':
      case 'unsuback':
        this.requests.onAnswer(packet)
        break
      case 'pingresp':
        this.#pingedAt = 0
        break
      case 'disconnect':
        this.#onDisconnect(packet)
        break
      default:
        this.fail(ReasonCode.ProtocolError, 'AUTH without an authentication method ([MQTT-4.12.0-6])')
    }
  }

  onDecodeError(error: DecodeError): void {
    this.fail(error.reasonCode, error.message)
  }

  #onConnack(packet: ConnackPacket): void {
    const { properties, reasonCode } = packet
    if (reasonCode !== ReasonCode.Success) {
      this.#refused(connackError(packet, this.version), redirectOf(packet), reasonCode)
      return
    }
    if (packet.sessionPresent && this.#open.cleanStart) {
      this.fail(ReasonCode.ProtocolError, 'CONNACK says that a session is present after a clean start ([MQTT-3.2.2-2])')
      return
    }
    const { client } = this
    const capabilities = capabilitiesOf(packet)
    this.#state = 'up'
    this.maximumPacketSize = capabilities.maximumPacketSize
    // [MQTT-3.2.2-21]
    this.#keepAliveMs = (properties?.serverKeepAliveSeconds ?? this.#open.keepAliveSeconds) * 1_000
    this.publishes.opened(properties?.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT)
    client.counters.opened.value++
    client.counters.active.value++
    client.own(this)
    this.session.accept(capabilities)
  }

  #onDisconnect(packet: DisconnectPacket): void {
    const redirect = redirectOf(packet)
    if (redirect !== null) this.session.signal(redirect)
    this.lost(disconnectError(packet), packet.reasonCode)
  }

  // For what is published, delivered and subscribed

  /** Room for a PUBLISH, with nothing before it. */
  get writable(): boolean {
    return this.#state === 'up' && this.#output?.writable === true
  }

  /** Now, or as soon as there is room. The buffer is borrowed. */
  send(packet: Buffer): void {
    this.#sentAt = this.client.now
    this.#output?.send(packet)
  }

  sendAck(type: AckType, packetId: number, reasonCode: number): void {
    if (this.#state !== 'up') return
    this.send(ACK.subarray(0, encodeAck(type, packetId, reasonCode, this.version, ACK, 0)))
  }

  /** The client does not take what the broker sends: it is not read any further. */
  pause(): void {
    this.#paused = true
    this.#decoder.pause()
  }

  resume(): void {
    if (!this.#paused || this.#state !== 'up') return
    this.#paused = false
    this.#rebase(this.client.now)
    this.#decode(null)
    this.#readOn()
  }

  // Deadlines

  /** `late`: this process has slept, so that silence proves nothing about the broker. */
  check(now: number, late: boolean): void {
    const { connectSeconds } = this.client.limits
    if (late) this.#rebase(now)
    const elapsed = now - this.#since
    if (this.#state === 'up') {
      this.#checkUp(now)
    } else if (this.#state === 'closing') {
      if (elapsed >= LINGER_MS) this.#abortBytes('the broker does not close the connection')
    } else if (elapsed >= connectSeconds * 1_000) {
      this.#refused(new StreamError('timeout', 'the broker has not answered CONNECT in time'), null, null)
    }
  }

  #checkUp(now: number): void {
    const { answerSeconds, publishSeconds } = this.client.limits
    if (this.#paused) this.#rebase(now)
    if (this.#stalled(now)) {
      this.lost(new StreamError('unavailable', 'the broker does not read'))
    } else if (this.#pingedAt !== 0 && now - this.#pingedAt >= answerSeconds * 1_000) {
      this.lost(new StreamError('timeout', 'the broker has not answered PINGREQ in time'))
    } else {
      this.requests.check(now, answerSeconds * 1_000)
      this.publishes.check(now, publishSeconds * 1_000)
      this.#ping(now)
    }
  }

  /** [MQTT-3.1.2-20]; and a broker that is only written to must show now and then that it lives. */
  #ping(now: number): void {
    if (this.#state !== 'up' || this.#keepAliveMs === 0 || this.#pingedAt !== 0) return
    const quietMs = now - Math.min(this.#sentAt, this.#receivedAt)
    if (quietMs + TICK_MS <= this.#keepAliveMs) return
    this.#pingedAt = now
    this.send(PINGREQ)
  }

  #stalled(now: number): boolean {
    if (this.#bytes?.writable !== false) this.#stalledSince = 0
    else if (this.#stalledSince === 0) this.#stalledSince = now
    return this.#stalledSince !== 0 && now - this.#stalledSince >= this.client.limits.stalledSeconds * 1_000
  }

  #rebase(now: number): void {
    if (this.#state === 'connecting' || this.#state === 'opening') this.#since = now
    if (this.#pingedAt !== 0) this.#pingedAt = now
    if (this.#stalledSince !== 0) this.#stalledSince = now
    this.requests.rebase(now)
    this.publishes.rebase(now)
  }

  // Ends

  /**
   * The client has left. `reasonCode` of its DISCONNECT is passed on; without one, or with one that a client may not send,
   * the connection is just closed, so that the broker sends the will.
   */
  leave(reasonCode: number | null, expirySeconds: number | null): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    if (this.#state === 'up') this.publishes.leave()
    const orderly = reasonCode !== null && CODES_OF.disconnectByClient.has(reasonCode) && this.#state !== 'opening'
    const properties = expirySeconds === null ? null : { sessionExpirySeconds: expirySeconds }
    // a DISCONNECT of 3.1.1 always means that the will is not wanted
    const sayable = orderly && (this.version === 5 || reasonCode === ReasonCode.NormalDisconnection)
    this.#finish(sayable ? encode({ type: 'disconnect', reasonCode, properties }, this.version) : null)
  }

  /** The broker is of no use any more. The client is told why, and has to connect again. */
  lost(error: StreamError, reasonCode: number | null = null): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    if (this.#state !== 'up') {
      this.#refused(error, null, reasonCode)
      return
    }
    this.#event('info', 'MQTT_BROKER_LOST', reasonCode, error.message)
    this.#end(error, null)
  }

  /** The broker broke the rules. The text names the rule and is told to the broker. */
  fail(reasonCode: number, text: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.client.counters.protocolErrors.value++
    this.#event('warn', 'MQTT_BROKER_PROTOCOL_ERROR', reasonCode, text)
    const code = CODES_OF.disconnectByClient.has(reasonCode) ? reasonCode : ReasonCode.ProtocolError
    const packet = { type: 'disconnect', reasonCode: code, properties: { reasonString: text } } as const
    const farewell = this.#state === 'up' && this.version === 5 ? encodeWithin(packet, 5, this.maximumPacketSize) : null
    this.#end(new StreamError('unavailable', `the broker breaks the protocol: ${text}`), farewell)
  }

  /** Ends everything at once. */
  stop(error: StreamError): void {
    this.lost(error)
    this.#abortBytes(error.message)
  }

  /** There never was a session. */
  #refused(error: StreamError, redirect: MqttSignal | null, reasonCode: number | null): void {
    this.client.counters.refused.value++
    this.#event('warn', 'MQTT_BROKER_REFUSED', reasonCode, error.message)
    if (redirect !== null) this.session.signal(redirect)
    this.#end(error, null)
  }

  /** Ends all streams of the session, which the neighbour learns first from the session stream. */
  #end(error: StreamError, farewell: Buffer | null): void {
    this.#finish(farewell)
    this.session.abort(error)
    this.publishes.abort(error)
    this.deliveries.abort(error)
  }

  #finish(farewell: Buffer | null): void {
    if (this.#state === 'up') this.client.counters.active.value--
    this.#state = 'closing'
    this.#since = this.client.clock.monotonic()
    this.#decoder.close()
    this.client.disown(this)
    if (farewell !== null) this.#output?.send(farewell)
    this.#closeWhenSent()
    this.#readOn()
  }

  /** What waits for the broker goes first: a QoS 0 message and the DISCONNECT after it. */
  #closeWhenSent(): void {
    if (this.#output?.stalled) return
    this.#bytes?.end()
    if (this.#bytes === null || this.#bytes.closed) this.#closed()
  }

  #abortBytes(message: string): void {
    this.#bytes?.abort(new StreamError('closed', message))
    this.#closed()
  }

  #closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.client.forget(this)
  }

  /** Null: what was held while paused. */
  #decode(chunk: Buffer | null): void {
    const nested = this.#decoding
    this.#decoding = true
    if (chunk === null) this.#decoder.resume()
    else this.#decoder.push(chunk)
    this.#decoding = nested
    if (!nested && this.#state === 'up') this.publishes.flush()
  }

  /** All that was received is decoded: the broker may send as much again. */
  #readOn(): void {
    if (this.#decoding || (this.#paused && this.#state === 'up')) return
    const owed = this.#owed
    this.#owed = 0
    if (owed > 0) this.#bytes?.grant(owed)
  }

  /** A line of the log about this session. */
  #event(level: Level, event: string, reasonCode: number | null, message: string): void {
    this.client.events.event(level, event, message, { clientId: this.clientId, reasonCode })
  }
}
