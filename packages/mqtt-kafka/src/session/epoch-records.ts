/**
 * Puts together what an epoch writes: its claim, its states and its end, each with what belongs into the same batch. The order
 * within a batch is such that every prefix of it is sound (`session-writer.ts`). Nothing here is sent.
 */
import type { ClientLog } from './client-log.ts'
import type { ClaimRequest, CloseReason, SessionState } from './ownership.ts'
import { type ClosedWill, encodeValue, sessionKey } from './records.ts'
import type { SessionRecord } from './session-writer.ts'
import { expiresAt, type Fact, type View, viewOf } from './view.ts'

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
  /** false: another epoch of the same connection has it */
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
}

/** `will`: the value of its record, null where there is none. */
export function claimRecords(claim: NewEpoch, request: ClaimRequest, will: Buffer | null): SessionRecord[] {
  const { epoch, instance, at, clean, willDelay } = claim
  const { clientId, expirySeconds, version, username } = request
  const value = encodeValue({
    k: 'claim',
    i: instance,
    at,
    clean,
    expiry: expirySeconds,
    willDelay: willDelay ?? undefined,
    ver: version,
    user: username ?? undefined,
  })
  const records = will === null ? [] : [{ key: sessionKey(clientId, 'w', epoch, null), value: will }]
  return [...records, { key: sessionKey(clientId, 'e', epoch, null), value }]
}

/** Seconds, not capped by anything; null: no will. */
export function willDelayOf({ will }: ClaimRequest): number | null {
  return will === null ? null : (will.properties?.willDelaySeconds ?? 0)
}

/** `sweeps`: it is the first record of its epoch, which removes what is obsolete with it. */
export function liveRecords(
  client: ClientLog,
  owned: OwnedEpoch,
  n: number,
  state: SessionState,
  sweeps: boolean,
): SessionRecord[] {
  const { epoch, instance, rank, sid, expiry, willDelay } = owned
  const value = encodeValue({ k: 'live', rank, i: instance, sid, n, expiry, willDelay: willDelay ?? undefined }, state)
  return swept(client, owned, [{ key: sessionKey(client.clientId, 'e', epoch, null), value }], sweeps)
}

export function closedRecords(client: ClientLog, owned: OwnedEpoch, ending: Ending, sweeps: boolean): SessionRecord[] {
  const { epoch, instance, rank, sid, expiry, willDelay } = owned
  const { at, reason, code, expirySeconds, state, keepsWill } = ending
  const hasWill = client.has('w', epoch)
  const delay = Math.min(willDelay ?? 0, expirySeconds)
  const will: ClosedWill = willAfter(reason, hasWill && keepsWill, delay)
  const value = encodeValue(
    {
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
      willDelay: willDelay ?? undefined,
    },
    expirySeconds === 0 ? null : state,
  )
  const records: SessionRecord[] = [{ key: sessionKey(client.clientId, 'e', epoch, null), value }]
  if (hasWill && will === 'none') records.unshift({ key: sessionKey(client.clientId, 'w', epoch, null), value: null })
  return swept(client, owned, records, sweeps)
}

/** What becomes of the will at the end of its connection (MQTT 5.0 §3.1.2.5) [MQTT-3.14.4-3]. */
function willAfter(reason: CloseReason, hasWill: boolean, delaySeconds: number): ClosedWill {
  if (!hasWill || reason === 'normal') return 'none'
  return delaySeconds === 0 ? 'due' : 'pending'
}

/**
 * The records of an owner, between the tombstones of all that is obsolete because of them: wills that are cancelled or void
 * before, everything else after. A will that is due stays: only the transaction that publishes it removes it. A key of a
 * higher offset than the claim stays too: it may belong to a claim that is not read yet.
 */
function swept(client: ClientLog, owned: OwnedEpoch, records: SessionRecord[], sweeps: boolean): SessionRecord[] {
  if (!sweeps) return records
  const facts = client.facts()
  const obsolete = facts.filter((fact) => fact.epoch !== owned.epoch && fact.offset < owned.rank)
  if (obsolete.length === 0) return records
  const view = viewOf(facts)
  const wills = obsolete.filter((fact) => fact.kind === 'w' && isSpent(fact, view))
  const others = obsolete.filter((fact) => fact.kind !== 'w')
  return [
    ...wills.map((fact) => tombstoneOf(client, fact)),
    ...records,
    ...others.map((fact) => tombstoneOf(client, fact)),
  ]
}

function isSpent({ epoch }: Fact, { wills }: View): boolean {
  const status = wills.get(epoch)
  return status === 'cancelled' || status === 'void'
}

export function tombstoneOf(client: ClientLog, fact: Fact): SessionRecord {
  const writer = 'writer' in fact ? fact.writer : null
  return { key: sessionKey(client.clientId, fact.kind, fact.epoch, writer), value: null }
}
