/**
 * A client that is not ours through both kinds of the binding, over real sockets: MQTT.js, tcp, mqtt server, mqtt client, tcp,
 * and as the broker an mqtt server whose next hop sends back what it gets.
 */
import { type BindingConfig, type Protocol, Side, type Stream, SystemClock } from '@zilla-ts/engine'
import { type Bytes, tcp } from '@zilla-ts/net'
import { Harness, Recorder } from '@zilla-ts/testing'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { mqtt } from '../../src/binding.ts'
import { Message } from '../../src/message.ts'
import type { MqttConfig } from '../../src/mqtt.config.ts'
import type { Capabilities, Mqtt, MqttSignal, PublishMeta, Qos } from '../../src/stream.ts'

const CAPABILITIES: Capabilities = {
  sessionPresent: false,
  maximumQos: 2,
  retainAvailable: true,
  wildcardAvailable: true,
  subscriptionIdsAvailable: true,
  sharedAvailable: true,
  expirySecondsMax: 3_600,
  willAvailable: true,
  maximumPacketSize: 1_048_576,
}

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})

const clock = new SystemClock((where, error) => expect.fail(`${where}: ${error}`))

/** The routes of a binding whose one exit is another binding. */
function to<P extends Protocol>(next: Harness<BindingConfig, P, Protocol>) {
  const connect: Harness<BindingConfig, Protocol, P>['exit']['connect'] = (open, session, handler) =>
    Side.connect<P>(
      open,
      session,
      handler,
      (what, stream) => next.binding.accept?.(what, stream) ?? null,
      { initiator: 'test', acceptor: 'next' },
      next.reporter.fault,
    )
  return [
    {
      when: [],
      with: undefined,
      exit: { name: 'next', connect, dial: () => null, take: () => 'streams' as const },
      permits: () => true,
    },
  ]
}

/** Stores everything at once and delivers it to every subscriber with the lower QoS of the two. */
class Loop extends Recorder<Mqtt> {
  readonly #loops: Set<Loop>
  #written = 0
  #packetId = 0
  #granted: Qos | null = null

  constructor(loops: Set<Loop>, stream: Stream<Mqtt>) {
    super()
    this.#loops = loops
    this.stream = stream
    loops.add(this)
  }

  override onData(payload: Buffer, meta: Mqtt['meta'], cost: number): void {
    const { topic, qos, retain, properties } = meta as PublishMeta
    this.stream?.grant(cost)
    this.stream?.ack(++this.#written)
    const message = new Message(topic, Buffer.from(payload), properties, Number.POSITIVE_INFINITY, false)
    for (const loop of this.#loops) loop.#deliver(message, qos, retain)
  }

  override onSignal(signal: MqttSignal): void {
    const { stream } = this
    if (signal.kind === 'pubrel') stream?.signal({ ...signal, kind: 'pubcomp' })
    if (signal.kind === 'unsubscribe') {
      this.#granted = null
      stream?.signal({ kind: 'unsubscribed', reasonCodes: signal.filters.map(() => 0) })
    }
    if (signal.kind === 'subscribe') {
      this.#granted = signal.subscriptions[0]!.qos
      stream?.signal({ kind: 'subscribed', reasonCodes: signal.subscriptions.map(({ qos }) => qos) })
    }
    if (signal.kind === 'acknowledge' && signal.type === 'pubrec') {
      stream?.signal({ kind: 'pubrel', packetId: signal.packetId, reasonCode: 0 })
    }
  }

  override onEnd(): void {
    this.#loops.delete(this)
    this.stream?.end()
  }

  #deliver(message: Message, qos: Qos, retain: boolean): void {
    if (this.#granted === null || !this.stream?.writable) return
    const delivery = message.delivery(Math.min(qos, this.#granted) as Qos, retain)
    const packetId = delivery.qos === 0 ? 0 : ++this.#packetId
    this.stream.write(message.payload, { delivery, packetId, dup: false })
  }
}

async function listen(next: Harness<MqttConfig, Bytes, Mqtt>): Promise<number> {
  const options = { host: '127.0.0.1', port: 0 }
  const listener = new Harness(tcp, { kind: 'server', clock, options, routes: to(next as never) as never })
  await listener.binding.start?.()
  cleanUp.push(() => listener.binding.stop?.())
  cleanUp.push(() => next.binding.stop?.())
  return listener.binding.addresses?.()[0]?.port ?? 0
}

/** Starts broker and proxy; returns what they report and where the proxy listens. */
async function start() {
  const broker = new Harness<MqttConfig, Bytes, Mqtt>(mqtt as never, { kind: 'server', clock })
  const loops = new Set<Loop>()
  broker.exit.onOpen = (open, stream, recorder) => {
    if (open.kind === 'session') stream.accept({ kind: 'session', capabilities: CAPABILITIES, subscriptions: [] })
    else stream.accept({ kind: open.kind })
    stream.grant(1_000_000)
    const loop = new Loop(loops, stream)
    recorder.onData = (payload, meta, cost) => loop.onData(payload, meta, cost)
    recorder.onSignal = (signal) => {
      recorder.signals.push(signal)
      loop.onSignal(signal)
    }
    recorder.onEnd = () => loop.onEnd()
    recorder.onAbort = () => void loops.delete(loop)
    return true
  }
  const brokerPort = await listen(broker)
  const dialler = new Harness(tcp, { kind: 'client', clock })
  cleanUp.push(() => dialler.binding.stop?.())
  const client = new Harness<MqttConfig, Mqtt, Bytes>(mqtt as never, {
    kind: 'client',
    clock,
    options: { server: `mqtt://127.0.0.1:${brokerPort}` },
    routes: to(dialler as never) as never,
  })
  cleanUp.push(() => client.binding.stop?.())
  const server = new Harness<MqttConfig, Bytes, Mqtt>(mqtt as never, {
    kind: 'server',
    clock,
    routes: to(client as never) as never,
  })
  return { broker, client, server, port: await listen(server) }
}

async function connect(port: number, protocolVersion: 4 | 5, options: IClientOptions): Promise<MqttClient> {
  const found = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion, reconnectPeriod: 0, ...options })
  cleanUp.push(() => found.endAsync(true))
  return found
}

const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 10_000, interval: 5 })

describe.each([4, 5] as const)('MQTT.js, protocol level %i, through the proxy', (version) => {
  test('messages of every QoS come back once and in order', async () => {
    const { broker, client, server, port } = await start()
    const publisher = await connect(port, version, { clientId: 'p' })
    const subscriber = await connect(port, version, { clientId: 's' })
    const got: string[][] = [[], [], []]
    subscriber.on('message', (topic, payload, { qos }) => got[qos]!.push(`${topic} ${payload}`))
    const [granted] = await subscriber.subscribeAsync('loop/#', { qos: 2 })
    expect(granted?.qos).toBe(2)
    const sent = Array.from({ length: 300 }, (_, i) => ({
      topic: `loop/${i % 7}`,
      payload: `${i}`,
      qos: (i % 3) as Qos,
    }))
    await Promise.all(sent.map(({ topic, payload, qos }) => publisher.publishAsync(topic, payload, { qos })))
    await until(() => got.flat().length === sent.length)
    for (const qos of [0, 1, 2]) {
      const wanted = sent.filter((one) => one.qos === qos).map(({ topic, payload }) => `${topic} ${payload}`)
      expect(got[qos]).toEqual(wanted)
    }
    await subscriber.unsubscribeAsync('loop/#')
    for (const { reporter } of [broker, client, server]) expect(reporter.faults).toEqual([])
  })

  test('a will and the way a client leaves reach the broker', async () => {
    const { broker, port } = await start()
    const will = { topic: 'gone', payload: Buffer.from('x'), qos: 1, retain: true } as const
    const orderly = await connect(port, version, { clientId: 'orderly', will })
    const lost = await connect(port, version, { clientId: 'lost', will })
    const sessions = broker.exit.opened.filter(({ open }) => open.kind === 'session')
    expect(sessions.map(({ open }) => open)).toMatchObject([
      { clientId: 'orderly', version, will },
      { clientId: 'lost', version, will },
    ])
    await orderly.endAsync()
    lost.stream.destroy()
    await until(() => sessions.every(({ recorder }) => recorder.signals.length === 1))
    const farewells = sessions.map(({ recorder }) => recorder.signals[0])
    expect(farewells).toMatchObject([{ reasonCode: 0 }, { reasonCode: null }])
  })

  test('a broker that goes takes the client with it', async () => {
    const { broker, client, port } = await start()
    const found = await connect(port, version, { clientId: 'c' })
    const codes: (number | undefined)[] = []
    found.on('disconnect', ({ reasonCode }) => codes.push(reasonCode))
    const closed = new Promise<void>((resolve) => found.once('close', () => resolve()))
    await broker.binding.drain?.()
    await closed
    expect(codes).toEqual(version === 5 ? [0x8b] : [])
    expect(client.reporter.counters.get('mqtt.client.sessions.active')?.value).toBe(0)
  })
})
