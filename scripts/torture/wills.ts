/** Clients with a will that end in every way there is, each under a client id of its own, and what must come of their wills. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Packet } from 'mqtt-packet'
import { Connection, type ConnectionOptions, type Cut, type Version } from './connection.ts'
import { Peer } from './peer.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'
import { type StoredKeys, until, type Workload } from './workload.ts'

const PARALLEL = 4
const PAUSE_MS = 400
/** for wills that are due: those of a killed process wait for the group */
const DUE_MS = 120_000
/** a will that waits longer than any return takes */
const LONG_SECONDS = 90
/** in which the engine has noticed that a connection is over */
const NOTICE_MS = 1_000
const RETURN_MS = 60_000

/** How often the will must be on the topic; `either`: what the client did crossed a fault, and nobody can know. */
type Expected = 'once' | 'never' | 'either'

interface Life {
  readonly stage: Stage
  readonly random: Random
  readonly connection: Connection
  readonly options: ConnectionOptions
  /** Connects again under the same client id, without a will; null: it could not in time. */
  again(clean: boolean): Promise<Connection | null>
}

interface Ending {
  readonly name: string
  readonly version?: Version
  /** seconds */
  readonly expiry?: number
  readonly delay?: number
  readonly keepalive?: number
  end(life: Life): Promise<Expected>
}

const ENDINGS: readonly Ending[] = [
  { name: 'DISCONNECT', end: disconnected },
  { name: 'DISCONNECT with 0x04', version: 5, end: disconnectedWithWill },
  { name: 'FIN', end: ({ connection }) => cut(connection, 'end') },
  { name: 'RST', end: ({ connection }) => cut(connection, 'reset') },
  { name: 'half a packet, then FIN', end: halfPacket },
  { name: 'no PINGREQ', keepalive: 1, end: ({ connection }) => closedBy(connection) },
  { name: 'second CONNECT', end: secondConnect },
  { name: 'malformed packet', end: malformed },
  { name: 'waits for the engine to go', end: ({ connection }) => patient(connection) },
  { name: 'taken over by a clean start', version: 5, expiry: 300, end: (life) => takenOver(life, true) },
  { name: 'taken over, no delay', version: 5, expiry: 300, end: (life) => takenOver(life, false) },
  { name: 'FIN, back within the delay', version: 5, expiry: 300, delay: LONG_SECONDS, end: returned },
  {
    name: 'FIN, delay passes',
    version: 5,
    expiry: 300,
    delay: 2,
    end: ({ connection }) => cut(connection, 'end'),
  },
  {
    name: 'FIN, session ends',
    version: 5,
    expiry: 1,
    delay: 300,
    end: ({ connection }) => cut(connection, 'end'),
  },
]

export class Wills implements Workload {
  readonly #stage: Stage
  readonly #random: Random
  readonly #expected = new Map<string, { ending: string; expected: Expected }>()
  /** by topic, as a subscriber has got them */
  readonly #seen = new Map<string, number>()
  readonly #watcher: Peer
  #isWatching = false
  #next = 0
  #isFinishing = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(stage: Stage) {
    this.#stage = stage
    this.#random = stage.random.fork('wills')
    this.#watcher = new Peer(stage, { id: 'wills-watcher', version: 5, durable: true }, this)
  }

  start(): void {
    this.#watcher.start()
    this.#running = Promise.all(Array.from({ length: PARALLEL }, () => this.#run()))
  }

  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#running
    const due = [...this.#expected].filter(([, { expected }]) => expected === 'once').map(([topic]) => topic)
    await until(() => due.every((topic) => this.#seen.has(topic)), DUE_MS)
    await this.#watcher.stop()
  }

  verify({ messages }: StoredKeys): void {
    const { findings } = this.#stage
    for (const [topic, { ending, expected }] of this.#expected) {
      findings.count(`wills, ${ending}: ${expected}`)
      const stored = messages.get(topic) ?? 0
      const what = `${topic}, ${ending}, must be there ${expected}, and`
      if (stored > 1 || (expected === 'never' && stored > 0) || (expected === 'once' && stored === 0)) {
        findings.violate('P6', `${what} is ${stored} times`)
      } else if (expected === 'once' && !this.#seen.has(topic)) {
        findings.violate('P6', `${what} did not come to a subscriber in time`)
      }
    }
  }

  onOpen(connection: Connection): void {
    if (this.#isWatching) return
    connection.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'wills/#', qos: 1 }] })
  }

  onClosed(): void {}

  onPacket(connection: Connection, packet: Packet): void {
    if (packet.cmd === 'suback') this.#isWatching = true
    if (packet.cmd !== 'publish') return
    this.#seen.set(packet.topic, (this.#seen.get(packet.topic) ?? 0) + 1)
    connection.send({ cmd: 'puback', messageId: packet.messageId! })
  }

  async #run(): Promise<void> {
    await until(() => this.#isWatching, DUE_MS)
    while (!this.#isFinishing) {
      await this.#live(this.#random.pick(ENDINGS), this.#next++)
      await delay(this.#random.next() * PAUSE_MS)
    }
  }

  async #live(ending: Ending, number: number): Promise<void> {
    const { version = this.#random.pick([4, 5] as const), expiry = 0, delay: willDelay = 0, keepalive = 0 } = ending
    const topic = `wills/${number}`
    const options: ConnectionOptions = {
      id: `mortal-${number}`,
      version,
      clean: true,
      expirySeconds: expiry,
      keepaliveSeconds: keepalive,
      isWatched: true,
      will: { topic, payload: topic, qos: 1, ...(version === 5 && { properties: { willDelayInterval: willDelay } }) },
    }
    const begin = performance.now()
    const connection = await this.#connect(options)
    // A CONNECT without an answer may have counted.
    let expected: Expected = 'either'
    if (connection !== null) {
      await Promise.race([connection.closed, delay(this.#random.next() * 1_000)])
      const again = (clean: boolean) => this.#again(options, clean)
      const life = { stage: this.#stage, random: this.#random, connection, options, again }
      if (connection.ended) expected = expiry > 0 && willDelay > LONG_SECONDS ? 'either' : 'once'
      else expected = await ending.end(life)
    }
    if (willDelay > 0 || expiry > 0) {
      // Times that a wrong clock has set.
      await delay(NOTICE_MS)
      if (this.#stage.clockDisturbances.struckSince(begin - NOTICE_MS)) expected = 'either'
    }
    this.#expected.set(topic, { ending: connection === null ? 'no CONNACK' : ending.name, expected })
  }

  async #connect(options: ConnectionOptions): Promise<Connection | null> {
    const host = this.#random.pick(this.#stage.hosts)
    const nothing = { onOpen: () => {}, onPacket: () => {}, onClosed: () => {} }
    const connection = new Connection(this.#stage, host, options, nothing)
    const connack = await connection.opened
    if ((connack?.returnCode ?? connack?.reasonCode) === 0) return connection
    connection.cut('reset')
    await delay(100)
    return null
  }

  async #again({ will: _, ...options }: ConnectionOptions, clean: boolean): Promise<Connection | null> {
    const deadline = performance.now() + RETURN_MS
    while (performance.now() < deadline) {
      const connection = await this.#connect({ ...options, clean, keepaliveSeconds: 0 })
      if (connection !== null) return performance.now() < deadline ? connection : null
    }
    return null
  }
}

async function cut(connection: Connection, how: Cut): Promise<Expected> {
  connection.cut(how)
  return 'once'
}

/** The client asks for its will [MQTT-3.14.4-3]. */
async function disconnectedWithWill({ connection }: Life): Promise<Expected> {
  connection.disconnect(4)
  return 'once'
}

/** Recorded, unless the process or Kafka was hurt before it could be. */
async function disconnected({ stage, connection }: Life): Promise<Expected> {
  const at = performance.now()
  connection.disconnect()
  await delay(3_000)
  const { host } = connection
  return host.disturbances.struckSince(at) || stage.storageDisturbances.struckSince(at) ? 'either' : 'never'
}

async function halfPacket({ connection, random }: Life): Promise<Expected> {
  const packet: Packet = { cmd: 'publish', topic: 'half', payload: 'x', qos: 0, retain: false, dup: false }
  connection.sendPart(packet, 0.1 + 0.8 * random.next())
  return cut(connection, 'end')
}

async function closedBy(connection: Connection): Promise<Expected> {
  await Promise.race([connection.closed, delay(10_000)])
  if (!connection.ended) connection.cut('end')
  return 'once'
}

function secondConnect({ connection, options }: Life): Promise<Expected> {
  connection.send({ cmd: 'connect', clientId: options.id, protocolVersion: options.version, clean: true, keepalive: 0 })
  return closedBy(connection)
}

/** A PUBLISH of QoS 3 [MQTT-3.3.1-4]. */
function malformed({ connection }: Life): Promise<Expected> {
  connection.socket.write(Buffer.from([0x36, 5, 0, 1, 0x61, 0, 1]))
  return closedBy(connection)
}

async function patient(connection: Connection): Promise<Expected> {
  await Promise.race([connection.closed, delay(15_000)])
  connection.cut('end')
  return 'once'
}

/** The will is due because the connection is closed (§3.1.4); a process that died leaves that to whoever returns. */
async function takenOver({ again, connection, stage }: Life, clean: boolean): Promise<Expected> {
  const at = performance.now()
  const next = await again(clean)
  await Promise.race([connection.closed, delay(10_000)])
  next?.disconnect()
  if (next === null || connection.host.disturbances.struckSince(at)) return 'either'
  return stage.storageDisturbances.struckSince(at) ? 'either' : 'once'
}

async function returned({ again, connection, random }: Life): Promise<Expected> {
  connection.cut('end')
  await delay(random.next() * 2_000)
  const next = await again(false)
  next?.disconnect()
  return next === null ? 'either' : 'never'
}
