/** Brokers for the tests of the producer: they keep logs as Kafka does, and answer when and how the test says. */
import type { StreamError } from '@zilla-ts/engine'
import type { ProducerIdentity } from '../src/client/admin.ts'
import { DUPLICATE_SEQUENCE, NONE, OUT_OF_ORDER_SEQUENCE } from '../src/client/error-codes.ts'
import type { ProduceStream } from '../src/client/produce-stream.ts'
import type { ProducePart } from '../src/client/produce-wire.ts'
import type { ProduceAnswer, ProduceLink } from '../src/client/producer.ts'
import { BatchReader } from '../src/codec/batch-reader.ts'
import { sequenceAfter } from '../src/codec/batch-stamp.ts'

interface ProducerState {
  epoch: number
  lastSequence: number
  /** first and last sequence of the latest batches */
  recent: [number, number][]
}

/** A request that waits for its answer. Bytes are copied: what is sent again can be compared. */
export class PendingRequest {
  readonly node: number
  readonly parts: readonly ProducePart[]
  readonly #brokers: ScriptedBrokers
  readonly #answer: ProduceAnswer

  constructor(brokers: ScriptedBrokers, node: number, parts: readonly ProducePart[], answer: ProduceAnswer) {
    this.#brokers = brokers
    this.node = node
    this.parts = parts.map(({ topic, partition, bytes }) => ({ topic, partition, bytes: Buffer.from(bytes) }))
    this.#answer = answer
  }

  /** Stores the batches, save those of partitions with a code, and answers. */
  answer(codes: Readonly<Record<number, number>> = {}): void {
    this.#answer.onAnswer(this.parts.map((part) => codes[part.partition] ?? this.#brokers.store(part)))
  }

  /** Stores the batches if wanted; the answer never arrives. */
  lose(stored: boolean, error: StreamError): void {
    if (stored) for (const part of this.parts) this.#brokers.store(part)
    this.#answer.onFailure(error)
  }

  get values(): string[] {
    return this.parts.flatMap((part) => valuesOf(part.bytes))
  }
}

export function valuesOf(bytes: Buffer): string[] {
  const reader = new BatchReader({ checkCrc: true })
  reader.reset(bytes)
  const values: string[] = []
  while (reader.nextBatch()) while (reader.nextRecord()) values.push(reader.value()!.toString())
  return values
}

export class ScriptedBrokers implements ProduceLink {
  /** values by `topic/partition` */
  readonly logs = new Map<string, string[]>()
  readonly requests: PendingRequest[] = []
  /** the most there were in flight to one broker */
  peakRequests = 0
  /** what a broker says to a batch before it looks at its sequence; 0: nothing */
  inspect: (values: readonly string[]) => number = () => NONE
  identities = 0
  refreshes = 0
  readonly #states = new Map<string, ProducerState>()

  producerId(): Promise<ProducerIdentity> {
    return Promise.resolve({ producerId: 1_000 + this.identities++, producerEpoch: 0 })
  }

  send(node: number, parts: readonly ProducePart[], answer: ProduceAnswer): void {
    this.requests.push(new PendingRequest(this, node, parts, answer))
    const inFlight = this.requests.filter((request) => request.node === node).length
    this.peakRequests = Math.max(this.peakRequests, inFlight)
  }

  refresh(): void {
    this.refreshes++
  }

  denied(): void {}

  unwatch(_stream: ProduceStream): void {}

  /** Takes the oldest request out. */
  next(): PendingRequest {
    const request = this.requests.shift()
    if (request === undefined) throw new Error('no request is in flight')
    return request
  }

  /** Forgets all producers of a partition, as a broker does that lost its log. */
  forget(place: string): void {
    for (const key of this.#states.keys()) if (key.startsWith(`${place}/`)) this.#states.delete(key)
  }

  /** As `ProducerStateManager` of Kafka does. */
  store({ topic, partition, bytes }: ProducePart): number {
    const values = valuesOf(bytes)
    const code = this.inspect(values)
    if (code !== NONE) return code
    const reader = new BatchReader()
    reader.reset(bytes)
    reader.nextBatch()
    const place = `${topic}/${partition}`
    const key = `${place}/${reader.producerId}`
    const first = reader.baseSequence
    const last = sequenceAfter(first, reader.count - 1)
    const state = this.#states.get(key)
    if (state !== undefined) {
      if (state.recent.some(([from, to]) => from === first && to === last)) return NONE
      if (first <= state.lastSequence && last <= state.lastSequence && first !== 0) return DUPLICATE_SEQUENCE
      if (first !== sequenceAfter(state.lastSequence, 1)) return OUT_OF_ORDER_SEQUENCE
    }
    const recent = [...(state?.recent ?? []), [first, last] as [number, number]].slice(-5)
    this.#states.set(key, { epoch: reader.producerEpoch, lastSequence: last, recent })
    const log = this.logs.get(place) ?? []
    log.push(...values)
    this.logs.set(place, log)
    return NONE
  }
}
