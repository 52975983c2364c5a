/**
 * A writer of retained messages, and new subscribers that look at them while it rests: each must get exactly the last
 * value of each topic, and nothing of those that were cleared.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { IPublishPacket, Packet } from 'mqtt-packet'
import { Connection } from './connection.ts'
import { Peer } from './peer.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'
import { type StoredKeys, until, type Workload } from './workload.ts'

const TOPICS = 50
const BURST = 60
const WINDOW = 20
const PAUSE_MS = 200
const ANSWER_MS = 180_000
const LOOK_MS = 30_000
const FENCE = 'fence'

export class RetainedWriter implements Workload {
  readonly #stage: Stage
  readonly #name: string
  readonly #random: Random
  readonly #peer: Peer
  /** by topic; '' is a cleared one */
  readonly #values = new Map<string, string>()
  readonly #flights = new Map<number, { topic: string; value: string }>()
  readonly #waiting: { topic: string; value: string }[] = []
  #lastId = 0
  #lastValue = 0
  #isFinishing = false
  #running: Promise<void> = Promise.resolve()

  constructor(stage: Stage, name: string) {
    this.#stage = stage
    this.#name = name
    this.#random = stage.random.fork(`values of ${name}`)
    this.#peer = new Peer(stage, { id: name, version: 5, durable: true, isWatched: true }, this)
  }

  start(): void {
    this.#peer.start()
    this.#running = this.#run()
  }

  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#running
    await this.#peer.stop()
  }

  verify({ retained }: StoredKeys): void {
    for (const [topic, value] of this.#values) {
      const stored = retained.get(topic) ?? ''
      this.#stage.findings.count('retained values compared with the log')
      if (stored !== value) this.#stage.findings.violate('P5', `log: ${topic} is '${stored}' instead of '${value}'`)
    }
  }

  async #run(): Promise<void> {
    this.#write(FENCE, 'here')
    while (!this.#isFinishing) {
      for (let at = 0; at < BURST; at++) {
        const value = this.#random.chance(0.1) ? '' : String(++this.#lastValue)
        this.#write(String(this.#random.int(0, TOPICS - 1)), value)
      }
      const isAnswered = () => this.#flights.size === 0 && this.#waiting.length === 0
      if (!(await until(isAnswered, ANSWER_MS))) {
        this.#stage.findings.violate('P8', `${this.#name} has no answer to ${this.#flights.size} publishes`)
        return
      }
      await this.#look()
      await delay(this.#random.next() * PAUSE_MS)
    }
  }

  #write(name: string, value: string): void {
    const topic = `retained/${this.#name}/${name}`
    this.#values.set(topic, value)
    this.#waiting.push({ topic, value })
    this.#pump()
  }

  #pump(): void {
    const { connection } = this.#peer
    while (connection !== null && !connection.ended && this.#flights.size < WINDOW) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#lastId = (this.#lastId % 0xffff) + 1
      this.#flights.set(this.#lastId, next)
      this.#send(connection, this.#lastId, false)
    }
  }

  #send(connection: Connection, messageId: number, dup: boolean): void {
    const { topic, value } = this.#flights.get(messageId)!
    connection.send({ cmd: 'publish', topic, payload: value, qos: 1, retain: true, dup, messageId })
  }

  onOpen(connection: Connection): void {
    for (const id of this.#flights.keys()) this.#send(connection, id, true)
    this.#pump()
  }

  onClosed(): void {}

  onPacket(_connection: Connection, packet: Packet): void {
    if (packet.cmd !== 'puback') return
    if ((packet.reasonCode ?? 0) >= 0x80) this.#stage.findings.violate('P5', `refused with ${packet.reasonCode}`)
    this.#flights.delete(packet.messageId!)
    this.#pump()
  }

  /** A new subscriber; one that loses its connection has seen nothing. */
  async #look(): Promise<void> {
    const seen = new Map<string, string>()
    let fenced = false
    const host = this.#random.pick(this.#stage.hosts)
    const id = `${this.#name}-looks`
    const connection = new Connection(
      this.#stage,
      host,
      { id, version: 5, clean: true },
      {
        onOpen: (opened) => subscribe(opened, 1, `retained/${this.#name}/+`),
        onPacket: (from, packet) => {
          if (packet.cmd === 'suback' && packet.messageId === 1) subscribe(from, 2, `retained/${this.#name}/${FENCE}`)
          if (packet.cmd !== 'publish') return
          from.send({ cmd: 'puback', messageId: packet.messageId! })
          // The second subscription sends it again, after all of the first.
          if (packet.topic.endsWith(FENCE) && seen.has(packet.topic)) fenced = true
          this.#see(seen, packet)
        },
        onClosed: () => {},
      },
    )
    const expected = [...this.#values].filter(([, value]) => value !== '')
    const isOver = () => connection.ended || (fenced && seen.size >= expected.length)
    const inTime = await until(isOver, LOOK_MS)
    const lost = connection.ended
    connection.disconnect()
    if (lost) this.#stage.findings.count('looks at retained messages that were cut off')
    else if (!inTime && this.#stage.disturbedSince(performance.now() - LOOK_MS)) return
    else this.#compare(seen, expected)
  }

  #see(seen: Map<string, string>, { topic, payload, retain }: IPublishPacket): void {
    if (!retain) this.#stage.findings.violate('P5', `${topic} came without RETAIN [MQTT-3.3.1-8]`)
    seen.set(topic, String(payload))
  }

  #compare(seen: ReadonlyMap<string, string>, expected: readonly (readonly [string, string])[]): void {
    const { findings } = this.#stage
    findings.count('retained values seen by new subscribers', expected.length)
    for (const [topic, value] of expected) {
      if (seen.get(topic) !== value) findings.violate('P5', `${topic} is '${seen.get(topic)}' instead of '${value}'`)
    }
    for (const [topic, value] of seen) {
      if (this.#values.get(topic) === '') findings.violate('P5', `${topic} is '${value}', and was cleared`)
    }
  }
}

function subscribe(connection: Connection, messageId: number, topic: string): void {
  connection.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 1 }] })
}
