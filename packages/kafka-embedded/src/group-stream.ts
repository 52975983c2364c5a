/**
 * One `group` stream. The lock of the directory proves that nobody else has this log, so that its one member has every
 * partition from the start, for good.
 */
import type { Stream, StreamError, StreamHandler } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import type { Topic } from './topic.ts'

const GENERATION = 1

export class GroupStream implements StreamHandler<Kafka> {
  readonly #stream: Stream<Kafka>
  readonly #topic: Topic

  constructor(stream: Stream<Kafka>, topic: Topic, member: string) {
    this.#stream = stream
    this.#topic = topic
    topic.members.add(this)
    const partitions = topic.partitions.map(({ index }) => index)
    stream.accept({ kind: 'group', exclusive: true })
    stream.signal({ kind: 'assigned', generation: GENERATION, partitions, members: [member] })
  }

  abort(error: StreamError): void {
    this.#topic.members.delete(this)
    this.#stream.abort(error)
  }

  onData(): void {
    throw new Error('a group takes no data')
  }

  onEnd(): void {
    this.#topic.members.delete(this)
    this.#stream.end()
  }

  onAbort(): void {
    this.#topic.members.delete(this)
  }
}
