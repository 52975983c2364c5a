/**
 * One QoS 1 or 2 delivery of a session, from the moment it is due until the client has acknowledged it. It remembers where
 * its record is, not its bytes: MQTT sends again only after a reconnect, and then the record is read again.
 */
import type { Delivery, Qos } from '@zilla-ts/mqtt'

/** Who must know that a delivery is settled, or comes back unsettled: a shared subscription. */
export interface FlightOwner {
  /** Nobody else may get it any more. */
  onSettled(flight: Flight): void
  /** Its client is gone without it. */
  onReturned(flight: Flight): void
}

/**
 * - `queued` waits for room; `storing` QoS 2, its packet identifier is being stored; `stored` may be sent
 * - `sent` waits for PUBACK or PUBREC; `received` PUBREC is being stored; `releasing` PUBREL is sent, waits for PUBCOMP
 */
export type FlightState = 'queued' | 'storing' | 'stored' | 'sent' | 'received' | 'releasing'

export class Flight {
  /** Kafka topic of the record */
  readonly source: string
  readonly partition: number
  readonly offset: number
  readonly qos: Qos
  readonly owner: FlightOwner | null
  /** MQTT topic, where it is a retained message replayed */
  readonly retainedTopic: string | null
  /** 0 until it is given one */
  packetId = 0
  state: FlightState = 'queued'
  /** what is to be sent; null when it has been sent, or is still to be read again */
  delivery: Delivery | null
  /** it was sent on an earlier connection */
  dup = false

  constructor(
    source: string,
    partition: number,
    offset: number,
    qos: Qos,
    delivery: Delivery | null,
    owner: FlightOwner | null,
    retainedTopic: string | null,
  ) {
    this.source = source
    this.partition = partition
    this.offset = offset
    this.qos = qos
    this.delivery = delivery
    this.owner = owner
    this.retainedTopic = retainedTopic
  }
}
