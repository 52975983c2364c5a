/**
 * The subscribe stream of one session: PUBLISHes of the broker become deliveries with its packet identifiers, and what the
 * client answers goes back. While the client has no room, or has no subscribe stream yet, QoS 1 and 2 wait here: bounded in
 * number by the Receive Maximum that the broker was told, and in bytes because the broker is not read any further.
 */
import { type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { AckPacket } from '../codec/packets.ts'
import type { Properties } from '../codec/properties.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import { Delivery, Message } from '../message.ts'
import type { Mqtt, MqttSignal, Outgoing, PublishMeta } from '../stream.ts'
import type { Link } from './link.ts'

const NO_IDS: readonly number[] = []

interface Held {
  readonly outgoing: Outgoing
  /** of the whole packet */
  readonly bytes: number
}

type Acknowledge = Extract<MqttSignal, { readonly kind: 'acknowledge' }>
type Release = Extract<MqttSignal, { readonly kind: 'pubrel' }>

export class Deliveries implements StreamHandler<Mqtt> {
  readonly #link: Link
  readonly #receiveMaximum: number
  #stream: Stream<Mqtt> | null = null
  readonly #held: Held[] = []
  #heldBytes = 0
  /** PUBRELs for a client without subscribe stream */
  readonly #releases: Release[] = []
  /** handed on and not acknowledged: QoS 1 until PUBACK, QoS 2 until PUBCOMP */
  readonly #open = new Set<number>()
  /** QoS 2 that the neighbour could not send to its 3.1.1 client: the rest of the exchange is ours */
  readonly #given = new Set<number>()

  constructor(link: Link, receiveMaximum: number) {
    this.#link = link
    this.#receiveMaximum = receiveMaximum
  }

  /** One stream at a time: nothing tells which of two a message is for. */
  join(stream: Stream<Mqtt>): this | null {
    if (this.#stream !== null) return null
    this.#stream = stream
    this.#link.requests.join(stream)
    stream.accept({ kind: 'subscribe' })
    return this
  }

  // The neighbour

  /** Nothing but signals comes this way. */
  onData(): void {}

  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'subscribe') this.#link.requests.subscribe(signal.subscriptions, signal.userProperties)
    else if (signal.kind === 'unsubscribe') this.#link.requests.unsubscribe(signal.filters)
    else if (signal.kind === 'acknowledge') this.#acknowledge(signal)
  }

  onWritable(): void {
    for (let first = this.#releases.shift(); first !== undefined; first = this.#releases.shift()) {
      this.#stream?.signal(first)
    }
    this.#flush()
  }

  onEnd(): void {
    this.#stream?.end()
  }

  onAbort(error: StreamError): void {
    this.#link.lost(error)
  }

  // The broker

  /** `payload` is borrowed for the call. */
  onPublish(meta: PublishMeta, payload: Buffer): void {
    const { client, version } = this.#link
    client.counters.deliveriesReceived.value++
    const waiting = this.#held.length > 0
    if (meta.qos === 0) {
      if (!waiting && this.#stream?.writable) this.#stream.write(payload, this.#outgoing(meta, payload))
      else client.counters.deliveriesDropped.value++
      return
    }
    if (
      version === 5 &&
      this.#open.size + this.#held.length >= this.#receiveMaximum &&
      !this.#open.has(meta.packetId)
    ) {
      const text = 'more deliveries unanswered than Receive Maximum ([MQTT-3.3.4-9])'
      this.#link.fail(ReasonCode.ReceiveMaximumExceeded, text)
      return
    }
    const outgoing = this.#outgoing(meta, payload)
    if (!waiting && this.#deliverable) this.#deliver(outgoing)
    else this.#hold(outgoing)
  }

  onPubrel({ packetId, reasonCode }: AckPacket): void {
    if (this.#given.delete(packetId)) {
      this.#link.sendAck('pubcomp', packetId, ReasonCode.Success)
    } else if (this.#stream !== null) {
      this.#stream.signal({ kind: 'pubrel', packetId, reasonCode })
    } else if (this.#releases.length >= this.#receiveMaximum) {
      this.#link.fail(ReasonCode.ReceiveMaximumExceeded, 'more PUBRELs unanswered than Receive Maximum (§4.9)')
    } else {
      this.#releases.push({ kind: 'pubrel', packetId, reasonCode })
    }
  }

  abort(error: StreamError): void {
    this.#stream?.abort(error)
  }

  #acknowledge({ type, packetId, reasonCode }: Acknowledge): void {
    const failed = reasonCode >= ReasonCode.UnspecifiedError
    if (type === 'pubrec' && failed && this.#link.version === 4) this.#given.add(packetId)
    this.#link.sendAck(type, packetId, reasonCode)
    if (type !== 'pubrec' || failed) this.#open.delete(packetId)
    this.#flush()
  }

  /** A 3.1.1 broker knows no Receive Maximum: it is kept for it. */
  get #deliverable(): boolean {
    return this.#stream?.writable === true && this.#open.size < this.#receiveMaximum
  }

  #deliver(outgoing: Outgoing): void {
    this.#open.add(outgoing.packetId)
    this.#stream?.write(outgoing.delivery.message.payload, outgoing)
  }

  #hold(outgoing: Outgoing): void {
    const { client, version } = this.#link
    const { delivery } = outgoing
    const bytes = delivery.message.detach().encodedSize(delivery, version)
    this.#held.push({ outgoing, bytes })
    this.#heldBytes += bytes
    if (this.#heldBytes <= client.limits.queueBytes) return
    if (this.#stream !== null) this.#link.pause()
    // Nobody is there who would make room, and the answers to what the client publishes must not wait behind it.
    else this.#link.lost(new StreamError('quota', 'messages wait for a client that does not subscribe'))
  }

  #flush(): void {
    const held = this.#held
    while (held.length > 0 && this.#deliverable) {
      const { outgoing, bytes } = held.shift()!
      this.#heldBytes -= bytes
      this.#deliver(outgoing)
    }
    if (this.#heldBytes <= this.#link.client.limits.queueBytes >> 1) this.#link.resume()
  }

  #outgoing(meta: PublishMeta, payload: Buffer): Outgoing {
    const { topic, qos, retain, properties, packetId, dup } = meta
    const seconds = properties?.messageExpirySeconds
    const expiresAt = seconds === undefined ? Number.POSITIVE_INFINITY : this.#link.client.clock.now() + seconds * 1_000
    const message = new Message(topic, payload, publication(properties), expiresAt, true)
    const delivery = new Delivery(message, qos, retain, properties?.subscriptionIds ?? NO_IDS)
    return { delivery, packetId, dup }
  }
}

/** The properties that a message keeps: expiry and identifiers are told apart from it. */
function publication(properties: Properties | null): Properties | null {
  if (properties?.messageExpirySeconds === undefined && properties?.subscriptionIds === undefined) return properties
  const { messageExpirySeconds: _expiry, subscriptionIds: _ids, ...kept } = properties
  return Object.keys(kept).length === 0 ? null : kept
}
