/**
 * One `produce` stream: numbers its records, remembers which are answered, and tells its writer in the order of the
 * writes. Made by the client for each open; the `Producer` stores its records.
 */
import type { Stream, StreamError, StreamHandler, Timer } from '@zilla-ts/engine'
import type { Kafka, ProduceMeta } from '../stream.ts'
import type { Topic, TopicWatcher } from './directory.ts'
import type { TopicQueues } from './partition-queue.ts'
import type { Producer } from './producer.ts'

const RING_INITIAL = 64

export class ProduceStream implements StreamHandler<Kafka>, TopicWatcher {
  readonly stream: Stream<Kafka>
  readonly topic: string
  readonly #producer: Producer
  /** its answers are to be told at the end of this round */
  touched = false
  /** told that its records are given up; those not sent yet are dropped */
  dead = false
  openDeadline: Timer | null = null
  /** granted, less what has been answered */
  outstandingBytes = 0
  #queues: TopicQueues | null = null
  #partitions = 0
  #recordBytesMax = 0
  #ended = false

  /** number of the last write */
  #written = 0
  /** number of the first write that is not answered */
  #oldest = 1
  #acked = 0
  // By number & mask: the cost of a record, negative once it is answered, and the time of its write.
  #costs = new Int32Array(RING_INITIAL)
  #times = new Float64Array(RING_INITIAL)
  #mask = RING_INITIAL - 1
  readonly #refused = new Map<number, StreamError>()

  constructor(stream: Stream<Kafka>, topic: string, producer: Producer) {
    this.stream = stream
    this.topic = topic
    this.#producer = producer
  }

  get accepted(): boolean {
    return this.#queues !== null
  }

  /** Write time of the oldest record that is not answered, monotonic ms; null: there is none. */
  get waitingSince(): number | null {
    return this.#oldest > this.#written ? null : this.#times[this.#oldest & this.#mask]!
  }

  onTopic(topic: Topic): void {
    const { partitions, recordBytesMax } = topic
    const opened = this.#queues === null
    this.#queues = this.#producer.queues(topic)
    this.#producer.leadersChanged()
    if (opened) {
      this.openDeadline?.cancel()
      this.stream.accept({ kind: 'produce', partitions, maxRecordBytes: recordBytesMax })
      this.#producer.grant(this)
    } else if (partitions !== this.#partitions || recordBytesMax !== this.#recordBytesMax) {
      this.stream.signal({ kind: 'topic', partitions, maxRecordBytes: recordBytesMax })
    }
    this.#partitions = partitions
    this.#recordBytesMax = recordBytesMax
  }

  onTopicLost(error: StreamError): void {
    this.#producer.abort(this, error)
  }

  onData(payload: Buffer, meta: ProduceMeta, cost: number): void {
    const number = ++this.#written
    if (number - this.#oldest > this.#mask) this.#grow()
    const at = number & this.#mask
    this.#costs[at] = cost
    this.#times[at] = this.#producer.turn()
    this.#producer.append(this, this.#queues!, number, payload, meta)
  }

  onEnd(): void {
    this.#ended = true
    this.#producer.touch(this)
  }

  /** What the writer has written is still sent; the answers interest nobody. */
  onAbort(): void {
    this.#producer.touch(this)
  }

  /** Record `number` is answered: stored, or for a reason refused. Told by `settle`. */
  answered(number: number, refused?: StreamError): void {
    const at = number & this.#mask
    const cost = this.#costs[at]!
    this.outstandingBytes -= cost
    this.#producer.returnCredit(cost)
    this.#costs[at] = -cost
    if (refused !== undefined) this.#refused.set(number, refused)
    if (!this.touched) this.#producer.touch(this)
  }

  /** Tells the writer what is answered, and gives room for more; ends when it has ended. */
  settle(): void {
    const { stream } = this
    this.touched = false
    while (this.#oldest <= this.#written && this.#costs[this.#oldest & this.#mask]! < 0) {
      const refused = this.#refused.size === 0 ? undefined : this.#refused.get(this.#oldest)
      if (refused !== undefined) {
        this.#refused.delete(this.#oldest)
        this.#acked = this.#oldest
        stream.ack(this.#acked, refused)
      }
      this.#oldest++
    }
    if (this.#oldest - 1 > this.#acked) {
      this.#acked = this.#oldest - 1
      stream.ack(this.#acked)
    }
    const drained = this.#oldest > this.#written
    if ((stream.closed || this.#ended) && drained) {
      this.#producer.remove(this)
      stream.end()
    } else if (!this.#ended && this.#queues !== null) {
      this.#producer.grant(this)
    }
  }

  /** Fills the room of the writer up to `windowBytes`, once half of it is used; the bytes granted. */
  grant(windowBytes: number): number {
    const room = windowBytes - this.outstandingBytes
    if (room < windowBytes / 2) return 0
    this.outstandingBytes += room
    this.stream.grant(room)
    return room
  }

  #grow(): void {
    const length = (this.#mask + 1) * 2
    const costs = new Int32Array(length)
    const times = new Float64Array(length)
    for (let number = this.#oldest; number < this.#written; number++) {
      costs[number & (length - 1)] = this.#costs[number & this.#mask]!
      times[number & (length - 1)] = this.#times[number & this.#mask]!
    }
    this.#costs = costs
    this.#times = times
    this.#mask = length - 1
  }
}
