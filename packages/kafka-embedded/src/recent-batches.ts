/**
 * The batches a partition stored last, within a byte bound: readers that keep up, or nearly, are fed from here and never
 * touch the store. Batches follow each other without holes.
 */

interface RecentBatch {
  readonly base: number
  /** offset after its last record */
  readonly end: number
  readonly bytes: Buffer
}

export class RecentBatches {
  readonly #batches: RecentBatch[] = []
  #bytes = 0

  /** Adds the newest batch; older ones go where all would exceed `bytesMax`. */
  add(base: number, end: number, bytes: Buffer, bytesMax: number): void {
    this.#batches.push({ base, end, bytes })
    this.#bytes += bytes.length
    let dropped = 0
    while (this.#bytes > bytesMax && dropped < this.#batches.length - 1) {
      this.#bytes -= this.#batches[dropped++]!.bytes.length
    }
    if (dropped > 0) this.#batches.splice(0, dropped)
  }

  /** The batch that holds the offset; null: it is older, or not there yet. */
  at(offset: number): Buffer | null {
    const batches = this.#batches
    if (batches.length === 0 || offset < batches[0]!.base) return null
    let low = 0
    let high = batches.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (batches[middle]!.end > offset) high = middle
      else low = middle + 1
    }
    const found = batches[low]!
    return offset < found.end ? found.bytes : null
  }

  clear(): void {
    this.#batches.length = 0
    this.#bytes = 0
  }
}
