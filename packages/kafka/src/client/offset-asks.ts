/**
 * First and end offsets of topics. All who ask for a topic in one turn share the requests; a later ask is a new question,
 * since it wants the end as of now. Used by `offsets` and `fetch` streams.
 */
import { StreamError, type Task, toStreamError } from '@zilla-ts/engine'
import type { PartitionOffsets } from '../stream.ts'
import type { Admin } from './admin.ts'
import type { Directory, Topic } from './directory.ts'
import type { Isolation } from './fetch-wire.ts'
import { Backoff, type ClientSite } from './site.ts'

/** What is asked of a topic; asks that are alike share an answer. */
export interface OffsetScope {
  /** absent: all that are known now */
  readonly partitions?: readonly number[]
  readonly isolation: Isolation
  /** epoch ms; absent: the first record there is */
  readonly since?: number
}

const ALL: OffsetScope = { isolation: 'committed' }

interface Ask {
  readonly topic: Topic
  readonly scope: OffsetScope
  readonly answer: Promise<PartitionOffsets[]>
  resolve(offsets: PartitionOffsets[]): void
  reject(error: StreamError): void
}

export class OffsetAsks implements Task {
  readonly #site: ClientSite
  readonly #admin: Admin
  readonly #directory: Directory
  #turn = new Map<string, Ask>()

  constructor(site: ClientSite, admin: Admin, directory: Directory) {
    this.#site = site
    this.#admin = admin
    this.#directory = directory
  }

  /** Tries again until the hold time is over, then rejects with `unavailable`. */
  ask(topic: Topic, scope = ALL): Promise<PartitionOffsets[]> {
    const key = `${topic.name}/${scope.isolation}/${scope.partitions?.join() ?? ''}/${scope.since ?? ''}`
    let ask = this.#turn.get(key)
    if (ask === undefined) {
      let resolve: Ask['resolve'] = () => {}
      let reject: Ask['reject'] = () => {}
      const answer = new Promise<PartitionOffsets[]>((onAnswer, onError) => {
        resolve = onAnswer
        reject = onError
      })
      ask = { topic, scope, answer, resolve, reject }
      if (this.#turn.size === 0) this.#site.clock.endOfTurn(this)
      this.#turn.set(key, ask)
    }
    return ask.answer
  }

  run(): void {
    const asks = this.#turn
    this.#turn = new Map()
    for (const ask of asks.values()) {
      this.#attempt(ask.topic, ask.scope).then(ask.resolve, (error) => ask.reject(toStreamError(error, 'unavailable')))
    }
  }

  fault(error: StreamError): void {
    for (const ask of this.#turn.values()) ask.reject(error)
    this.#turn.clear()
  }

  async #attempt(topic: Topic, scope: OffsetScope): Promise<PartitionOffsets[]> {
    const deadline = this.#site.clock.monotonic() + this.#site.settings.holdMs
    const what = `offsets of topic ${topic.name}`
    const backoff = new Backoff()
    const partitions = scope.partitions ?? topic.leaders.map((_leader, partition) => partition)
    for (;;) {
      try {
        const answer = this.#admin.offsets(topic.name, partitions, scope, this.#directory)
        return await this.#site.within(deadline - this.#site.clock.monotonic(), what, answer)
      } catch (error) {
        const reason = toStreamError(error, 'unavailable')
        if (this.#site.stopped) throw new StreamError('shutdown', `${this.#site.name} is stopped`)
        if (reason.code === 'not-authorized') throw reason
        if (this.#site.clock.monotonic() >= deadline) throw this.#site.unavailable(what)
        this.#directory.refresh()
        await this.#site.pause(backoff.next())
      }
    }
  }
}
