/**
 * What publishes and wills must be like, by topic (`options.topics`). Made when the server starts, and only if there is
 * something to check; asked for each PUBLISH. Never throws, and holds no more topics than its bound.
 */
import type { Catalog, Counter, EventLimiter, Finding, Reporter } from '@zilla-ts/engine'
import { checkModel, compileModel, isLenient, type Model, type Validator } from '@zilla-ts/models'
import type { Properties } from '../codec/properties.ts'
import type { MqttTopic } from '../mqtt.config.ts'
import { filterMatchesTopic, isTopicFilter } from '../topic.ts'

/** Topics whose entry is remembered, and the longest of them: others are looked for each time. */
const REMEMBERED_MAX = 1_024
const REMEMBERED_LENGTH_MAX = 256
/** Of a topic in a log line. */
const SHOWN_LENGTH_MAX = 256

/** The part of a PUBLISH or of a will that decides what it must be like. */
export interface Checked {
  readonly topic: string
  readonly retain: boolean
  readonly properties: Properties | null
}

/** What the schema of the document cannot say of `options.topics`. */
export function checkTopics(topics: readonly MqttTopic[] = []): Finding[] {
  return topics.flatMap(({ name, content, 'user-properties': properties = {} }, at) => {
    const path = ['options', 'topics', at]
    const models: [path: (string | number)[], model: Model][] = Object.entries(properties).map(([key, model]) => [
      [...path, 'user-properties', key],
      model,
    ])
    if (content !== undefined) models.unshift([[...path, 'content'], content])
    const findings: Finding[] = models.flatMap(([place, model]) =>
      checkModel(model).map((finding) => ({ ...finding, level: 'error', path: [...place, ...finding.path] })),
    )
    if (!isTopicFilter(name)) {
      const message = 'not a topic filter: + stands alone in its level, # alone in the last'
      findings.push({ level: 'error', path: [...path, 'name'], code: 'topic-filter-invalid', message })
    }
    return findings
  })
}

/** One model in its place. */
class Content {
  readonly #validator: Validator
  readonly #lenient: boolean
  /** names the content in answers: `the payload` */
  readonly #what: string

  constructor(model: Model, what: string, catalog: (name: string) => Catalog) {
    this.#validator = compileModel(model, catalog)
    this.#lenient = isLenient(model, 'decode')
    this.#what = what
  }

  /** Null: it may pass. */
  check(bytes: Buffer, models: TopicModels, topic: string): string | null {
    const reason = this.#validator.check(bytes)
    if (reason === null) return null
    const text = `${this.#what} is not as its model says: ${reason}`
    if (!this.#lenient) return text
    models.passed(topic, text)
    return null
  }
}

/** One entry of `options.topics`. */
class TopicModel {
  readonly filter: string
  readonly #content: Content | null
  /** by name of the user property; null: none is looked at */
  readonly #properties: ReadonlyMap<string, Content> | null

  constructor({ name, content, 'user-properties': properties = {} }: MqttTopic, catalog: (name: string) => Catalog) {
    this.filter = name
    this.#content = content === undefined ? null : new Content(content, 'the payload', catalog)
    const named = Object.entries(properties).map(([key, model]) => {
      return [key, new Content(model, `the user property ${key}`, catalog)] as const
    })
    this.#properties = named.length === 0 ? null : new Map(named)
  }

  check({ topic, retain, properties }: Checked, payload: Buffer, models: TopicModels): string | null {
    // Nothing, retained: clears what is retained [MQTT-3.3.1-6], which no model may forbid.
    const clears = retain && payload.length === 0
    const unfit = this.#content === null || clears ? null : this.#content.check(payload, models, topic)
    const users = properties?.userProperties
    if (unfit !== null || this.#properties === null || users === undefined) return unfit
    for (const [name, value] of users) {
      const reason = this.#properties.get(name)?.check(Buffer.from(value), models, topic) ?? null
      if (reason !== null) return reason
    }
    return null
  }
}

export class TopicModels {
  readonly #topics: readonly TopicModel[]
  /** by topic; null: none matches */
  readonly #remembered = new Map<string, TopicModel | null>()
  readonly #events: EventLimiter
  /** publishes and wills that do not fit a lenient model, and passed */
  readonly #passed: Counter

  /** Throws an error that names the entry whose schema is missing or wrong. */
  constructor(
    topics: readonly MqttTopic[],
    catalog: (name: string) => Catalog,
    report: Reporter,
    events: EventLimiter,
  ) {
    this.#topics = topics.map((topic) => {
      try {
        return new TopicModel(topic, catalog)
      } catch (error) {
        throw new Error(`options.topics, ${topic.name}: ${(error as Error).message}`, { cause: error })
      }
    })
    this.#events = events
    this.#passed = report.counter('mqtt.publish.unfit')
  }

  /** Why the message must be refused; null: it need not. */
  check(checked: Checked, payload: Buffer): string | null {
    const { topic } = checked
    let model = this.#remembered.get(topic)
    if (model === undefined) {
      model = this.#find(topic)
      this.#remember(topic, model)
    }
    return model === null ? null : model.check(checked, payload, this)
  }

  /** A lenient model let something pass that does not fit. */
  passed(topic: string, reason: string): void {
    this.#passed.value++
    this.#events.event('warn', 'MQTT_PUBLISH_UNFIT', reason, { topic: topic.slice(0, SHOWN_LENGTH_MAX) })
  }

  #find(topic: string): TopicModel | null {
    for (const model of this.#topics) if (filterMatchesTopic(model.filter, topic)) return model
    return null
  }

  /** Clients choose topics: one that takes many pushes out the oldest. */
  #remember(topic: string, model: TopicModel | null): void {
    if (topic.length > REMEMBERED_LENGTH_MAX) return
    const remembered = this.#remembered
    if (remembered.size >= REMEMBERED_MAX) {
      for (const oldest of remembered.keys()) {
        remembered.delete(oldest)
        break
      }
    }
    remembered.set(topic, model)
  }
}
