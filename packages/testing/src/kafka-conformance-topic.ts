/** Conformance of the `kafka` protocol: streams that only ask (`create`, `describe`, `offsets`), and topics not there. */
import { expect, it } from 'vitest'
import type { KafkaBench } from './kafka-conformance-bench.ts'
import { KafkaEnd, KafkaReader, KafkaWriter } from './kafka-streams.ts'

export function topicConformance(bench: KafkaBench): void {
  asks(bench)
  missing(bench)
}

function asks(bench: KafkaBench): void {
  it('makes a topic once, with its partitions and settings', async () => {
    const topic = bench.topicName()
    const open = { kind: 'create', topic, partitions: 3, configs: { 'cleanup.policy': 'compact' } } as const
    expect(await bench.ask(open, 'create')).toEqual({ kind: 'create', created: true })
    expect(await bench.ask({ ...open, partitions: 5 }, 'create')).toEqual({ kind: 'create', created: false })
    const described = await bench.ask({ kind: 'describe', topic }, 'describe')
    expect(described.partitions).toBe(3)
    expect(described.configs.get('cleanup.policy')).toBe('compact')
  })

  it('says what we may do with a topic when asked', async () => {
    const topic = await bench.topic()
    const described = await bench.ask({ kind: 'describe', topic, operations: true }, 'describe')
    expect(described.operations).toEqual(expect.arrayContaining(['Read', 'Write', 'DescribeConfigs']))
    expect(await bench.ask({ kind: 'describe', topic }, 'describe')).not.toHaveProperty('operations')
  })

  it('makes a topic once when two ask at the same time', async () => {
    const open = { kind: 'create', topic: bench.topicName(), partitions: 1 } as const
    const answers = await Promise.all([bench.ask(open, 'create'), bench.ask(open, 'create')])
    expect(answers.map((answer) => answer.created).sort()).toEqual([false, true])
  })

  it("describes settings under Kafka's names, those that were not given too", async () => {
    const configs = {
      'retention.ms': '3600000',
      'retention.bytes': '1000000',
      'max.message.bytes': '20000',
      'delete.retention.ms': '60000',
      'min.cleanable.dirty.ratio': '0.1',
      'segment.ms': '3600000',
    }
    const topic = await bench.topic({ configs })
    const described = await bench.ask({ kind: 'describe', topic }, 'describe')
    expect(Object.fromEntries(described.configs)).toMatchObject({ ...configs, 'cleanup.policy': 'delete' })
    expect(described.maxRecordBytes).toBeGreaterThan(20_000 - 200)
    expect(described.maxRecordBytes).toBeLessThan(20_000)
  })

  it('tells where the records of a time and later begin', async () => {
    const topic = await bench.topic({ partitions: 2 })
    const at = (timestamp: number) => ({ value: 'x', timestamp, hash: 1 })
    // In batches of their own: times lie within and between.
    for (const times of [[1_000, 2_000], [3_000], [3_000, 4_000, 5_000]]) await bench.write(topic, times.map(at))
    const since = async (time: number) => {
      const { partitions } = await bench.ask({ kind: 'offsets', topic, since: time }, 'offsets')
      expect(partitions[0]).toEqual({ partition: 0, start: 0, end: 0 })
      expect(partitions[1]!.end).toBe(6)
      return partitions[1]!.start
    }
    const found: number[] = []
    for (const time of [0, 1_000, 1_001, 3_000, 4_000, 4_500, 5_001]) found.push(await since(time))
    expect(found).toEqual([0, 0, 1, 2, 4, 5, 6])
  })

  it('tells the offsets of every partition, as of now', async () => {
    const topic = await bench.topic({ partitions: 3 })
    const empty = [0, 1, 2].map((partition) => ({ partition, start: 0, end: 0 }))
    expect(await bench.offsets(topic)).toEqual(empty)
    await bench.write(topic, [
      { value: 'a', hash: 1 },
      { value: 'b', hash: 1 },
      { value: 'c', hash: 2 },
    ])
    expect((await bench.offsets(topic)).map(({ end }) => end)).toEqual([0, 2, 1])
  })
}

function missing(bench: KafkaBench): void {
  it.each([
    ['describe', (topic: string) => ({ kind: 'describe', topic }) as const, () => new KafkaEnd()],
    ['offsets', (topic: string) => ({ kind: 'offsets', topic }) as const, () => new KafkaEnd()],
    ['produce', (topic: string) => ({ kind: 'produce', topic }) as const, () => new KafkaWriter()],
    ['fetch', (topic: string) => ({ kind: 'fetch', topic, from: 'start' }) as const, () => new KafkaReader()],
    [
      'transaction',
      (topic: string) => ({ kind: 'transaction', topic, id: topic, timeoutMs: 10_000 }) as const,
      () => new KafkaEnd(),
    ],
    [
      'group',
      (topic: string) => ({ kind: 'group', topic, id: topic, member: 'm', sessionTimeoutMs: 10_000 }) as const,
      () => new KafkaEnd(),
    ],
  ])('aborts %s of a topic that is not there with not-found', async (_name, open, handler) => {
    const end = bench.connect(handler(), open(bench.topicName()))
    await end.until('abort', () => end.aborted !== null)
    expect(end.aborted?.code).toBe('not-found')
    expect(end.accepted).toBe(null)
  })

  it('does not make a topic by asking for it', async () => {
    const topic = bench.topicName()
    await expect(bench.writer(topic)).rejects.toMatchObject({ code: 'not-found' })
    await expect(bench.offsets(topic)).rejects.toMatchObject({ code: 'not-found' })
  })

  it.each([
    ['a name', 'no/topic name', {}],
    ['a setting', 'wrong-setting', { 'retention.ms': 'soon' }],
    ['an unknown setting', 'unknown-setting', { 'retention.parsecs': '12' }],
  ])('refuses to make a topic with %s that Kafka forbids', async (_what, suffix, configs) => {
    const topic = `${bench.topicName()}-${suffix}`
    await expect(bench.ask({ kind: 'create', topic, partitions: 1, configs }, 'create')).rejects.toMatchObject({
      code: 'invalid',
    })
  })
}
