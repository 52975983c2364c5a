/** Asks the next hop a question: a stream that is answered by `accept` and ends. Used by the cache. */
import { type Exit, type Session, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept, KafkaOpen } from '../stream.ts'

/** Resolves with the answer; rejects with the error of the stream. */
export function ask(exit: Exit<Kafka>, open: KafkaOpen, session: Session | null): Promise<KafkaAccept> {
  return new Promise((resolve, reject) => {
    const stream = exit.connect(open, session, new Asker(resolve, reject))
    if (stream === null) reject(new StreamError('unavailable', `${exit.name} refused to ${open.kind} ${open.topic}`))
    else stream.end()
  })
}

class Asker implements StreamHandler<Kafka> {
  readonly onAccept: (info: KafkaAccept) => void
  readonly onAbort: (error: StreamError) => void

  constructor(resolve: (info: KafkaAccept) => void, reject: (error: StreamError) => void) {
    this.onAccept = resolve
    this.onAbort = reject
  }

  onData(): void {}

  /** After the answer this rejects nothing. */
  onEnd(): void {
    this.onAbort(new StreamError('closed', 'ended without an answer'))
  }
}
