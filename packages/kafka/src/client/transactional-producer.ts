/**
 * Stores the transactions of one id, one after the other, each in all its partitions or in none (KIP-98). Knows brokers only
 * through `TransactionLink`, so that its rules can be tested alone. Owned by a `TransactionStream`. Must never call a
 * transaction undone whose commit may have been carried out.
 */
import { type ErrorCode, StreamError, toStreamError } from '@zilla-ts/engine'
import { sequenceAfter, stampTransaction } from '../codec/batch-stamp.ts'
import type { ProducerIdentity } from './admin.ts'
import type { Topic } from './directory.ts'
import {
  CONCURRENT_TRANSACTIONS,
  COORDINATOR_LOAD_IN_PROGRESS,
  COORDINATOR_NOT_AVAILABLE,
  coordinatedError,
  DUPLICATE_SEQUENCE,
  INVALID_PRODUCER_EPOCH,
  INVALID_PRODUCER_ID_MAPPING,
  INVALID_TXN_STATE,
  isFinal,
  LEADER_NOT_AVAILABLE,
  NONE,
  OUT_OF_ORDER_SEQUENCE,
  PRODUCER_FENCED,
  topicError,
  UNKNOWN_PRODUCER_ID,
} from './error-codes.ts'
import { groupBy } from './group-by.ts'
import { Backoff, type ClientSite } from './site.ts'
import type { Transaction, TransactionBatch } from './transaction.ts'
import type { TransactionLink } from './transaction-requests.ts'

/** The request has not been carried out, whatever comes of the next. */
const NOT_DONE: readonly number[] = [CONCURRENT_TRANSACTIONS, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE]
/** Our epoch is not the latest: another has made one, or the broker ended a transaction that was open for too long. */
const FENCED: readonly number[] = [PRODUCER_FENCED, INVALID_PRODUCER_EPOCH]
/** The broker has forgotten the id, its transaction or its sequence: only a new epoch helps. */
const LOST: readonly number[] = [
  INVALID_TXN_STATE,
  INVALID_PRODUCER_ID_MAPPING,
  UNKNOWN_PRODUCER_ID,
  OUT_OF_ORDER_SEQUENCE,
]
/** The record is at fault, not the time. */
const REFUSALS: readonly ErrorCode[] = ['not-found', 'not-authorized', 'invalid', 'too-large']

export class TransactionalProducer {
  readonly #id: string
  readonly #site: ClientSite
  readonly #link: TransactionLink
  /** of the next batch, by `topic/partition` */
  readonly #sequences = new Map<string, number>()
  #identity: ProducerIdentity = { producerId: -1, producerEpoch: -1 }
  #deadline = 0
  /** the coordinator may know the transaction */
  #begun = false
  /** a commit has left that may be carried out */
  #unknown = false
  #over: StreamError | null = null

  constructor(id: string, site: ClientSite, link: TransactionLink) {
    this.#id = id
    this.#site = site
    this.#link = link
  }

  /** Differs from that of every other producer with this id. */
  get term(): string {
    return `${this.#identity.producerId}.${this.#identity.producerEpoch}`
  }

  /** What became of the last commit is not known. */
  get outcomeUnknown(): boolean {
    return this.#unknown
  }

  /** Fences all others with this id; once, before anything else. */
  async init(): Promise<void> {
    this.#begin()
    this.#identity = await this.#repeat(async () => {
      const answer = await this.#link.init()
      if (typeof answer !== 'number') return answer
      throw coordinatedError(answer, this.#what) ?? this.#later(answer)
    })
  }

  /**
   * Null: committed. An error: a record can never be stored, nothing is. Rejects where the id can be used no more; then
   * `outcomeUnknown` says whether this transaction may be committed nevertheless.
   */
  async commit(transaction: Transaction): Promise<StreamError | null> {
    this.#begin()
    const names = transaction.topics
    try {
      return await this.#carryOut(transaction, names)
    } catch (error) {
      if (this.#begun && !this.#unknown && this.#over?.code === 'closed') await this.#undo()
      throw error
    } finally {
      for (const name of names) this.#link.release(name)
    }
  }

  /** Ends what is under way as soon as nothing is in flight. */
  giveUp(error: StreamError): StreamError {
    this.#over ??= error
    return this.#over
  }

  #begin(): void {
    this.#deadline = this.#site.clock.monotonic() + this.#site.settings.holdMs
    this.#begun = false
  }

  async #carryOut(transaction: Transaction, names: ReadonlySet<string>): Promise<StreamError | null> {
    const topics = await this.#topics(names)
    if (topics instanceof StreamError) return topics
    const rounds = transaction.rounds(topics)
    if (rounds instanceof StreamError) return rounds
    let refused = await this.#addPartitions(rounds[0]!)
    for (const round of rounds) refused ??= await this.#produce(round)
    await this.#end(refused === null)
    return refused
  }

  async #topics(names: ReadonlySet<string>): Promise<Map<string, Topic> | StreamError> {
    try {
      const found = Promise.all([...names].map(async (name) => [name, await this.#link.topic(name)] as const))
      return new Map(await this.#site.within(this.#site.settings.holdMs, `topics of ${this.#what}`, found))
    } catch (error) {
      const reason = toStreamError(error, 'unavailable')
      if (REFUSALS.includes(reason.code)) return reason
      throw reason
    }
  }

  #addPartitions(batches: readonly TransactionBatch[]): Promise<StreamError | null> {
    const parts = batches.map(({ topic, partition }) => ({ topic: topic.name, partition }))
    return this.#repeat(async () => {
      this.#begun = true
      const { topic, code } = await this.#link.addPartitions(this.#identity, parts)
      if (code === NONE) return null
      const verdict = this.#judge(code, topic)
      if (verdict === 'later') throw this.#later(code)
      return verdict
    })
  }

  /** Stores one batch per partition; those that may be stored already are sent again as they were. */
  #produce(round: readonly TransactionBatch[]): Promise<StreamError | null> {
    for (const batch of round) {
      const baseSequence = this.#sequences.get(placeOf(batch)) ?? 0
      stampTransaction(batch.bytes, 0, { ...this.#identity, baseSequence })
    }
    let waiting = round
    return this.#repeat(async () => {
      const answers = await this.#send(waiting)
      const later: TransactionBatch[] = []
      let refused: StreamError | null = null
      let last = NONE
      for (const { batch, code } of answers) {
        if (code === NONE || code === DUPLICATE_SEQUENCE) {
          const place = placeOf(batch)
          this.#sequences.set(place, sequenceAfter(this.#sequences.get(place) ?? 0, batch.count))
          continue
        }
        const verdict = this.#judge(code, batch.topic.name)
        last = code
        if (verdict === 'later') later.push(batch)
        else refused ??= verdict
      }
      waiting = later
      if (refused !== null || later.length === 0) return refused
      throw this.#later(last)
    })
  }

  /** One request per broker; settles when all are over, so that none lands behind the end of the transaction. */
  async #send(batches: readonly TransactionBatch[]) {
    const byLeader = groupBy(batches, ({ topic, partition }) => topic.leaders[partition] ?? -1)
    const answers = [...byLeader].map(async ([node, some]) => {
      const parts = some.map(({ topic, partition, bytes }) => ({ topic: topic.name, partition, bytes }))
      const codes = node < 0 ? [] : await this.#link.produce(node, parts).catch((error) => this.#lost(error))
      return some.map((batch, at) => ({ batch, code: codes[at] ?? LEADER_NOT_AVAILABLE }))
    })
    return (await Promise.all(answers)).flat()
  }

  #lost(error: unknown): readonly number[] {
    const { message } = toStreamError(error, 'unavailable')
    this.#site.report.event('debug', 'KAFKA_TRANSACTION_DELAYED', `${this.#what}: ${message}`)
    return []
  }

  /** What a code means for a partition: why it can never take part, or that it may later. Throws where the id is lost. */
  #judge(code: number, topic: string): StreamError | 'later' {
    if (FENCED.includes(code)) throw this.giveUp(this.#takenOver())
    if (LOST.includes(code)) throw this.giveUp(this.#unusable(code))
    const refused = isFinal(code) ? topicError(code, topic) : null
    const error = refused ?? coordinatedError(code, this.#what)
    if (error !== null) this.#site.complaints.denied(error)
    if (refused !== null) return refused
    if (error !== null) throw this.giveUp(error)
    return 'later'
  }

  /** EndTxn. A commit without an answer is not repeated: its outcome may be another's by then. */
  async #end(commit: boolean): Promise<void> {
    await this.#repeat(async () => {
      const before = this.#unknown
      this.#unknown = commit
      const code = await this.#link.end(this.#identity, commit).catch((error) => {
        const reason = toStreamError(error, 'unavailable')
        if (reason.code === 'timeout' && commit) throw this.giveUp(reason)
        this.#unknown = before
        throw reason
      })
      if (code === NONE || (code === INVALID_TXN_STATE && !commit)) {
        this.#unknown = false
        return
      }
      if (!before && (NOT_DONE.includes(code) || FENCED.includes(code) || LOST.includes(code))) this.#unknown = false
      if (FENCED.includes(code)) throw this.giveUp(this.#takenOver())
      if (LOST.includes(code)) throw this.giveUp(this.#unusable(code))
      throw this.#later(code)
    })
  }

  /** Lets the readers of the partitions go on at once, not only when the broker ends the transaction. */
  async #undo(): Promise<void> {
    await this.#link.end(this.#identity, false).catch((error) => this.#lost(error))
  }

  /** Again and again while it may work later, until the hold time is over. */
  async #repeat<T>(attempt: () => Promise<T>): Promise<T> {
    const backoff = new Backoff()
    for (;;) {
      if (this.#over !== null) throw this.#over
      if (this.#site.stopped) throw new StreamError('shutdown', `${this.#site.name} is stopped`)
      try {
        return await attempt()
      } catch (error) {
        if (this.#over !== null) throw this.#over
        const reason = toStreamError(error, 'unavailable')
        if (reason.code !== 'unavailable' && reason.code !== 'timeout') {
          this.#site.complaints.denied(reason)
          throw reason
        }
        if (this.#site.clock.monotonic() >= this.#deadline) {
          throw new StreamError('unavailable', `${this.#what}: Kafka at ${this.#site.where}: ${reason.message}`)
        }
        await this.#site.pause(backoff.next())
      }
    }
  }

  get #what(): string {
    return `transactional id ${this.#id}`
  }

  #later(code: number): StreamError {
    this.#link.moved(code)
    this.#link.refresh()
    return new StreamError('unavailable', `${this.#what} cannot be used now (Kafka error ${code})`)
  }

  #takenOver(): StreamError {
    return new StreamError('taken-over', `${this.#what} is another's now, or was open for too long`)
  }

  #unusable(code: number): StreamError {
    return new StreamError('unavailable', `${this.#what} is not known any more (Kafka error ${code})`)
  }
}

function placeOf({ topic, partition }: TransactionBatch): string {
  return `${topic.name}/${partition}`
}
