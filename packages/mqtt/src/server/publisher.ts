/**
 * The publishing half of one connection: from PUBLISH to the publish stream of its route, and from there back to PUBACK in
 * the order of the socket. Made at the first PUBLISH; must never answer before the next hop said that a message is stored.
 */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Mqtt, PublishMeta } from '../stream.ts'
import { AckQueue, type AckSource } from './ack-queue.ts'
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
  readonly #streams: (PublishStream | undefined)[] = []
  #held: Held | null = null
  #ended = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** PUBLISHes that wait for storage. */
  get pending(): number {
    return this.#queue.length + (this.#held === null ? 0 : 1)
  }

  publish(meta: PublishMeta, payload: Buffer, packetId: number): void {
    const connection = this.#connection
    if (meta.qos > 0 && this.#queue.length >= connection.server.limits.receiveMaximum) {
      connection.disconnect(ReasonCode.ReceiveMaximumExceeded, 'more than Receive Maximum publishes are unanswered')
      return
    }
    const at = connection.routes.findIndex((route) => route.admitsPublish(meta.topic))
    if (at === -1) {
      this.refuse(packetId, ReasonCode.NotAuthorized, meta.topic)
      return
    }
    const target = this.#streams[at] ?? this.#open(at)
    if (target === null) this.refuse(packetId, ReasonCode.ImplementationSpecificError, meta.topic)
    else if (target.stream?.writable) this.#write(target, meta, payload, packetId)
    else this.#hold(target, meta, payload, packetId)
  }

  /** Answers with a reason code in its turn; QoS 0 has no answer and is counted. */
  refuse(packetId: number, reasonCode: number, topic: string): void {
    this.#connection.publishRefused(reasonCode, topic)
    if (packetId === 0) return
    this.#queue.pushRefused(packetId, reasonCode)
    this.#answer()
  }

  onWritable(target: PublishStream): void {
    const held = this.#held
    if (held === null || held.target !== target || this.#ended) return
    this.#held = null
    this.#write(target, held.meta, held.payload, held.packetId)
    this.#connection.resume(Wait.ROOM)
  }

  onAck(target: PublishStream, through: number, refused: StreamError | undefined): void {
    if (this.#ended) return
    if (refused !== undefined) {
      const code = publishCode(refused.code)
      if (!this.#queue.refuse(target, through, code)) this.#connection.publishRefused(code, '')
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

  /** Everything that is settled at the head of the queue, all PUBACKs of a run in one write. */
  #answer(): void {
    const queue = this.#queue
    const connection = this.#connection
    if (!queue.settled) return
    const run = connection.server.run
    run.length = 0
    for (; queue.settled; queue.shift()) {
      const code = queue.reasonCode
      if (code === 0) {
        run.push(queue.packetId)
      } else {
        if (run.length > 0) connection.sendAcks(run)
        run.length = 0
        if (!connection.sendRefusedAck(queue.packetId, code)) return
      }
    }
    if (run.length > 0) connection.sendAcks(run)
    if (queue.length <= connection.server.limits.receiveMaximum >> 1) connection.resume(Wait.ACKS)
    connection.settled()
  }
}
