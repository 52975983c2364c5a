/**
 * Who takes messages from a log: a client's session, or a group that shares a subscription. Each is live in a partition, or
 * behind in it (`Lag`); a log dispatches to the former as records arrive, its sweeps to the latter.
 */
import type { Arrival } from './arrival.ts'
import type { Lag } from './lag.ts'
import type { MessageLog } from './message-log.ts'
import type { Subscription } from './subscription.ts'

export interface Receiver {
  /** A live message that these subscriptions match. What is borrowed in it holds for the call. */
  take(arrival: Arrival, subscriptions: readonly Subscription[]): void
  /** topic filters it has: what `matching` costs */
  readonly filters: number
  /** Adds to `found` its subscriptions on a log that match the topic. */
  matching(log: MessageLog, topic: string, found: Subscription[]): void
  /** Its being behind in a partition; null: it is live there. */
  behind(log: MessageLog, partition: number): Lag | null
  /** It is behind in some partition of the log. */
  isBehind(log: MessageLog): boolean
  /** The same from a sweep. False: no room, the sweep must come back to this record. */
  takeBehind(arrival: Arrival, subscriptions: readonly Subscription[]): boolean
  /** A record that was sent before and must be sent again. False: no room. */
  resend(arrival: Arrival): boolean
  /** Such a record is not there any more. */
  gone(lag: Lag, offset: number): void
}
