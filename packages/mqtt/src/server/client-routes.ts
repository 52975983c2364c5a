/**
 * Which exit takes a session, a publish and a subscription. The table is compiled once per binding; what it says for one
 * client (its identity and client id do not change) is looked up at CONNECT, so that a PUBLISH only compares topics.
 */
import type { Exit, Route, Session } from '@zilla-ts/engine'
import type { MqttConfig } from '../mqtt.config.ts'
import type { Mqtt } from '../stream.ts'
import { parseShared } from '../topic.ts'
import { ClientIdPattern } from './client-id-pattern.ts'
import { TopicPattern } from './topic-pattern.ts'

/** One route as one client may use it. */
export class ClientRoute {
  readonly exit: Exit<Mqtt>
  /** null: everything */
  readonly #publish: readonly TopicPattern[] | null
  readonly #subscribe: readonly TopicPattern[] | null

  constructor(exit: Exit<Mqtt>, publish: readonly TopicPattern[] | null, subscribe: readonly TopicPattern[] | null) {
    this.exit = exit
    this.#publish = publish
    this.#subscribe = subscribe
  }

  admitsPublish(topic: string): boolean {
    return this.#publish === null || contains(this.#publish, topic)
  }

  admitsSubscribe(filter: string): boolean {
    return this.#subscribe === null || contains(this.#subscribe, parseShared(filter)?.filter ?? filter)
  }
}

function contains(patterns: readonly TopicPattern[], filter: string): boolean {
  for (const pattern of patterns) {
    if (pattern.contains(filter)) return true
  }
  return false
}

/** All routes of one client, in the order of the document. The first one takes the session. */
export type ClientRoutes = readonly ClientRoute[]

/** Place of the route that takes a publish; -1: none does. */
export function publishRoute(routes: ClientRoutes, topic: string): number {
  for (let at = 0; at < routes.length; at++) {
    if (routes[at]!.admitsPublish(topic)) return at
  }
  return -1
}

interface Item {
  /** null: every client */
  readonly clientIds: readonly ClientIdPattern[] | null
  readonly publish: readonly TopicPattern[]
  readonly subscribe: readonly TopicPattern[]
}

interface CompiledRoute {
  readonly route: Route<MqttConfig, Mqtt>
  readonly exit: Exit<Mqtt>
  readonly items: readonly Item[]
}

export class RouteTable {
  readonly #routes: readonly CompiledRoute[]
  /** what an unconditional, open table says to everybody: no allocation per connection */
  readonly #shared: ClientRoutes | null

  constructor(routes: readonly Route<MqttConfig, Mqtt>[]) {
    this.#routes = routes.flatMap((route) =>
      route.exit === null ? [] : [{ route, exit: route.exit, items: route.when.map(compileItem) }],
    )
    const plain = this.#routes.every(
      ({ route, items }) => route.permits(null) && items.every((item) => item.clientIds === null),
    )
    this.#shared = plain ? this.#routes.map((route) => clientRoute(route, route.items)) : null
  }

  /** Empty: no route takes this client's session. */
  forClient(clientId: string, session: Session | null): ClientRoutes {
    if (this.#shared !== null) return this.#shared
    const found: ClientRoute[] = []
    for (const compiled of this.#routes) {
      if (!compiled.route.permits(session)) continue
      const items = compiled.items.filter(
        ({ clientIds }) => clientIds === null || clientIds.some((pattern) => pattern.matches(clientId)),
      )
      if (items.length > 0 || compiled.items.length === 0) found.push(clientRoute(compiled, items))
    }
    return found
  }
}

function compileItem(when: NonNullable<MqttConfig['when']>): Item {
  return {
    clientIds: when.session?.map((item) => new ClientIdPattern(item['client-id'])) ?? null,
    publish: when.publish?.map(({ topic }) => new TopicPattern(topic)) ?? [],
    subscribe: when.subscribe?.map(({ topic }) => new TopicPattern(topic)) ?? [],
  }
}

/** A route without `when` admits everything; one with `when` only what its items for this client name. */
function clientRoute(compiled: CompiledRoute, items: readonly Item[]): ClientRoute {
  if (compiled.items.length === 0) return new ClientRoute(compiled.exit, null, null)
  return new ClientRoute(
    compiled.exit,
    items.flatMap((item) => item.publish),
    items.flatMap((item) => item.subscribe),
  )
}
