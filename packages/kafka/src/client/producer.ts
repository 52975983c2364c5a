/**
 * Sends the records of all produce streams: one request per broker for all its partitions, in order, each record stored
 * once (idempotent producer, KIP-98). Knows brokers only through `ProduceLink`, so that its rules can be tested alone.
 * Must never drop a record silently, nor change the bytes of a batch that may be stored already.
 */
import {
  type Clock,
  type Counter,
  type Reporter,
  StreamError,
  type Task,
  type Timer,
  toStreamError,
} from '@zilla-ts/engine'
import type { BatchBuilder } from '../codec/batch-builder.ts'
import type { ProduceMeta } from '../stream.ts'
import type { ProducerIdentity } from './admin.ts'
import type { Topic } from './directory.ts'
import {
  CORRUPT_MESSAGE,
  DUPLICATE_SEQUENCE,
  INVALID_PRODUCER_EPOCH,
  INVALID_RECORD,
  INVALID_TIMESTAMP,
  isFinal,
  MESSAGE_TOO_LARGE,
  NONE,
  OUT_OF_ORDER_SEQUENCE,
  PRODUCER_FENCED,
  RECORD_LIST_TOO_LARGE,
  topicError,
  UNKNOWN_PRODUCER_ID,
} from './error-codes.ts'
import { type Batch, PartitionQueue, type TopicQueues } from './partition-queue.ts'
import type { ProduceStream } from './produce-stream.ts'
import type { ProducePart } from './produce-wire.ts'
import { Backoff } from './site.ts'

/** What a request came to; called once, never from inside `send`. */
export interface ProduceAnswer {
  /** error codes, in the order of the parts */
  onAnswer(codes: readonly number[]): void
  /** no answer: whether the batches are stored is not known */
  onFailure(error: StreamError): void
}

/** The brokers, as far as the producer needs them. */
export interface ProduceLink {
  producerId(): Promise<ProducerIdentity>
  send(node: number, parts: readonly ProducePart[], answer: ProduceAnswer): void
  /** leaders seem to have changed */
  refresh(): void
  /** Kafka's ACLs keep something from us */
  denied(error: StreamError): void
  /** the stream needs its topic no more */
  unwatch(stream: ProduceStream): void
}

export interface ProducerLimits {
  readonly holdMs: number
  /** of records that wait for an answer, over all streams */
  readonly bytesMax: number
  /** for messages */
  readonly where: string
}

/** With fewer requests in flight to a broker nothing waits; with more, records collect until an answer comes. */
const REQUESTS_FREE = 2
/** … or until a partition has this much. */
const PARTITION_BYTES = 256 * 1024
const REQUESTS_MAX = 5
const REQUEST_BYTES = 8 * 1024 * 1024
const WINDOW_MAX_BYTES = 256 * 1024
const WINDOW_MIN_BYTES = 4 * 1024
const SWEEP_MS = 1_000

/** One broker that leads partitions we write to. */
interface Node {
  readonly id: number
  requests: number
  /** no request reached it lately */
  down: boolean
  queues: PartitionQueue[]
}

export class Producer implements Task {
  readonly #clock: Clock
  readonly #report: Reporter
  readonly #link: ProduceLink
  readonly #limits: ProducerLimits
  readonly #streams = new Set<ProduceStream>()
  readonly #topics = new Map<string, TopicQueues>()
  readonly #builders: BatchBuilder[] = []
  readonly #nodes = new Map<number, Node>()
  readonly #backoff = new Backoff()
  readonly #touched: ProduceStream[] = []
  readonly #starved = new Set<ProduceStream>()
  readonly #retry: Task = { run: () => this.#release(), fault: () => this.#release() }
  readonly #sweep: Task = { run: () => this.#checkHold(), fault: () => this.#checkHold() }
  readonly #stored: Counter
  readonly #refused: Counter
  readonly #repeated: Counter
  #identity: ProducerIdentity | null = null
  #identifying = false
  /** have records to send */
  #ready: PartitionQueue[] = []
  /** have records to send after a while */
  #delayed: PartitionQueue[] = []
  #scheduled = false
  #anyDead = false
  #now = 0
  #heldBytes = 0
  /** granted to all streams, less what is answered */
  #creditBytes = 0
  #retryTimer: Timer | null = null
  #sweepTimer: Timer | null = null
  #stopped = false
  #onIdle: (() => void)[] = []

  constructor(clock: Clock, report: Reporter, link: ProduceLink, limits: ProducerLimits) {
    this.#clock = clock
    this.#report = report
    this.#link = link
    this.#limits = limits
    this.#stored = report.counter('kafka.produce.stored')
    this.#refused = report.counter('kafka.produce.refused')
    this.#repeated = report.counter('kafka.produce.repeated')
  }

  /** Bytes of all records that are not answered. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get streams(): ReadonlySet<ProduceStream> {
    return this.#streams
  }

  add(stream: ProduceStream): void {
    this.#streams.add(stream)
  }

  /** The stream is over and has nothing to wait for. */
  remove(stream: ProduceStream): void {
    if (!this.#streams.delete(stream)) return
    stream.openDeadline?.cancel()
    this.#creditBytes -= stream.outstandingBytes
    this.#link.unwatch(stream)
    this.#starved.delete(stream)
  }

  /** Ends a stream before its time; what it wrote is given up, its outcome unknown. */
  abort(stream: ProduceStream, error: StreamError): void {
    stream.dead = true
    this.remove(stream)
    stream.stream.abort(error)
    this.#anyDead = true
    this.#schedule()
  }

  /** Gives a stream its share of the room there is. */
  grant(stream: ProduceStream): void {
    if (this.#heldBytes > this.#limits.bytesMax) {
      this.#starved.add(stream)
      return
    }
    // Half of the bound is for credit; the rest for keys and headers, which credit does not count, and so that a stream
    // can always have a little.
    const budgetBytes = this.#limits.bytesMax / 2
    const share = Math.floor(budgetBytes / Math.max(this.#streams.size, 1))
    const windowBytes = Math.min(Math.max(share, WINDOW_MIN_BYTES), WINDOW_MAX_BYTES)
    const fits = this.#creditBytes + windowBytes - stream.outstandingBytes <= budgetBytes
    this.#creditBytes += stream.grant(fits ? windowBytes : WINDOW_MIN_BYTES)
  }

  /** Room that was granted is used and free again. */
  returnCredit(bytes: number): void {
    this.#creditBytes -= bytes
  }

  /** The stream has something to be told. */
  touch(stream: ProduceStream): void {
    if (stream.touched) return
    stream.touched = true
    this.#touched.push(stream)
    this.#schedule()
  }

  /** The time of this turn, monotonic ms; whatever is written in it leaves at its end. */
  turn(): number {
    this.#schedule()
    return this.#now
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    this.#now = this.#clock.monotonic()
    this.#clock.endOfTurn(this)
  }

  /** The queues that a stream of this topic writes to. */
  queues(topic: Topic): TopicQueues {
    let home = this.#topics.get(topic.name)
    if (home === undefined) {
      home = { topic, queues: [], builders: this.#builders }
      this.#topics.set(topic.name, home)
    }
    home.topic = topic
    while (home.queues.length < topic.partitions) home.queues.push(new PartitionQueue(home, home.queues.length))
    return home
  }

  /** Takes a record. */
  append(stream: ProduceStream, home: TopicQueues, number: number, payload: Buffer, meta: ProduceMeta): void {
    if (this.#heldBytes > 2 * this.#limits.bytesMax) {
      this.abort(stream, new StreamError('quota', `more than ${this.#limits.bytesMax} bytes wait for Kafka`))
      return
    }
    const queue = home.queues[meta.hash % home.topic.partitions]!
    const before = queue.waitingBytes
    const taken = queue.append(stream, number, payload, meta)
    this.#heldBytes += queue.waitingBytes - before
    if (!taken) {
      this.#refused.value++
      stream.answered(number, topicError(MESSAGE_TOO_LARGE, home.topic.name))
    }
    this.#list(queue)
    this.#sweepTimer ??= this.#clock.after(SWEEP_MS, this.#sweep)
  }

  #list(queue: PartitionQueue): void {
    if (queue.listed || queue.inFlight !== null || queue.empty) return
    queue.listed = true
    this.#ready.push(queue)
  }

  /** End of turn: answers are told, then records are sent. */
  run(): void {
    this.#scheduled = false
    if (this.#stopped) return
    if (this.#anyDead) this.#dropDead()
    for (let at = 0; at < this.#touched.length; at++) this.#touched[at]!.settle()
    this.#touched.length = 0
    this.#feed()
    if (this.#identity === null) {
      if (this.#ready.length > 0) this.#identify()
    } else {
      this.#route()
      for (const node of this.#nodes.values()) this.#send(node, this.#identity)
    }
    if (this.#heldBytes === 0) for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  fault(): void {
    this.#scheduled = false
    this.#retryLater()
  }

  #feed(): void {
    if (this.#starved.size === 0 || this.#heldBytes > this.#limits.bytesMax / 2) return
    const starved = [...this.#starved]
    this.#starved.clear()
    for (const stream of starved) this.grant(stream)
  }

  #identify(): void {
    if (this.#identifying) return
    this.#identifying = true
    this.#link.producerId().then(
      (identity) => {
        this.#identifying = false
        this.#identity = identity
        this.#schedule()
      },
      (error) => {
        this.#identifying = false
        const reason = toStreamError(error, 'unavailable')
        this.#report.event('debug', 'KAFKA_PRODUCER_ID_FAILED', reason.message)
        if (reason.code === 'not-authorized') this.#refuseAll(reason)
        this.#retryLater()
      },
    )
  }

  /** Without an id no record can be written to any topic. */
  #refuseAll(error: StreamError): void {
    this.#link.denied(error)
    for (const stream of [...this.#streams]) if (stream.waitingSince !== null) this.abort(stream, error)
  }

  /** Gives every partition with records to the broker that leads it. */
  #route(): void {
    const ready = this.#ready
    this.#ready = []
    for (const queue of ready) {
      const leader = queue.topic.leaders[queue.partition] ?? -1
      if (leader < 0) {
        this.#delay(queue)
        continue
      }
      let node = this.#nodes.get(leader)
      if (node === undefined) {
        node = { id: leader, requests: 0, down: false, queues: [] }
        this.#nodes.set(leader, node)
      }
      node.queues.push(queue)
    }
  }

  #send(node: Node, identity: ProducerIdentity): void {
    while (node.queues.length > 0 && !node.down && node.requests < REQUESTS_MAX) {
      if (node.requests >= REQUESTS_FREE && !node.queues.some((queue) => queue.waitingBytes >= PARTITION_BYTES)) return
      const batches: Batch[] = []
      let bytes = 0
      let at = 0
      for (; at < node.queues.length && bytes < REQUEST_BYTES; at++) {
        const queue = node.queues[at]!
        queue.listed = false
        const batch = queue.take(identity)
        if (batch === null) continue
        batches.push(batch)
        bytes += batch.bytes.length
      }
      node.queues = node.queues.slice(at)
      if (batches.length === 0) continue
      node.requests++
      this.#link.send(node.id, batches, new Request(this, node, batches))
    }
  }

  /** The answer to a request. */
  answered(node: Node, batches: readonly Batch[], codes: readonly number[]): void {
    node.requests--
    for (let at = 0; at < batches.length; at++) this.#settle(batches[at]!, codes[at]!)
    this.#schedule()
  }

  /** No answer: the same bytes again, to whoever leads then. */
  failed(node: Node, batches: readonly Batch[], error: StreamError): void {
    node.requests--
    node.down = true
    for (const batch of batches) this.#repeat(batch)
    this.#retryLater()
    this.#report.event('debug', 'KAFKA_PRODUCE_FAILED', error.message, { partitions: batches.length })
  }

  #settle(batch: Batch, code: number): void {
    const { queue } = batch
    const before = queue.heldBytes
    switch (code) {
      case NONE:
      // The broker has had it already, longer ago than it can name the offset.
      case DUPLICATE_SEQUENCE:
        queue.stored()
        this.#stored.value += batch.numbers.length
        for (let at = 0; at < batch.numbers.length; at++) batch.owners[at]!.answered(batch.numbers[at]!)
        this.#backoff.reset()
        break
      // The log of the partition lacks what we were told is stored (unclean election, lost disk), or has forgotten us.
      // Nothing of this batch is in it: a batch that had been stored would be the last known of its producer, as one is
      // in flight at a time, and be answered as a duplicate. So sending it under a new id, sequence 0, neither loses nor
      // doubles; the one exception is a broker that forgot an idle producer (a day by default) with an answer lost before.
      case OUT_OF_ORDER_SEQUENCE:
      case UNKNOWN_PRODUCER_ID:
      case INVALID_PRODUCER_EPOCH:
      case PRODUCER_FENCED:
        this.#report.event(
          'warn',
          'KAFKA_PRODUCER_RESET',
          `partition ${batch.partition} of topic ${batch.topic} does not know our sequence (error ${code})`,
        )
        if (this.#identity === batch.identity) this.#identity = null
        queue.restart()
        this.#delay(queue)
        break
      // Refused before anything is stored. A batch whose first answer was lost and that is then refused, since the limits
      // were lowered in between, may be doubled in part: the broker cannot know its halves again.
      case MESSAGE_TOO_LARGE:
      case RECORD_LIST_TOO_LARGE:
      case INVALID_RECORD:
      case INVALID_TIMESTAMP:
      case CORRUPT_MESSAGE:
        if (batch.numbers.length === 1) this.#refuse(batch, code)
        else queue.halve()
        break
      default:
        if (isFinal(code)) this.#refuse(batch, code)
        else {
          this.#repeat(batch)
        }
    }
    this.#heldBytes += queue.heldBytes - before
    this.#list(queue)
  }

  #refuse(batch: Batch, code: number): void {
    const error = topicError(code, batch.topic)
    this.#link.denied(error)
    batch.queue.refused()
    this.#refused.value += batch.numbers.length
    for (let at = 0; at < batch.numbers.length; at++) batch.owners[at]!.answered(batch.numbers[at]!, error)
  }

  #repeat(batch: Batch): void {
    this.#repeated.value += batch.numbers.length
    batch.queue.repeat()
    this.#delay(batch.queue)
    if (!batch.owners.every((owner) => owner.dead)) return
    this.#anyDead = true
    this.#schedule()
  }

  #delay(queue: PartitionQueue): void {
    queue.listed = true
    this.#delayed.push(queue)
    this.#retryLater()
  }

  #retryLater(): void {
    if (this.#retryTimer !== null || this.#stopped) return
    this.#link.refresh()
    this.#retryTimer = this.#clock.after(this.#backoff.next(), this.#retry)
  }

  #release(): void {
    this.#retryTimer = null
    for (const node of this.#nodes.values()) node.down = false
    this.#ready.push(...this.#delayed)
    this.#delayed = []
    this.#schedule()
  }

  /** Leaders may have changed: what waits for a broker looks for its leader again. */
  leadersChanged(): void {
    for (const node of this.#nodes.values()) {
      this.#ready.push(...node.queues)
      node.queues = []
    }
    this.#schedule()
  }

  #checkHold(): void {
    this.#sweepTimer = null
    const oldest = this.#clock.monotonic() - this.#limits.holdMs
    let waiting = false
    for (const stream of [...this.#streams]) {
      const since = stream.waitingSince
      if (since === null) continue
      if (since > oldest) waiting = true
      else this.abort(stream, this.#expired(stream))
    }
    if (waiting) this.#sweepTimer ??= this.#clock.after(SWEEP_MS, this.#sweep)
  }

  #expired(stream: ProduceStream): StreamError {
    const { holdMs, where } = this.#limits
    return new StreamError('unavailable', `Kafka at ${where} stored nothing on topic ${stream.topic} for ${holdMs} ms`)
  }

  #dropDead(): void {
    this.#anyDead = false
    for (const { queues } of this.#topics.values()) {
      for (const queue of queues) {
        const before = queue.heldBytes
        if (queue.dropDead()) this.#identity = null
        this.#heldBytes += queue.heldBytes - before
      }
    }
  }

  /** Resolves once no record waits for an answer. */
  drained(): Promise<void> {
    if (this.#heldBytes === 0) return Promise.resolve()
    return new Promise((resolve) => this.#onIdle.push(resolve))
  }

  stop(error: StreamError): void {
    this.#stopped = true
    this.#retryTimer?.cancel()
    this.#sweepTimer?.cancel()
    for (const stream of [...this.#streams]) {
      this.remove(stream)
      stream.stream.abort(error)
    }
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }
}

/** One Produce request in flight. */
class Request implements ProduceAnswer {
  readonly #producer: Producer
  readonly #node: Node
  readonly #batches: readonly Batch[]

  constructor(producer: Producer, node: Node, batches: readonly Batch[]) {
    this.#producer = producer
    this.#node = node
    this.#batches = batches
  }

  onAnswer(codes: readonly number[]): void {
    this.#producer.answered(this.#node, this.#batches, codes)
  }

  onFailure(error: StreamError): void {
    this.#producer.failed(this.#node, this.#batches, error)
  }
}
