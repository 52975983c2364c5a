/**
 * Which first bytes may come next (§2.1.2, §2.1.3): one table look-up on the way of every packet, and the reason in words
 * when the answer is no. Used by the decoder before it buffers anything.
 */
import type { Version } from '../stream.ts'
import { DecodeError } from './decode-error.ts'
import type { Role } from './packet-decoder.ts'
import { ReasonCode } from './reason-codes.ts'

const PACKETS = [
  'reserved type 0',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
] as const

// PUBLISH: DUP with QoS 0 and QoS 3 are missing
const PUBLISHES = [0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3a, 0x3b, 0x3c, 0x3d]
const ACKS = [0x40, 0x50, 0x62, 0x70]
const FROM_CLIENT = [...PUBLISHES, ...ACKS, 0x82, 0xa2, 0xc0, 0xe0]
const FROM_SERVER = [...PUBLISHES, ...ACKS, 0x90, 0xb0, 0xd0]

function table(bytes: readonly number[]): Uint8Array {
  const legal = new Uint8Array(256)
  for (const byte of bytes) legal[byte] = 1
  return legal
}

const SERVER_FIRST = table([0x10])
const SERVER: Readonly<Record<Version, Uint8Array>> = { 4: table(FROM_CLIENT), 5: table([...FROM_CLIENT, 0xf0]) }
const CLIENT_FIRST: Readonly<Record<Version, Uint8Array>> = { 4: table([0x20]), 5: table([0x20, 0xf0]) }
const CLIENT: Readonly<Record<Version, Uint8Array>> = { 4: table(FROM_SERVER), 5: table([...FROM_SERVER, 0xe0, 0xf0]) }

/** 1 for each first byte that may come next; `opened`: CONNECT, on the other side CONNACK, has been decoded. */
export function legalFirstBytes(role: Role, version: Version | null, opened: boolean): Uint8Array {
  if (version === null) return SERVER_FIRST
  if (role === 'server') return opened ? SERVER[version] : SERVER_FIRST
  return opened ? CLIENT[version] : CLIENT_FIRST[version]
}

export function packetName(first: number): string {
  return PACKETS[first >> 4]!
}

/** Why the byte is not legal. */
export function firstByteError(first: number, role: Role, version: Version | null, opened: boolean): DecodeError {
  const nibble = first >> 4
  const name = packetName(first)
  if (nibble === 0 || (nibble === 15 && version === 4)) {
    return new DecodeError(ReasonCode.MalformedPacket, `type ${nibble} is reserved (§2.1.2)`)
  }
  if (nibble === 3 && opened) {
    const problem = (first & 0x06) === 0x06 ? 'QoS is 3 ([MQTT-3.3.1-4])' : 'DUP is set with QoS 0 ([MQTT-3.3.1-2])'
    return new DecodeError(ReasonCode.MalformedPacket, `PUBLISH: ${problem}`)
  }
  if (!opened && nibble !== (role === 'server' ? 1 : 2)) {
    const clause = role === 'server' ? '[MQTT-3.1.0-1]' : '[MQTT-3.2.0-1]'
    return new DecodeError(ReasonCode.ProtocolError, `${name} before the connection is made (${clause})`)
  }
  if (opened && nibble <= 2) {
    const clause = role === 'server' ? '[MQTT-3.1.0-2]' : '[MQTT-3.2.0-2]'
    return new DecodeError(ReasonCode.ProtocolError, `${name}: the connection is made already (${clause})`)
  }
  const flags = nibble === 6 || nibble === 8 || nibble === 10 ? 2 : 0
  if ((first & 0x0f) !== flags) {
    return new DecodeError(
      ReasonCode.MalformedPacket,
      `${name}: flags of the fixed header are not ${flags} ([MQTT-2.1.3-1])`,
    )
  }
  return new DecodeError(ReasonCode.ProtocolError, `${name} is not sent in this direction (§2.1.2)`)
}
