/**
 * A `kafka` stream that asks one thing and is answered by `accept`: offsets, describe, create. Never waits for ever.
 */
import {
  type Clock,
  type Exit,
  type Stream,
  StreamError,
  type StreamHandler,
  type Task,
  type Timer,
} from '@zilla-ts/engine'
import type { Kafka, KafkaAccept, KafkaOpen } from '@zilla-ts/kafka'

const ANSWER_MS = 10_000

/** One question; the answer is told once, unless cancelled. */
export class KafkaQuestion implements StreamHandler<Kafka>, Task {
  readonly #onAnswer: (answer: KafkaAccept | StreamError) => void
  #stream: Stream<Kafka> | null = null
  #timer: Timer | null = null
  #answered = false

  constructor(onAnswer: (answer: KafkaAccept | StreamError) => void) {
    this.#onAnswer = onAnswer
  }

  ask(exit: Exit<Kafka>, open: KafkaOpen, clock: Clock): void {
    this.#timer = clock.after(ANSWER_MS, this)
    this.#stream = exit.connect(open, null, this)
    if (this.#stream === null) this.#answer(new StreamError('unavailable', `${exit.name} refuses`))
  }

  cancel(): void {
    this.#answered = true
    this.#timer?.cancel()
    this.#stream?.abort(new StreamError('closed', 'not needed any more'))
  }

  run(): void {
    this.#stream?.abort(new StreamError('timeout', 'no answer'))
    this.#answer(new StreamError('timeout', `no answer within ${ANSWER_MS / 1000} s`))
  }
  fault(): void {}

  onAccept(info: KafkaAccept): void {
    this.#answer(info)
  }
  onData(): void {}
  onEnd(): void {
    this.#stream?.end()
    this.#answer(new StreamError('unavailable', 'ended without an answer'))
  }
  onAbort(error: StreamError): void {
    this.#answer(error)
  }

  #answer(answer: KafkaAccept | StreamError): void {
    if (this.#answered) return
    this.#answered = true
    this.#timer?.cancel()
    this.#onAnswer(answer)
  }
}
