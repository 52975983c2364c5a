/** What the kafka client says, and how often, of what a broker's ACLs keep from it. */
import { KafkaBench, KafkaEnd, type KafkaReader } from '@zilla-ts/testing/kafka-conformance'
import { AclOperationTypes as Operation, AclResourceTypes as Resource } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import type { Chain } from './chain.ts'
import { SecureBroker } from './secure-fixture.ts'

const FOREVER = 0
const DENIED = { code: 'not-authorized' }

describe.skipIf((await kafkaBootstrap()) === undefined)('a broker that allows little', () => {
  const secure = new SecureBroker(FOREVER)
  secure.register()
  let chain: Chain
  let bench: KafkaBench
  let topic: string

  beforeEach(async () => {
    chain = await secure.chain('SASL_PLAINTEXT', 'plain', secure.guard('plain', 'guest'))
    bench = new KafkaBench(chain)
    topic = bench.topicName()
    await secure.admin.createTopics({ topics: [{ topic }] })
  })

  afterEach(() => secure.forbid('guest'))

  const allow = (resource: Resource, name: string, ...operations: Operation[]) =>
    secure.allow('guest', resource, name, ...operations)

  const denials = (): string[] =>
    chain.reporter.events.filter(({ event }) => event === 'KAFKA_NOT_AUTHORIZED').map(({ message }) => message)

  it('a topic that may not be seen ends every stream of it', async () => {
    for (let n = 0; n < 3; n++) {
      await expect(bench.writer(topic)).rejects.toMatchObject(DENIED)
      await expect(bench.reader(topic, 'start')).rejects.toMatchObject(DENIED)
      await expect(bench.offsets(topic)).rejects.toMatchObject(DENIED)
      await expect(bench.ask({ kind: 'describe', topic }, 'describe')).rejects.toMatchObject(DENIED)
    }
    expect(denials()).toEqual([`topic ${topic} is not open to us`])
  })

  it('without a topic to write to there is no producer id', async () => {
    await allow(Resource.TOPIC, topic, Operation.DESCRIBE)
    const writer = await bench.writer(topic)
    writer.send({ value: 'a' })
    await expect(writer.stored()).rejects.toMatchObject(DENIED)
    expect(denials()).toEqual([expect.stringContaining('WRITE is needed')])
  })

  it('a topic that may only be read refuses each record, and goes on when it may be written to', async () => {
    await allow(Resource.TOPIC, topic, Operation.READ)
    await allow(Resource.TOPIC, 'another', Operation.WRITE)
    const writer = await bench.writer(topic)
    for (let n = 0; n < 3; n++) {
      writer.send({ value: 'a' })
      await writer.stored()
    }
    expect([...writer.refused.values()].map(({ code }) => code)).toEqual(new Array(3).fill('not-authorized'))
    expect(denials()).toEqual([`topic ${topic} is not open to us`])
    await secure.forbid('guest')
    await allow(Resource.TOPIC, topic, Operation.WRITE)
    const late = writer.send({ value: 'b' })
    await writer.stored()
    expect(writer.refused.has(late)).toBe(false)
  })

  it('a topic that may only be written to ends its readers', async () => {
    await allow(Resource.TOPIC, topic, Operation.WRITE)
    const reader: KafkaReader = await bench.reader(topic, 'start')
    await expect(reader.received(1)).rejects.toMatchObject(DENIED)
    expect(denials()).toEqual([`topic ${topic} is not open to us`])
  })

  it('a group', async () => {
    await allow(Resource.TOPIC, topic, Operation.READ)
    const open = { kind: 'group', topic, id: `${topic}-group`, member: 'me', sessionTimeoutMs: 10_000 } as const
    const member = bench.connect(new KafkaEnd(), open)
    await expect(member.until('accept', () => member.accepted !== null)).rejects.toMatchObject(DENIED)
    expect(denials()).toEqual([`group ${topic}-group is not open to us`])
  })

  it('a transactional id', async () => {
    await allow(Resource.TOPIC, topic, Operation.WRITE)
    await expect(bench.transactions(topic, `${topic}-id`)).rejects.toMatchObject(DENIED)
    expect(denials()).toEqual([`transactional id ${topic}-id is not open to us`])
  })

  it('a topic within a transaction', async () => {
    const hidden = bench.topicName()
    await secure.admin.createTopics({ topics: [{ topic: hidden }] })
    await allow(Resource.TOPIC, topic, Operation.WRITE)
    await allow(Resource.TOPIC, hidden, Operation.DESCRIBE)
    await allow(Resource.TRANSACTIONAL_ID, `${topic}-id`, Operation.WRITE)
    const writer = await bench.transactions(topic, `${topic}-id`)
    writer.send(topic, { value: 'a' })
    writer.send(hidden, { value: 'b' })
    expect(await writer.commit()).toMatchObject(DENIED)
    writer.send(topic, { value: 'c' })
    expect(await writer.commit()).toBe(null)
    expect(denials()).toEqual([`topic ${hidden} is not open to us`])
  })

  it('a topic that may not be made', async () => {
    const made = { kind: 'create', topic: bench.topicName(), partitions: 1 } as const
    await expect(bench.ask(made, 'create')).rejects.toMatchObject(DENIED)
    expect(denials()).toEqual([expect.stringContaining(made.topic)])
  })
})
