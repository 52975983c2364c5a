/**
 * Goes on with the subscriptions of a session that has come back. In this order, and why:
 *
 * 1. The subscriptions enter the trie; live messages for them are held, as at SUBSCRIBE.
 * 2. Ask the end of each log, so that its reader is open. What lies between the session's position and the reader comes
 *    from a sweep (`Lag`), and so does what was in flight and must be sent again [MQTT-4.4.0-1].
 * 3. PUBREL for what the client has received; retained messages that had not all been sent, from their beginning; then what
 *    was held, and live.
 */
import { StreamError, type Task, type Timer } from '@zilla-ts/engine'
import { Delivery, parseShared, type Qos } from '@zilla-ts/mqtt'
import type { EndWaiter } from './end-query.ts'
import { Flight } from './flight.ts'
import { Lag } from './lag.ts'
import type { Ends } from './log-positions.ts'
import type { MessageLog } from './message-log.ts'
import type { FlightRecord, RestoredState, SubscriptionState } from './session-state.ts'
import type { Subscriber } from './subscriber.ts'
import { Subscription } from './subscription.ts'
import type { StartContext } from './subscription-start.ts'

export class SubscriptionResume implements Task {
  readonly #subscriber: Subscriber
  readonly #state: RestoredState
  readonly #context: StartContext
  readonly #started: Subscription[] = []
  readonly #endsMissing = new Set<MessageLog>()
  readonly #ends = new Map<MessageLog, Ends>()
  /** shared subscriptions that have not begun, and one while the others are being read */
  #groupsMissing = 1
  #deadline: Timer | null = null
  /** retained messages in flight, to be sent again as there is room */
  readonly #retained: Flight[] = []
  #ready = false
  #cancelled = false

  constructor(subscriber: Subscriber, state: RestoredState, context: StartContext) {
    this.#subscriber = subscriber
    this.#state = state
    this.#context = context
  }

  get cancelled(): boolean {
    return this.#cancelled
  }

  begin(): void {
    const { clock, subscribeMs } = this.#context
    this.#deadline = clock.after(subscribeMs, this)
    for (const subscription of this.#state.subscriptions) this.#subscribe(subscription)
    // What is in flight is sent again though its filter is gone by now [MQTT-3.10.4-3].
    for (const { source } of this.#state.flights) this.#ask(source)
    for (const log of [...this.#endsMissing]) log.askEnd(new LogEnd(this, log))
    this.#groupsMissing--
    this.#proceed()
  }

  cancel(): void {
    this.#cancelled = true
    this.#deadline?.cancel()
  }

  /** What the session had, for as long as nothing of it has begun here; null: it has. */
  get untouched(): RestoredState | null {
    return this.#ready ? null : this.#state
  }

  /** There is room. */
  resume(): void {
    if (!this.#ready || this.#cancelled) return
    while (this.#retained.length > 0) if (!this.#resendRetained()) return
    this.cancel()
    this.#subscriber.resumed()
  }

  /** It has taken too long. */
  run(): void {
    this.#subscriber.abort(new StreamError('unavailable', 'Kafka does not answer: the session cannot go on'))
  }

  fault(error: StreamError): void {
    this.#subscriber.abort(error)
  }

  onLogEnd(log: MessageLog, ends: Ends): void {
    this.#ends.set(log, ends)
    this.#endsMissing.delete(log)
    this.#proceed()
  }

  onLogRefused(log: MessageLog, error: StreamError): void {
    const { report } = this.#context
    report.event('warn', 'MQTT_KAFKA_RESUME_REFUSED', `cannot read ${log.topic}: ${error.message}`, {
      topic: log.topic,
      code: error.code,
    })
    for (const one of this.#started) if (one.log === log) this.#subscriber.forget(one.filter)
    this.onLogEnd(log, [])
  }

  #subscribe({ request, from, replays }: SubscriptionState): void {
    const { routes, logs, qosMax } = this.#context
    const subscriber = this.#subscriber
    if (parseShared(request.filter) !== null) {
      this.#join(request)
      return
    }
    let chain: Subscription | null = null
    for (const source of routes.subscribe(request.filter, subscriber.routes)) {
      const log = logs.open(source.destination)
      if (log === null) continue
      const qos = Math.min(request.qos, qosMax) as Qos
      chain = new Subscription(subscriber, log, request, qos, source, chain)
      chain.from = from.get(log.topic) ?? null
      log.add(chain)
      this.#started.push(chain)
      this.#endsMissing.add(log)
    }
    // The routes, or what they permit, may have changed since.
    if (chain === null) return
    subscriber.subscriptions.set(request.filter, chain)
    if (replays) subscriber.replaying.add(request.filter)
  }

  #join(request: SubscriptionState['request']): void {
    this.#groupsMissing++
    const refused = this.#context.groups.join(this.#subscriber, request, () => {
      this.#groupsMissing--
      if (!this.#cancelled) this.#proceed()
    })
    if (refused !== null) this.#groupsMissing--
  }

  #ask(source: string): void {
    const { logs, routes } = this.#context
    const destination = routes.fixed().find(({ topic }) => topic === source)
    const log = logs.get(source) ?? (destination === undefined ? null : logs.open(destination))
    if (log !== null) this.#endsMissing.add(log)
  }

  #proceed(): void {
    if (this.#ready || this.#cancelled || this.#endsMissing.size > 0 || this.#groupsMissing > 0) return
    this.#ready = true
    const flights = this.#state.flights.map(flightOf)
    const logs = new Set(this.#started.map(({ log }) => log))
    for (const log of logs) this.#fallBehind(log)
    for (const one of this.#started) {
      one.begun = true
      one.starting = false
    }
    this.#subscriber.outbox.restore(flights)
    for (const flight of flights) if (flight.state === 'sent') this.#wantAgain(flight)
    this.resume()
  }

  /** From where the session was to where the reader is. */
  #fallBehind(log: MessageLog): void {
    const positions = this.#state.positions.get(log.topic)
    // A topic it has not read before: a route was added.
    if (positions === undefined) return
    const ends = this.#ends.get(log) ?? []
    log.positions().forEach((live, partition) => {
      // A partition that was not there then is read from its start; so is a topic that was made anew and is shorter now.
      const stored = positions[partition] ?? 0
      const next = stored > Math.max(ends[partition] ?? 0, live) ? 0 : stored
      if (next === live) return
      const lag = new Lag(this.#subscriber, log, partition, next)
      // Another instance has read further than the reader of this one has come.
      if (next > live) lag.state = 'over'
      this.#subscriber.addLag(lag)
    })
  }

  #wantAgain(flight: Flight): void {
    if (flight.retainedTopic !== null) {
      this.#retained.push(flight)
      return
    }
    const log = this.#context.logs.get(flight.source)
    if (log === null) {
      this.#context.counters.lost.value++
      this.#subscriber.outbox.forget(flight)
      return
    }
    let lag = this.#subscriber.behind(log, flight.partition)
    if (lag === null || lag.state === 'over') {
      lag = new Lag(this.#subscriber, log, flight.partition, lag?.next ?? log.next(flight.partition))
      this.#subscriber.addLag(lag)
    }
    lag.want(flight.offset)
  }

  /** False: no room. What has been replaced since is not sent again: the newer message was, or will be. */
  #resendRetained(): boolean {
    const { retained, headers, clock } = this.#context
    const flight = this.#retained[0]!
    const topic = flight.retainedTopic!
    const record = retained.map.get(topic)
    const { outbox } = this.#subscriber
    if (record === null || record.offset !== flight.offset || record.partition !== flight.partition) {
      outbox.forget(flight)
    } else {
      const message = headers.decode(topic, record.value, record, clock.now(), true)
      if (!outbox.resend(flight, new Delivery(message, flight.qos, true, []))) return false
    }
    this.#retained.shift()
    return true
  }
}

function flightOf(record: FlightRecord): Flight {
  const { source, partition, offset, qos, retainedTopic } = record
  const flight = new Flight(source, partition, offset, qos, null, null, retainedTopic)
  flight.packetId = record.packetId
  flight.state = record.released ? 'releasing' : 'sent'
  flight.dup = true
  return flight
}

class LogEnd implements EndWaiter {
  readonly #resume: SubscriptionResume
  readonly #log: MessageLog
  constructor(resume: SubscriptionResume, log: MessageLog) {
    this.#resume = resume
    this.#log = log
  }
  get cancelled(): boolean {
    return this.#resume.cancelled
  }
  onEnds(ends: Ends): void {
    this.#resume.onLogEnd(this.#log, ends)
  }
  onEndsRefused(error: StreamError): void {
    this.#resume.onLogRefused(this.#log, error)
  }
}
