/**
 * The answers to `offsets`, `describe` and `create`: asked of the cluster again until they succeed, can never succeed, or
 * their time is over. Used by the client.
 */
import { StreamError, toStreamError } from '@zilla-ts/engine'
import type { KafkaAccept, KafkaOpen } from '../stream.ts'
import type { Admin } from './admin.ts'
import { type Directory, Topic } from './directory.ts'
import { NONE, topicError, UNKNOWN_TOPIC_OR_PARTITION } from './error-codes.ts'
import type { OffsetAsks } from './offset-asks.ts'
import { Backoff, type ClientSite } from './site.ts'
import { TopicWatch } from './topic-watch.ts'

type Create = Extract<KafkaOpen, { kind: 'create' }>
type Describe = Extract<KafkaOpen, { kind: 'describe' }>
type Offsets = Extract<KafkaOpen, { kind: 'offsets' }>

export class Questions {
  readonly #site: ClientSite
  readonly #admin: Admin
  readonly #directory: Directory
  readonly #asks: OffsetAsks

  constructor(site: ClientSite, admin: Admin, directory: Directory, asks: OffsetAsks) {
    this.#site = site
    this.#admin = admin
    this.#directory = directory
    this.#asks = asks
  }

  async offsets({ topic: name, isolation = 'committed', since }: Offsets): Promise<KafkaAccept> {
    const watch = new TopicWatch(this.#directory, name)
    try {
      const asked = watch.found.then((topic) =>
        this.#asks.ask(topic, since === undefined ? { isolation } : { isolation, since }),
      )
      const partitions = await this.#site.within(this.#site.settings.askMs, `offsets of topic ${name}`, asked)
      return { kind: 'offsets', partitions }
    } finally {
      watch.end()
    }
  }

  async describe({ topic: name, operations }: Describe): Promise<KafkaAccept> {
    const { partitions, configs, recordBytesMax } = await this.#repeat(`topic ${name}`, () => this.#load(name))
    const answer = { kind: 'describe', partitions, configs, maxRecordBytes: recordBytesMax } as const
    if (operations !== true) return answer
    const allowed = await this.#repeat(`topic ${name}`, () => this.#admin.operations([name], this.#directory))
    const known = allowed.get(name)
    return known === undefined ? answer : { ...answer, operations: known }
  }

  /** Resolves when a broker has answered. */
  async reach(): Promise<void> {
    await this.#repeat('the cluster', () => this.#admin.operations([], this.#directory))
  }

  async create(wanted: Create): Promise<KafkaAccept> {
    const what = `creation of topic ${wanted.topic}`
    const created = await this.#repeat(what, () => this.#admin.create(wanted.topic, wanted, this.#directory))
    // Made is not yet usable: brokers learn of a topic one after the other.
    await this.#repeat(what, async () => {
      try {
        return await this.#load(wanted.topic)
      } catch (error) {
        const reason = toStreamError(error, 'unavailable')
        throw reason.code === 'not-found' ? this.#site.unavailable(what) : reason
      }
    })
    return { kind: 'create', created }
  }

  async #load(name: string): Promise<Topic> {
    const answer = await this.#admin.metadata([name], this.#directory)
    const found = answer.topicMetadata.find(({ topic }) => topic === name)
    const code = found?.topicErrorCode ?? UNKNOWN_TOPIC_OR_PARTITION
    if (found === undefined || code !== NONE) throw topicError(code, name)
    const topic = new Topic(name)
    topic.leaders = found.partitionMetadata.map(({ leader }) => leader)
    if (topic.leaders.includes(-1)) throw this.#site.unavailable(`topic ${name}`)
    const configs = (await this.#admin.configs([name], this.#directory)).get(name)
    if (configs !== undefined) topic.learnConfigs(configs)
    return topic
  }

  async #repeat<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const deadline = this.#site.clock.monotonic() + this.#site.settings.askMs
    const backoff = new Backoff()
    for (;;) {
      try {
        return await this.#site.within(deadline - this.#site.clock.monotonic(), what, attempt())
      } catch (error) {
        const reason = toStreamError(error, 'unavailable')
        if (this.#site.stopped) throw new StreamError('shutdown', `${this.#site.name} is stopped`)
        if (reason.code !== 'unavailable' && reason.code !== 'timeout') {
          this.#site.complaints.denied(reason)
          throw reason
        }
        // Whoever asks learns at once that nobody is there: a start does not wait for a Kafka that is away.
        if (!this.#site.available || this.#site.clock.monotonic() >= deadline) {
          throw new StreamError(
            'unavailable',
            `${what}: Kafka at ${this.#site.where} does not answer: ${reason.message}`,
            { cause: reason },
          )
        }
        await this.#site.pause(backoff.next())
      }
    }
  }
}
