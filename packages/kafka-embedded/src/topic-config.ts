/**
 * The settings of a topic under Kafka's names. Known names with an effect here are checked and get Kafka's defaults; those
 * that mean nothing to one node are kept and described; any other name is an error, as at a broker.
 */
import { StreamError } from '@zilla-ts/engine'

const MS_PER_DAY = 86_400_000

/** Kafka's defaults of the settings that have an effect here. */
const DEFAULTS = {
  'cleanup.policy': 'delete',
  'delete.retention.ms': String(MS_PER_DAY),
  'max.message.bytes': '1048588',
  'message.timestamp.type': 'CreateTime',
  'min.cleanable.dirty.ratio': '0.5',
  'min.compaction.lag.ms': '0',
  'retention.bytes': '-1',
  'retention.ms': String(7 * MS_PER_DAY),
} as const

type Name = keyof typeof DEFAULTS

/** Settings of segments, replicas, compression and clients, which one log without segments has no use for. */
const WITHOUT_EFFECT = new Set([
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.type',
  'compression.zstd.level',
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'follower.replication.throttled.replicas',
  'index.interval.bytes',
  'leader.replication.throttled.replicas',
  'local.retention.bytes',
  'local.retention.ms',
  'max.compaction.lag.ms',
  'message.downconversion.enable',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.difference.max.ms',
  'min.insync.replicas',
  'preallocate',
  'remote.storage.enable',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
  'unclean.leader.election.enable',
])

/** Bytes that a batch of one record has beside key, value and headers: its header and the longest lengths. */
const RECORD_OVERHEAD = 61 + 32
const MESSAGE_BYTES_MIN = RECORD_OVERHEAD + 1

/** What a topic does with its records. Immutable. */
export class TopicConfig {
  /** keeps the last record of each key */
  readonly isCompacted: boolean
  /** removes by time and bytes */
  readonly isRetained: boolean
  /** −1: for ever */
  readonly retentionMs: number
  /** per partition; −1: no limit */
  readonly retentionBytes: number
  /** largest batch */
  readonly maxMessageBytes: number
  readonly deleteRetentionMs: number
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly isLogAppendTime: boolean
  /** all settings, defaults included, as `describe` gives them */
  readonly entries: ReadonlyMap<string, string>

  /** Throws a `StreamError` (`invalid`) that names the setting. */
  constructor(given: Readonly<Record<string, string>>) {
    for (const name of Object.keys(given)) {
      if (!(name in DEFAULTS) && !WITHOUT_EFFECT.has(name)) {
        throw new StreamError('invalid', `unknown topic setting ${name}`)
      }
    }
    this.entries = new Map(Object.entries({ ...DEFAULTS, ...given }))
    const policies = this.#text('cleanup.policy').split(/\s*,\s*/)
    if (!policies.every((policy) => policy === 'compact' || policy === 'delete')) throw this.#wrong('cleanup.policy')
    this.isCompacted = policies.includes('compact')
    this.isRetained = policies.includes('delete')
    this.retentionMs = this.#integer('retention.ms', -1)
    this.retentionBytes = this.#integer('retention.bytes', -1)
    this.maxMessageBytes = this.#integer('max.message.bytes', MESSAGE_BYTES_MIN)
    this.deleteRetentionMs = this.#integer('delete.retention.ms', 0)
    this.minCompactionLagMs = this.#integer('min.compaction.lag.ms', 0)
    this.minCleanableDirtyRatio = Number(this.#text('min.cleanable.dirty.ratio'))
    if (!(this.minCleanableDirtyRatio >= 0 && this.minCleanableDirtyRatio <= 1)) {
      throw this.#wrong('min.cleanable.dirty.ratio')
    }
    const type = this.#text('message.timestamp.type')
    if (type !== 'CreateTime' && type !== 'LogAppendTime') throw this.#wrong('message.timestamp.type')
    this.isLogAppendTime = type === 'LogAppendTime'
  }

  /** Key, value and headers of a record together may have so many bytes. */
  get maxRecordBytes(): number {
    return this.maxMessageBytes - RECORD_OVERHEAD
  }

  #text(name: Name): string {
    return this.entries.get(name)!
  }

  #integer(name: Name, min: number): number {
    const text = this.#text(name)
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || value < min) throw this.#wrong(name)
    return value
  }

  #wrong(name: Name): StreamError {
    return new StreamError('invalid', `topic setting ${name} cannot be "${this.#text(name)}"`)
  }
}

/** Settings as a document has them. */
export type TopicSettings = Readonly<Record<string, string | number | boolean | undefined>>

/** The settings as Kafka has them: text. */
export function settingsText(settings: TopicSettings): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]))
}
