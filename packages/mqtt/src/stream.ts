/**
 * The `mqtt` protocol: what the mqtt server asks of the next hop (mqtt-kafka, or mqtt client).
 *
 * A connection opens one `session` stream; the first time it publishes, one `publish` stream per exit; the first time it
 * subscribes, or when its session has subscriptions already, one `subscribe` stream per exit. The session comes first and
 * outlives the others. The acceptor owns the session: packet identifiers of deliveries, what is in flight, and everything
 * that survives the connection are its; the server keeps what belongs to the socket.
 *
 * - `session`   `accept` = this stream owns the client id and its state is loaded: CONNACK may go out. Abort from the
 *   acceptor: `taken-over` (another connection has the client id now), `unavailable` (not ready: storage away), `shutdown`.
 *   The server ends the stream with the signal `disconnect` followed by `end` (any end of the connection; the reason says
 *   whether it was a clean one). `redirect` from the acceptor: the client is to use another server (MQTT 5.0 §4.13).
 * - `publish`   each write is one PUBLISH, in the order of the socket; sent again by the client or not: the acceptor knows
 *   the packet identifiers of QoS 2 that it holds. `ack(through)`: the acceptor is responsible now, for every QoS: PUBACK
 *   or PUBREC may go out. `ack(through, refused)`: message `through` can never be stored (`refused.code`: `too-large`,
 *   `not-authorized`, `quota`, `invalid`), the stream goes on. The signal `pubrel` is answered by `pubcomp`, in order.
 * - `subscribe` the server signals `subscribe` and `unsubscribe`; the acceptor answers each, in order, by `subscribed` and
 *   `unsubscribed`; deliveries arrive as data. QoS 1 and 2 come with their packet identifier, never more than
 *   `receiveMaximum` that are not acknowledged. The server tells each PUBACK, PUBREC and PUBCOMP of the client by
 *   `acknowledge`, and sends a PUBREL when it is told `pubrel`. A delivery that cannot be sent (expired, larger than the
 *   client takes) is acknowledged by the server itself: PUBACK, or PUBREC with a failure, which ends QoS 2 as well. The
 *   acceptor drops QoS 0 when there is no room.
 */
import type { Protocol, Session } from '@zilla-ts/engine'
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
  /** `willDelaySeconds` included */
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
      /** QoS 1 and 2 that the client takes unacknowledged */
      readonly receiveMaximum: number
    }
  | { readonly kind: 'publish'; readonly clientId: string; readonly version: Version }
  | {
      readonly kind: 'subscribe'
      readonly clientId: string
      readonly version: Version
      /** filters of the session's `subscriptions` that go on with this stream; those in none end */
      readonly resume: readonly string[]
    }

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
  | {
      readonly kind: 'session'
      readonly capabilities: Capabilities
      /** what the session was subscribed to before this connection; the server opens subscribe streams for them */
      readonly subscriptions: readonly Subscription[]
    }
  | { readonly kind: 'publish' }
  | { readonly kind: 'subscribe' }

/** Immutable; one object per PUBLISH received. Strings and buffers in it may be kept, the payload may not. */
export interface PublishMeta {
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  /** publication properties, topic alias removed; null for 3.1.1 and when there is none */
  readonly properties: Properties | null
  /** 0 with QoS 0 */
  readonly packetId: number
  /** the client says that it may have sent this before */
  readonly dup: boolean
}

/** One delivery to one client. Immutable; those of QoS 0 may be shared. */
export interface Outgoing {
  readonly delivery: Delivery
  /** 0 with QoS 0 */
  readonly packetId: number
  /** sent on an earlier connection already [MQTT-3.3.1-1] */
  readonly dup: boolean
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
  | {
      readonly kind: 'subscribe'
      readonly subscriptions: readonly Subscription[]
      /** of the SUBSCRIBE; absent: none */
      readonly userProperties?: readonly (readonly [name: string, value: string])[]
    }
  /** one reason code per filter: granted QoS 0, 1, 2 or a failure ≥ 0x80 (SUBACK, MQTT 5.0 §3.9.3) */
  | {
      readonly kind: 'subscribed'
      readonly reasonCodes: readonly number[]
      /** why, for people who look at the client; absent: the codes say it */
      readonly reason?: string
    }
  | { readonly kind: 'unsubscribe'; readonly filters: readonly string[] }
  /** one reason code per filter (UNSUBACK, MQTT 5.0 §3.11.3) */
  | { readonly kind: 'unsubscribed'; readonly reasonCodes: readonly number[] }
  /** subscribe, server → acceptor: the client's answer to a delivery */
  | {
      readonly kind: 'acknowledge'
      readonly type: 'puback' | 'pubrec' | 'pubcomp'
      readonly packetId: number
      readonly reasonCode: number
    }
  /**
   * publish, server → acceptor: the client's PUBREL. subscribe, acceptor → server: send a PUBREL; `reasonCode` is 0x92
   * when the PUBREC before it was for nothing that is in flight.
   */
  | { readonly kind: 'pubrel'; readonly packetId: number; readonly reasonCode: number }
  /** publish, acceptor → server: send a PUBCOMP; 0x92: the packet identifier is not known */
  | { readonly kind: 'pubcomp'; readonly packetId: number; readonly reasonCode: number }
  /** session, server → acceptor, before `end`: `reasonCode` of the DISCONNECT received, or null when there was none */
  | { readonly kind: 'disconnect'; readonly reasonCode: number | null; readonly expirySeconds: number | null }
  /**
   * session, server → acceptor: the client has shown fresh credentials of the same identity, so that this is now what the
   * sessions of its streams are. An acceptor that would have served it otherwise aborts with `not-authorized`.
   */
  | { readonly kind: 'reauthorized'; readonly session: Session }
  /** session, acceptor → server, before it aborts: where the client is to go (Server Reference, §4.11) */
  | { readonly kind: 'redirect'; readonly reference: string; readonly permanent: boolean }
  /** session, acceptor → server: storage is away or back; new publishes are held meanwhile */
  | { readonly kind: 'available'; readonly available: boolean }

export interface Mqtt extends Protocol {
  open: MqttOpen
  accept: MqttAccept
  /** publish: `PublishMeta`, initiator → acceptor; subscribe: `Outgoing`, acceptor → initiator */
  meta: PublishMeta | Outgoing
  signal: MqttSignal
}
