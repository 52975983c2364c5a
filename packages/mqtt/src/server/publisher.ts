/**
 * The publishing half of one connection: from PUBLISH to the publish stream of its route, and from there back to PUBACK in
 * the order of the socket. Made at the first PUBLISH; must never answer before the next hop said that a message is stored.
 */
import { isUtf8 } from 'node:buffer'
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { encodeAck } from '../codec/encoder.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Mqtt, PublishMeta } from '../stream.ts'
import { AckQueue, type AckSource } from './ack-queue.ts'
import { publishRoute } from './client-routes.ts'
import type { Connection } from './connection.ts'
import { publishCode } from './refusal.ts'
import { Wait } from './wait.ts'

/** One publish stream to one route. */
export class PublishStream implements StreamHandler<Mqtt>, AckSource {
  readonly #publisher: Publisher
  stream: Stream<Mqtt> | null = null
  written = 0
  acked = 0

  constructor(publisher: Publisher) {
    this.#publisher = publisher
  }

  /** Nothing but acks comes this way. */
  onData(): void {}

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
  readonly packetId: number
}

export class Publisher {
  readonly #connection: Connection
  readonly #queue = new AckQueue()
  /** by route */
  readonly #streams: (PublishStream | undefined)[]
  #held: Held | null = null
  #ended = false

  constructor(connection: Connection) {
    this.#connection = connection
    this.#streams = new Array(connection.routes.length)
  }

  /** PUBLISHes that wait for storage. */
  get pending(): number {
    return this.#queue.length + (this.#held === null ? 0 : 1)
  }

  publish(meta: PublishMeta, payload: Buffer, packetId: number): void {
    const connection = this.#connection
    if (meta.qos > 0 && this.#queue.length >= connection.server.limits.receiveMaximum) {
      connection.fail(
        ReasonCode.ReceiveMaximumExceeded,
        'more publishes unanswered than Receive Maximum ([MQTT-3.3.4-9])',
      )
      return
    }
    if (meta.properties?.payloadFormat === 1 && !isUtf8(payload)) {
      this.#refuse(packetId, ReasonCode.PayloadFormatInvalid, 'the payload is not UTF-8 as its format says')
      return
    }
    const unfit = connection.server.topics?.check(meta, payload) ?? null
    if (unfit !== null) {
      this.#refuse(packetId, ReasonCode.PayloadFormatInvalid, unfit)
      return
    }
    const at = publishRoute(connection.routes, meta.topic)
    if (at === -1) {
      this.#refuse(packetId, ReasonCode.NotAuthorized, 'no route takes the topic')
      return
    }
    const target = this.#streams[at] ?? this.#open(at)
    if (target === null) this.#refuse(packetId, ReasonCode.ImplementationSpecificError, 'the exit takes no publishes')
    else if (target.stream?.writable) this.#write(target, meta, payload, packetId)
    else this.#hold(target, meta, payload, packetId)
  }

  onWritable(target: PublishStream): void {
    const held = this.#held
    if (held === null || held.target !== target || this.#ended) return
    this.#held = null
    this.#write(target, held.meta, held.payload, held.packetId)
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

  /** Answers with a reason code in its turn; QoS 0 has no answer. */
  #refuse(packetId: number, reasonCode: number, reason: string): void {
    this.#connection.publishRefused(reasonCode, reason)
    if (packetId === 0) return
    this.#queue.pushRefused(packetId, reasonCode)
    this.#answer()
  }

  #open(at: number): PublishStream | null {
    const { clientId, version, routes, identity } = this.#connection
    const target = new PublishStream(this)
    target.stream = routes[at]?.exit.connect({ kind: 'publish', clientId, version }, identity, target) ?? null
    if (target.stream === null) return null
    this.#streams[at] = target
    return target
  }

  #write(target: PublishStream, meta: PublishMeta, payload: Buffer, packetId: number): void {
    target.written++
    if (packetId !== 0) {
      this.#queue.push(packetId, target, target.written)
      // A 3.1.1 client knows no Receive Maximum: it is held back by TCP.
      const { version, server } = this.#connection
      if (version === 4 && this.#queue.length >= server.limits.receiveMaximum) this.#connection.pause(Wait.ACKS)
    }
    target.stream?.write(payload, meta)
  }

  #hold(target: PublishStream, meta: PublishMeta, payload: Buffer, packetId: number): void {
    this.#held = { target, meta, payload: Buffer.from(payload), packetId }
    this.#connection.pause(Wait.ROOM)
  }

  /** Everything that is settled at the head of the queue, all PUBACKs in one write. */
  #answer(): void {
    const queue = this.#queue
    const connection = this.#connection
    const { acks, limits } = connection.server
    let at = 0
    let fatal = 0
    for (; queue.settled && fatal === 0; queue.shift()) {
      const code = queue.reasonCode
      // PUBACK cannot say that a packet is too large; that of 3.1.1 cannot say no at all [MQTT-3.3.5-2].
      if (code !== 0 && (connection.version === 4 || code === ReasonCode.PacketTooLarge)) fatal = code
      else at = encodeAck('puback', queue.packetId, code, connection.version, acks, at)
    }
    if (at > 0) connection.send(acks.subarray(0, at))
    if (fatal !== 0) {
      connection.disconnect(fatal, 'a publish was refused')
      return
    }
    if (queue.length <= limits.receiveMaximum >> 1) connection.resume(Wait.ACKS)
    connection.settled()
  }
}
