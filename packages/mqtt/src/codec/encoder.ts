/**
 * Encodes packets of both directions and both versions, each into one buffer of exactly its size. Called by the mqtt
 * bindings; PUBLISH on delivery goes through `Message.encode` instead. It trusts its caller: values out of range are a fault
 * of ours, and a string or field too long for MQTT throws `RangeError`.
 */
import type { Subscription, Version } from '../stream.ts'
import type {
  AckPacket,
  AckType,
  AuthPacket,
  ConnectPacket,
  DisconnectPacket,
  NonPublishPacket,
  Packet,
  SubscriptionAckPacket,
} from './packets.ts'
import type { Properties } from './properties.ts'
import { encodeProperties, propertiesSize } from './property-encoder.ts'
import { Carrier } from './property-table.ts'
import { PublishTemplate } from './publish-template.ts'
import { ReasonCode } from './reason-codes.ts'
import { type Output, Sizer, varintSize, Writer } from './writer.ts'

const FIRST_BYTE = {
  connect: 0x10,
  connack: 0x20,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
} as const satisfies Readonly<Record<NonPublishPacket['type'], number>>

const NO_IDS: readonly number[] = []

/** Most bytes that `encodeAck` writes. */
export const ACK_BYTES_MAX = 5

/**
 * Writes a PUBACK, PUBREC, PUBREL or PUBCOMP without properties into `target` at `at`; returns the position after it. To a
 * 3.1.1 peer the reason code is not sent.
 */
export function encodeAck(
  type: AckType,
  packetId: number,
  reasonCode: number,
  version: Version,
  target: Buffer,
  at: number,
): number {
  const short = version === 4 || reasonCode === ReasonCode.Success
  target[at] = FIRST_BYTE[type]
  target[at + 1] = short ? 2 : 3
  target[at + 2] = packetId >>> 8
  target[at + 3] = packetId
  if (short) return at + 4
  target[at + 4] = reasonCode
  return at + 5
}

/** The packet as bytes, owned by the caller. CONNECT is written in its own version, AUTH exists in 5.0 only. */
export function encode(packet: Packet, version: Version): Buffer {
  if (packet.type === 'publish') {
    const template = new PublishTemplate(packet, version, packet.qos > 0, false, NO_IDS)
    return template.patch(packet.qos, packet.retain, packet.dup, packet.packetId, 0)
  }
  return write(packet, version, bodySize(packet, version))
}

/**
 * The same for a peer that has set a Maximum Packet Size. User properties, then the reason string, are left out where the
 * standard says so ([MQTT-3.2.2-19] and its like); null when even then the packet is too large and must not be sent
 * [MQTT-3.1.2-24].
 */
export function encodeWithin(packet: Packet, version: Version, maximumPacketSize: number): Buffer | null {
  if (!mayShrink(packet)) {
    const whole = encode(packet, version)
    return whole.length <= maximumPacketSize ? whole : null
  }
  for (const properties of shrinking(packet.properties)) {
    const smaller = { ...packet, properties }
    const size = bodySize(smaller, version)
    if (1 + varintSize(size) + size <= maximumPacketSize) return write(smaller, version, size)
  }
  return null
}

type Answer = Extract<Packet, { reasonCode: number } | { reasonCodes: readonly number[] }>

function mayShrink(packet: Packet): packet is Answer {
  return 'reasonCode' in packet || 'reasonCodes' in packet
}

/** From whole to least. */
function shrinking(properties: Properties | null): (Properties | null)[] {
  if (properties === null) return [null]
  const { userProperties: _pairs, ...withReason } = properties
  const { reasonString: _reason, ...least } = withReason
  return [properties, withReason, least]
}

function bodySize(packet: NonPublishPacket, version: Version): number {
  const sizer = new Sizer()
  encodeBody(sizer, packet, version)
  return sizer.size
}

function write(packet: NonPublishPacket, version: Version, size: number): Buffer {
  const writer = new Writer(Buffer.allocUnsafe(1 + varintSize(size) + size), 0)
  writer.u8(FIRST_BYTE[packet.type])
  writer.varint(size)
  encodeBody(writer, packet, version)
  return writer.buffer
}

function encodeBody(out: Output, packet: NonPublishPacket, version: Version): void {
  switch (packet.type) {
    case 'connect':
      encodeConnect(out, packet)
      return
    case 'connack':
      out.u8(packet.sessionPresent ? 1 : 0)
      out.u8(packet.reasonCode)
      if (version === 5) encodeProperties(out, packet.properties, Carrier.CONNACK)
      return
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      out.u16(packet.packetId)
      encodeReason(out, packet, version, Carrier.ACK)
      return
    case 'subscribe':
      out.u16(packet.packetId)
      if (version === 5) encodeProperties(out, packet.properties, Carrier.SUBSCRIBE)
      for (const subscription of packet.subscriptions) {
        out.text(subscription.filter)
        out.u8(version === 5 ? optionsOf(subscription) : subscription.qos)
      }
      return
    case 'suback':
    case 'unsuback':
      encodeSubscriptionAckBody(out, packet, version)
      return
    case 'unsubscribe':
      out.u16(packet.packetId)
      if (version === 5) encodeProperties(out, packet.properties, Carrier.UNSUBSCRIBE)
      for (const filter of packet.filters) out.text(filter)
      return
    case 'disconnect':
      encodeReason(out, packet, version, Carrier.DISCONNECT)
      return
    case 'auth':
      encodeAuth(out, packet)
      return
    case 'pingreq':
    case 'pingresp':
      return
  }
}

function encodeConnect(out: Output, packet: ConnectPacket): void {
  const { version, will, username, password } = packet
  out.text('MQTT')
  out.u8(version)
  let flags = packet.cleanStart ? 0x02 : 0
  if (will !== null) flags |= 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0)
  if (password !== null) flags |= 0x40
  if (username !== null) flags |= 0x80
  out.u8(flags)
  out.u16(packet.keepAliveSeconds)
  if (version === 5) encodeProperties(out, packet.properties, Carrier.CONNECT)
  out.text(packet.clientId)
  if (will !== null) {
    if (version === 5) encodeProperties(out, will.properties, Carrier.WILL)
    out.text(will.topic)
    out.binary(will.payload)
  }
  if (username !== null) out.text(username)
  if (password !== null) out.binary(password)
}

/** Reason code and properties are left out where the standard lets them (§3.4.2.1, §3.14.2.1). */
function encodeReason(out: Output, packet: AckPacket | DisconnectPacket, version: Version, carrier: number): void {
  if (version === 4) return
  const bare = propertiesSize(packet.properties, carrier) === 0
  if (bare && packet.reasonCode === ReasonCode.Success) return
  out.u8(packet.reasonCode)
  if (!bare) encodeProperties(out, packet.properties, carrier)
}

/** Left out as a whole or not at all (§3.15.2.1). */
function encodeAuth(out: Output, packet: AuthPacket): void {
  if (packet.reasonCode === ReasonCode.Success && propertiesSize(packet.properties, Carrier.AUTH) === 0) return
  out.u8(packet.reasonCode)
  encodeProperties(out, packet.properties, Carrier.AUTH)
}

function encodeSubscriptionAckBody(out: Output, packet: SubscriptionAckPacket, version: Version): void {
  out.u16(packet.packetId)
  if (version === 5) {
    encodeProperties(out, packet.properties, Carrier.ACK)
    for (const code of packet.reasonCodes) out.u8(code)
  } else if (packet.type === 'suback') {
    // the one failure 3.1.1 knows (§3.9.3)
    for (const code of packet.reasonCodes) out.u8(Math.min(code, 0x80))
  }
}

function optionsOf(subscription: Subscription): number {
  return (
    subscription.qos |
    (subscription.noLocal ? 0x04 : 0) |
    (subscription.retainAsPublished ? 0x08 : 0) |
    (subscription.retainHandling << 4)
  )
}
