/** What the engine stores on in the bench, and how many records are there afterwards, read past the engine. */
import { SystemClock } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { kafkaEmbedded } from '@zilla-ts/kafka-embedded'
import { Harness, Recorder } from '@zilla-ts/testing'
import kafkajs from 'kafkajs'
import { startBroker } from '../kafka-broker.mjs'
import type { Backend } from './engine.ts'

export function embedded(): Backend {
  return {
    name: 'embedded',
    exit: 'log',
    bindings: '  log: { type: kafka-embedded, kind: server, options: { directory: log } }\n',
  }
}

/** A broker of our own for the run. */
export async function kafka(): Promise<{ backend: Backend; stop: () => Promise<void> }> {
  const broker = await startBroker({})
  bootstrap = broker.bootstrap
  const bindings = `  cache_client: { type: kafka, kind: cache_client, exit: cache_server }
  cache_server: { type: kafka, kind: cache_server, exit: client }
  client: { type: kafka, kind: client, options: { servers: ["${broker.bootstrap}"] }, exit: tcp_client }
  tcp_client: { type: tcp, kind: client }
`
  return { backend: { name: 'kafka', exit: 'cache_client', bindings }, stop: () => broker.stop() }
}

let bootstrap = ''

/** Sum of the end offsets of a topic. The engine has been stopped. */
export function logEnd(backend: Backend, directory: string, topic: string): Promise<number> {
  return backend.name === 'kafka' ? brokerEnd(topic) : embeddedEnd(directory, topic)
}

async function brokerEnd(topic: string): Promise<number> {
  const client = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  try {
    const offsets = await admin.fetchTopicOffsets(topic)
    return offsets.reduce((sum, { high }) => sum + Number(high), 0)
  } finally {
    await admin.disconnect()
  }
}

async function embeddedEnd(directory: string, topic: string): Promise<number> {
  const clock = new SystemClock((where, error) => console.error(where, error))
  const harness = new Harness(kafkaEmbedded, { kind: 'server', options: { directory: 'log' }, clock, directory })
  await harness.binding.start?.()
  try {
    return await new Promise((resolve, reject) => {
      const recorder = new Recorder<Kafka>()
      recorder.onAbort = reject
      recorder.onAccept = (accept) => {
        if (accept.kind === 'offsets') resolve(accept.partitions.reduce((sum, { end }) => sum + end, 0))
      }
      harness.connect({ kind: 'offsets', topic }, recorder)
    })
  } finally {
    await harness.binding.stop?.()
  }
}
