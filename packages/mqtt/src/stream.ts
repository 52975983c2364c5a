/**
 * The `mqtt` protocol: what the mqtt server asks of the next hop (mqtt-kafka).
 *
 * A connection opens one `session` stream; the first time it publishes, one `publish` stream per route; the first time it
 * subscribes, one `subscribe` stream per route. The session comes first and outlives the others.
 *
 * - `session`   `accept` = the CONNECT is recorded and this stream owns the client id: CONNACK may go out. Abort from the
 *   acceptor: `taken-over` (another connection has the client id now), `unavailable` (not ready: storage away), `shutdown`.
 *   The server ends the stream with the signal `disconnect` followed by `end` (any end of the connection; the reason says
 *   whether it was a clean one).
 * - `publish`   each write is one PUBLISH of QoS 0 or 1, in the order of the socket. `ack(through)`: stored, for every QoS;
 *   `ack(through, refused)`: message `through` can never be stored (`refused.code`: `too-large`, `not-authorized`, `quota`,
 *   `invalid`), the stream goes on.
 * - `subscribe` the server signals `subscribe` and `unsubscribe`; the acceptor answers each, in order, by `subscribed` and
 *   `unsubscribed`; deliveries arrive as data with the effective QoS, RETAIN flag and identifiers. The server acks QoS 1
 *   deliveries in order (`ack(through)` counts all writes, QoS 0 included). The acceptor drops QoS 0 when there is no room
 *   and holds QoS 1.
 */
import type { Protocol } from '@zilla-ts/engine'
import type { Properties } from './codec/properties.ts'
import type { Delivery } from './message.ts'

export type Qos = 0 | 1 | 2
/** protocol level of CONNECT: 4 is MQTT 3.1.1, 5 is MQTT 5.0 */
export type Version = 4 | 5

export interface Will {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties | null
}

export type MqttOpen =
  | {
      readonly kind: 'session'
      readonly clientId: string
      readonly version: Version
      readonly cleanStart: boolean
      /** seconds; 0xFFFFFFFF never. 3.1.1: clean session → 0, else never */
      readonly expirySeconds: number
      readonly will: Will | null
      readonly username: string | null
      readonly keepAliveSeconds: number
    }
  | { readonly kind: 'publish'; readonly clientId: string; readonly version: Version }
  | { readonly kind: 'subscribe'; readonly clientId: string; readonly version: Version }

/** What the acceptor can do; the server announces it in CONNACK and enforces it. */
export interface Capabilities {
  readonly sessionPresent: boolean
  readonly maximumQos: Qos
  readonly retainAvailable: boolean
  readonly wildcardAvailable: boolean
  readonly subscriptionIdsAvailable: boolean
  readonly sharedAvailable: boolean
  /** the longest session expiry the acceptor keeps, seconds */
  readonly expirySecondsMax: number
  readonly willAvailable: boolean
  /** bytes of a whole MQTT packet that can still be stored */
  readonly maximumPacketSize: number
}

export type MqttAccept =
  | { readonly kind: 'session'; readonly capabilities: Capabilities }
  | { readonly kind: 'publish' }
  | { readonly kind: 'subscribe' }

/** Immutable; one object per PUBLISH received. Strings and buffers in it may be kept, the payload may not. */
export interface PublishMeta {
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  /** publication properties, topic alias removed; null for 3.1.1 and when there is none */
  readonly properties: Properties | null
}

export interface Subscription {
  readonly filter: string
  /** maximum QoS asked for */
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  /** 1..268,435,455, or 0 when the client gave none */
  readonly subscriptionId: number
}

export type MqttSignal =
  | { readonly kind: 'subscribe'; readonly subscriptions: readonly Subscription[] }
  /** one reason code per filter: granted QoS 0, 1, 2 or a failure ≥ 0x80 (SUBACK, MQTT 5.0 §3.9.3) */
  | { readonly kind: 'subscribed'; readonly reasonCodes: readonly number[] }
  | { readonly kind: 'unsubscribe'; readonly filters: readonly string[] }
  /** one reason code per filter (UNSUBACK, MQTT 5.0 §3.11.3) */
  | { readonly kind: 'unsubscribed'; readonly reasonCodes: readonly number[] }
  /** session, server → acceptor, before `end`: `reasonCode` of the DISCONNECT received, or null when there was none */
  | { readonly kind: 'disconnect'; readonly reasonCode: number | null; readonly expirySeconds: number | null }
  /** session, acceptor → server: storage is away or back; new publishes are held meanwhile */
  | { readonly kind: 'available'; readonly available: boolean }

export interface Mqtt extends Protocol {
  open: MqttOpen
  accept: MqttAccept
  /** publish: `PublishMeta`, initiator → acceptor; subscribe: `Delivery`, acceptor → initiator */
  meta: PublishMeta | Delivery
  signal: MqttSignal
}
