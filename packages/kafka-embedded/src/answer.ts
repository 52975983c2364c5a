/**
 * A stream that only asks: answered by `accept` and ended, or aborted, at the end of the turn, since neither may happen
 * while it is being opened.
 */
import type { Clock, Stream, StreamError, StreamHandler, Task } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept } from '@zilla-ts/kafka'

export class Answer implements StreamHandler<Kafka>, Task {
  readonly #stream: Stream<Kafka>
  readonly #clock: Clock
  #answer: (() => void) | null = null

  constructor(stream: Stream<Kafka>, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
  }

  accept(info: KafkaAccept): this {
    return this.#later(() => {
      this.#stream.accept(info)
      this.#stream.end()
    })
  }

  refuse(error: StreamError): this {
    return this.#later(() => this.#stream.abort(error))
  }

  #later(answer: () => void): this {
    this.#answer = answer
    this.#clock.endOfTurn(this)
    return this
  }

  run(): void {
    this.#answer?.()
  }

  fault(error: StreamError): void {
    this.#stream.abort(error)
  }

  onData(): void {
    throw new Error('this stream takes no records')
  }

  onEnd(): void {}

  onAbort(): void {}
}
