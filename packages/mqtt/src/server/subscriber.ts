/**
 * The subscribing half of one connection: SUBSCRIBE and UNSUBSCRIBE are split by exit, asked on the subscribe streams, and
 * answered in the order in which they came; what the client answers to deliveries goes to the stream they came from. Made at
 * the first of them, or when a session goes on.
 */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { AckPacket, SubscribePacket, UnsubscribePacket } from '../codec/packets.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Mqtt, MqttSignal, Outgoing, PublishMeta, Subscription } from '../stream.ts'
import { hasWildcard, isShared } from '../topic.ts'
import { type ClientRoute, type ClientRoutes, subscribeRoute } from './client-routes.ts'
import type { Connection } from './connection.ts'
import { Deliveries, type DeliverySource } from './deliveries.ts'
import type { TopicAliases } from './topic-aliases.ts'
import { Wait } from './wait.ts'

/** SUBSCRIBEs and UNSUBSCRIBEs that may wait for the acceptor before the client is not read any more. */
const REQUESTS_MAX = 16

/** A SUBSCRIBE or UNSUBSCRIBE that waits for its answers. */
interface Request {
  readonly type: 'suback' | 'unsuback'
  readonly packetId: number
  readonly filters: readonly string[]
  readonly reasonCodes: number[]
  reason: string | null
  /** filters that were not subscribed to before */
  readonly fresh: Set<string>
  /** parts not answered yet, and one while it is being asked */
  open: number
  /** monotonic ms */
  readonly since: number
}

/** What one stream is asked of one request. */
interface Part {
  readonly request: Request
  /** places in the request */
  readonly at: number[]
}

/** One subscribe stream to one exit. */
class SubscribeStream implements DeliverySource, StreamHandler<Mqtt> {
  readonly exitAt: number
  stream: Stream<Mqtt> | null = null
  readonly #subscriber: Subscriber
  /** in the order asked, which is the order answered */
  #asked: Part[] = []

  constructor(subscriber: Subscriber, exitAt: number) {
    this.#subscriber = subscriber
    this.exitAt = exitAt
  }

  ask(part: Part, signal: MqttSignal): void {
    this.#asked.push(part)
    this.stream?.signal(signal)
  }

  onData(_payload: Buffer, meta: PublishMeta | Outgoing, cost: number): void {
    this.#subscriber.deliveries.deliver(this, meta as Outgoing, cost)
  }

  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'pubrel') this.#subscriber.onPubrel(this, signal.packetId, signal.reasonCode)
    if (signal.kind !== 'subscribed' && signal.kind !== 'unsubscribed') return
    const part = this.#asked.shift()
    // an emptied array keeps its room, and most clients subscribe once
    if (this.#asked.length === 0) this.#asked = []
    if (part === undefined) return
    if (signal.kind === 'subscribed') part.request.reason ??= signal.reason ?? null
    this.#subscriber.onAnswer(part.request, part.at, signal.reasonCodes)
  }

  onEnd(): void {
    this.onAbort(new StreamError('closed', 'the exit ended a subscribe stream'))
  }

  onAbort(error: StreamError): void {
    this.#subscriber.onAbort(error)
  }
}

export class Subscriber {
  readonly deliveries: Deliveries
  readonly #connection: Connection
  #requests: Request[] = []
  /** by exit */
  readonly #streams: (SubscribeStream | undefined)[]
  /** filters subscribed to, or asked for */
  readonly #filters = new Set<string>()
  #ended = false

  constructor(connection: Connection, aliases: TopicAliases | null) {
    this.#connection = connection
    this.deliveries = new Deliveries(connection, aliases)
    this.#streams = new Array(connection.server.routes.exits)
  }

  /** Since when the oldest request waits, monotonic ms; null: none does. */
  get waitingSince(): number | null {
    return this.#requests[0]?.since ?? null
  }

  /**
   * The session goes on [MQTT-3.1.2-5]: each filter as if it were subscribed to now, for routes and limits may have changed.
   * The session's exit is told even when no filter stays, since it may have deliveries under way.
   */
  resume(subscriptions: readonly Subscription[]): void {
    const { routes } = this.#connection
    const kept = new Map<ClientRoute['exitAt'], { readonly route: ClientRoute; readonly filters: string[] }>()
    if (routes[0] !== undefined) kept.set(routes[0].exitAt, { route: routes[0], filters: [] })
    for (const subscription of subscriptions) {
      const { filter } = subscription
      const code = this.#precheck(subscription)
      const route = this.#routeOf(filter)
      if (code !== null || route === null) {
        this.#connection.subscriptionEnded(filter, code ?? ReasonCode.NotAuthorized)
        continue
      }
      this.#filters.add(filter)
      const open = kept.get(route.exitAt)
      if (open === undefined) kept.set(route.exitAt, { route, filters: [filter] })
      else open.filters.push(filter)
    }
    for (const { route, filters } of kept.values()) {
      if (this.#ended || this.#open(route, filters) !== null) continue
      this.#connection.lost(
        new StreamError('unavailable', 'the exit does not go on with the subscriptions of a session'),
      )
    }
  }

  /**
   * What the client may do has changed: filters that are not permitted any more, or belong to another exit now, end as if they
   * were unsubscribed. What is under way for them is held back by what may be delivered.
   */
  reauthorize(before: ClientRoutes): void {
    const { routes, server } = this.#connection
    this.deliveries.rights = server.routes.deliveryRights(routes)
    const ended = [...this.#filters].flatMap((filter) => {
      const exitAt = subscribeRoute(before, filter)?.exitAt
      const stream = exitAt === undefined ? undefined : this.#streams[exitAt]
      return stream === undefined || subscribeRoute(routes, filter)?.exitAt === exitAt ? [] : [{ filter, stream }]
    })
    for (const stream of new Set(ended.map((each) => each.stream))) {
      const filters = ended.filter((each) => each.stream === stream).map(({ filter }) => filter)
      this.#endFilters(stream, filters)
    }
  }

  /** Nobody waits for the answer. */
  #endFilters(stream: SubscribeStream, filters: readonly string[]): void {
    const since = this.#connection.server.clock.monotonic()
    const request: Request = {
      type: 'unsuback',
      packetId: 0,
      filters,
      reasonCodes: [],
      reason: null,
      fresh: new Set(),
      open: 1,
      since,
    }
    for (const filter of filters) {
      this.#filters.delete(filter)
      this.#connection.subscriptionEnded(filter, ReasonCode.NotAuthorized)
    }
    stream.ask({ request, at: filters.map((_, at) => at) }, { kind: 'unsubscribe', filters })
  }

  subscribe(packet: SubscribePacket): void {
    const { subscriptions, packetId } = packet
    const request = this.#request(
      'suback',
      packetId,
      subscriptions.map(({ filter }) => filter),
    )
    const parts = new Map<SubscribeStream, Part>()
    for (const [at, subscription] of subscriptions.entries()) {
      const code = subscription.valid ? this.#precheck(subscription) : ReasonCode.TopicFilterInvalid
      const stream = code ?? this.#streamFor(subscription.filter)
      if (typeof stream === 'number') {
        request.reasonCodes[at] = stream
      } else {
        this.#add(request, subscription.filter)
        place(parts, stream, request, at)
      }
    }
    request.open += parts.size
    const userProperties = packet.properties?.userProperties
    for (const [stream, part] of parts) {
      const wanted: Subscription[] = part.at.map((at) => subscriptions[at]!)
      const signal = { kind: 'subscribe', subscriptions: wanted } as const
      stream.ask(part, userProperties === undefined ? signal : { ...signal, userProperties })
    }
    request.open--
    this.#answer()
  }

  unsubscribe(packet: UnsubscribePacket): void {
    const { filters, packetId } = packet
    const request = this.#request('unsuback', packetId, filters)
    const parts = new Map<SubscribeStream, Part>()
    for (const [at, filter] of filters.entries()) {
      const route = this.#routeOf(filter)
      const stream = route === null ? undefined : this.#streams[route.exitAt]
      if (stream === undefined) request.reasonCodes[at] = ReasonCode.NoSubscriptionExisted
      else place(parts, stream, request, at)
    }
    request.open += parts.size
    for (const [stream, part] of parts) {
      stream.ask(part, { kind: 'unsubscribe', filters: part.at.map((at) => filters[at]!) })
    }
    request.open--
    this.#answer()
  }

  /** PUBACK, PUBREC or PUBCOMP. */
  acknowledge({ type, packetId, reasonCode }: AckPacket): void {
    if (type === 'pubrel') return
    const { ids } = this.deliveries
    const flight = ids?.find(packetId) ?? null
    const source = flight === null ? this.#sessionStream() : flight.source
    if (source === null) {
      this.#connection.ackUnknown(type, packetId, reasonCode)
      return
    }
    const over = type !== 'pubrec' || reasonCode >= ReasonCode.UnspecifiedError
    if (over) ids?.release(packetId)
    source.stream?.signal({ kind: 'acknowledge', type, packetId: flight?.packetId ?? packetId, reasonCode })
    if (over && ids !== null) this.deliveries.flush()
  }

  onPubrel(source: SubscribeStream, packetId: number, reasonCode: number): void {
    if (this.#ended) return
    const { ids } = this.deliveries
    const known = reasonCode < ReasonCode.UnspecifiedError
    this.#connection.sendAck('pubrel', ids === null || !known ? packetId : ids.take(source, packetId), reasonCode)
  }

  onAnswer(request: Request, places: readonly number[], reasonCodes: readonly number[]): void {
    if (this.#ended) return
    const { maximumQos } = this.#connection.capabilities
    for (const [i, at] of places.entries()) {
      const code = reasonCodes[i] ?? ReasonCode.UnspecifiedError
      const refused = code >= ReasonCode.UnspecifiedError
      request.reasonCodes[at] = refused || request.type === 'unsuback' ? code : Math.min(code, maximumQos)
      const filter = request.filters[at]!
      if (request.type === 'suback' && !refused) this.#filters.add(filter)
      else if (request.type === 'unsuback' ? !refused : request.fresh.has(filter)) this.#filters.delete(filter)
    }
    request.open--
    this.#answer()
  }

  onAbort(error: StreamError): void {
    if (!this.#ended) this.#connection.lost(error)
  }

  /** The connection is over. */
  end(): void {
    this.#ended = true
    this.deliveries.end()
    for (const { stream } of this.#streams.filter((source) => source !== undefined)) stream?.end()
  }

  #request(type: Request['type'], packetId: number, filters: readonly string[]): Request {
    const since = this.#connection.server.clock.monotonic()
    const request: Request = {
      type,
      packetId,
      filters,
      reasonCodes: [],
      reason: null,
      fresh: new Set(),
      open: 1,
      since,
    }
    this.#requests.push(request)
    if (this.#requests.length >= REQUESTS_MAX) this.#connection.pause(Wait.ANSWERS)
    return request
  }

  #add(request: Request, filter: string): void {
    if (this.#filters.has(filter)) return
    this.#filters.add(filter)
    request.fresh.add(filter)
  }

  /** Why a filter is refused without asking; null: it is not. */
  #precheck({ filter, subscriptionId, noLocal }: Subscription): number | null {
    const { capabilities, server } = this.#connection
    if (isShared(filter) && !capabilities.sharedAvailable) return ReasonCode.SharedSubscriptionsNotSupported
    if (hasWildcard(filter) && !capabilities.wildcardAvailable) return ReasonCode.WildcardSubscriptionsNotSupported
    if (subscriptionId !== 0 && !capabilities.subscriptionIdsAvailable) {
      return ReasonCode.SubscriptionIdentifiersNotSupported
    }
    if (noLocal && !server.options.features.noLocal) return ReasonCode.ImplementationSpecificError
    const known = this.#filters.has(filter)
    return !known && this.#filters.size >= server.limits.subscriptions ? ReasonCode.QuotaExceeded : null
  }

  #routeOf(filter: string): ClientRoute | null {
    return subscribeRoute(this.#connection.routes, filter)
  }

  /** The stream to the filter's exit, opened if need be; else why there is none. */
  #streamFor(filter: string): SubscribeStream | number {
    const route = this.#routeOf(filter)
    if (route === null) return ReasonCode.NotAuthorized
    return this.#streams[route.exitAt] ?? this.#open(route, []) ?? ReasonCode.ImplementationSpecificError
  }

  #open(route: ClientRoute, resume: readonly string[]): SubscribeStream | null {
    const { clientId, version, identity, server } = this.#connection
    const source = new SubscribeStream(this, route.exitAt)
    source.stream = route.exit.connect({ kind: 'subscribe', clientId, version, resume }, identity, source)
    if (source.stream === null) return null
    this.#streams[route.exitAt] = source
    source.stream.grant(server.limits.queueBytes)
    return source
  }

  /** Whose identifiers are those of the wire when nothing else is known of them. */
  #sessionStream(): SubscribeStream | null {
    return this.#streams[this.#connection.routes[0]?.exitAt ?? 0] ?? null
  }

  /** All requests at the head that have their answers. */
  #answer(): void {
    const requests = this.#requests
    for (let request = requests[0]; request !== undefined && request.open === 0; request = requests[0]) {
      requests.shift()
      this.#connection.sendSubscriptionAck(request.type, request.packetId, request.reasonCodes, request.reason)
    }
    if (requests.length === 0) this.#requests = []
    if (requests.length <= REQUESTS_MAX >> 1) this.#connection.resume(Wait.ANSWERS)
  }
}

function place(parts: Map<SubscribeStream, Part>, stream: SubscribeStream, request: Request, at: number): void {
  const part = parts.get(stream)
  if (part === undefined) parts.set(stream, { request, at: [at] })
  else part.at.push(at)
}
