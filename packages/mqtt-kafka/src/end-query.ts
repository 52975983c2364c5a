/**
 * Asks for the end of every partition of a topic. Whoever asks in the same turn shares one request; a request under way is
 * not joined, because its answer may be older than the question.
 */
import { type Clock, type Exit, StreamError, type Task } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept } from '@zilla-ts/kafka'
import { BackOff } from './back-off.ts'
import { KafkaQuestion } from './kafka-question.ts'
import { type Ends, endsOf } from './log-positions.ts'

/** Who wants to know; answered once, unless `cancelled`. */
export interface EndWaiter {
  /** the answer is of no use any more */
  readonly cancelled: boolean
  onEnds(ends: Ends): void
  /** It cannot be known: the topic is not there, or may not be read. */
  onEndsRefused(error: StreamError): void
}

type Isolation = 'committed' | 'uncommitted'

export class EndQuery implements Task {
  readonly #exit: Exit<Kafka>
  readonly #topic: string
  readonly #clock: Clock
  readonly #isolation: Isolation
  readonly #backOff: BackOff
  #waiting: EndWaiter[] = []
  #scheduled = false
  readonly #asked = new Set<KafkaQuestion>()

  /** `uncommitted`: for who reads on behind open transactions. */
  constructor(exit: Exit<Kafka>, topic: string, clock: Clock, isolation: Isolation = 'committed') {
    this.#exit = exit
    this.#topic = topic
    this.#clock = clock
    this.#isolation = isolation
    this.#backOff = new BackOff(clock, () => this.run())
  }

  ask(waiter: EndWaiter): void {
    this.#waiting.push(waiter)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.endOfTurn(this)
  }

  stop(): void {
    this.#waiting = []
    this.#backOff.cancel()
    for (const question of this.#asked) question.cancel()
    this.#asked.clear()
  }

  run(): void {
    this.#scheduled = false
    const waiters = this.#waiting.filter((waiter) => !waiter.cancelled)
    this.#waiting = []
    if (waiters.length === 0) return
    const question = new KafkaQuestion((answer) => {
      this.#asked.delete(question)
      this.#onAnswer(waiters, answer)
    })
    this.#asked.add(question)
    question.ask(this.#exit, { kind: 'offsets', topic: this.#topic, isolation: this.#isolation }, this.#clock)
  }

  fault(error: StreamError): void {
    this.#scheduled = false
    for (const waiter of this.#waiting.splice(0)) waiter.onEndsRefused(error)
  }

  #onAnswer(waiters: readonly EndWaiter[], answer: KafkaAccept | StreamError): void {
    if (!(answer instanceof StreamError)) {
      this.#backOff.reset()
      if (answer.kind !== 'offsets') return
      const ends = endsOf(answer.partitions)
      for (const waiter of waiters) if (!waiter.cancelled) waiter.onEnds(ends)
    } else if (answer.code === 'not-found' || answer.code === 'not-authorized') {
      for (const waiter of waiters) if (!waiter.cancelled) waiter.onEndsRefused(answer)
    } else {
      // Kafka is away: whoever asks has a deadline of its own.
      this.#waiting.push(...waiters)
      this.#backOff.schedule()
    }
  }
}
