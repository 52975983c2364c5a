/**
 * The QoS 2 publishes of one client that it has not released: what makes each of them one record, whatever is sent twice.
 * First the intent is stored (packet identifier, and how the record will be known), then the message, then PUBREC. Outlives
 * a connection while records of it are under way, so that the next one knows what becomes of them.
 */
import { createHash } from 'node:crypto'
import type { ProduceMeta } from '@zilla-ts/kafka'
import type { IntentRecord } from './session-state.ts'

/**
 * - `new` the intent is being stored; `producing` the message is
 * - `stored` it is: PUBREC may go; `inherited` from an earlier connection: nobody knows
 * - `searching` the log is being asked
 */
export type IntentState = 'new' | 'producing' | 'stored' | 'inherited' | 'searching'

/** Where the record of an intent will be, and what it will be known by. */
export interface IntentPlace {
  readonly partition: number
  /** it cannot lie below this offset */
  readonly from: number
  /** epoch ms */
  readonly timestamp: number
  /** of key, headers and value */
  readonly hash: string
}

const NOWHERE: IntentPlace = { partition: 0, from: 0, timestamp: 0, hash: '' }

export class Intent {
  readonly packetId: number
  /** Kafka topic */
  readonly topic: string
  state: IntentState
  /** once it is stored, refused or given up: who sent it meanwhile, and PUBREL */
  waiters: (() => void)[] = []
  #place = NOWHERE

  constructor(packetId: number, topic: string, state: IntentState) {
    this.packetId = packetId
    this.topic = topic
    this.state = state
  }

  static restored(record: IntentRecord): Intent {
    const intent = new Intent(record.packetId, record.topic, record.stored ? 'stored' : 'inherited')
    intent.locate(record)
    return intent
  }

  get partition(): number {
    return this.#place.partition
  }

  get from(): number {
    return this.#place.from
  }

  get timestamp(): number {
    return this.#place.timestamp
  }

  get hash(): string {
    return this.#place.hash
  }

  get located(): boolean {
    return this.#place !== NOWHERE
  }

  locate({ partition, from, timestamp, hash }: IntentPlace): void {
    this.#place = { partition, from, timestamp, hash }
  }

  /** One publish in two intents of a client: they can be told apart by counting only. */
  isLike(other: Intent): boolean {
    return (
      this.hash === other.hash &&
      this.timestamp === other.timestamp &&
      this.partition === other.partition &&
      this.topic === other.topic
    )
  }

  settle(): void {
    for (const waiter of this.waiters.splice(0)) waiter()
  }
}

export class Inbound {
  /** in the order of their PUBLISHes */
  readonly #intents = new Map<number, Intent>()
  readonly #onEmpty: () => void
  #users = 0
  #drained: (() => void)[] = []

  /** `onEmpty`: nobody uses it, and nothing is under way. */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty
  }

  get(packetId: number): Intent | undefined {
    return this.#intents.get(packetId)
  }

  add(intent: Intent): void {
    this.#intents.set(intent.packetId, intent)
  }

  /** Released, or refused: the packet identifier may be used again. */
  remove(intent: Intent): void {
    if (this.#intents.get(intent.packetId) === intent) this.#intents.delete(intent.packetId)
    intent.settle()
    this.#check()
  }

  /** A connection begins. */
  acquire(): this {
    this.#users++
    return this
  }

  /** What was stored with the session; what this process knows better stays. */
  restore(records: readonly IntentRecord[]): void {
    const known = new Map(this.#intents)
    this.#intents.clear()
    for (const record of records) {
      const intent = known.get(record.packetId)
      const fresh = Intent.restored(record)
      const isUnderWay = intent?.state === 'producing' || intent?.state === 'stored'
      this.add(isUnderWay && intent.isLike(fresh) ? intent : fresh)
    }
  }

  /** Equal to it and before it: the first of them that are in the log are taken for stored. */
  rank(intent: Intent): number {
    let rank = 0
    for (const other of this.#intents.values()) {
      if (other === intent) return rank
      if (other.isLike(intent)) rank++
    }
    return rank
  }

  records(): IntentRecord[] {
    const records: IntentRecord[] = []
    for (const intent of this.#intents.values()) {
      // What is not written yet cannot be in the log.
      if (!intent.located) continue
      const { packetId, topic, partition, from, timestamp, hash, state } = intent
      records.push({ packetId, topic, partition, from, timestamp, hash, stored: state === 'stored' })
    }
    return records
  }

  /** The connection ends: calls back when no record is under way. */
  drained(then: () => void): void {
    this.#drained.push(() => {
      then()
      this.#users--
    })
    this.#check()
  }

  /** A record has been answered. */
  answered(intent: Intent, state: IntentState): void {
    intent.state = state
    intent.settle()
    this.#check()
  }

  #check(): void {
    if (this.#drained.length === 0) return
    for (const { state } of this.#intents.values()) if (state === 'producing') return
    for (const then of this.#drained.splice(0)) then()
    if (this.#users === 0) this.#onEmpty()
  }
}

/** What a record is known by among those of one topic: key, headers and value, not the time. */
export function recordHash(key: Buffer | null, headers: Buffer, value: Buffer): string {
  const hash = createHash('sha1')
  if (key !== null) hash.update(key)
  return hash.update(headers).update(value).digest('base64').slice(0, 20)
}

/** The partition of a record, as the next hop chooses it. */
export function partitionOf({ hash }: Pick<ProduceMeta, 'hash'>, partitions: number): number {
  return hash % partitions
}
