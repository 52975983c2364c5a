/**
 * The `subscribe` stream of one client: takes what the logs dispatch, makes one delivery of it however many filters match,
 * and holds QoS 1 messages while the client has no room. Requests are answered in their order.
 */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import { Delivery, type Mqtt, type MqttSignal, type Qos } from '@zilla-ts/mqtt'
import type { Arrival } from './arrival.ts'
import type { Counters } from './counters.ts'
import type { PermittedRoute } from './routes.ts'
import type { SessionStream } from './session-stream.ts'
import type { Subscription } from './subscription.ts'
import { type StartContext, SubscriptionStart } from './subscription-start.ts'

type SubscribeSignal = Extract<MqttSignal, { kind: 'subscribe' }>
type UnsubscribeSignal = Extract<MqttSignal, { kind: 'unsubscribe' }>

const SUCCESS = 0x00
const NO_SUBSCRIPTION_EXISTED = 0x11
const NO_IDS: readonly number[] = []
/** Objects around a delivery that waits. */
const QUEUED_BYTES = 256
/** Requests one client may send ahead of their answers. */
const REQUESTS_MAX = 1_000

export interface SubscriberContext extends StartContext {
  readonly counters: Counters
  readonly queueBytes: number
}

export class Subscriber implements StreamHandler<Mqtt> {
  readonly clientId: string
  /** the routes this client may use */
  readonly routes: readonly PermittedRoute[]
  /** by filter; several Kafka topics are chained */
  readonly subscriptions = new Map<string, Subscription>()
  readonly #stream: Stream<Mqtt>
  readonly #session: SessionStream
  readonly #context: SubscriberContext
  #requests: (SubscribeSignal | UnsubscribeSignal)[] = []
  #start: SubscriptionStart | null = null
  /** live messages that wait for the start */
  #held: { readonly arrival: Arrival; readonly subscriptions: readonly Subscription[] }[] = []
  #heldBytes = 0
  /** QoS 1 deliveries that wait for room; sent up to `#queueAt` */
  #queue: Delivery[] = []
  #queueAt = 0
  #queueBytes = 0
  #closed = false

  constructor(
    clientId: string,
    stream: Stream<Mqtt>,
    session: SessionStream,
    routes: readonly PermittedRoute[],
    context: SubscriberContext,
  ) {
    this.clientId = clientId
    this.routes = routes
    this.#stream = stream
    this.#session = session
    this.#context = context
    session.attach(this)
  }

  /** Room for a delivery that nothing waits in front of. */
  get writable(): boolean {
    return this.#queue.length === 0 && this.#stream.writable
  }

  onData(): void {}

  onSignal(signal: MqttSignal): void {
    if (signal.kind !== 'subscribe' && signal.kind !== 'unsubscribe') return
    if (this.#requests.length >= REQUESTS_MAX) {
      this.abort(new StreamError('quota', `'${this.clientId}' sends subscriptions faster than they can be answered`))
      return
    }
    this.#requests.push(signal)
    this.#nextRequest()
  }

  onWritable(): void {
    this.#drain()
    if (this.#queue.length === 0) this.#start?.resume()
  }

  onEnd(): void {
    this.#close()
    this.#stream.end()
  }

  onAbort(_error: StreamError): void {
    this.#close()
  }

  /** Ends the stream for a reason the client is told. */
  abort(error: StreamError): void {
    this.#close()
    this.#stream.abort(error)
  }

  signal(signal: MqttSignal): void {
    this.#stream.signal(signal)
  }

  /** A live message that these subscriptions match. What is borrowed in it holds for the call. */
  take(arrival: Arrival, subscriptions: readonly Subscription[]): void {
    if (this.#closed) return
    if (this.#start !== null && subscriptions.some((subscription) => subscription.starting)) {
      this.#hold(arrival, subscriptions)
      return
    }
    this.#deliver(arrival, subscriptions)
    for (const subscription of subscriptions) if (!subscription.settled) subscription.settle()
  }

  /** Sends now, or keeps a QoS 1 delivery until there is room; QoS 0 is dropped then. */
  send(delivery: Delivery): void {
    const { message } = delivery
    if (this.writable) {
      this.#context.counters.delivered.value++
      this.#stream.write(message.payload, delivery)
      return
    }
    if (delivery.qos === 0) {
      this.#context.counters.dropped.value++
      return
    }
    this.#queueBytes += message.payload.length + QUEUED_BYTES
    if (this.#queueBytes > this.#context.queueBytes) {
      this.#overflow('QoS 1 messages wait for it')
      return
    }
    message.detach()
    this.#queue.push(delivery)
  }

  /** The start under way is over: what was held goes out, then requests that came meanwhile. */
  started(): void {
    const held = this.#held
    this.#start = null
    this.#held = []
    this.#heldBytes = 0
    for (const { arrival, subscriptions } of held) {
      if (this.#closed) return
      this.#deliver(arrival, subscriptions)
    }
    this.#nextRequest()
  }

  /** Takes a filter and all that belongs to it out of the logs. */
  forget(filter: string): boolean {
    const first = this.subscriptions.get(filter)
    if (first === undefined) return false
    this.subscriptions.delete(filter)
    for (let one: Subscription | null = first; one !== null; one = one.next) one.log.remove(one)
    return true
  }

  #nextRequest(): void {
    while (this.#start === null && !this.#closed) {
      const request = this.#requests[0]
      if (request === undefined) return
      if (request.kind === 'unsubscribe') {
        this.#requests.shift()
        const known = request.filters.map((filter) => this.forget(filter))
        this.signal({
          kind: 'unsubscribed',
          reasonCodes: known.map((was) => (was ? SUCCESS : NO_SUBSCRIPTION_EXISTED)),
        })
      } else {
        this.#start = new SubscriptionStart(this, this.#takeSubscribes(), this.#context)
        this.#start.begin()
      }
    }
  }

  /** The requests that can start together: SUBSCRIBEs next to each other, no filter twice. */
  #takeSubscribes(): SubscribeSignal[] {
    const filters = new Set<string>()
    const taken: SubscribeSignal[] = []
    for (const request of this.#requests) {
      if (request.kind !== 'subscribe') break
      if (taken.length > 0 && request.subscriptions.some(({ filter }) => filters.has(filter))) break
      for (const { filter } of request.subscriptions) filters.add(filter)
      taken.push(request)
    }
    this.#requests.splice(0, taken.length)
    return taken
  }

  #hold(arrival: Arrival, subscriptions: readonly Subscription[]): void {
    this.#heldBytes += arrival.cost
    if (this.#heldBytes <= this.#context.queueBytes) {
      this.#held.push({ arrival: arrival.keep(), subscriptions })
      return
    }
    this.#heldBytes -= arrival.cost
    // Only what may be lost is dropped: if nobody was granted QoS 1, or it was published with 0.
    if (arrival.qos === 0 || subscriptions.every(({ qos }) => qos === 0)) this.#context.counters.dropped.value++
    else this.#overflow('live messages wait for the retained ones to be read')
  }

  #deliver(arrival: Arrival, subscriptions: readonly Subscription[]): void {
    let granted = -1
    let retain = false
    let ids = NO_IDS
    for (const subscription of subscriptions) {
      if (!subscription.active || subscription.isBefore(arrival.partition, arrival.offset)) continue
      // [MQTT-3.8.3-3] not to the client that published
      if (subscription.noLocal && arrival.local === this.clientId) continue
      if (subscription.seams.length > 0 && subscription.seams.some((seam) => seam.drops(arrival))) continue
      if (subscription.qos > granted) granted = subscription.qos
      if (subscription.retainAsPublished && arrival.retained) retain = true
      if (subscription.ids.length > 0) ids = ids.length === 0 ? subscription.ids : [...ids, ...subscription.ids]
    }
    if (granted < 0) return
    const qos = Math.min(granted, arrival.qos) as Qos
    const { message } = arrival
    this.send(ids.length === 0 ? message.delivery(qos, retain) : new Delivery(message, qos, retain, ids))
  }

  #drain(): void {
    const now = this.#context.clock.now()
    while (this.#queueAt < this.#queue.length && this.#stream.writable) {
      const delivery = this.#queue[this.#queueAt++]!
      const { message } = delivery
      this.#queueBytes -= message.payload.length + QUEUED_BYTES
      if (message.expiresAt <= now) this.#context.counters.expired.value++
      else {
        this.#context.counters.delivered.value++
        this.#stream.write(message.payload, delivery)
      }
    }
    if (this.#queueAt === this.#queue.length) {
      this.#queue = []
      this.#queueAt = 0
    } else if (this.#queueAt > this.#queue.length / 2) {
      this.#queue.splice(0, this.#queueAt)
      this.#queueAt = 0
    }
  }

  #overflow(why: string): void {
    const { counters, report, queueBytes } = this.#context
    counters.overflowed.value++
    const error = new StreamError('quota', `'${this.clientId}' is too slow: more than ${queueBytes} bytes, ${why}`)
    report.event('warn', 'MQTT_KAFKA_CLIENT_TOO_SLOW', error.message, { clientId: this.clientId })
    this.abort(error)
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#start?.cancel()
    this.#start = null
    for (const filter of [...this.subscriptions.keys()]) this.forget(filter)
    this.#requests = []
    this.#held = []
    this.#queue = []
    this.#session.detach(this)
  }
}
