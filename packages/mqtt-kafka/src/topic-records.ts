/**
 * What records of one MQTT topic have in common: key, hash and `zilla:filter` headers, made once per topic name and shared
 * by all publishers. Bounded: a flood of names empties it and starts again.
 */
import { encodeHeaderName, HeaderWriter, partitionHash } from '@zilla-ts/kafka'
import type { ClientIdentity } from './client-identity.ts'
import { FILTER } from './header-names.ts'
import type { RecordForm } from './record-shape.ts'

export interface TopicRecord {
  readonly topic: string
  /** the topic name in UTF-8 */
  readonly key: Buffer
  /** of the client identity in the topic, or of the key */
  readonly hash: number
  /** the topic has an identity */
  readonly identified: boolean
  /** `zilla:filter` per level, in wire form */
  readonly filters: Buffer
  readonly filterCount: number
}

const TOPICS_MAX = 10_000
const FILTER_NAME = encodeHeaderName(FILTER)

export class TopicRecords {
  readonly #identity: ClientIdentity
  readonly #records = new Map<string, TopicRecord>()
  readonly #writer = new HeaderWriter()

  constructor(identity: ClientIdentity) {
    this.#identity = identity
  }

  of(topic: string): TopicRecord {
    let record = this.#records.get(topic)
    if (record === undefined) {
      record = this.#make(topic)
      if (this.#records.size >= TOPICS_MAX) this.#records.clear()
      this.#records.set(topic, record)
    }
    return record
  }

  #make(topic: string): TopicRecord {
    const key = Buffer.from(topic)
    const identity = this.#identity.of(topic)
    const writer = this.#writer
    writer.reset()
    for (const level of filterLevels(topic)) writer.appendText(FILTER_NAME, level)
    return {
      topic,
      key,
      hash: partitionHash(identity === null ? key : Buffer.from(identity)),
      identified: identity !== null,
      filters: Buffer.from(writer.buffer),
      filterCount: writer.count,
    }
  }
}

/** Key and hash of a message's record: those of the topic, unless the route says otherwise. */
export function placeOf(record: TopicRecord, form: RecordForm | null): { readonly key: Buffer; readonly hash: number } {
  if (form === null) return record
  const key = form.key ?? record.key
  if (form.partition !== null) return { key, hash: partitionHash(form.partition) }
  return { key, hash: form.key === null || record.identified ? record.hash : partitionHash(key) }
}

/** Levels as Java's `split("/")` gives them, which existing readers expect: trailing empty ones are dropped, `/` has none. */
export function filterLevels(topic: string): string[] {
  const levels = topic.split('/')
  while (levels.length > 0 && levels[levels.length - 1] === '') levels.pop()
  return levels
}
