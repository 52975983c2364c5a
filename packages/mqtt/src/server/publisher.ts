/**
 * The publishing half of one connection: from PUBLISH to the publish stream of its exit, and from there back to PUBACK and
 * PUBREC in the order of the socket, and to PUBCOMP. Made at the first PUBLISH or PUBREL; must never answer before the next
 * hop said that it has the message.
 */
import { isUtf8 } from 'node:buffer'
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { ACK_BYTES_MAX, encodeAck } from '../codec/encoder.ts'
import type { AckPacket } from '../codec/packets.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Mqtt, MqttSignal, PublishMeta } from '../stream.ts'
import { AckQueue, type AckSource } from './ack-queue.ts'
import { type ClientRoute, publishRoute } from './client-routes.ts'
import type { Connection } from './connection.ts'
import { publishCode } from './refusal.ts'
import { Wait } from './wait.ts'

/** One publish stream to one exit. */
export class PublishStream implements StreamHandler<Mqtt>, AckSource {
  readonly #publisher: Publisher
  stream: Stream<Mqtt> | null = null
  written = 0
  acked = 0

  constructor(publisher: Publisher) {
    this.#publisher = publisher
  }

  /** Nothing but acks and signals comes this way. */
  onData(): void {}

  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'pubcomp') this.#publisher.onPubcomp(signal.packetId, signal.reasonCode)
  }

  onWritable(): void {
    this.#publisher.onWritable(this)
  }

  onAck(through: number, refused?: StreamError): void {
    this.#publisher.onAck(this, through, refused)
  }

  onEnd(): void {
    this.#publisher.onAbort(new StreamError('closed', 'the exit ended a publish stream'))
  }

  onAbort(error: StreamError): void {
    this.#publisher.onAbort(error)
  }
}

/** The one message that is decoded already while its stream has no room. */
interface Held {
  readonly target: PublishStream
  readonly meta: PublishMeta
  readonly payload: Buffer
}

export class Publisher {
  readonly #connection: Connection
  readonly #queue = new AckQueue()
  /** by exit */
  readonly #streams: (PublishStream | undefined)[]
  /**
   * QoS 2 from PUBLISH to PUBCOMP, and the stream that has it; null: refused here, as its PUBREC will say. At most Receive
   * Maximum of MQTT 5, and as many as there are identifiers of 3.1.1.
   */
  readonly #exchanges = new Map<number, PublishStream | null>()
  /** QoS 1 in the queue */
  #qos1 = 0
  /** PUBRELs that wait for their PUBCOMP */
  #releasing = 0
  #held: Held | null = null
  #ended = false

  constructor(connection: Connection) {
    this.#connection = connection
    this.#streams = new Array(connection.server.routes.exits)
  }

  /** PUBLISHes and PUBRELs that wait for the next hop. */
  get pending(): number {
    return this.#queue.length + this.#releasing + (this.#held === null ? 0 : 1)
  }

  publish(meta: PublishMeta, payload: Buffer): void {
    const connection = this.#connection
    if (meta.qos > 0 && !this.#admits(meta)) {
      connection.fail(
        ReasonCode.ReceiveMaximumExceeded,
        'more publishes unanswered than Receive Maximum ([MQTT-3.3.4-7])',
      )
      return
    }
    if (meta.properties?.payloadFormat === 1 && !isUtf8(payload)) {
      this.#refuse(meta, ReasonCode.PayloadFormatInvalid, 'the payload is not UTF-8 as its format says')
      return
    }
    const unfit = connection.server.topics?.check(meta, payload) ?? null
    if (unfit !== null) {
      this.#refuse(meta, ReasonCode.PayloadFormatInvalid, unfit)
      return
    }
    const route = publishRoute(connection.routes, meta.topic)
    if (route === null) {
      this.#refuse(meta, ReasonCode.NotAuthorized, 'no route takes the topic')
      return
    }
    const target = this.#streams[route.exitAt] ?? this.#open(route)
    if (target === null) this.#refuse(meta, ReasonCode.ImplementationSpecificError, 'the exit takes no publishes')
    else if (target.stream?.writable) this.#write(target, meta, payload)
    else this.#hold(target, meta, payload)
  }

  /** PUBREL. One that belongs to no PUBLISH of this connection is of an earlier one, and the session's acceptor knows it. */
  release({ packetId, reasonCode }: AckPacket): void {
    const connection = this.#connection
    const session = connection.routes[0]
    let target = this.#exchanges.get(packetId) ?? null
    if (target === null && session !== undefined) target = this.#streams[session.exitAt] ?? this.#open(session)
    if (target === null) {
      connection.sendAck('pubcomp', packetId, ReasonCode.PacketIdentifierNotFound)
      return
    }
    this.#releasing++
    // more than there can be, unless they are sent again and again
    if (this.#releasing > connection.server.limits.receiveMaximum) connection.pause(Wait.ACKS)
    target.stream?.signal({ kind: 'pubrel', packetId, reasonCode })
  }

  onPubcomp(packetId: number, reasonCode: number): void {
    if (this.#ended) return
    if (this.#releasing > 0) this.#releasing--
    this.#exchanges.delete(packetId)
    this.#connection.sendAck('pubcomp', packetId, reasonCode)
    this.#readOn()
  }

  onWritable(target: PublishStream): void {
    const held = this.#held
    if (held === null || held.target !== target || this.#ended) return
    this.#held = null
    this.#write(target, held.meta, held.payload)
    this.#connection.resume(Wait.ROOM)
    this.#connection.settled()
  }

  onAck(target: PublishStream, through: number, refused: StreamError | undefined): void {
    if (this.#ended) return
    if (refused !== undefined) {
      const code = publishCode(refused.code)
      this.#queue.refuse(target, through, code)
      this.#connection.publishRefused(code, refused.message)
    }
    target.acked = Math.max(target.acked, through)
    this.#answer()
  }

  onAbort(error: StreamError): void {
    if (!this.#ended) this.#connection.lost(error)
  }

  /** The connection is over. What was handed on is stored; what was not is the client's to repeat. */
  end(): void {
    this.#ended = true
    this.#held = null
    for (const target of this.#streams) target?.stream?.end()
  }

  /**
   * Whether the client may send this one. QoS 1 counts until PUBACK, QoS 2 until PUBCOMP or a PUBREC that refuses it
   * [MQTT-3.3.4-7]; a QoS 2 that is sent again is the same one [MQTT-4.3.3-10]. A 3.1.1 client knows no such number, and is
   * held back by not being read.
   */
  #admits(meta: PublishMeta): boolean {
    if (this.#connection.version === 4) return true
    if (this.#qos1 + this.#exchanges.size < this.#connection.server.limits.receiveMaximum) return true
    return meta.qos === 2 && this.#exchanges.has(meta.packetId)
  }

  /** Answers with a reason code in its turn; QoS 0 has no answer. */
  #refuse({ packetId, qos }: PublishMeta, reasonCode: number, reason: string): void {
    this.#connection.publishRefused(reasonCode, reason)
    if (qos === 0) return
    this.#queue.pushRefused(packetId, qos, reasonCode)
    this.#queued(packetId, qos, null)
    this.#answer()
  }

  #open(route: ClientRoute): PublishStream | null {
    const { clientId, version, identity } = this.#connection
    const target = new PublishStream(this)
    target.stream = route.exit.connect({ kind: 'publish', clientId, version }, identity, target)
    if (target.stream === null) return null
    this.#streams[route.exitAt] = target
    return target
  }

  #write(target: PublishStream, meta: PublishMeta, payload: Buffer): void {
    const { packetId, qos } = meta
    target.written++
    if (qos > 0) {
      this.#queue.push(packetId, qos, target, target.written)
      this.#queued(packetId, qos, target)
    }
    target.stream?.write(payload, meta)
  }

  /** Counts it. Whoever may send more than Receive Maximum, 3.1.1 or QoS 2 again and again, is held back by TCP. */
  #queued(packetId: number, qos: number, target: PublishStream | null): void {
    if (qos === 1) this.#qos1++
    else this.#exchanges.set(packetId, target)
    const { version, server } = this.#connection
    const most = server.limits.receiveMaximum + (version === 4 ? 0 : 1)
    if (this.#queue.length >= most) this.#connection.pause(Wait.ACKS)
  }

  #hold(target: PublishStream, meta: PublishMeta, payload: Buffer): void {
    this.#held = { target, meta, payload: Buffer.from(payload) }
    this.#connection.pause(Wait.ROOM)
  }

  /** Everything that is settled at the head of the queue, as many answers as fit in one write. */
  #answer(): void {
    const queue = this.#queue
    const connection = this.#connection
    const { acks } = connection.server
    let at = 0
    let fatal = 0
    while (queue.settled && fatal === 0) {
      const { packetId, qos, reasonCode } = queue
      queue.shift()
      this.#answered(packetId, qos, reasonCode)
      // Neither PUBACK nor PUBREC can say that a packet is too large; those of 3.1.1 cannot say no at all [MQTT-3.3.5-2].
      if (reasonCode !== 0 && (connection.version === 4 || reasonCode === ReasonCode.PacketTooLarge)) fatal = reasonCode
      else at = encodeAck(qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode, connection.version, acks, at)
      if (at + ACK_BYTES_MAX > acks.length) {
        connection.send(acks.subarray(0, at))
        at = 0
      }
    }
    if (at > 0) connection.send(acks.subarray(0, at))
    if (fatal !== 0) connection.disconnect(fatal, 'a publish was refused')
    else this.#readOn()
  }

  /** A PUBREC that refuses ends the exchange [MQTT-4.3.3-9]. */
  #answered(packetId: number, qos: number, reasonCode: number): void {
    if (qos === 1) this.#qos1--
    else if (reasonCode >= ReasonCode.UnspecifiedError) this.#exchanges.delete(packetId)
  }

  #readOn(): void {
    const half = this.#connection.server.limits.receiveMaximum >> 1
    if (this.#queue.length <= half && this.#releasing <= half) this.#connection.resume(Wait.ACKS)
    this.#connection.settled()
  }
}
