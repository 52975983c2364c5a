/**
 * What a broker says no with, in the words of streams: reason codes of MQTT 5.0 §2.4 and return codes of 3.1.1 §3.2.2.3 as
 * `ErrorCode`. Functions of one packet; the neighbour in front translates back for its client.
 */
import { type ErrorCode, StreamError } from '@zilla-ts/engine'
import type { AckPacket, ConnackPacket, DisconnectPacket } from '../codec/packets.ts'
import { ReasonCode, ReturnCode } from '../codec/reason-codes.ts'
import type { MqttSignal, Version } from '../stream.ts'

/** Of a reason string that a broker wrote, so much goes into an error. */
const REASON_CHARACTERS_MAX = 200

const RETURN: Readonly<Record<number, ErrorCode>> = {
  [ReturnCode.UnacceptableProtocolVersion]: 'refused',
  [ReturnCode.IdentifierRejected]: 'invalid',
  [ReturnCode.ServerUnavailable]: 'unavailable',
  [ReturnCode.BadUserNameOrPassword]: 'not-authorized',
  [ReturnCode.NotAuthorized]: 'not-authorized',
}

/** Codes that are not here mean that the broker cannot serve us now. */
const CONNACK: Readonly<Record<number, ErrorCode>> = {
  [ReasonCode.MalformedPacket]: 'internal',
  [ReasonCode.ProtocolError]: 'internal',
  [ReasonCode.UnsupportedProtocolVersion]: 'refused',
  [ReasonCode.ClientIdentifierNotValid]: 'invalid',
  [ReasonCode.BadUserNameOrPassword]: 'not-authorized',
  [ReasonCode.NotAuthorized]: 'not-authorized',
  [ReasonCode.Banned]: 'not-authorized',
  [ReasonCode.BadAuthenticationMethod]: 'not-authorized',
  [ReasonCode.TopicNameInvalid]: 'refused',
  [ReasonCode.PacketTooLarge]: 'too-large',
  [ReasonCode.QuotaExceeded]: 'quota',
  [ReasonCode.PayloadFormatInvalid]: 'refused',
  [ReasonCode.RetainNotSupported]: 'refused',
  [ReasonCode.QosNotSupported]: 'refused',
  [ReasonCode.ConnectionRateExceeded]: 'quota',
}

/** Codes that are not here mean that the broker ended the connection for reasons of its own. */
const DISCONNECT: Readonly<Record<number, ErrorCode>> = {
  [ReasonCode.MalformedPacket]: 'internal',
  [ReasonCode.ProtocolError]: 'internal',
  [ReasonCode.NotAuthorized]: 'not-authorized',
  [ReasonCode.ServerBusy]: 'unavailable',
  [ReasonCode.ServerShuttingDown]: 'shutdown',
  [ReasonCode.KeepAliveTimeout]: 'timeout',
  [ReasonCode.SessionTakenOver]: 'taken-over',
  [ReasonCode.TopicFilterInvalid]: 'invalid',
  [ReasonCode.TopicNameInvalid]: 'invalid',
  [ReasonCode.ReceiveMaximumExceeded]: 'quota',
  [ReasonCode.PacketTooLarge]: 'too-large',
  [ReasonCode.MessageRateTooHigh]: 'quota',
  [ReasonCode.QuotaExceeded]: 'quota',
  [ReasonCode.PayloadFormatInvalid]: 'invalid',
  [ReasonCode.RetainNotSupported]: 'refused',
  [ReasonCode.QosNotSupported]: 'refused',
  [ReasonCode.UseAnotherServer]: 'unavailable',
  [ReasonCode.ServerMoved]: 'unavailable',
  [ReasonCode.SharedSubscriptionsNotSupported]: 'refused',
  [ReasonCode.ConnectionRateExceeded]: 'quota',
  [ReasonCode.SubscriptionIdentifiersNotSupported]: 'refused',
  [ReasonCode.WildcardSubscriptionsNotSupported]: 'refused',
}

/** One message is refused; codes that are not here have no closer word on a publish stream. */
const PUBLISH: Readonly<Record<number, ErrorCode>> = {
  [ReasonCode.NotAuthorized]: 'not-authorized',
  [ReasonCode.TopicNameInvalid]: 'invalid',
  [ReasonCode.QuotaExceeded]: 'quota',
  [ReasonCode.PayloadFormatInvalid]: 'invalid',
}

export function connackError(packet: ConnackPacket, version: Version): StreamError {
  const code = version === 4 ? RETURN[packet.reasonCode] : CONNACK[packet.reasonCode]
  return new StreamError(code ?? 'unavailable', sentence('the broker refuses the session', packet))
}

export function disconnectError(packet: DisconnectPacket): StreamError {
  return new StreamError(DISCONNECT[packet.reasonCode] ?? 'closed', sentence('the broker disconnects', packet))
}

export function publishError(packet: AckPacket): StreamError {
  return new StreamError(PUBLISH[packet.reasonCode] ?? 'unavailable', sentence('the broker refuses a message', packet))
}

/** Where the broker sends its clients (§4.11); null: nowhere. */
export function redirectOf(packet: ConnackPacket | DisconnectPacket): MqttSignal | null {
  const { reasonCode, properties } = packet
  const reference = properties?.serverReference
  if (reference === undefined) return null
  if (reasonCode !== ReasonCode.UseAnotherServer && reasonCode !== ReasonCode.ServerMoved) return null
  return { kind: 'redirect', reference, permanent: reasonCode === ReasonCode.ServerMoved }
}

function sentence(what: string, { reasonCode, properties }: ConnackPacket | DisconnectPacket | AckPacket): string {
  const said = properties?.reasonString?.slice(0, REASON_CHARACTERS_MAX)
  const code = `0x${reasonCode.toString(16).padStart(2, '0')}`
  return said === undefined ? `${what} (${code})` : `${what} (${code}): ${said}`
}
