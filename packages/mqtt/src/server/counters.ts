/** What the mqtt server counts, over all its connections. Kept by reference, so that the hot path only adds. */
import type { Counter, Reporter } from '@zilla-ts/engine'

export class Counters {
  /** connections with a CONNECT accepted and not ended yet */
  readonly active: Counter
  /** CONNECTs accepted */
  readonly opened: Counter
  /** CONNECTs refused, and connections that never sent one */
  readonly refused: Counter
  /** connections ended because of what the client sent or failed to send */
  readonly protocolErrors: Counter
  /** PUBLISHes from clients */
  readonly publishReceived: Counter
  /** of these, not stored and never to be */
  readonly publishRefused: Counter
  /** PUBLISHes to clients */
  readonly deliveriesSent: Counter
  /** not sent: QoS 0 for a client that reads slowly or went away, and what is larger than the client takes */
  readonly deliveriesDropped: Counter
  /** not sent: their Message Expiry Interval was over */
  readonly deliveriesExpired: Counter
  /** not sent: the client may not receive the topic, or not any more */
  readonly deliveriesForbidden: Counter
  /** of sessions that went on: routes or limits have changed */
  readonly subscriptionsEnded: Counter
  /** times that a client was not read because it sent faster than it may */
  readonly paced: Counter

  constructor(report: Reporter) {
    this.active = report.counter('mqtt.connections.active')
    this.opened = report.counter('mqtt.connections.opened')
    this.refused = report.counter('mqtt.connections.refused')
    this.protocolErrors = report.counter('mqtt.protocol.errors')
    this.publishReceived = report.counter('mqtt.publish.received')
    this.publishRefused = report.counter('mqtt.publish.refused')
    this.deliveriesSent = report.counter('mqtt.deliveries.sent')
    this.deliveriesDropped = report.counter('mqtt.deliveries.dropped')
    this.deliveriesExpired = report.counter('mqtt.deliveries.expired')
    this.deliveriesForbidden = report.counter('mqtt.deliveries.forbidden')
    this.subscriptionsEnded = report.counter('mqtt.subscriptions.ended')
    this.paced = report.counter('mqtt.limited.pauses')
  }
}
