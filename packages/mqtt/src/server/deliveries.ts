/**
 * What one client is sent: deliveries go to the socket while it has room and wait here otherwise, bounded because what waits
 * is not granted again. The subscriber hands them over. Which deliveries are unanswered is the acceptor's business, so
 * nothing is remembered of those that have left.
 */
import type { Stream } from '@zilla-ts/engine'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Mqtt, Outgoing } from '../stream.ts'
import type { Connection } from './connection.ts'
import type { DeliveryRights } from './delivery-rights.ts'
import { PacketIds } from './packet-ids.ts'
import type { TopicAliases } from './topic-aliases.ts'

/** The subscribe stream that deliveries come from. */
export interface DeliverySource {
  /** number of its exit in the table of routes */
  readonly exitAt: number
  readonly stream: Stream<Mqtt> | null
}

interface Held {
  readonly source: DeliverySource
  readonly outgoing: Outgoing
  readonly cost: number
}

export class Deliveries {
  /** null: there is one exit, whose identifiers are those of the wire */
  readonly ids: PacketIds | null
  /** null: everything */
  rights: DeliveryRights | null
  readonly #connection: Connection
  readonly #aliases: TopicAliases | null
  readonly #held: Held[] = []
  /** cost of the QoS 0 that waits */
  #heldBytes = 0
  /** What the acceptor writes because of a grant or an acknowledgement waits, so that nothing calls itself without end. */
  #busy = false
  #ended = false

  constructor(connection: Connection, aliases: TopicAliases | null) {
    this.#connection = connection
    this.#aliases = aliases
    const { routes } = connection.server
    this.ids = routes.exits > 1 ? new PacketIds() : null
    this.rights = routes.deliveryRights(connection.routes)
  }

  /** Something waits for the client. */
  get waiting(): boolean {
    return this.#held.length > 0
  }

  deliver(source: DeliverySource, outgoing: Outgoing, cost: number): void {
    if (this.#ended) return
    if (this.#busy || this.#held.length > 0 || !this.#open(outgoing)) {
      this.#hold(source, outgoing, cost)
      return
    }
    this.#busy = true
    this.#send(source, outgoing)
    source.stream?.grant(cost)
    this.#busy = false
    if (this.#held.length > 0) this.flush()
  }

  /** The socket has room again, or an exchange is over. */
  flush(): void {
    if (this.#busy) return
    this.#busy = true
    for (let held = this.#held[0]; held !== undefined && this.#open(held.outgoing); held = this.#held[0]) {
      this.#held.shift()
      if (held.outgoing.delivery.qos === 0) this.#heldBytes -= held.cost
      this.#send(held.source, held.outgoing)
      held.source.stream?.grant(held.cost)
    }
    this.#busy = false
  }

  /** The connection is over. QoS 1 and 2 stay with the acceptor, QoS 0 is lost. */
  end(): void {
    this.#ended = true
    const lost = this.#held.filter(({ outgoing }) => outgoing.delivery.qos === 0)
    this.#connection.server.counters.deliveriesDropped.value += lost.length
    this.#held.length = 0
  }

  /** One exit keeps to Receive Maximum by itself; of several, none knows what the others have sent [MQTT-3.3.4-9]. */
  #open(outgoing: Outgoing): boolean {
    const { output, receiveMaximum } = this.#connection
    if (!output.writable) return false
    return this.ids === null || outgoing.delivery.qos === 0 || this.ids.size < receiveMaximum
  }

  /** QoS 0 may take half of the room, so that it never keeps out what must not be lost. */
  #hold(source: DeliverySource, outgoing: Outgoing, cost: number): void {
    const { message, qos } = outgoing.delivery
    const { limits, counters } = this.#connection.server
    if (qos === 0) {
      if (this.#heldBytes > 0 && this.#heldBytes + cost > limits.queueBytes >> 1) {
        counters.deliveriesDropped.value++
        source.stream?.grant(cost)
        return
      }
      this.#heldBytes += cost
    }
    message.detach()
    this.#held.push({ source, outgoing, cost })
  }

  #send(source: DeliverySource, outgoing: Outgoing): void {
    const { delivery, dup } = outgoing
    const { message, qos } = delivery
    const { server, output, clientMaximumPacketSize } = this.#connection
    if (this.rights?.admits(source.exitAt, message.topic) === false) {
      server.counters.deliveriesForbidden.value++
      this.#discard(source, outgoing, ReasonCode.NotAuthorized)
      return
    }
    let now = 0
    if (message.expiresAt !== Number.POSITIVE_INFINITY) {
      now = server.clock.now()
      // what has begun on an earlier connection is carried to its end [MQTT-4.3.3-7]
      if (message.expiresAt <= now && !dup) {
        server.counters.deliveriesExpired.value++
        this.#discard(source, outgoing)
        return
      }
    }
    const wireId = qos === 0 || this.ids === null ? outgoing.packetId : this.ids.take(source, outgoing.packetId)
    const packet = this.#encode(outgoing, wireId, now)
    if (packet === null || packet.length > clientMaximumPacketSize) {
      // [MQTT-3.1.2-25] not sent, and done with as if it were
      server.counters.deliveriesDropped.value++
      this.ids?.release(wireId)
      this.#discard(source, outgoing)
      return
    }
    server.counters.deliveriesSent.value++
    output.write(packet)
  }

  /** Answers for the client, which never gets it. A PUBREC with a failure ends QoS 2 [MQTT-4.4.0-2]. */
  #discard(source: DeliverySource, outgoing: Outgoing, reason: number = ReasonCode.ImplementationSpecificError): void {
    const { packetId, delivery } = outgoing
    if (delivery.qos === 0) return
    const once = delivery.qos === 2
    source.stream?.signal({
      kind: 'acknowledge',
      type: once ? 'pubrec' : 'puback',
      packetId,
      reasonCode: once ? reason : ReasonCode.Success,
    })
  }

  /** Null: a record that MQTT has no packet for, from whatever program. It must not end its subscribers. */
  #encode({ delivery, dup }: Outgoing, wireId: number, now: number): Buffer | null {
    const { version, clientMaximumPacketSize } = this.#connection
    const { message } = delivery
    try {
      const packet = message.encode(delivery, version, wireId, dup, now)
      return this.#aliases?.apply(packet, message.topic, clientMaximumPacketSize) ?? packet
    } catch (error) {
      this.#connection.event('warn', 'MQTT_MESSAGE_UNFIT', null, (error as Error).message)
      return null
    }
  }
}
