/**
 * MQTT 5.0 properties (§2.2.2) as one flat record; which of them a packet may carry is the codec's business.
 * Absent means "not in the packet"; nothing is defaulted here.
 */
export interface Properties {
  /** 0x01, 0 unspecified bytes, 1 UTF-8 */
  payloadFormat?: 0 | 1
  /** 0x02 */
  messageExpirySeconds?: number
  /** 0x03 */
  contentType?: string
  /** 0x08 */
  responseTopic?: string
  /** 0x09; owned, not a slice of a network buffer */
  correlationData?: Buffer
  /** 0x0B, in order; several only on a PUBLISH to a client */
  subscriptionIds?: readonly number[]
  /** 0x11 */
  sessionExpirySeconds?: number
  /** 0x12 */
  assignedClientId?: string
  /** 0x13 */
  serverKeepAliveSeconds?: number
  /** 0x15 */
  authenticationMethod?: string
  /** 0x16 */
  authenticationData?: Buffer
  /** 0x17 */
  requestProblemInformation?: boolean
  /** 0x18 */
  willDelaySeconds?: number
  /** 0x19 */
  requestResponseInformation?: boolean
  /** 0x1A */
  responseInformation?: string
  /** 0x1C */
  serverReference?: string
  /** 0x1F */
  reasonString?: string
  /** 0x21 */
  receiveMaximum?: number
  /** 0x22 */
  topicAliasMaximum?: number
  /** 0x23 */
  topicAlias?: number
  /** 0x24 */
  maximumQos?: 0 | 1
  /** 0x25 */
  retainAvailable?: boolean
  /** 0x26, repeats and order kept */
  userProperties?: readonly (readonly [name: string, value: string])[]
  /** 0x27 */
  maximumPacketSize?: number
  /** 0x28 */
  wildcardSubscriptionAvailable?: boolean
  /** 0x29 */
  subscriptionIdsAvailable?: boolean
  /** 0x2A */
  sharedSubscriptionAvailable?: boolean
}
