/**
 * A session that subscribes once, goes away in all ways, and comes back. It counts each message that it gets and does
 * with identifiers of QoS 2 what MQTT asks of a receiver [MQTT-4.3.3-2].
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { IPublishPacket, Packet } from 'mqtt-packet'
import type { Connection } from './connection.ts'
import { type Lane, parsePayload, Tally } from './lanes.ts'
import { Peer } from './peer.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'

/** What it has got of one lane. */
export class Receipts {
  /** how often each number came, over all connections */
  readonly copies = new Tally()
  /** the most copies of it that came on one connection */
  readonly most = new Tally()
  /** numbers in the order of their first coming must ascend */
  last = -1
  /** numbers that came at least once */
  distinct = 0
  /** the connection on which it came last, and how often there */
  readonly #connections = new Tally()
  readonly #onConnection = new Tally()

  /** @param connection a number for the connection, 1 to 255 */
  add(number: number, connection: number): void {
    if (this.copies.add(number) === 1) this.distinct++
    if (this.#connections.get(number) !== connection) {
      this.#connections.set(number, connection)
      this.#onConnection.set(number, 0)
    }
    const copies = this.#onConnection.add(number)
    if (copies > this.most.get(number)) this.most.set(number, copies)
  }
}

export interface SubscriberOptions {
  readonly id: string
  readonly version: 4 | 5
  readonly filters: readonly string[]
  readonly qos: 1 | 2
  /** seconds it stays, and stays away, at most */
  readonly staySeconds: number
  readonly awaySeconds: number
}

export class Subscriber {
  readonly peer: Peer
  readonly qos: 1 | 2
  readonly receipts: readonly Receipts[]
  /** SUBACK was received */
  readonly subscribed: Promise<void>
  readonly #stage: Stage
  readonly #options: SubscriberOptions
  readonly #random: Random
  readonly #lanes: readonly Lane[]
  readonly #unreleased = new Set<number>()
  #onSubscribed: () => void = () => {}
  #isSubscribed = false
  #connections = 0
  #isFinishing = false
  #wandering: Promise<void> = Promise.resolve()

  constructor(stage: Stage, options: SubscriberOptions, lanes: readonly Lane[]) {
    this.#stage = stage
    this.#options = options
    this.#lanes = lanes
    this.qos = options.qos
    this.receipts = lanes.map(() => new Receipts())
    this.#random = stage.random.fork(`comings of ${options.id}`)
    this.subscribed = new Promise((resolve) => {
      this.#onSubscribed = resolve
    })
    const { id, version } = options
    this.peer = new Peer(stage, { id, version, durable: true, isWatched: true }, this)
  }

  start(): void {
    this.peer.start()
    this.#wandering = this.#wander()
  }

  /** Comes back and stays. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#wandering
    this.peer.come()
  }

  get received(): number {
    return this.receipts.reduce((sum, { distinct }) => sum + distinct, 0)
  }

  async #wander(): Promise<void> {
    await this.subscribed
    const { staySeconds, awaySeconds } = this.#options
    while (!this.#isFinishing) {
      await this.#rest(staySeconds)
      this.peer.leave(this.#random.pick(['disconnect', 'end', 'reset']))
      this.#stage.findings.count('absences of subscribers')
      await this.#rest(awaySeconds)
      this.peer.come()
    }
  }

  async #rest(seconds: number): Promise<void> {
    const until = performance.now() + this.#random.next() * seconds * 1_000
    while (performance.now() < until && !this.#isFinishing) await delay(50)
  }

  onOpen(connection: Connection): void {
    this.#connections = (this.#connections % 255) + 1
    if (this.#isSubscribed) return
    const { filters, qos } = this.#options
    connection.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map((topic) => ({ topic, qos })) })
  }

  onClosed(): void {}

  onPacket(connection: Connection, packet: Packet): void {
    if (packet.cmd === 'publish') this.#onPublish(connection, packet)
    else if (packet.cmd === 'pubrel') {
      this.#unreleased.delete(packet.messageId!)
      connection.send({ cmd: 'pubcomp', messageId: packet.messageId! })
    } else if (packet.cmd === 'suback') {
      this.#isSubscribed = true
      this.#onSubscribed()
    }
  }

  #onPublish(connection: Connection, packet: IPublishPacket): void {
    const messageId = packet.messageId!
    const isNew = packet.qos !== 2 || !this.#unreleased.has(messageId)
    if (packet.qos === 2) this.#unreleased.add(messageId)
    if (isNew) this.#receive(packet)
    if (packet.qos === 0) this.#stage.findings.violate('P4', `${this.peer.id}: ${packet.topic} came with QoS 0`)
    else connection.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId })
  }

  #receive({ topic, payload, qos }: IPublishPacket): void {
    const parsed = parsePayload(payload)
    const lane = this.#lanes[parsed?.lane ?? -1]
    if (parsed === null || lane?.topic !== topic) {
      this.#stage.findings.violate('P8', `${this.peer.id}: a message that nobody sent, on ${topic}`)
      return
    }
    if (qos !== Math.min(lane.qos, this.qos)) {
      this.#stage.findings.violate('P4', `${this.peer.id}: ${topic} came with QoS ${qos}`)
    }
    const receipts = this.receipts[lane.index]!
    const isFirst = receipts.copies.get(parsed.number) === 0
    receipts.add(parsed.number, this.#connections)
    if (!isFirst) return
    if (parsed.number < receipts.last) {
      const text = `${this.peer.id}: ${topic} ${parsed.number} came after ${receipts.last}`
      this.#stage.findings.violate('P3', text)
    } else receipts.last = parsed.number
  }
}
