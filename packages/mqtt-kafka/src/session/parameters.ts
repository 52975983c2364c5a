/**
 * The times and sizes of session ownership, with the bounds they must keep to each other. Made once per binding; tests give
 * their own. Nothing here decides who owns what: times only say when to ask.
 */

export interface SessionParameters {
  /** without a successful fetch for so long, a partition's clients are served nothing */
  readonly leaseMs: number
  /** an event loop that stood still for longer must read to the end before it goes on */
  readonly stallMs: number
  /** how long an owner may take to let go; more than `leaseMs` + 0.5 s */
  readonly graceMs: number
  readonly sessionTimeoutMs: number
  /** an instance is dead when it has been missing from the newest list of members for so long */
  readonly deadAfterMs: number
  /** a produce handed to the kernel lands or dies within; more than `leaseMs` + the produce time limit */
  readonly settleMs: number
  /** an owner may overtake a claim that is older than this */
  readonly claimTtlMs: number
  /** a connection that owns nothing by then is refused */
  readonly connectMs: number
  /** largest difference of two hosts' clocks that is tolerated */
  readonly skewMs: number
  /** how long the keys of an ended session stay; far more than any record can be late */
  readonly endedRetentionMs: number
  readonly transactionTimeoutMs: number
  /** wills that share a transaction */
  readonly willBatch: number
  /** states that may be written late are written after this */
  readonly touchMs: number
  /** a map that was cut off for longer may have missed tombstones; half of `delete.retention.ms` where that is less */
  readonly staleMs: number
}

export const SESSION_PARAMETERS: SessionParameters = {
  leaseMs: 5_000,
  stallMs: 2_000,
  graceMs: 6_000,
  sessionTimeoutMs: 10_000,
  deadAfterMs: 2_000,
  settleMs: 10_000,
  claimTtlMs: 10_000,
  connectMs: 30_000,
  skewMs: 1_000,
  endedRetentionMs: 3_600_000,
  transactionTimeoutMs: 10_000,
  willBatch: 500,
  touchMs: 1_000,
  staleMs: 12 * 3_600_000,
}
