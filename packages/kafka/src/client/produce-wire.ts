/**
 * Produce requests (versions 3 to 7) around record batches that are encoded already, and their answers. Used by the link
 * to the brokers; knows nothing of order or retries.
 */
import { groupBy } from './group-by.ts'
import { apiKeys, type Throttled, type WireCall } from './kafkajs.ts'

export const PRODUCE_VERSION_MAX = 7
/** version of the response that also tells the log start */
const VERSION_LOG_START = 5
const ACKS_ALL = -1
const NULL_STRING = -1
const NO_TRANSACTION = Buffer.alloc(0)

/** One batch and where it goes. */
export interface ProducePart {
  readonly topic: string
  readonly partition: number
  readonly bytes: Buffer
}

/** One request for all parts; its answer is their error codes, in the order of `parts`. Not null: all batches are of that id's transaction. */
export function produceCall(
  version: number,
  parts: readonly ProducePart[],
  timeoutMs: number,
  transactionalId: string | null = null,
): WireCall<Throttled & { readonly codes: readonly number[] }> {
  const body = encodeBody(parts, timeoutMs, transactionalId)
  return {
    request: {
      apiKey: apiKeys.Produce,
      apiName: 'Produce',
      apiVersion: version,
      encode: async () => ({ buf: body, buffer: body }),
    },
    response: {
      decode: async (payload) => decodeAnswer(version, payload, parts),
      parse: (decoded) => decoded,
    },
  }
}

function encodeBody(parts: readonly ProducePart[], timeoutMs: number, transactionalId: string | null): Buffer {
  const id = transactionalId === null ? NO_TRANSACTION : Buffer.from(transactionalId)
  const topics = [...groupBy(parts, (part) => part.topic)].map(([name, some]) => [Buffer.from(name), some] as const)
  let size = 2 + id.length + 2 + 4 + 4
  for (const [name, some] of topics) {
    size += 2 + name.length + 4
    for (const { bytes } of some) size += 4 + 4 + bytes.length
  }
  const body = Buffer.allocUnsafe(size)
  let at = body.writeInt16BE(transactionalId === null ? NULL_STRING : id.length, 0)
  at += id.copy(body, at)
  at = body.writeInt16BE(ACKS_ALL, at)
  at = body.writeInt32BE(timeoutMs, at)
  at = body.writeInt32BE(topics.length, at)
  for (const [name, some] of topics) {
    at = body.writeInt16BE(name.length, at)
    at += name.copy(body, at)
    at = body.writeInt32BE(some.length, at)
    for (const { partition, bytes } of some) {
      at = body.writeInt32BE(partition, at)
      at = body.writeInt32BE(bytes.length, at)
      at += bytes.copy(body, at)
    }
  }
  return body
}

/** A part that the answer does not name gets −1, an unknown error. */
function decodeAnswer(
  version: number,
  payload: Buffer,
  parts: readonly ProducePart[],
): Throttled & { readonly codes: readonly number[] } {
  const codes = new Array<number>(parts.length).fill(-1)
  let at = 0
  const topics = payload.readInt32BE(at)
  at += 4
  for (let topic = 0; topic < topics; topic++) {
    const length = payload.readInt16BE(at)
    const name = payload.toString('utf8', at + 2, at + 2 + length)
    const partitions = payload.readInt32BE(at + 2 + length)
    at += 2 + length + 4
    for (let left = partitions; left > 0; left--) {
      const partition = payload.readInt32BE(at)
      const index = parts.findIndex((part) => part.partition === partition && part.topic === name)
      if (index >= 0) codes[index] = payload.readInt16BE(at + 4)
      at += 4 + 2 + 8 + 8 + (version >= VERSION_LOG_START ? 8 : 0)
    }
  }
  return { clientSideThrottleTime: payload.readInt32BE(at), codes }
}
