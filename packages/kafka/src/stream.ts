/**
 * The `kafka` protocol: what mqtt-kafka asks of the next hop, and what kafka `cache_client`, `cache_server`, `client` and
 * `kafka-embedded` all answer alike; `packages/testing` has the conformance suite that says so.
 *
 * - `produce`  one stream per writer and topic. Writes are records; `ack(through)` says that record number `through` and
 *   all before it are stored (`acks=all`). `ack(through, refused)` says that record `through` can never be stored (the
 *   ones before it are); the stream goes on. Order per partition is the order of the writes. A broker that is away is no
 *   refusal: records wait; when the hold time is over the stream aborts with `unavailable`.
 * - `fetch`    records of all partitions from given offsets, then live. Only committed records of data batches arrive
 *   (`read_committed`). A new partition is read from 0 and announced. Grants are per stream: without room the reader
 *   of this stream pauses, nobody else's. With `partitions` only these are read, and growth is not announced. With
 *   `isolation: 'uncommitted'` nothing waits for open transactions: their records arrive with `producerId` set, and the
 *   signal `marker` says what became of them.
 * - `transaction` writes to several topics that are stored together or not at all (KIP-98). Opening it fences every other
 *   stream with the same `id`, in this process or another, and undoes what they had open; `accept` follows. Writes
 *   (`TransactionMeta`) begin a transaction, the signal `commit` ends it, and `ack(through)` says that it is committed. A
 *   record that can never be stored aborts the whole transaction: `ack(through, refused)` for its last write, and the stream
 *   goes on. Abort: `taken-over` another stream has the `id` now; `timeout` the outcome of the last commit is unknown.
 * - `group`    membership in a consumer group, for liveness and for dividing the partitions of `topic` among processes; no
 *   offsets. Answered by `accept`, then the signal `assigned` at each generation, the first included. End: leave.
 * - `offsets`  first and end offset of every partition, asked now; answered by `accept`, then the stream ends. With
 *   `isolation: 'uncommitted'` the end lies behind open transactions too. With `since` the first offset is that of a record
 *   of that time or later, the end if there is none.
 * - `describe` partitions and configuration of a topic; answered by `accept`, then the stream ends.
 * - `create`   makes a topic if it is not there; answered by `accept`, then the stream ends.
 * A topic that does not exist: abort with `not-found`, for all of them but `create`.
 */
import type { Protocol } from '@zilla-ts/engine'
import type { KafkaRecord } from './record.ts'

export type KafkaOpen =
  | { readonly kind: 'produce'; readonly topic: string }
  | {
      readonly kind: 'fetch'
      readonly topic: string
      readonly from: FetchStart
      /** absent: all, those to come included */
      readonly partitions?: readonly number[]
      /** absent: `committed` */
      readonly isolation?: 'committed' | 'uncommitted'
    }
  | {
      readonly kind: 'transaction'
      /** decides the way only; the writes name their own */
      readonly topic: string
      /** transactional id */
      readonly id: string
      /** the broker ends a transaction that is open for longer */
      readonly timeoutMs: number
    }
  | {
      readonly kind: 'group'
      /** whose partitions are divided */
      readonly topic: string
      /** group id */
      readonly id: string
      /** what the others are told of this member */
      readonly member: string
      readonly sessionTimeoutMs: number
    }
  | {
      readonly kind: 'offsets'
      readonly topic: string
      /** epoch ms; absent: the first record there is */
      readonly since?: number
      /** absent: `committed` */
      readonly isolation?: 'committed' | 'uncommitted'
    }
  | {
      readonly kind: 'describe'
      readonly topic: string
      /** asks also what we may do with it */
      readonly operations?: boolean
    }
  | {
      readonly kind: 'create'
      readonly topic: string
      /** absent: the broker's default */
      readonly partitions?: number
      readonly replicas?: number
      readonly configs?: Readonly<Record<string, string>>
    }

/** `end`: the log end as of now; `start`: the first record there is; else an offset per partition (absent partitions: from 0). */
export type FetchStart = 'start' | 'end' | ReadonlyMap<number, number>

export interface PartitionOffsets {
  readonly partition: number
  /** first offset there is */
  readonly start: number
  /** offset the next record will get (last stable offset, unless uncommitted) */
  readonly end: number
}

export type KafkaAccept =
  | { readonly kind: 'produce'; readonly partitions: number; readonly maxRecordBytes: number }
  /** where reading begins, `start` being the next offset to arrive, and the end of each partition at this time */
  | { readonly kind: 'fetch'; readonly partitions: readonly PartitionOffsets[] }
  | { readonly kind: 'offsets'; readonly partitions: readonly PartitionOffsets[] }
  | {
      readonly kind: 'describe'
      readonly partitions: number
      readonly configs: ReadonlyMap<string, string>
      /** the largest record (key, value and headers together) that the topic takes, in bytes */
      readonly maxRecordBytes: number
      /** what we may do with it; absent: not asked for, or not known */
      readonly operations?: readonly TopicOperation[]
    }
  | { readonly kind: 'create'; readonly created: boolean }
  /** `term` differs from that of every other stream with this id: producer id and epoch */
  | { readonly kind: 'transaction'; readonly term: string }
  | {
      readonly kind: 'group'
      /** the log belongs to this process alone: nobody else is, or can become, a member */
      readonly exclusive?: boolean
    }

/** As Kafka's ACLs have them, in the words of its tools. */
export type TopicOperation =
  | 'Read'
  | 'Write'
  | 'Create'
  | 'Delete'
  | 'Alter'
  | 'Describe'
  | 'DescribeConfigs'
  | 'AlterConfigs'

/** A record to be written. Buffers are borrowed for the call; the payload is its value. */
export interface ProduceMeta {
  readonly key: Buffer | null
  /** partition = hash % partitions; murmur2 of the key (`partitionHash`) unless the caller groups otherwise */
  readonly hash: number
  /** value is null (a tombstone); the payload is then empty */
  readonly tombstone: boolean
  /** epoch ms */
  readonly timestamp: number
  /** headers in wire form, without their count (`encodeHeaders`) */
  readonly headers: Buffer
  readonly headerCount: number
}

/** A record of a transaction. */
export interface TransactionMeta extends ProduceMeta {
  readonly topic: string
}

export type KafkaSignal =
  /** fetch, acceptor → initiator: everything below `next` of this partition has been delivered or does not exist (compacted, control, aborted) */
  | { readonly kind: 'progress'; readonly partition: number; readonly next: number }
  /** fetch: offsets [from, to) were removed before they could be read: retention, or the topic was made anew */
  | { readonly kind: 'lost'; readonly partition: number; readonly from: number; readonly to: number }
  /** fetch: the topic has grown; `partition` is read from 0 */
  | { readonly kind: 'partition'; readonly partition: number }
  /** fetch and produce: the broker is away, or back */
  | { readonly kind: 'available'; readonly available: boolean }
  /** produce: the topic has grown, or its record limit changed */
  | { readonly kind: 'topic'; readonly partitions: number; readonly maxRecordBytes: number }
  /** fetch, uncommitted: the transaction of this producer in this partition is over; its records before `offset` count or not */
  | {
      readonly kind: 'marker'
      readonly partition: number
      readonly offset: number
      readonly producerId: number
      readonly committed: boolean
    }
  /** transaction, initiator → acceptor */
  | { readonly kind: 'commit' }
  /** group: this member's partitions, and what all members (this one too) are called */
  | {
      readonly kind: 'assigned'
      readonly generation: number
      readonly partitions: readonly number[]
      readonly members: readonly string[]
    }

export interface Kafka extends Protocol {
  open: KafkaOpen
  accept: KafkaAccept
  /** produce, initiator → acceptor: `ProduceMeta`; transaction: `TransactionMeta`; fetch, acceptor → initiator: `KafkaRecord` */
  meta: ProduceMeta | TransactionMeta | KafkaRecord
  signal: KafkaSignal
}
