/**
 * The retained messages: last record per topic of the retained Kafka topic, in memory. Filled by the reader of that topic,
 * asked at SUBSCRIBE. A tree of levels, so that a filter visits only what it may match; the records lie outside the heap.
 */
import type { KafkaRecord } from '@zilla-ts/kafka'
import { isTopicName, LEVELS_MAX, withinLevels } from '@zilla-ts/mqtt'
import { SlabStore } from './slab-store.ts'
import { TopicNode } from './topic-node.ts'

/** No record here. */
export const NOTHING = -1

// A cell: what is needed to build the message, then headers, then value.
const TIMESTAMP = 0
const OFFSET = 8
const PARTITION = 16
const HEADER_COUNT = 20
const HEADER_BYTES = 24
const VALUE_BYTES = 28
const BODY = 32

export class RetainedNode extends TopicNode<RetainedNode> {
  /** place of the record, or `NOTHING` */
  place = NOTHING
}

/** A record of the map, copied out of it. */
export interface RetainedRecord {
  readonly timestamp: number
  readonly partition: number
  readonly offset: number
  readonly headers: Buffer
  readonly headerCount: number
  readonly value: Buffer
}

export class RetainedMap {
  readonly root = new RetainedNode('')
  readonly #store = new SlabStore()
  #size = 0
  #skipped = 0
  /**
   * While the map is loaded: when each cleared topic was cleared. Partitions are read side by side, so that after the topic
   * has grown an old value in one may arrive after the newer tombstone in another.
   */
  #cleared: Map<string, { readonly partition: number; readonly timestamp: number }> | null = new Map()

  /** how many topics have a retained message */
  get size(): number {
    return this.#size
  }

  /** bytes of records, outside the heap */
  get bytes(): number {
    return this.#store.bytes
  }

  /** records that no MQTT client can receive: no key, or one that is not a topic name */
  get skipped(): number {
    return this.#skipped
  }

  /** The end seen at start has been read. */
  loaded(): void {
    this.#cleared = null
  }

  /** The next record of its partition. Empty values and tombstones clear the topic. */
  apply(record: KafkaRecord, value: Buffer): void {
    const topic = topicOf(record.key)
    if (topic === null) {
      this.#skipped++
      return
    }
    const clears = record.tombstone || value.length === 0
    const cleared = this.#cleared?.get(topic)
    if (cleared !== undefined && cleared.partition !== record.partition && record.timestamp <= cleared.timestamp) return
    const node = this.#find(topic)
    if (node !== null && this.#isOlder(record, node.place)) return
    if (clears) {
      this.#cleared?.set(topic, { partition: record.partition, timestamp: record.timestamp })
      if (node !== null) this.remove(topic)
      return
    }
    const target = node ?? this.#grow(topic)
    if (target.place === NOTHING) this.#size++
    else this.#release(target.place)
    target.place = this.#write(record, value)
    if (cleared !== undefined) this.#cleared?.delete(topic)
  }

  /** Forgets a topic. */
  remove(topic: string): void {
    const path: RetainedNode[] = [this.root]
    for (const level of topic.split('/')) {
      const node = path[path.length - 1]!.child(level)
      if (node === null) return
      path.push(node)
    }
    this.#clear(path[path.length - 1]!)
    for (let at = path.length - 1; at > 0 && path[at]!.leaf && path[at]!.place === NOTHING; at--) {
      path[at - 1]!.removeChild(path[at]!.level)
    }
  }

  /** Forgets what was read from a partition: the log it came from is gone. */
  removePartition(partition: number): void {
    this.#removeBelow(this.root, partition)
  }

  /** The record of a topic; null when there is none. */
  get(topic: string): RetainedRecord | null {
    const node = this.#find(topic)
    return node === null || node.place === NOTHING ? null : this.read(node.place)
  }

  /** Bytes of the record of a topic; 0: there is none. */
  bytesOf(topic: string): number {
    const node = this.#find(topic)
    return node === null || node.place === NOTHING ? 0 : this.#bytesAt(node.place)
  }

  /** A copy of the record at a place. */
  read(place: number): RetainedRecord {
    const slab = this.#store.slab(place)
    const at = this.#store.offset(place)
    const headerBytes = slab.readUInt32LE(at + HEADER_BYTES)
    const bytes = Buffer.from(slab.subarray(at + BODY, at + BODY + headerBytes + slab.readUInt32LE(at + VALUE_BYTES)))
    return {
      timestamp: slab.readDoubleLE(at + TIMESTAMP),
      partition: slab.readUInt32LE(at + PARTITION),
      offset: slab.readDoubleLE(at + OFFSET),
      headers: bytes.subarray(0, headerBytes),
      headerCount: slab.readUInt32LE(at + HEADER_COUNT),
      value: bytes.subarray(headerBytes),
    }
  }

  /** Within a partition the log decides; between two, after the topic has grown, the newer timestamp. */
  #isOlder(record: KafkaRecord, place: number): boolean {
    if (place === NOTHING) return false
    const slab = this.#store.slab(place)
    const at = this.#store.offset(place)
    if (slab.readUInt32LE(at + PARTITION) === record.partition) return false
    return record.timestamp <= slab.readDoubleLE(at + TIMESTAMP)
  }

  #find(topic: string): RetainedNode | null {
    let node: RetainedNode | null = this.root
    let from = 0
    while (node !== null) {
      const slash = topic.indexOf('/', from)
      if (slash === -1) return node.child(from === 0 ? topic : topic.slice(from))
      node = node.child(topic.slice(from, slash))
      from = slash + 1
    }
    return null
  }

  #grow(topic: string): RetainedNode {
    let node = this.root
    for (const level of topic.split('/')) {
      let child = node.child(level)
      if (child === null) {
        child = new RetainedNode(level)
        node.addChild(child)
      }
      node = child
    }
    return node
  }

  #write(record: KafkaRecord, value: Buffer): number {
    const place = this.#store.allocate(BODY + record.headers.length + value.length)
    const slab = this.#store.slab(place)
    const at = this.#store.offset(place)
    slab.writeDoubleLE(record.timestamp, at + TIMESTAMP)
    slab.writeDoubleLE(record.offset, at + OFFSET)
    slab.writeUInt32LE(record.partition, at + PARTITION)
    slab.writeUInt32LE(record.headerCount, at + HEADER_COUNT)
    slab.writeUInt32LE(record.headers.length, at + HEADER_BYTES)
    slab.writeUInt32LE(value.length, at + VALUE_BYTES)
    slab.set(record.headers, at + BODY)
    slab.set(value, at + BODY + record.headers.length)
    return place
  }

  #release(place: number): void {
    this.#store.release(place, this.#bytesAt(place))
  }

  #bytesAt(place: number): number {
    const slab = this.#store.slab(place)
    const at = this.#store.offset(place)
    return BODY + slab.readUInt32LE(at + HEADER_BYTES) + slab.readUInt32LE(at + VALUE_BYTES)
  }

  #clear(node: RetainedNode): void {
    if (node.place === NOTHING) return
    this.#release(node.place)
    node.place = NOTHING
    this.#size--
  }

  #removeBelow(node: RetainedNode, partition: number): void {
    const children = node.children()
    for (let step = children.next(); step.done !== true; step = children.next()) {
      const child = step.value
      this.#removeBelow(child, partition)
      if (child.place !== NOTHING && this.#partitionOf(child.place) === partition) this.#clear(child)
      if (child.place === NOTHING && child.leaf) node.removeChild(child.level)
    }
  }

  #partitionOf(place: number): number {
    return this.#store.slab(place).readUInt32LE(this.#store.offset(place) + PARTITION)
  }
}

/** A key as topic name; null when no MQTT client could have that topic. */
export function topicOf(key: Buffer | null): string | null {
  if (key === null) return null
  const topic = key.toString('utf8')
  // Bytes that are no UTF-8 become U+FFFD: the name is one only if it gives the same bytes again.
  if (topic.includes('\ufffd') && !Buffer.from(topic).equals(key)) return null
  return isTopicName(topic) && withinLevels(topic, LEVELS_MAX) ? topic : null
}
