/**
 * Which Kafka topic a publish goes to and which ones a filter reads: the `routes:` of the document, compiled at start.
 * Asked once per topic name of a stream and once per filter. Never lets a client name a topic it must not write.
 */
import { type Exit, type Route, type Session, StreamError } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { hasWildcard } from '@zilla-ts/mqtt'
import { kafkaNameProblem } from './kafka-name.ts'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { type LookUp, type RecordForm, RecordShape } from './record-shape.ts'
import { Template } from './template.ts'
import { type Params, TopicPattern } from './topic-pattern.ts'

/** A Kafka topic and the way to it. */
export interface Destination {
  readonly exit: Exit<Kafka>
  readonly topic: string
  /** records carry `zilla:expiry` */
  readonly expiry: boolean
  /** the name was made from what a client sent, or is called: the number of such topics is limited */
  readonly fromParams: boolean
  /** the name says whose messages these are: nothing of it may be in the retained topic, which is one for all */
  readonly personal: boolean
}

/** Where one topic of a client goes, and what its records are like; `form` null: as the mapping has them. */
export interface PublishDestination extends Destination {
  readonly form: RecordForm | null
}

/** A Kafka topic that a filter reads. */
export interface Source {
  readonly destination: Destination
  /** only topics that one of these matches are for the subscriber; null: all */
  readonly patterns: readonly TopicPattern[] | null
}

/** The routes that a client may use, in order, and who it is to their placeholders. */
export interface Permitted {
  readonly routes: readonly CompiledRoute[]
  readonly clientId: string
  /** as a guard has found out; null: nobody knows */
  readonly identity: string | null
}

export interface CompiledRoute {
  readonly route: Route<MqttKafkaConfig, Kafka>
  /** in the document, from 0 */
  readonly at: number
  readonly exit: Exit<Kafka>
  /** null: takes every topic; empty: none */
  readonly publish: readonly TopicPattern[] | null
  readonly subscribe: readonly TopicPattern[] | null
  readonly messages: Template
  readonly shape: RecordShape | null
  readonly expiry: boolean
  permits(session: Session | null): boolean
}

export interface TopicNames {
  readonly sessions: string
  readonly messages: string
  readonly retained: string
}

const PERSONAL = new Set(['identity', 'client-id'])
const PARAMS = 'params.'

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

  /** Some records have keys that are not their MQTT topics. */
  get keyed(): boolean {
    return this.#routes.some(({ shape }) => shape?.keyed === true)
  }

  /** The topics for messages that are known without a client, each once. */
  fixed(): Destination[] {
    const found = new Map<string, Destination>()
    for (const route of this.#routes) {
      const { text, names } = route.messages
      if (names.length === 0 && !found.has(text)) found.set(text, destination(route, text))
    }
    return [...found.values()]
  }

  /** Every route, in order. */
  get all(): readonly CompiledRoute[] {
    return this.#routes
  }

  /** What this client may use. */
  permitted(session: Session | null, clientId: string): Permitted {
    const routes = this.#routes.filter((route) => route.permits(session))
    return { routes, clientId, identity: session?.identity ?? null }
  }

  /** Whether both sessions may use the same routes. */
  alike(a: Session | null, b: Session | null): boolean {
    return this.#routes.every((route) => route.permits(a) === route.permits(b))
  }

  /** Where a publish to `topic` goes: the first route that matches. */
  publish(topic: string, permitted: Permitted): PublishDestination | StreamError {
    for (const route of permitted.routes) {
      if (route.publish === null) return this.#published(route, valuesOf(topic, NO_PARAMS, permitted), permitted)
      for (const pattern of route.publish) {
        const params = pattern.match(topic)
        if (params !== null) return this.#published(route, valuesOf(topic, params, permitted), permitted)
      }
    }
    return new StreamError('not-authorized', `no route takes a publish to '${topic}'`)
  }

  /** What a subscription to `filter` reads: every route that can meet it, each Kafka topic once. Empty: nothing. */
  subscribe(filter: string, permitted: Permitted): Source[] {
    const sources = new Map<string, { destination: Destination; patterns: TopicPattern[] | null }>()
    const add = (to: Destination | StreamError, pattern: TopicPattern | null) => {
      if (to instanceof StreamError) return
      const source = sources.get(to.topic)
      if (source === undefined) sources.set(to.topic, { destination: to, patterns: pattern && [pattern] })
      else {
        // Patterns are not told apart: what is one client's by one route is so by all.
        if (to.personal) source.destination = to
        if (pattern === null) source.patterns = null
        else source.patterns?.push(pattern)
      }
    }
    for (const route of permitted.routes) {
      if (route.subscribe === null) add(this.#read(route, filter, NO_PARAMS, permitted), null)
      else {
        for (const pattern of route.subscribe) {
          const params = readParams(route.messages, pattern, filter)
          if (params !== null) add(this.#read(route, filter, params, permitted), pattern)
        }
      }
    }
    return [...sources.values()]
  }

  #published(route: CompiledRoute, lookUp: LookUp, permitted: Permitted): PublishDestination | StreamError {
    const to = this.#named(route, lookUp, permitted)
    if (to instanceof StreamError || route.shape === null) return to instanceof StreamError ? to : { ...to, form: null }
    const form = route.shape.fill(lookUp)
    return form === null ? NOBODY : { ...to, form }
  }

  #read(route: CompiledRoute, filter: string, params: Params, permitted: Permitted): Destination | StreamError {
    return this.#named(route, valuesOf(hasWildcard(filter) ? null : filter, params, permitted), permitted)
  }

  #named(route: CompiledRoute, lookUp: LookUp, permitted: Permitted): Destination | StreamError {
    const { messages } = route
    if (messages.names.length === 0) return destination(route, messages.text)
    const topic = messages.fill(lookUp)
    if (topic === null) return NOBODY
    const problem = kafkaNameProblem(topic)
    if (problem !== null) return new StreamError('invalid', problem)
    if (this.#reserved.has(topic)) return new StreamError('invalid', `'${topic}' is not a topic for messages`)
    const owners = this.#routes.filter((one) => one.messages.names.length === 0 && one.messages.text === topic)
    if (owners.length > 0 && !owners.some((one) => permitted.routes.includes(one))) {
      return new StreamError('not-authorized', `'${topic}' is the topic of a route that is not permitted`)
    }
    return destination(route, topic)
  }
}

const NOBODY = new StreamError('not-authorized', 'the route needs the identity of the client, which nobody knows')
const NO_PARAMS: Params = new Map()

/** `topic` null: a filter that stands for many. */
function valuesOf(topic: string | null, params: Params, { clientId, identity }: Permitted): LookUp {
  return (name) => {
    switch (name) {
      case 'identity':
        return identity
      case 'client-id':
        return clientId
      case 'topic':
        return topic
      default:
        return params.get(name.slice(PARAMS.length)) ?? null
    }
  }
}

/** Null: the route reads nothing for this filter, which names one Kafka topic only where its own text fixes the placeholders. */
function readParams(messages: Template, pattern: TopicPattern, filter: string): Params | null {
  if (!messages.names.some((name) => name.startsWith(PARAMS))) return pattern.meets(filter) ? NO_PARAMS : null
  const params = pattern.match(filter)
  return params === null || [...params.values()].some(hasWildcard) ? null : params
}

function destination({ exit, expiry, messages }: CompiledRoute, topic: string): Destination {
  const personal = messages.names.some((name) => PERSONAL.has(name))
  return { exit, topic, expiry, fromParams: messages.names.length > 0, personal }
}

function compile(route: Route<MqttKafkaConfig, Kafka>, at: number, exit: Exit<Kafka>, messages: string): CompiledRoute {
  const patterns = (of: 'publish' | 'subscribe') =>
    route.when.length === 0
      ? null
      : route.when.flatMap((item) => (item[of] ?? []).map(({ topic }) => new TopicPattern(topic)))
  const { with: made } = route
  const shaped = made?.key !== undefined || made?.partition !== undefined || made?.headers !== undefined
  return {
    route,
    at,
    exit,
    publish: patterns('publish'),
    subscribe: patterns('subscribe'),
    messages: new Template(made?.messages ?? messages),
    shape: shaped ? new RecordShape(made) : null,
    expiry: made?.expiry ?? true,
    permits: (session) => route.permits(session),
  }
}
