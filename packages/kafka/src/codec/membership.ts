/**
 * What the members of a consumer group tell each other (Kafka protocol guide, "Consumer Groups"; `ConsumerProtocolSubscription`
 * and `ConsumerProtocolAssignment` version 0, so that Kafka's own tools can show them). The user data is ours: the name of
 * a member, and the names of all members as a JSON array. Others may have written anything: what cannot be read is null.
 */

const VERSION = 0
const INT16 = 2
const INT32 = 4

export interface Assignment {
  readonly partitions: readonly number[]
  /** of all members */
  readonly members: readonly string[]
}

/** A member's metadata. */
export function encodeSubscription(topic: string, member: string): Buffer {
  const name = Buffer.from(topic)
  const data = Buffer.from(member)
  const bytes = Buffer.alloc(INT16 + INT32 + INT16 + name.length + INT32 + data.length)
  let at = bytes.writeInt16BE(VERSION, 0)
  at = bytes.writeInt32BE(1, at)
  at = bytes.writeInt16BE(name.length, at)
  at += name.copy(bytes, at)
  at = bytes.writeInt32BE(data.length, at)
  data.copy(bytes, at)
  return bytes
}

/** The name of a member, from its metadata; null: it is of another program. */
export function decodeSubscription(bytes: Buffer): string | null {
  try {
    let at = INT16
    let topics = bytes.readInt32BE(at)
    at += INT32
    for (; topics > 0; topics--) at += INT16 + bytes.readInt16BE(at)
    return sliceOf(bytes, at)?.toString() ?? null
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

export function encodeAssignment(topic: string, { partitions, members }: Assignment): Buffer {
  const name = Buffer.from(topic)
  const data = Buffer.from(JSON.stringify(members))
  const size = INT16 + INT32 + INT16 + name.length + INT32 + partitions.length * INT32 + INT32 + data.length
  const bytes = Buffer.alloc(size)
  let at = bytes.writeInt16BE(VERSION, 0)
  at = bytes.writeInt32BE(1, at)
  at = bytes.writeInt16BE(name.length, at)
  at += name.copy(bytes, at)
  at = bytes.writeInt32BE(partitions.length, at)
  for (const partition of partitions) at = bytes.writeInt32BE(partition, at)
  at = bytes.writeInt32BE(data.length, at)
  data.copy(bytes, at)
  return bytes
}

/** Null: it is of another program. */
export function decodeAssignment(bytes: Buffer): Assignment | null {
  try {
    let at = INT16 + INT32
    if (bytes.readInt32BE(INT16) !== 1) return null
    at += INT16 + bytes.readInt16BE(at)
    const count = bytes.readInt32BE(at)
    at += INT32
    if (count < 0 || count * INT32 > bytes.length - at) return null
    const partitions = Array.from({ length: count }, (_, n) => bytes.readInt32BE(at + n * INT32))
    const members = readNames(sliceOf(bytes, at + count * INT32))
    return members && { partitions, members }
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) return null
    throw error
  }
}

function readNames(data: Buffer | null): string[] | null {
  const names: unknown = data && JSON.parse(data.toString())
  return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : null
}

/** A `BYTES` field; null: it is null, or longer than there is. */
function sliceOf(bytes: Buffer, at: number): Buffer | null {
  const length = bytes.readInt32BE(at)
  const end = at + INT32 + length
  return length < 0 || end > bytes.length ? null : bytes.subarray(at + INT32, end)
}

/** Who gets which partitions: each member as many as any other, give or take one; the same members always the same. */
export function dividePartitions(partitions: number, memberIds: readonly string[]): Map<string, number[]> {
  const sorted = [...memberIds].sort()
  const shares = new Map<string, number[]>(sorted.map((memberId) => [memberId, []]))
  for (let partition = 0; partition < partitions && sorted.length > 0; partition++) {
    shares.get(sorted[partition % sorted.length]!)!.push(partition)
  }
  return shares
}
