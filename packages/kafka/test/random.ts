/**
 * A seeded source of test data: the same seed gives the same records, so a failing case can be run again.
 */
import { encodeHeaders, type HeaderEntry, type RecordFields } from '../src/index.ts'

/** Numbers from a seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** An integer from 0 to `bound` − 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound)
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  /** Null, empty, short, or long enough for a length of two bytes. */
  field(): Buffer | null {
    const kind = this.below(6)
    if (kind === 0) return null
    return this.bytes(kind === 1 ? 0 : this.below(kind === 2 ? 300 : 40))
  }
}

/** A record with all that it was made of. */
export interface SampleRecord extends RecordFields {
  readonly value: Buffer | null
  readonly entries: readonly HeaderEntry[]
}

const NAMES = ['zilla:filter', 'zilla:qos', '', 'ü', 'x'.repeat(70)]

/** Any record, its timestamp within some hours before and after `timestamp`. Header values are never null if `filled`. */
export function sampleRecord(random: Random, timestamp: number, filled = false): SampleRecord {
  const entries = Array.from({ length: random.below(6) }, (): HeaderEntry => {
    const value = random.field()
    return [NAMES[random.below(NAMES.length)]!, filled ? (value ?? Buffer.alloc(0)) : value]
  })
  const headers = encodeHeaders(entries)
  const value = random.field()
  return {
    key: random.field(),
    value,
    entries,
    tombstone: value === null,
    timestamp: timestamp + random.below(20_000_000) - 10_000_000,
    headers: headers.buffer,
    headerCount: headers.count,
  }
}
