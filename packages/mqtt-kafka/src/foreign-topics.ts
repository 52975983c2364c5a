/**
 * Records of other Kafka programs (`options.foreign`): what they are in MQTT, by Kafka topic. Asked when a log is opened,
 * and per record of those topics only that have an entry.
 */
import type { Catalog, Finding } from '@zilla-ts/engine'
import { checkModel, compileModel, isLenient, type Model, type Validator } from '@zilla-ts/models'
import { isTopicName, type Qos } from '@zilla-ts/mqtt'
import { kafkaNameProblem } from './kafka-name.ts'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { RECORD_NAMES, RECORD_NAMES_TEXT } from './record-topic.ts'
import { Template } from './template.ts'

type Options = NonNullable<MqttKafkaConfig['options']>
type Foreign = Options['foreign']
type Entry = NonNullable<Foreign['topics']>[number]

/** Stands at the end of the name of an entry for all topics that begin so. */
const ANY = '*'
const QOS = { at_most_once: 0, at_least_once: 1 } as const

/** What becomes of a record that does not fit its model. */
export type Unfit = 'reject' | 'drop' | 'pass'

export class ForeignTopic {
  readonly qos: Qos
  /** of the MQTT topic; null: it is the key */
  readonly template: Template | null
  readonly unfit: Unfit
  readonly #name: string
  readonly #model: Model | null
  #validator: Validator | null = null

  constructor(entry: Entry, qos: Qos) {
    this.#name = entry.name
    this.qos = entry.qos === undefined ? qos : QOS[entry.qos]
    this.template = entry.topic === undefined ? null : new Template(entry.topic)
    this.#model = entry.value ?? null
    this.unfit = this.#model !== null && isLenient(this.#model, 'encode') ? 'pass' : entry.unfit
  }

  matches(topic: string): boolean {
    return this.#name.endsWith(ANY) ? topic.startsWith(this.#name.slice(0, -ANY.length)) : topic === this.#name
  }

  /** Throws an error that names the schema which is missing or wrong. */
  compile(catalog: (name: string) => Catalog): void {
    if (this.#model === null) return
    try {
      this.#validator = compileModel(this.#model, catalog)
    } catch (error) {
      throw new Error(`options.foreign.topics, ${this.#name}: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Why a value does not fit; null: it does. */
  check(value: Buffer): string | null {
    return this.#validator?.check(value) ?? null
  }
}

export class ForeignTopics {
  /** of records of topics without an entry */
  readonly qos: Qos
  readonly #topics: readonly ForeignTopic[]

  constructor(foreign: Foreign) {
    this.qos = QOS[foreign.qos]
    this.#topics = (foreign.topics ?? []).map((entry) => new ForeignTopic(entry, this.qos))
  }

  /** Catalogs have their schemas. */
  start(catalog: (name: string) => Catalog): void {
    for (const topic of this.#topics) topic.compile(catalog)
  }

  /** The first entry for a Kafka topic; null: there is none. */
  of(topic: string): ForeignTopic | null {
    return this.#topics.find((one) => one.matches(topic)) ?? null
  }
}

/** `read`: the Kafka topics for messages; null: clients name some. */
export function checkForeign({ topics }: Options, entries: readonly Entry[], read: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = []
  entries.forEach(({ name, topic, value }, at) => {
    const tell = (key: string, code: string, message: string) =>
      findings.push({ level: 'error', path: ['options', 'foreign', 'topics', at, key], code, message })
    const whole = !name.endsWith(ANY)
    const problem = kafkaNameProblem(whole ? name : `${name.slice(0, -ANY.length)}x`)
    if (problem !== null) tell('name', 'kafka-name', problem)
    else if (name === topics.sessions || name === topics.retained) {
      tell('name', 'topics-same', `'${name}' holds no messages of others`)
    } else if (entries.findIndex((entry) => new ForeignTopic(entry, 0).matches(name)) < at) {
      tell('name', 'foreign-topic-hidden', `an entry before it takes all records of '${name}'`)
    } else if (whole && read.size > 0 && !read.has(name)) {
      tell('name', 'foreign-topic-unread', `no route reads '${name}': name it in 'messages' of one`)
    }
    if (topic !== undefined) checkTopic(topic, (code, message) => tell('topic', code, message))
    if (value === undefined) return
    for (const { path, code, message } of checkModel(value)) {
      findings.push({
        level: 'error',
        path: ['options', 'foreign', 'topics', at, 'value', ...path],
        code,
        message,
      })
    }
  })
  return findings
}

function checkTopic(topic: string, tell: (code: string, message: string) => void): void {
  const template = new Template(topic)
  const problem = template.problem(RECORD_NAMES, RECORD_NAMES_TEXT)
  if (problem !== null) tell('template-record-placeholder', problem)
  else if (!isTopicName(template.sample('x'))) tell('topic-template', `'${topic}' makes no MQTT topic names`)
}
