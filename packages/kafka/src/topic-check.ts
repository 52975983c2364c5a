/** What the schema of the document cannot say of Kafka topics: their names, and the order of the routes that take them. */
import type { BindingEntry, Finding } from '@zilla-ts/engine'
import type { KafkaConfig } from './kafka.config.ts'

const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/

/** Kafka has no topics of other names; `{x}` of models is any text. */
export function checkNames({ options }: BindingEntry<KafkaConfig>): Finding[] {
  const names: [name: string, path: Finding['path']][] = [
    ...(options?.bootstrap ?? []).map((name, at): [string, Finding['path']] => [name, ['options', 'bootstrap', at]]),
    ...(options?.topics ?? []).map(({ name }, at): [string, Finding['path']] => [
      name.replace(/\{[a-zA-Z_]+\}/g, 'x'),
      ['options', 'topics', at, 'name'],
    ]),
  ]
  const message = 'no name of a Kafka topic: 1 to 249 letters, digits, dots, dashes or underscores'
  return names.flatMap(([name, path]) =>
    TOPIC_NAME.test(name) ? [] : [{ level: 'error', path, code: 'topic-name', message }],
  )
}

/** Topics that an earlier, open route takes: by the same pattern, or by one that is a beginning and `*`. */
export function checkOrder({ routes = [] }: BindingEntry<KafkaConfig>): Finding[] {
  const findings: Finding[] = []
  /** number of the route, from 1, by the text before a `*` at the end */
  const prefixes = new Map<string, number>()
  const whole = new Map<string, number>()
  routes.forEach(({ when = [], guarded = {} }, at) => {
    when.forEach(({ topic = '*' }, item) => {
      const taker = whole.get(topic) ?? takerByPrefix(topic, prefixes)
      if (taker === undefined) return
      const message = `\`${topic}\` is never taken here: route ${taker} takes it before`
      const path = ['routes', at, 'when', item, 'topic']
      findings.push({ level: 'warning', path, code: 'shadowed-topic', message })
    })
    if (Object.keys(guarded).length > 0) return
    for (const { topic = '*' } of when) {
      const star = topic.indexOf('*')
      if (!whole.has(topic)) whole.set(topic, at + 1)
      if (star === topic.length - 1 && !prefixes.has(topic.slice(0, star))) prefixes.set(topic.slice(0, star), at + 1)
    }
  })
  return findings
}

/** No name of a Kafka topic is longer. */
const TOPIC_LENGTH_MAX = 249

function takerByPrefix(topic: string, prefixes: ReadonlyMap<string, number>): number | undefined {
  for (let length = 0; length <= Math.min(topic.length, TOPIC_LENGTH_MAX); length++) {
    const taker = prefixes.get(topic.slice(0, length))
    if (taker !== undefined) return taker
  }
  return undefined
}
