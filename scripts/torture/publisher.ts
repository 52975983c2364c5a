/**
 * Publishes numbered messages on its lanes, never more than a window unanswered; after a lost connection it repeats what
 * is unanswered, in order, as MQTT asks [MQTT-4.4.0-1]. It never gives a message up.
 */
import type { Packet } from 'mqtt-packet'
import type { Connection } from './connection.ts'
import type { Lane } from './lanes.ts'
import { Peer } from './peer.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'

const WINDOW = 24
const TICK_MS = 20
const LARGE = 0.002

interface Flight {
  readonly lane: Lane
  readonly number: number
  readonly payload: string
  /** PUBREC was received */
  released: boolean
}

export class Publisher {
  readonly peer: Peer
  /** answered so far */
  answered = 0
  readonly #stage: Stage
  readonly #lanes: readonly Lane[]
  readonly #random: Random
  readonly #perTick: number
  /** by packet identifier, in the order they were sent */
  readonly #flights = new Map<number, Flight>()
  /** what must be answered next on this connection, by QoS [MQTT-4.6.0-2] [MQTT-4.6.0-3] */
  #expected: Record<1 | 2, number[]> = { 1: [], 2: [] }
  #credit = 0
  #lastId = 0
  #timer: NodeJS.Timeout | null = null

  constructor(stage: Stage, id: string, lanes: readonly Lane[], perSecond: number) {
    this.#stage = stage
    this.#lanes = lanes
    this.#random = stage.random.fork(`messages of ${id}`)
    this.#perTick = (perSecond * TICK_MS) / 1_000
    const version = this.#random.pick([4, 5] as const)
    this.peer = new Peer(stage, { id, version, durable: true, isWatched: true }, this)
  }

  start(): void {
    this.peer.start()
    this.#timer = setInterval(() => {
      this.#credit = Math.min(this.#credit + this.#perTick, WINDOW)
      this.#pump()
    }, TICK_MS)
  }

  /** No new messages. */
  finish(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  get unanswered(): number {
    return this.#flights.size
  }

  onOpen(connection: Connection): void {
    this.#expected = { 1: [], 2: [] }
    for (const [id, flight] of this.#flights) {
      if (flight.released) connection.send({ cmd: 'pubrel', messageId: id })
      else this.#send(connection, id, flight, true)
      // A fault may have struck at this very step.
      if (connection.ended) return
    }
    this.#pump()
  }

  onClosed(): void {}

  onPacket(connection: Connection, packet: Packet): void {
    if (packet.cmd === 'puback') this.#onPuback(packet.messageId!, packet.reasonCode)
    else if (packet.cmd === 'pubrec') this.#onPubrec(connection, packet.messageId!, packet.reasonCode)
    else if (packet.cmd === 'pubcomp') this.#settle(packet.messageId!)
    this.#pump()
  }

  #pump(): void {
    const connection = this.peer.connection
    if (connection === null || this.#timer === null) return
    while (this.#credit >= 1 && this.#flights.size < WINDOW && !connection.ended) {
      this.#credit--
      const lane = this.#random.pick(this.#lanes)
      const number = lane.length++
      const bytes = this.#random.chance(LARGE) ? 20_000 : this.#random.int(20, 200)
      const flight = { lane, number, payload: lane.payload(number, bytes), released: false }
      const id = this.#nextId()
      this.#flights.set(id, flight)
      this.#send(connection, id, flight, false)
    }
  }

  #send(connection: Connection, messageId: number, { lane, number, payload }: Flight, dup: boolean): void {
    const { topic, qos } = lane
    lane.sent.add(number)
    this.#expected[qos].push(messageId)
    const packet: Packet = { cmd: 'publish', topic, payload, qos, dup, retain: false, messageId }
    // Now and then the connection breaks within the packet.
    if (this.#random.chance(0.0002)) {
      connection.sendPart(packet, this.#random.next())
      connection.cut(this.#random.pick(['end', 'reset']))
      this.#stage.findings.count('connections cut within a PUBLISH')
    } else connection.send(packet)
  }

  #onPuback(id: number, reasonCode = 0): void {
    const flight = this.#answer(1, id, reasonCode)
    if (flight === undefined) return
    flight.lane.acknowledged.add(flight.number)
    this.#settle(id)
  }

  #onPubrec(connection: Connection, id: number, reasonCode = 0): void {
    const flight = this.#answer(2, id, reasonCode)
    if (flight !== undefined && !flight.released) {
      flight.released = true
      flight.lane.acknowledged.add(flight.number)
    }
    connection.send({ cmd: 'pubrel', messageId: id })
  }

  #answer(qos: 1 | 2, id: number, reasonCode: number): Flight | undefined {
    const expected = this.#expected[qos].shift()
    if (expected !== id) {
      this.#stage.findings.violate('P3', `${this.peer.id}: packet ${id} was answered before ${expected}`)
    }
    if (reasonCode >= 0x80) this.#stage.findings.violate('P1', `${this.peer.id}: refused with ${reasonCode}`)
    return this.#flights.get(id)
  }

  #settle(id: number): void {
    if (!this.#flights.delete(id)) return
    this.answered++
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 0xffff) + 1
    while (this.#flights.has(this.#lastId))
    return this.#lastId
  }
}
