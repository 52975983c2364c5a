/**
 * Every packet of MQTT 3.1.1 and 5.0 as the codec takes and gives it, a union told apart by `type`. One shape serves both
 * versions: what 3.1.1 lacks is null or 0 there, and is not written to a 3.1.1 peer.
 */
import type { PublishMeta, Subscription, Version, Will } from '../stream.ts'
import type { Properties } from './properties.ts'

export interface ConnectPacket {
  readonly type: 'connect'
  readonly version: Version
  /** may be empty: the server names the client (never with 3.1.1 and `cleanStart` false) */
  readonly clientId: string
  /** 3.1.1: clean session */
  readonly cleanStart: boolean
  /** 0: no keep-alive */
  readonly keepAliveSeconds: number
  readonly will: Will | null
  readonly username: string | null
  /** owned */
  readonly password: Buffer | null
  readonly properties: Properties | null
}

export interface ConnackPacket {
  readonly type: 'connack'
  readonly sessionPresent: boolean
  /** 3.1.1: one of `ReturnCode` */
  readonly reasonCode: number
  readonly properties: Properties | null
}

/** As encoded. The decoder hands over a PUBLISH by `PacketHandler.onPublish`, topic alias resolved. */
export interface PublishPacket extends PublishMeta {
  readonly type: 'publish'
  readonly payload: Buffer
}

export type AckType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'

export interface AckPacket {
  readonly type: AckType
  readonly packetId: number
  /** 3.1.1: always 0 */
  readonly reasonCode: number
  readonly properties: Properties | null
}

/** One entry of a SUBSCRIBE. */
export interface SubscriptionRequest extends Subscription {
  /**
   * The filter keeps the rules of §4.7 and §4.8 (wildcards stand alone, ShareName well-formed, not too many levels).
   * If not, this entry alone is answered 0x8F, 3.1.1: 0x80; the others are served.
   */
  readonly valid: boolean
}

export interface SubscribePacket {
  readonly type: 'subscribe'
  readonly packetId: number
  /** at least one */
  readonly subscriptions: readonly SubscriptionRequest[]
  /** its `subscriptionIds` is what goes on the wire; each subscription repeats it */
  readonly properties: Properties | null
}

export interface UnsubscribePacket {
  readonly type: 'unsubscribe'
  readonly packetId: number
  /** at least one; not checked against §4.7, since no subscription can exist under a filter that breaks it */
  readonly filters: readonly string[]
  readonly properties: Properties | null
}

export interface SubscriptionAckPacket {
  readonly type: 'suback' | 'unsuback'
  readonly packetId: number
  /** one per filter, in order; empty for UNSUBACK of 3.1.1 */
  readonly reasonCodes: readonly number[]
  readonly properties: Properties | null
}

export interface PingPacket {
  readonly type: 'pingreq' | 'pingresp'
}

export interface DisconnectPacket {
  readonly type: 'disconnect'
  /** 3.1.1: always 0 */
  readonly reasonCode: number
  readonly properties: Properties | null
}

/** MQTT 5.0 only. */
export interface AuthPacket {
  readonly type: 'auth'
  readonly reasonCode: number
  readonly properties: Properties | null
}

export type NonPublishPacket =
  | ConnectPacket
  | ConnackPacket
  | AckPacket
  | SubscribePacket
  | UnsubscribePacket
  | SubscriptionAckPacket
  | PingPacket
  | DisconnectPacket
  | AuthPacket

export type Packet = NonPublishPacket | PublishPacket
