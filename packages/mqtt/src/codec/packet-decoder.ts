/**
 * Decodes the body of every packet but PUBLISH. Called by the decoder, which has checked the first byte and framed the
 * body; must read the body to its end and keep no slice of it.
 */
import type { Qos } from '../stream.ts'
import { isShared, isTopicFilter, parseShared, withinLevels } from '../topic.ts'
import { decodeConnect } from './connect-decoder.ts'
import type {
  AckPacket,
  AckType,
  AuthPacket,
  ConnackPacket,
  DisconnectPacket,
  NonPublishPacket,
  PingPacket,
  SubscribePacket,
  SubscriptionAckPacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from './packets.ts'
import { decodeProperties } from './property-decoder.ts'
import { Carrier } from './property-table.ts'
import type { Reader } from './reader.ts'
import { CODES_OF, ReasonCode } from './reason-codes.ts'

/** `server` decodes what clients send, `client` what servers send. */
export type Role = 'server' | 'client'

const PINGREQ: PingPacket = { type: 'pingreq' }
const PINGRESP: PingPacket = { type: 'pingresp' }

const QOS = 0x03
const NO_LOCAL = 0x04
const RETAIN_AS_PUBLISHED = 0x08
const RETAIN_HANDLING = 0x30
const RESERVED_V4 = 0xfc
const RESERVED_V5 = 0xc0

/** `nibble` is the packet type of the first byte, 1 to 15 without 3. */
export function decodePacket(reader: Reader, nibble: number, role: Role): NonPublishPacket {
  switch (nibble) {
    case 1:
      return decodeConnect(reader)
    case 2:
      return decodeConnack(reader)
    case 4:
      return decodeAck(reader, 'puback')
    case 5:
      return decodeAck(reader, 'pubrec')
    case 6:
      return decodeAck(reader, 'pubrel')
    case 7:
      return decodeAck(reader, 'pubcomp')
    case 8:
      return decodeSubscribe(reader)
    case 9:
      return decodeSubscriptionAck(reader, 'suback')
    case 10:
      return decodeUnsubscribe(reader)
    case 11:
      return decodeSubscriptionAck(reader, 'unsuback')
    case 12:
      reader.close()
      return PINGREQ
    case 13:
      reader.close()
      return PINGRESP
    case 14:
      return decodeDisconnect(reader, role)
    default:
      return decodeAuth(reader, role)
  }
}

function checkCode(reader: Reader, code: number, codes: ReadonlySet<number>, clause: string): void {
  if (!codes.has(code)) {
    reader.protocolError(`reason code 0x${code.toString(16).padStart(2, '0')} is not one of this packet's`, clause)
  }
}

function decodeConnack(reader: Reader): ConnackPacket {
  const flags = reader.u8('acknowledge flags')
  if (flags > 1) reader.malformed('reserved acknowledge flags are set', '[MQTT-3.2.2-1]')
  const reasonCode = reader.u8('reason code')
  if (reader.version === 5) checkCode(reader, reasonCode, CODES_OF.connack, '[MQTT-3.2.2-8]')
  else if (reasonCode > 5) reader.protocolError('return code is reserved', '3.1.1 §3.2.2.3')
  if (flags === 1 && reasonCode !== 0) reader.protocolError('session present with a refusal', '[MQTT-3.2.2-6]')
  const properties = reader.version === 5 ? decodeProperties(reader, Carrier.CONNACK) : null
  reader.close()
  return { type: 'connack', sessionPresent: flags === 1, reasonCode, properties }
}

function decodeAck(reader: Reader, type: AckType): AckPacket {
  const packetId = reader.packetId()
  let reasonCode = 0
  let properties = null
  // the rest may be left out from its end: reason code 0, no properties (§3.4.2.1)
  if (reader.version === 5 && reader.at < reader.end) {
    reasonCode = reader.u8('reason code')
    checkCode(reader, reasonCode, CODES_OF[type], '[MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]')
    if (reader.at < reader.end) properties = decodeProperties(reader, Carrier.ACK)
  }
  reader.close()
  return { type, packetId, reasonCode, properties }
}

function decodeSubscribe(reader: Reader): SubscribePacket {
  const packetId = reader.packetId()
  const properties = reader.version === 5 ? decodeProperties(reader, Carrier.SUBSCRIBE) : null
  const subscriptionId = properties?.subscriptionIds?.[0] ?? 0
  const subscriptions: SubscriptionRequest[] = []
  while (reader.at < reader.end) subscriptions.push(decodeSubscription(reader, subscriptionId))
  if (subscriptions.length === 0) reader.protocolError('no topic filter', '[MQTT-3.8.3-2]')
  return { type: 'subscribe', packetId, subscriptions, properties }
}

/**
 * A filter that breaks §4.7 or §4.8.2 does not break the packet: the standard has a reason code for it in SUBACK (0x8F),
 * and the other filters of the packet are sound. Bytes that are not UTF-8 do.
 */
function decodeSubscription(reader: Reader, subscriptionId: number): SubscriptionRequest {
  const start = reader.at + 2
  const filter = reader.text('topic filter')
  const within = reader.at - start <= reader.limits.topicBytes && withinLevels(filter, reader.limits.topicLevels)
  const options = reader.u8('subscription options')
  const v5 = reader.version === 5
  if ((options & (v5 ? RESERVED_V5 : RESERVED_V4)) !== 0) {
    reader.malformed('reserved subscription option bits are set', '[MQTT-3.8.3-5]')
  }
  const qos = options & QOS
  if (qos === 3) reader.protocolError('maximum QoS is 3', '§3.8.3.1')
  const retainHandling = (options & RETAIN_HANDLING) >> 4
  if (retainHandling === 3) reader.protocolError('retain handling is 3', '§3.8.3.1')
  const shared = isShared(filter)
  const noLocal = (options & NO_LOCAL) !== 0
  if (noLocal && shared) reader.protocolError('no local on a shared subscription', '[MQTT-3.8.3-4]')
  return {
    filter,
    qos: qos as Qos,
    noLocal,
    retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
    subscriptionId,
    valid: within && (shared ? parseShared(filter) !== null : isTopicFilter(filter)),
  }
}

function decodeSubscriptionAck(reader: Reader, type: 'suback' | 'unsuback'): SubscriptionAckPacket {
  const packetId = reader.packetId()
  const v5 = reader.version === 5
  const properties = v5 ? decodeProperties(reader, Carrier.ACK) : null
  const reasonCodes: number[] = []
  if (!v5 && type === 'unsuback') reader.close()
  while (reader.at < reader.end) {
    const code = reader.u8('reason code')
    if (v5) checkCode(reader, code, CODES_OF[type], '[MQTT-3.9.3-2] [MQTT-3.11.3-2]')
    else if (code > 2 && code !== ReasonCode.UnspecifiedError) {
      reader.protocolError('return code is reserved', '3.1.1 [MQTT-3.9.3-2]')
    }
    reasonCodes.push(code)
  }
  if (reasonCodes.length === 0 && (v5 || type === 'suback')) {
    reader.protocolError('no reason code', '[MQTT-3.8.4-6] [MQTT-3.11.3-1]')
  }
  return { type, packetId, reasonCodes, properties }
}

function decodeUnsubscribe(reader: Reader): UnsubscribePacket {
  const packetId = reader.packetId()
  const properties = reader.version === 5 ? decodeProperties(reader, Carrier.UNSUBSCRIBE) : null
  const filters: string[] = []
  while (reader.at < reader.end) filters.push(reader.text('topic filter'))
  if (filters.length === 0) reader.protocolError('no topic filter', '[MQTT-3.10.3-2]')
  return { type: 'unsubscribe', packetId, filters, properties }
}

function decodeDisconnect(reader: Reader, role: Role): DisconnectPacket {
  let reasonCode = 0
  let properties = null
  // the rest may be left out from its end (§3.14.2.1)
  if (reader.version === 5 && reader.at < reader.end) {
    reasonCode = reader.u8('reason code')
    const codes = role === 'server' ? CODES_OF.disconnectByClient : CODES_OF.disconnectByServer
    checkCode(reader, reasonCode, codes, '[MQTT-3.14.2-1]')
    if (reader.at < reader.end) properties = decodeProperties(reader, Carrier.DISCONNECT)
    if (role === 'client' && properties?.sessionExpirySeconds !== undefined) {
      reader.protocolError('session expiry interval from a server', '[MQTT-3.14.2-2]')
    }
  }
  reader.close()
  return { type: 'disconnect', reasonCode, properties }
}

function decodeAuth(reader: Reader, role: Role): AuthPacket {
  // success without properties may be left out as a whole (§3.15.2.1)
  if (reader.at === reader.end && role === 'client') return { type: 'auth', reasonCode: 0, properties: null }
  const reasonCode = reader.u8('reason code')
  checkCode(reader, reasonCode, role === 'server' ? CODES_OF.authByClient : CODES_OF.authByServer, '[MQTT-3.15.2-1]')
  const properties = decodeProperties(reader, Carrier.AUTH)
  if (properties?.authenticationMethod === undefined) reader.protocolError('no authentication method', '§3.15.2.2.2')
  reader.close()
  return { type: 'auth', reasonCode, properties }
}
