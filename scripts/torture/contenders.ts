/**
 * Connections that take one client id from each other, at any engine: the one before must be closed, and get nothing any
 * more, once the next has its CONNACK.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from './connection.ts'
import type { Random } from './random.ts'
import type { Stage } from './stage.ts'
import type { Workload } from './workload.ts'

const CLOSE_MS = 10_000
/** what was on its way when CONNACK came may arrive for so long */
const LATE_MS = 2_000

export class Contenders implements Workload {
  readonly #stage: Stage
  readonly #id: string
  readonly #random: Random
  #isFinishing = false
  #current: Connection | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(stage: Stage, id: string) {
    this.#stage = stage
    this.#id = id
    this.#random = stage.random.fork(id)
  }

  start(): void {
    this.#running = this.#run()
  }

  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#running
    this.#current?.disconnect()
  }

  async #run(): Promise<void> {
    while (!this.#isFinishing) {
      await this.#take()
      await delay(this.#random.int(50, 800))
    }
  }

  async #take(): Promise<void> {
    const host = this.#random.pick(this.#stage.hosts)
    const options = { id: this.#id, version: 5, clean: this.#random.chance(0.2), expirySeconds: 300 } as const
    const topic = `contended/${this.#id}`
    let lostAt = Number.POSITIVE_INFINITY
    const next = new Connection(this.#stage, host, options, {
      onOpen: (connection) => {
        connection.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] })
        connection.send({ cmd: 'publish', topic, payload: 'x', qos: 0, retain: false, dup: false })
      },
      onPacket: (_connection, packet) => {
        if (packet.cmd !== 'publish' || performance.now() < lostAt + LATE_MS) return
        if (this.#stage.disturbedSince(lostAt)) return
        this.#stage.findings.violate(
          'P7',
          `${this.#id}: served ${Math.round(performance.now() - lostAt)} ms after it was taken over`,
        )
      },
      onClosed: () => {},
    })
    const connack = await next.opened
    if ((connack?.returnCode ?? connack?.reasonCode) !== 0) {
      next.cut('reset')
      return
    }
    const before = this.#current
    this.#current = next
    if (before !== null) void this.#expectClosed(before)
    this.#onTaken()
    this.#onTaken = () => {
      lostAt = performance.now()
    }
  }

  /** tells the connection before that it is over */
  #onTaken: () => void = () => {}

  async #expectClosed(before: Connection): Promise<void> {
    const { findings } = this.#stage
    const at = performance.now()
    findings.count('takeovers of a client id')
    await Promise.race([before.closed, delay(CLOSE_MS)])
    if (before.ended) return
    before.cut('reset')
    if (!this.#stage.disturbedSince(at))
      findings.violate('P7', `${this.#id}: still open ${CLOSE_MS} ms after it was taken over`)
  }
}
