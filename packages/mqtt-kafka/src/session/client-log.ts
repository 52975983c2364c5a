/**
 * What the sessions topic says of one client id: the last record of each of its keys. Kept by the session map for every known
 * client id, so it must stay small: values lie outside the heap and are read only when somebody needs them.
 */
import type { SlabStore } from '../slab-store.ts'
import type { Attempt } from './attempt.ts'
import type { Deadline } from './deadline-queue.ts'
import type { SessionState } from './ownership.ts'
import { decodeDecision, decodeEpochRecord, decodeState, type KeyKind } from './records.ts'
import { type Fact, type View, viewOf } from './view.ts'

interface LastRecord {
  readonly kind: KeyKind
  readonly epoch: string
  readonly writer: string | null
  readonly offset: number
  /** epoch ms */
  readonly timestamp: number
  readonly place: number
  readonly bytes: number
}

/** Who decides about clients; hears of their deadlines. */
export interface ClientOwner {
  onClientDue(client: ClientLog): void
}

const NO_ATTEMPTS: readonly Attempt[] = []

export class ClientLog implements Deadline {
  readonly clientId: string
  readonly hash: number
  readonly partition: number
  /** of this process, that are not over */
  attempts: readonly Attempt[] = NO_ATTEMPTS
  /** looked at when this turn ends */
  dirty = false
  /** an epoch of ours without a connection, whose end is being written */
  closing: string | null = null
  dueIndex = -1
  dueAt = 0
  readonly #store: SlabStore
  readonly #owner: ClientOwner
  #records: LastRecord[] = []

  constructor(clientId: string, hash: number, partition: number, store: SlabStore, owner: ClientOwner) {
    this.clientId = clientId
    this.hash = hash
    this.partition = partition
    this.#store = store
    this.#owner = owner
  }

  /** how many keys there are */
  get size(): number {
    return this.#records.length
  }

  onDue(): void {
    this.#owner.onClientDue(this)
  }

  addAttempt(attempt: Attempt): void {
    this.attempts = [...this.attempts, attempt]
  }

  removeAttempt(attempt: Attempt): void {
    this.attempts = this.attempts.filter((other) => other !== attempt)
  }

  /** The next record of a key; null is a tombstone. An older one than is known changes nothing. */
  apply(
    kind: KeyKind,
    epoch: string,
    writer: string | null,
    offset: number,
    timestamp: number,
    value: Buffer | null,
  ): void {
    const at = this.#find(kind, epoch, writer)
    const known = this.#records[at]
    if (known !== undefined) {
      if (known.offset >= offset) return
      this.#store.release(known.place, known.bytes)
      if (value === null) {
        this.#records.splice(at, 1)
        return
      }
    } else if (value === null) return
    const place = this.#store.allocate(value.length)
    value.copy(this.#store.slab(place), this.#store.offset(place))
    const record = { kind, epoch, writer, offset, timestamp, place, bytes: value.length }
    if (known === undefined) this.#records.push(record)
    else this.#records[at] = record
  }

  has(kind: KeyKind, epoch: string): boolean {
    return this.#find(kind, epoch, null) !== -1
  }

  /** A copy of the value of `e` or `w`; null: there is none. */
  value(kind: 'e' | 'w', epoch: string): Buffer | null {
    const record = this.#records[this.#find(kind, epoch, null)]
    return record === undefined ? null : Buffer.from(this.#view(record))
  }

  /** The records as the view takes them; what cannot be read is left out. */
  facts(): Fact[] {
    const facts: Fact[] = []
    for (const record of this.#records) {
      const fact = this.#fact(record)
      if (fact !== null) facts.push(fact)
    }
    return facts
  }

  view(): View {
    return viewOf(this.facts())
  }

  /** Number of the last snapshot of an epoch; −1: its last record is none. */
  snapshotOf(epoch: string): number {
    const record = this.#records[this.#find('e', epoch, null)]
    const decoded = record === undefined ? null : decodeEpochRecord(this.#view(record))
    return decoded?.k === 'live' ? decoded.n : -1
  }

  /** The state of the session that a view tells of; null: there is no session, or nothing was stored in it. */
  stateOf(view: View): SessionState | null {
    const source = view.session?.source ?? null
    const record = source === null ? undefined : this.#records[this.#find('e', source, null)]
    return record === undefined ? null : decodeState(this.#view(record))
  }

  /** When the newest record of all was written, and its offset. */
  newest(): { readonly timestamp: number; readonly offset: number } {
    let timestamp = 0
    let offset = -1
    for (const record of this.#records) {
      timestamp = Math.max(timestamp, record.timestamp)
      offset = Math.max(offset, record.offset)
    }
    return { timestamp, offset }
  }

  /** When the record of a fact was written. */
  timestampOf(fact: Fact): number {
    const writer = 'writer' in fact ? fact.writer : null
    return this.#records[this.#find(fact.kind, fact.epoch, writer)]?.timestamp ?? 0
  }

  /** Gives back what lies outside the heap. */
  clear(): void {
    for (const { place, bytes } of this.#records) this.#store.release(place, bytes)
    this.#records = []
  }

  #fact(record: LastRecord): Fact | null {
    const { kind, epoch, offset, writer } = record
    if (kind === 'w') return { kind, epoch, offset }
    if (kind === 'e') {
      const decoded = decodeEpochRecord(this.#view(record))
      return decoded === null ? null : { kind, epoch, offset, record: decoded }
    }
    const decision = decodeDecision(this.#view(record))
    return decision === null ? null : { kind, epoch, offset, writer: writer ?? '', decision }
  }

  #find(kind: KeyKind, epoch: string, writer: string | null): number {
    return this.#records.findIndex(
      (record) => record.epoch === epoch && record.kind === kind && (writer === null || record.writer === writer),
    )
  }

  /** Valid until the record is replaced. */
  #view(record: LastRecord): Buffer {
    const at = this.#store.offset(record.place)
    return this.#store.slab(record.place).subarray(at, at + record.bytes)
  }
}
