/**
 * A message on its way to subscribers: built once from a record, shared by all receivers, never changed. It remembers its
 * own wire encodings, so that a fan-out of 1,000 encodes once.
 */
import type { Properties } from './codec/properties.ts'
import type { Qos } from './stream.ts'

const NO_IDS: readonly number[] = []

export class Message {
  readonly topic: string
  /** publication properties without message expiry, alias and identifiers; null when there is none */
  readonly properties: Properties | null
  /** epoch ms from which it may not be delivered any more; Infinity: never */
  readonly expiresAt: number
  #payload: Buffer
  #borrowed: boolean
  readonly #plain: (Delivery | undefined)[] = []

  /** `borrowed`: the payload lives in somebody else's buffer until the end of this turn. */
  constructor(topic: string, payload: Buffer, properties: Properties | null, expiresAt: number, borrowed: boolean) {
    this.topic = topic
    this.#payload = payload
    this.properties = properties
    this.expiresAt = expiresAt
    this.#borrowed = borrowed
  }

  get payload(): Buffer {
    return this.#payload
  }

  /** Makes the payload its own. Whoever keeps a message past the call calls this first. */
  detach(): this {
    if (this.#borrowed) {
      this.#payload = Buffer.from(this.#payload)
      this.#borrowed = false
    }
    return this
  }

  /** The shared delivery for receivers without subscription identifiers. */
  delivery(qos: Qos, retain: boolean): Delivery {
    const at = retain ? qos + 3 : qos
    let delivery = this.#plain[at]
    if (delivery === undefined) {
      delivery = new Delivery(this, qos, retain, NO_IDS)
      this.#plain[at] = delivery
    }
    return delivery
  }
}

/** A message as one receiver gets it. */
export class Delivery {
  readonly message: Message
  /** effective QoS: the smaller of published and granted */
  readonly qos: Qos
  readonly retain: boolean
  /** of every matching subscription that has one (MQTT 5.0 §3.3.4) */
  readonly subscriptionIds: readonly number[]
  constructor(message: Message, qos: Qos, retain: boolean, subscriptionIds: readonly number[]) {
    this.message = message
    this.qos = qos
    this.retain = retain
    this.subscriptionIds = subscriptionIds
  }
}
