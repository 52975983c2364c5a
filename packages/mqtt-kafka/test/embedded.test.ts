/** The binding on the embedded log, on a real disk and in real time: publish, deliver, retain, restart. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Exit, Side, SystemClock } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { kafkaEmbedded } from '@zilla-ts/kafka-embedded'
import type { Mqtt, MqttOpen, Outgoing } from '@zilla-ts/mqtt'
import { Harness, Recorder } from '@zilla-ts/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { mqttKafka } from '../src/binding.ts'
import { DEFAULT_LIMITS } from './default-limits.ts'

const LIMITS = { ...DEFAULT_LIMITS, inFlight: 60_000 }
const DEADLINE_MS = 10_000

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mqtt-kafka-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function until(what: string, wanted: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!wanted()) {
    if (performance.now() > deadline) expect.fail(`not in time: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function open() {
  const faults: unknown[] = []
  const onFault = (_where: string, error: unknown) => faults.push(error)
  const clock = new SystemClock(onFault)
  const log = new Harness(kafkaEmbedded, {
    kind: 'server',
    clock,
    directory,
    options: { directory: 'log', sync: 'os', defaults: { partitions: 3, configs: {} }, topics: [] },
  })
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
  const harness = new Harness(mqttKafka, {
    kind: 'proxy',
    clock,
    options: {
      topics: { sessions: 'sessions', messages: 'messages', retained: 'retained' },
      create: { partitions: 3 },
      foreign: { qos: 'at_most_once' },
      limits: LIMITS,
    },
    routes: [{ when: [], with: undefined, exit, permits: () => true }],
  })
  await log.binding.start?.()
  await harness.binding.start?.()
  const connect = (what: MqttOpen) => {
    const recorder = new Recorder<Mqtt>()
    harness.connect(what, recorder)
    return recorder
  }
  const client = async (clientId: string) => {
    const session = connect({
      kind: 'session',
      clientId,
      version: 5,
      cleanStart: true,
      expirySeconds: 0,
      will: null,
      username: null,
      keepAliveSeconds: 0,
      receiveMaximum: 65_535,
    })
    await until(`session of ${clientId}`, () => session.accepts.length > 0)
    const publisher = connect({ kind: 'publish', clientId, version: 5 })
    const subscriber = connect({ kind: 'subscribe', clientId, version: 5, resume: [] })
    subscriber.stream!.grant(1_000_000)
    return {
      publisher,
      subscriber,
      publish: (topic: string, payload: string, retain: boolean) =>
        publisher.stream!.write(Buffer.from(payload), {
          topic,
          qos: 1,
          retain,
          properties: null,
          packetId: 1,
          dup: false,
        }),
      subscribe: async (filter: string) => {
        const subscription = {
          filter,
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionId: 0,
        } as const
        subscriber.stream!.signal({ kind: 'subscribe', subscriptions: [subscription] })
        await until('SUBACK', () => subscriber.signals.length > 0)
      },
      texts: () =>
        subscriber.data.map(({ payload, meta }) => {
          const { message, retain } = (meta as Outgoing).delivery
          return `${retain ? 'R:' : ''}${message.topic}=${payload}`
        }),
    }
  }
  const close = async () => {
    await harness.binding.stop?.()
    await log.binding.stop?.()
    expect([...faults, ...harness.reporter.faults, ...log.reporter.faults]).toEqual([])
  }
  return { client, close }
}

it('delivers and retains, before and after a restart', async () => {
  const first = await open()
  const reader = await first.client('reader')
  const writer = await first.client('writer')
  await reader.subscribe('#')
  for (let at = 0; at < 500; at++) writer.publish(`d/${at % 7}`, String(at), at % 10 === 0)
  await until('acks', () => writer.publisher.acks.at(-1)?.through === 500)
  await until('deliveries', () => reader.subscriber.data.length >= 500)
  expect(reader.subscriber.data).toHaveLength(500)
  for (let topic = 0; topic < 7; topic++) {
    const numbers = reader
      .texts()
      .filter((text) => text.startsWith(`d/${topic}=`))
      .map((text) => Number(text.split('=')[1]))
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  }
  writer.publish('d/0', '', true)
  await until('the clear', () => writer.publisher.acks.at(-1)?.through === 501)
  const late = await first.client('late')
  await late.subscribe('d/+')
  await until('retained', () => late.subscriber.data.length >= 6)
  const retained = late.texts().sort()
  expect(retained).toHaveLength(6)
  await first.close()

  const second = await open()
  const again = await second.client('again')
  await again.subscribe('d/+')
  await until('retained', () => again.subscriber.data.length >= 6)
  expect(again.texts().sort()).toEqual(retained)
  await second.close()
})
