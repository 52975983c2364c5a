/**
 * Which Kafka topic a publish goes to and which ones a filter reads: the `routes:` of the document, compiled at start.
 * Asked once per topic name of a stream and once per filter. Never lets a client name a topic it must not write.
 */
import { type Exit, type Route, type Session, StreamError } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { hasWildcard } from '@zilla-ts/mqtt'
import { kafkaNameProblem } from './kafka-name.ts'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { type Params, TopicPattern } from './topic-pattern.ts'

/** A Kafka topic and the way to it. */
export interface Destination {
  readonly exit: Exit<Kafka>
  readonly topic: string
  /** records carry `zilla:expiry` */
  readonly expiry: boolean
  /** the name was made from what a client sent: the number of such topics is limited */
  readonly fromParams: boolean
}

/** A Kafka topic that a filter reads. */
export interface Source {
  readonly destination: Destination
  /** only topics that one of these matches are for the subscriber; null: all */
  readonly patterns: readonly TopicPattern[] | null
}

/** A route that a session may use. */
export type PermittedRoute = CompiledRoute

const TEMPLATE = /\$\{params\.([a-zA-Z_]+)\}/g

/** The placeholders that a `with.messages` uses. */
export function templateParams(messages: string): string[] {
  return [...messages.matchAll(TEMPLATE)].map((found) => found[1]!)
}

interface CompiledRoute {
  readonly route: Route<MqttKafkaConfig, Kafka>
  /** in the document, from 0 */
  readonly at: number
  readonly exit: Exit<Kafka>
  /** null: takes every topic; empty: none */
  readonly publish: readonly TopicPattern[] | null
  readonly subscribe: readonly TopicPattern[] | null
  readonly messages: string
  readonly expiry: boolean
  readonly template: boolean
  permits(session: Session | null): boolean
}

export interface TopicNames {
  readonly sessions: string
  readonly messages: string
  readonly retained: string
}

export class Routes {
  readonly #routes: readonly CompiledRoute[]
  readonly #reserved: ReadonlySet<string>

  constructor(routes: readonly Route<MqttKafkaConfig, Kafka>[], topics: TopicNames) {
    this.#routes = routes.flatMap((route, at) =>
      route.exit === null ? [] : [compile(route, at, route.exit, topics.messages)],
    )
    this.#reserved = new Set([topics.sessions, topics.retained])
  }

  /** The way to the topics that belong to no route. */
  get main(): Exit<Kafka> {
    const route = this.#routes.find((one) => one.publish === null) ?? this.#routes[0]
    if (route === undefined) throw new StreamError('refused', 'no route leads to Kafka')
    return route.exit
  }

  /** The topics for messages that are known without a client, each once. */
  fixed(): Destination[] {
    const found = new Map<string, Destination>()
    for (const route of this.#routes) {
      if (!route.template && !found.has(route.messages)) found.set(route.messages, destination(route, route.messages))
    }
    return [...found.values()]
  }

  get all(): readonly PermittedRoute[] {
    return this.#routes
  }

  /** The routes that this session may use, in order. */
  permitted(session: Session | null): readonly PermittedRoute[] {
    return this.#routes.filter((route) => route.permits(session))
  }

  /** Whether both sessions may use the same routes. */
  alike(a: Session | null, b: Session | null): boolean {
    return this.#routes.every((route) => route.permits(a) === route.permits(b))
  }

  /** Where a publish to `topic` goes: the first route that matches. */
  publish(topic: string, permitted: readonly PermittedRoute[]): Destination | StreamError {
    for (const route of permitted) {
      if (route.publish === null) return this.#named(route, null)
      for (const pattern of route.publish) {
        const params = pattern.match(topic)
        if (params !== null) return this.#named(route, params)
      }
    }
    return new StreamError('not-authorized', `no route takes a publish to '${topic}'`)
  }

  /** What a subscription to `filter` reads: every route that can meet it, each Kafka topic once. Empty: nothing. */
  subscribe(filter: string, permitted: readonly PermittedRoute[]): Source[] {
    const sources = new Map<string, { destination: Destination; patterns: TopicPattern[] | null }>()
    const add = (to: Destination | StreamError, pattern: TopicPattern | null) => {
      if (to instanceof StreamError) return
      const source = sources.get(to.topic)
      if (source === undefined) sources.set(to.topic, { destination: to, patterns: pattern && [pattern] })
      else if (pattern === null) source.patterns = null
      else source.patterns?.push(pattern)
    }
    for (const route of permitted) {
      if (route.subscribe === null) add(this.#named(route, null), null)
      else for (const pattern of route.subscribe) this.#addSource(route, pattern, filter, add)
    }
    return [...sources.values()]
  }

  #addSource(
    route: CompiledRoute,
    pattern: TopicPattern,
    filter: string,
    add: (to: Destination | StreamError, pattern: TopicPattern) => void,
  ): void {
    if (!route.template) {
      if (pattern.meets(filter)) add(this.#named(route, null), pattern)
      return
    }
    // A filter names one Kafka topic only where its own text fixes the placeholders.
    const params = pattern.match(filter)
    if (params !== null && ![...params.values()].some(hasWildcard)) add(this.#named(route, params), pattern)
  }

  #named(route: CompiledRoute, params: Params | null): Destination | StreamError {
    if (!route.template) return destination(route, route.messages)
    const topic = route.messages.replace(TEMPLATE, (_all, name: string) => params?.get(name) ?? '')
    const problem = kafkaNameProblem(topic)
    if (problem !== null) return new StreamError('invalid', problem)
    if (this.#reserved.has(topic)) return new StreamError('invalid', `'${topic}' is not a topic for messages`)
    return destination(route, topic)
  }
}

function destination(route: CompiledRoute, topic: string): Destination {
  return { exit: route.exit, topic, expiry: route.expiry, fromParams: route.template }
}

function compile(route: Route<MqttKafkaConfig, Kafka>, at: number, exit: Exit<Kafka>, messages: string): CompiledRoute {
  const patterns = (of: 'publish' | 'subscribe') =>
    route.when.length === 0
      ? null
      : route.when.flatMap((item) => (item[of] ?? []).map(({ topic }) => new TopicPattern(topic)))
  const name = route.with?.messages ?? messages
  return {
    route,
    at,
    exit,
    publish: patterns('publish'),
    subscribe: patterns('subscribe'),
    messages: name,
    expiry: route.with?.expiry ?? true,
    template: templateParams(name).length > 0,
    permits: (session) => route.permits(session),
  }
}
