/**
 * What an MQTT client is told when the next hop refuses: the words of a `StreamError` as reason codes of MQTT 5.0 §2.4.
 * A 3.1.1 client is told by a return code at CONNECT, and by a closed connection later.
 */
import type { ErrorCode } from '@zilla-ts/engine'
import { ReasonCode, ReturnCode, returnCodeOf } from '../codec/reason-codes.ts'

const CONNACK: Readonly<Record<ErrorCode, number>> = {
  refused: ReasonCode.NotAuthorized,
  invalid: ReasonCode.ClientIdentifierNotValid,
  'not-authorized': ReasonCode.NotAuthorized,
  'not-found': ReasonCode.ServerUnavailable,
  'too-large': ReasonCode.PacketTooLarge,
  quota: ReasonCode.QuotaExceeded,
  unavailable: ReasonCode.ServerUnavailable,
  timeout: ReasonCode.ServerUnavailable,
  shutdown: ReasonCode.ServerUnavailable,
  // another connection asked for the client id while this one waited
  'taken-over': ReasonCode.ServerBusy,
  closed: ReasonCode.ServerUnavailable,
  internal: ReasonCode.UnspecifiedError,
}

/** Reason String of CONNACK. The message of the error is for operators: it may name hosts and topics. */
const CONNACK_TEXT: Readonly<Record<ErrorCode, string>> = {
  refused: 'the session is refused',
  invalid: 'the session cannot be kept',
  'not-authorized': 'not authorized',
  'not-found': 'what keeps sessions is not there',
  'too-large': 'the session is too large',
  quota: 'there are too many sessions',
  unavailable: 'what keeps sessions and messages is not available',
  timeout: 'what keeps sessions has not answered in time',
  shutdown: 'the server shuts down',
  'taken-over': 'another connection has the client identifier now',
  closed: 'what keeps sessions is not available',
  internal: 'a fault of the server',
}

const DISCONNECT: Readonly<Record<ErrorCode, number>> = {
  refused: ReasonCode.NotAuthorized,
  invalid: ReasonCode.ImplementationSpecificError,
  'not-authorized': ReasonCode.NotAuthorized,
  'not-found': ReasonCode.ImplementationSpecificError,
  'too-large': ReasonCode.PacketTooLarge,
  quota: ReasonCode.QuotaExceeded,
  unavailable: ReasonCode.ServerBusy,
  timeout: ReasonCode.ServerBusy,
  shutdown: ReasonCode.ServerShuttingDown,
  'taken-over': ReasonCode.SessionTakenOver,
  closed: ReasonCode.ServerBusy,
  internal: ReasonCode.UnspecifiedError,
}

/**
 * Only messages that can never be stored are refused, so each has a code of PUBACK and PUBREC (tables 3.4, 3.5). Whether a payload is what
 * its format says is checked here: what is invalid to the next hop is the topic.
 */
const PUBLISH: Readonly<Record<ErrorCode, number>> = {
  refused: ReasonCode.NotAuthorized,
  invalid: ReasonCode.TopicNameInvalid,
  'not-authorized': ReasonCode.NotAuthorized,
  'not-found': ReasonCode.TopicNameInvalid,
  // a code of neither: ends the connection
  'too-large': ReasonCode.PacketTooLarge,
  quota: ReasonCode.QuotaExceeded,
  unavailable: ReasonCode.ImplementationSpecificError,
  timeout: ReasonCode.ImplementationSpecificError,
  shutdown: ReasonCode.ImplementationSpecificError,
  'taken-over': ReasonCode.ImplementationSpecificError,
  closed: ReasonCode.ImplementationSpecificError,
  internal: ReasonCode.UnspecifiedError,
}

/** Reason code of CONNACK. */
export const connackCode = (code: ErrorCode): number => CONNACK[code]
/** Reason String of CONNACK. */
export const connackText = (code: ErrorCode): string => CONNACK_TEXT[code]
/** Reason code of the DISCONNECT that ends an established connection. */
export const disconnectCode = (code: ErrorCode): number => DISCONNECT[code]
/** Reason code of PUBACK or PUBREC for one refused message; `PacketTooLarge` asks for a DISCONNECT. */
export const publishCode = (code: ErrorCode): number => PUBLISH[code]

/** Return code of a 3.1.1 CONNACK; null: it has none for this, and the connection is closed without CONNACK. */
export function returnCode(reasonCode: number): number | null {
  switch (reasonCode) {
    // wishes that this server, though not every one, must turn down
    case ReasonCode.UnspecifiedError:
    case ReasonCode.ImplementationSpecificError:
    case ReasonCode.QuotaExceeded:
    case ReasonCode.ConnectionRateExceeded:
    case ReasonCode.RetainNotSupported:
    case ReasonCode.QosNotSupported:
    case ReasonCode.UseAnotherServer:
    case ReasonCode.ServerMoved:
      return ReturnCode.ServerUnavailable
    default:
      return returnCodeOf(reasonCode)
  }
}

/** Return code of one filter in a 3.1.1 SUBACK, which knows one failure (3.1.1 §3.9.3). */
export function subscriptionReturnCode(reasonCode: number): number {
  return Math.min(reasonCode, ReasonCode.UnspecifiedError)
}
