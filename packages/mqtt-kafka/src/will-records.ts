/**
 * The records by which a will is published: the message, and with RETAIN its copy, as a publish of the client would be
 * written, but without `zilla:local`. Asked by the session layer when a will is due.
 */
import { type Clock, StreamError } from '@zilla-ts/engine'
import { isTopicName, LEVELS_MAX, type Will, withinLevels } from '@zilla-ts/mqtt'
import { RecordHeaders } from './record-headers.ts'
import type { RetainedLimit } from './retained-limit.ts'
import type { RetainedOrigin } from './retained-origin.ts'
import type { PublishDestination, Routes } from './routes.ts'
import type { WillRecord } from './session/will-firing.ts'
import { placeOf, type TopicRecords } from './topic-records.ts'

const NOTHING = Buffer.alloc(0)

type Way = Pick<PublishDestination, 'expiry' | 'form'>

/** Where no route takes it. */
const DEFAULT = { topic: null, expiry: true, form: null, personal: false } as const

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
  encode(will: Will, clientId: string): readonly WillRecord[] | StreamError {
    const { routes, records, messagesTopic, retainedTopic, retainedLimit, clock, origin } = this.#context
    const { topic, retain, payload } = will
    if (!isTopicName(topic)) return new StreamError('invalid', 'the topic of the will is no topic name')
    if (retain && !withinLevels(topic, LEVELS_MAX)) {
      return new StreamError('invalid', `the topic of a retained will has more than ${LEVELS_MAX} levels`)
    }
    // Nobody's rights are known any more: the first route that is open to all, or the default topic.
    const published = routes.publish(topic, routes.permitted(null, clientId))
    const to = published instanceof StreamError ? DEFAULT : published
    const timestamp = clock.now()
    const message = this.#record(will, to.topic ?? messagesTopic, to, timestamp)
    // Nobody is left to be told; who is connected has the message all the same.
    if (!retain || to.personal || retainedLimit.refusal(topic, payload.length) !== null) return [message]
    origin.note(topic, timestamp)
    const { key, hash } = records.of(topic)
    const copy = this.#record(will, retainedTopic, { expiry: true, form: to.form }, timestamp)
    const cleared = payload.length > 0 ? null : { tombstone: true, headers: NOTHING, headerCount: 0 }
    return [message, { payload, meta: { ...copy.meta, key, hash, ...cleared } }]
  }

  #record(will: Will, kafkaTopic: string, { expiry, form }: Way, timestamp: number): WillRecord {
    const { topic, qos, payload, properties } = will
    const record = this.#context.records.of(topic)
    const origin = { local: null, kafkaTopic, expiry, form }
    const headers = Buffer.from(this.#headers.encode(record, origin, qos, properties, payload.length))
    const { key, hash } = placeOf(record, form)
    const headerCount = this.#headers.count
    return { payload, meta: { topic: kafkaTopic, key, hash, tombstone: false, timestamp, headers, headerCount } }
  }
}
