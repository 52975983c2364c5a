/**
 * The servers that this suite runs against: our engine as a process, on the embedded log and on a real Kafka broker; or,
 * with ZILLA_INTEROP_TARGET=host:port, any MQTT server that listens there and lets everybody in. Each file starts a target
 * once; tests use client ids and topics of their own, since a server of others may remember earlier runs.
 *
 * How tests show that something does not arrive: they publish a fence behind it and look at what came before. That is exact on
 * the embedded log, whose topics have one partition here; on Kafka they have three, as in real use.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectOptions, EngineProcess, type MqttAddress, MqttTestClient } from '@zilla-ts/testing'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { kafkaBootstrap } from '../../../../scripts/test-environment.mjs'
import { freshTopics, storageBindings } from '../fixture.ts'

export interface Target {
  readonly name: string
  readonly storage: 'embedded' | 'kafka' | 'external'
}

const external = process.env['ZILLA_INTEROP_TARGET'] ?? ''
const bootstrap = external === '' ? await kafkaBootstrap() : undefined

/** With neither Kafka nor an address there is still the embedded log. */
export const targets: readonly Target[] =
  external !== ''
    ? [{ name: external, storage: 'external' }]
    : [
        { name: 'the embedded log', storage: 'embedded' },
        ...(bootstrap === undefined ? [] : [{ name: 'Kafka', storage: 'kafka' } as const]),
      ]

/** Options of the bindings, for areas where what is configured shows. */
export interface BrokerOptions {
  /** of the mqtt server */
  readonly limits?: Readonly<Record<string, number>>
  /** of mqtt-kafka */
  readonly publish?: { readonly qosMax: string }
}

const run = randomBytes(4).toString('hex')
let names = 0

/** A word that no other test uses, for client ids, topics and share names. */
export function fresh(word: string): string {
  names += 1
  return `${word}${run}${names}`
}

/** The payloads, as text. */
export const texts = (messages: readonly { readonly payload: Buffer }[]): string[] =>
  messages.map(({ payload }) => payload.toString())

/** `count` different payloads. */
export const numbered = (count: number, word = 'm'): string[] =>
  Array.from({ length: count }, (_, at) => `${word}${at}`)

/** One running target. */
export class Broker {
  readonly target: Target
  readonly #document: string
  readonly #directory: string | null
  #engine: EngineProcess | null = null
  #address: MqttAddress = { host: '127.0.0.1', port: 0 }
  readonly #clients: MqttTestClient[] = []

  constructor(target: Target, options: BrokerOptions) {
    this.target = target
    this.#document = documentOf(target, options)
    this.#directory = target.storage === 'external' ? null : mkdtempSync(join(tmpdir(), 'zilla-interop-'))
  }

  async start(): Promise<void> {
    if (this.#directory === null) {
      const [host = '', port = ''] = external.split(':')
      this.#address = { host, port: Number(port) }
      return
    }
    this.#engine = await EngineProcess.start({ document: this.#document, directory: this.#directory })
    this.#address = { host: '127.0.0.1', port: this.#engine.port }
  }

  /** Whether `crash` can be asked for. */
  get isOurs(): boolean {
    return this.#directory !== null
  }

  /** Kills the process (SIGKILL) and starts it again on what it stored. */
  async crash(): Promise<void> {
    await this.#engine!.kill()
    await this.start()
  }

  /** Stops it; throws when it did not end well or reported a fault of its own. */
  async stop(): Promise<void> {
    if (this.#directory === null) return
    const code = await this.#engine?.stop()
    rmSync(this.#directory, { recursive: true, force: true })
    const { output } = this
    if (code !== 0 || output.includes('ENGINE_FAULT')) throw new Error(`the engine ended with ${code}:\n${output}`)
  }

  /** A TCP connection without CONNECT; broken at the end of the test at the latest. */
  async dial(options: ConnectOptions = {}): Promise<MqttTestClient> {
    const client = await MqttTestClient.dial(this.#address, options)
    this.#clients.push(client)
    return client
  }

  /** A connected client; a client id of its own unless told. */
  async connect(options: ConnectOptions = {}): Promise<MqttTestClient> {
    const client = await this.dial(options)
    const { reasonCode } = await client.offer({ clientId: fresh('client'), ...options })
    if (reasonCode !== 0) throw new Error(`CONNECT was refused: ${reasonCode}`)
    return client
  }

  /** A client with a subscription, which answers deliveries. */
  async subscriber(
    filter: string,
    options: ConnectOptions & { readonly qos?: 0 | 1 | 2 } = {},
  ): Promise<MqttTestClient> {
    const { qos = 2, ...rest } = options
    const client = await this.connect({ acknowledge: true, ...rest })
    const { reasonCodes } = await client.subscribe([{ filter, qos }])
    if (reasonCodes[0] !== qos) throw new Error(`SUBSCRIBE was answered ${reasonCodes[0]}`)
    return client
  }

  /**
   * Resolves when at least 1.5 × `seconds` have passed on the server: a client is silent until it is closed for it
   * [MQTT-3.1.2-22].
   */
  async pass(seconds: number): Promise<void> {
    const client = await this.connect({ keepAliveSeconds: seconds, deadlineMs: 20_000 })
    await client.closed()
  }

  /** What the engine has printed since its last start. */
  get output(): string {
    return this.#engine?.output ?? ''
  }

  breakClients(): void {
    for (const client of this.#clients.splice(0)) client.kill()
  }
}

/** Starts the target before the tests of the `describe` around it and stops it after them. */
export function serve(target: Target, options: BrokerOptions = {}): Broker {
  const broker = new Broker(target, options)
  beforeAll(() => broker.start())
  afterEach((test) => {
    // What the engine said is half of the finding.
    if (test.task.result?.state === 'fail')
      console.error(`engine of '${test.task.name}':\n${broker.output.slice(-8_000)}`)
    broker.breakClients()
  })
  afterAll(() => broker.stop())
  return broker
}

function documentOf({ storage }: Target, { limits = {}, publish }: BrokerOptions): string {
  const options = { topics: freshTopics(), create: { partitions: storage === 'kafka' ? 3 : 1 }, publish }
  const tail = storageBindings(storage === 'kafka' ? 'kafka' : 'embedded', bootstrap)
  return `name: interop
bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt_server }
  mqtt_server: { type: mqtt, kind: server, options: { limits: ${JSON.stringify(limits)} }, exit: mapping }
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: ${JSON.stringify(options)}
    exit: ${storage === 'embedded' ? 'log' : 'cache_client'}
${tail}`
}
