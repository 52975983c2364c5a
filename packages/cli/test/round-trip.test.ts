/** MQTT clients of others against the whole product, on both kinds of storage. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { EngineProcess } from '@zilla-ts/testing'
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { hasMosquitto, kafkaBootstrap, pahoPython } from '../../../scripts/test-environment.mjs'
import {
  connackOf,
  defer,
  folder,
  mqttClient,
  mqttDocument,
  type StorageKind,
  startEngine,
  startMortal,
} from './fixture.ts'

const bootstrap = await kafkaBootstrap()
const mosquitto = hasMosquitto()
const paho = pahoPython()

type Received = { topic: string; payload: string; packet: IPublishPacket }

/** Collects what a client gets. */
function inbox(client: MqttClient): Received[] {
  const received: Received[] = []
  client.on('message', (topic, payload, packet) => received.push({ topic, payload: String(payload), packet }))
  return received
}

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 15_000)

/** For tests that restart an engine: the second start, then up to 6 s until a killed process is given up. */
const RESTART_MS = 120_000
const untilAfterRestart = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 60_000, interval: 50 })

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at))

type Version = '3.1.1' | '5'

/** Each way to end an engine with each version. */
const restarts = [
  ['SIGTERM', '3.1.1'],
  ['SIGTERM', '5'],
  ['SIGKILL', '3.1.1'],
  ['SIGKILL', '5'],
] as const

/** Another engine on the same storage, after this one has ended by the signal. */
async function restart(engine: EngineProcess, signal: NodeJS.Signals, document: string): Promise<EngineProcess> {
  engine.signal(signal)
  expect(await engine.exited(), engine.output).toBe(signal === 'SIGTERM' ? 0 : -1)
  return startMortal(document, engine.directory)
}

/** A session that outlives its connection, in either version. */
function lasting(clientId: string, version: Version): IClientOptions {
  const common = { clientId, clean: false }
  return version === '5'
    ? { ...common, protocolVersion: 5, properties: { sessionExpiryInterval: 600 } }
    : { ...common, protocolVersion: 4 }
}

/** Publishes with QoS 2, some at a time; goes on after a reconnect. */
async function publishAll(client: MqttClient, topic: string, payloads: string[]): Promise<void> {
  for (let at = 0; at < payloads.length; at += 10) {
    await Promise.all(payloads.slice(at, at + 10).map((payload) => client.publishAsync(topic, payload, { qos: 2 })))
  }
}

/** Connects a client that lost its engine to another one, with what it had in flight [MQTT-4.4.0-1]. */
function goOn(client: MqttClient, port: number): void {
  client.options.port = port
  client.reconnect({ incomingStore: client.incomingStore, outgoingStore: client.outgoingStore })
}

/** What a session gets that returns; listens before it connects. */
function returning(port: number, options: IClientOptions): Received[] {
  const client = connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options })
  client.on('error', () => {})
  defer(() => client.endAsync(true))
  return inbox(client)
}

/** Programs that subscribe and publish with QoS 2; subscribers print `SUBACK` and then `got <payload> <QoS>` lines. */
interface Tools {
  readonly name: string
  readonly skip: boolean
  /** in a session that lasts, with `will-of-<id>` as its will on `wills`; leaves with DISCONNECT at SIGTERM */
  subscribe(port: number, version: Version, id: string, filter: string): string[]
  /** whether that DISCONNECT asks for the will: reason code 0x04 [MQTT 5.0 §3.14.2.1] */
  leavesWithWill(version: Version): boolean
  /** payloads are the lines of its input */
  publish(port: number, version: Version, topic: string): string[]
}

const script = (name: string) => new URL(`./${name}`, import.meta.url).pathname
const mosquittoCommon = (port: number, version: Version) =>
  ['-h', '127.0.0.1', '-p', String(port), '-q', '2', '-V', version === '5' ? 'mqttv5' : 'mqttv311'] as const

const tools: Tools[] = [
  {
    name: "mosquitto's clients",
    skip: !mosquitto,
    subscribe: (port, version, id, filter) => [
      ...['stdbuf', '-oL', 'mosquitto_sub', ...mosquittoCommon(port, version), '-c', '-i', id, '-t', filter],
      ...(version === '5' ? ['-x', '600'] : []),
      ...['--will-topic', 'wills', '--will-payload', `will-of-${id}`, '--will-qos', '2'],
      // -d is what makes it print SUBACK.
      ...['-d', '-F', 'got %p %q', '-W', '120'],
    ],
    // As mosquitto_sub does when a signal ends it.
    leavesWithWill: (version) => version === '5',
    publish: (port, version, topic) => ['mosquitto_pub', ...mosquittoCommon(port, version), '-t', topic, '-l'],
  },
  {
    name: 'Paho Python',
    skip: paho === undefined,
    subscribe: (port, version, id, filter) => [
      ...[paho!, script('paho-subscribe.py'), String(port), version, id, filter],
    ],
    leavesWithWill: () => false,
    publish: (port, version, topic) => [paho!, script('paho-publish.py'), String(port), version, topic],
  },
]

/** A subscribing program under way. */
class Subscriber {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #output = ''

  private constructor([command, ...args]: string[]) {
    this.#child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#closed = once(this.#child, 'close')
    defer(() => this.end('SIGKILL'))
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk
      })
    }
  }

  /** Resolves when it has its SUBACK. */
  static async start(command: string[]): Promise<Subscriber> {
    const subscriber = new Subscriber(command)
    await untilAfterRestart(() => subscriber.#output.includes('SUBACK'))
    return subscriber
  }

  /** payload and QoS of each message so far */
  get received(): string[] {
    return [...this.#output.matchAll(/^got (.*)\n/gm)].map(([, message]) => message!)
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal)
    await this.#closed
  }
}

const storages: { storage: StorageKind; skip: boolean }[] = [
  { storage: 'embedded', skip: false },
  { storage: 'kafka', skip: bootstrap === undefined },
]

for (const { storage, skip } of storages) {
  describe.skipIf(skip)(`on ${storage}`, () => {
    const document = () => mqttDocument(storage, bootstrap)

    describe.each([4, 5] as const)('MQTT.js, protocol level %s', (protocolVersion) => {
      it('carries QoS 0 and 1 from publisher to subscriber, in order', async () => {
        const { port } = await startEngine(document())
        const subscriber = await mqttClient(port, { protocolVersion })
        const received = inbox(subscriber)
        const granted = await subscriber.subscribeAsync({ 'a/+/c': { qos: 1 }, 'x/#': { qos: 0 } })
        expect(granted.map(({ qos }) => qos)).toEqual([1, 0])
        const publisher = await mqttClient(port, { protocolVersion })
        for (let at = 0; at < 50; at++) {
          await publisher.publishAsync('a/b/c', `a${at}`, { qos: 1 })
          await publisher.publishAsync('x', `x${at}`, { qos: 0 })
        }
        await publisher.publishAsync('elsewhere', 'no', { qos: 1 })
        await until(() => received.length === 100)
        const of = (topic: string) => received.filter((message) => message.topic === topic)
        expect(of('a/b/c').map(({ payload }) => payload)).toEqual(Array.from({ length: 50 }, (_, at) => `a${at}`))
        expect(of('x').map(({ payload }) => payload)).toEqual(Array.from({ length: 50 }, (_, at) => `x${at}`))
        expect(of('a/b/c').every(({ packet }) => packet.qos === 1 && !packet.retain && !packet.dup)).toBe(true)
        expect(of('x').every(({ packet }) => packet.qos === 0)).toBe(true)
      })

      it('keeps the last retained message for those who come later, and clears it', async () => {
        const { port } = await startEngine(document())
        const publisher = await mqttClient(port, { protocolVersion })
        for (const payload of ['old', 'new']) await publisher.publishAsync('r/one', payload, { qos: 1, retain: true })
        await publisher.publishAsync('r/two', 'two', { qos: 1, retain: true })
        const early = await mqttClient(port, { protocolVersion })
        const received = inbox(early)
        await early.subscribeAsync('r/#', { qos: 1 })
        await until(() => received.length >= 2)
        expect(received.map(({ topic, payload, packet }) => [topic, payload, packet.retain]).sort()).toEqual([
          ['r/one', 'new', true],
          ['r/two', 'two', true],
        ])
        await publisher.publishAsync('r/one', '', { qos: 1, retain: true })
        const late = await mqttClient(port, { protocolVersion })
        const rest = inbox(late)
        await late.subscribeAsync('r/+', { qos: 1 })
        await until(() => rest.length >= 1)
        expect(rest.map(({ payload }) => payload)).toEqual(['two'])
        // The live copy of the clearing message reaches the early subscriber as an ordinary, empty one.
        await until(() => received.length >= 3)
        expect(received[2]).toMatchObject({ topic: 'r/one', payload: '', packet: { retain: false } })
      })

      it('takes a client id over at once', async () => {
        const { port } = await startEngine(document())
        const first = await mqttClient(port, { protocolVersion, clientId: 'same' })
        const closed = new Promise<void>((resolve) => first.once('close', resolve))
        const second = await mqttClient(port, { protocolVersion, clientId: 'same' })
        await closed
        expect(second.connected).toBe(true)
      })

      it('stops delivering after UNSUBSCRIBE', async () => {
        const { port } = await startEngine(document())
        const client = await mqttClient(port, { protocolVersion })
        const received = inbox(client)
        await client.subscribeAsync(['one', 'two'], { qos: 1 })
        await client.unsubscribeAsync('one')
        await client.publishAsync('one', '1', { qos: 1 })
        await client.publishAsync('two', '2', { qos: 1 })
        await until(() => received.length === 1)
        expect(received[0]!.topic).toBe('two')
      })

      it('carries QoS 2 both ways, in order and once', async () => {
        const { port } = await startEngine(document())
        const subscriber = await mqttClient(port, { protocolVersion })
        const received = inbox(subscriber)
        const [granted] = await subscriber.subscribeAsync('q', { qos: 2 })
        expect(granted!.qos).toBe(2)
        const publisher = await mqttClient(port, { protocolVersion })
        await publishAll(publisher, 'q', numbers(0, 50))
        await publisher.publishAsync('q', 'end', { qos: 2 })
        await until(() => received.at(-1)?.payload === 'end')
        expect(received.map(({ payload }) => payload)).toEqual([...numbers(0, 50), 'end'])
        expect(received.every(({ packet }) => packet.qos === 2)).toBe(true)
      })

      it('has its will published when the connection breaks, not after DISCONNECT', async () => {
        const { port } = await startEngine(document())
        const watcher = await mqttClient(port, { protocolVersion })
        const received = inbox(watcher)
        await watcher.subscribeAsync('wills', { qos: 2 })
        const will = (name: string) => ({ topic: 'wills', payload: Buffer.from(name), qos: 2, retain: false }) as const
        const leaving = await mqttClient(port, { protocolVersion, will: will('left') })
        await leaving.endAsync()
        const broken = await mqttClient(port, { protocolVersion, will: will('broke') })
        broken.stream.destroy()
        await until(() => received.length > 0)
        await watcher.publishAsync('wills', 'end', { qos: 2 })
        await until(() => received.at(-1)?.payload === 'end')
        expect(received.map(({ payload, packet }) => [payload, packet.qos])).toEqual([
          ['broke', 2],
          ['end', 2],
        ])
      })
    })

    it.each(restarts)(
      'keeps the sessions of MQTT.js over %s, version %s',
      async (signal, version) => {
        const yaml = document()
        const engine = await startMortal(yaml, folder())
        const away = await mqttClient(engine.port, lasting('away', version))
        await away.subscribeAsync('q', { qos: 2 })
        await away.endAsync()
        const subscriber = await mqttClient(engine.port, lasting('subscriber', version))
        const received = inbox(subscriber)
        await subscriber.subscribeAsync('q', { qos: 2 })
        const publisher = await mqttClient(engine.port, lasting('publisher', version))
        const half = new Promise<void>((resolve) => subscriber.on('message', () => received.length >= 100 && resolve()))
        const published = publishAll(publisher, 'q', numbers(0, 200))
        // When the engine ends some are complete, some under way, some not begun.
        await half
        const again = await restart(engine, signal, yaml)
        for (const client of [publisher, subscriber]) goOn(client, again.port)
        await published
        const missed = returning(again.port, lasting('away', version))
        await publisher.publishAsync('q', 'end', { qos: 2 })
        for (const messages of [received, missed]) {
          await untilAfterRestart(() => messages.at(-1)?.payload === 'end')
          expect(messages.map(({ payload }) => payload)).toEqual([...numbers(0, 200), 'end'])
          expect(messages.every(({ packet }) => packet.qos === 2)).toBe(true)
        }
        expect(await again.stop()).toBe(0)
      },
      RESTART_MS,
    )

    it('carries every publication property of MQTT 5, in order', async () => {
      const { port } = await startEngine(document())
      const client = await mqttClient(port)
      const received = inbox(client)
      await client.subscribeAsync('p/#', { qos: 1, properties: { subscriptionIdentifier: 7 } })
      await client.publishAsync('p/é', 'body', {
        qos: 1,
        properties: {
          payloadFormatIndicator: true,
          messageExpiryInterval: 3_600,
          contentType: 'text/plain',
          responseTopic: 'answers/é',
          correlationData: Buffer.from([0, 1, 255]),
          userProperties: { one: ['1', '2'], 'zilla:qos': 'mine', '10': 'ten' },
        },
      })
      await until(() => received.length === 1)
      const { properties } = received[0]!.packet
      expect(properties).toMatchObject({
        payloadFormatIndicator: true,
        contentType: 'text/plain',
        responseTopic: 'answers/é',
        subscriptionIdentifier: 7,
        userProperties: { one: ['1', '2'], 'zilla:qos': 'mine', '10': 'ten' },
      })
      expect(Buffer.from(properties!.correlationData!)).toEqual(Buffer.from([0, 1, 255]))
      expect(properties!.messageExpiryInterval).toBeGreaterThan(3_500)
      expect(properties!.messageExpiryInterval).toBeLessThanOrEqual(3_600)
    })

    it('announces in CONNACK that everything is there, and it is', async () => {
      const { port } = await startEngine(document())
      const { properties } = await connackOf(port, { clientId: '', properties: { sessionExpiryInterval: 100 } })
      // Absent means 2, available, and as asked for [MQTT 5.0 §3.2.2.3].
      expect(properties?.maximumQoS ?? 2).toBe(2)
      expect(properties?.sessionExpiryInterval ?? 100).toBe(100)
      for (const name of ['retainAvailable', 'sharedSubscriptionAvailable', 'wildcardSubscriptionAvailable'] as const) {
        expect(properties?.[name] ?? true).toBe(true)
      }
      const client = await mqttClient(port)
      const received = inbox(client)
      const granted = await client.subscribeAsync(['q2', 'w'], { qos: 2 })
      expect(granted.map(({ qos }) => qos)).toEqual([2, 2])
      await client.publishAsync('q2', 'x', { qos: 2 })
      await until(() => received.length === 1)
      expect(received[0]).toMatchObject({ topic: 'q2', payload: 'x', packet: { qos: 2 } })
      const leaving = await mqttClient(port, { will: { topic: 'w', payload: Buffer.from('w'), qos: 1, retain: false } })
      leaving.stream.destroy()
      await until(() => received.length === 2)
      expect(received[1]).toMatchObject({ topic: 'w', payload: 'w', packet: { qos: 1 } })
    })

    for (const { name, skip: missing, subscribe, publish, leavesWithWill } of tools) {
      describe.skipIf(missing)(`${name}, whole sessions`, () => {
        it.each(['3.1.1', '5'] as const)('carry QoS 2 both ways, in order and once; version %s', async (version) => {
          const { port } = await startEngine(document())
          const subscriber = await Subscriber.start(subscribe(port, version, 'subscriber', 'q/#'))
          await run(publish(port, version, 'q/x'), [...numbers(0, 20), 'end'])
          await until(() => subscriber.received.at(-1) === 'end 2')
          expect(subscriber.received).toEqual([...numbers(0, 20), 'end'].map((payload) => `${payload} 2`))
        })

        it.each(['3.1.1', '5'] as const)(
          'have their will published when killed, and after DISCONNECT only if it says so; version %s',
          async (version) => {
            const { port } = await startEngine(document())
            const watcher = await Subscriber.start(subscribe(port, version, 'watcher', 'wills'))
            const leaving = await Subscriber.start(subscribe(port, version, 'leaving', 'q'))
            await leaving.end('SIGTERM')
            const killed = await Subscriber.start(subscribe(port, version, 'killed', 'q'))
            await killed.end('SIGKILL')
            const wills = [...(leavesWithWill(version) ? ['will-of-leaving 2'] : []), 'will-of-killed 2']
            await until(() => watcher.received.length >= wills.length)
            await run(publish(port, version, 'wills'), ['end'])
            await until(() => watcher.received.at(-1) === 'end 2')
            expect(watcher.received).toEqual([...wills, 'end 2'])
          },
        )

        it.each(restarts)(
          'find their session again after %s, version %s',
          async (signal, version) => {
            const yaml = document()
            const engine = await startMortal(yaml, folder())
            const before = await Subscriber.start(subscribe(engine.port, version, 'subscriber', 'q'))
            await before.end('SIGTERM')
            await run(publish(engine.port, version, 'q'), numbers(0, 10))
            const again = await restart(engine, signal, yaml)
            await run(publish(again.port, version, 'q'), numbers(10, 20))
            const returned = await Subscriber.start(subscribe(again.port, version, 'subscriber', 'q'))
            await run(publish(again.port, version, 'q'), ['end'])
            await untilAfterRestart(() => returned.received.at(-1) === 'end 2')
            expect(returned.received).toEqual([...numbers(0, 20), 'end'].map((payload) => `${payload} 2`))
            expect(await again.stop()).toBe(0)
          },
          RESTART_MS,
        )
      })
    }

    describe.skipIf(!mosquitto)("mosquitto's clients", () => {
      it.each(['mqttv311', 'mqttv5'])('publish and subscribe by %s', async (version) => {
        const { port } = await startEngine(document())
        const common = ['-h', '127.0.0.1', '-p', String(port), '-V', version, '-q', '1']
        await run(['mosquitto_pub', ...common, '-t', 'sensors/kept', '-m', 'retained', '-r'])
        // Without line buffering nothing is seen before it ends.
        const subscriber = spawn('stdbuf', [
          '-oL',
          'mosquitto_sub',
          ...common,
          '-t',
          'sensors/#',
          '-v',
          '-C',
          '2',
          '-W',
          '20',
        ])
        defer(() => subscriber.kill())
        const ended = once(subscriber, 'close')
        let output = ''
        subscriber.stdout.on('data', (chunk: Buffer) => {
          output += chunk
        })
        await until(() => output.includes('sensors/kept retained'))
        await run(['mosquitto_pub', ...common, '-t', 'sensors/one', '-m', 'hi'])
        await ended
        expect(output).toBe('sensors/kept retained\nsensors/one hi\n')
      })
    })

    describe.skipIf(paho === undefined)('Paho Python', () => {
      it.each(['311', '5'])('publishes and subscribes by version %s', async (version) => {
        const { port } = await startEngine(document())
        const output = await run([paho!, script('paho-round-trip.py'), String(port), version])
        expect(output.trim().split('\n')).toEqual(Array.from({ length: 20 }, (_, at) => `paho/${at % 3} m${at} 1`))
      })
    })
  })
}

/** Runs a program to its end, on these lines; its output, or an error with it. */
async function run([command, ...args]: string[], input: string[] = []): Promise<string> {
  const child = spawn(command!, args)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  // One that ends before it has read all says why by its exit code.
  child.stdin.on('error', () => {})
  child.stdin.end(input.map((line) => `${line}\n`).join(''))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${output}`)
  return output
}

beforeAll(() => {
  // Both kinds of storage, or a word about it at the end of `npm test`.
  expect(storages.some(({ skip }) => !skip)).toBe(true)
})
