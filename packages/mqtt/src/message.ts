/**
 * A message on its way to subscribers: built once from a record, shared by all receivers, never changed. It remembers its
 * own wire encodings, so that a fan-out of 1,000 encodes once.
 */
import type { Properties } from './codec/properties.ts'
import { PublishTemplate } from './codec/publish-template.ts'
import type { Outgoing, Qos, Version } from './stream.ts'

const NO_IDS: readonly number[] = []
const SECONDS_MAX = 0xffff_ffff

export class Message {
  readonly topic: string
  /** publication properties without message expiry, alias and identifiers; null when there is none */
  readonly properties: Properties | null
  /** epoch ms from which it may not be delivered any more; Infinity: never */
  readonly expiresAt: number
  #payload: Buffer
  #borrowed: boolean
  readonly #plain: (Delivery | undefined)[] = []
  /** encodings without subscription identifiers, by version and presence of a packet identifier */
  readonly #templates: (PublishTemplate | undefined)[] = []
  /** the last encoding with identifiers: most receivers of one message use the same few */
  #identified: { readonly template: PublishTemplate; readonly delivery: Delivery } | null = null

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

  /**
   * The PUBLISH for one receiver. The buffer is shared: copy it out before the next call. `packetId` counts with QoS 1 and
   * 2 only. A 3.1.1 receiver gets no properties.
   */
  encode(delivery: Delivery, version: Version, packetId: number, dup: boolean, nowMs: number): Buffer {
    const template = this.#template(delivery, version)
    return template.patch(delivery.qos, delivery.retain, dup, packetId, remainingSeconds(this.expiresAt, nowMs))
  }

  /** Bytes of that PUBLISH, to be held against the receiver's Maximum Packet Size [MQTT-3.1.2-24]. */
  encodedSize(delivery: Delivery, version: Version): number {
    return this.#template(delivery, version).buffer.length
  }

  #template(delivery: Delivery, version: Version): PublishTemplate {
    if (version === 5 && delivery.subscriptionIds.length > 0) return this.#identifiedTemplate(delivery)
    const at = (version === 5 ? 2 : 0) + (delivery.qos > 0 ? 1 : 0)
    let template = this.#templates[at]
    if (template === undefined) {
      template = this.#newTemplate(delivery, version, NO_IDS)
      this.#templates[at] = template
    }
    return template
  }

  #identifiedTemplate(delivery: Delivery): PublishTemplate {
    const last = this.#identified
    if (last !== null && sameIds(last.delivery, delivery)) return last.template
    const template = this.#newTemplate(delivery, 5, delivery.subscriptionIds)
    this.#identified = { template, delivery }
    return template
  }

  #newTemplate(delivery: Delivery, version: Version, ids: readonly number[]): PublishTemplate {
    return new PublishTemplate(this, version, delivery.qos > 0, this.expiresAt !== Number.POSITIVE_INFINITY, ids)
  }
}

/**
 * The Message Expiry Interval to send: what was received less the whole seconds waited [MQTT-3.3.2-6], that is, the rest
 * rounded up. So a message that is not expired never says 0, and hops of less than a second cost nothing. One delivered
 * again after its time, which §3.3.2.3.3 allows once delivery has begun, says 1.
 */
function remainingSeconds(expiresAt: number, nowMs: number): number {
  if (expiresAt === Number.POSITIVE_INFINITY) return 0
  return Math.min(Math.max(Math.ceil((expiresAt - nowMs) / 1000), 1), SECONDS_MAX)
}

function sameIds(a: Delivery, b: Delivery): boolean {
  if (a.qos > 0 !== b.qos > 0) return false
  const ids = a.subscriptionIds
  const others = b.subscriptionIds
  return ids === others || (ids.length === others.length && ids.every((id, i) => id === others[i]))
}

/** A message as one receiver gets it. */
export class Delivery {
  readonly message: Message
  /** effective QoS: the smaller of published and granted */
  readonly qos: Qos
  readonly retain: boolean
  /** of every matching subscription that has one (MQTT 5.0 §3.3.4) */
  readonly subscriptionIds: readonly number[]
  #plain: Outgoing | null = null
  constructor(message: Message, qos: Qos, retain: boolean, subscriptionIds: readonly number[]) {
    this.message = message
    this.qos = qos
    this.retain = retain
    this.subscriptionIds = subscriptionIds
  }

  /** As it goes out with QoS 0, the same for everybody. */
  get plain(): Outgoing {
    this.#plain ??= { delivery: this, packetId: 0, dup: false }
    return this.#plain
  }
}
