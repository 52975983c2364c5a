/**
 * Packet identifiers of deliveries where several exits give them out, each of its own: on the wire they must differ
 * [MQTT-2.2.1-4]. Made only for tables with more than one exit; with one, its identifiers are those of the wire.
 */
import type { DeliverySource } from './deliveries.ts'

const PACKET_ID_MAX = 65_535

/** A delivery that the client has not answered to the end. */
export interface Flight {
  readonly source: DeliverySource
  /** as its exit knows it */
  readonly packetId: number
}

export class PacketIds {
  /** by identifier on the wire */
  readonly #flights = new Map<number, Flight>()
  /** from an exit's identifier to that of the wire, where they differ */
  readonly #moved = new Map<DeliverySource, Map<number, number>>()
  #last = PACKET_ID_MAX + 1

  get size(): number {
    return this.#flights.size
  }

  /** Identifier on the wire: the exit's own unless another exit's delivery has it. */
  take(source: DeliverySource, packetId: number): number {
    const known = this.#moved.get(source)?.get(packetId)
    if (known !== undefined) return known
    const holder = this.#flights.get(packetId)
    if (holder?.source === source) return packetId
    const wireId = holder === undefined || this.#flights.size >= PACKET_ID_MAX ? packetId : this.#free()
    this.#flights.set(wireId, { source, packetId })
    if (wireId !== packetId) this.#move(source, packetId, wireId)
    return wireId
  }

  find(wireId: number): Flight | null {
    return this.#flights.get(wireId) ?? null
  }

  /** The exchange is over. */
  release(wireId: number): void {
    const flight = this.#flights.get(wireId)
    if (flight === undefined) return
    this.#flights.delete(wireId)
    this.#moved.get(flight.source)?.delete(flight.packetId)
  }

  #move(source: DeliverySource, packetId: number, wireId: number): void {
    let moved = this.#moved.get(source)
    if (moved === undefined) {
      moved = new Map()
      this.#moved.set(source, moved)
    }
    moved.set(packetId, wireId)
  }

  /** From above, because exits count from below. */
  #free(): number {
    do {
      this.#last = this.#last <= 1 ? PACKET_ID_MAX : this.#last - 1
    } while (this.#flights.has(this.#last))
    return this.#last
  }
}
