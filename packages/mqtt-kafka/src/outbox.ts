/**
 * What one session has on its way to the client: the window of QoS 1 and 2 with its packet identifiers, and a short queue in
 * front of it. Whatever does not fit is refused, and its receiver falls behind (`Lag`). Belongs to a `Subscriber`.
 */
import type { Clock, Stream } from '@zilla-ts/engine'
import type { Delivery, Mqtt, MqttSignal } from '@zilla-ts/mqtt'
import type { Counters } from './counters.ts'
import type { Flight } from './flight.ts'
import type { StateStore, Stored } from './state-store.ts'

type Acknowledge = Extract<MqttSignal, { kind: 'acknowledge' }>

const PACKET_ID_MAX = 65_535
const SUCCESS = 0x00
/** reason codes from here on are failures (MQTT 5.0 §2.4) */
const FAILURE = 0x80
const PACKET_IDENTIFIER_NOT_FOUND = 0x92
/** objects around a delivery that waits */
const QUEUED_BYTES = 256

export interface OutboxContext {
  readonly clock: Clock
  readonly counters: Counters
  /** bytes that may wait in front of the window */
  readonly queueBytes: number
}

export class Outbox {
  readonly #context: OutboxContext
  readonly #stream: Stream<Mqtt>
  readonly #store: StateStore
  readonly #window: number
  readonly #onRoom: () => void
  /** by packet identifier */
  readonly #flights = new Map<number, Flight>()
  /** those that count against the window: restored ones only when they are sent again */
  #active = 0
  #packetId = 0
  /** wait for the window or for the stream, in order; from `#queueAt` on */
  #queue: Flight[] = []
  #queueAt = 0
  #queueBytes = 0
  /** QoS 2 that is stored and waits for room in the stream */
  #stored: Flight[] = []
  #silent = false

  /** `window`: QoS 1 and 2 that the client takes unacknowledged. `onRoom`: the queue is empty and the window open again. */
  constructor(context: OutboxContext, stream: Stream<Mqtt>, store: StateStore, window: number, onRoom: () => void) {
    this.#context = context
    this.#stream = stream
    this.#store = store
    this.#window = window
    this.#onRoom = onRoom
  }

  /** how many are on their way */
  get load(): number {
    return this.#active + this.#queue.length - this.#queueAt
  }

  /** A delivery of QoS 1 or 2 could be sent at once. */
  get open(): boolean {
    return this.#queueAt === this.#queue.length && this.#active < this.#window && this.#writable
  }

  /** There is room for many: worth reading the log for. */
  get spacious(): boolean {
    return this.open && this.#active <= this.#window >> 1
  }

  get #writable(): boolean {
    return !this.#silent && this.#stream.writable
  }

  setSilent(silent: boolean): void {
    this.#silent = silent
    if (!silent) this.#flush()
  }

  get flights(): Iterable<Flight> {
    return this.#flights.values()
  }

  /** Not sent yet, without packet identifier, in order. */
  *queued(): Iterable<Flight> {
    for (let at = this.#queueAt; at < this.#queue.length; at++) yield this.#queue[at]!
  }

  /** QoS 0: now, or never. */
  send(delivery: Delivery): void {
    if (this.#writable) {
      this.#context.counters.delivered.value++
      this.#stream.write(delivery.message.payload, delivery.plain)
    } else {
      this.#context.counters.dropped.value++
    }
  }

  /** QoS 1 or 2. False: no room. */
  offer(flight: Flight): boolean {
    if (this.open) {
      this.#begin(flight)
      return true
    }
    const { message } = flight.delivery!
    const bytes = message.payload.length + QUEUED_BYTES
    if (this.#queueBytes + bytes > this.#context.queueBytes) return false
    message.detach()
    this.#queueBytes += bytes
    this.#queue.push(flight)
    return true
  }

  /** Those of an earlier connection. Whose PUBREC was seen goes on with PUBREL; the others come again from the log. */
  restore(flights: readonly Flight[]): void {
    for (const flight of flights) {
      this.#flights.set(flight.packetId, flight)
      if (flight.state !== 'releasing') continue
      this.#active++
      this.#release(flight)
    }
  }

  /** A restored one whose record is here again. False: no room. */
  resend(flight: Flight, delivery: Delivery): boolean {
    if (this.#active >= this.#window || !this.#writable) return false
    this.#active++
    flight.delivery = delivery
    flight.dup = true
    this.#write(flight)
    return true
  }

  /**
   * A restored one whose record is not there any more. With QoS 2 its packet identifier stays in use until the client has let
   * go of it [MQTT-4.3.3-1]: it may have the message, and would take the next one with that identifier for the same. PUBREL
   * asks for that; a client that has nothing answers that too (PUBCOMP 0x92, no error in a recovery).
   */
  forget(flight: Flight): void {
    if (flight.delivery !== null || this.#flights.get(flight.packetId) !== flight) return
    if (flight.qos === 2) {
      if (flight.state !== 'sent') return
      flight.state = 'releasing'
      this.#active++
      this.#release(flight)
    } else this.#flights.delete(flight.packetId)
    this.#store.touch()
  }

  /** The restored flight of a record; undefined: none. */
  restored(source: string, partition: number, offset: number): Flight | undefined {
    for (const flight of this.#flights.values()) {
      if (flight.offset === offset && flight.partition === partition && flight.source === source) return flight
    }
    return undefined
  }

  acknowledge(signal: Acknowledge): void {
    const flight = this.#flights.get(signal.packetId)
    switch (signal.type) {
      case 'puback':
        if (flight?.qos === 1 && flight.state === 'sent') this.#settle(flight)
        break
      case 'pubrec':
        this.#onPubrec(signal, flight)
        break
      case 'pubcomp':
        if (flight?.state === 'releasing') this.#settle(flight)
        break
    }
  }

  onWritable(): void {
    this.#flush()
  }

  /** The stream is over: what no client has goes back to its owner. */
  close(): void {
    for (const flight of [...this.queued(), ...this.#flights.values()]) {
      // A QoS 2 delivery that has begun belongs to its client for good [MQTT-4.8.2-4] [MQTT-4.8.2-5].
      if (flight.qos === 1 || flight.state === 'queued' || flight.state === 'storing') flight.owner?.onReturned(flight)
    }
    this.#queue = []
    this.#queueAt = 0
    this.#stored = []
  }

  #onPubrec(signal: Acknowledge, flight: Flight | undefined): void {
    if (flight === undefined || flight.qos !== 2 || flight.state === 'storing' || flight.state === 'stored') {
      if (signal.reasonCode < FAILURE) this.#pubrel(signal.packetId, PACKET_IDENTIFIER_NOT_FOUND)
    } else if (signal.reasonCode >= FAILURE) {
      // [MQTT-4.3.3-4] a failure ends the exchange
      if (flight.state === 'sent') this.#settle(flight)
    } else if (flight.state === 'sent') {
      flight.state = 'received'
      this.#store.after(new Step(this, flight))
    } else if (flight.state === 'releasing') {
      this.#release(flight)
    }
  }

  /** Its packet identifier is stored, or its PUBREC is: the client may forget the message. */
  onStored(flight: Flight): void {
    if (this.#stream.closed) return
    if (flight.state === 'received') {
      flight.state = 'releasing'
      this.#release(flight)
    } else if (flight.state === 'storing') this.#sendable(flight)
  }

  #release(flight: Flight): void {
    this.#pubrel(flight.packetId, SUCCESS)
  }

  #pubrel(packetId: number, reasonCode: number): void {
    this.#stream.signal({ kind: 'pubrel', packetId, reasonCode })
  }

  #settle(flight: Flight): void {
    this.#flights.delete(flight.packetId)
    this.#active--
    // For a shared subscription QoS 2 was settled when it was stored.
    if (flight.qos === 1) flight.owner?.onSettled(flight)
    this.#store.touch()
    this.#flush()
  }

  #begin(flight: Flight): void {
    flight.packetId = this.#nextPacketId()
    this.#flights.set(flight.packetId, flight)
    this.#active++
    if (flight.qos === 2 && this.#store.durable) {
      flight.state = 'storing'
      flight.delivery!.message.detach()
      this.#store.after(new Step(this, flight))
    } else {
      if (flight.qos === 2) flight.owner?.onSettled(flight)
      this.#write(flight)
    }
  }

  #sendable(flight: Flight): void {
    flight.owner?.onSettled(flight)
    flight.state = 'stored'
    if (this.#stored.length === 0 && this.#writable) this.#write(flight)
    else this.#stored.push(flight)
  }

  #write(flight: Flight): void {
    const delivery = flight.delivery!
    flight.state = 'sent'
    flight.delivery = null
    this.#context.counters.delivered.value++
    this.#stream.write(delivery.message.payload, { delivery, packetId: flight.packetId, dup: flight.dup })
  }

  #flush(): void {
    while (this.#stored.length > 0 && this.#writable) this.#write(this.#stored.shift()!)
    const now = this.#queueAt < this.#queue.length ? this.#context.clock.now() : 0
    while (this.#queueAt < this.#queue.length && this.#active < this.#window && this.#writable) {
      const flight = this.#queue[this.#queueAt++]!
      const { message } = flight.delivery!
      this.#queueBytes -= message.payload.length + QUEUED_BYTES
      if (message.expiresAt <= now) {
        this.#context.counters.expired.value++
        flight.owner?.onSettled(flight)
      } else this.#begin(flight)
    }
    this.#compact()
    if (this.open) this.#onRoom()
  }

  #compact(): void {
    if (this.#queueAt === this.#queue.length) {
      if (this.#queueAt > 0) this.#queue = []
      this.#queueAt = 0
    } else if (this.#queueAt > this.#queue.length / 2) {
      this.#queue.splice(0, this.#queueAt)
      this.#queueAt = 0
    }
  }

  /** Not in use [MQTT-2.2.1-3]. The window is smaller than the range. */
  #nextPacketId(): number {
    do this.#packetId = this.#packetId === PACKET_ID_MAX ? 1 : this.#packetId + 1
    while (this.#flights.has(this.#packetId))
    return this.#packetId
  }
}

/** A step of a flight that was due only once its state was stored. */
class Step implements Stored {
  readonly #outbox: Outbox
  readonly #flight: Flight
  constructor(outbox: Outbox, flight: Flight) {
    this.#outbox = outbox
    this.#flight = flight
  }
  onStored(): void {
    this.#outbox.onStored(this.#flight)
  }
}
