/**
 * SUBSCRIBE and UNSUBSCRIBE of one session: asked of the broker under packet identifiers of our own, and answered to the
 * neighbour in the order in which it asked, whatever the order of the broker.
 */
import { type Stream, StreamError } from '@zilla-ts/engine'
import { encodeWithin } from '../codec/encoder.ts'
import type { SubscribePacket, SubscriptionAckPacket, UnsubscribePacket } from '../codec/packets.ts'
import type { Properties } from '../codec/properties.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Mqtt, Subscription } from '../stream.ts'
import type { Link } from './link.ts'

const PACKET_ID_MAX = 65_535

interface Request {
  readonly type: 'suback' | 'unsuback'
  readonly packetId: number
  /** filters asked for */
  readonly count: number
  /** monotonic ms */
  since: number
  /** null: not answered yet */
  reasonCodes: readonly number[] | null
  reason: string | undefined
}

export class Requests {
  readonly #link: Link
  /** in the order asked */
  readonly #waiting: Request[] = []
  /** Counted down from the end of the range, because clients count up from its beginning. */
  #packetId = 0
  #stream: Stream<Mqtt> | null = null

  constructor(link: Link) {
    this.#link = link
  }

  join(stream: Stream<Mqtt>): void {
    this.#stream = stream
  }

  /** One SUBSCRIBE of the client: its subscription identifier is the same for all. */
  subscribe(subscriptions: readonly Subscription[], userProperties: Properties['userProperties']): void {
    const subscriptionId = subscriptions[0]?.subscriptionId ?? 0
    const properties: Properties = {
      ...(subscriptionId > 0 && { subscriptionIds: [subscriptionId] }),
      ...(userProperties !== undefined && { userProperties }),
    }
    const packet: SubscribePacket = {
      type: 'subscribe',
      packetId: this.#nextPacketId(),
      subscriptions: subscriptions.map((subscription) => ({ ...subscription, valid: true })),
      properties,
    }
    this.#ask(packet, 'suback', subscriptions.length)
  }

  unsubscribe(filters: readonly string[]): void {
    const packet: UnsubscribePacket = { type: 'unsubscribe', packetId: this.#nextPacketId(), filters, properties: null }
    this.#ask(packet, 'unsuback', filters.length)
  }

  onAnswer(packet: SubscriptionAckPacket): void {
    const request = this.#waiting.find(({ packetId }) => packetId === packet.packetId)
    if (request === undefined || request.type !== packet.type || request.reasonCodes !== null) {
      this.#link.fail(ReasonCode.ProtocolError, `${packet.type} for nothing that was asked`)
      return
    }
    // UNSUBACK of 3.1.1 says nothing about single filters
    const silent = packet.type === 'unsuback' && this.#link.version === 4
    const codes = silent ? new Array<number>(request.count).fill(ReasonCode.Success) : packet.reasonCodes
    if (codes.length !== request.count) {
      const clauses = '[MQTT-3.8.4-6] [MQTT-3.11.3-1]'
      this.#link.fail(ReasonCode.ProtocolError, `${packet.type} without one reason code for each filter (${clauses})`)
      return
    }
    request.reasonCodes = codes
    request.reason = packet.properties?.reasonString
    this.#answer()
  }

  /** The packet identifier is in use by a SUBSCRIBE or UNSUBSCRIBE [MQTT-2.2.1-3]. */
  uses(packetId: number): boolean {
    return this.#waiting.some((request) => request.packetId === packetId && request.reasonCodes === null)
  }

  /** Time has passed in which the broker could not have been heard. */
  rebase(now: number): void {
    for (const request of this.#waiting) request.since = now
  }

  check(now: number, answerMs: number): void {
    const oldest = this.#waiting.find(({ reasonCodes }) => reasonCodes === null)
    if (oldest === undefined || now - oldest.since < answerMs) return
    this.#link.lost(new StreamError('timeout', 'the broker has not answered a SUBSCRIBE or UNSUBSCRIBE in time'))
  }

  #ask(packet: SubscribePacket | UnsubscribePacket, type: Request['type'], count: number): void {
    const { version, client, maximumPacketSize } = this.#link
    const { packetId } = packet
    const request: Request = { type, packetId, count, since: client.now, reasonCodes: null, reason: undefined }
    this.#waiting.push(request)
    const bytes = packetId === 0 ? null : encodeWithin(packet, version, maximumPacketSize)
    if (bytes !== null) {
      this.#link.send(bytes)
      return
    }
    // [MQTT-3.2.2-15]
    const code = type === 'suback' ? ReasonCode.QuotaExceeded : ReasonCode.ImplementationSpecificError
    request.reasonCodes = new Array<number>(count).fill(code)
    this.#answer()
  }

  /** All at the head that have their answers. */
  #answer(): void {
    const waiting = this.#waiting
    for (let first = waiting[0]; first !== undefined && first.reasonCodes !== null; first = waiting[0]) {
      waiting.shift()
      const { type, reasonCodes, reason } = first
      if (type === 'unsuback') this.#stream?.signal({ kind: 'unsubscribed', reasonCodes })
      else this.#stream?.signal({ kind: 'subscribed', reasonCodes, ...(reason !== undefined && { reason }) })
    }
  }

  /** Not in use by us, nor by a PUBLISH that is under way: all of them share one range [MQTT-2.2.1-3]. 0: none is free. */
  #nextPacketId(): number {
    for (let tries = 0; tries < PACKET_ID_MAX; tries++) {
      this.#packetId = this.#packetId <= 1 ? PACKET_ID_MAX : this.#packetId - 1
      if (!this.#link.publishes.uses(this.#packetId) && !this.uses(this.#packetId)) return this.#packetId
    }
    return 0
  }
}
