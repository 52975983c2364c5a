/**
 * The Kafka topics that the document names: whether all are there and as they must be. Starts with the binding, goes on in
 * the background as long as one is not; each kind of trouble with a topic is reported once.
 */
import type { Clock, Reporter, StreamError } from '@zilla-ts/engine'
import {
  type CheckedTopic,
  type CreateTopics,
  type Description,
  deleteRetentionMs,
  type Finding,
  TopicCheck,
} from './topic-check.ts'

export class Topics {
  readonly #report: Reporter
  readonly #onReady: () => void
  readonly #checks: readonly TopicCheck[]
  readonly #good = new Map<string, Description>()
  readonly #told = new Map<string, string>()
  readonly #answered = new Set<string>()
  #wrong: StreamError | null = null
  #onAnswered: (() => void) | null = null

  /** `onReady`: every topic is as it must be. */
  constructor(
    topics: readonly CheckedTopic[],
    clock: Clock,
    report: Reporter,
    create: CreateTopics,
    onReady: () => void,
  ) {
    this.#report = report
    this.#onReady = onReady
    this.#checks = topics.map(
      (topic) => new TopicCheck(topic, clock, create, (check, finding) => this.#onFinding(check, finding)),
    )
  }

  get ready(): boolean {
    return this.#good.size === this.#checks.length
  }

  /** what somebody must change first; null: nothing known */
  get wrong(): StreamError | null {
    return this.#wrong
  }

  /** there has been an answer, of whatever kind, for every topic */
  get answered(): boolean {
    return this.#answered.size === this.#checks.length
  }

  /** the largest record that every topic for messages takes, in bytes */
  get maxRecordBytes(): number {
    let bytes = Number.POSITIVE_INFINITY
    for (const { topic } of this.#checks) {
      const description = this.#good.get(topic.name)
      if (topic.role !== 'sessions' && description !== undefined) bytes = Math.min(bytes, description.maxRecordBytes)
    }
    return bytes
  }

  /** One of the topics replaces the producers' timestamps by its own. */
  get stampsOnAppend(): boolean {
    for (const { configs } of this.#good.values()) {
      if (configs.get('message.timestamp.type') === 'LogAppendTime') return true
    }
    return false
  }

  /** how long a tombstone of the sessions topic can be read at least, ms */
  get tombstoneMs(): number {
    let ms = Number.POSITIVE_INFINITY
    for (const { topic } of this.#checks) {
      const description = this.#good.get(topic.name)
      if (topic.role === 'sessions' && description !== undefined) ms = Math.min(ms, deleteRetentionMs(description))
    }
    return ms
  }

  /** `onAnswered`: `answered` or `wrong` has changed. */
  open(onAnswered: () => void): void {
    this.#onAnswered = onAnswered
    for (const check of this.#checks) check.ask()
  }

  close(): void {
    this.#onAnswered = null
    for (const check of this.#checks) check.stop()
  }

  #onFinding(check: TopicCheck, finding: Finding): void {
    const { name, role } = check.topic
    this.#answered.add(name)
    if (finding.kind === 'good') {
      this.#good.set(name, finding.description)
      this.#onGood(name, role, finding.description)
    } else {
      if (finding.kind === 'wrong') this.#wrong ??= finding.error
      this.#tellOnce(name, finding.kind, finding.error.message)
    }
    this.#onAnswered?.()
    if (finding.kind !== 'good' || !this.ready) return
    this.#tellCopies()
    this.#onReady()
  }

  #onGood(name: string, role: string, description: Description): void {
    const before = this.#told.get(name)
    if (before !== undefined) {
      this.#report.event('info', 'MQTT_KAFKA_TOPIC_READY', `${role} topic '${name}' is there now`, { topic: name })
    }
    const policy = description.configs.get('cleanup.policy') ?? ''
    if (role !== 'retained' || policy.split(',').includes('compact')) return
    const message = `retained topic '${name}' has cleanup.policy=${policy}: retained messages vanish with its retention`
    this.#report.event('warn', 'MQTT_KAFKA_TOPIC_NOT_COMPACTED', message, { topic: name })
  }

  /** Once for all topics, and not as a warning: who has one broker cannot have it otherwise. */
  #tellCopies(): void {
    const alone = [...this.#good].filter(([, { configs }]) => configs.get('min.insync.replicas') === '1')
    if (alone.length === 0) return
    const topics = alone.map(([name]) => name)
    const message = `min.insync.replicas=1: what is acknowledged may be on one broker only (${topics.join(', ')})`
    this.#report.event('info', 'MQTT_KAFKA_ONE_COPY', message, { topics })
  }

  /** While Kafka is away each answer names another broker, which is no news. */
  #tellOnce(name: string, kind: 'wrong' | 'away', message: string): void {
    const told = kind === 'away' ? kind : message
    if (this.#told.get(name) === told) return
    this.#told.set(name, told)
    this.#report.event(kind === 'wrong' ? 'error' : 'warn', 'MQTT_KAFKA_TOPIC_UNUSABLE', message, { topic: name })
  }
}
