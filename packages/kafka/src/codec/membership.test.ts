import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { Random } from '../../test/random.ts'
import {
  decodeAssignment,
  decodeSubscription,
  dividePartitions,
  encodeAssignment,
  encodeSubscription,
} from './membership.ts'

/** kafkajs's own codec of the consumer protocol, against which ours is checked. */
interface Oracle<T> {
  encode(what: T): Buffer
  decode(bytes: Buffer): T
}
const {
  MemberMetadata,
  MemberAssignment,
}: {
  MemberMetadata: Oracle<{ version: number; topics: string[]; userData: Buffer }>
  MemberAssignment: Oracle<{ version: number; assignment: Record<string, number[]>; userData: Buffer }>
} = createRequire(import.meta.url)('kafkajs/src/consumer/assignerProtocol.js')

const ASSIGNMENT = { partitions: [0, 7, 65_536], members: ['a', 'instance ö', ''] }

describe('what members tell each other', () => {
  it('is what kafkajs writes', () => {
    const userData = Buffer.from('instance ö')
    const subscription = encodeSubscription('sessiöns', 'instance ö')
    expect(subscription).toEqual(MemberMetadata.encode({ version: 0, topics: ['sessiöns'], userData }))
    const assignment = { sessiöns: ASSIGNMENT.partitions }
    expect(encodeAssignment('sessiöns', ASSIGNMENT)).toEqual(
      MemberAssignment.encode({ version: 0, assignment, userData: Buffer.from(JSON.stringify(ASSIGNMENT.members)) }),
    )
  })

  it('is read again', () => {
    expect(decodeSubscription(encodeSubscription('t', 'instance ö'))).toBe('instance ö')
    expect(decodeAssignment(encodeAssignment('t', ASSIGNMENT))).toEqual(ASSIGNMENT)
    const nothing = { partitions: [], members: [] }
    expect(decodeAssignment(encodeAssignment('t', nothing))).toEqual(nothing)
  })

  it('is null where it is cut, of another program, or anything else', () => {
    const subscription = encodeSubscription('t', 'member')
    const assignment = encodeAssignment('t', ASSIGNMENT)
    for (let end = 0; end < subscription.length; end++) {
      expect(decodeSubscription(subscription.subarray(0, end))).toBe(null)
    }
    for (let end = 0; end < assignment.length; end++) expect(decodeAssignment(assignment.subarray(0, end))).toBe(null)
    const foreign = (userData: Buffer) => MemberAssignment.encode({ version: 0, assignment: { t: [1] }, userData })
    for (const data of ['', 'range', '{}', '[1]', 'null'])
      expect(decodeAssignment(foreign(Buffer.from(data)))).toBe(null)
    const random = new Random(11)
    for (let round = 0; round < 2_000; round++) {
      const bytes = random.bytes(round % 60)
      expect(() => decodeSubscription(bytes)).not.toThrow()
      expect(decodeAssignment(bytes)).toBe(null)
    }
  })
})

describe('division of partitions', () => {
  it.each([
    [12, 1],
    [12, 5],
    [3, 5],
    [0, 2],
    [5, 0],
  ])('gives each of %i partitions to one of %i members, evenly', (partitions, count) => {
    const members = Array.from({ length: count }, (_, n) => `member-${n}`)
    const shares = dividePartitions(partitions, members)
    const all = [...shares.values()].flat().sort((a, b) => a - b)
    expect(all).toEqual(count === 0 ? [] : [...Array(partitions).keys()])
    const sizes = [...shares.values()].map(({ length }) => length)
    for (const size of sizes) expect([Math.floor(partitions / count), Math.ceil(partitions / count)]).toContain(size)
    expect([...shares.keys()].sort()).toEqual([...members].sort())
    expect(dividePartitions(partitions, members.toReversed())).toEqual(shares)
  })
})
