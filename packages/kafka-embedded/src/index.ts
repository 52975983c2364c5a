/**
 * Binding type `kafka-embedded`: the `kafka` protocol on a log in a local directory, for one engine without a cluster.
 */
import { type BindingEntry, type BindingModule, type Finding, type Protocol, toStreamError } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { EmbeddedBinding } from './binding.ts'
import { type KafkaEmbeddedConfig, schema } from './kafka-embedded.config.ts'
import { topicNameFault } from './log.ts'
import { settingsText, TopicConfig, type TopicSettings } from './topic-config.ts'

/** Module of binding type `kafka-embedded`. */
export const kafkaEmbedded = {
  type: 'kafka-embedded',
  kinds: { server: { accepts: 'kafka' } },
  schema,
  check,
  attach: (context) => new EmbeddedBinding(context),
} satisfies BindingModule<KafkaEmbeddedConfig, Kafka, Protocol>

function check(entry: BindingEntry<KafkaEmbeddedConfig>): Finding[] {
  const findings: Finding[] = []
  const defaults = entry.options?.defaults.configs ?? {}
  checkConfigs(defaults, ['options', 'defaults', 'configs'], findings)
  const names = new Set<string>()
  for (const [index, { name, configs }] of (entry.options?.topics ?? []).entries()) {
    const path = ['options', 'topics', index]
    const fault = names.has(name) ? `topic ${name} is listed twice` : topicNameFault(name)
    if (fault !== null) findings.push({ level: 'error', path: [...path, 'name'], code: 'topic-name', message: fault })
    names.add(name)
    if (configs !== undefined) checkConfigs(configs, [...path, 'configs'], findings)
  }
  return findings
}

function checkConfigs(configs: TopicSettings, path: Finding['path'], findings: Finding[]): void {
  for (const [name, value] of Object.entries(settingsText(configs))) {
    try {
      new TopicConfig({ [name]: value })
    } catch (error) {
      const { message } = toStreamError(error, 'invalid')
      findings.push({ level: 'error', path: [...path, name], code: 'topic-setting', message })
    }
  }
}
