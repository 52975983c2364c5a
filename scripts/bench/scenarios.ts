/**
 * What is measured. Each scenario drives the engine closed-loop (the load waits for answers, so a slow engine is not
 * flooded), verifies counts, and reports CPU of the engine process per message.
 */
import type { EngineProcess } from '@zilla-ts/testing'
import { type Front, passwords, secure, tokens } from './fronts.ts'
import { elapse, LoadClient, type LoadOptions, publishPacket, type Qos, reached } from './load.ts'

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
  /** what clients come in by; absent: bare TCP, and nobody is asked who they are */
  readonly front?: () => Promise<Front>
  run(engine: EngineProcess, seconds: number, front: Front): Promise<number | Measure>
}

const PAYLOAD = Buffer.alloc(100, 'x')
const PUBLISHERS = 20
/** messages a publisher of QoS 0 sends between two pings */
const RUN_QOS0 = 250
/** PUBLISH packets of QoS 1 or 2 a publisher has unacknowledged: below the 256 the engine takes from a client */
const WINDOW_ACKED = 200
const PAIRS = 50
const FAN_OUT = 100
const WARM_UP_SECONDS = 2
const RESUMED = 1_000
/** more than a session may have in flight, so that it falls behind again */
const BACKLOG = 400
/** TLS clients that come at once */
const STORM = 2_000
/** tokens or users that clients share when they are not new */
const KNOWN = 50
const CLEAN: LoadOptions = { clean: true }
/** QoS 2 costs records of the session when it stays. */
const DURABLE: LoadOptions = { clean: false }

export const scenarios: readonly Scenario[] = [
  { name: 'publish QoS 0', unit: 'µs', budget: 2.8, run: (engine, seconds) => publish(engine, 0, seconds) },
  { name: 'publish QoS 1', unit: 'µs', budget: 4, run: (engine, seconds) => publish(engine, 1, seconds) },
  { name: 'publish QoS 2 clean', unit: 'µs', budget: 15, run: (engine, seconds) => publish(engine, 2, seconds) },
  {
    name: 'publish QoS 2 durable',
    unit: 'µs',
    budget: 15,
    run: (engine, seconds) => publish(engine, 2, seconds, DURABLE),
  },
  { name: `fan-out ${FAN_OUT} QoS 0`, unit: 'µs', budget: 0.5, run: (engine, seconds) => fanOut(engine, 0, seconds) },
  { name: `fan-out ${FAN_OUT} QoS 1`, unit: 'µs', budget: 4, run: (engine, seconds) => fanOut(engine, 1, seconds) },
  { name: `${PAIRS} pairs QoS 0`, unit: 'µs', budget: 8, run: (engine, seconds) => pairs(engine, 0, seconds) },
  { name: `${PAIRS} pairs QoS 1`, unit: 'µs', budget: 14, run: (engine, seconds) => pairs(engine, 1, seconds) },
  { name: `${PAIRS} pairs QoS 2 clean`, unit: 'µs', budget: 40, run: (engine, seconds) => pairs(engine, 2, seconds) },
  {
    name: `${PAIRS} pairs QoS 2 durable`,
    unit: 'µs',
    budget: 40,
    run: (engine, seconds) => pairs(engine, 2, seconds, DURABLE),
  },
  // A delivery as in the fan-out, and no more than one record walked for it.
  { name: `resume ${RESUMED}`, unit: 'µs', budget: 5.5, run: resume },
  { name: 'connect', unit: 'µs', budget: 150, run: connects },
  { name: 'connect RS256 new', unit: 'µs', budget: 450, front: () => tokens('RS256'), run: connects },
  { name: 'connect RS256 known', unit: 'µs', budget: 200, front: () => tokens('RS256'), run: connectsAgain },
  { name: 'connect ES256 new', unit: 'µs', budget: 450, front: () => tokens('ES256'), run: connects },
  { name: 'connect ES256 known', unit: 'µs', budget: 200, front: () => tokens('ES256'), run: connectsAgain },
  // A password that is slow to check is meant to be.
  { name: 'connect password new', unit: 'µs', budget: 250_000, front: passwords, run: connectsSlowly },
  { name: 'connect password known', unit: 'µs', budget: 200, front: passwords, run: connectsAgain },
  { name: `TLS storm ${STORM}`, unit: 'µs', budget: 2_000, front: secure, run: storm },
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

async function publish(engine: EngineProcess, qos: Qos, seconds: number, options = CLEAN): Promise<Measure> {
  const clients = await open(engine, PUBLISHERS, 'pub', options)
  const load = new ClosedLoop(clients, qos, (at) => `bench/${at}`)
  const result = await measured(engine, seconds, () => load.confirmed)
  await load.finish()
  sent.set(engine, (sent.get(engine) ?? 0) + load.sent)
  close(clients)
  return result
}

/** Messages published to an engine so far, for the count at the end. */
export const sent = new Map<EngineProcess, number>()

/** Publishers that send on when the engine has answered: by PUBACK or PUBCOMP, by PINGRESP for runs of QoS 0. */
class ClosedLoop {
  sent = 0
  readonly #clients: readonly LoadClient[]
  readonly #qos: Qos
  readonly #perClient: number[]
  #stopped = false

  constructor(clients: readonly LoadClient[], qos: Qos, topic: (at: number) => string) {
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
    return this.#clients.reduce((sum, client) => sum + this.#answered(client), 0)
  }

  /** Stops sending and waits until everything sent is answered. */
  async finish(): Promise<void> {
    this.#stopped = true
    await reached(() => this.confirmed === this.sent, 'all answers to publishes')
  }

  #pump(client: LoadClient, at: number, packet: { bytes: Buffer; idAt: number }): void {
    if (this.#stopped) return
    const answered = this.#answered(client)
    const window = this.#qos === 0 ? 2 * RUN_QOS0 : WINDOW_ACKED
    const step = this.#qos === 0 ? RUN_QOS0 : WINDOW_ACKED / 4
    while (this.#perClient[at]! - answered + step <= window) {
      client.publish(packet, step)
      if (this.#qos === 0) client.ping()
      this.#perClient[at]! += step
      this.sent += step
    }
  }

  #answered({ pubacks, pubcomps, pingresps }: LoadClient): number {
    if (this.#qos === 0) return pingresps * RUN_QOS0
    return this.#qos === 1 ? pubacks : pubcomps
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

async function pairs(engine: EngineProcess, qos: Qos, seconds: number, options = CLEAN): Promise<Measure> {
  const receivers = await open(engine, PAIRS, 'sub', options)
  for (const [at, receiver] of receivers.entries()) await receiver.subscribe(`pair/${at}`, qos)
  const publishers = await open(engine, PAIRS, 'pub', options)
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

/** Sessions with one filter return together to messages that were stored meanwhile. Its CPU includes their CONNECTs. */
async function resume(engine: EngineProcess): Promise<Measure> {
  const names = Array.from({ length: RESUMED }, (_, at) => `resume-${process.pid}-${at}`)
  const before = await openAll(engine, names, DURABLE)
  await subscribeAll(before, () => 'resume/#', 1)
  close(before)
  const [publisher] = await open(engine, 1, 'resume-pub')
  for (let at = 0; at < BACKLOG; at += WINDOW_ACKED) {
    for (let topic = 0; topic < WINDOW_ACKED; topic++) {
      publisher!.publish(publishPacket(`resume/${topic}`, PAYLOAD, 1), 1)
    }
    await reached(() => publisher!.pubacks === at + WINDOW_ACKED, 'PUBACK of the backlog')
  }
  const [from, cpuFrom] = [performance.now(), engine.cpuSeconds()]
  const clients: LoadClient[] = []
  const prepare = (client: LoadClient) => clients.push(client)
  await openAll(engine, names, { clean: false, prepare })
  if (!clients.every(({ sessionPresent }) => sessionPresent)) throw new Error('a session that resumed was not there')
  const received = () => clients.reduce((sum, { publishes }) => sum + publishes, 0)
  await reached(() => received() >= RESUMED * BACKLOG, 'the backlog')
  const [to, cpuTo] = [performance.now(), engine.cpuSeconds()]
  if (!clients.every(({ publishes }) => publishes === BACKLOG)) throw new Error('a session got more, or less')
  close([...clients, publisher!])
  return { messages: RESUMED * BACKLOG, seconds: (to - from) / 1_000, cpuSeconds: cpuTo - cpuFrom }
}

/** Each client shows something that no other did. */
function connects(engine: EngineProcess, seconds: number, front: Front): Promise<Measure> {
  return connecting(engine, seconds, (at) => front.shown(at))
}

/** The same by few at a time: of more than it can check within 10 s the guard refuses some. */
function connectsSlowly(engine: EngineProcess, seconds: number, front: Front): Promise<Measure> {
  return connecting(engine, seconds, (at) => front.shown(at), 4)
}

/** What clients show was shown before. */
async function connectsAgain(engine: EngineProcess, seconds: number, front: Front): Promise<Measure> {
  for (let at = 0; at < KNOWN; at++) {
    const client = await LoadClient.open(engine.port, `first-${at}`, front.shown(at))
    client.close()
  }
  return connecting(engine, seconds, (at) => front.shown(at % KNOWN))
}

async function connecting(
  engine: EngineProcess,
  seconds: number,
  shown: (at: number) => LoadOptions,
  parallel = 50,
): Promise<Measure> {
  let begun = 0
  let connected = 0
  let stopped = false
  const worker = async (name: string) => {
    while (!stopped) {
      const at = begun++
      const client = await LoadClient.open(engine.port, `${name}-${at}`, shown(at))
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

/** All clients of a fleet come at once, as after an outage. Nobody may be refused. */
async function storm(engine: EngineProcess, _seconds: number, front: Front): Promise<Measure> {
  const [from, cpuFrom] = [performance.now(), engine.cpuSeconds()]
  const opening = Array.from({ length: STORM }, (_, at) => LoadClient.open(engine.port, `storm-${at}`, front.shown(at)))
  const clients = await Promise.all(opening)
  const [to, cpuTo] = [performance.now(), engine.cpuSeconds()]
  close(clients)
  return { messages: STORM, seconds: (to - from) / 1_000, cpuSeconds: cpuTo - cpuFrom }
}

/** KiB of resident memory for each of many idle connections with a session and a subscription. */
async function memory(engine: EngineProcess): Promise<number> {
  const count = 5_000
  const warm = await open(engine, 500, 'warm')
  for (const client of warm) await client.subscribe('warm/+', 0)
  await elapse(2)
  const before = engine.rssBytes()
  const clients = await open(engine, count, 'idle')
  await subscribeAll(clients, (at) => `idle/${at}`, 0)
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
  subscriber!.onPublish = (payload) => samples.push(performance.now() - payload.readDoubleBE(0))
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

/** Opens sessions of new names. */
function open(engine: EngineProcess, count: number, name: string, options?: LoadOptions): Promise<LoadClient[]> {
  const run = process.hrtime.bigint()
  return openAll(
    engine,
    Array.from({ length: count }, (_, at) => `${name}-${run}-${at}`),
    options,
  )
}

async function openAll(engine: EngineProcess, names: readonly string[], options?: LoadOptions): Promise<LoadClient[]> {
  const clients: LoadClient[] = []
  for (let at = 0; at < names.length; at += 50) {
    const opening = names.slice(at, at + 50).map((name) => LoadClient.open(engine.port, name, options))
    clients.push(...(await Promise.all(opening)))
  }
  return clients
}

async function subscribeAll(clients: readonly LoadClient[], filter: (at: number) => string, qos: Qos): Promise<void> {
  for (let at = 0; at < clients.length; at += 100) {
    await Promise.all(clients.slice(at, at + 100).map((client, offset) => client.subscribe(filter(at + offset), qos)))
  }
}

function close(clients: readonly LoadClient[]): void {
  for (const client of clients) {
    client.onProgress = () => {}
    client.close()
  }
}
