/** Peers that break rules, read nothing, stay half open or send more than anybody wants. Nobody else may notice. */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import mqtt, { type IPublishPacket, type Packet } from 'mqtt-packet'
import type { Version } from './connection.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'
import type { Workload } from './workload.ts'

const PARALLEL = 3
const PAUSE_MS = 100

type Attack = (site: Site) => Promise<void>

interface Site {
  readonly random: Random
  readonly version: Version
  readonly name: string
  /** of the whole run: which byte is the next to cut at */
  readonly turn: number
  dial(): Promise<Socket | null>
}

const ATTACKS: readonly { readonly name: string; readonly weight: number; readonly attack: Attack }[] = [
  { name: 'conversations cut at a byte', weight: 6, attack: cutAtByte },
  { name: 'conversations with changed bytes', weight: 6, attack: changedBytes },
  { name: 'garbage', weight: 2, attack: garbage },
  { name: 'half-open sockets', weight: 1, attack: halfOpen },
  { name: 'a length of 256 MiB', weight: 1, attack: hugeLength },
  { name: 'readers of nothing', weight: 1, attack: readsNothing },
  { name: 'floods of QoS 0', weight: 0.5, attack: flood },
  { name: 'thousands of filters', weight: 0.5, attack: filters },
]

export class Hostile implements Workload {
  readonly #stage: Stage
  readonly #random: Random
  #isFinishing = false
  #turn = 0
  #running: Promise<unknown> = Promise.resolve()

  constructor(stage: Stage) {
    this.#stage = stage
    this.#random = stage.random.fork('hostile')
  }

  start(): void {
    this.#running = Promise.all(Array.from({ length: PARALLEL }, () => this.#run()))
  }

  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isFinishing) {
      const { name, attack } = this.#random.weighted(ATTACKS)
      const turn = this.#turn++
      const host = this.#random.pick(this.#stage.hosts)
      const version = this.#random.pick([4, 5] as const)
      this.#stage.findings.count(`hostile: ${name}`)
      await attack({ random: this.#random, version, name: `hostile-${turn}`, turn, dial: () => dial(host) })
      await delay(this.#random.next() * PAUSE_MS)
    }
  }
}

async function dial(host: Host): Promise<Socket | null> {
  const socket = connect({ host: '127.0.0.1', port: host.port, noDelay: true })
  socket.on('error', () => {})
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('close', () => resolve(false))
  })
  return isOpen ? socket : null
}

/** One of each packet that a client sends. */
function conversation({ version, name }: Site): Buffer {
  const publish = (qos: 0 | 1 | 2, messageId: number): IPublishPacket => {
    const properties = version === 5 ? { userProperties: { a: 'b' }, contentType: 'text', topicAlias: 1 } : undefined
    return {
      cmd: 'publish',
      topic: `hostile/${name}`,
      payload: 'x'.repeat(40),
      qos,
      messageId,
      retain: false,
      dup: false,
      ...(properties && { properties }),
    }
  }
  const packets: Packet[] = [
    {
      cmd: 'connect',
      clientId: name,
      protocolVersion: version,
      clean: true,
      keepalive: 30,
      will: { topic: `hostile/${name}`, payload: 'will', qos: 2 },
    },
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `hostile/${name}/#`, qos: 2 }] },
    publish(0, 0),
    publish(1, 2),
    publish(2, 3),
    { cmd: 'pubrel', messageId: 3 },
    { cmd: 'unsubscribe', messageId: 4, unsubscriptions: [`hostile/${name}/#`] },
    { cmd: 'pingreq' },
    { cmd: 'disconnect', reasonCode: 0 },
  ]
  return Buffer.concat(packets.map((packet) => mqtt.generate(packet, { protocolVersion: version })))
}

/** Each byte has its turn. */
async function cutAtByte(site: Site): Promise<void> {
  const bytes = conversation(site)
  const socket = await site.dial()
  socket?.write(bytes.subarray(0, 1 + (site.turn % bytes.length)))
  await delay(site.random.int(0, 50))
  if (site.random.chance(0.5)) socket?.resetAndDestroy()
  else await ended(socket)
}

async function changedBytes(site: Site): Promise<void> {
  const bytes = conversation(site)
  for (let at = site.random.int(1, 4); at > 0; at--)
    bytes[site.random.int(0, bytes.length - 1)] = site.random.int(0, 255)
  const socket = await site.dial()
  socket?.write(bytes)
  await delay(site.random.int(20, 300))
  await ended(socket)
}

async function garbage({ random, dial }: Site): Promise<void> {
  const bytes = Buffer.from(Array.from({ length: random.int(1, 4_000) }, () => random.int(0, 255)))
  const socket = await dial()
  socket?.write(bytes)
  await delay(50)
  await ended(socket)
}

/** Some of them for the whole of what the engine allows. */
async function halfOpen({ random, dial }: Site): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: 20 }, dial))
  for (const socket of sockets) socket?.write(Buffer.from([0x10, 0x7f]))
  await delay(random.int(100, 2_000))
  for (const socket of sockets) socket?.resetAndDestroy()
}

async function hugeLength({ version, name, dial }: Site): Promise<void> {
  const socket = await dial()
  socket?.write(mqtt.generate({ cmd: 'connect', clientId: name, protocolVersion: version, clean: true, keepalive: 0 }))
  socket?.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]))
  for (let at = 0; at < 20; at++) {
    socket?.write(Buffer.alloc(64 * 1024))
    await delay(10)
  }
  socket?.resetAndDestroy()
}

/** Subscribes to everything of the load, and never reads again. */
async function readsNothing({ random, version, name, dial }: Site): Promise<void> {
  const socket = await dial()
  if (socket === null) return
  const packets: Packet[] = [
    { cmd: 'connect', clientId: name, protocolVersion: version, clean: true, keepalive: 0 },
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'load/#', qos: random.pick([0, 1, 2] as const) }] },
  ]
  for (const packet of packets) socket.write(mqtt.generate(packet, { protocolVersion: version }))
  await delay(random.int(1_000, 8_000))
  socket.resetAndDestroy()
}

async function flood({ version, name, dial }: Site): Promise<void> {
  const socket = await dial()
  if (socket === null) return
  const options = { protocolVersion: version }
  socket.write(mqtt.generate({ cmd: 'connect', clientId: name, protocolVersion: version, clean: true, keepalive: 0 }))
  const publish: Packet = {
    cmd: 'publish',
    topic: `hostile/${name}`,
    payload: 'x'.repeat(100),
    qos: 0,
    retain: false,
    dup: false,
  }
  const run = Buffer.concat(Array.from({ length: 500 }, () => mqtt.generate(publish, options)))
  for (let at = 0; at < 10 && !socket.destroyed; at++) {
    if (!socket.write(run)) await Promise.race([drained(socket), delay(1_000)])
  }
  socket.resetAndDestroy()
}

async function filters({ version, name, dial }: Site): Promise<void> {
  const socket = await dial()
  if (socket === null) return
  socket.write(mqtt.generate({ cmd: 'connect', clientId: name, protocolVersion: version, clean: true, keepalive: 0 }))
  const subscriptions = Array.from({ length: 3_000 }, (_, at) => ({ topic: `+/${name}/${at}/#`, qos: 1 as const }))
  socket.write(mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions }, { protocolVersion: version }))
  await delay(500)
  await ended(socket)
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('drain', () => resolve()).once('close', () => resolve()))
}

/** FIN, and what the engine still has to say is read; an engine that does not close is left. */
async function ended(socket: Socket | null): Promise<void> {
  if (socket === null || socket.destroyed) return
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.resume()
  socket.end()
  await Promise.race([closed, delay(2_000)])
  socket.destroy()
}
