/** What the document offers of MQTT, within what the next hop can do. Called once for each session. */
import type { MqttFeatures } from '../mqtt.config.ts'
import type { Capabilities, Qos } from '../stream.ts'

const QOS: Readonly<Record<MqttFeatures['qosMax'], Qos>> = { at_most_once: 0, at_least_once: 1, exactly_once: 2 }

/** The capabilities that CONNACK announces and the connection enforces (§3.2.2.3.4 to §3.2.2.3.13). */
export function offeredOf(features: MqttFeatures, capabilities: Capabilities): Capabilities {
  return {
    ...capabilities,
    maximumQos: Math.min(capabilities.maximumQos, QOS[features.qosMax]) as Qos,
    retainAvailable: capabilities.retainAvailable && features.retain,
    wildcardAvailable: capabilities.wildcardAvailable && features.wildcardSubscriptions,
    subscriptionIdsAvailable: capabilities.subscriptionIdsAvailable && features.subscriptionIds,
    sharedAvailable: capabilities.sharedAvailable && features.sharedSubscriptions,
    willAvailable: capabilities.willAvailable && features.wills,
  }
}
