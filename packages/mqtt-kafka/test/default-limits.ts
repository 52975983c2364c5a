/** The defaults that the config pipeline would fill in. */
import { type MqttKafkaLimits, schema } from '../src/mqtt-kafka.config.ts'

type Properties = Record<string, { readonly default?: unknown; readonly properties?: Properties }>

const { options } = schema['properties'] as Properties

export const DEFAULT_LIMITS = Object.fromEntries(
  Object.entries(options!.properties!['limits']!.properties!).map(([name, property]) => [name, property.default]),
) as unknown as MqttKafkaLimits
