/**
 * A record as fetched. Header bytes stay raw until somebody asks: most records match no subscriber.
 * Layout: Kafka protocol guide, "Record" and "Record Header" (message format v2).
 */
import { HeaderCursor } from './codec/header-cursor.ts'

export class KafkaRecord {
  readonly partition: number
  readonly offset: number
  /** epoch ms; −1 when the producer gave none */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly tombstone: boolean
  readonly headers: Buffer
  readonly headerCount: number
  /** of the transaction it belongs to, where `isolation` is `uncommitted`; −1: none, or it is committed */
  readonly producerId: number
  constructor(
    partition: number,
    offset: number,
    timestamp: number,
    key: Buffer | null,
    tombstone: boolean,
    headers: Buffer,
    headerCount: number,
    producerId = -1,
  ) {
    this.partition = partition
    this.offset = offset
    this.timestamp = timestamp
    this.key = key
    this.tombstone = tombstone
    this.headers = headers
    this.headerCount = headerCount
    this.producerId = producerId
  }

  /** The same in buffers of its own, for who keeps it longer than it was lent. */
  copy(): KafkaRecord {
    const { partition, offset, timestamp, key, tombstone, headers, headerCount, producerId } = this
    const ownKey = key === null ? null : Buffer.from(key)
    return new KafkaRecord(
      partition,
      offset,
      timestamp,
      ownKey,
      tombstone,
      Buffer.from(headers),
      headerCount,
      producerId,
    )
  }

  /** The value of the last header of that name, as Kafka's own `lastHeader`: undefined for none, null for a null value. */
  header(name: string): Buffer | null | undefined {
    const wanted = Buffer.from(name)
    const cursor = new HeaderCursor()
    cursor.reset(this.headers, this.headerCount)
    let found: Buffer | null | undefined
    while (cursor.next()) {
      if (cursor.nameIs(wanted)) found = cursor.value()
    }
    return found
  }

  /** All headers in their order; values are slices of the record. */
  *headerEntries(): Generator<readonly [name: string, value: Buffer | null]> {
    const cursor = new HeaderCursor()
    cursor.reset(this.headers, this.headerCount)
    while (cursor.next()) yield [cursor.name(), cursor.value()]
  }
}
