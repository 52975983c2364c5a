/**
 * The latest records of a topic, copied, for readers that paused a moment ago. Filled only while there are any; bounded by
 * bytes. Owned by a `TopicReader`.
 */
import { KafkaRecord } from '../record.ts'

export interface RingEntry {
  readonly payload: Buffer
  readonly record: KafkaRecord
}

/** what an entry costs beside its bytes */
const ENTRY_BYTES = 256

export class RecordRing {
  readonly #bytesMax: number
  #entries: RingEntry[] = []
  /** index of the oldest entry that is kept */
  #first = 0
  /** position of `#entries[0]` */
  #base = 0
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Position of the oldest entry. */
  get tail(): number {
    return this.#base + this.#first
  }

  /** Position that the next entry will have. */
  get head(): number {
    return this.#base + this.#entries.length
  }

  /** The entry at a position from tail to head − 1. */
  at(position: number): RingEntry {
    return this.#entries[position - this.#base]!
  }

  /** Copies a record in; the oldest make room. */
  append(payload: Buffer, record: KafkaRecord): void {
    const entry = copyEntry(payload, record)
    this.#entries.push(entry)
    this.#bytes += sizeOf(entry)
    while (this.#bytes > this.#bytesMax && this.tail < this.head) this.#bytes -= sizeOf(this.#entries[this.#first++]!)
    if (this.#first < this.#entries.length / 2) return
    this.#base += this.#first
    this.#entries = this.#entries.slice(this.#first)
    this.#first = 0
  }

  clear(): void {
    this.#base = this.head
    this.#entries = []
    this.#first = 0
    this.#bytes = 0
  }
}

function sizeOf({ payload, record }: RingEntry): number {
  return payload.length + (record.key?.length ?? 0) + record.headers.length + ENTRY_BYTES
}

/** In a buffer of its own: a slice of a fetch answer would keep all of it. */
function copyEntry(payload: Buffer, record: KafkaRecord): RingEntry {
  const { partition, offset, timestamp, key, tombstone, headers, headerCount } = record
  const bytes = Buffer.concat(key === null ? [payload, headers] : [payload, headers, key])
  const headersEnd = payload.length + headers.length
  return {
    payload: bytes.subarray(0, payload.length),
    record: new KafkaRecord(
      partition,
      offset,
      timestamp,
      key === null ? null : bytes.subarray(headersEnd),
      tombstone,
      bytes.subarray(payload.length, headersEnd),
      headerCount,
    ),
  }
}
