/**
 * A subscription that begins in the past (`zilla:from`): reads the log by sweeps from there to the live end, then goes on
 * live. A receiver of its own beside its client, so that what the client's other subscriptions have had does not come again.
 * Whatever has no room, QoS 0 too, stays in the log.
 */
import { type Clock, StreamError } from '@zilla-ts/engine'
import type { KafkaAccept } from '@zilla-ts/kafka'
import { Delivery, filterMatchesTopic, type Qos } from '@zilla-ts/mqtt'
import type { Arrival } from './arrival.ts'
import { Flight } from './flight.ts'
import { KafkaQuestion } from './kafka-question.ts'
import { Lag } from './lag.ts'
import { Lags } from './lags.ts'
import type { Ends } from './log-positions.ts'
import type { MessageLog } from './message-log.ts'
import type { Receiver } from './receiver.ts'
import { firstOffset, type ReplayFrom } from './replay-from.ts'
import type { Subscriber } from './subscriber.ts'
import type { Subscription } from './subscription.ts'

export class Replay implements Receiver {
  readonly filters = 1
  readonly #subscriber: Subscriber
  readonly #filter: string
  readonly #from: ReplayFrom
  readonly #lags = new Lags()
  /** under way, and who waits for the answers */
  readonly #questions = new Map<KafkaQuestion, (from: Ends | StreamError) => void>()
  #begun = false
  #closed = false

  constructor(subscriber: Subscriber, filter: string, from: ReplayFrom) {
    this.#subscriber = subscriber
    this.#filter = filter
    this.#from = from
  }

  /** It is over, or has come to the live end everywhere. */
  get caughtUp(): boolean {
    if (this.#closed) return true
    if (!this.#begun) return false
    for (const one of this.#chain()) if (this.#lags.of(one.log).some(({ state }) => state !== 'over')) return false
    return true
  }

  /** Finds out where it begins in a log that ends at `ends`; called back once. */
  locate(log: MessageLog, clock: Clock, ends: Ends, then: (from: Ends | StreamError) => void): void {
    const question = new KafkaQuestion((answer) => {
      this.#questions.delete(question)
      then(answer instanceof StreamError ? answer : this.#startOf(answer, ends))
    })
    this.#questions.set(question, then)
    const since = this.#from.kind === 'time' ? { since: this.#from.time } : {}
    question.ask(log.exit, { kind: 'offsets', topic: log.topic, ...since }, clock)
  }

  #startOf(answer: KafkaAccept, ends: Ends): Ends {
    const from: number[] = [...ends]
    if (answer.kind !== 'offsets') return from
    for (const { partition, start } of answer.partitions) {
      // What came after the end that counts for SUBSCRIBE is live, whatever its time.
      from[partition] = Math.min(firstOffset(this.#from, partition, start), ends[partition] ?? 0)
    }
    return from
  }

  /** The subscription is granted: from here on messages may be sent. */
  begin(): void {
    if (this.#begun || this.#closed) return
    this.#begun = true
    for (const { log, from } of this.#chain()) {
      log.positions().forEach((live, partition) => {
        const next = from?.[partition] ?? 0
        if (next < live) this.#lags.add(new Lag(this, log, partition, next))
      })
    }
    this.onRoom()
  }

  /** Per partition, the first record that has not been sent. */
  positions(log: MessageLog): Ends {
    const positions = [...log.positions()]
    for (const { log: own, from } of this.#chain()) {
      if (own !== log || from === null) continue
      for (const [partition, offset] of from.entries()) positions[partition] = offset
    }
    for (const lag of this.#lags.of(log)) positions[lag.partition] = lag.resumeAt
    return positions
  }

  onRoom(): void {
    if (this.#begun && !this.#closed && this.#subscriber.outbox.spacious) this.#lags.onRoom()
  }

  close(): void {
    this.#closed = true
    const questions = [...this.#questions]
    this.#questions.clear()
    for (const [question, then] of questions) {
      question.cancel()
      then(new StreamError('closed', 'the subscription is over'))
    }
    this.#lags.close()
  }

  take(arrival: Arrival, subscriptions: readonly Subscription[]): void {
    // A sweep will bring it.
    if (!this.#begun || this.#closed) return
    const { log, partition, offset } = arrival
    if (!this.#lags.empty && !this.#lags.passes(log, partition, offset)) return
    if (!this.#give(arrival, subscriptions)) this.#lags.fallBehind(this, log, partition, offset)
    for (const subscription of subscriptions) if (!subscription.settled) subscription.settle()
  }

  matching(log: MessageLog, topic: string, found: Subscription[]): void {
    if (!filterMatchesTopic(this.#filter, topic)) return
    for (const one of this.#chain()) if (one.log === log) found.push(one)
  }

  behind(log: MessageLog, partition: number): Lag | null {
    return this.#lags.get(log, partition)
  }

  isBehind(log: MessageLog): boolean {
    return this.#lags.has(log)
  }

  takeBehind(arrival: Arrival, subscriptions: readonly Subscription[]): boolean {
    return this.#closed || this.#give(arrival, subscriptions)
  }

  /** Only sessions that go on want records again, and theirs are not in a replay. */
  resend(): boolean {
    return true
  }

  gone(lag: Lag, offset: number): void {
    lag.wanted.delete(offset)
  }

  /** False: no room. */
  #give(arrival: Arrival, subscriptions: readonly Subscription[]): boolean {
    const { outbox, clientId } = this.#subscriber
    const { log, message, partition, offset } = arrival
    const one = subscriptions.find((subscription) => subscription.active && subscription.log === log)
    if (one === undefined || one.isBefore(partition, offset)) return true
    // [MQTT-3.8.3-3] not to the client that published
    if (one.noLocal && arrival.local === clientId) return true
    if (!outbox.open) return false
    const qos = Math.min(one.qos, arrival.qos) as Qos
    const retain = one.retainAsPublished && arrival.retained
    const delivery = one.ids.length === 0 ? message.delivery(qos, retain) : new Delivery(message, qos, retain, one.ids)
    if (qos === 0) outbox.send(delivery)
    else outbox.offer(new Flight(log.topic, partition, offset, qos, delivery, null, null))
    return true
  }

  *#chain(): Iterable<Subscription> {
    let one = this.#subscriber.subscriptions.get(this.#filter) ?? null
    for (; one !== null; one = one.next) if (one.receiver === this) yield one
  }
}
