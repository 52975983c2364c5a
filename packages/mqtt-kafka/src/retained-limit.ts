/**
 * How many retained messages there may be. The map holds whatever the Kafka topic has, of other programs and processes too,
 * since clients must see all of it; what is bounded is what clients of this process add.
 */
import { type Counter, StreamError } from '@zilla-ts/engine'
import type { RetainedMap } from './retained-map.ts'

export interface RetainedBounds {
  readonly retained: number
  readonly retainedBytes: number
}

export class RetainedLimit {
  readonly #map: RetainedMap
  readonly #bounds: RetainedBounds
  readonly #refused: Counter

  constructor(map: RetainedMap, bounds: RetainedBounds, refused: Counter) {
    this.#map = map
    this.#bounds = bounds
    this.#refused = refused
  }

  /** The topic has more already than clients may make of it. */
  get exceeded(): boolean {
    return this.#map.size > this.#bounds.retained || this.#map.bytes > this.#bounds.retainedBytes
  }

  /**
   * Why a message of so many bytes may not be retained; null: it may. What takes the place of a larger one always may, and
   * so may an empty one, which clears. Messages on their way to Kafka are not counted yet.
   */
  refusal(topic: string, payloadBytes: number): StreamError | null {
    if (payloadBytes === 0) return null
    const { retained, retainedBytes } = this.#bounds
    const bytes = payloadBytes + topic.length
    if (this.#map.size < retained && this.#map.bytes + bytes <= retainedBytes) return null
    const former = this.#map.bytesOf(topic)
    const fits = bytes <= former || this.#map.bytes - former + bytes <= retainedBytes
    if (fits && (former > 0 || this.#map.size < retained)) return null
    this.#refused.value++
    return new StreamError('quota', 'there are too many retained messages')
  }
}
