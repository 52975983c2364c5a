/**
 * One writer of one topic. Hands records to the appender, which calls back when they are stored; keeps the numbers that
 * acks need, and gives room back as records are stored.
 */
import type { Stream, StreamError, StreamHandler } from '@zilla-ts/engine'
import type { Kafka, ProduceMeta } from '@zilla-ts/kafka'
import type { Appender, Writer } from './appender.ts'
import type { Topic } from './topic.ts'

interface Refusal {
  readonly number: number
  readonly error: StreamError
}

export class ProduceStream implements StreamHandler<Kafka>, Writer {
  readonly #stream: Stream<Kafka>
  readonly #topic: Topic
  readonly #appender: Appender
  /** numbers of writes: received, in the transaction that flies, acknowledged */
  #received = 0
  #sealed = 0
  #acked = 0
  /** room used by what waits, and by what flies */
  #waitingCost = 0
  #sealedCost = 0
  #waitingRefusals: Refusal[] = []
  #sealedRefusals: Refusal[] = []
  #joined = false
  #ended = false

  constructor(stream: Stream<Kafka>, topic: Topic, appender: Appender, windowBytes: number) {
    this.#stream = stream
    this.#topic = topic
    this.#appender = appender
    appender.streams.add(this)
    const { partitions, config } = topic
    stream.accept({ kind: 'produce', partitions: partitions.length, maxRecordBytes: config.maxRecordBytes })
    stream.grant(windowBytes)
  }

  onData(payload: Buffer, meta: Kafka['meta'], cost: number): void {
    this.#received++
    this.#waitingCost += cost
    // A produce stream carries nothing else; the protocol's `meta` is the union of both directions.
    const refused = this.#add(payload, meta as ProduceMeta)
    if (refused !== null) this.#waitingRefusals.push({ number: this.#received, error: refused })
    if (this.#joined) return
    this.#joined = true
    this.#appender.join(this)
  }

  #add(payload: Buffer, record: ProduceMeta): StreamError | null {
    const { partitions, config } = this.#topic
    if (config.isCompacted && record.key === null) return this.#topic.keyMissing()
    if (this.#appender.add(partitions[record.hash % partitions.length]!, payload, record)) return null
    return this.#topic.tooLarge(payload, record)
  }

  /** All that was received so far is in the transaction that begins. */
  seal(): void {
    this.#joined = false
    this.#sealed = this.#received
    this.#sealedCost = this.#waitingCost
    this.#waitingCost = 0
    const refusals = this.#sealedRefusals
    this.#sealedRefusals = this.#waitingRefusals
    this.#waitingRefusals = refusals
  }

  /** That transaction is stored. */
  stored(): void {
    const stream = this.#stream
    for (const { number, error } of this.#sealedRefusals) {
      this.#acked = number
      stream.ack(number, error)
    }
    this.#sealedRefusals.length = 0
    if (this.#sealed > this.#acked) {
      this.#acked = this.#sealed
      stream.ack(this.#sealed)
    }
    const cost = this.#sealedCost
    this.#sealedCost = 0
    stream.grant(cost)
    if (this.#ended && this.#acked === this.#received) this.#close()
  }

  /** The log is not writable, or is again. */
  available(available: boolean): void {
    this.#stream.signal({ kind: 'available', available })
  }

  abort(error: StreamError): void {
    this.#appender.streams.delete(this)
    this.#stream.abort(error)
  }

  onEnd(): void {
    this.#ended = true
    if (this.#acked === this.#received) this.#close()
  }

  onAbort(): void {
    this.#appender.streams.delete(this)
  }

  #close(): void {
    this.#appender.streams.delete(this)
    this.#stream.end()
  }
}
