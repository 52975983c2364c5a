/**
 * What the server asks of a CONNECT and answers in CONNACK, as functions of the packet, the limits and what the next hop
 * can do. Called by the connection; holds no state.
 */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { PACKET_SIZE_MAX } from '../codec/decoder.ts'
import type { ConnackPacket, ConnectPacket } from '../codec/packets.ts'
import type { Properties } from '../codec/properties.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { MqttConfig, MqttLimits } from '../mqtt.config.ts'
import type { Capabilities, MqttOpen, Version } from '../stream.ts'
import { withinLevels } from '../topic.ts'
import { type ClientRoutes, publishRoute } from './client-routes.ts'
import { returnCode } from './refusal.ts'
import type { TopicModels } from './topic-models.ts'

const NEVER = 0xffff_ffff
/** Longest client identifier, in bytes: it becomes part of record keys. The standard asks for at least 23. */
const CLIENT_ID_BYTES_MAX = 256
const RECEIVE_MAXIMUM_DEFAULT = 65_535
const KEEP_ALIVE_SECONDS_MAX = 65_535
/** A generated client identifier keeps to the characters that every server takes [MQTT-3.1.3-5]. */
const GENERATED_BYTES = 11

type Options = MqttConfig['options']

export const NO_CAPABILITIES: Capabilities = {
  sessionPresent: false,
  maximumQos: 0,
  retainAvailable: false,
  wildcardAvailable: false,
  subscriptionIdsAvailable: false,
  sharedAvailable: false,
  expirySecondsMax: 0,
  willAvailable: false,
  maximumPacketSize: 0,
}

/** Why a connection is refused; `text` becomes the reason string and goes to the log. */
export interface Refusal {
  readonly reasonCode: number
  readonly text: string
  /** where the client is to go instead */
  readonly serverReference?: string
}

/** The client is to use another server, for now or for good (§4.11). */
export function redirection(serverReference: string, permanent: boolean): Refusal {
  return permanent
    ? { reasonCode: ReasonCode.ServerMoved, text: 'the server has moved', serverReference }
    : { reasonCode: ReasonCode.UseAnotherServer, text: 'another server is to be used', serverReference }
}

/** What can be said before anybody is asked; null: nothing against it. `authMethod`: that clients may name; null: none. */
export function refusalOf(
  packet: ConnectPacket,
  { versions, limits, redirect }: Options,
  topics: TopicModels | null,
  authMethod: string | null,
): Refusal | null {
  const { version, clientId, properties, will } = packet
  if (!versions.some((name) => name === (version === 5 ? 'v5' : 'v3.1.1'))) {
    return { reasonCode: ReasonCode.UnsupportedProtocolVersion, text: `protocol level ${version} is not served here` }
  }
  if (redirect !== undefined) return redirection(redirect.server, redirect.permanent)
  if (Buffer.byteLength(clientId) > CLIENT_ID_BYTES_MAX) {
    const text = `the client identifier is longer than ${CLIENT_ID_BYTES_MAX} bytes`
    return { reasonCode: ReasonCode.ClientIdentifierNotValid, text }
  }
  const method = properties?.authenticationMethod
  if (method !== undefined && method !== authMethod) {
    // [MQTT-4.12.0-1]
    const text = authMethod === null ? 'no authentication method is supported' : `the method here is ${authMethod}`
    return { reasonCode: ReasonCode.BadAuthenticationMethod, text }
  }
  if (will !== null && Buffer.byteLength(will.topic) > limits.topicBytes) {
    return { reasonCode: ReasonCode.TopicNameInvalid, text: `the will topic has more than ${limits.topicBytes} bytes` }
  }
  if (will !== null && !withinLevels(will.topic, limits.topicLevels)) {
    return { reasonCode: ReasonCode.TopicNameInvalid, text: 'the will topic has too many levels' }
  }
  if (will !== null && will.properties?.payloadFormat === 1 && !isUtf8(will.payload)) {
    return { reasonCode: ReasonCode.PayloadFormatInvalid, text: 'the will is not UTF-8 as its format says' }
  }
  const unfit = will === null ? null : (topics?.check(will, will.payload) ?? null)
  if (unfit !== null) return { reasonCode: ReasonCode.PayloadFormatInvalid, text: `the will: ${unfit}` }
  return null
}

/**
 * A will is a publish: the first route that takes its topic must lead to the exit that has the session, for that one will
 * publish it. Null: it does, or there is no will.
 */
export function unpermittedWillOf(topic: string | null, routes: ClientRoutes): Refusal | null {
  const route = topic === null ? routes[0] : publishRoute(routes, topic)
  if (route?.exitAt === routes[0]?.exitAt) return null
  const text = route === null ? 'no route takes the will' : 'the will belongs to another exit than the session'
  return { reasonCode: ReasonCode.NotAuthorized, text }
}

/**
 * Why a client with fresh credentials may not stay connected as it is; null: it may. The exit that has the session cannot be
 * changed. A will that is not permitted any more cannot be kept back from whoever publishes it when this process dies, so
 * the connection ends, without its will.
 */
export function endOfRights(
  before: ClientRoutes,
  after: ClientRoutes,
  willTopic: string | null,
): { readonly text: string; readonly withoutWill: boolean } | null {
  const stays = after[0] !== undefined && after[0].exitAt === before[0]?.exitAt
  const unpermitted = unpermittedWillOf(willTopic, after)
  if (stays && unpermitted === null) return null
  const text = stays ? (unpermitted?.text ?? '') : 'no route takes the session any more'
  return { text, withoutWill: willTopic !== null && publishRoute(after, willTopic) === null }
}

/** What only the next hop could say: which wills it keeps. */
export function willRefusalOf(packet: ConnectPacket, capabilities: Capabilities): Refusal | null {
  const { will } = packet
  if (will === null) return null
  if (!capabilities.willAvailable) {
    return { reasonCode: ReasonCode.ImplementationSpecificError, text: 'wills are not supported' }
  }
  // [MQTT-3.2.2-12]
  if (will.qos > capabilities.maximumQos) {
    return { reasonCode: ReasonCode.QosNotSupported, text: `the QoS of the will is above ${capabilities.maximumQos}` }
  }
  // [MQTT-3.2.2-13]
  if (will.retain && !capabilities.retainAvailable) {
    return { reasonCode: ReasonCode.RetainNotSupported, text: 'retained wills are not supported' }
  }
  return null
}

/** The CONNACK that tells a refusal; null: the version has no word for it. `explained`: the client wants the reason string. */
export function refusingConnack(refusal: Refusal, version: Version, explained: boolean): ConnackPacket | null {
  const { reasonCode, text, serverReference } = refusal
  const code = version === 5 ? reasonCode : returnCode(reasonCode)
  if (code === null) return null
  const properties: Properties = {}
  if (explained) properties.reasonString = text
  if (serverReference !== undefined) properties.serverReference = serverReference
  return { type: 'connack', sessionPresent: false, reasonCode: code, properties }
}

export function generateClientId(): string {
  return randomBytes(GENERATED_BYTES).toString('hex')
}

/** Seconds of session expiry asked for. 3.1.1: a clean session ends with its connection, another one never. */
export function expiryOf(packet: ConnectPacket): number {
  if (packet.version === 5) return packet.properties?.sessionExpirySeconds ?? 0
  return packet.cleanStart ? 0 : NEVER
}

/** `named`: the user name is one, and not what the credentials are in. */
export function sessionOpen(packet: ConnectPacket, clientId: string, limits: MqttLimits, named: boolean): MqttOpen {
  return {
    kind: 'session',
    clientId,
    version: packet.version,
    cleanStart: packet.cleanStart,
    expirySeconds: expiryOf(packet),
    will: packet.will,
    username: named ? packet.username : null,
    keepAliveSeconds: keepAliveOf(packet, limits),
    receiveMaximum: receiveMaximumOf(packet, limits),
  }
}

/** The keep-alive in force. A 3.1.1 client cannot be told of another one than its own. None at all is longer than any. */
export function keepAliveOf(packet: ConnectPacket, limits: MqttLimits): number {
  const asked = packet.keepAliveSeconds
  const { keepAliveSecondsMin: least, keepAliveSeconds: most } = limits
  if (packet.version === 4) return asked
  if (asked === 0) return most ?? 0
  return Math.min(Math.max(asked, least ?? asked), most ?? KEEP_ALIVE_SECONDS_MAX)
}

/** Bytes of the largest packet taken from clients. */
export function maximumPacketSizeOf(limits: MqttLimits, capabilities: Capabilities): number {
  return Math.min(limits.packetBytes, capabilities.maximumPacketSize)
}

/** Properties of the CONNACK that accepts, each only where it differs from what the client assumes without it. */
export function connackProperties(
  packet: ConnectPacket,
  clientId: string,
  { limits, responseInformation }: Options,
  capabilities: Capabilities,
): Properties {
  const properties: Properties = {}
  if (expiryOf(packet) > capabilities.expirySecondsMax) {
    properties.sessionExpirySeconds = capabilities.expirySecondsMax
  }
  if (clientId !== packet.clientId) properties.assignedClientId = clientId
  if (responseInformation !== undefined && packet.properties?.requestResponseInformation === true) {
    properties.responseInformation = responseInformation
  }
  const keepAlive = keepAliveOf(packet, limits)
  if (keepAlive !== packet.keepAliveSeconds) properties.serverKeepAliveSeconds = keepAlive
  if (limits.receiveMaximum < RECEIVE_MAXIMUM_DEFAULT) properties.receiveMaximum = limits.receiveMaximum
  if (limits.topicAliasMaximum > 0) properties.topicAliasMaximum = limits.topicAliasMaximum
  if (capabilities.maximumQos < 2) properties.maximumQos = capabilities.maximumQos === 1 ? 1 : 0
  if (!capabilities.retainAvailable) properties.retainAvailable = false
  const maximumPacketSize = maximumPacketSizeOf(limits, capabilities)
  if (maximumPacketSize < PACKET_SIZE_MAX) properties.maximumPacketSize = maximumPacketSize
  if (!capabilities.wildcardAvailable) properties.wildcardSubscriptionAvailable = false
  if (!capabilities.subscriptionIdsAvailable) properties.subscriptionIdsAvailable = false
  if (!capabilities.sharedAvailable) properties.sharedSubscriptionAvailable = false
  return properties
}

/** QoS 1 and 2 that the client is sent unanswered: what it takes, of which 3.1.1 says nothing, and no more than we keep. */
export function receiveMaximumOf(packet: ConnectPacket, limits: MqttLimits): number {
  return Math.min(packet.properties?.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT, limits.inFlight)
}
