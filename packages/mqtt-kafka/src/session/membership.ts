/**
 * Which instances live, and which partitions of the sessions topic are this one's to look after: one membership in a
 * consumer group. What it says is suspicion only; it never decides who owns a client id (R4).
 */
import { type Clock, type Exit, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept, KafkaSignal } from '@zilla-ts/kafka'
import { BackOff } from '../back-off.ts'
import type { SessionParameters } from './parameters.ts'

export interface MembershipListener {
  /** A new generation, or none any more: partitions and members may differ. */
  onMembership(): void
}

const NO_PARTITIONS: readonly number[] = []
const ALIVE = Number.POSITIVE_INFINITY

export class Membership implements StreamHandler<Kafka> {
  readonly #exit: Exit<Kafka>
  readonly #topic: string
  readonly #group: string
  readonly #instance: string
  readonly #clock: Clock
  readonly #parameters: SessionParameters
  readonly #listener: MembershipListener
  readonly #lastWrittenAt: (instance: string) => number
  readonly #backOff: BackOff
  readonly #gone = new Set<string>()
  /** members of an earlier list that are missing from the newest, since when */
  readonly #absentSince = new Map<string, number>()
  #members: ReadonlySet<string> = new Set()
  #partitions: readonly number[] = NO_PARTITIONS
  /** when the first list of this membership came; null: there is none */
  #joinedAt: number | null = null
  #exclusive = false
  #open = false
  #stream: Stream<Kafka> | null = null

  constructor(
    exit: Exit<Kafka>,
    names: { readonly topic: string; readonly group: string; readonly instance: string },
    clock: Clock,
    parameters: SessionParameters,
    lastWrittenAt: (instance: string) => number,
    listener: MembershipListener,
  ) {
    this.#exit = exit
    this.#topic = names.topic
    this.#group = names.group
    this.#instance = names.instance
    this.#clock = clock
    this.#parameters = parameters
    this.#lastWrittenAt = lastWrittenAt
    this.#listener = listener
    this.#backOff = new BackOff(clock, () => this.#connect())
  }

  /** to look after now */
  get partitions(): readonly number[] {
    return this.#partitions
  }

  /** The log belongs to this process: nobody else can live, and there is one clock. */
  get exclusive(): boolean {
    return this.#exclusive
  }

  get absent(): number {
    return this.#absentSince.size
  }

  open(): void {
    if (this.#open) return
    this.#open = true
    this.#connect()
  }

  /** Leaves the group. */
  close(): void {
    this.#open = false
    this.#backOff.cancel()
    const stream = this.#stream
    this.#stream = null
    stream?.end()
    this.#partitions = NO_PARTITIONS
  }

  /** Somebody who knows says that this instance has exited. */
  markGone(instance: string): void {
    this.#gone.add(instance)
    this.#listener.onMembership()
  }

  /**
   * When this instance counts as dead, epoch ms; Infinity while it lives, or while that cannot be known. One that was in no
   * list yet may be about to join: it lives for two session timeouts after its last record.
   */
  deadAt(instance: string): number {
    if (instance === this.#instance) return ALIVE
    if (this.#exclusive || this.#gone.has(instance)) return 0
    if (this.#joinedAt === null || this.#members.has(instance)) return ALIVE
    const { deadAfterMs, sessionTimeoutMs } = this.#parameters
    const absentSince = this.#absentSince.get(instance)
    if (absentSince !== undefined) return absentSince + deadAfterMs
    return Math.max(this.#joinedAt + deadAfterMs, this.#lastWrittenAt(instance) + 2 * sessionTimeoutMs)
  }

  onAccept(info: KafkaAccept): void {
    if (info.kind !== 'group') return
    this.#backOff.reset()
    this.#exclusive = info.exclusive === true
  }

  onData(): void {}

  onSignal(signal: KafkaSignal): void {
    if (signal.kind !== 'assigned') return
    const now = this.#clock.now()
    this.#joinedAt ??= now
    const members = new Set(signal.members)
    for (const instance of this.#members) if (!members.has(instance)) this.#absentSince.set(instance, now)
    for (const instance of members) this.#absentSince.delete(instance)
    this.#forget(now)
    this.#members = members
    this.#partitions = signal.partitions
    this.#listener.onMembership()
  }

  onEnd(): void {
    this.#stream?.end()
    this.onAbort(new StreamError('unavailable', 'the membership was ended'))
  }

  /** Not a member any more: what it holds is not known, and neither is who lives. */
  onAbort(_error: StreamError): void {
    this.#stream = null
    this.#partitions = NO_PARTITIONS
    this.#joinedAt = null
    if (!this.#open) return
    this.#backOff.schedule()
    this.#listener.onMembership()
  }

  #connect(): void {
    const { sessionTimeoutMs } = this.#parameters
    const open = {
      kind: 'group',
      topic: this.#topic,
      id: this.#group,
      member: this.#instance,
      sessionTimeoutMs,
    } as const
    const stream = this.#exit.connect(open, null, this)
    if (stream === null) this.onAbort(new StreamError('unavailable', `${this.#exit.name} refuses`))
    else this.#stream = stream
  }

  /** An instance that is long dead counts so by its last record. */
  #forget(now: number): void {
    const before = now - this.#parameters.endedRetentionMs
    for (const [instance, since] of this.#absentSince) if (since < before) this.#absentSince.delete(instance)
  }
}
