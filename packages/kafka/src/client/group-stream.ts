/**
 * One `group` stream: a member that joins, says that it is alive, and joins again at every change, until its opener ends. As
 * leader it divides the partitions. Made by the client for each open. A broker that is away ends nothing: it tries on, each
 * time a little later.
 */
import { type Stream, StreamError, type StreamHandler, toStreamError } from '@zilla-ts/engine'
import {
  decodeAssignment,
  decodeSubscription,
  dividePartitions,
  encodeAssignment,
  encodeSubscription,
} from '../codec/membership.ts'
import type { Kafka, KafkaOpen } from '../stream.ts'
import type { Directory, Topic, TopicWatcher } from './directory.ts'
import {
  coordinatedError,
  ILLEGAL_GENERATION,
  MEMBER_ID_REQUIRED,
  NONE,
  REBALANCE_IN_PROGRESS,
  UNKNOWN_MEMBER_ID,
} from './error-codes.ts'
import type { GroupLink } from './group-requests.ts'
import type { JoinGroupAnswer } from './kafkajs.ts'
import { Backoff, type ClientSite } from './site.ts'

export type GroupOpen = Extract<KafkaOpen, { kind: 'group' }>

const HEARTBEATS_PER_TIMEOUT = 3

/** The member has to join again. */
class Rejoin extends Error {}

export class GroupStream implements StreamHandler<Kafka>, TopicWatcher {
  readonly #stream: Stream<Kafka>
  readonly #open: GroupOpen
  readonly #site: ClientSite
  readonly #directory: Directory
  readonly #link: GroupLink
  readonly #onOver: (stream: GroupStream) => void
  readonly #backoff = new Backoff()
  /** as the coordinator calls it; empty: not yet */
  #memberId = ''
  #partitions = 0
  /** so many partitions were divided by this member; 0: it is not the leader */
  #divided = 0
  #accepted = false
  #over = false
  #left: Promise<void> | null = null

  constructor(
    stream: Stream<Kafka>,
    open: GroupOpen,
    site: ClientSite,
    directory: Directory,
    link: GroupLink,
    onOver: (stream: GroupStream) => void,
  ) {
    this.#stream = stream
    this.#open = open
    this.#site = site
    this.#directory = directory
    this.#link = link
    this.#onOver = onOver
  }

  onTopic(topic: Topic): void {
    const first = this.#partitions === 0
    this.#partitions = topic.partitions
    if (first) this.#run().catch((error) => this.#site.report.fault('kafka.group', error))
  }

  onTopicLost(error: StreamError): void {
    this.fail(error)
  }

  async #run(): Promise<void> {
    while (!this.#finished) {
      let joined = false
      try {
        const generation = await this.#join()
        joined = true
        await this.#live(generation)
      } catch (error) {
        if (this.#finished) return
        // Whoever was a member and hears of a change joins at once.
        if (joined && error instanceof Rejoin) continue
        if (this.#isFinal(error)) return
        await this.#site.pause(this.#backoff.next())
      }
    }
  }

  get #finished(): boolean {
    return this.#over || this.#site.stopped
  }

  /** Whether the error ended the stream: it is none that may be gone later. */
  #isFinal(error: unknown): boolean {
    if (error instanceof Rejoin) return false
    const reason = toStreamError(error, 'unavailable')
    this.#site.report.event('debug', 'KAFKA_GROUP_DELAYED', `${this.#what}: ${reason.message}`)
    if (reason.code === 'unavailable' || reason.code === 'timeout') return false
    this.#site.complaints.denied(reason)
    this.fail(reason)
    return true
  }

  /** Takes part in one rebalance; the generation it made. */
  async #join(): Promise<number> {
    const { topic, member } = this.#open
    const metadata = encodeSubscription(topic, member)
    this.#divided = 0
    let joined = await this.#link.join(this.#memberId, metadata)
    if (joined.errorCode === MEMBER_ID_REQUIRED) {
      this.#memberId = joined.memberId
      if (this.#finished) throw new Rejoin()
      joined = await this.#link.join(this.#memberId, metadata)
    }
    this.#check(joined.errorCode)
    this.#memberId = joined.memberId
    if (this.#finished) throw new Rejoin()
    const assignments = joined.leaderId === joined.memberId ? this.#divide(joined) : []
    const { errorCode, memberAssignment } = await this.#link.sync(joined.generationId, joined.memberId, assignments)
    this.#check(errorCode)
    const assignment = memberAssignment && decodeAssignment(memberAssignment)
    if (assignment === null) throw new StreamError('refused', `${this.#what} is led by another program`)
    if (this.#finished) throw new Rejoin()
    this.#backoff.reset()
    if (!this.#accepted) this.#stream.accept({ kind: 'group' })
    this.#accepted = true
    this.#stream.signal({ kind: 'assigned', generation: joined.generationId, ...assignment })
    return joined.generationId
  }

  /** What each member gets, as the leader says it. One that cannot be read gets nothing. */
  #divide({ members }: JoinGroupAnswer): { memberId: string; memberAssignment: Buffer }[] {
    const names = new Map<string, string>()
    for (const { memberId, memberMetadata } of members) {
      const name = memberMetadata && decodeSubscription(memberMetadata)
      if (name !== null) names.set(memberId, name)
    }
    this.#divided = this.#partitions
    const shares = dividePartitions(this.#partitions, [...names.keys()])
    const all = [...names.values()].sort()
    return members.map(({ memberId }) => {
      const assignment = { partitions: shares.get(memberId) ?? [], members: all }
      return { memberId, memberAssignment: encodeAssignment(this.#open.topic, assignment) }
    })
  }

  /** Heartbeats until something changes. Without an answer it goes on: the coordinator keeps a member for a while. */
  async #live(generation: number): Promise<void> {
    const intervalMs = this.#open.sessionTimeoutMs / HEARTBEATS_PER_TIMEOUT
    for (;;) {
      await this.#site.pause(intervalMs)
      if (this.#finished) return
      // The topic has grown, or is another: the leader divides again.
      if (this.#divided !== 0 && this.#divided !== this.#partitions) return
      const { errorCode } = await this.#heartbeat(generation)
      this.#check(errorCode)
    }
  }

  async #heartbeat(generation: number): Promise<{ readonly errorCode: number }> {
    for (;;) {
      try {
        const answer = await this.#link.heartbeat(generation, this.#memberId)
        if (!this.#link.moved(answer.errorCode)) {
          this.#backoff.reset()
          return answer
        }
      } catch (error) {
        const { message } = toStreamError(error, 'unavailable')
        this.#site.report.event('debug', 'KAFKA_GROUP_DELAYED', `${this.#what}: ${message}`)
      }
      await this.#site.pause(this.#backoff.next())
      if (this.#finished) throw new Rejoin()
    }
  }

  /** Throws what a code means, unless it is well. */
  #check(code: number): void {
    if (code === NONE) return
    if (code === UNKNOWN_MEMBER_ID) this.#memberId = ''
    if (code === UNKNOWN_MEMBER_ID || code === ILLEGAL_GENERATION || code === REBALANCE_IN_PROGRESS) throw new Rejoin()
    this.#link.moved(code)
    throw (
      coordinatedError(code, this.#what) ??
      new StreamError('unavailable', `${this.#what} cannot be joined now (Kafka error ${code})`)
    )
  }

  get #what(): string {
    return `group ${this.#open.id}`
  }

  onData(): void {
    throw new Error('a group takes no data')
  }

  onEnd(): void {
    void this.leave().then(() => {
      this.#stream.end()
      this.#onOver(this)
    })
  }

  onAbort(): void {
    void this.leave().then(() => this.#onOver(this))
  }

  fail(error: StreamError): void {
    this.#stream.abort(error)
    this.onAbort()
  }

  /** Gives the membership up; resolves when the coordinator knows, or can not be told. Safe twice. */
  leave(): Promise<void> {
    this.#left ??= this.#leave()
    return this.#left
  }

  async #leave(): Promise<void> {
    this.#over = true
    this.#directory.unwatch(this.#open.topic, this)
    await this.#link.leave(this.#memberId)
  }
}
