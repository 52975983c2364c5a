/**
 * Which exit takes a session, a publish and a subscription. The table is compiled once per binding; what it says for one
 * client (its identity and client id do not change) is looked up at CONNECT, so that a PUBLISH only compares topics.
 */
import type { Exit, Route, Session } from '@zilla-ts/engine'
import type { MqttConfig } from '../mqtt.config.ts'
import type { Mqtt } from '../stream.ts'
import { parseShared } from '../topic.ts'
import { ClientIdPattern } from './client-id-pattern.ts'
import { DeliveryRights } from './delivery-rights.ts'
import { Params } from './param.ts'
import { TopicPattern } from './topic-pattern.ts'

/** One route as one client may use it. */
export class ClientRoute {
  /** in the document, from 0 */
  readonly at: number
  readonly exit: Exit<Mqtt>
  /** number of the exit in the table: several routes may share one */
  readonly exitAt: number
  /** null: everything */
  readonly #publish: readonly TopicPattern[] | null
  readonly #subscribe: readonly TopicPattern[] | null

  constructor(
    at: number,
    exit: Exit<Mqtt>,
    exitAt: number,
    publish: readonly TopicPattern[] | null,
    subscribe: readonly TopicPattern[] | null,
  ) {
    this.at = at
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

  /** it admits every subscription */
  get deliversAll(): boolean {
    return this.#subscribe === null
  }

  admitsDelivery(topic: string): boolean {
    return this.#subscribe === null || contains(this.#subscribe, topic)
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

/** The route that takes a subscription; null: none does. */
export function subscribeRoute(routes: ClientRoutes, filter: string): ClientRoute | null {
  return routes.find((route) => route.admitsSubscribe(filter)) ?? null
}

/** A pattern of a condition, as a function of the client. */
export interface Condition<P> {
  readonly pattern: P
  readonly params: Params
}

/** One item of `when`. */
export interface Item {
  /** null: every client */
  readonly clientIds: readonly Condition<ClientIdPattern>[] | null
  readonly publish: readonly Condition<TopicPattern>[]
  readonly subscribe: readonly Condition<TopicPattern>[]
  /** says the same to every client */
  readonly plain: boolean
}

export interface CompiledRoute {
  /** in the document, from 0 */
  readonly at: number
  readonly route: Route<MqttConfig, Mqtt>
  readonly exit: Exit<Mqtt>
  readonly exitAt: number
  readonly items: readonly Item[]
}

export class RouteTable {
  /** how many different exits there are */
  readonly exits: number
  readonly compiled: readonly CompiledRoute[]
  /** what an unconditional, open table says to everybody: no allocation per connection */
  readonly #shared: ClientRoutes | null
  readonly #sharedRights: DeliveryRights | null

  /** `namespace`: of the binding, in which conditions name guards. */
  constructor(routes: readonly Route<MqttConfig, Mqtt>[], namespace: string) {
    const names: string[] = []
    this.compiled = routes.flatMap((route, at) => {
      if (route.exit === null) return []
      const { exit } = route
      if (!names.includes(exit.name)) names.push(exit.name)
      const items = route.when.map((when) => compileItem(when, namespace))
      return [{ at, route, exit, exitAt: names.indexOf(exit.name), items }]
    })
    this.exits = names.length
    const plain = this.compiled.every(({ route, items }) => route.permits(null) && items.every((item) => item.plain))
    this.#shared = plain ? this.compiled.map((route) => clientRoute(route, route.items, null)) : null
    this.#sharedRights = this.#shared === null ? null : DeliveryRights.of(this.#shared, this.exits)
  }

  /** Empty: no route takes this client's session. */
  forClient(clientId: string, session: Session | null): ClientRoutes {
    if (this.#shared !== null) return this.#shared
    const found: ClientRoute[] = []
    for (const compiled of this.compiled) {
      if (!compiled.route.permits(session)) continue
      const items = compiled.items.filter((item) => isFor(item, clientId, session))
      if (items.length > 0 || compiled.items.length === 0) found.push(clientRoute(compiled, items, session))
    }
    return found
  }

  /** What a client with these routes may receive; null: everything. */
  deliveryRights(routes: ClientRoutes): DeliveryRights | null {
    return routes === this.#shared ? this.#sharedRights : DeliveryRights.of(routes, this.exits)
  }
}

type When = NonNullable<MqttConfig['when']>
type TopicCondition = NonNullable<When['publish']>[number]

function compileItem(when: When, namespace: string): Item {
  const topics = (conditions: readonly TopicCondition[] = []): Condition<TopicPattern>[] =>
    conditions.map(({ topic, params = {} }) => ({
      pattern: new TopicPattern(topic),
      params: new Params(params, namespace),
    }))
  const clientIds = when.session?.map(({ 'client-id': clientId, params = {} }) => ({
    pattern: new ClientIdPattern(clientId),
    params: new Params(params, namespace),
  }))
  const publish = topics(when.publish)
  const subscribe = topics(when.subscribe)
  const plain = clientIds === undefined && [...publish, ...subscribe].every(({ params }) => params.empty)
  return { clientIds: clientIds ?? null, publish, subscribe, plain }
}

function isFor({ clientIds }: Item, clientId: string, session: Session | null): boolean {
  return clientIds === null || clientIds.some((condition) => admitsClient(condition, clientId, session))
}

export function admitsClient(
  { pattern, params }: Condition<ClientIdPattern>,
  clientId: string,
  session: Session | null,
): boolean {
  const values = params.resolve(session)
  return values !== null && pattern.matches(clientId, values)
}

/** A route without `when` admits everything; one with `when` only what its items for this client name. */
function clientRoute(compiled: CompiledRoute, items: readonly Item[], session: Session | null): ClientRoute {
  const { at, exit, exitAt } = compiled
  if (compiled.items.length === 0) return new ClientRoute(at, exit, exitAt, null, null)
  const patterns = (of: 'publish' | 'subscribe') => items.flatMap((item) => boundPatterns(item[of], session))
  return new ClientRoute(at, exit, exitAt, patterns('publish'), patterns('subscribe'))
}

/** Patterns whose parameters this client does not have, or has of a kind that no level can be, match nothing. */
export function boundPatterns(conditions: readonly Condition<TopicPattern>[], session: Session | null): TopicPattern[] {
  return conditions.flatMap(({ pattern, params }) => {
    if (params.empty) return [pattern]
    const values = params.resolve(session)
    const bound = values === null ? null : pattern.bind(values)
    return bound === null ? [] : [bound]
  })
}
