/**
 * CONNECT from what the neighbour wants, and what the neighbour may do from CONNACK, as functions of one packet. Called by
 * the link; holds no state.
 */
import { PACKET_SIZE_MAX } from '../codec/decoder.ts'
import type { ConnackPacket, ConnectPacket } from '../codec/packets.ts'
import type { Properties } from '../codec/properties.ts'
import type { MqttLimits } from '../mqtt.config.ts'
import type { Capabilities, MqttOpen } from '../stream.ts'
import type { Login } from './authorization.ts'

const NEVER = 0xffff_ffff
/** what is assumed where the peer has set none (§3.1.2.11.3, §3.2.2.3.3) */
export const RECEIVE_MAXIMUM_DEFAULT = 65_535

export type SessionOpen = Extract<MqttOpen, { readonly kind: 'session' }>

/** QoS 1 and 2 that the broker may leave unanswered: what the client takes, within our own bound. */
export function receiveMaximumFor(open: SessionOpen, limits: MqttLimits): number {
  return Math.min(open.receiveMaximum, limits.inFlight)
}

/** No topic aliases are announced [MQTT-3.1.2-27]. */
export function connectPacket(open: SessionOpen, { username, password }: Login, limits: MqttLimits): ConnectPacket {
  const { version, clientId, cleanStart, keepAliveSeconds, will, expirySeconds } = open
  const packet = { type: 'connect', version, clientId, cleanStart, keepAliveSeconds, will, username, password } as const
  if (version === 4) {
    // [MQTT-3.1.2-22]v3: no password without a user name, which may be empty
    return { ...packet, username: password === null ? username : (username ?? ''), properties: null }
  }
  const properties: Properties = {}
  if (expirySeconds > 0) properties.sessionExpirySeconds = expirySeconds
  const receiveMaximum = receiveMaximumFor(open, limits)
  if (receiveMaximum < RECEIVE_MAXIMUM_DEFAULT) properties.receiveMaximum = receiveMaximum
  if (limits.packetBytes < PACKET_SIZE_MAX) properties.maximumPacketSize = limits.packetBytes
  return { ...packet, properties }
}

/** What is absent is available (§3.2.2.3); 3.1.1 has no word for any of it. */
export function capabilitiesOf({ sessionPresent, properties }: ConnackPacket): Capabilities {
  return {
    sessionPresent,
    maximumQos: properties?.maximumQos ?? 2,
    retainAvailable: properties?.retainAvailable ?? true,
    wildcardAvailable: properties?.wildcardSubscriptionAvailable ?? true,
    subscriptionIdsAvailable: properties?.subscriptionIdsAvailable ?? true,
    sharedAvailable: properties?.sharedSubscriptionAvailable ?? true,
    expirySecondsMax: properties?.sessionExpirySeconds ?? NEVER,
    // the broker has taken the CONNECT, its will included
    willAvailable: true,
    maximumPacketSize: properties?.maximumPacketSize ?? PACKET_SIZE_MAX,
  }
}
