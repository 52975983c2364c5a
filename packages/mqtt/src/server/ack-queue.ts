/**
 * The QoS 1 and 2 publishes of one connection that wait for storage, in the order of the socket, over all its exits: their
 * PUBACKs and PUBRECs must leave in that order [MQTT-4.6.0-2] [MQTT-4.6.0-3]. A ring of plain numbers, so that a PUBLISH
 * allocates nothing.
 */

/** Whose writes are numbered: one publish stream. */
export interface AckSource {
  /** writes up to this number are settled */
  readonly acked: number
}

const CAPACITY_MIN = 8

export class AckQueue {
  #packetIds = new Uint16Array(CAPACITY_MIN)
  #numbers = new Float64Array(CAPACITY_MIN)
  #codes = new Uint8Array(CAPACITY_MIN)
  #qos = new Uint8Array(CAPACITY_MIN)
  #sources: (AckSource | null)[] = new Array<AckSource | null>(CAPACITY_MIN).fill(null)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Write `number` of the source carries this packet. */
  push(packetId: number, qos: number, source: AckSource, number: number): void {
    this.#put(packetId, qos, source, number, 0)
  }

  /** A packet that was refused here and is answered in its turn. */
  pushRefused(packetId: number, qos: number, reasonCode: number): void {
    this.#put(packetId, qos, null, 0, reasonCode)
  }

  /** The source cannot store this write. Nothing happens when it was QoS 0: nobody waits for an answer. */
  refuse(source: AckSource, number: number, reasonCode: number): void {
    for (let i = 0; i < this.#length; i++) {
      const at = this.#at(i)
      if (this.#sources[at] !== source || this.#numbers[at] !== number) continue
      this.#codes[at] = reasonCode
      return
    }
  }

  /** Whether the first packet can be answered. */
  get settled(): boolean {
    if (this.#length === 0) return false
    const source = this.#sources[this.#head]
    return source == null || this.#numbers[this.#head]! <= source.acked
  }

  /** Packet id of the first packet; only when there is one. */
  get packetId(): number {
    return this.#packetIds[this.#head]!
  }

  /** QoS of the first packet: 1 is answered by PUBACK, 2 by PUBREC. */
  get qos(): number {
    return this.#qos[this.#head]!
  }

  /** Reason code of the first packet once it is settled. */
  get reasonCode(): number {
    return this.#codes[this.#head]!
  }

  shift(): void {
    this.#sources[this.#head] = null
    this.#head = this.#at(1)
    this.#length--
  }

  #put(packetId: number, qos: number, source: AckSource | null, number: number, reasonCode: number): void {
    if (this.#length === this.#packetIds.length) this.#grow()
    const at = this.#at(this.#length++)
    this.#packetIds[at] = packetId
    this.#qos[at] = qos
    this.#numbers[at] = number
    this.#codes[at] = reasonCode
    this.#sources[at] = source
  }

  /** The capacity is a power of two. */
  #at(offset: number): number {
    return (this.#head + offset) & (this.#packetIds.length - 1)
  }

  #grow(): void {
    const order = Array.from({ length: this.#length }, (_, i) => this.#at(i))
    const capacity = 2 * this.#length
    const packetIds = new Uint16Array(capacity)
    const numbers = new Float64Array(capacity)
    const codes = new Uint8Array(capacity)
    const qos = new Uint8Array(capacity)
    const sources = new Array<AckSource | null>(capacity).fill(null)
    order.forEach((from, to) => {
      packetIds[to] = this.#packetIds[from]!
      numbers[to] = this.#numbers[from]!
      codes[to] = this.#codes[from]!
      qos[to] = this.#qos[from]!
      sources[to] = this.#sources[from]!
    })
    this.#packetIds = packetIds
    this.#numbers = numbers
    this.#codes = codes
    this.#qos = qos
    this.#sources = sources
    this.#head = 0
  }
}
