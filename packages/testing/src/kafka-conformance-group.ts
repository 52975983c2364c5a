/** Conformance of the `kafka` protocol: group streams, which divide the partitions of a topic among their members. */
import { StreamError } from '@zilla-ts/engine'
import { expect, it } from 'vitest'
import type { KafkaBench } from './kafka-conformance-bench.ts'
import { KafkaEnd } from './kafka-streams.ts'

const SESSION_TIMEOUT_MS = 6_000

export function groupConformance(bench: KafkaBench): void {
  alone(bench)
  together(bench)
}

/** A member of a group. */
class Member extends KafkaEnd {
  /** the latest generation */
  get assigned() {
    return this.signals.filter((signal) => signal.kind === 'assigned').at(-1)
  }

  async sees(...members: string[]): Promise<readonly number[]> {
    await this.until(`members ${members}`, () => this.assigned?.members.join() === members.join())
    return this.assigned!.partitions
  }
}

function join(bench: KafkaBench, topic: string, id: string, member: string): Member {
  return bench.connect(new Member(), { kind: 'group', topic, id, member, sessionTimeoutMs: SESSION_TIMEOUT_MS })
}

function alone(bench: KafkaBench): void {
  it('gives a single member all partitions', async () => {
    const topic = await bench.topic({ partitions: 5 })
    const member = join(bench, topic, bench.topicName(), 'instance ä')
    expect(await member.sees('instance ä')).toEqual([0, 1, 2, 3, 4])
    expect(member.accepted).toMatchObject({ kind: 'group' })
    expect(member.assigned?.generation).toBeGreaterThan(0)
    member.stream!.end()
    await member.until('end', () => member.ended)
    expect(member.aborted).toBe(null)
  })
}

function together(bench: KafkaBench): void {
  it('divides the partitions among members that know each other, and again when one leaves', async (context) => {
    if (!bench.fixture.sharesGroups) context.skip('one member is all the fixture has')
    const topic = await bench.topic({ partitions: 4 })
    const id = bench.topicName()
    const one = join(bench, topic, id, 'one')
    await one.sees('one')
    const two = join(bench, topic, id, 'two')
    const shares = await Promise.all([one.sees('one', 'two'), two.sees('one', 'two')])
    expect(shares.map(({ length }) => length)).toEqual([2, 2])
    expect(shares.flat().sort()).toEqual([0, 1, 2, 3])
    expect(one.assigned?.generation).toBe(two.assigned?.generation)
    one.stream!.end()
    expect(await two.sees('two')).toEqual([0, 1, 2, 3])
    await one.until('end', () => one.ended)
    const three = join(bench, topic, id, 'three')
    await Promise.all([two.sees('three', 'two'), three.sees('three', 'two')])
    two.stream!.abort(new StreamError('closed', 'gone'))
    expect(await three.sees('three')).toEqual([0, 1, 2, 3])
    const generations = three.signals.flatMap((signal) => (signal.kind === 'assigned' ? [signal.generation] : []))
    expect(new Set(generations).size).toBe(generations.length)
  })

  it('keeps groups apart', async (context) => {
    if (!bench.fixture.sharesGroups) context.skip('one member is all the fixture has')
    const topic = await bench.topic({ partitions: 2 })
    const [one, two] = [join(bench, topic, bench.topicName(), 'one'), join(bench, topic, bench.topicName(), 'two')]
    expect(await Promise.all([one.sees('one'), two.sees('two')])).toEqual([
      [0, 1],
      [0, 1],
    ])
  })

  it('divides again when the topic grows', async (context) => {
    if (!bench.fixture.sharesGroups) context.skip('one member is all the fixture has')
    const grow = bench.optional(context, 'grow')
    const topic = await bench.topic({ partitions: 1 })
    const member = join(bench, topic, bench.topicName(), 'one')
    await member.sees('one')
    await grow(topic, 3)
    await member.until('three partitions', () => member.assigned?.partitions.length === 3)
  })
}
