/**
 * One MQTT connection: the state machine between a byte stream and the streams to the next hop. It opens the session,
 * answers what needs no other hop, and ends everything together. Publishing and subscribing are in their own files, made
 * when first needed. Nothing a client sends may throw out of here, nor make it hold more than its limits.
 */
import { type Level, type Session, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { type Address, BYTES_WINDOW, type Bytes } from '@zilla-ts/net'
import type { DecodeError } from '../codec/decode-error.ts'
import { Decoder, type PacketHandler } from '../codec/decoder.ts'
import { encode, encodeAck, encodeWithin } from '../codec/encoder.ts'
import type { AckType, AuthPacket, ConnectPacket, DisconnectPacket, NonPublishPacket } from '../codec/packets.ts'
import type { Properties } from '../codec/properties.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Capabilities, PublishMeta, Subscription, Version } from '../stream.ts'
import type { Admitted, Guest } from './admission.ts'
import { Authentication } from './authentication.ts'
import type { ClientRoutes } from './client-routes.ts'
import {
  connackProperties,
  endOfRights,
  expiryOf,
  generateClientId,
  keepAliveOf,
  maximumPacketSizeOf,
  NO_CAPABILITIES,
  type Refusal,
  receiveMaximumOf,
  redirection,
  refusalOf,
  refusingConnack,
  sessionOpen,
  unpermittedWillOf,
  willRefusalOf,
} from './connect.ts'
import { offeredOf } from './features.ts'
import { Output } from './output.ts'
import { type Paced, Pacer } from './pacer.ts'
import { Publisher } from './publisher.ts'
import { connackCode, connackText, disconnectCode, subscriptionReturnCode } from './refusal.ts'
import type { MqttServer } from './server.ts'
import { SessionStream } from './session-stream.ts'
import { Subscriber } from './subscriber.ts'
import { TopicAliases } from './topic-aliases.ts'
import { Wait, type WaitReason } from './wait.ts'

/** How long a peer may take to close its half after we closed ours. */
const LINGER_MS = 5_000
const PINGRESP = encode({ type: 'pingresp' }, 4)
const NO_ROUTES: ClientRoutes = []
/**
 * - `opening` no CONNECT yet; `authorizing` a guard is asked who it is; `connecting` the session is not accepted yet
 * - `up` CONNACK is sent
 * - `closing` our half is closed, what the client still sends is thrown away; `closed` both are
 */
type State = 'opening' | 'authorizing' | 'connecting' | 'up' | 'closing' | 'closed'

export class Connection implements StreamHandler<Bytes>, PacketHandler, Guest, Paced {
  readonly server: MqttServer
  readonly output: Output
  clientId = ''
  /** of CONNECT; means nothing before */
  version: Version = 5
  routes: ClientRoutes = NO_ROUTES
  /** until the next hop says what it can do: nothing */
  capabilities = NO_CAPABILITIES
  /** QoS 1 and 2 deliveries that may be unanswered */
  receiveMaximum = 0
  /** bytes of the largest packet the client takes */
  clientMaximumPacketSize = Number.POSITIVE_INFINITY
  readonly #bytes: Stream<Bytes>
  readonly #remote: Address | undefined
  readonly #decoder: Decoder
  readonly #admitted: Admitted
  readonly #pacer: Pacer
  #state: State = 'opening'
  /** monotonic ms of the last change that has a deadline: of state, of the client's end, of a full socket */
  #since: number
  /** monotonic ms at which what is decoded now has arrived */
  #arrived = 0
  /** monotonic ms of the last packet */
  #active = 0
  #keepAliveMs = 0
  /** CONNECT asked for a session that outlives the connection [MQTT-3.14.2-2] */
  #expires = false
  #problemInformation = true
  /** topic aliases that the client takes */
  #topicAliases = 0
  /** why it is not read: bits of `Wait` */
  #waits = 0
  /** room to be granted when it is read again */
  #owed = 0
  /** inside the decoder, which goes on with what it has before anything else may happen to the input */
  #decoding = false
  #inputEnded = false
  #draining = false
  /** monotonic ms since when the client takes nothing; 0: it does */
  #stalledSince = 0
  #connect: ConnectPacket | null = null
  /** null: nobody can say who the client is */
  #authentication: Authentication | null = null
  /** topic of the will that the session was opened with */
  #willTopic: string | null = null
  #session: SessionStream | null = null
  #publisher: Publisher | null = null
  #subscriber: Subscriber | null = null

  constructor(server: MqttServer, bytes: Stream<Bytes>, remote: Address | undefined) {
    this.server = server
    this.output = new Output(bytes)
    this.#bytes = bytes
    this.#remote = remote
    this.#since = server.clock.monotonic()
    this.#decoder = new Decoder('server', this)
    this.#decoder.maximumPacketSize = server.limits.connectBytes
    this.#decoder.limits = server.limits
    this.#admitted = server.admission.enter(this, remote)
    this.#pacer = new Pacer(server.paceRates, server.clock, this)
    bytes.grant(BYTES_WINDOW)
  }

  get identity(): Session | null {
    return this.#authentication?.session ?? null
  }

  // The byte stream

  onData(chunk: Buffer, _meta: undefined, cost: number): void {
    this.#owed += cost
    this.#arrived = this.server.clock.monotonic()
    const nested = this.#decoding
    this.#decoding = true
    if (this.#state === 'up') this.#pacer.receive(chunk.length, this.#arrived)
    if (this.#state !== 'closing') this.#decoder.push(chunk)
    this.#decoding = nested
    if (this.#state === 'opening') this.server.admission.hold(this.#admitted, this.#decoder.bufferedBytes)
    this.#readOn()
  }

  onWritable(): void {
    this.output.flush()
    if (this.output.stalled) return
    this.#stalledSince = 0
    this.#subscriber?.deliveries.flush()
    this.resume(Wait.OUTPUT)
  }

  /** A client that closes its half is gone, but what it sent before is still taken: QoS 0 and DISCONNECT before all. */
  onEnd(): void {
    this.#inputEnded = true
    this.#since = this.server.clock.monotonic()
    this.#readOn()
  }

  onAbort(_error: StreamError): void {
    this.#finish(null, null)
    this.#closed()
  }

  // The packets

  onPublish(meta: PublishMeta, payload: Buffer): void {
    this.#active = this.#arrived
    this.server.counters.publishReceived.value++
    this.#pacer.publish(this.#arrived)
    const { maximumQos, retainAvailable } = this.capabilities
    if (meta.qos > maximumQos) {
      // [MQTT-3.2.2-11]
      this.fail(ReasonCode.QosNotSupported, `PUBLISH with a QoS above ${maximumQos}`)
    } else if (meta.retain && !retainAvailable) {
      // [MQTT-3.2.2-14]
      this.fail(ReasonCode.RetainNotSupported, 'PUBLISH with RETAIN')
    } else {
      this.#publisher ??= new Publisher(this)
      this.#publisher.publish(meta, payload)
    }
  }

  onPacket(packet: NonPublishPacket): void {
    this.#active = this.#arrived
    switch (packet.type) {
      case 'connect':
        this.#onConnect(packet)
        break
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        if (this.#subscriber === null) this.ackUnknown(packet.type, packet.packetId, packet.reasonCode)
        else this.#subscriber.acknowledge(packet)
        break
      case 'pubrel':
        this.#publisher ??= new Publisher(this)
        this.#publisher.release(packet)
        break
      case 'subscribe':
        this.#pacer.subscribe(packet.subscriptions.length, this.#arrived)
        this.#subscribing().subscribe(packet)
        break
      case 'unsubscribe':
        this.#pacer.subscribe(packet.filters.length, this.#arrived)
        this.#subscribing().unsubscribe(packet)
        break
      case 'pingreq':
        this.send(PINGRESP)
        break
      case 'disconnect':
        this.#onDisconnect(packet)
        break
      case 'auth':
        this.#onAuth(packet)
        break
      // the decoder lets nothing else through from a client
      default:
        break
    }
  }

  onDecodeError(error: DecodeError): void {
    if (this.#state === 'up') this.fail(error.reasonCode, error.message)
    else this.refuse({ reasonCode: error.reasonCode, text: error.message })
  }

  #onConnect(packet: ConnectPacket): void {
    this.version = packet.version
    this.#problemInformation = packet.properties?.requestProblemInformation ?? true
    this.clientMaximumPacketSize = packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
    this.clientId = packet.clientId === '' ? generateClientId() : packet.clientId
    this.#topicAliases = Math.min(packet.properties?.topicAliasMaximum ?? 0, this.server.limits.topicAliasOut)
    const { admission, authorization, clock, options, topics } = this.server
    const refusal =
      admission.connect(this.#admitted, packet.clientId) ??
      refusalOf(packet, options, topics, authorization?.method ?? null)
    if (refusal !== null) {
      this.refuse(refusal)
      return
    }
    this.#connect = packet
    this.#state = 'authorizing'
    this.#since = clock.monotonic()
    // Packets may follow CONNECT at once; they wait until the session is there.
    this.pause(Wait.ACCEPT)
    const earlier = this.#bytes.session
    if (authorization === null && earlier === null) this.identified()
    else {
      this.#authentication = new Authentication(this, authorization, earlier)
      this.#authentication.connect(packet)
    }
  }

  /** It is known who the client is, or that nobody knows: its routes are looked for. */
  identified(): void {
    const packet = this.#connect
    if (packet === null) return
    const { admission, authorization, clock, limits, routes } = this.server
    const refusal = admission.identify(this.#admitted, this.identity)
    if (refusal !== null) {
      this.refuse(refusal)
      return
    }
    this.routes = routes.forClient(this.clientId, this.identity)
    const exit = this.routes[0]?.exit
    if (exit === undefined) {
      this.refuse({ reasonCode: ReasonCode.NotAuthorized, text: 'no route takes the session' })
      return
    }
    const unpermitted = unpermittedWillOf(packet.will?.topic ?? null, this.routes)
    if (unpermitted !== null) {
      this.refuse(unpermitted)
      return
    }
    this.#willTopic = packet.will?.topic ?? null
    this.#state = 'connecting'
    this.#since = clock.monotonic()
    const session = new SessionStream(this)
    this.#session = session
    const open = sessionOpen(packet, this.clientId, limits, authorization?.usernameIsSecret !== true)
    const stream = exit.connect(open, this.identity, session)
    if (stream !== null) session.opened(stream)
    else this.refuse({ reasonCode: ReasonCode.ServerUnavailable, text: 'the exit takes no session now' })
  }

  /** The next hop has the session: CONNACK may go out. */
  accepted(able: Capabilities, subscriptions: readonly Subscription[]): void {
    const packet = this.#connect
    if (packet === null) return
    const capabilities = offeredOf(this.server.options.features, able)
    const refusal = willRefusalOf(packet, capabilities)
    if (refusal !== null) {
      this.refuse(refusal)
      return
    }
    const { server } = this
    this.capabilities = capabilities
    this.receiveMaximum = receiveMaximumOf(packet, server.limits)
    this.#expires = expiryOf(packet) > 0
    this.#keepAliveMs = keepAliveOf(packet, server.limits) * 1_000
    this.#decoder.maximumPacketSize = maximumPacketSizeOf(server.limits, capabilities)
    if (this.version === 5) this.#decoder.topicAliasMaximum = server.limits.topicAliasMaximum
    const properties = connackProperties(packet, this.clientId, server.options, capabilities)
    // [MQTT-4.12.0-5]
    const { method = null } = this.#authentication ?? {}
    if (method !== null) properties.authenticationMethod = method
    const { sessionPresent } = capabilities
    const connack = { type: 'connack', sessionPresent, reasonCode: ReasonCode.Success, properties } as const
    const bytes = encodeWithin(connack, this.version, this.clientMaximumPacketSize)
    if (bytes === null) {
      this.refuse({ reasonCode: ReasonCode.PacketTooLarge, text: 'CONNACK is larger than the client takes' })
      return
    }
    this.#state = 'up'
    this.#connect = null
    server.counters.opened.value++
    server.counters.active.value++
    this.send(bytes)
    if (sessionPresent || subscriptions.length > 0) this.#subscribing().resume(subscriptions)
    this.resume(Wait.ACCEPT)
  }

  #onAuth(packet: AuthPacket): void {
    if (this.#authentication !== null && this.#authentication.method !== null) this.#authentication.onAuth(packet)
    else this.fail(ReasonCode.ProtocolError, 'AUTH without an authentication method ([MQTT-4.12.0-7])')
  }

  /** The client has shown fresh credentials: what it may do is decided anew. False: it has been disconnected. */
  reauthorized(session: Session): boolean {
    if (this.#state !== 'up') return false
    const before = this.routes
    const routes = this.server.routes.forClient(this.clientId, session)
    const end = endOfRights(before, routes, this.#willTopic)
    if (end !== null) {
      this.#disconnect(
        ReasonCode.NotAuthorized,
        end.text,
        null,
        end.withoutWill ? ReasonCode.NormalDisconnection : null,
      )
      return false
    }
    this.routes = routes
    this.#session?.reauthorized(session)
    this.#subscriber?.reauthorize(before)
    return this.#isUp
  }

  /** Asked where a call may have ended the connection. */
  get #isUp(): boolean {
    return this.#state === 'up'
  }

  #subscribing(): Subscriber {
    if (this.#subscriber !== null) return this.#subscriber
    const { scratch } = this.server
    const aliases = this.#topicAliases > 0 ? new TopicAliases(this.#topicAliases, scratch) : null
    this.#subscriber = new Subscriber(this, aliases)
    return this.#subscriber
  }

  #onDisconnect(packet: DisconnectPacket): void {
    const expiry = packet.properties?.sessionExpirySeconds
    if (expiry !== undefined && expiry > 0 && !this.#expires) {
      this.fail(ReasonCode.ProtocolError, 'session expiry in DISCONNECT, none in CONNECT (§3.14.2.2.2)')
      return
    }
    const most = this.capabilities.expirySecondsMax
    this.#finish(packet.reasonCode, expiry === undefined ? null : Math.min(expiry, most))
  }

  // For publisher, subscriber and session

  /** Sends an answer, now or when there is room. The buffer is borrowed. */
  send(packet: Buffer): void {
    this.output.send(packet)
    if (this.output.full) this.pause(Wait.OUTPUT)
  }

  sendAck(type: AckType, packetId: number, reasonCode: number): void {
    const { acks } = this.server
    this.send(acks.subarray(0, encodeAck(type, packetId, reasonCode, this.version, acks, 0)))
  }

  /** An answer to a delivery where there are none: the client must be able to end what a PUBREC goes on with (§3.6.2.1). */
  ackUnknown(type: AckType, packetId: number, reasonCode: number): void {
    if (type !== 'pubrec' || reasonCode >= ReasonCode.UnspecifiedError) return
    this.sendAck('pubrel', packetId, ReasonCode.PacketIdentifierNotFound)
  }

  sendSubscriptionAck(
    type: 'suback' | 'unsuback',
    packetId: number,
    reasonCodes: readonly number[],
    reason: string | null,
  ): void {
    const codes = this.version === 5 ? reasonCodes : type === 'unsuback' ? [] : reasonCodes.map(subscriptionReturnCode)
    // [MQTT-3.1.2-29] no reason for who does not want any
    const properties = reason === null || !this.#problemInformation ? null : { reasonString: reason }
    const packet = { type, packetId, reasonCodes: codes, properties }
    const bytes = encodeWithin(packet, this.version, this.clientMaximumPacketSize)
    if (bytes === null) this.disconnect(ReasonCode.PacketTooLarge, 'an answer is larger than the client takes')
    else this.send(bytes)
  }

  /** A message that is not stored and never will be. */
  publishRefused(reasonCode: number, reason: string): void {
    this.server.counters.publishRefused.value++
    this.event('warn', 'MQTT_PUBLISH_REFUSED', reasonCode, reason)
  }

  /** A filter of a session that goes on does not go on with it. */
  subscriptionEnded(filter: string, reasonCode: number): void {
    this.server.counters.subscriptionsEnded.value++
    this.event('warn', 'MQTT_SUBSCRIPTION_ENDED', reasonCode, `the subscription to ${filter} is not possible any more`)
  }

  /** No acknowledgement is due any more, or fewer are. */
  settled(): void {
    if (this.#draining && this.#publisher?.pending === 0) this.stop()
  }

  pause(reason: WaitReason): void {
    this.#waits |= reason
    this.#decoder.pause()
  }

  resume(reason: WaitReason): void {
    if ((this.#waits & reason) === 0) return
    this.#waits &= ~reason
    if (this.#waits !== 0 || this.#state !== 'up') return
    this.#arrived = this.server.clock.monotonic()
    this.#active = this.#arrived
    const nested = this.#decoding
    this.#decoding = true
    this.#decoder.resume()
    this.#decoding = nested
    this.#readOn()
  }

  /** All that was received is decoded and nothing waits: the client may send as much again, or is gone. */
  #readOn(): void {
    if (this.#decoding || this.#waits !== 0) return
    const owed = this.#owed
    this.#owed = 0
    if (owed > 0) this.#bytes.grant(owed)
    if (!this.#inputEnded) return
    if (this.#state === 'closing') this.#closed()
    else this.#finish(null, null)
  }

  /** The next hop ended one of our streams: without any of them the connection is worth nothing. */
  lost(error: StreamError): void {
    if (this.#state === 'up') this.disconnect(disconnectCode(error.code), error.message)
    else this.refuse({ reasonCode: connackCode(error.code), text: connackText(error.code) }, error.message)
  }

  /** The next hop wants the client to go elsewhere (§4.11). */
  redirected(server: string, permanent: boolean): void {
    const target = redirection(server, permanent)
    if (this.#state === 'up') this.disconnect(target.reasonCode, target.text, server)
    else this.refuse(target)
  }

  /** The client broke the rules. The text names the rule and is told to the client. */
  fail(reasonCode: number, text: string): void {
    if (this.#state !== 'up') return
    this.server.counters.protocolErrors.value++
    this.event('warn', 'MQTT_PROTOCOL_ERROR', reasonCode, text)
    this.#sendDisconnect(reasonCode, this.#problemInformation ? { reasonString: text } : null)
    this.#finish(null, null)
  }

  /** The server ends the connection; the text is for operators. `serverReference`: where the client is to go. */
  disconnect(reasonCode: number, text: string, serverReference: string | null = null): void {
    this.#disconnect(reasonCode, text, serverReference, null)
  }

  /** The guard has taken back what the client has shown: it may do nothing any more, nor may its will. */
  revoked(): void {
    const text = 'what the client has shown does not count any more'
    this.#disconnect(ReasonCode.NotAuthorized, text, null, ReasonCode.NormalDisconnection)
  }

  /** A fault of ours that nobody else catches. */
  fault(error: unknown): void {
    this.server.reportFault('mqtt.authentication', error)
    this.abort()
  }

  // For the server

  /** Deadlines. `late`: this process has slept, so that silence proves nothing about clients. */
  check(now: number, late: boolean): void {
    const { limits } = this.server
    const elapsed = now - this.#since
    switch (this.#state) {
      case 'opening':
        if (elapsed >= limits.connectSeconds * 1_000) {
          this.refuse({ reasonCode: ReasonCode.UnspecifiedError, text: 'no CONNECT in time' })
        }
        return
      case 'authorizing':
        if (elapsed >= limits.answerSeconds * 1_000) {
          this.refuse({ reasonCode: ReasonCode.ServerUnavailable, text: 'the guard has not answered in time' })
        }
        return
      case 'connecting':
        if (elapsed >= limits.answerSeconds * 1_000) {
          const text = 'the exit has not accepted the session in time'
          this.refuse({ reasonCode: ReasonCode.ServerUnavailable, text })
        }
        return
      case 'up':
        this.#checkUp(now, late)
        return
      case 'closing':
        if (elapsed >= LINGER_MS) this.abort()
        return
      case 'closed':
        return
    }
  }

  #checkUp(now: number, late: boolean): void {
    const answerMs = this.server.limits.answerSeconds * 1_000
    const silentMs = now - this.#active
    const asked = this.#subscriber?.waitingSince ?? null
    if (late) {
      this.#active = now
    } else if (this.#keepAliveMs > 0 && this.#waits === 0 && silentMs >= 1.5 * this.#keepAliveMs) {
      // [MQTT-3.1.2-22]
      this.disconnect(ReasonCode.KeepAliveTimeout, 'no packet within one and a half times the keep-alive')
    } else if (asked !== null && now - asked >= answerMs) {
      this.disconnect(ReasonCode.ServerBusy, 'the exit has not answered a SUBSCRIBE in time')
    } else if (this.#inputEnded && now - this.#since >= answerMs) {
      this.#finish(null, null)
    } else {
      this.#checkStalled(now)
      this.#authentication?.check(now, answerMs)
    }
  }

  /** A client that takes nothing of what waits for it. */
  #checkStalled(now: number): void {
    const waiting = this.output.stalled || this.#subscriber?.deliveries.waiting === true
    if (!waiting || this.#bytes.writable) this.#stalledSince = 0
    else if (this.#stalledSince === 0) this.#stalledSince = now
    else if (now - this.#stalledSince >= this.server.limits.stalledSeconds * 1_000) {
      this.event('info', 'MQTT_CLIENT_DISCONNECTED', null, 'the client does not read')
      this.abort()
    }
  }

  /** Finishes what the client has published, then says goodbye. */
  drain(): void {
    this.#draining = true
    if (this.#state === 'up') this.pause(Wait.DRAIN)
    if (this.#publisher === null || this.#publisher.pending === 0) this.stop()
  }

  /** Says goodbye now; what waits for storage is not answered. */
  stop(): void {
    if (this.#state === 'up') this.disconnect(ReasonCode.ServerShuttingDown, 'the server shuts down')
    else this.refuse({ reasonCode: ReasonCode.ServerUnavailable, text: 'the server shuts down' })
  }

  /** Ends everything at once, without a word. */
  abort(): void {
    this.#finish(null, null)
    this.#bytes.abort(new StreamError('closed', 'the connection was given up'))
    this.#closed()
  }

  /** It has not sent CONNECT, or is being closed, and there are too many of those. */
  shed(): void {
    if (this.#state === 'opening') {
      this.server.counters.refused.value++
      this.event('warn', 'MQTT_CLIENT_SHED', null, 'there are too many connections that have not sent CONNECT')
    }
    this.abort()
  }

  /** It sends faster than it may. */
  hold(): void {
    this.server.counters.paced.value++
    this.event('info', 'MQTT_CLIENT_PACED', null, 'the client sends faster than its limits allow, and is read later')
    this.pause(Wait.RATE)
  }

  release(): void {
    this.resume(Wait.RATE)
  }

  // Ends

  /** Answers CONNECT with a refusal, as far as the client's version has a word for it. `detail` is for operators. */
  refuse(refusal: Refusal, detail = refusal.text): void {
    if (this.#state !== 'opening' && this.#state !== 'authorizing' && this.#state !== 'connecting') return
    this.server.counters.refused.value++
    this.event('warn', 'MQTT_CLIENT_REFUSED', refusal.reasonCode, detail)
    const { version } = this.#decoder
    const packet = version === null ? null : refusingConnack(refusal, version, this.#problemInformation)
    const bytes =
      packet === null || version === null ? null : encodeWithin(packet, version, this.clientMaximumPacketSize)
    if (bytes !== null) this.output.send(bytes)
    // The client was never told that it has a session, so its will must not be sent.
    this.#finish(ReasonCode.NormalDisconnection, null)
  }

  /** `endedBy`: the reason that the session is told as if it were the client's; null: the connection was lost. */
  #disconnect(reasonCode: number, text: string, serverReference: string | null, endedBy: number | null): void {
    if (this.#state !== 'up') return
    this.event('info', 'MQTT_CLIENT_DISCONNECTED', reasonCode, text)
    this.#sendDisconnect(reasonCode, serverReference === null ? null : { serverReference })
    this.#finish(endedBy, null)
  }

  #sendDisconnect(reasonCode: number, properties: Properties | null): void {
    if (this.version !== 5) return
    const packet = { type: 'disconnect', reasonCode, properties } as const
    const bytes = encodeWithin(packet, 5, this.clientMaximumPacketSize)
    if (bytes !== null) this.output.send(bytes)
  }

  /** Ends all streams, the session last. `reasonCode`: of the client's DISCONNECT; null: there was none. */
  #finish(reasonCode: number | null, expirySeconds: number | null): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    if (this.#state === 'up') this.server.counters.active.value--
    this.#state = 'closing'
    this.#since = this.server.clock.monotonic()
    this.server.admission.release(this.#admitted)
    this.#waits = 0
    this.#connect = null
    this.#decoder.close()
    this.#pacer.end()
    this.#publisher?.end()
    this.#subscriber?.end()
    this.#session?.end(reasonCode, expirySeconds)
    this.#publisher = null
    this.#subscriber = null
    this.#session = null
    this.#bytes.end()
    if (this.#bytes.closed) this.#closed()
    else this.#readOn()
  }

  #closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.server.admission.leave(this.#admitted)
    this.server.forget(this)
  }

  /** A line of the log about this client. */
  event(level: Level, event: string, reasonCode: number | null, message: string): void {
    const remote = this.#remote === undefined ? null : `${this.#remote.host}:${this.#remote.port}`
    this.server.events.event(level, event, message, { clientId: this.clientId, remote, reasonCode })
  }
}
