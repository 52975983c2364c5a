/**
 * One topic filter of one client on one Kafka topic. Lives in the trie of that topic from SUBSCRIBE to UNSUBSCRIBE, or to
 * the end of the client's stream.
 */
import type { Qos, Subscription as Request } from '@zilla-ts/mqtt'
import type { Ends } from './log-positions.ts'
import type { MessageLog } from './message-log.ts'
import type { Receiver } from './receiver.ts'
import type { Source } from './routes.ts'
import type { Seam } from './seam.ts'
import type { TopicPattern } from './topic-pattern.ts'

const NO_IDS: readonly number[] = []
const NO_SEAMS: readonly Seam[] = []

export class Subscription {
  readonly receiver: Receiver
  readonly log: MessageLog
  readonly request: Request
  readonly filter: string
  /** granted */
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** the identifier, as a delivery carries it; empty: none */
  readonly ids: readonly number[]
  /** what the routes admit; null: everything */
  readonly patterns: readonly TopicPattern[] | null
  /** the Kafka topic is this client's: what is retained is not from there */
  readonly personal: boolean
  /** the same filter on another Kafka topic */
  readonly next: Subscription | null
  /** its SUBSCRIBE is not answered, or retained messages are still being replayed: live ones wait */
  starting = true
  /** it is known where it begins */
  begun = false
  /** records below these offsets were there before SUBSCRIBE; null: none of them can come any more */
  from: Ends | null = null
  /** what was replayed to it and may still come live */
  seams: readonly Seam[] = NO_SEAMS
  /** it is in the trie */
  active = true

  /** `source`: as the routes say it; null: everything of the log. */
  constructor(
    receiver: Receiver,
    log: MessageLog,
    request: Request,
    qos: Qos,
    source: Source | null,
    next: Subscription | null,
  ) {
    this.receiver = receiver
    this.log = log
    this.request = request
    this.filter = request.filter
    this.qos = qos
    this.noLocal = request.noLocal
    this.retainAsPublished = request.retainAsPublished
    this.ids = request.subscriptionId === 0 ? NO_IDS : [request.subscriptionId]
    this.patterns = source?.patterns ?? null
    this.personal = source?.destination.personal ?? false
    this.next = next
  }

  /** Whether the routes let the client see this topic through this filter. */
  admits(topic: string): boolean {
    return this.patterns === null || this.patterns.some((pattern) => pattern.match(topic) !== null)
  }

  /** Nothing of its start is left that a record could meet. */
  get settled(): boolean {
    return this.from === null && this.seams.length === 0
  }

  /** Whether this record is older than the subscription. */
  isBefore(partition: number, offset: number): boolean {
    return this.from !== null && offset < (this.from[partition] ?? 0)
  }

  /** Drops what no record can need any more. Not while records that were dispatched earlier still wait. */
  settle(): void {
    if (this.from !== null && this.log.hasRead(this.from) && !this.receiver.isBehind(this.log)) this.from = null
    if (this.seams.length > 0) this.seams = this.seams.filter((seam) => seam.size > 0)
  }
}
