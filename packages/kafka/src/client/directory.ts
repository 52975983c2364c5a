/**
 * What is known of the cluster: brokers, and the leaders and configurations of the topics in use. Refreshed by age and on
 * demand, one request for all topics, never faster than the brokers answer. Read by everything that sends; tells the
 * watchers of a topic what changed.
 */
import { type StreamError, type Task, type Timer, toStreamError } from '@zilla-ts/engine'
import type { Addresses, Admin } from './admin.ts'
import { joinAddress } from './connection.ts'
import { isFinal, LEADER_NOT_AVAILABLE, NONE, topicError, UNKNOWN_TOPIC_OR_PARTITION } from './error-codes.ts'
import type { MetadataAnswer } from './kafkajs.ts'
import { Backoff, type ClientSite } from './site.ts'

/** How long a topic in use may be absent (it is remade, or a starting broker does not know it yet) before it is given up. */
const ABSENT_MS = 30_000
/** `max.message.bytes` of a topic whose configuration may not be read: the default of Kafka */
const BATCH_BYTES_DEFAULT = 1_048_588
/** header of a batch and the lengths within a record */
const RECORD_OVERHEAD_BYTES = 96

export class Topic {
  readonly name: string
  /** node id per partition; −1: none now */
  leaders: readonly number[] = []
  /** the largest batch that the topic takes, in bytes */
  batchBytesMax = BATCH_BYTES_DEFAULT
  #configs: ReadonlyMap<string, string> = new Map()

  constructor(name: string) {
    this.name = name
  }

  get partitions(): number {
    return this.leaders.length
  }

  get recordBytesMax(): number {
    return this.batchBytesMax - RECORD_OVERHEAD_BYTES
  }

  get configs(): ReadonlyMap<string, string> {
    return this.#configs
  }

  learnConfigs(configs: ReadonlyMap<string, string>): void {
    this.#configs = configs
    this.batchBytesMax = Number(configs.get('max.message.bytes') ?? BATCH_BYTES_DEFAULT)
  }
}

export interface TopicWatcher {
  /** It is known, or something of it has changed. */
  onTopic(topic: Topic): void
  /** It does not exist, or may not be used. Nothing follows. */
  onTopicLost(error: StreamError): void
}

interface Entry {
  readonly topic: Topic
  readonly watchers: Set<TopicWatcher>
  known: boolean
  configsAt: number
  /** since when the cluster says that it does not exist */
  absentAt: number | null
}

export class Directory implements Addresses, Task {
  readonly #site: ClientSite
  readonly #admin: Admin
  readonly #entries = new Map<string, Entry>()
  readonly #nodes = new Map<number, string>()
  readonly #backoff = new Backoff()
  #controller: number | null = null
  #running = false
  #again = false
  /** the timer is not the one for old age */
  #soon = false
  #timer: Timer | null = null

  constructor(site: ClientSite, admin: Admin) {
    this.#site = site
    this.#admin = admin
  }

  get brokers(): readonly string[] {
    return [...this.#nodes.values()]
  }

  get controller(): string | null {
    return this.#controller === null ? null : (this.#nodes.get(this.#controller) ?? null)
  }

  address(node: number): string {
    const address = this.#nodes.get(node)
    if (address === undefined) throw this.#site.unavailable(`broker ${node} is not known`)
    return address
  }

  leader(name: string, partition: number): string {
    const leader = this.#entries.get(name)?.topic.leaders[partition] ?? -1
    if (leader < 0) throw this.#site.unavailable(`partition ${partition} of topic ${name} has no leader`)
    return this.address(leader)
  }

  /** `onTopic` may be called before this returns. */
  watch(name: string, watcher: TopicWatcher): void {
    let entry = this.#entries.get(name)
    if (entry === undefined) {
      entry = { topic: new Topic(name), watchers: new Set(), known: false, configsAt: -Infinity, absentAt: null }
      this.#entries.set(name, entry)
    }
    entry.watchers.add(watcher)
    if (entry.known) watcher.onTopic(entry.topic)
    else this.#refreshNow()
  }

  unwatch(name: string, watcher: TopicWatcher): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    entry.watchers.delete(watcher)
    if (entry.watchers.size === 0) this.#entries.delete(name)
  }

  /** Asks the cluster again soon: something seen does not agree with what is known. */
  refresh(): void {
    if (this.#running) this.#again = true
    else if (!this.#soon) this.#schedule(this.#backoff.next())
    this.#soon = true
  }

  run(): void {
    this.#timer = null
    this.#soon = false
    this.#running = true
    this.#again = false
    void this.#load().then((settled) => {
      this.#running = false
      if (this.#site.stopped) return
      if (settled) this.#backoff.reset()
      if (this.#again) this.#schedule(settled ? 0 : this.#backoff.next())
      else if (!settled) this.#schedule(this.#backoff.next())
      else if (this.#entries.size > 0) this.#schedule(this.#site.settings.metadataMaxAgeMs)
    })
  }

  fault(): void {
    this.refresh()
  }

  /** A topic nobody knows yet does not wait for the next refresh, unless the cluster is away. */
  #refreshNow(): void {
    if (this.#running) this.#again = true
    else if (this.#site.available || this.#timer === null) this.#schedule(0)
  }

  #schedule(ms: number): void {
    this.#timer?.cancel()
    if (!this.#site.stopped) this.#timer = this.#site.clock.after(ms, this)
  }

  /** False: ask again soon. */
  async #load(): Promise<boolean> {
    const names = [...this.#entries.keys()]
    if (names.length === 0) return true
    try {
      const answer = await this.#admin.metadata(names, this)
      this.#learnBrokers(answer)
      await this.#loadConfigs(answer)
      return this.#learnTopics(answer)
    } catch (error) {
      const { message } = toStreamError(error, 'unavailable')
      this.#site.report.event('debug', 'KAFKA_METADATA_FAILED', message)
      return false
    }
  }

  #learnBrokers(answer: MetadataAnswer): void {
    this.#controller = answer.controllerId
    if (answer.brokers.length === 0) return
    this.#nodes.clear()
    for (const { nodeId, host, port } of answer.brokers) {
      this.#nodes.set(nodeId, joinAddress(host, port))
    }
  }

  async #loadConfigs(answer: MetadataAnswer): Promise<void> {
    const now = this.#site.clock.monotonic()
    const stale = answer.topicMetadata
      .filter(({ topicErrorCode }) => topicErrorCode === NONE)
      .map(({ topic }) => topic)
      .filter((topic) => now - (this.#entries.get(topic)?.configsAt ?? now) >= this.#site.settings.metadataMaxAgeMs)
    if (stale.length === 0) return
    const configs = await this.#admin.configs(stale, this)
    for (const name of stale) {
      const entry = this.#entries.get(name)
      if (entry === undefined) continue
      entry.configsAt = now
      entry.topic.learnConfigs(configs.get(name) ?? entry.topic.configs)
    }
  }

  #learnTopics(answer: MetadataAnswer): boolean {
    let settled = true
    for (const { topic: name, topicErrorCode, partitionMetadata } of answer.topicMetadata) {
      const entry = this.#entries.get(name)
      if (entry === undefined) continue
      if (topicErrorCode === NONE || topicErrorCode === LEADER_NOT_AVAILABLE) {
        const leaders = new Array<number>(partitionMetadata.length).fill(-1)
        for (const { partitionId, leader } of partitionMetadata) leaders[partitionId] = leader
        if (leaders.length === 0 || leaders.includes(-1)) settled = false
        if (leaders.length > 0) this.#learnTopic(entry, leaders)
      } else if (
        isFinal(topicErrorCode) ||
        (topicErrorCode === UNKNOWN_TOPIC_OR_PARTITION && !this.#mayReturn(entry))
      ) {
        this.#lose(entry, topicError(topicErrorCode, name))
      } else {
        settled = false
      }
    }
    return settled
  }

  #learnTopic(entry: Entry, leaders: readonly number[]): void {
    entry.known = true
    entry.absentAt = null
    entry.topic.leaders = leaders
    for (const watcher of [...entry.watchers]) watcher.onTopic(entry.topic)
  }

  #mayReturn(entry: Entry): boolean {
    if (!entry.known) return false
    const now = this.#site.clock.monotonic()
    entry.absentAt ??= now
    // Whatever returns under this name need not be what it was.
    entry.configsAt = -Infinity
    return now - entry.absentAt < ABSENT_MS
  }

  #lose(entry: Entry, error: StreamError): void {
    this.#entries.delete(entry.topic.name)
    this.#site.complaints.denied(error)
    for (const watcher of [...entry.watchers]) watcher.onTopicLost(error)
  }

  stop(error: StreamError): void {
    this.#timer?.cancel()
    for (const entry of [...this.#entries.values()]) this.#lose(entry, error)
  }
}
