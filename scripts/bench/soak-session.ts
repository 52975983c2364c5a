/**
 * One client of the soak: what it has sent and got over all of its connections, and the state that MQTT asks a client to
 * keep for its session. Used by `soak.ts`. A publish is repeated after a lost connection, never given up.
 */
import {
  LoadClient,
  publishPacket,
  pubrel,
  type Qos,
  TYPE_PUBACK,
  TYPE_PUBCOMP,
  TYPE_PUBREC,
  withDeadline,
} from './load.ts'

const DUP = 8
const PAYLOAD_BYTES = 100

/** Sessions that publish to, and receive from, one topic. */
export class SoakGroup {
  readonly topic: string
  /** the QoS of each message, by its number */
  readonly sent: Qos[] = []

  constructor(topic: string) {
    this.topic = topic
  }
}

interface Exchange {
  readonly id: number
  readonly bytes: Buffer
  released: boolean
}

export class SoakSession {
  readonly durable: boolean
  readonly group: SoakGroup
  /** an action of it is under way */
  busy = false
  /** why the soak has failed */
  fault: Error | null = null
  /** how often each message has arrived, by its number */
  readonly arrived: number[] = []
  readonly #name: string
  #client: LoadClient | null = null
  #known = false
  /** of QoS 2, not released by the engine [MQTT-4.3.3-2] */
  readonly #unreleased = new Set<number>()
  #exchange: Exchange | null = null
  #onSettled: () => void = () => {}
  #lastId = 0

  constructor(name: string, group: SoakGroup, durable: boolean) {
    this.#name = name
    this.group = group
    this.durable = durable
  }

  get online(): boolean {
    return this.#client !== null
  }

  /** Connects, goes on with what was interrupted, and subscribes when the session is new. */
  async connect(port: number): Promise<void> {
    const prepare = (client: LoadClient) => this.#prepare(client)
    this.#client = await LoadClient.open(port, this.#name, { clean: !this.durable, prepare })
    const { sessionPresent } = this.#client
    if (sessionPresent !== this.#known) throw new Error(`${this.#name}: session present is ${sessionPresent}`)
    if (this.#exchange !== null) {
      const { id, bytes, released } = this.#exchange
      if (!released) bytes[0]! |= DUP
      this.#client.socket.write(released ? pubrel(id) : bytes)
      await this.#settled()
    }
    if (!sessionPresent) await this.subscribe()
    this.#known = this.durable
  }

  async subscribe(): Promise<void> {
    await this.#client!.subscribe(this.group.topic, 2)
  }

  /** Sends one message. Its answer is awaited, but not when the connection is to be lost before it. */
  async publish(qos: Qos, awaited: boolean): Promise<void> {
    const payload = Buffer.alloc(PAYLOAD_BYTES)
    payload.writeUInt32BE(this.group.sent.push(qos) - 1)
    const { bytes, idAt } = publishPacket(this.group.topic, payload, qos)
    if (qos > 0) {
      this.#lastId = (this.#lastId % 0xffff) + 1
      bytes.writeUInt16BE(this.#lastId, idAt)
      this.#exchange = { id: this.#lastId, bytes, released: false }
    }
    this.#client!.socket.write(bytes)
    if (qos > 0 && awaited) await this.#settled()
  }

  /** Ends the connection, with or without DISCONNECT. A clean session ends too, and may have nothing unanswered then. */
  leave(how: 'disconnect' | 'drop'): void {
    if (how === 'disconnect') this.#client!.close()
    else this.#client!.drop()
    this.#client = null
    if (!this.durable) this.#unreleased.clear()
  }

  /** Whether each message of QoS 1 and 2 is there. */
  get complete(): boolean {
    return this.group.sent.every((qos, number) => qos === 0 || this.arrived[number] !== undefined)
  }

  /** Messages of a QoS that arrived more than once. */
  repeated(qos: Qos): number {
    return this.arrived.filter((times, number) => times > 1 && this.group.sent[number] === qos).length
  }

  #prepare(client: LoadClient): void {
    client.onClosed = () => {
      this.fault = new Error(`${this.#name}: the engine closed the connection`)
    }
    client.onPublish = (payload, qos, packetId) => {
      if (qos === 2 && this.#unreleased.has(packetId)) return
      if (qos === 2) this.#unreleased.add(packetId)
      const number = payload.readUInt32BE(0)
      this.arrived[number] = (this.arrived[number] ?? 0) + 1
    }
    client.onAnswer = (type, packetId) => this.#onAnswer(type, packetId)
  }

  #onAnswer(type: number, packetId: number): void {
    const exchange = this.#exchange
    const ours = exchange?.id === packetId
    if (type === TYPE_PUBREC && ours) exchange.released = true
    else if (type === TYPE_PUBACK || type === TYPE_PUBCOMP) {
      if (!ours) return
      this.#exchange = null
      this.#onSettled()
    } else this.#unreleased.delete(packetId)
  }

  #settled(): Promise<void> {
    if (this.#exchange === null) return Promise.resolve()
    const settled = new Promise<void>((resolve) => {
      this.#onSettled = resolve
    })
    return withDeadline(settled, `${this.#name}: the answer to a publish`)
  }
}
