/**
 * Clients that do nothing wrong, each at one engine: nothing that others do may close their connections or keep their
 * messages from them. Only while their own engine is down or paused, and shortly after, anything goes.
 */
import type { Packet } from 'mqtt-packet'
import type { Connection } from './connection.ts'
import type { Host } from './host.ts'
import { Peer } from './peer.ts'
import type { Stage } from './stage.ts'
import type { Workload } from './workload.ts'

const PERIOD_MS = 1_000
const KEEPALIVE_SECONDS = 20
const LATE_MS = 15_000
/** an end that is noticed a moment after its cause */
const NOTICE_MS = 1_000

export class HealthyClient implements Workload {
  readonly #stage: Stage
  readonly #host: Host
  readonly #peer: Peer
  readonly #topic: string
  #timer: NodeJS.Timeout | null = null
  #isSubscribed = false
  #isFinishing = false
  /** ms of `performance.now()` when the message was sent that has not come back; null: it has */
  #sentAt: number | null = null
  #number = 0

  constructor(stage: Stage, host: Host, name: string) {
    this.#stage = stage
    this.#host = host
    this.#topic = `healthy/${name}`
    const options = { id: name, version: 5, durable: false, host, keepaliveSeconds: KEEPALIVE_SECONDS } as const
    this.#peer = new Peer(stage, options, this)
  }

  start(): void {
    this.#peer.start()
    this.#timer = setInterval(() => this.#tick(), PERIOD_MS)
  }

  finish(): Promise<void> {
    this.#isFinishing = true
    if (this.#timer !== null) clearInterval(this.#timer)
    return this.#peer.stop()
  }

  onOpen(connection: Connection): void {
    this.#isSubscribed = false
    this.#sentAt = null
    connection.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: this.#topic, qos: 1 }] })
  }

  onClosed(): void {
    if (this.#isFinishing) return
    const at = performance.now()
    // A process that has died is noticed after its connections.
    setTimeout(() => {
      const { findings } = this.#stage
      if (this.#host.disturbances.since(at)) findings.count('healthy clients lost with an engine')
      else findings.violate('P8', `${this.#peer.id}: its connection was closed`)
    }, NOTICE_MS)
  }

  onPacket(connection: Connection, packet: Packet): void {
    if (packet.cmd === 'suback') this.#isSubscribed = true
    if (packet.cmd === 'disconnect' && !this.#isFinishing) {
      this.#stage.findings.count(`healthy clients told to go with 0x${packet.reasonCode?.toString(16)}`)
    }
    if (packet.cmd !== 'publish') return
    connection.send({ cmd: 'puback', messageId: packet.messageId! })
    if (this.#sentAt === null || String(packet.payload) !== String(this.#number)) return
    const { findings } = this.#stage
    findings.count('round trips of healthy clients')
    if (!this.#disturbedSince(this.#sentAt))
      findings.sample('round trip of a healthy client, ms', performance.now() - this.#sentAt)
    this.#sentAt = null
  }

  #tick(): void {
    const { connection } = this.#peer
    if (connection === null || connection.ended) return
    if (this.#sentAt !== null) {
      connection.send({ cmd: 'pingreq' })
      const lateMs = performance.now() - this.#sentAt
      if (lateMs < LATE_MS || this.#disturbedSince(this.#sentAt)) return
      this.#stage.findings.violate('P8', `${this.#peer.id}: no message for ${Math.round(lateMs)} ms`)
      this.#sentAt = null
    }
    if (!this.#isSubscribed) return
    this.#sentAt = performance.now()
    this.#number++
    const messageId = 2 + (this.#number % 60_000)
    const payload = String(this.#number)
    connection.send({ cmd: 'publish', topic: this.#topic, payload, qos: 1, retain: false, dup: false, messageId })
  }

  #disturbedSince(from: number): boolean {
    return this.#host.disturbances.since(from) || this.#stage.storageDisturbances.since(from)
  }
}
