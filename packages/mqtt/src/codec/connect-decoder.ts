/**
 * Decodes CONNECT (§3.1), the one packet that says which version the peer speaks. Called by the packet decoder; sets the
 * reader's version as soon as it is known, so that a CONNECT broken further on is answered in the right format.
 */
import type { Qos, Version, Will } from '../stream.ts'
import { hasWildcard } from '../topic.ts'
import type { ConnectPacket } from './packets.ts'
import { decodeProperties } from './property-decoder.ts'
import { Carrier } from './property-table.ts'
import type { Reader } from './reader.ts'
import { ReasonCode } from './reason-codes.ts'

const RESERVED = 0x01
const CLEAN_START = 0x02
const WILL = 0x04
const WILL_QOS = 0x18
const WILL_RETAIN = 0x20
const PASSWORD = 0x40
const USERNAME = 0x80
/** Bridges of some servers set this bit in the protocol level. */
const BRIDGE = 0x80

export function decodeConnect(reader: Reader): ConnectPacket {
  const version = decodeVersion(reader)
  const flags = decodeFlags(reader, version)
  const cleanStart = (flags & CLEAN_START) !== 0
  const keepAliveSeconds = reader.u16('keep alive')
  const properties = version === 5 ? decodeProperties(reader, Carrier.CONNECT) : null
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    reader.protocolError('authentication data without authentication method', '§3.1.2.11.10')
  }
  const clientId = reader.text('client identifier')
  if (clientId === '' && version === 4 && !cleanStart) {
    reader.fail(
      ReasonCode.ClientIdentifierNotValid,
      'empty client identifier without clean session',
      '3.1.1 [MQTT-3.1.3-8]',
    )
  }
  const will = (flags & WILL) !== 0 ? decodeWill(reader, version, flags) : null
  const username = (flags & USERNAME) !== 0 ? reader.text('user name') : null
  const password = (flags & PASSWORD) !== 0 ? reader.binary('password') : null
  reader.close()
  return { type: 'connect', version, clientId, cleanStart, keepAliveSeconds, will, username, password, properties }
}

function decodeVersion(reader: Reader): Version {
  const name = reader.text('protocol name')
  const level = reader.u8('protocol level')
  if (name === 'MQTT' && (level === 4 || level === 5)) {
    reader.version = level
    return level
  }
  reader.version = (level & ~BRIDGE) < 5 ? 4 : 5
  return reader.fail(
    ReasonCode.UnsupportedProtocolVersion,
    `protocol level ${level} of ${name === 'MQTT' ? 'MQTT' : 'another protocol'} is not supported`,
    '[MQTT-3.1.2-1] [MQTT-3.1.2-2]',
    level,
  )
}

function decodeFlags(reader: Reader, version: Version): number {
  const flags = reader.u8('connect flags')
  if ((flags & RESERVED) !== 0) reader.malformed('reserved connect flag is set', '[MQTT-3.1.2-3]')
  if ((flags & WILL_QOS) === WILL_QOS) reader.malformed('will QoS is 3', '[MQTT-3.1.2-12]')
  if ((flags & WILL) === 0 && (flags & (WILL_QOS | WILL_RETAIN)) !== 0) {
    reader.malformed('will QoS or will retain without will', '[MQTT-3.1.2-11] [MQTT-3.1.2-13]')
  }
  if (version === 4 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0) {
    reader.malformed('password without user name', '3.1.1 [MQTT-3.1.2-22]')
  }
  return flags
}

function decodeWill(reader: Reader, version: Version, flags: number): Will {
  const properties = version === 5 ? decodeProperties(reader, Carrier.WILL) : null
  const topic = reader.text('will topic')
  if (topic === '' || hasWildcard(topic)) {
    reader.fail(ReasonCode.TopicNameInvalid, 'will topic is empty or has a wildcard', '[MQTT-4.7.3-1] [MQTT-3.3.2-2]')
  }
  const payload = reader.binary('will payload')
  const qos = ((flags & WILL_QOS) >> 3) as Qos
  return { topic, payload, qos, retain: (flags & WILL_RETAIN) !== 0, properties }
}
