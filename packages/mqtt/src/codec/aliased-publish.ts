/**
 * Rewrites an encoded PUBLISH of MQTT 5.0 so that it carries a Topic Alias (§3.3.2.3.4), because what is shared by all
 * receivers of a message cannot have one. Called for each delivery to a client that takes aliases; must leave the packet it
 * is given as it is.
 */
import { varintSize, Writer } from './writer.ts'

const QOS = 0x06
const CONTINUED = 0x80
const TOPIC_ALIAS = 0x23
/** Bytes of the property. */
export const TOPIC_ALIAS_BYTES = 3

/**
 * Writes `packet` with the alias into `target`, with the topic name or without; returns its length, 0 where `target` is too
 * small.
 */
export function encodeAliased(packet: Buffer, alias: number, withTopic: boolean, target: Buffer): number {
  let topicAt = 1
  while ((packet[topicAt++]! & CONTINUED) !== 0);
  const topicEnd = topicAt + 2 + packet.readUInt16BE(topicAt)
  const propertiesAt = topicEnd + ((packet[0]! & QOS) === 0 ? 0 : 2)
  const propertyBytes = varint(packet, propertiesAt) + TOPIC_ALIAS_BYTES
  const restAt = propertiesAt + varintSize(propertyBytes - TOPIC_ALIAS_BYTES)
  const topicBytes = withTopic ? topicEnd - topicAt : 2
  const added = varintSize(propertyBytes) + TOPIC_ALIAS_BYTES
  const size = topicBytes + (propertiesAt - topicEnd) + added + (packet.length - restAt)
  if (1 + varintSize(size) + size > target.length) return 0
  const writer = new Writer(target, 0)
  writer.u8(packet[0]!)
  writer.varint(size)
  if (withTopic) writer.bytes(packet.subarray(topicAt, topicEnd))
  else writer.u16(0)
  writer.bytes(packet.subarray(topicEnd, propertiesAt))
  writer.varint(propertyBytes)
  writer.u8(TOPIC_ALIAS)
  writer.u16(alias)
  writer.bytes(packet.subarray(restAt))
  return writer.at
}

/** The packet is ours, so the integer is well-formed. */
function varint(buffer: Buffer, at: number): number {
  let value = 0
  for (let i = at, shift = 0; ; i++, shift += 7) {
    const byte = buffer[i]!
    value |= (byte & 0x7f) << shift
    if (byte < CONTINUED) return value
  }
}
