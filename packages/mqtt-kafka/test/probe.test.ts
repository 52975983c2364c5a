/** What `validate --live` finds out about topics, of a Kafka in memory and of the embedded log. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Exit, Side, StreamError, SystemClock } from '@zilla-ts/engine'
import type { Kafka, TopicOperation } from '@zilla-ts/kafka'
import { kafkaEmbedded } from '@zilla-ts/kafka-embedded'
import { Harness } from '@zilla-ts/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mqttKafka } from '../src/binding.ts'
import { DEFAULT_LIMITS } from './default-limits.ts'
import { Rig, type RigOptions } from './rig.ts'

/** As `level path code`. */
async function found(rig: Rig): Promise<string[]> {
  const findings = await rig.binding.probe()
  return findings.map(({ level, path, code }) => `${level} ${path.join('.')} ${code}`)
}

type Change = (rig: Rig) => void
const policy =
  (topic: string, value: string, more: Readonly<Record<string, string>> = {}): Change =>
  (rig) => {
    rig.kafka.topic(topic).configs = new Map(Object.entries({ 'cleanup.policy': value, ...more }))
  }
const permits =
  (topic: string, ...operations: TopicOperation[]): Change =>
  (rig) => {
    rig.kafka.topic(topic).operations = operations
  }
const gone =
  (topic: string): Change =>
  (rig) => {
    rig.kafka.topics.delete(topic)
  }
const nothing: Change = () => {}

describe('topics', () => {
  const create: RigOptions = { options: { create: { partitions: 3 } } }
  const route: RigOptions = {
    routes: [
      { when: [{ publish: [{ topic: 'a/#' }] }], with: { messages: 'other', expiry: true } },
      { when: [{ publish: [{ topic: '{x}/#' }] }], with: { messages: 'of-${params.x}', expiry: true } },
      {},
    ],
  }
  it.each<[string, RigOptions, Change, string[]]>([
    ['as they must be', {}, nothing, []],
    ['that are not there', {}, gone('retained'), ['error options.topics.retained kafka-topic-missing']],
    ['that are not there and will be made', { options: { create: {} } }, gone('messages'), []],
    ['that a route names', route, nothing, ['error routes.0.with.messages kafka-topic-missing']],
    [
      'of sessions, not compacted',
      {},
      policy('sessions', 'compact,delete'),
      ['error options.topics.sessions kafka-topic-policy'],
    ],
    [
      'of sessions, forgetting early',
      {},
      policy('sessions', 'compact', { 'delete.retention.ms': '1000' }),
      ['error options.topics.sessions kafka-topic-policy'],
    ],
    [
      'of retained messages, not compacted',
      {},
      policy('retained', 'delete'),
      ['warning options.topics.retained kafka-topic-policy'],
    ],
    ['of retained messages, compacted and deleted', {}, policy('retained', 'compact,delete'), []],
    [
      'of messages, only compacted',
      {},
      policy('messages', 'compact'),
      ['warning options.topics.messages kafka-topic-policy'],
    ],
    ['of messages, compacted and deleted', {}, policy('messages', 'compact,delete'), []],
    ['with all permissions', {}, permits('messages', 'Read', 'Write', 'DescribeConfigs'), []],
    [
      'that may not be written',
      {},
      permits('messages', 'Read', 'DescribeConfigs'),
      ['error options.topics.messages kafka-topic-permission'],
    ],
    [
      'whose settings may not be read',
      {},
      permits('messages', 'Read', 'Write'),
      ['warning options.topics.messages kafka-topic-permission'],
    ],
    [
      'of sessions whose settings may not be read',
      {},
      permits('sessions', 'Read', 'Write'),
      ['error options.topics.sessions kafka-topic-permission'],
    ],
    [
      'with other partitions',
      { ...create, partitions: 2 },
      nothing,
      ['sessions', 'retained', 'messages'].map((role) => `warning options.topics.${role} kafka-topic-partitions`),
    ],
  ])('%s', async (_what, options, change, wanted) => {
    const rig = new Rig(options)
    change(rig)
    expect(await found(rig)).toEqual(wanted)
    expect(rig.kafka.opened.map(({ kind }) => kind)).not.toContain('create')
    expect(rig.clock.pending).toBe(0)
  })

  it('that may not be seen, or cannot be said of', async () => {
    const rig = new Rig()
    rig.kafka.away = new StreamError('not-authorized', 'no')
    expect(await found(rig)).toContain('error options.topics.sessions kafka-topic-permission')
    rig.kafka.away = new StreamError('unavailable', 'no leader')
    expect(await found(rig)).toContain('error options.topics.sessions kafka-topic-unknown')
  })
})

it('asks the embedded log as it asks Kafka', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mqtt-kafka-probe-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const faults: unknown[] = []
  const onFault = (_where: string, error: unknown) => faults.push(error)
  const clock = new SystemClock(onFault)
  const topic = (name: string, value: string) => ({ name, partitions: 2, configs: { 'cleanup.policy': value } })
  const log = new Harness(kafkaEmbedded, {
    kind: 'server',
    clock,
    directory,
    options: {
      directory: 'log',
      sync: 'os',
      defaults: { partitions: 3, configs: {} },
      topics: [topic('sessions', 'delete'), topic('retained', 'compact')],
    } as never,
  })
  await log.binding.start?.()
  onTestFinished(() => log.binding.stop?.())
  const exit: Exit<Kafka> = {
    name: 'log',
    dial: () => null,
    take: () => 'streams',
    connect: (what, session, handler) =>
      Side.connect<Kafka>(
        what,
        session,
        handler,
        (asked, stream) => log.binding.accept?.(asked, stream) ?? null,
        { initiator: 'mqtt-kafka', acceptor: 'log' },
        onFault,
      ),
  }
  const { binding } = new Harness(mqttKafka, {
    kind: 'proxy',
    clock,
    options: {
      topics: { sessions: 'sessions', messages: 'messages', retained: 'retained' },
      foreign: { qos: 'at_most_once' },
      limits: DEFAULT_LIMITS,
    },
    routes: [{ when: [], with: undefined, exit, permits: () => true }],
  })
  const findings = await binding.probe?.()
  expect(findings?.map(({ path, code }) => `${path.join('.')} ${code}`)).toEqual([
    'options.topics.sessions kafka-topic-policy',
    'options.topics.messages kafka-topic-missing',
  ])
  expect(faults).toEqual([])
})
