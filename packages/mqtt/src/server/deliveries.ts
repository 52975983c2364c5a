/**
 * The receiving half of one connection: deliveries go to the socket while it has room and the client's window is open, and
 * wait here otherwise, bounded because what waits is not granted again. QoS 1 is acknowledged to the acceptor in the order
 * in which it came, whatever the order of the client's PUBACKs.
 */
import type { Stream } from '@zilla-ts/engine'
import type { Delivery } from '../message.ts'
import type { Mqtt } from '../stream.ts'
import type { Connection } from './connection.ts'

const PACKET_ID_MAX = 65_535
/**
 * A client that leaves one delivery unanswered and answers those behind it may be so many windows ahead of it: they cannot
 * be acknowledged to the acceptor before it, so each of them is remembered.
 */
const WINDOWS_AHEAD = 4

/** One delivery of QoS 1 from the acceptor's write to the client's PUBACK. */
class Flight {
  readonly source: DeliverySource
  /** of the write on its subscribe stream */
  readonly number: number
  /** 0 until it is sent */
  packetId = 0
  acked = false

  constructor(source: DeliverySource, number: number) {
    this.source = source
    this.number = number
  }
}

interface Held {
  readonly source: DeliverySource
  readonly delivery: Delivery
  readonly cost: number
  /** null: QoS 0 */
  readonly flight: Flight | null
}

/** The subscribe stream that deliveries come from. */
export class DeliverySource {
  stream: Stream<Mqtt> | null = null
  #received = 0
  /** QoS 1 not yet acknowledged to the acceptor, in order */
  readonly #flights: Flight[] = []

  /** The next write of the acceptor; QoS 1 is remembered. */
  next(qos: number): Flight | null {
    this.#received++
    if (qos === 0) return null
    const flight = new Flight(this, this.#received)
    this.#flights.push(flight)
    return flight
  }

  /** The client has it. Returns how many are acknowledged to the acceptor by that. */
  settle(flight: Flight): number {
    flight.acked = true
    const flights = this.#flights
    let settled = 0
    for (; flights[0]?.acked; settled++) flights.shift()
    if (settled === 0) return 0
    const open = flights[0]
    this.stream?.ack(open === undefined ? this.#received : open.number - 1)
    return settled
  }
}

export class Deliveries {
  readonly #connection: Connection
  /** QoS 1 at the client, by ascending packet id from the last one given, around the end of the range */
  readonly #inFlight: Flight[] = []
  #packetId = 0
  /** QoS 1 that left the queue and is not acknowledged to the acceptor */
  #unsettled = 0
  /** apart, because QoS 0 need not wait for a window (MQTT 5.0 §4.9) and the standard orders within a QoS only (§4.6) */
  readonly #held0: Held[] = []
  readonly #held1: Held[] = []
  #ended = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Something waits for the client. */
  get waiting(): boolean {
    return this.#held0.length > 0 || this.#held1.length > 0
  }

  deliver(source: DeliverySource, delivery: Delivery, cost: number): void {
    if (this.#ended) return
    const flight = source.next(delivery.qos)
    const held = flight === null ? this.#held0 : this.#held1
    if (held.length > 0 || !this.#connection.output.writable || (flight !== null && !this.#open)) {
      delivery.message.detach()
      held.push({ source, delivery, cost, flight })
      return
    }
    this.#send(delivery, flight)
    source.stream?.grant(cost)
  }

  /** PUBACK. One for a packet that is not in flight says nothing and is ignored. */
  onPuback(packetId: number): void {
    const inFlight = this.#inFlight
    // mostly the first: clients answer in order
    for (let at = 0; at < inFlight.length; at++) {
      const flight = inFlight[at]!
      if (flight.packetId !== packetId) continue
      if (at === 0) inFlight.shift()
      else inFlight.splice(at, 1)
      this.#settle(flight)
      this.flush()
      return
    }
  }

  /** The socket has room again, or the window is open again. */
  flush(): void {
    this.#release(this.#held1)
    this.#release(this.#held0)
  }

  /** The connection is over. QoS 1 stays with the acceptor, QoS 0 is lost. */
  end(): void {
    this.#ended = true
    this.#connection.server.counters.deliveriesDropped.value += this.#held0.length
    this.#held0.length = 0
    this.#held1.length = 0
  }

  get #open(): boolean {
    const { window } = this.#connection
    return this.#inFlight.length < window && this.#unsettled < WINDOWS_AHEAD * window
  }

  #release(queue: Held[]): void {
    const { output } = this.#connection
    for (let held = queue[0]; held !== undefined && output.writable; held = queue[0]) {
      if (held.flight !== null && !this.#open) return
      // a grant may bring the next delivery, and that one finds the queue as it is
      queue.shift()
      this.#send(held.delivery, held.flight)
      held.source.stream?.grant(held.cost)
    }
  }

  #send(delivery: Delivery, flight: Flight | null): void {
    const { message } = delivery
    const { server, output, clientMaximumPacketSize } = this.#connection
    if (flight !== null) this.#unsettled++
    let now = 0
    if (message.expiresAt !== Number.POSITIVE_INFINITY) {
      now = server.clock.now()
      if (message.expiresAt <= now) {
        server.counters.deliveriesExpired.value++
        if (flight !== null) this.#settle(flight)
        return
      }
    }
    const packetId = flight === null ? 0 : this.#nextPacketId()
    const packet = this.#encode(delivery, packetId, now)
    if (packet === null || packet.length > clientMaximumPacketSize) {
      // [MQTT-3.1.2-25] not sent, and done with as if it were
      server.counters.deliveriesDropped.value++
      if (flight !== null) this.#settle(flight)
      return
    }
    if (flight !== null) {
      flight.packetId = packetId
      this.#inFlight.push(flight)
    }
    server.counters.deliveriesSent.value++
    output.write(packet)
  }

  #settle(flight: Flight): void {
    this.#unsettled -= flight.source.settle(flight)
  }

  /** Null: a record that MQTT has no packet for, from whatever program. It must not end its subscribers. */
  #encode(delivery: Delivery, packetId: number, now: number): Buffer | null {
    try {
      return delivery.message.encode(delivery, this.#connection.version, packetId, false, now)
    } catch (error) {
      this.#connection.event('warn', 'MQTT_MESSAGE_UNFIT', null, (error as Error).message)
      return null
    }
  }

  /**
   * Not in use [MQTT-2.2.1-3]. Ids are given in a circle, so the first one to collide is that of the oldest flight; one
   * that is stepped over becomes the last of the circle.
   */
  #nextPacketId(): number {
    for (;;) {
      this.#packetId = this.#packetId === PACKET_ID_MAX ? 1 : this.#packetId + 1
      const oldest = this.#inFlight[0]
      if (oldest?.packetId !== this.#packetId) return this.#packetId
      this.#inFlight.shift()
      this.#inFlight.push(oldest)
    }
  }
}
