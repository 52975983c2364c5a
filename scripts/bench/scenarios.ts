/**
 * What is measured. Each scenario drives the engine closed-loop (the load waits for answers, so a slow engine is not
 * flooded), verifies counts, and reports CPU of the engine process per message.
 */
import type { EngineProcess } from '@zilla-ts/testing'
import { LoadClient, publishPacket } from './load.ts'

export interface Measure {
  /** messages counted at their destination within the measured time */
  readonly messages: number
  readonly seconds: number
  readonly cpuSeconds: number
}

export interface Scenario {
  readonly name: string
  readonly unit: string
  /** µs CPU a message on real Kafka (bytes for memory, ms for latency), from the budgets in ARCHITECTURE.md */
  readonly budget: number
  run(engine: EngineProcess, seconds: number): Promise<number | Measure>
}

const PAYLOAD = Buffer.alloc(100, 'x')
const PUBLISHERS = 20
/** messages a publisher of QoS 0 sends between two pings */
const RUN_QOS0 = 250
/** PUBLISH packets of QoS 1 a publisher has unacknowledged: below the 256 the engine takes from a client */
const WINDOW_QOS1 = 200
const PAIRS = 50
const FAN_OUT = 100
const WARM_UP_SECONDS = 2

export const scenarios: readonly Scenario[] = [
  { name: 'publish QoS 0', unit: 'µs', budget: 2.8, run: (engine, seconds) => publish(engine, 0, seconds) },
  { name: 'publish QoS 1', unit: 'µs', budget: 4, run: (engine, seconds) => publish(engine, 1, seconds) },
  { name: `fan-out ${FAN_OUT} QoS 0`, unit: 'µs', budget: 0.5, run: (engine, seconds) => fanOut(engine, 0, seconds) },
  { name: `fan-out ${FAN_OUT} QoS 1`, unit: 'µs', budget: 4, run: (engine, seconds) => fanOut(engine, 1, seconds) },
  { name: `${PAIRS} pairs QoS 0`, unit: 'µs', budget: 8, run: (engine, seconds) => pairs(engine, 0, seconds) },
  { name: `${PAIRS} pairs QoS 1`, unit: 'µs', budget: 14, run: (engine, seconds) => pairs(engine, 1, seconds) },
  { name: 'connect', unit: 'µs', budget: 150, run: connects },
  { name: 'idle connection', unit: 'KiB', budget: 8, run: memory },
  { name: 'latency p50 at 200/s', unit: 'ms', budget: 3, run: (engine, seconds) => latency(engine, seconds, 0.5) },
  { name: 'latency p99 at 200/s', unit: 'ms', budget: 10, run: (engine, seconds) => latency(engine, seconds, 0.99) },
]

/** CPU and count between two moments of a running load. */
async function measured(engine: EngineProcess, seconds: number, count: () => number): Promise<Measure> {
  await elapse(WARM_UP_SECONDS)
  const [from, cpuFrom, countFrom] = [performance.now(), engine.cpuSeconds(), count()]
  await elapse(seconds)
  const [to, cpuTo, countTo] = [performance.now(), engine.cpuSeconds(), count()]
  return { messages: countTo - countFrom, seconds: (to - from) / 1_000, cpuSeconds: cpuTo - cpuFrom }
}

async function publish(engine: EngineProcess, qos: 0 | 1, seconds: number): Promise<Measure> {
  const clients = await open(engine, PUBLISHERS, 'pub')
  const load = new ClosedLoop(clients, qos, (at) => `bench/${at}`)
  const result = await measured(engine, seconds, () => load.confirmed)
  await load.finish()
  sent.set(engine, (sent.get(engine) ?? 0) + load.sent)
  close(clients)
  return result
}

/** Messages published to an engine so far, for the count at the end. */
export const sent = new Map<EngineProcess, number>()

/** Publishers that send on when the engine has answered: by PUBACK for QoS 1, by PINGRESP for runs of QoS 0. */
class ClosedLoop {
  sent = 0
  readonly #clients: readonly LoadClient[]
  readonly #qos: 0 | 1
  readonly #perClient: number[]
  #stopped = false

  constructor(clients: readonly LoadClient[], qos: 0 | 1, topic: (at: number) => string) {
    this.#clients = clients
    this.#qos = qos
    this.#perClient = clients.map(() => 0)
    clients.forEach((client, at) => {
      const packet = publishPacket(topic(at), PAYLOAD, qos)
      client.onProgress = () => this.#pump(client, at, packet)
      this.#pump(client, at, packet)
    })
  }

  /** messages that the engine has answered for */
  get confirmed(): number {
    return this.#clients.reduce(
      (sum, client) => sum + (this.#qos === 1 ? client.pubacks : client.pingresps * RUN_QOS0),
      0,
    )
  }

  /** Stops sending and waits until everything sent is answered. */
  async finish(): Promise<void> {
    this.#stopped = true
    await reached(() => this.confirmed === this.sent, 'all answers to publishes')
  }

  #pump(client: LoadClient, at: number, packet: { bytes: Buffer; idAt: number }): void {
    if (this.#stopped) return
    const answered = this.#qos === 1 ? client.pubacks : client.pingresps * RUN_QOS0
    const window = this.#qos === 1 ? WINDOW_QOS1 : 2 * RUN_QOS0
    const step = this.#qos === 1 ? WINDOW_QOS1 / 4 : RUN_QOS0
    while (this.#perClient[at]! - answered + step <= window) {
      client.publish(packet, step)
      if (this.#qos === 0) client.ping()
      this.#perClient[at]! += step
      this.sent += step
    }
  }
}

async function fanOut(engine: EngineProcess, qos: 0 | 1, seconds: number): Promise<Measure> {
  const receivers = await open(engine, FAN_OUT, 'fan')
  for (const receiver of receivers) await receiver.subscribe('fan/#', qos)
  const [publisher] = await open(engine, 1, 'fan-pub')
  const received = () => receivers.reduce((sum, receiver) => sum + receiver.publishes, 0)
  // Paced by what arrives: at most this many messages are under way.
  const window = qos === 0 ? 200 : 100
  const packet = publishPacket('fan/out', PAYLOAD, qos)
  let published = 0
  let stopped = false
  const pump = () => {
    while (!stopped && published - received() / FAN_OUT + window / 4 <= window) {
      publisher!.publish(packet, window / 4)
      published += window / 4
    }
  }
  for (const receiver of receivers) receiver.onProgress = pump
  pump()
  const result = await measured(engine, seconds, received)
  stopped = true
  await reached(() => received() === published * FAN_OUT, 'every copy of the fan-out')
  close([...receivers, publisher!])
  return result
}

async function pairs(engine: EngineProcess, qos: 0 | 1, seconds: number): Promise<Measure> {
  const receivers = await open(engine, PAIRS, 'sub')
  for (const [at, receiver] of receivers.entries()) await receiver.subscribe(`pair/${at}`, qos)
  const publishers = await open(engine, PAIRS, 'pub')
  const window = qos === 0 ? 100 : 40
  const published = publishers.map(() => 0)
  let stopped = false
  publishers.forEach((publisher, at) => {
    const packet = publishPacket(`pair/${at}`, PAYLOAD, qos)
    const receiver = receivers[at]!
    receiver.onProgress = () => {
      while (!stopped && published[at]! - receiver.publishes + window / 4 <= window) {
        publisher.publish(packet, window / 4)
        published[at]! += window / 4
      }
    }
    receiver.onProgress()
  })
  const received = () => receivers.reduce((sum, receiver) => sum + receiver.publishes, 0)
  const result = await measured(engine, seconds, received)
  stopped = true
  const total = published.reduce((sum, count) => sum + count, 0)
  await reached(() => received() === total, 'every message of the pairs')
  close([...receivers, ...publishers])
  return result
}

async function connects(engine: EngineProcess, seconds: number): Promise<Measure> {
  const parallel = 50
  let connected = 0
  let stopped = false
  const worker = async (name: string) => {
    for (let at = 0; !stopped; at++) {
      const client = await LoadClient.open(engine.port, `${name}-${at}`)
      connected++
      client.close()
    }
  }
  const workers = Array.from({ length: parallel }, (_, at) => worker(`conn-${process.pid}-${at}`))
  const result = await measured(engine, seconds, () => connected)
  stopped = true
  await Promise.all(workers)
  return result
}

/** KiB of resident memory for each of many idle connections with a session and a subscription. */
async function memory(engine: EngineProcess): Promise<number> {
  const count = 5_000
  const warm = await open(engine, 500, 'warm')
  for (const client of warm) await client.subscribe('warm/+', 0)
  await elapse(2)
  const before = engine.rssBytes()
  const clients = await open(engine, count, 'idle')
  for (let at = 0; at < clients.length; at += 100) {
    await Promise.all(clients.slice(at, at + 100).map((client, offset) => client.subscribe(`idle/${at + offset}`, 0)))
  }
  await elapse(3)
  const result = (engine.rssBytes() - before) / 1024 / count
  close([...warm, ...clients])
  return result
}

/** Milliseconds from PUBLISH to delivery, at a low, fixed rate. */
async function latency(engine: EngineProcess, seconds: number, quantile: number): Promise<number> {
  const [subscriber, publisher] = await open(engine, 2, 'lat')
  await subscriber!.subscribe('latency/+', 0)
  const samples: number[] = []
  subscriber!.onPayload = (payload) => samples.push(performance.now() - payload.readDoubleBE(0))
  const count = 200 * (WARM_UP_SECONDS + seconds)
  const begin = performance.now()
  for (let at = 0; at < count; at++) {
    const wait = begin + at * 5 - performance.now()
    if (wait > 0) await elapse(wait / 1_000)
    const payload = Buffer.alloc(100)
    payload.writeDoubleBE(performance.now())
    publisher!.publish(publishPacket(`latency/${at % 12}`, payload, 0), 1)
  }
  await reached(() => samples.length === count, 'every message of the latency run')
  close([subscriber!, publisher!])
  samples.splice(0, 200 * WARM_UP_SECONDS)
  samples.sort((a, b) => a - b)
  return samples[Math.min(Math.floor(samples.length * quantile), samples.length - 1)]!
}

async function open(engine: EngineProcess, count: number, name: string): Promise<LoadClient[]> {
  const clients: LoadClient[] = []
  for (let at = 0; at < count; at += 50) {
    const size = Math.min(50, count - at)
    const opening = Array.from({ length: size }, (_, offset) =>
      LoadClient.open(engine.port, `${name}-${process.hrtime.bigint()}-${at + offset}`),
    )
    clients.push(...(await Promise.all(opening)))
  }
  return clients
}

function close(clients: readonly LoadClient[]): void {
  for (const client of clients) {
    client.onProgress = () => {}
    client.close()
  }
}

function elapse(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
}

/** Waits for a count to be reached; a count that is wrong fails the bench. */
async function reached(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not arrive: the figures would be worth nothing`)
    await elapse(0.02)
  }
}
