/**
 * One `transaction` stream: keeps records until its writer commits, then has the appender store all of them in one lmdb
 * transaction. Only one at a time has an id: the next ends the one before. Must never hand over a part of a transaction.
 */
import { randomBytes } from 'node:crypto'
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Kafka, KafkaSignal, TransactionMeta } from '@zilla-ts/kafka'
import type { Appender, Writer } from './appender.ts'
import type { Log } from './log.ts'
import type { Partition } from './topic.ts'

const TERM_BYTES = 8
/** Keys and headers, which room does not count, included. */
const HELD_BYTES_MAX = 32 * 1024 * 1024
/** what a record costs beside its bytes */
const RECORD_BYTES = 128

interface HeldRecord {
  readonly partition: Partition
  readonly value: Buffer
  readonly meta: TransactionMeta
}

/** What is told once it is stored, or refused. */
interface Answer {
  readonly through: number
  readonly cost: number
  readonly refused: StreamError | undefined
}

export class TransactionStream implements StreamHandler<Kafka>, Writer {
  readonly #stream: Stream<Kafka>
  readonly #id: string
  readonly #log: Log
  readonly #appender: Appender
  readonly #windowBytes: number
  /** of the transaction that is being written */
  #records: HeldRecord[] = []
  #refused: StreamError | undefined
  #heldBytes = 0
  #cost = 0
  #written = 0
  /** number of the last write that is committed */
  #committed = 0
  #waiting: Answer[] = []
  #flying: Answer[] = []
  #accepted = false
  #joined = false
  #ended = false
  /** another stream has the id: what is committed is answered, then this one is over */
  #superseded = false

  constructor(stream: Stream<Kafka>, id: string, log: Log, windowBytes: number) {
    this.#stream = stream
    this.#id = id
    this.#log = log
    this.#appender = log.appender
    this.#windowBytes = windowBytes
    const former = log.transactions.get(id)
    if (former !== undefined) former.#supersede()
    log.transactions.set(id, this)
    this.#appender.streams.add(this)
    // What the one before has committed is stored, and told, before this one is accepted.
    this.#join()
  }

  #join(): void {
    if (this.#joined) return
    this.#joined = true
    this.#appender.join(this)
  }

  #supersede(): void {
    this.#superseded = true
    this.#drop()
    this.#join()
  }

  #drop(): void {
    this.#records = []
    this.#refused = undefined
    this.#heldBytes = 0
    this.#cost = 0
  }

  onData(payload: Buffer, meta: TransactionMeta, cost: number): void {
    if (this.#superseded) return
    this.#written++
    this.#cost += cost
    const { key, headers } = meta
    const topic = this.#log.topic(meta.topic)
    this.#refused ??= topic === undefined ? noTopic(meta.topic) : (topic.refusal(payload, meta) ?? undefined)
    if (topic === undefined || this.#refused !== undefined) return
    const partition = topic.partitions[meta.hash % topic.partitions.length]!
    const copy = { ...meta, key: key && Buffer.from(key), headers: Buffer.from(headers) }
    this.#records.push({ partition, value: Buffer.from(payload), meta: copy })
    this.#heldBytes += payload.length + (key?.length ?? 0) + headers.length + RECORD_BYTES
    if (this.#heldBytes <= HELD_BYTES_MAX) return
    this.abort(new StreamError('quota', `a transaction holds more than ${HELD_BYTES_MAX} bytes`))
  }

  onSignal(signal: KafkaSignal): void {
    if (signal.kind !== 'commit') throw new Error(`a transaction takes no signal ${signal.kind}`)
    if (this.#superseded || this.#written === this.#committed) return
    if (this.#refused === undefined) {
      for (const { partition, value, meta } of this.#records) this.#appender.add(partition, value, meta)
    }
    this.#committed = this.#written
    this.#waiting.push({ through: this.#written, cost: this.#cost, refused: this.#refused })
    this.#drop()
    this.#join()
  }

  seal(): void {
    this.#joined = false
    this.#flying = this.#waiting
    this.#waiting = []
  }

  stored(): void {
    const stream = this.#stream
    const answers = this.#flying
    this.#flying = []
    for (const { through, cost, refused } of answers) {
      stream.ack(through, refused)
      stream.grant(cost)
    }
    if (this.#waiting.length > 0) return
    if (this.#superseded)
      this.abort(new StreamError('taken-over', `another stream has transactional id ${this.#id} now`))
    else if (this.#ended) this.#close()
    else if (!this.#accepted) this.#accept()
  }

  #accept(): void {
    this.#accepted = true
    this.#stream.accept({ kind: 'transaction', term: randomBytes(TERM_BYTES).toString('hex') })
    this.#stream.grant(this.#windowBytes)
  }

  /** Of no interest here: the log alone decides how long a transaction waits. */
  available(): void {}

  abort(error: StreamError): void {
    this.#leave()
    this.#stream.abort(error)
  }

  onEnd(): void {
    this.#ended = true
    this.#drop()
    if (this.#waiting.length === 0 && this.#flying.length === 0) this.#close()
  }

  /** What is committed is stored nevertheless. */
  onAbort(): void {
    this.#leave()
  }

  #close(): void {
    this.#leave()
    this.#stream.end()
  }

  #leave(): void {
    this.#drop()
    this.#appender.streams.delete(this)
    if (this.#log.transactions.get(this.#id) === this) this.#log.transactions.delete(this.#id)
  }
}

function noTopic(name: string): StreamError {
  return new StreamError('not-found', `no topic ${name}`)
}
