/**
 * Where the replay of retained messages meets the live log. A retained publish is in both topics: when the map had already
 * read the copy that is replayed, the live one must not be delivered a second time.
 */
import type { Arrival } from './arrival.ts'
import type { RetainedRecord } from './retained-map.ts'

/** Beyond this many a message may come twice; QoS 1 allows it. */
const TOPICS_MAX = 10_000

export class Seam {
  readonly #replayed = new Map<string, RetainedRecord>()
  /** the topics stamp records themselves, so that two copies differ in time */
  readonly #ignoresTime: boolean
  #droppedTopic = ''
  #droppedPartition = -1
  #droppedOffset = -1

  constructor(ignoresTime: boolean) {
    this.#ignoresTime = ignoresTime
  }

  get size(): number {
    return this.#replayed.size
  }

  /** This record has been replayed; its live copy may still come. */
  add(topic: string, record: RetainedRecord): void {
    if (this.#replayed.size < TOPICS_MAX) this.#replayed.set(topic, record)
  }

  /** The live copies have had their time. */
  clear(): void {
    this.#replayed.clear()
  }

  /**
   * Whether this is the live copy of what was replayed: true once, but for every subscription of the same start. Another
   * message of the topic before it means that the replayed one must come again, or the subscriber would end with the wrong
   * value.
   */
  drops(arrival: Arrival): boolean {
    const { topic } = arrival.message
    if (
      arrival.offset === this.#droppedOffset &&
      arrival.partition === this.#droppedPartition &&
      topic === this.#droppedTopic
    ) {
      return true
    }
    const record = this.#replayed.get(topic)
    if (record === undefined) return false
    this.#replayed.delete(topic)
    if (!isCopy(arrival, record, this.#ignoresTime)) return false
    this.#droppedTopic = topic
    this.#droppedPartition = arrival.partition
    this.#droppedOffset = arrival.offset
    return true
  }
}

/** Whether a live message and a retained record are the two copies of one publish. */
export function isCopy(
  arrival: Pick<Arrival, 'timestamp' | 'message' | 'headers'>,
  record: RetainedRecord,
  ignoresTime: boolean,
): boolean {
  return (
    (ignoresTime || arrival.timestamp === record.timestamp) &&
    arrival.message.payload.equals(record.value) &&
    arrival.headers.equals(record.headers)
  )
}
