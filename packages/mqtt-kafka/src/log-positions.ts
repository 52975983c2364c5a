/**
 * How far each partition of a topic has been read. Kept by readers, compared with ends that were asked for.
 */
import type { PartitionOffsets } from '@zilla-ts/kafka'

/** An offset per partition; a partition that is not in it did not exist: 0. */
export type Ends = readonly number[]

export class LogPositions {
  readonly #next: number[] = []

  /** no partition is known yet */
  get empty(): boolean {
    return this.#next.length === 0
  }

  set(partition: number, next: number): void {
    while (this.#next.length <= partition) this.#next.push(0)
    this.#next[partition] = next
  }

  next(partition: number): number {
    return this.#next[partition] ?? 0
  }

  /** Everything below these ends has been read. */
  reached(ends: Ends): boolean {
    for (let partition = 0; partition < ends.length; partition++) {
      if ((this.#next[partition] ?? 0) < ends[partition]!) return false
    }
    return true
  }

  copy(): Ends {
    return [...this.#next]
  }

  clear(): void {
    this.#next.length = 0
  }
}

/** The ends in an answer of Kafka, as a list. */
export function endsOf(partitions: readonly PartitionOffsets[]): Ends {
  const ends: number[] = []
  for (const { partition, end } of partitions) {
    while (ends.length <= partition) ends.push(0)
    ends[partition] = end
  }
  return ends
}
