/** What the engines store on, and what is there, read past them. */
import { SystemClock } from '@zilla-ts/engine'
import type { Kafka, KafkaRecord } from '@zilla-ts/kafka'
import { kafkaEmbedded } from '@zilla-ts/kafka-embedded'
import { Harness, Recorder } from '@zilla-ts/testing'
import kafkajs from 'kafkajs'
import { startBroker } from '../kafka-broker.mjs'

/** One record, in the order of its partition; the value null is a tombstone. */
export type Visit = (key: string, value: string | null) => void

type Broker = Awaited<ReturnType<typeof startBroker>>

export interface Storage {
  readonly name: 'embedded' | 'kafka'
  /** the bindings after mqtt-kafka, as YAML, indented by two */
  readonly bindings: string
  /** the first of them */
  readonly exit: string
  /** the broker, when it is ours to hurt */
  readonly broker: Broker | null
  /** Committed records of a topic. The engines have been stopped. */
  read(directory: string, topic: string, visit: Visit): Promise<void>
  stop(): Promise<void>
}

export function embeddedStorage(): Storage {
  return {
    name: 'embedded',
    exit: 'log',
    bindings: '  log: { type: kafka-embedded, kind: server, options: { directory: log } }\n',
    broker: null,
    read: visitEmbedded,
    stop: async () => {},
  }
}

/** On a broker that runs already, or on one of our own, which faults may then hurt. */
export async function kafkaStorage(running?: string): Promise<Storage> {
  const broker = running === undefined ? await startBroker({}) : null
  const bootstrap = broker?.bootstrap ?? running!
  return {
    name: 'kafka',
    exit: 'cache_client',
    bindings: `  cache_client: { type: kafka, kind: cache_client, exit: cache_server }
  cache_server: { type: kafka, kind: cache_server, exit: client }
  client: { type: kafka, kind: client, options: { servers: ["${bootstrap}"] }, exit: tcp_client }
  tcp_client: { type: tcp, kind: client }
`,
    broker,
    read: (_directory, topic, visit) => visitBroker(bootstrap, topic, visit),
    stop: async () => broker?.stop(),
  }
}

async function visitEmbedded(directory: string, topic: string, visit: Visit): Promise<void> {
  const clock = new SystemClock((_where, error) => {
    throw error
  })
  const harness = new Harness(kafkaEmbedded, { kind: 'server', options: { directory: 'log' }, clock, directory })
  await harness.binding.start?.()
  try {
    await new Promise<void>((resolve, reject) => {
      let missing = new Map<number, number>()
      const recorder = new Recorder<Kafka>()
      const reached = (partition: number, next: number) => {
        if (next >= (missing.get(partition) ?? 0)) missing.delete(partition)
        if (missing.size === 0) resolve()
      }
      recorder.onAbort = reject
      recorder.onAccept = (accept) => {
        if (accept.kind !== 'fetch') return
        missing = new Map(accept.partitions.filter(({ start, end }) => end > start).map((p) => [p.partition, p.end]))
        if (missing.size === 0) resolve()
      }
      recorder.onData = (payload, meta, cost) => {
        const record = meta as KafkaRecord
        visit(String(record.key), record.tombstone ? null : String(payload))
        reached(record.partition, record.offset + 1)
        recorder.stream?.grant(cost)
      }
      recorder.onSignal = (signal) => {
        if (signal.kind === 'progress') reached(signal.partition, signal.next)
      }
      harness.connect({ kind: 'fetch', topic, from: 'start' }, recorder)?.grant(1_000_000)
    })
  } finally {
    await harness.binding.stop?.()
  }
}

const END = 'torture/end'

/** kafkajs does not tell of markers of transactions, so the end is a record of our own in each partition. */
async function visitBroker(bootstrap: string, topic: string, visit: Visit): Promise<void> {
  const client = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  const missing = new Set((await admin.fetchTopicOffsets(topic)).map(({ partition }) => partition))
  await admin.disconnect()
  const producer = client.producer()
  await producer.connect()
  await producer.send({
    topic,
    acks: -1,
    messages: [...missing].map((partition) => ({ partition, key: END, value: '' })),
  })
  await producer.disconnect()
  const consumer = client.consumer({ groupId: `torture-${process.pid}-${topic}` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachBatch: async ({ batch }) => {
          for (const { key, value } of batch.messages) {
            if (String(key) === END) missing.delete(batch.partition)
            else visit(String(key), value === null ? null : String(value))
          }
          if (missing.size === 0) resolve()
        },
      })
    })
  } finally {
    await consumer.disconnect()
  }
}
