/** The whole product for the tests of this folder: an engine process on the embedded log or on the shared Kafka broker. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EngineProcess } from '@zilla-ts/testing'
import { connect, connectAsync, type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import { afterEach, expect } from 'vitest'

const undo: (() => unknown)[] = []

/** Ends what a test started, last first. */
export function defer(action: () => unknown): void {
  undo.push(action)
}

afterEach(async () => {
  for (const action of undo.splice(0).reverse()) await action()
})

/** A folder of this test alone. */
export function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'zilla-cli-test-'))
  defer(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export type StorageKind = 'embedded' | 'kafka'

let topicSets = 0

export interface Topics {
  readonly sessions: string
  readonly messages: string
  readonly retained: string
}

/** Topics that no other test uses. */
export function freshTopics(): Topics {
  const suffix = `${process.pid}-${Date.now().toString(36)}-${topicSets++}`
  return { sessions: `sessions-${suffix}`, messages: `messages-${suffix}`, retained: `retained-${suffix}` }
}

/** The bindings behind mqtt-kafka, as YAML, indented by two: `log`, or `cache_client` and what it needs. */
export function storageBindings(storage: StorageKind, bootstrap: string | undefined): string {
  return storage === 'embedded'
    ? '  log: { type: kafka-embedded, kind: server, options: { directory: log } }\n'
    : `  cache_client: { type: kafka, kind: cache_client, exit: cache_server }
  cache_server: { type: kafka, kind: cache_server, exit: client }
  client: { type: kafka, kind: client, options: { servers: ["${bootstrap}"] }, exit: tcp_client }
  tcp_client: { type: tcp, kind: client }
`
}

/** A document for one of the two kinds of storage; `bootstrap` is for `kafka`. */
export function mqttDocument(storage: StorageKind, bootstrap: string | undefined, topics = freshTopics()): string {
  const tail = storageBindings(storage, bootstrap)
  return `name: test
bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt_server }
  mqtt_server: { type: mqtt, kind: server, exit: mapping }
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: ${JSON.stringify(topics)}, create: { partitions: 12 } }
    exit: ${storage === 'embedded' ? 'log' : 'cache_client'}
${tail}`
}

/** Starts an engine that is stopped, and must stop well, after the test. */
export async function startEngine(
  document: string,
  directory?: string,
  args: readonly string[] = [],
): Promise<EngineProcess> {
  const engine = await EngineProcess.start(directory === undefined ? { document, args } : { document, directory, args })
  defer(async () => {
    const code = await engine.stop()
    if (directory === undefined) engine.remove()
    expect(code, engine.output).toBe(0)
    expect(engine.output).not.toContain('ENGINE_FAULT')
  })
  return engine
}

/** An MQTT.js client that does not reconnect by itself. */
export async function mqttClient(port: number, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, reconnectPeriod: 0, ...options })
  client.on('error', () => {})
  defer(() => client.endAsync(true))
  return client
}

/** The CONNACK that a client with these options gets. */
export function connackOf(port: number, options: IClientOptions): Promise<IConnackPacket> {
  const client = connect(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, reconnectPeriod: 0, ...options })
  defer(() => client.endAsync(true))
  return new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
  })
}

/** The port of an engine whose directory survives it: for tests that kill engines and start them again. */
export async function startMortal(document: string, directory: string): Promise<EngineProcess> {
  const engine = await EngineProcess.start({ document, directory })
  defer(() => engine.kill())
  return engine
}

/** Linux only, as is the rest of what reads /proc in the tests. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}
