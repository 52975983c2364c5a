/**
 * Holds one client to its rates by not reading it: TCP makes it wait, nothing is lost, and other clients are not kept from
 * being served. Telling it off instead (0x96) would end a connection, with its will and all, for what back-pressure does as
 * well, and a 3.1.1 client cannot be told. Meanwhile its keep-alive rests, as with every `Wait`.
 */
import type { Clock, StreamError, Task, Timer } from '@zilla-ts/engine'
import type { MqttLimits } from '../mqtt.config.ts'
import { Rate } from './rate.ts'

/** Beyond what is owed, so that a client at its limit is read in pieces worth waking up for. */
const SLACK_MS = 20
/** Seconds' worth of SUBSCRIBEs at once: a client that comes back may have many. */
const SUBSCRIBE_SECONDS = 10

/** The rates of every client of a server; null: no limit. */
export class PaceRates {
  readonly publishes: Rate | null
  readonly bytes: Rate | null
  readonly subscribes: Rate

  constructor(limits: MqttLimits) {
    const { publishesPerSecond, bytesPerSecond, subscribesPerSecond } = limits
    this.publishes = publishesPerSecond === undefined ? null : new Rate(publishesPerSecond, 1)
    this.bytes = bytesPerSecond === undefined ? null : new Rate(bytesPerSecond, 1)
    this.subscribes = new Rate(subscribesPerSecond, SUBSCRIBE_SECONDS)
  }
}

/** The connection, as it is paced. */
export interface Paced {
  hold(): void
  release(): void
  abort(): void
}

export class Pacer implements Task {
  readonly #rates: PaceRates
  readonly #clock: Clock
  readonly #paced: Paced
  #publishes = 0
  #bytes = 0
  #subscribes = 0
  #timer: Timer | null = null

  constructor(rates: PaceRates, clock: Clock, paced: Paced) {
    this.#rates = rates
    this.#clock = clock
    this.#paced = paced
  }

  /** A PUBLISH. `now`: monotonic ms at which it has arrived. */
  publish(now: number): void {
    const { publishes } = this.#rates
    if (publishes === null) return
    this.#publishes = publishes.take(this.#publishes, 1, now)
    if (publishes.owedMs(this.#publishes, now) > 0) this.#hold(now)
  }

  /** Bytes from the socket. */
  receive(count: number, now: number): void {
    const { bytes } = this.#rates
    if (bytes === null) return
    this.#bytes = bytes.take(this.#bytes, count, now)
    if (bytes.owedMs(this.#bytes, now) > 0) this.#hold(now)
  }

  /** A SUBSCRIBE or UNSUBSCRIBE: each filter may cost a record, a question to Kafka and a replay. */
  subscribe(filters: number, now: number): void {
    const { subscribes } = this.#rates
    this.#subscribes = subscribes.take(this.#subscribes, filters, now)
    if (subscribes.owedMs(this.#subscribes, now) > 0) this.#hold(now)
  }

  /** The connection is over. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  run(): void {
    this.#timer = null
    const now = this.#clock.monotonic()
    // More may have been owed since the timer was set, by what had been read already.
    if (this.#owedMs(now) > 0) this.#wait(now)
    else this.#paced.release()
  }

  fault(_error: StreamError): void {
    this.#paced.abort()
  }

  #hold(now: number): void {
    if (this.#timer !== null) return
    this.#wait(now)
    this.#paced.hold()
  }

  #wait(now: number): void {
    this.#timer = this.#clock.after(Math.ceil(this.#owedMs(now)) + SLACK_MS, this)
  }

  #owedMs(now: number): number {
    const { publishes, bytes, subscribes } = this.#rates
    return Math.max(
      publishes?.owedMs(this.#publishes, now) ?? 0,
      bytes?.owedMs(this.#bytes, now) ?? 0,
      subscribes.owedMs(this.#subscribes, now),
      0,
    )
  }
}
