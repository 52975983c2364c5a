/** Reads a topic past the engine: from the embedded log's folder, or from the broker with a plain Kafka client. */
import { SystemClock } from '@zilla-ts/engine'
import type { Kafka, KafkaRecord } from '@zilla-ts/kafka'
import { kafkaEmbedded } from '@zilla-ts/kafka-embedded'
import { Harness, Recorder } from '@zilla-ts/testing'
import kafkajs from 'kafkajs'

export interface StoredRecord {
  readonly key: string
  readonly partition: number
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** All records of a topic of an embedded log that no engine has open. */
export async function readEmbedded(directory: string, topic: string): Promise<StoredRecord[]> {
  const clock = new SystemClock((_where, error) => {
    throw error
  })
  const harness = new Harness(kafkaEmbedded, { kind: 'server', options: { directory: 'log' }, clock, directory })
  await harness.binding.start?.()
  try {
    return await new Promise((resolve, reject) => {
      const records: StoredRecord[] = []
      let missing = new Map<number, number>()
      const recorder = new Recorder<Kafka>()
      const reached = (partition: number, next: number) => {
        if (next >= (missing.get(partition) ?? 0)) missing.delete(partition)
        if (missing.size === 0) resolve(records)
      }
      recorder.onAbort = reject
      recorder.onAccept = (accept) => {
        if (accept.kind !== 'fetch') return
        missing = new Map(accept.partitions.filter(({ start, end }) => end > start).map((p) => [p.partition, p.end]))
        if (missing.size === 0) resolve(records)
      }
      recorder.onData = (payload, meta, cost) => {
        const record = meta as KafkaRecord
        records.push(stored(payload, record))
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

function stored(payload: Buffer, record: KafkaRecord): StoredRecord {
  return {
    key: String(record.key),
    partition: record.partition,
    value: record.tombstone ? null : String(payload),
    headers: [...record.headerEntries()].map(([name, value]) => [name, String(value)] as const),
  }
}

/** All records of a topic, by kafkajs's own consumer; headers are grouped by name there. */
export async function readBroker(bootstrap: string, topic: string): Promise<StoredRecord[]> {
  const client = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const missing = new Map(offsets.filter(({ high }) => Number(high) > 0).map((p) => [p.partition, Number(p.high)]))
  const records: StoredRecord[] = []
  if (missing.size === 0) return records
  const consumer = client.consumer({ groupId: `reader-${topic}` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachBatch: async ({ batch }) => {
          for (const { key, value, headers } of batch.messages) {
            const pairs = Object.entries(headers ?? {}).flatMap(([name, values]) =>
              [values].flat().map((item) => [name, String(item)] as const),
            )
            records.push({
              key: String(key),
              partition: batch.partition,
              value: value === null ? null : String(value),
              headers: pairs,
            })
          }
          if (Number(batch.lastOffset()) + 1 >= (missing.get(batch.partition) ?? 0)) missing.delete(batch.partition)
          if (missing.size === 0) resolve()
        },
      })
    })
  } finally {
    await consumer.disconnect()
  }
  return records
}
