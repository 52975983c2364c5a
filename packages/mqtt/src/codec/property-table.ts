/**
 * The properties of MQTT 5.0 (table 2-4): identifier, field of `Properties`, wire type, and which packets may carry each.
 * The one source for both the property decoder and the property encoder.
 */
import type { Properties } from './properties.ts'

/** Who may carry a property, as bits. WILL: the will properties of CONNECT; ACK: PUBACK … PUBCOMP, SUBACK, UNSUBACK. */
export const Carrier = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 4,
  WILL: 8,
  ACK: 16,
  SUBSCRIBE: 32,
  UNSUBSCRIBE: 64,
  DISCONNECT: 128,
  AUTH: 256,
} as const

const { CONNECT, CONNACK, PUBLISH, WILL, ACK, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, AUTH } = Carrier
const MESSAGE = PUBLISH | WILL
const REPLY = CONNACK | ACK | DISCONNECT | AUTH

/** Fields of `Properties` by their type. */
type FieldOf<T> = {
  [K in keyof Properties]-?: [T, NonNullable<Properties[K]>] extends [NonNullable<Properties[K]>, T] ? K : never
}[keyof Properties]

interface Spec {
  readonly id: number
  readonly carriers: number
  /** the section that defines it */
  readonly clause: string
}
export type PropertySpec = Spec &
  (
    | { readonly type: 'bit'; readonly name: FieldOf<0 | 1> }
    | { readonly type: 'flag'; readonly name: FieldOf<boolean> }
    /** `least` 1: the value 0 is a protocol error */
    | { readonly type: 'u16' | 'u32'; readonly name: FieldOf<number>; readonly least: 0 | 1 }
    | { readonly type: 'text'; readonly name: FieldOf<string> }
    | { readonly type: 'binary'; readonly name: FieldOf<Buffer> }
    | { readonly type: 'alias'; readonly name: 'topicAlias' }
    | { readonly type: 'ids'; readonly name: 'subscriptionIds' }
    | { readonly type: 'pairs'; readonly name: 'userProperties' }
  )

/** In order of identifier. */
export const PROPERTIES: readonly PropertySpec[] = [
  { id: 0x01, name: 'payloadFormat', type: 'bit', clause: '§3.3.2.3.2', carriers: MESSAGE },
  { id: 0x02, name: 'messageExpirySeconds', type: 'u32', least: 0, clause: '§3.3.2.3.3', carriers: MESSAGE },
  { id: 0x03, name: 'contentType', type: 'text', clause: '§3.3.2.3.9', carriers: MESSAGE },
  { id: 0x08, name: 'responseTopic', type: 'text', clause: '§3.3.2.3.5', carriers: MESSAGE },
  { id: 0x09, name: 'correlationData', type: 'binary', clause: '§3.3.2.3.6', carriers: MESSAGE },
  { id: 0x0b, name: 'subscriptionIds', type: 'ids', clause: '§3.8.2.1.2', carriers: PUBLISH | SUBSCRIBE },
  {
    id: 0x11,
    name: 'sessionExpirySeconds',
    type: 'u32',
    least: 0,
    clause: '§3.1.2.11.2',
    carriers: CONNECT | CONNACK | DISCONNECT,
  },
  { id: 0x12, name: 'assignedClientId', type: 'text', clause: '§3.2.2.3.7', carriers: CONNACK },
  { id: 0x13, name: 'serverKeepAliveSeconds', type: 'u16', least: 0, clause: '§3.2.2.3.14', carriers: CONNACK },
  { id: 0x15, name: 'authenticationMethod', type: 'text', clause: '§3.1.2.11.9', carriers: CONNECT | CONNACK | AUTH },
  { id: 0x16, name: 'authenticationData', type: 'binary', clause: '§3.1.2.11.10', carriers: CONNECT | CONNACK | AUTH },
  { id: 0x17, name: 'requestProblemInformation', type: 'flag', clause: '§3.1.2.11.7', carriers: CONNECT },
  { id: 0x18, name: 'willDelaySeconds', type: 'u32', least: 0, clause: '§3.1.3.2.2', carriers: WILL },
  { id: 0x19, name: 'requestResponseInformation', type: 'flag', clause: '§3.1.2.11.6', carriers: CONNECT },
  { id: 0x1a, name: 'responseInformation', type: 'text', clause: '§3.2.2.3.15', carriers: CONNACK },
  { id: 0x1c, name: 'serverReference', type: 'text', clause: '§3.2.2.3.16', carriers: CONNACK | DISCONNECT },
  { id: 0x1f, name: 'reasonString', type: 'text', clause: '§3.2.2.3.9', carriers: REPLY },
  { id: 0x21, name: 'receiveMaximum', type: 'u16', least: 1, clause: '§3.1.2.11.3', carriers: CONNECT | CONNACK },
  { id: 0x22, name: 'topicAliasMaximum', type: 'u16', least: 0, clause: '§3.1.2.11.5', carriers: CONNECT | CONNACK },
  { id: 0x23, name: 'topicAlias', type: 'alias', clause: '§3.3.2.3.4', carriers: PUBLISH },
  { id: 0x24, name: 'maximumQos', type: 'bit', clause: '§3.2.2.3.4', carriers: CONNACK },
  { id: 0x25, name: 'retainAvailable', type: 'flag', clause: '§3.2.2.3.5', carriers: CONNACK },
  {
    id: 0x26,
    name: 'userProperties',
    type: 'pairs',
    clause: '§3.1.2.11.8',
    carriers: CONNECT | MESSAGE | SUBSCRIBE | UNSUBSCRIBE | REPLY,
  },
  { id: 0x27, name: 'maximumPacketSize', type: 'u32', least: 1, clause: '§3.1.2.11.4', carriers: CONNECT | CONNACK },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', type: 'flag', clause: '§3.2.2.3.11', carriers: CONNACK },
  { id: 0x29, name: 'subscriptionIdsAvailable', type: 'flag', clause: '§3.2.2.3.12', carriers: CONNACK },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', type: 'flag', clause: '§3.2.2.3.13', carriers: CONNACK },
]
