/**
 * Read-committed (KIP-98): which batches of a fetch response belong to aborted transactions, as the Java consumer finds
 * out. The client asks it for every batch, in order; one filter per response and partition.
 */
import type { BatchReader } from './batch-reader.ts'
import { readMarker } from './marker.ts'

/** An entry of the fetch response's `aborted_transactions`. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

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
      if (readMarker(reader) === 'aborted') this.#producerIds.delete(reader.producerId)
      return true
    }
    return reader.isTransactional && this.#producerIds.has(reader.producerId)
  }
}
