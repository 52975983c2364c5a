/**
 * A message as it came from the log of a messages topic, with what decides who gets it. A log has one, used for record after
 * record; whoever must wait keeps a copy.
 */
import type { Message, Qos } from '@zilla-ts/mqtt'
import type { MessageLog } from './message-log.ts'

export class Arrival {
  readonly log: MessageLog
  readonly message: Message
  /** QoS it was published with */
  readonly qos: Qos
  readonly partition: number
  readonly offset: number
  /** epoch ms; −1 none */
  readonly timestamp: number
  /** as stored; borrowed, unless kept */
  readonly headers: Buffer
  /** client id of the publisher; null: unknown, or nobody asked */
  readonly local: string | null
  /** it is known to have been published with RETAIN */
  readonly retained: boolean
  #kept: Arrival | null = null

  constructor(
    log: MessageLog,
    message: Message,
    qos: Qos,
    partition: number,
    offset: number,
    timestamp: number,
    headers: Buffer,
    local: string | null,
    retained: boolean,
  ) {
    this.log = log
    this.message = message
    this.qos = qos
    this.partition = partition
    this.offset = offset
    this.timestamp = timestamp
    this.headers = headers
    this.local = local
    this.retained = retained
  }

  /** what holding it costs, in bytes */
  get cost(): number {
    return this.message.payload.length + this.headers.length + KEPT_BYTES
  }

  /** A copy that owns its bytes, one for all who keep it. */
  keep(): Arrival {
    if (this.#kept === null) {
      const { log, message, qos, partition, offset, timestamp, headers, local, retained } = this
      message.detach()
      this.#kept = new Arrival(log, message, qos, partition, offset, timestamp, Buffer.from(headers), local, retained)
    }
    return this.#kept
  }
}

/** Objects around a message that is held. */
const KEPT_BYTES = 256
