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
  /** number of the exit in the table: several routes may share one */
  readonly exitAt: number
  /** null: everything */
  readonly #publish: readonly TopicPattern[] | null
  readonly #subscribe: readonly TopicPattern[] | null

  constructor(
    exit: Exit<Mqtt>,
    exitAt: number,
    publish: readonly TopicPattern[] | null,
    subscribe: readonly TopicPattern[] | null,
  ) {
    this.exit = exit
    this.exitAt = exitAt
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

/** The route that takes a publish; null: none does. */
export function publishRoute(routes: ClientRoutes, topic: string): ClientRoute | null {
  for (const route of routes) {
    if (route.admitsPublish(topic)) return route
  }
  return null
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
  readonly exitAt: number
  readonly items: readonly Item[]
}

export class RouteTable {
  /** how many different exits there are */
  readonly exits: number
  readonly #routes: readonly CompiledRoute[]
  /** what an unconditional, open table says to everybody: no allocation per connection */
  readonly #shared: ClientRoutes | null

  constructor(routes: readonly Route<MqttConfig, Mqtt>[]) {
    const names: string[] = []
    this.#routes = routes.flatMap((route) => {
      if (route.exit === null) return []
      const { exit } = route
      if (!names.includes(exit.name)) names.push(exit.name)
      return [{ route, exit, exitAt: names.indexOf(exit.name), items: route.when.map(compileItem) }]
    })
    this.exits = names.length
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
  const { exit, exitAt } = compiled
  if (compiled.items.length === 0) return new ClientRoute(exit, exitAt, null, null)
  return new ClientRoute(
    exit,
    exitAt,
    items.flatMap((item) => item.publish),
    items.flatMap((item) => item.subscribe),
  )
}
