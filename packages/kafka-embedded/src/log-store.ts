/**
 * The lmdb file of a log: the one place that knows its layout. Callers give whole record batches and get copies back. Reads
 * are short and synchronous; writes of one `commit` are one transaction. Never keeps a read transaction over a turn.
 *
 * Layout 1. The first byte of a key says what it is, numbers are big-endian:
 *   0                                        `layout 1`
 *   1                                        name of the owner's socket, while there is one
 *   2, topic name                            {"id", "partitions", "configs"}
 *   3, topic id u32, partition u32           state: six doubles, as in `PartitionState`
 *   4, topic id u32, partition u32, base offset u64   record batch (message format v2)
 */
import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { BatchReader, RecordError } from '@zilla-ts/kafka'
import { open, type RootDatabase } from 'lmdb'
import { DirectoryLock } from './directory-lock.ts'
import { lmdbFault } from './lmdb-header.ts'

const LAYOUT = 'layout 1'
const FILE = 'log.mdb'

const LAYOUT_KEY = Buffer.of(0)
const OWNER_KEY = Buffer.of(1)
const TOPIC = 2
const STATE = 3
const BATCH = 4

const STATE_KEY_BYTES = 9
const BATCH_KEY_BYTES = 17
const STATE_BYTES = 48
const HIGH = 0x1_0000_0000
/** lmdb's own flags: commit before returning, and flush */
const COMMIT_NOW = 2

/** above every offset */
export const LAST_OFFSET = Number.MAX_SAFE_INTEGER

/** What a partition has besides its batches. */
export interface PartitionState {
  /** first offset; below it everything was removed */
  start: number
  /** of all batches */
  bytes: number
  /** of batches that compaction has not seen */
  dirtyBytes: number
  /** compaction has seen everything below */
  cleaned: number
  /** tombstones below were seen by the compaction at `horizonTime`, epoch ms */
  horizon: number
  horizonTime: number
}

export interface StoredTopic {
  readonly name: string
  readonly id: number
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/** `flush`: a commit is on disk; `os`: it is with the operating system. */
export type Sync = 'flush' | 'os'

export class LogStore {
  readonly #db: RootDatabase<Buffer, Buffer>
  #lock: DirectoryLock | null = null
  readonly #stateKey = Buffer.alloc(STATE_KEY_BYTES)
  readonly #batchKey = Buffer.alloc(BATCH_KEY_BYTES)
  readonly #endKey = Buffer.alloc(BATCH_KEY_BYTES)
  readonly #header = new BatchReader()

  private constructor(db: RootDatabase<Buffer, Buffer>) {
    this.#db = db
  }

  /** Opens or makes the log of a directory and locks it. Rejects with an error that names the directory and the cause. */
  static async open(directory: string, sync: Sync): Promise<LogStore> {
    const path = writableDirectory(directory)
    const file = join(path, FILE)
    const fault = lmdbFault(file)
    if (fault !== null) throw new Error(`directory ${directory}: ${FILE} cannot be opened: ${fault}`)
    // Without overlapping sync a commit waits for its flush, and fails with it. `eventTurnBatching` would make promises
    // that nobody can catch when a commit fails.
    const db = open<Buffer, Buffer>(file, {
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
      overlappingSync: false,
      eventTurnBatching: false,
      noSync: sync === 'os',
    })
    const store = new LogStore(db)
    try {
      const layout = db.get(LAYOUT_KEY)?.toString()
      if (layout !== undefined && layout !== LAYOUT) {
        throw new Error(`directory ${directory}: the log is of ${layout}, this version reads ${LAYOUT} only`)
      }
      store.#lock = await DirectoryLock.acquire(path, {
        read: () => db.get(OWNER_KEY)?.toString() ?? null,
        swap: (expected, owner) => store.#swapOwner(expected, owner),
      })
      if (layout === undefined) {
        await store.commit(() => db.put(LAYOUT_KEY, Buffer.from(LAYOUT)))
        flushDirectories(path)
      }
    } catch (error) {
      await store.close()
      throw error
    }
    return store
  }

  #swapOwner(expected: string | null, owner: string | null): boolean {
    const db = this.#db
    return db.transactionSync(() => {
      if ((db.get(OWNER_KEY)?.toString() ?? null) !== expected) return false
      if (owner === null) db.removeSync(OWNER_KEY)
      else db.putSync(OWNER_KEY, Buffer.from(owner))
      return true
    }, COMMIT_NOW)
  }

  topics(): StoredTopic[] {
    const topics: StoredTopic[] = []
    for (const { key, value } of this.#db.getRange({ start: Buffer.of(TOPIC), end: Buffer.of(TOPIC + 1) })) {
      topics.push({ ...JSON.parse(value.toString()), name: key.toString('utf8', 1) })
    }
    return topics
  }

  state(topicId: number, partition: number): PartitionState {
    const row = this.#db.get(this.#keyOfState(topicId, partition))
    const at = (index: number) => (row === undefined ? 0 : row.readDoubleBE(index * 8))
    return { start: at(0), bytes: at(1), dirtyBytes: at(2), cleaned: at(3), horizon: at(4), horizonTime: at(5) }
  }

  /** The batch that holds `offset`, or else the last one before it; null: there is none. */
  batchAtOrBefore(topicId: number, partition: number, offset: number): Buffer | null {
    const start = this.#keyOfBatch(this.#batchKey, topicId, partition, offset)
    const end = this.#keyOfBatch(this.#endKey, topicId, partition, 0)
    for (const { value } of this.#db.getRange({ start, end, inclusiveEnd: true, reverse: true, limit: 1 })) return value
    return null
  }

  /** Batches from the one that holds `from`, or else the next, below `to`: at least one if there is one, then up to `bytesMax`. */
  batches(topicId: number, partition: number, from: number, to: number, bytesMax: number): Buffer[] {
    const batches: Buffer[] = []
    const first = this.batchAtOrBefore(topicId, partition, from)
    let bytes = 0
    if (first !== null) {
      const last = this.#lastOffset(first)
      if (last >= from) {
        batches.push(first)
        bytes = first.length
        from = last + 1
      }
    }
    if (bytes >= bytesMax || from >= to) return batches
    const start = this.#keyOfBatch(this.#batchKey, topicId, partition, from)
    const end = this.#keyOfBatch(this.#endKey, topicId, partition, to)
    for (const { value } of this.#db.getRange({ start, end })) {
      batches.push(value)
      bytes += value.length
      if (bytes >= bytesMax) break
    }
    return batches
  }

  /** −1: the batch is damaged, and nobody knows. */
  #lastOffset(batch: Buffer): number {
    this.#header.reset(batch)
    try {
      return this.#header.nextBatch() ? this.#header.lastOffset : -1
    } catch (error) {
      if (error instanceof RecordError) return -1
      throw error
    }
  }

  /** One transaction of what `write` puts and removes. Resolves when it is stored; rejects with lmdb's own error, nothing stored. */
  async commit(write: () => void): Promise<void> {
    try {
      await this.#db.batch(write)
    } catch (error) {
      throw await causeOf(error)
    }
  }

  /** Inside `commit`. The buffer must not change until it is stored. */
  putBatch(topicId: number, partition: number, baseOffset: number, batch: Buffer): void {
    this.#db.put(this.#keyOfBatch(this.#batchKey, topicId, partition, baseOffset), batch)
  }

  /** Inside `commit`. */
  removeBatch(topicId: number, partition: number, baseOffset: number): void {
    this.#db.remove(this.#keyOfBatch(this.#batchKey, topicId, partition, baseOffset))
  }

  /** Inside `commit`. */
  putState(topicId: number, partition: number, state: PartitionState): void {
    const row = Buffer.allocUnsafe(STATE_BYTES)
    row.writeDoubleBE(state.start, 0)
    row.writeDoubleBE(state.bytes, 8)
    row.writeDoubleBE(state.dirtyBytes, 16)
    row.writeDoubleBE(state.cleaned, 24)
    row.writeDoubleBE(state.horizon, 32)
    row.writeDoubleBE(state.horizonTime, 40)
    this.#db.put(this.#keyOfState(topicId, partition), row)
  }

  /** Inside `commit`. */
  putTopic(topic: StoredTopic): void {
    const { name, ...rest } = topic
    this.#db.put(Buffer.from(`\u0002${name}`), Buffer.from(JSON.stringify(rest)))
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    try {
      await this.#lock?.release()
    } finally {
      this.#lock = null
      await this.#db.close()
    }
  }

  #keyOfState(topicId: number, partition: number): Buffer {
    const key = this.#stateKey
    key[0] = STATE
    key.writeUInt32BE(topicId, 1)
    key.writeUInt32BE(partition, 5)
    return key
  }

  #keyOfBatch(key: Buffer, topicId: number, partition: number, offset: number): Buffer {
    key[0] = BATCH
    key.writeUInt32BE(topicId, 1)
    key.writeUInt32BE(partition, 5)
    const high = Math.floor(offset / HIGH)
    key.writeUInt32BE(high, 9)
    key.writeUInt32BE(offset - high * HIGH, 13)
    return key
  }
}

function writableDirectory(directory: string): string {
  try {
    makeDirectory(resolve(directory))
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return realpathSync(directory)
  } catch (error) {
    throw new Error(`directory ${directory} cannot be written: ${text(error)}`, { cause: error })
  }
}

/**
 * Each missing level by itself: `recursive` of Node 20 never returns where a parent says that it is not there although it
 * is, as /proc does.
 */
function makeDirectory(directory: string): void {
  const missing: string[] = []
  for (let at = directory; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.push(at)
  for (const each of missing.reverse()) {
    try {
      mkdirSync(each)
    } catch (error) {
      // Another engine may have made it in between.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** A new file is there after a power failure only if its directory was flushed too, and that one's. Windows has no such call. */
function flushDirectories(path: string): void {
  if (process.platform === 'win32') return
  for (const directory of [path, dirname(path)]) {
    const handle = openSync(directory, 'r')
    fsyncSync(handle)
    closeSync(handle)
  }
}

/** lmdb rejects with a stand-in whose `commitError` is a promise that rejects with the cause. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  try {
    await error.commitError
    return error
  } catch (cause) {
    return cause
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
