/**
 * Reason codes of MQTT 5.0 (§2.4), the CONNACK return codes of MQTT 3.1.1 (§3.2.2.3), and which packet may carry which.
 * Read by the codec and by both mqtt bindings; holds no logic besides the mapping between the two versions.
 */

/** Reason codes by their standard names. Several names share a value where the standard has it so. */
export const ReasonCode = {
  Success: 0x00,
  NormalDisconnection: 0x00,
  GrantedQos0: 0x00,
  GrantedQos1: 0x01,
  GrantedQos2: 0x02,
  DisconnectWithWillMessage: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  ReAuthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QosNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const

/** CONNACK return codes of MQTT 3.1.1 (table 3.1). */
export const ReturnCode = {
  Accepted: 0,
  UnacceptableProtocolVersion: 1,
  IdentifierRejected: 2,
  ServerUnavailable: 3,
  BadUserNameOrPassword: 4,
  NotAuthorized: 5,
} as const

/**
 * What a 3.1.1 CONNACK says instead of a 5.0 reason code; null where 3.1.1 has no word for it and the server closes the
 * connection without CONNACK.
 */
export function returnCodeOf(reasonCode: number): number | null {
  switch (reasonCode) {
    case ReasonCode.Success:
      return ReturnCode.Accepted
    case ReasonCode.UnsupportedProtocolVersion:
      return ReturnCode.UnacceptableProtocolVersion
    case ReasonCode.ClientIdentifierNotValid:
      return ReturnCode.IdentifierRejected
    case ReasonCode.ServerUnavailable:
    case ReasonCode.ServerBusy:
      return ReturnCode.ServerUnavailable
    case ReasonCode.BadUserNameOrPassword:
      return ReturnCode.BadUserNameOrPassword
    case ReasonCode.NotAuthorized:
    case ReasonCode.Banned:
      return ReturnCode.NotAuthorized
    default:
      return null
  }
}

type Codes = ReadonlySet<number>
const PUBLISH_RECEIVED: Codes = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const RELEASED: Codes = new Set([0x00, 0x92])

/** Codes each packet may carry (MQTT 5.0 tables 3.1 … 3.13); DISCONNECT and AUTH differ by sender. */
export const CODES_OF = {
  connack: new Set([
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
    0x9c, 0x9d, 0x9f,
  ]) as Codes,
  puback: PUBLISH_RECEIVED,
  pubrec: PUBLISH_RECEIVED,
  pubrel: RELEASED,
  pubcomp: RELEASED,
  suback: new Set([0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]) as Codes,
  unsuback: new Set([0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]) as Codes,
  disconnectByClient: new Set([
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
  ]) as Codes,
  disconnectByServer: new Set([
    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
    0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ]) as Codes,
  authByClient: new Set([0x18, 0x19]) as Codes,
  authByServer: new Set([0x00, 0x18]) as Codes,
} as const
