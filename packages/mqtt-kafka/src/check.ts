/**
 * What the schema of a mqtt-kafka entry cannot say. Runs while the document is checked: no Kafka is asked.
 */
import type { BindingEntry, Finding } from '@zilla-ts/engine'
import { FilterCover, isTopicFilter } from '@zilla-ts/mqtt'
import { identityProblem } from './client-identity.ts'
import { checkForeign } from './foreign-topics.ts'
import { RESERVED_PREFIX } from './header-names.ts'
import { kafkaNameProblem } from './kafka-name.ts'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { ROUTE_NAMES, ROUTE_NAMES_TEXT } from './record-shape.ts'
import { Template } from './template.ts'
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
  const entries = entry.options?.foreign.topics ?? []
  if (entry.options !== undefined) findings.push(...checkForeign(entry.options, entries, messagesTopics(entry)))
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
    checkWith(route.with, patterns, { sessions, retained }, (place, code, message) =>
      error(['routes', at, 'with', ...place], code, message),
    )
  })
  return findings
}

/** Kafka topics whose records are messages; empty: clients name some. */
function messagesTopics({ options, routes = [], exit }: Entry): ReadonlySet<string> {
  const names = routes.map((route) => route.with?.messages ?? options!.topics.messages)
  if (names.some((name) => new Template(name).names.length > 0)) return new Set()
  return new Set(exit === undefined ? names : [...names, options!.topics.messages])
}

type Tell = (path: readonly (string | number)[], code: string, message: string) => void

/** The templates of a route. Those for records are filled in for publishes only. */
function checkWith(
  made: MqttKafkaConfig['with'],
  patterns: readonly PlacedPattern[],
  { sessions, retained }: Partial<Record<'sessions' | 'retained', string>>,
  tell: Tell,
): void {
  const { messages, key, partition, headers = {} } = made ?? {}
  const publish = patterns.filter(({ path }) => path.includes('publish'))
  const subscribesOnly = patterns.length > 0 && publish.length === 0
  if (messages !== undefined) {
    checkTemplate(messages, patterns, (code, message) => tell(['messages'], code, message))
    const problem = kafkaNameProblem(new Template(messages).sample('x'))
    if (problem !== null) tell(['messages'], 'kafka-name', problem)
    if (messages === sessions || messages === retained) {
      tell(['messages'], 'topics-same', `'${messages}' cannot hold messages as well`)
    }
  }
  const texts: [path: string[], text: string | undefined][] = [
    [['key'], key],
    [['partition'], partition],
    ...Object.entries(headers).map(([name, text]): [string[], string] => [['headers', name], text]),
  ]
  for (const [path, text] of texts) {
    if (text === undefined) continue
    if (subscribesOnly) tell(path, 'template-unused', `the route takes no publishes, so that no record gets '${text}'`)
    else checkTemplate(text, publish, (code, message) => tell(path, code, message))
  }
  for (const name of Object.keys(headers)) {
    if (!name.startsWith(RESERVED_PREFIX)) continue
    tell(['headers', name], 'header-reserved', `'${name}' may be a header of the mapping: no route sets it`)
  }
}

/** Its placeholders, against the patterns that give them values. */
function checkTemplate(
  text: string,
  patterns: readonly PlacedPattern[],
  tell: (code: string, message: string) => void,
): void {
  const template = new Template(text)
  const problem = template.problem(ROUTE_NAMES, ROUTE_NAMES_TEXT)
  if (problem !== null) {
    tell('template-placeholder', problem)
    return
  }
  const params = template.names.flatMap((name) => (name.startsWith('params.') ? [name.slice('params.'.length)] : []))
  if (params.length > 0 && patterns.length === 0) {
    tell('params-unknown', `'${text}' needs a 'when' with patterns that have {${params[0]}}`)
  }
  for (const pattern of patterns) {
    const missing = params.find((name) => !new TopicPattern(pattern.topic).params.includes(name))
    if (missing !== undefined) tell('params-unknown', `'${pattern.topic}' has no {${missing}} for '${text}'`)
  }
}

interface PlacedPattern {
  readonly path: (string | number)[]
  readonly topic: string
}

function patternsOf(when: readonly When[]): PlacedPattern[] {
  return when.flatMap((item, at) =>
    (['publish', 'subscribe'] as const).flatMap((of) =>
      (item[of] ?? []).map(({ topic }, index) => ({ path: ['when', at, of, index, 'topic'], topic })),
    ),
  )
}
