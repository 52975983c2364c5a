/** The counters of one mqtt-kafka binding, looked up once so that paths of messages only add. */
import type { Counter, Reporter } from '@zilla-ts/engine'

export class Counters {
  /** publishes stored, retained copy included */
  readonly published: Counter
  /** publishes that can never be stored, or that were given up without an answer */
  readonly refused: Counter
  readonly delivered: Counter
  /** QoS 0 deliveries to clients that had no room */
  readonly dropped: Counter
  /** messages whose expiry interval had passed before they could be delivered */
  readonly expired: Counter
  /** records of foreign programs that no MQTT client can receive */
  readonly skipped: Counter
  /** records of foreign programs that do not fit their model, delivered or not */
  readonly unfit: Counter
  /** records that Kafka removed before they were read */
  readonly lost: Counter
  /** times that a client, or a group, had no room for a QoS 1 or 2 message and was left to a sweep */
  readonly fellBehind: Counter
  /** retained messages and subscriptions that a limit has refused */
  readonly limitedRetained: Counter
  readonly limitedSubscriptions: Counter

  constructor(report: Reporter) {
    this.published = report.counter('mqtt.kafka.published')
    this.refused = report.counter('mqtt.kafka.refused')
    this.delivered = report.counter('mqtt.kafka.delivered')
    this.dropped = report.counter('mqtt.kafka.dropped')
    this.expired = report.counter('mqtt.kafka.expired')
    this.skipped = report.counter('mqtt.kafka.skipped')
    this.unfit = report.counter('mqtt.kafka.unfit')
    this.lost = report.counter('mqtt.kafka.lost')
    this.fellBehind = report.counter('mqtt.kafka.fell.behind')
    this.limitedRetained = report.counter('mqtt.kafka.limited.retained')
    this.limitedSubscriptions = report.counter('mqtt.kafka.limited.subscriptions')
  }
}
