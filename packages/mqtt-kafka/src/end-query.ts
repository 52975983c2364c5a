/**
 * Asks for the end of every partition of a topic. Whoever asks in the same turn shares one request; a request under way is
 * not joined, because its answer may be older than the question.
 */
import { type Clock, type Exit, type Stream, StreamError, type StreamHandler, type Task } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept } from '@zilla-ts/kafka'
import { BackOff } from './back-off.ts'
import { type Ends, endsOf } from './log-positions.ts'

/** Who wants to know; answered once, unless `cancelled`. */
export interface EndWaiter {
  /** the answer is of no use any more */
  readonly cancelled: boolean
  onEnds(ends: Ends): void
  /** It cannot be known: the topic is not there, or may not be read. */
  onEndsRefused(error: StreamError): void
}

export class EndQuery implements Task {
  readonly #exit: Exit<Kafka>
  readonly #topic: string
  readonly #clock: Clock
  readonly #backOff: BackOff
  #waiting: EndWaiter[] = []
  #scheduled = false
  readonly #asks = new Set<Ask>()

  constructor(exit: Exit<Kafka>, topic: string, clock: Clock) {
    this.#exit = exit
    this.#topic = topic
    this.#clock = clock
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
    for (const ask of this.#asks) ask.stream?.abort(new StreamError('closed', 'not needed any more'))
    this.#asks.clear()
  }

  run(): void {
    this.#scheduled = false
    const waiters = this.#waiting.filter((waiter) => !waiter.cancelled)
    this.#waiting = []
    if (waiters.length === 0) return
    const ask = new Ask(waiters, (answered, error) => this.#onAnswer(answered, error))
    this.#asks.add(ask)
    ask.stream = this.#exit.connect({ kind: 'offsets', topic: this.#topic }, null, ask)
    if (ask.stream === null) ask.onAbort(new StreamError('unavailable', `${this.#exit.name} refuses`))
  }

  fault(error: StreamError): void {
    this.#scheduled = false
    for (const waiter of this.#waiting.splice(0)) waiter.onEndsRefused(error)
  }

  #onAnswer(ask: Ask, answer: Ends | StreamError): void {
    this.#asks.delete(ask)
    if (!(answer instanceof StreamError)) {
      this.#backOff.reset()
      for (const waiter of ask.waiters) if (!waiter.cancelled) waiter.onEnds(answer)
    } else if (answer.code === 'not-found' || answer.code === 'not-authorized') {
      for (const waiter of ask.waiters) if (!waiter.cancelled) waiter.onEndsRefused(answer)
    } else {
      // Kafka is away: whoever asks has a deadline of its own.
      this.#waiting.push(...ask.waiters)
      this.#backOff.schedule()
    }
  }
}

class Ask implements StreamHandler<Kafka> {
  stream: Stream<Kafka> | null = null
  readonly waiters: readonly EndWaiter[]
  readonly #done: (ask: Ask, answer: Ends | StreamError) => void
  #answered = false

  constructor(waiters: readonly EndWaiter[], done: (ask: Ask, answer: Ends | StreamError) => void) {
    this.waiters = waiters
    this.#done = done
  }

  onAccept(info: KafkaAccept): void {
    if (info.kind === 'offsets') this.#answer(endsOf(info.partitions))
  }
  onData(): void {}
  onEnd(): void {
    this.stream?.end()
    this.#answer(new StreamError('unavailable', 'ended without an answer'))
  }
  onAbort(error: StreamError): void {
    this.#answer(error)
  }

  #answer(answer: Ends | StreamError): void {
    if (this.#answered) return
    this.#answered = true
    this.#done(this, answer)
  }
}
