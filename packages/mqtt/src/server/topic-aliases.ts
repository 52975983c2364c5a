/**
 * Topic aliases from the server to one client (MQTT 5.0 §3.3.2.3.4). The first topics delivered get them and keep them
 * while the connection lasts: giving an alias costs bytes, so one that moved from topic to topic would cost more than it saves.
 */
import { encodeAliased, TOPIC_ALIAS_BYTES } from '../codec/aliased-publish.ts'

/** A packet of more bytes goes without: there is nothing to save that would be noticed. */
export const ALIASED_BYTES_MAX = 16_384

export class TopicAliases {
  readonly #aliases = new Map<string, number>()
  /** at most what the client said [MQTT-3.3.2-11] */
  readonly #most: number
  readonly #scratch: Buffer

  /** `scratch` is shared by all connections and used within one call. */
  constructor(most: number, scratch: Buffer) {
    this.#most = most
    this.#scratch = scratch
  }

  /** The packet as it is to be sent to this client at once; borrowed until the next call. */
  apply(packet: Buffer, topic: string, maximumPacketSize: number): Buffer {
    const alias = this.#aliases.get(topic)
    if (alias !== undefined) return this.#taken(packet, encodeAliased(packet, alias, false, this.#scratch))
    const next = this.#aliases.size + 1
    if (next > this.#most || topic.length <= TOPIC_ALIAS_BYTES) return packet
    const length = encodeAliased(packet, next, true, this.#scratch)
    if (length === 0 || length > maximumPacketSize) return packet
    this.#aliases.set(topic, next)
    return this.#taken(packet, length)
  }

  #taken(packet: Buffer, length: number): Buffer {
    return length === 0 ? packet : this.#scratch.subarray(0, length)
  }
}
