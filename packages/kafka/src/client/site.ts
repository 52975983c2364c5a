/**
 * What all parts of one kafka client share: its clock, reporter, way to dial, settings, and whether the brokers can be
 * reached. Made by `KafkaClient`.
 */
import type { Socket } from 'node:net'
import { type Clock, type Reporter, StreamError, type Timer } from '@zilla-ts/engine'
import { Complaints } from './complaints.ts'
import type { WireSasl } from './kafkajs.ts'
import { Refusals } from './refusals.ts'

export interface ClientSettings {
  /** how long a record may wait for its answer, and a stream for the topic it asks for */
  readonly holdMs: number
  /** how long offsets, describe and create may take */
  readonly askMs: number
  readonly metadataMaxAgeMs: number
  /** bytes of records that wait for an answer, over all streams */
  readonly produceBytesMax: number
}

const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 2_000

/** Delays between attempts: 100 ms doubling to 2 s, each between half and all of it, so that many clients do not knock in step. */
export class Backoff {
  #nextMs = BACKOFF_MIN_MS

  next(): number {
    const delayMs = this.#nextMs
    this.#nextMs = Math.min(delayMs * 2, BACKOFF_MAX_MS)
    return delayMs * (0.5 + Math.random() / 2)
  }

  reset(): void {
    this.#nextMs = BACKOFF_MIN_MS
  }
}

export class ClientSite {
  readonly name: string
  readonly clock: Clock
  readonly report: Reporter
  readonly settings: ClientSettings
  /** `host:port` as in the document; none: the exit knows the address */
  readonly servers: readonly string[]
  /** what connections show; null: the brokers want nothing */
  readonly sasl: WireSasl | null
  readonly complaints: Complaints
  readonly refusals: Refusals
  /** all that are open */
  readonly lanes = new Set<{ close(error: StreamError): void }>()
  readonly #dial: (address: string | null) => Socket | null
  readonly #pauses = new Set<() => void>()
  readonly #listeners = new Set<(available: boolean) => void>()
  #connections = 0
  #available = true
  #stopped = false

  constructor(
    name: string,
    clock: Clock,
    report: Reporter,
    settings: ClientSettings,
    servers: readonly string[],
    dial: (address: string | null) => Socket | null,
    sasl: WireSasl | null = null,
  ) {
    this.name = name
    this.clock = clock
    this.report = report
    this.settings = settings
    this.servers = servers
    this.#dial = dial
    this.sasl = sasl
    this.complaints = new Complaints(clock, report)
    this.refusals = new Refusals(clock, this.complaints)
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** false once no connection is open and none could be opened */
  get available(): boolean {
    return this.#available
  }

  /** The servers, for messages. */
  get where(): string {
    return this.servers.length > 0 ? this.servers.join(', ') : 'the address of its exit'
  }

  /** Address null: the one the exit knows. */
  dial(address: string | null): Socket | null {
    return this.#dial(address)
  }

  onAvailable(listener: (available: boolean) => void): void {
    this.#listeners.add(listener)
  }

  connectionOpened(): void {
    this.#connections++
    this.#setAvailable(true)
  }

  connectionClosed(): void {
    this.#connections--
  }

  /** Every broker known was tried. Whoever loses one asks for the others, so that this is found out soon. */
  noneAnswered(error: StreamError): void {
    if (this.#connections > 0 || this.#stopped) return
    if (this.#available) this.report.event('warn', 'KAFKA_UNAVAILABLE', `no Kafka broker answers: ${error.message}`)
    this.#setAvailable(false)
  }

  #setAvailable(available: boolean): void {
    if (available === this.#available) return
    this.#available = available
    if (available) this.report.event('info', 'KAFKA_AVAILABLE', 'a Kafka broker answers again')
    for (const listener of this.#listeners) listener(available)
  }

  /** Resolves after `ms`, or at once when the client stops: look at `stopped`. */
  pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      let timer: Timer | null = null
      const over = () => {
        timer?.cancel()
        this.#pauses.delete(over)
        resolve()
      }
      this.#pauses.add(over)
      timer = this.clock.after(ms, { run: over, fault: over })
    })
  }

  /** The answer, or a rejection with `unavailable` after `ms`. */
  within<T>(ms: number, what: string, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(ms, { run: () => reject(this.unavailable(what)), fault: reject })
      answer.finally(() => timer.cancel()).then(resolve, reject)
    })
  }

  unavailable(what: string): StreamError {
    return new StreamError('unavailable', `${what}: Kafka at ${this.where} does not answer`)
  }

  stop(): void {
    this.#stopped = true
    for (const over of [...this.#pauses]) over()
  }
}
