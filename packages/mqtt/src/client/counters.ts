/** What the mqtt client counts, over all its sessions. Kept by reference, so that the hot path only adds. */
import type { Counter, Reporter } from '@zilla-ts/engine'

export class Counters {
  /** sessions accepted by the broker and not ended yet */
  readonly active: Counter
  /** sessions accepted by the broker */
  readonly opened: Counter
  /** sessions that the broker refused, or that could not be asked for */
  readonly refused: Counter
  /** sessions ended because of what the broker sent */
  readonly protocolErrors: Counter
  /** PUBLISHes to the broker */
  readonly publishSent: Counter
  /** PUBLISHes that the broker has refused and those that could not be sent to it */
  readonly publishRefused: Counter
  /** PUBLISHes from the broker */
  readonly deliveriesReceived: Counter
  /** of these, QoS 0 for which the client had no room */
  readonly deliveriesDropped: Counter

  constructor(report: Reporter) {
    this.active = report.counter('mqtt.client.sessions.active')
    this.opened = report.counter('mqtt.client.sessions.opened')
    this.refused = report.counter('mqtt.client.sessions.refused')
    this.protocolErrors = report.counter('mqtt.client.protocol.errors')
    this.publishSent = report.counter('mqtt.client.publish.sent')
    this.publishRefused = report.counter('mqtt.client.publish.refused')
    this.deliveriesReceived = report.counter('mqtt.client.deliveries.received')
    this.deliveriesDropped = report.counter('mqtt.client.deliveries.dropped')
  }
}
