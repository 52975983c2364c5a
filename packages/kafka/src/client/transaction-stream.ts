/**
 * One `transaction` stream: collects records until its writer commits, has each transaction stored, and tells the writer in
 * order. Made by `Transactions` for each open. Must never hold more than the room it gave, and a bound for keys and headers.
 */
import { type Stream, StreamError, type StreamHandler, toStreamError } from '@zilla-ts/engine'
import type { Kafka, KafkaSignal, TransactionMeta } from '../stream.ts'
import { Transaction } from './transaction.ts'
import type { TransactionalProducer } from './transactional-producer.ts'

/** Keys and headers, which room does not count, included. */
const HELD_BYTES_MAX = 32 * 1024 * 1024

export class TransactionStream implements StreamHandler<Kafka> {
  readonly #stream: Stream<Kafka>
  readonly #producer: TransactionalProducer
  readonly #onOver: (stream: TransactionStream) => void
  /** what the writer writes now; null: nothing since its last commit */
  #open: Transaction | null = null
  #written = 0
  #heldBytes = 0
  #accepted = false
  #over = false
  /** the transactions committed so far, one after the other; never rejects */
  #work: Promise<void> = Promise.resolve()

  constructor(stream: Stream<Kafka>, producer: TransactionalProducer, onOver: (stream: TransactionStream) => void) {
    this.#stream = stream
    this.#producer = producer
    this.#onOver = onOver
  }

  /** Resolves when all that is committed so far is answered; nothing can be while the stream opens. */
  get idle(): Promise<void> {
    return this.#accepted ? this.#work : Promise.resolve()
  }

  /** Called once. `ready`: what must be over before the id is asked for. */
  begin(ready: Promise<unknown>, windowBytes: number): void {
    this.#then(async () => {
      await ready
      if (this.#over) return
      await this.#producer.init()
      if (this.#over) return
      this.#accepted = true
      this.#stream.accept({ kind: 'transaction', term: this.#producer.term })
      this.#stream.grant(windowBytes)
    })
  }

  onData(payload: Buffer, meta: TransactionMeta, cost: number): void {
    this.#open ??= new Transaction()
    const before = this.#open.heldBytes
    this.#open.add(payload, meta, ++this.#written, cost)
    this.#heldBytes += this.#open.heldBytes - before
    if (this.#heldBytes <= HELD_BYTES_MAX) return
    this.fail(new StreamError('quota', `transactions hold more than ${HELD_BYTES_MAX} bytes`))
  }

  onSignal(signal: KafkaSignal): void {
    if (signal.kind !== 'commit') throw new Error(`a transaction takes no signal ${signal.kind}`)
    const transaction = this.#open
    if (transaction === null) return
    this.#open = null
    this.#then(() => this.#commit(transaction))
  }

  async #commit(transaction: Transaction): Promise<void> {
    const refused = await this.#producer.commit(transaction)
    if (this.#over) return
    this.#heldBytes -= transaction.heldBytes
    this.#stream.ack(transaction.through, refused ?? undefined)
    this.#stream.grant(transaction.cost)
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#over) return
      try {
        await step()
      } catch (error) {
        this.fail(toStreamError(error, 'internal'))
      }
    })
  }

  /** What is committed is still stored; what is not is given up. */
  onEnd(): void {
    this.#then(async () => {
      this.#end(new StreamError('closed', 'the writer has ended'))
      this.#stream.end()
    })
  }

  /** Nothing more is stored, if it is not too late. */
  onAbort(): void {
    this.#end(new StreamError('closed', 'the writer is gone'))
  }

  /** Ends the stream before its time, and says so where the outcome of a commit is open. */
  fail(error: StreamError): void {
    if (this.#over) return
    const unknown = this.#producer.outcomeUnknown && error.code !== 'timeout'
    this.#end(error)
    this.#stream.abort(
      unknown ? new StreamError('timeout', `the outcome of a commit is unknown: ${error.message}`) : error,
    )
  }

  #end(error: StreamError): void {
    this.#over = true
    this.#open = null
    this.#producer.giveUp(error)
    this.#onOver(this)
  }
}
