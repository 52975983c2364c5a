/**
 * One encoded PUBLISH (§3.3), to be sent many times: what differs from receiver to receiver lies at fixed places and is
 * patched there. Made by messages on their way out and by the encoder; the buffer is shared, so whoever sends it copies
 * the bytes before the next `patch`.
 */
import type { Qos, Version } from '../stream.ts'
import type { Properties } from './properties.ts'
import { encodeEach, encodeIds, idsSize, propertiesSize } from './property-encoder.ts'
import { Carrier } from './property-table.ts'
import { textSize, varintSize, Writer } from './writer.ts'

const PUBLISH = 0x30
const MESSAGE_EXPIRY = 0x02
const MESSAGE_EXPIRY_BYTES = 5

export interface PublishParts {
  readonly topic: string
  readonly payload: Buffer
  readonly properties: Properties | null
}

export class PublishTemplate {
  readonly buffer: Buffer
  /** where the packet identifier is; 0: QoS 0 has none */
  readonly #packetIdAt: number
  /** where the seconds of message expiry are; 0: none */
  readonly #expiryAt: number

  /**
   * `identified`: QoS 1 or 2, there is a packet identifier. `expires`: leave room for a message expiry interval, which
   * `properties` must not have then. `subscriptionIds` go before those of `properties`.
   */
  constructor(
    parts: PublishParts,
    version: Version,
    identified: boolean,
    expires: boolean,
    subscriptionIds: readonly number[],
  ) {
    let propertyBytes = 0
    let size = textSize(parts.topic) + (identified ? 2 : 0) + parts.payload.length
    if (version === 5) {
      propertyBytes = (expires ? MESSAGE_EXPIRY_BYTES : 0) + idsSize(subscriptionIds)
      propertyBytes += propertiesSize(parts.properties, Carrier.PUBLISH)
      size += varintSize(propertyBytes) + propertyBytes
    }
    const writer = new Writer(Buffer.allocUnsafe(1 + varintSize(size) + size), 1)
    this.buffer = writer.buffer
    writer.varint(size)
    writer.text(parts.topic)
    this.#packetIdAt = identified ? writer.at : 0
    if (identified) writer.u16(0)
    let expiryAt = 0
    if (version === 5) {
      writer.varint(propertyBytes)
      if (expires) {
        writer.u8(MESSAGE_EXPIRY)
        expiryAt = writer.at
        writer.u32(0)
      }
      encodeIds(writer, subscriptionIds)
      encodeEach(writer, parts.properties, Carrier.PUBLISH)
    }
    this.#expiryAt = expiryAt
    writer.bytes(parts.payload)
  }

  /** Sets what differs; returns the shared buffer. `packetId` counts with QoS 1 and 2 only, `expirySeconds` where there is room. */
  patch(qos: Qos, retain: boolean, dup: boolean, packetId: number, expirySeconds: number): Buffer {
    const buffer = this.buffer
    buffer[0] = PUBLISH | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
    const packetIdAt = this.#packetIdAt
    if (packetIdAt > 0) {
      buffer[packetIdAt] = packetId >>> 8
      buffer[packetIdAt + 1] = packetId
    }
    if (this.#expiryAt > 0) buffer.writeUInt32BE(expirySeconds, this.#expiryAt)
    return buffer
  }
}
