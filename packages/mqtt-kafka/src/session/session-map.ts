/**
 * The sessions topic as a map: per client id the last record of each key, and the states of groups. Filled by the session
 * reader in the order of the log. Must give the same result however often a record is read, and must hold a transactional
 * record back until its marker: only then does it count.
 */
import { type KafkaRecord, partitionHash } from '@zilla-ts/kafka'
import { SlabStore } from '../slab-store.ts'
import { ClientLog, type ClientOwner } from './client-log.ts'
import type { SessionState } from './ownership.ts'
import { decodeState, instanceOf, type KeyKind, parseKey, versionOf } from './records.ts'

/** What the map tells its owner. */
export interface SessionMapListener extends ClientOwner {
  /** A record of this client id counts; `instance` wrote the epoch it is about. */
  onChanged(client: ClientLog, instance: string): void
  /** null: the group has ended */
  onGroup(name: string, state: SessionState | null): void
  /** A record has a version that this program does not know. */
  onUnknownVersion(key: string): void
}

interface HeldRecord {
  readonly key: Buffer
  readonly offset: number
  readonly timestamp: number
  readonly value: Buffer | null
}

export class SessionMap {
  readonly clients = new Map<string, ClientLog>()
  readonly groups = new Map<string, SessionState>()
  readonly #listener: SessionMapListener
  readonly #store = new SlabStore()
  /** by partition and producer: records of open transactions */
  readonly #held = new Map<string, HeldRecord[]>()
  /** when each instance last wrote, epoch ms */
  readonly #lastAt = new Map<string, number>()
  #skipped = 0

  constructor(listener: SessionMapListener) {
    this.#listener = listener
  }

  /** records that are none of ours */
  get skipped(): number {
    return this.#skipped
  }

  get heldTransactions(): number {
    return this.#held.size
  }

  /** bytes of values, outside the heap */
  get bytes(): number {
    return this.#store.bytes
  }

  /** When an instance last wrote; −Infinity: never, as far as is known. */
  lastWrittenAt(instance: string): number {
    return this.#lastAt.get(instance) ?? Number.NEGATIVE_INFINITY
  }

  /** The client id's records, made empty when there are none. */
  client(clientId: string, partitions: number): ClientLog {
    const known = this.clients.get(clientId)
    if (known !== undefined) return known
    const hash = partitionHash(Buffer.from(clientId))
    return this.#add(clientId, hash, hash % partitions)
  }

  /** Forgets a client id that has neither records nor connections. */
  release(client: ClientLog): void {
    if (client.size === 0 && client.attempts.length === 0) this.clients.delete(client.clientId)
  }

  apply(record: KafkaRecord, payload: Buffer): void {
    if (record.producerId === -1) {
      this.#put(record.partition, record.key, record.offset, record.timestamp, record.tombstone ? null : payload)
      return
    }
    const id = transactionId(record.partition, record.producerId)
    const held = this.#held.get(id) ?? []
    this.#held.set(id, held)
    held.push({
      key: Buffer.from(record.key ?? ''),
      offset: record.offset,
      timestamp: record.timestamp,
      value: record.tombstone ? null : Buffer.from(payload),
    })
  }

  /** A transaction is over: its records before this count, or never were. */
  mark(partition: number, producerId: number, committed: boolean): void {
    const id = transactionId(partition, producerId)
    const held = this.#held.get(id)
    if (held === undefined) return
    this.#held.delete(id)
    if (!committed) return
    for (const { key, offset, timestamp, value } of held) this.#put(partition, key, offset, timestamp, value)
  }

  /** Forgets what instances wrote that have not for so long: they can be told from the dead no more. */
  forgetInstances(before: number): void {
    for (const [instance, at] of this.#lastAt) if (at < before) this.#lastAt.delete(instance)
  }

  /** Everything is read again. */
  clear(): void {
    for (const client of this.clients.values()) {
      client.clear()
      this.release(client)
    }
    this.groups.clear()
    this.#held.clear()
  }

  #put(partition: number, key: Buffer | null, offset: number, timestamp: number, value: Buffer | null): void {
    const parsed = parseKey(key)
    if (parsed === null) {
      this.#skipped++
      return
    }
    if (value !== null) {
      const version = versionOf(value)
      if (version === 'unknown') this.#listener.onUnknownVersion(String(key))
      if (version !== 'known') {
        this.#skipped++
        return
      }
    }
    if ('group' in parsed) this.#putGroup(parsed.group, value)
    else this.#putClient(parsed, partition, offset, timestamp, value)
  }

  #putGroup(name: string, value: Buffer | null): void {
    const state = value === null ? null : decodeState(value)
    if (state === null) this.groups.delete(name)
    else this.groups.set(name, state)
    this.#listener.onGroup(name, state)
  }

  #putClient(
    key: { clientId: string; kind: KeyKind; epoch: string; writer: string | null },
    partition: number,
    offset: number,
    timestamp: number,
    value: Buffer | null,
  ): void {
    const known = this.clients.get(key.clientId)
    if (known === undefined && value === null) return
    const client = known ?? this.#add(key.clientId, partitionHash(Buffer.from(key.clientId)), partition)
    client.apply(key.kind, key.epoch, key.writer, offset, timestamp, value)
    const instance = instanceOf(key.epoch)
    const wroteItself = key.kind === 'e' && value !== null
    if (wroteItself && timestamp > this.lastWrittenAt(instance)) this.#lastAt.set(instance, timestamp)
    this.#listener.onChanged(client, instance)
    this.release(client)
  }

  #add(clientId: string, hash: number, partition: number): ClientLog {
    const client = new ClientLog(clientId, hash, partition, this.#store, this.#listener)
    this.clients.set(clientId, client)
    return client
  }
}

function transactionId(partition: number, producerId: number): string {
  return `${partition}/${producerId}`
}
