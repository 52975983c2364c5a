/**
 * A stream that is one question: answered by `accept`, then ended. Made by the client and the cache for `offsets`, `describe` and
 * `create`.
 */
import { type Stream, type StreamHandler, toStreamError } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept } from './stream.ts'

export class AskStream implements StreamHandler<Kafka> {
  constructor(stream: Stream<Kafka>, answer: Promise<KafkaAccept>) {
    answer.then(
      (info) => {
        stream.accept(info)
        stream.end()
      },
      (error) => stream.abort(toStreamError(error, 'unavailable')),
    )
  }

  onData(): void {
    throw new Error('a question takes no data')
  }

  /** The answer follows when it is there. */
  onEnd(): void {}

  onAbort(): void {}
}
