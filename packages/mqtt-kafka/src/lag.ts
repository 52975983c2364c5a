/**
 * One receiver that is behind the live reader in one partition: because it resumed, or had no room when a message came. A
 * few numbers, whatever waits for it: the messages are in the log.
 */
import type { MessageLog } from './message-log.ts'
import type { Receiver } from './receiver.ts'
import type { SweepCursor } from './sweep-cursor.ts'

/**
 * - `parked` the receiver has no room; `waiting` it has, and a cursor will come; `served` a cursor brings every record;
 * - `over` it has everything below `next`, which the live reader has still to reach
 */
export type LagState = 'parked' | 'waiting' | 'served' | 'over'

export class Lag {
  readonly receiver: Receiver
  readonly log: MessageLog
  readonly partition: number
  /** the next record it needs; while it is served the cursor knows better */
  next: number
  /** messages below it have been sent: only `wanted` ones are needed again */
  from: number
  state: LagState = 'parked'
  /** the cursor that serves it, or that it waits for */
  cursor: SweepCursor | null = null
  /** offsets below `from` whose records are to be sent again; empty mostly */
  readonly wanted = new Set<number>()

  constructor(receiver: Receiver, log: MessageLog, partition: number, next: number) {
    this.receiver = receiver
    this.log = log
    this.partition = partition
    this.next = next
    this.from = next
  }

  /** Everything below it has been dealt with. */
  get position(): number {
    return this.state === 'served' && this.cursor !== null ? this.cursor.position : this.next
  }

  /** Where new messages begin: what a resumed session would go on from. */
  get resumeAt(): number {
    return Math.max(this.position, this.from)
  }

  /** A record that was sent before must be sent again. Not while it is served. */
  want(offset: number): void {
    this.wanted.add(offset)
    if (offset < this.next) this.next = offset
  }
}
