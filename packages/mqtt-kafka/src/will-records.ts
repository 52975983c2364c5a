/**
 * The records by which a will is published: the message, and with RETAIN its copy, as a publish of the client would be
 * written, but without `zilla:local`. Asked by the session layer when a will is due.
 */
import { type Clock, StreamError } from '@zilla-ts/engine'
import { isTopicName, LEVELS_MAX, type Will, withinLevels } from '@zilla-ts/mqtt'
import { RecordHeaders } from './record-headers.ts'
import type { RetainedLimit } from './retained-limit.ts'
import type { RetainedOrigin } from './retained-origin.ts'
import type { Routes } from './routes.ts'
import type { WillRecord } from './session/will-firing.ts'
import type { TopicRecords } from './topic-records.ts'

const NOTHING = Buffer.alloc(0)

export interface WillContext {
  readonly clock: Clock
  readonly routes: Routes
  readonly records: TopicRecords
  readonly origin: RetainedOrigin
  readonly messagesTopic: string
  readonly retainedTopic: string
  readonly retainedLimit: RetainedLimit
}

export class WillRecords {
  readonly #context: WillContext
  readonly #headers = new RecordHeaders()

  constructor(context: WillContext) {
    this.#context = context
  }

  /** In the order they are written; an error: it can never be published. */
  encode(will: Will): readonly WillRecord[] | StreamError {
    const { routes, messagesTopic, retainedTopic, retainedLimit, clock, origin } = this.#context
    const { topic, retain, payload } = will
    if (!isTopicName(topic)) return new StreamError('invalid', 'the topic of the will is no topic name')
    if (retain && !withinLevels(topic, LEVELS_MAX)) {
      return new StreamError('invalid', `the topic of a retained will has more than ${LEVELS_MAX} levels`)
    }
    // Nobody's rights are known any more: the first route that is open to all, or the default topic.
    const to = routes.publish(topic, routes.permitted(null))
    const kafkaTopic = to instanceof StreamError ? messagesTopic : to.topic
    const timestamp = clock.now()
    const message = this.#record(will, kafkaTopic, to instanceof StreamError || to.expiry, timestamp)
    // Nobody is left to be told; who is connected has the message all the same.
    if (!retain || retainedLimit.refusal(topic, payload.length) !== null) return [message]
    origin.note(topic, timestamp)
    const copy = this.#record(will, retainedTopic, true, timestamp)
    if (payload.length > 0) return [message, copy]
    return [message, { payload, meta: { ...copy.meta, tombstone: true, headers: NOTHING, headerCount: 0 } }]
  }

  #record(will: Will, kafkaTopic: string, expiry: boolean, timestamp: number): WillRecord {
    const { topic, qos, payload, properties } = will
    const record = this.#context.records.of(topic)
    const origin = { local: null, kafkaTopic, expiry }
    const headers = Buffer.from(this.#headers.encode(record, origin, qos, properties, payload.length))
    const { key, hash } = record
    const headerCount = this.#headers.count
    return { payload, meta: { topic: kafkaTopic, key, hash, tombstone: false, timestamp, headers, headerCount } }
  }
}
