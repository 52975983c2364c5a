/**
 * The subscribing half of one connection: SUBSCRIBE and UNSUBSCRIBE are split by route, asked on the subscribe streams, and
 * answered in the order in which they came. Made at the first of them.
 */
import { StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { SubscribePacket, SubscriptionRequest, UnsubscribePacket } from '../codec/packets.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Delivery } from '../message.ts'
import type { Mqtt, MqttSignal, PublishMeta, Subscription } from '../stream.ts'
import { hasWildcard, isShared } from '../topic.ts'
import type { Connection } from './connection.ts'
import { Deliveries, DeliverySource } from './deliveries.ts'
import { Wait } from './wait.ts'

/** SUBSCRIBEs and UNSUBSCRIBEs that may wait for the acceptor before the client is not read any more. */
const REQUESTS_MAX = 16

/** A SUBSCRIBE or UNSUBSCRIBE that waits for its answers. */
interface Request {
  readonly type: 'suback' | 'unsuback'
  readonly packetId: number
  readonly filters: readonly string[]
  readonly reasonCodes: number[]
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

/** One subscribe stream to one route. */
class SubscribeStream extends DeliverySource implements StreamHandler<Mqtt> {
  readonly #subscriber: Subscriber
  /** in the order asked, which is the order answered */
  #asked: Part[] = []

  constructor(subscriber: Subscriber) {
    super()
    this.#subscriber = subscriber
  }

  ask(part: Part, signal: MqttSignal): void {
    this.#asked.push(part)
    this.stream?.signal(signal)
  }

  onData(_payload: Buffer, meta: PublishMeta | Delivery, cost: number): void {
    this.#subscriber.deliveries.deliver(this, meta as Delivery, cost)
  }

  onSignal(signal: MqttSignal): void {
    if (signal.kind !== 'subscribed' && signal.kind !== 'unsubscribed') return
    const part = this.#asked.shift()
    // an emptied array keeps its room, and most clients subscribe once
    if (this.#asked.length === 0) this.#asked = []
    if (part !== undefined) this.#subscriber.onAnswer(part.request, part.at, signal.reasonCodes)
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
  /** by route */
  readonly #streams: (SubscribeStream | undefined)[]
  /** filters subscribed to, or asked for */
  readonly #filters = new Set<string>()
  #ended = false

  constructor(connection: Connection) {
    this.#connection = connection
    this.deliveries = new Deliveries(connection)
    this.#streams = new Array(connection.routes.length)
  }

  /** Since when the oldest request waits, monotonic ms; null: none does. */
  get waitingSince(): number | null {
    return this.#requests[0]?.since ?? null
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
      const code = this.#precheck(subscription)
      const stream = code === null ? this.#route(subscription.filter) : code
      if (typeof stream === 'number') {
        request.reasonCodes[at] = stream
      } else {
        this.#add(request, subscription.filter)
        place(parts, stream, request, at)
      }
    }
    request.open += parts.size
    for (const [stream, part] of parts) {
      const wanted: Subscription[] = part.at.map((at) => subscriptions[at]!)
      stream.ask(part, { kind: 'subscribe', subscriptions: wanted })
    }
    request.open--
    this.#answer()
  }

  unsubscribe(packet: UnsubscribePacket): void {
    const { filters, packetId } = packet
    const request = this.#request('unsuback', packetId, filters)
    const parts = new Map<SubscribeStream, Part>()
    for (const [at, filter] of filters.entries()) {
      const stream = this.#route(filter)
      if (typeof stream === 'number') request.reasonCodes[at] = ReasonCode.NoSubscriptionExisted
      else place(parts, stream, request, at)
    }
    request.open += parts.size
    for (const [stream, part] of parts) {
      stream.ask(part, { kind: 'unsubscribe', filters: part.at.map((at) => filters[at]!) })
    }
    request.open--
    this.#answer()
  }

  onAnswer(request: Request, places: readonly number[], reasonCodes: readonly number[]): void {
    if (this.#ended) return
    const { maximumQos } = this.#connection.capabilities
    for (const [i, at] of places.entries()) {
      const code = reasonCodes[i] ?? ReasonCode.UnspecifiedError
      const refused = code >= ReasonCode.UnspecifiedError
      request.reasonCodes[at] = refused || request.type === 'unsuback' ? code : Math.min(code, maximumQos)
      const filter = request.filters[at]!
      if (request.type === 'unsuback' ? !refused : refused && request.fresh.has(filter)) this.#filters.delete(filter)
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
    const request: Request = { type, packetId, filters, reasonCodes: [], fresh: new Set(), open: 1, since }
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
  #precheck(subscription: SubscriptionRequest): number | null {
    const { filter, subscriptionId } = subscription
    const { capabilities, server } = this.#connection
    if (!subscription.valid) return ReasonCode.TopicFilterInvalid
    if (isShared(filter) && !capabilities.sharedAvailable) return ReasonCode.SharedSubscriptionsNotSupported
    if (hasWildcard(filter) && !capabilities.wildcardAvailable) return ReasonCode.WildcardSubscriptionsNotSupported
    if (subscriptionId !== 0 && !capabilities.subscriptionIdsAvailable) {
      return ReasonCode.SubscriptionIdentifiersNotSupported
    }
    const known = this.#filters.has(filter)
    return !known && this.#filters.size >= server.limits.subscriptions ? ReasonCode.QuotaExceeded : null
  }

  /** The stream of the filter's route, opened if need be; else why there is none. */
  #route(filter: string): SubscribeStream | number {
    const { clientId, version, routes, identity, server } = this.#connection
    const at = routes.findIndex((route) => route.admitsSubscribe(filter))
    const route = routes[at]
    if (route === undefined) return ReasonCode.NotAuthorized
    const open = this.#streams[at]
    if (open !== undefined) return open
    const source = new SubscribeStream(this)
    source.stream = route.exit.connect({ kind: 'subscribe', clientId, version }, identity, source)
    if (source.stream === null) return ReasonCode.ImplementationSpecificError
    this.#streams[at] = source
    source.stream.grant(server.limits.queueBytes)
    return source
  }

  /** All requests at the head that have their answers. */
  #answer(): void {
    const requests = this.#requests
    for (let request = requests[0]; request !== undefined && request.open === 0; request = requests[0]) {
      requests.shift()
      this.#connection.sendSubscriptionAck(request.type, request.packetId, request.reasonCodes)
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
