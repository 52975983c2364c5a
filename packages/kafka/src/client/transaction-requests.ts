/**
 * The requests of one transactional id to the brokers (KIP-98), each one attempt over connections of their own, since a
 * broker may hold up a transactional Produce while it asks the coordinator (KIP-890). Used by the `TransactionalProducer`,
 * which decides about another attempt.
 */
import { StreamError, toStreamError } from '@zilla-ts/engine'
import type { Admin, ProducerIdentity } from './admin.ts'
import { Coordinator } from './coordinator.ts'
import type { Directory, Topic } from './directory.ts'
import { NONE, OPERATION_NOT_ATTEMPTED } from './error-codes.ts'
import { groupBy } from './group-by.ts'
import { apiKeys, requests } from './kafkajs.ts'
import type { Lane } from './lane.ts'
import { PRODUCE_VERSION_MAX, type ProducePart, produceCall } from './produce-wire.ts'
import { TopicWatch } from './topic-watch.ts'

const REQUEST_TIMEOUT_MS = 10_000
/** How long a leader may wait for its replicas. */
const REPLICATION_TIMEOUT_MS = 10_000
const PRODUCE_TIMEOUT_MS = 15_000

/** A partition that takes part, and what its leader or the coordinator said of it. */
export interface PartitionCode {
  readonly topic: string
  readonly partition: number
  readonly code: number
}

/** The brokers, as far as a transactional producer needs them. All reject with `unavailable` or `timeout` for no answer. */
export interface TransactionLink {
  /** Makes the epoch that fences all others; or the code why not. */
  init(): Promise<ProducerIdentity | number>
  /** Looks the topic up; rejects with `not-found` where it does not exist. Kept up to date until `release`. */
  topic(name: string): Promise<Topic>
  release(name: string): void
  /** leaders seem to have changed */
  refresh(): void
  addPartitions(
    identity: ProducerIdentity,
    parts: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<PartitionCode>
  produce(node: number, parts: readonly ProducePart[]): Promise<readonly number[]>
  /** Rejects with `timeout` only once the request has left, so that the outcome is unknown; before with `unavailable`. */
  end(identity: ProducerIdentity, commit: boolean): Promise<number>
  /** Whether the code says that another coordinator is to be asked, or later. */
  moved(code: number): boolean
}

export class TransactionRequests implements TransactionLink {
  readonly #id: string
  readonly #timeoutMs: number
  readonly #directory: Directory
  readonly #lane: Lane
  readonly #coordinator: Coordinator
  readonly #watches = new Map<string, TopicWatch>()

  constructor(id: string, timeoutMs: number, admin: Admin, directory: Directory, lane: Lane) {
    this.#id = id
    this.#timeoutMs = timeoutMs
    this.#directory = directory
    this.#lane = lane
    this.#coordinator = new Coordinator(admin, directory, lane, 'transactional id', id)
  }

  async init(): Promise<ProducerIdentity | number> {
    const connection = await this.#coordinator.connection()
    const args = { transactionalId: this.#id, transactionTimeout: this.#timeoutMs }
    const answer = await this.#coordinator.send(
      connection,
      'InitProducerId',
      requests.InitProducerId,
      args,
      REQUEST_TIMEOUT_MS,
    )
    if (answer.errorCode !== NONE) return answer.errorCode
    return { producerId: Number(answer.producerId), producerEpoch: answer.producerEpoch }
  }

  topic(name: string): Promise<Topic> {
    let watch = this.#watches.get(name)
    if (watch === undefined) {
      watch = new TopicWatch(this.#directory, name)
      this.#watches.set(name, watch)
    }
    return watch.found
  }

  release(name: string): void {
    this.#watches.get(name)?.end()
    this.#watches.delete(name)
  }

  refresh(): void {
    this.#directory.refresh()
  }

  async addPartitions(
    identity: ProducerIdentity,
    parts: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<PartitionCode> {
    const connection = await this.#coordinator.connection()
    const topics = [...groupBy(parts, ({ topic }) => topic)].map(([topic, some]) => ({
      topic,
      partitions: some.map(({ partition }) => partition),
    }))
    const { errors } = await this.#coordinator.send(
      connection,
      'AddPartitionsToTxn',
      requests.AddPartitionsToTxn,
      { ...this.#of(identity), topics },
      REQUEST_TIMEOUT_MS,
    )
    const codes = errors.flatMap(({ topic, partitionErrors }) =>
      partitionErrors.map(({ partition, errorCode: code }) => ({ topic, partition, code })),
    )
    // One partition that cannot take part keeps all others out.
    const found = codes.filter(({ code }) => code !== NONE)
    return (
      found.find(({ code }) => code !== OPERATION_NOT_ATTEMPTED) ??
      found[0] ?? { topic: '', partition: -1, code: codes.length === parts.length ? NONE : -1 }
    )
  }

  async produce(node: number, parts: readonly ProducePart[]): Promise<readonly number[]> {
    const connection = await this.#lane.connection(this.#directory.address(node))
    const version = connection.version(apiKeys.Produce, PRODUCE_VERSION_MAX)
    const call = produceCall(version, parts, REPLICATION_TIMEOUT_MS, this.#id)
    return (await connection.send(call, PRODUCE_TIMEOUT_MS)).codes
  }

  async end(identity: ProducerIdentity, commit: boolean): Promise<number> {
    const connection = await this.#coordinator.connection()
    const args = { ...this.#of(identity), transactionResult: commit }
    try {
      const answer = await this.#coordinator.send(connection, 'EndTxn', requests.EndTxn, args, REQUEST_TIMEOUT_MS)
      return answer.errorCode
    } catch (error) {
      const { message } = toStreamError(error, 'timeout')
      throw new StreamError('timeout', message, { cause: error })
    }
  }

  moved(code: number): boolean {
    return this.#coordinator.moved(code)
  }

  #of({ producerId, producerEpoch }: ProducerIdentity) {
    return { transactionalId: this.#id, producerId: String(producerId), producerEpoch }
  }
}
