/**
 * Read-committed (KIP-98): which batches of a fetch response belong to aborted transactions, as the Java consumer finds
 * out. The client asks it for every batch, in order; one filter per response and partition.
 */
import type { BatchReader } from './batch-reader.ts'

/** An entry of the fetch response's `aborted_transactions`. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

const ABORT_MARKER = 0
/** a marker's key: version and type, int16 each */
const MARKER_TYPE = 2
const MARKER_KEY_BYTES = 4

export class AbortedFilter {
  readonly #transactions: readonly AbortedTransaction[]
  readonly #producerIds = new Set<number>()
  #next = 0

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = transactions.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether the reader's current batch has nothing to deliver: it is aborted, or a marker. Throws `RecordError` for a bad marker. */
  skips(reader: BatchReader): boolean {
    while (this.#next < this.#transactions.length && this.#transactions[this.#next]!.firstOffset <= reader.lastOffset) {
      this.#producerIds.add(this.#transactions[this.#next]!.producerId)
      this.#next++
    }
    if (reader.isControl) {
      if (isAbortMarker(reader)) this.#producerIds.delete(reader.producerId)
      return true
    }
    return reader.isTransactional && this.#producerIds.has(reader.producerId)
  }
}

function isAbortMarker(reader: BatchReader): boolean {
  return (
    reader.nextRecord() &&
    reader.keyLength >= MARKER_KEY_BYTES &&
    reader.bytes.readInt16BE(reader.keyStart + MARKER_TYPE) === ABORT_MARKER
  )
}
