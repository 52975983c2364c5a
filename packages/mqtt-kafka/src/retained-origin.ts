/**
 * Tells live messages that were published with RETAIN from others, for subscriptions with Retain As Published. The record of
 * a message does not say it: only its copy in the retained topic does, which may be read later or not at all. Publishes of
 * this process are known by what was noted when they came in; those of others when their copy has been read already.
 */
import type { KafkaRecord } from '@zilla-ts/kafka'
import type { Message } from '@zilla-ts/mqtt'
import type { RetainedMap } from './retained-map.ts'
import { isCopy } from './seam.ts'

/** Publishes on their way through Kafka; the oldest are forgotten first. */
const NOTES_MAX = 10_000

export class RetainedOrigin {
  readonly #map: RetainedMap
  readonly #notes = new Set<string>()

  constructor(map: RetainedMap) {
    this.#map = map
  }

  /** A publish with RETAIN has come in and is written with this timestamp. */
  note(topic: string, timestamp: number): void {
    if (this.#notes.size >= NOTES_MAX) this.#forgetOldest()
    this.#notes.add(`${timestamp} ${topic}`)
  }

  /** Asked once per message. */
  isRetained(message: Message, record: KafkaRecord): boolean {
    if (this.#notes.delete(`${record.timestamp} ${message.topic}`)) return true
    const copy = this.#map.get(message.topic)
    return copy !== null && isCopy({ message, timestamp: record.timestamp, headers: record.headers }, copy, false)
  }

  #forgetOldest(): void {
    for (const note of this.#notes) {
      this.#notes.delete(note)
      return
    }
  }
}
