/**
 * Metadata with what we may do with topics (KIP-430, version 8), which kafkajs does not ask for. Used by the admin only.
 */
import type { TopicOperation } from '../stream.ts'
import { apiKeys, type Throttled, type WireCall } from './kafkajs.ts'

/** The last before flexible encoding. */
export const OPERATIONS_VERSION = 8
/** the broker does not tell */
const UNKNOWN = -0x8000_0000

/** By the bit that stands for each (`AclOperation`). */
const OPERATIONS: readonly (readonly [bit: number, name: TopicOperation])[] = [
  [3, 'Read'],
  [4, 'Write'],
  [5, 'Create'],
  [6, 'Delete'],
  [7, 'Alter'],
  [8, 'Describe'],
  [10, 'DescribeConfigs'],
  [11, 'AlterConfigs'],
]

export interface OperationsAnswer extends Throttled {
  /** by topic; one that is not there, or may not be seen, is absent */
  readonly operations: ReadonlyMap<string, TopicOperation[]>
}

export function operationsCall(topics: readonly string[]): WireCall<OperationsAnswer> {
  const body = encodeBody(topics)
  return {
    request: {
      apiKey: apiKeys.Metadata,
      apiName: 'Metadata',
      apiVersion: OPERATIONS_VERSION,
      encode: async () => ({ buf: body, buffer: body }),
    },
    response: { decode: async (payload) => decodeAnswer(payload), parse: (decoded) => decoded },
  }
}

function encodeBody(topics: readonly string[]): Buffer {
  const names = topics.map((name) => Buffer.from(name))
  const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff])
  const count = Buffer.alloc(4)
  count.writeInt32BE(names.length)
  // allow_auto_topic_creation, include_cluster_authorized_operations, include_topic_authorized_operations
  const flags = Buffer.from([0, 0, 1])
  return Buffer.concat([count, ...names.flatMap((name) => [int16(name.length), name]), flags])
}

/** Throws a `RangeError` at the end of what is cut off. */
function decodeAnswer(payload: Buffer): OperationsAnswer {
  const reader = new AnswerReader(payload)
  const clientSideThrottleTime = reader.int32()
  reader.each(() => {
    reader.int32()
    reader.string()
    reader.int32()
    reader.string()
  })
  reader.string()
  reader.int32()
  const operations = new Map<string, TopicOperation[]>()
  reader.each(() => {
    const errorCode = reader.int16()
    const name = reader.string()
    reader.skip(1)
    reader.each(() => {
      reader.skip(2 + 4 + 4 + 4)
      for (let list = 0; list < 3; list++) reader.each(() => reader.skip(4))
    })
    const bits = reader.int32()
    if (errorCode === 0 && bits !== UNKNOWN) operations.set(name, namesOf(bits))
  })
  return { clientSideThrottleTime, operations }
}

const namesOf = (bits: number): TopicOperation[] =>
  OPERATIONS.filter(([bit]) => (bits & (1 << bit)) !== 0).map(([, name]) => name)

class AnswerReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    this.#at += 2
    return this.#bytes.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  /** Null as empty. */
  string(): string {
    const length = Math.max(0, this.int16())
    this.skip(length)
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  /** Items of an array, one after the other; each reads at least a byte, so that a false count ends at the end of the bytes. */
  each(item: () => void): void {
    for (let left = this.int32(); left > 0; left--) {
      if (this.#at >= this.#bytes.length) throw new RangeError('the answer is cut off')
      item()
    }
  }
}
