/**
 * The `transaction` streams of one client, by their id: one that opens ends the other of this process at once, without
 * waiting for a broker to say so. Made by the client, which stops it.
 */
import { type Stream, StreamError } from '@zilla-ts/engine'
import type { Kafka, KafkaOpen } from '../stream.ts'
import type { Admin } from './admin.ts'
import type { Directory } from './directory.ts'
import type { Lane } from './lane.ts'
import type { ClientSite } from './site.ts'
import { TopicWatch } from './topic-watch.ts'
import { TransactionRequests } from './transaction-requests.ts'
import { TransactionStream } from './transaction-stream.ts'
import { TransactionalProducer } from './transactional-producer.ts'

type TransactionOpen = Extract<KafkaOpen, { kind: 'transaction' }>

/** Room of one stream, and so of one transaction: many streams share what few have to themselves. */
const WINDOW_MAX_BYTES = 4 * 1024 * 1024
const WINDOW_MIN_BYTES = 256 * 1024
const WINDOWS_BYTES = 32 * 1024 * 1024

export class Transactions {
  readonly #site: ClientSite
  readonly #admin: Admin
  readonly #directory: Directory
  readonly #lane: Lane
  readonly #streams = new Map<string, TransactionStream>()

  constructor(site: ClientSite, admin: Admin, directory: Directory, lane: Lane) {
    this.#site = site
    this.#admin = admin
    this.#directory = directory
    this.#lane = lane
  }

  open({ id, topic, timeoutMs }: TransactionOpen, stream: Stream<Kafka>): TransactionStream {
    const link = new TransactionRequests(id, timeoutMs, this.#admin, this.#directory, this.#lane)
    const producer = new TransactionalProducer(id, this.#site, link)
    const handler = new TransactionStream(stream, producer, (over) => {
      if (this.#streams.get(id) === over) this.#streams.delete(id)
    })
    const former = this.#streams.get(id)
    this.#streams.set(id, handler)
    const share = Math.floor(WINDOWS_BYTES / this.#streams.size)
    const windowBytes = Math.max(WINDOW_MIN_BYTES, Math.min(WINDOW_MAX_BYTES, share))
    handler.begin(this.#ready(id, topic, former), windowBytes)
    return handler
  }

  /** The former stream is told outside of the open of the new one, which must know its topic. */
  async #ready(id: string, topic: string, former: TransactionStream | undefined): Promise<void> {
    const watch = new TopicWatch(this.#directory, topic)
    try {
      await Promise.resolve()
      former?.fail(new StreamError('taken-over', `transactional id ${id} is another stream's now`))
      await this.#site.within(this.#site.settings.holdMs, `topic ${topic}`, watch.found)
    } finally {
      watch.end()
    }
  }

  /** Resolves when nothing that is committed waits for its answer. */
  async drained(): Promise<void> {
    await Promise.all([...this.#streams.values()].map((stream) => stream.idle))
  }

  stop(error: StreamError): void {
    for (const stream of [...this.#streams.values()]) stream.fail(error)
  }
}
