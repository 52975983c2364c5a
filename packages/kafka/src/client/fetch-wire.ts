/**
 * Fetch requests (versions 4 to 11, no fetch session) and their answers, of which the record sets stay
 * raw. Used by the link to the brokers; knows nothing of cursors.
 */
import type { AbortedTransaction } from '../codec/aborted-filter.ts'
import { readInt64, writeInt64 } from '../codec/batch-layout.ts'
import { groupBy } from './group-by.ts'
import { apiKeys, type Throttled, type WireCall } from './kafkajs.ts'

export const FETCH_VERSION_MAX = 11
// The version that brought a field.
const VERSION_LOG_START = 5
const VERSION_SESSION = 7
const VERSION_LEADER_EPOCH = 9
const VERSION_RACK = 11
const ANY_REPLICA = -1
const NO_SESSION_EPOCH = -1
const UNKNOWN = -1
const INT64 = 8

/** What is asked of one partition. A request names a partition once. */
export interface FetchPart {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly bytesMax: number
}

/** Whether records wait until their transaction is over (KIP-98). The values are those of `isolation_level`. */
export const ISOLATION = { uncommitted: 0, committed: 1 } as const
export type Isolation = keyof typeof ISOLATION

export interface FetchWant {
  readonly isolation: Isolation
  /** how long the broker may wait for data */
  readonly waitMs: number
  readonly bytesMax: number
  readonly parts: readonly FetchPart[]
}

/** What came of one partition; `records` is a slice of the answer. */
export interface FetchResult {
  readonly topic: string
  readonly partition: number
  readonly code: number
  /** end of what may be read: last stable offset, or high watermark where `isolation` is `uncommitted` */
  readonly end: number
  readonly aborted: readonly AbortedTransaction[]
  readonly records: Buffer
}

export interface FetchAnswer extends Throttled {
  readonly code: number
  readonly results: readonly FetchResult[]
}

export function fetchCall(version: number, want: FetchWant): WireCall<FetchAnswer> {
  const body = encodeBody(version, want)
  return {
    request: {
      apiKey: apiKeys.Fetch,
      apiName: 'Fetch',
      apiVersion: version,
      encode: async () => ({ buf: body, buffer: body }),
    },
    response: {
      decode: async (payload) => new AnswerReader(payload, version, want.isolation).read(),
      parse: (decoded) => decoded,
    },
  }
}

function encodeBody(version: number, want: FetchWant): Buffer {
  const topics = [...groupBy(want.parts, (part) => part.topic)].map(
    ([name, parts]) => [Buffer.from(name), parts] as const,
  )
  const partBytes =
    4 + (version >= VERSION_LEADER_EPOCH ? 4 : 0) + INT64 + (version >= VERSION_LOG_START ? INT64 : 0) + 4
  let size = 4 * 4 + 1 + 4 + 4 + 4 + 4 + 2
  for (const [name, parts] of topics) size += 2 + name.length + 4 + parts.length * partBytes
  const body = Buffer.allocUnsafe(size)
  let at = body.writeInt32BE(ANY_REPLICA, 0)
  at = body.writeInt32BE(want.waitMs, at)
  at = body.writeInt32BE(1, at) // min bytes
  at = body.writeInt32BE(want.bytesMax, at)
  at = body.writeInt8(ISOLATION[want.isolation], at)
  if (version >= VERSION_SESSION) {
    at = body.writeInt32BE(0, at)
    at = body.writeInt32BE(NO_SESSION_EPOCH, at)
  }
  at = body.writeInt32BE(topics.length, at)
  for (const [name, parts] of topics) {
    at = body.writeInt16BE(name.length, at)
    at += name.copy(body, at)
    at = body.writeInt32BE(parts.length, at)
    for (const part of parts) {
      at = body.writeInt32BE(part.partition, at)
      if (version >= VERSION_LEADER_EPOCH) at = body.writeInt32BE(UNKNOWN, at)
      writeInt64(body, at, part.offset)
      at += INT64
      if (version >= VERSION_LOG_START) {
        writeInt64(body, at, UNKNOWN)
        at += INT64
      }
      at = body.writeInt32BE(part.bytesMax, at)
    }
  }
  if (version >= VERSION_SESSION) at = body.writeInt32BE(0, at) // forgotten topics
  if (version >= VERSION_RACK) at = body.writeInt16BE(0, at)
  return body.subarray(0, at)
}

class AnswerReader {
  readonly #bytes: Buffer
  readonly #version: number
  readonly #isolation: Isolation
  #at = 0

  constructor(bytes: Buffer, version: number, isolation: Isolation) {
    this.#bytes = bytes
    this.#version = version
    this.#isolation = isolation
  }

  read(): FetchAnswer {
    const clientSideThrottleTime = this.#int32()
    let code = 0
    if (this.#version >= VERSION_SESSION) {
      code = this.#int16()
      this.#at += 4
    }
    const results: FetchResult[] = []
    for (let topics = this.#int32(); topics > 0; topics--) {
      const length = this.#int16()
      const topic = this.#bytes.toString('utf8', this.#at, this.#at + length)
      this.#at += length
      for (let partitions = this.#int32(); partitions > 0; partitions--) results.push(this.#result(topic))
    }
    return { clientSideThrottleTime, code, results }
  }

  #result(topic: string): FetchResult {
    const partition = this.#int32()
    const code = this.#int16()
    const highWatermark = this.#int64()
    const lastStable = this.#int64()
    const end = this.#isolation === 'committed' ? lastStable : highWatermark
    if (this.#version >= VERSION_LOG_START) this.#at += INT64
    const aborted: AbortedTransaction[] = []
    for (let left = this.#int32(); left > 0; left--) {
      aborted.push({ producerId: this.#int64(), firstOffset: this.#int64() })
    }
    if (this.#version >= VERSION_RACK) this.#at += 4 // preferred read replica
    const length = Math.max(this.#int32(), 0)
    const start = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('fetch answer ends within a record set')
    return { topic, partition, code, end, aborted, records: this.#bytes.subarray(start, this.#at) }
  }

  #int16(): number {
    const value = this.#bytes.readInt16BE(this.#at)
    this.#at += 2
    return value
  }

  #int32(): number {
    const value = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  #int64(): number {
    const value = readInt64(this.#bytes, this.#at)
    this.#at += INT64
    return value
  }
}
