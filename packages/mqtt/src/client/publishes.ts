/**
 * The publish stream of one session: each write becomes a PUBLISH with the client's own packet identifier, and is acknowledged
 * in the order of the writes when the broker is responsible for it. What the broker's Receive Maximum, or a full socket,
 * does not let through waits here, bounded because it is not granted again. Never sent twice: that is the client's to do.
 */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { encode } from '../codec/encoder.ts'
import type { AckPacket } from '../codec/packets.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Mqtt, MqttSignal, Outgoing, PublishMeta, Qos } from '../stream.ts'
import { publishError } from './broker-answer.ts'
import type { Link } from './link.ts'

/** What is due next: an answer of the broker to PUBLISH, the client's PUBREL, the broker's PUBCOMP. */
type Due = 'answer' | 'pubrel' | 'pubcomp'

/** One write that is not QoS 0 or is refused, until it is acknowledged; and the exchange that it began, until that is over. */
class Flight {
  /** of the write, from 1; 0: the write was on an earlier connection */
  readonly number: number
  readonly packetId: number
  readonly qos: Qos
  due: Due = 'answer'
  /** the broker is responsible, or never will be */
  settled = false
  refused: StreamError | null = null

  constructor(number: number, packetId: number, qos: Qos) {
    this.number = number
    this.packetId = packetId
    this.qos = qos
  }
}

interface Held {
  readonly number: number
  readonly meta: PublishMeta
  /** owned */
  readonly payload: Buffer
  readonly cost: number
  /** epoch ms */
  readonly since: number
}

export class Publishes implements StreamHandler<Mqtt> {
  readonly #link: Link
  #stream: Stream<Mqtt> | null = null
  /** writes received, and of these sent or refused, and acknowledged */
  #written = 0
  #sent = 0
  #acked = 0
  /** not acknowledged, by number */
  readonly #flights: Flight[] = []
  readonly #held: Held[] = []
  /** by packet identifier: QoS 1 until PUBACK, QoS 2 until PUBCOMP */
  readonly #exchanges = new Map<number, Flight>()
  /** exchanges in which the broker has the next word, and monotonic ms of its last one */
  #dueCount = 0
  #dueSince = 0
  /** the broker's Receive Maximum, and what is left of it (§4.9) */
  #quotaMax = 0
  #quota = 0

  constructor(link: Link) {
    this.#link = link
  }

  /** One stream at a time: its writes are numbered. */
  join(stream: Stream<Mqtt>): this | null {
    if (this.#stream !== null) return null
    this.#stream = stream
    stream.accept({ kind: 'publish' })
    stream.grant(this.#link.client.limits.queueBytes)
    return this
  }

  opened(receiveMaximum: number): void {
    this.#quotaMax = receiveMaximum
    this.#quota = receiveMaximum
  }

  /** The packet identifier belongs to a message under way. */
  uses(packetId: number): boolean {
    return this.#exchanges.has(packetId)
  }

  // The neighbour

  onData(payload: Buffer, meta: PublishMeta | Outgoing, cost: number): void {
    const message = meta as PublishMeta
    const number = ++this.#written
    if (this.#held.length > 0 || !this.#link.writable || !this.#permitted(message)) {
      const since = this.#link.client.clock.now()
      this.#held.push({ number, meta: message, payload: Buffer.from(payload), cost, since })
      return
    }
    this.#send(message, payload, number)
    this.acknowledge()
    this.#stream?.grant(cost)
  }

  onSignal(signal: MqttSignal): void {
    if (signal.kind !== 'pubrel') return
    const { packetId, reasonCode } = signal
    let exchange = this.#exchanges.get(packetId)
    if (exchange?.due === 'answer') {
      this.#stream?.signal({ kind: 'pubcomp', packetId, reasonCode: ReasonCode.PacketIdentifierNotFound })
      return
    }
    if (exchange === undefined) {
      // of an earlier connection: the broker knows whether there is such an exchange
      exchange = new Flight(0, packetId, 2)
      this.#exchanges.set(packetId, exchange)
    }
    if (exchange.due !== 'pubcomp') {
      exchange.due = 'pubcomp'
      this.#await()
    }
    this.#link.sendAck('pubrel', packetId, reasonCode)
  }

  onEnd(): void {
    this.#stream?.end()
  }

  onAbort(error: StreamError): void {
    this.#link.lost(error)
  }

  // The broker

  onPuback(packet: AckPacket): void {
    const exchange = this.#answered(packet, 1)
    if (exchange === undefined) return
    this.#settle(exchange, packet)
    this.#release(exchange)
  }

  onPubrec(packet: AckPacket): void {
    const { packetId } = packet
    const failed = packet.reasonCode >= ReasonCode.UnspecifiedError
    const exchange = this.#answered(packet, 2)
    if (exchange !== undefined) {
      this.#settle(exchange, packet)
      // a failure ends the exchange (§4.3.3)
      if (failed) this.#release(exchange)
      else exchange.due = 'pubrel'
    } else if (!failed && !this.uses(packetId)) {
      // the broker must be able to end an exchange that nobody knows (MQTT 5.0 table 3.6)
      this.#link.sendAck('pubrel', packetId, ReasonCode.PacketIdentifierNotFound)
    }
  }

  onPubcomp({ packetId, reasonCode }: AckPacket): void {
    const exchange = this.#exchanges.get(packetId)
    if (exchange?.due !== 'pubcomp') return
    this.#heard()
    this.#release(exchange)
    this.#stream?.signal({ kind: 'pubcomp', packetId, reasonCode })
  }

  /** Tells the neighbour what is settled; after each run of packets, so that a run of PUBACKs is one acknowledgement. */
  acknowledge(): void {
    const flights = this.#flights
    for (let first = flights[0]; first?.settled; first = flights[0]) {
      flights.shift()
      if (first.refused === null) continue
      this.#acked = first.number
      this.#link.client.counters.publishRefused.value++
      this.#stream?.ack(first.number, first.refused)
    }
    const through = flights[0] === undefined ? this.#sent : flights[0].number - 1
    if (through <= this.#acked) return
    this.#acked = through
    this.#stream?.ack(through)
  }

  /** There is room: on the socket, within Receive Maximum, or a packet identifier is free. */
  flush(): void {
    const held = this.#held
    for (let first = held[0]; first !== undefined && this.#link.writable; first = held[0]) {
      if (!this.#permitted(first.meta)) break
      // a grant may bring the next write: that one finds the queue as it is
      held.shift()
      this.#sendHeld(first)
      this.#stream?.grant(first.cost)
    }
    this.acknowledge()
  }

  /** The client has left: what may be sent goes, even if the socket has no room yet. The rest is the client's to repeat. */
  leave(): void {
    for (const message of this.#held.splice(0)) {
      if (this.#permitted(message.meta)) this.#sendHeld(message)
    }
  }

  abort(error: StreamError): void {
    this.#stream?.abort(error)
  }

  /** Time has passed in which the broker could not have been heard. */
  rebase(now: number): void {
    this.#dueSince = now
  }

  check(now: number, publishMs: number): void {
    if (this.#dueCount === 0 || now - this.#dueSince < publishMs) return
    this.#link.lost(new StreamError('timeout', 'the broker has not acknowledged a PUBLISH in time'))
  }

  /** What may not go yet also keeps what is behind it, QoS 0 too (§4.9 allows it), so that the order stays. */
  #permitted(meta: PublishMeta): boolean {
    if (meta.qos === 0) return true
    const exchange = this.#exchanges.get(meta.packetId)
    if (exchange !== undefined) return meta.dup && meta.qos === 2 && exchange.qos === 2
    return this.#quota > 0 && !this.#link.requests.uses(meta.packetId)
  }

  #sendHeld({ number, meta, payload, since }: Held): void {
    const seconds = meta.properties?.messageExpirySeconds
    if (seconds === undefined) {
      this.#send(meta, payload, number)
      return
    }
    // [MQTT-3.3.2-6]
    const left = seconds - Math.floor((this.#link.client.clock.now() - since) / 1_000)
    if (left > 0)
      this.#send({ ...meta, properties: { ...meta.properties, messageExpirySeconds: left } }, payload, number)
    else this.#refuse(number, meta, new StreamError('quota', 'the message expired before the broker took more'))
  }

  #send(meta: PublishMeta, payload: Buffer, number: number): void {
    const { packetId, qos } = meta
    const known = qos === 0 ? undefined : this.#exchanges.get(packetId)
    if (known !== undefined) {
      this.#repeat(known, number)
      return
    }
    const packet = this.#encode(meta, payload)
    if (packet === null || packet.length > this.#link.maximumPacketSize) {
      // [MQTT-3.2.2-15]
      this.#refuse(number, meta, new StreamError('too-large', 'the message is larger than the broker takes'))
      return
    }
    this.#sent = number
    if (qos > 0) {
      const flight = new Flight(number, packetId, qos)
      this.#flights.push(flight)
      this.#exchanges.set(packetId, flight)
      this.#quota--
      this.#await()
    }
    this.#link.client.counters.publishSent.value++
    this.#link.send(packet)
  }

  /** QoS 2 that the client sends again on one connection: the broker has it already, or will answer the first one. */
  #repeat(exchange: Flight, number: number): void {
    this.#sent = number
    const flight = new Flight(number, exchange.packetId, 2)
    flight.settled = exchange.due !== 'answer'
    this.#flights.push(flight)
  }

  #refuse(number: number, { packetId, qos }: PublishMeta, refused: StreamError): void {
    this.#sent = number
    const flight = new Flight(number, packetId, qos)
    flight.settled = true
    flight.refused = refused
    this.#flights.push(flight)
  }

  #encode(meta: PublishMeta, payload: Buffer): Buffer | null {
    try {
      return encode({ ...meta, type: 'publish', payload }, this.#link.version)
    } catch (error) {
      // a field that MQTT has no room for
      if (error instanceof RangeError) return null
      throw error
    }
  }

  /** The exchange that PUBACK or PUBREC answers; undefined: none, or not with this packet. */
  #answered(packet: AckPacket, qos: Qos): Flight | undefined {
    const exchange = this.#exchanges.get(packet.packetId)
    if (exchange === undefined || exchange.due !== 'answer') return undefined
    if (exchange.qos === qos) return exchange
    this.#link.fail(ReasonCode.ProtocolError, `${packet.type} answers a PUBLISH of QoS ${exchange.qos} (§4.3)`)
    return undefined
  }

  #settle(exchange: Flight, packet: AckPacket): void {
    this.#heard()
    const refused = packet.reasonCode >= ReasonCode.UnspecifiedError ? publishError(packet) : null
    exchange.settled = true
    exchange.refused = refused
    if (exchange.qos < 2) return
    for (const flight of this.#flights) {
      if (flight.settled || flight.packetId !== packet.packetId) continue
      flight.settled = true
      flight.refused = refused
    }
  }

  /** The exchange is over, and the broker takes one more (§4.9). */
  #release(exchange: Flight): void {
    this.#exchanges.delete(exchange.packetId)
    this.#quota = Math.min(this.#quota + 1, this.#quotaMax)
  }

  #await(): void {
    if (this.#dueCount++ === 0) this.#dueSince = this.#link.client.now
  }

  #heard(): void {
    this.#dueCount--
    this.#dueSince = this.#link.client.now
  }
}
