/**
 * What the schema of a mqtt-kafka entry cannot say. Runs while the document is checked: no Kafka is asked.
 */
import type { BindingEntry, Finding } from '@zilla-ts/engine'
import { FilterCover, isTopicFilter } from '@zilla-ts/mqtt'
import { identityProblem } from './client-identity.ts'
import { kafkaNameProblem } from './kafka-name.ts'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { templateParams } from './routes.ts'
import { TopicPattern } from './topic-pattern.ts'

type Entry = BindingEntry<MqttKafkaConfig>
type When = NonNullable<MqttKafkaConfig['when']>

export function checkEntry(entry: Entry): Finding[] {
  const findings: Finding[] = []
  const error = (path: readonly (string | number)[], code: string, message: string) => {
    findings.push({ level: 'error', path, code, message })
  }
  const topics = entry.options?.topics
  const { sessions, retained } = topics ?? {}
  const names = Object.entries(topics ?? {})
  names.forEach(([role, name], at) => {
    const first = names.findIndex(([, other]) => other === name)
    if (first < at)
      error(['options', 'topics', role], 'topics-same', `'${name}' is the ${names[first]![0]} topic already`)
  })
  entry.options?.clients?.forEach((pattern, at) => {
    const problem = identityProblem(pattern)
    if (problem !== null) error(['options', 'clients', at], 'identity-pattern', problem)
  })
  // A subscription takes every route that it can meet, a publish the first.
  const cover = new FilterCover({ spans: true })
  entry.routes?.forEach((route, at) => {
    const publish = patternsOf(route.when ?? []).filter(({ path }) => path.includes('publish'))
    const placed = publish.map(({ path, topic }) => ({ path: ['routes', at, ...path], topic, limited: false }))
    findings.push(...cover.check(at, route, placed))
    const patterns = patternsOf(route.when ?? [])
    for (const { path, topic } of patterns) {
      const shape = topic.replace(/\{[a-zA-Z_]+\}/g, 'x')
      if (/[{}]/.test(shape) || !isTopicFilter(shape)) {
        error(['routes', at, ...path], 'topic-pattern', `'${topic}' is no topic pattern`)
      }
    }
    const messages = route.with?.messages
    if (messages === undefined) return
    const path = ['routes', at, 'with', 'messages']
    const params = templateParams(messages)
    const problem = kafkaNameProblem(messages.replace(/\$\{params\.[a-zA-Z_]+\}/g, 'x'))
    if (problem !== null) error(path, 'kafka-name', problem)
    if (messages === sessions || messages === retained) {
      error(path, 'topics-same', `'${messages}' cannot hold messages as well`)
    }
    if (params.length > 0 && patterns.length === 0) {
      error(path, 'params-unknown', `'${messages}' needs a 'when' with patterns that have {${params[0]}}`)
    }
    for (const pattern of patterns) {
      const missing = params.find((name) => !new TopicPattern(pattern.topic).params.includes(name))
      if (missing !== undefined)
        error(path, 'params-unknown', `'${pattern.topic}' has no {${missing}} for '${messages}'`)
    }
  })
  return findings
}

function patternsOf(when: readonly When[]): { path: (string | number)[]; topic: string }[] {
  return when.flatMap((item, at) =>
    (['publish', 'subscribe'] as const).flatMap((of) =>
      (item[of] ?? []).map(({ topic }, index) => ({ path: ['when', at, of, index, 'topic'], topic })),
    ),
  )
}
