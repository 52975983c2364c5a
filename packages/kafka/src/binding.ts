/** The module of `type: kafka`: which kinds there are and what runs for each. */
import type { Binding, BindingContext, BindingEntry, BindingModule, Finding, Protocol } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { CacheClient } from './cache/cache-client.ts'
import { CacheServer } from './cache/cache-server.ts'
import { KafkaClient } from './client/client.ts'
import { type KafkaConfig, schema } from './kafka.config.ts'
import type { Kafka } from './stream.ts'

/** What the exit of a kind speaks is checked by name before `attach` runs. */
type Context<Out extends Protocol> = BindingContext<KafkaConfig, Out>

function check(entry: BindingEntry<KafkaConfig>, exits: readonly BindingEntry[] | null): Finding[] {
  return [...checkServers(entry, exits), ...checkNames(entry), ...checkOrder(entry)]
}

/** Brokers are found by an address of the client, or of the tcp client it exits to. What other exits know cannot be seen. */
function checkServers(entry: BindingEntry<KafkaConfig>, exits: readonly BindingEntry[] | null): Finding[] {
  if (entry.kind !== 'client' || entry.options?.servers !== undefined || exits === null) return []
  const unknown = exits.length > 0 && exits.every((exit) => exit.type === 'tcp' && !hasAddress(exit.options))
  if (!unknown) return []
  const message = 'no address of a Kafka broker: name one in `options.servers`, such as `kafka.example.com:9092`'
  return [{ level: 'error', path: [], code: 'servers-missing', message }]
}

const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/

/** Kafka has no topics of other names; `{x}` of models is any text. */
function checkNames({ options }: BindingEntry<KafkaConfig>): Finding[] {
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
function checkOrder({ routes = [] }: BindingEntry<KafkaConfig>): Finding[] {
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

function hasAddress(options: unknown): boolean {
  const { host, port } = (options ?? {}) as { readonly host?: unknown; readonly port?: unknown }
  return host !== undefined && host !== '*' && port !== undefined
}

export const kafka = {
  type: 'kafka',
  kinds: {
    cache_client: { accepts: 'kafka', produces: 'kafka' },
    cache_server: { accepts: 'kafka', produces: 'kafka' },
    client: { accepts: 'kafka', produces: 'bytes' },
  },
  schema,
  check,
  attach(context: Context<Kafka | Bytes>): Binding<Kafka> {
    if (context.kind === 'cache_client') return new CacheClient(context as Context<Kafka>)
    if (context.kind === 'cache_server') return new CacheServer(context as Context<Kafka>)
    return new KafkaClient(context as Context<Bytes>)
  },
} satisfies BindingModule<KafkaConfig, Kafka, Kafka | Bytes>
