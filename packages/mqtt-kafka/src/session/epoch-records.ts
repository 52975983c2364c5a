/**
 * Puts together what an epoch writes: its claim, its states and its end, each with what belongs into the same batch. The order
 * within a batch is such that every prefix of it is sound (`session-writer.ts`). Nothing here is sent.
 */
import type { ClientLog } from './client-log.ts'
import type { ClaimRequest, CloseReason, SessionState } from './ownership.ts'
import { type ClosedWill, encodeValue, sessionKey } from './records.ts'
import type { SessionRecord } from './session-writer.ts'
import { expiresAt, type Fact, viewOf } from './view.ts'

/** An epoch that owns. */
export interface OwnedEpoch {
  readonly epoch: string
  readonly instance: string
  readonly rank: number
  readonly sid: string
  /** seconds, as at CONNECT */
  readonly expiry: number
  /** seconds, as at CONNECT; null: no will */
  readonly willDelay: number | null
  /** whose session it is; null: nobody knows */
  readonly owner: string | null
  /** as its first record said (`Sweep`) */
  readonly spared: readonly string[]
}

/** How an epoch ends. */
export interface Ending {
  /** epoch ms */
  readonly at: number
  readonly reason: CloseReason
  /** of DISCONNECT; null: none */
  readonly code: number | null
  /** as it counts now, DISCONNECT included */
  readonly expirySeconds: number
  /** null: none was ever stored */
  readonly state: SessionState | null
  /** false: it was decided otherwise already */
  readonly keepsWill: boolean
}

/** What a claim says beside the request. */
export interface NewEpoch {
  readonly epoch: string
  readonly instance: string
  /** epoch ms */
  readonly at: number
  readonly clean: boolean
  /** seconds, not capped by anything; null: no will */
  readonly willDelay: number | null
  readonly renews: string | null
}

/** `will`: the value of its record, null where there is none. */
export function claimRecords(claim: NewEpoch, request: ClaimRequest, will: Buffer | null): SessionRecord[] {
  const { epoch, instance, at, clean, willDelay, renews } = claim
  const { clientId, expirySeconds, version, owner } = request
  const value = encodeValue({
    k: 'claim',
    i: instance,
    at,
    clean,
    expiry: expirySeconds,
    willDelay: willDelay ?? undefined,
    ver: version,
    owner: owner ?? undefined,
    renews: renews ?? undefined,
  })
  const records = will === null ? [] : [{ key: sessionKey(clientId, 'w', epoch, null), value: will }]
  return [...records, { key: sessionKey(clientId, 'e', epoch, null), value }]
}

/** Seconds, not capped by anything; null: no will. */
export function willDelayOf({ will }: ClaimRequest): number | null {
  return will === null ? null : (will.properties?.willDelaySeconds ?? 0)
}

/** What becomes obsolete by the first record of an epoch. */
export interface Sweep {
  /** wills that are cancelled or void: they may go at any time, so they go first */
  readonly before: readonly SessionRecord[]
  /** obsolete only once the record is there */
  readonly after: readonly SessionRecord[]
  /** epochs whose wills are there and whose claims may still land; the record says that they are not due */
  readonly spared: readonly string[]
}

export const NOTHING_SWEPT: Sweep = { before: [], after: [], spared: [] }

/**
 * A will that is due stays: only the transaction that publishes it removes it. A key of a higher offset than the claim stays
 * too: it may belong to a claim that is not read yet. So does a will whose claim is not known, unless it was written before
 * `lateMs`: then its claim will never land.
 */
export function sweepOf(client: ClientLog, epoch: string, rank: number, lateMs: number): Sweep {
  const facts = client.facts()
  const obsolete = facts.filter((fact) => fact.epoch !== epoch && fact.offset < rank)
  if (obsolete.length === 0) return NOTHING_SWEPT
  const { wills } = viewOf(facts)
  const before: SessionRecord[] = []
  const after: SessionRecord[] = []
  const spared: string[] = []
  for (const fact of obsolete) {
    const status = fact.kind === 'w' ? wills.get(fact.epoch) : null
    if (status === null) after.push(tombstoneOf(client, fact))
    else if (status === 'orphan' && client.timestampOf(fact) >= lateMs) spared.push(fact.epoch)
    else if (status === 'cancelled' || status === 'void' || status === 'orphan') before.push(tombstoneOf(client, fact))
  }
  return { before, after, spared }
}

export function liveRecords(
  client: ClientLog,
  owned: OwnedEpoch,
  n: number,
  state: SessionState,
  sweep: Sweep,
): SessionRecord[] {
  const { epoch, instance, rank, sid, expiry } = owned
  const value = encodeValue({ k: 'live', rank, i: instance, sid, n, expiry, ...optional(owned) }, state)
  return [...sweep.before, { key: sessionKey(client.clientId, 'e', epoch, null), value }, ...sweep.after]
}

export function closedRecords(client: ClientLog, owned: OwnedEpoch, ending: Ending, sweep: Sweep): SessionRecord[] {
  const { epoch, instance, rank, sid, expiry, willDelay } = owned
  const { at, reason, code, expirySeconds, state, keepsWill } = ending
  const hasWill = client.has('w', epoch)
  const delay = Math.min(willDelay ?? 0, expirySeconds)
  const will: ClosedWill = willAfter(reason, hasWill && keepsWill, delay)
  const fields = {
    k: 'closed',
    rank,
    i: instance,
    sid,
    at,
    reason,
    code: code ?? undefined,
    will,
    fireAt: will === 'pending' ? at + delay * 1000 : undefined,
    expireAt: expiresAt(at, expirySeconds) ?? undefined,
    expiry,
    ...optional(owned),
  }
  const value = encodeValue(fields, expirySeconds === 0 ? null : state)
  const removes = hasWill && keepsWill && will === 'none'
  const removed = removes ? [{ key: sessionKey(client.clientId, 'w', epoch, null), value: null }] : []
  return [...sweep.before, ...removed, { key: sessionKey(client.clientId, 'e', epoch, null), value }, ...sweep.after]
}

function optional({ willDelay, owner, spared }: OwnedEpoch): object {
  return {
    willDelay: willDelay ?? undefined,
    owner: owner ?? undefined,
    spared: spared.length > 0 ? spared : undefined,
  }
}

/** What becomes of the will at the end of its connection (MQTT 5.0 §3.1.2.5) [MQTT-3.14.4-3]. */
function willAfter(reason: CloseReason, hasWill: boolean, delaySeconds: number): ClosedWill {
  if (!hasWill || reason === 'normal') return 'none'
  return delaySeconds === 0 ? 'due' : 'pending'
}

export function tombstoneOf(client: ClientLog, fact: Fact): SessionRecord {
  const writer = 'writer' in fact ? fact.writer : null
  return { key: sessionKey(client.clientId, fact.kind, fact.epoch, writer), value: null }
}
