/**
 * Who owns a client id: a pure function of the last record of each of its keys, with their offsets. Every instance computes
 * it from its own map, and all that have read equally far agree, whether they read the whole log or a compacted one. Must
 * never look at a clock: times only make somebody append a record, the order of the log decides what it means.
 */
import { type Claim, type Closed, type Decision, type EpochRecord, instanceOf, type KeyKind } from './records.ts'

/** The last record of one key. */
export type Fact =
  | { readonly kind: 'e'; readonly epoch: string; readonly offset: number; readonly record: EpochRecord }
  | { readonly kind: 'w'; readonly epoch: string; readonly offset: number }
  | {
      readonly kind: Exclude<KeyKind, 'e' | 'w'>
      readonly epoch: string
      readonly writer: string
      readonly offset: number
      readonly decision: Decision
    }

/** One accepted connection of the client id. */
export interface Epoch {
  readonly epoch: string
  readonly instance: string
  /** offset of its claim */
  readonly rank: number
  /** seconds, as at CONNECT */
  readonly expiry: number
  /** seconds, at most the expiry; null: no will */
  readonly willDelay: number | null
  /** epoch ms of the claim; null where that is not known any more */
  readonly claimedAt: number | null
  readonly clean: boolean
  /** the epoch of the same connection before it; null: none */
  readonly renews: string | null
  /** who has connected; null: nobody knows */
  readonly owner: string | null
}

/** An owner that has ended, while nobody follows. */
export interface Ended {
  readonly epoch: Epoch
  readonly at: number
  /** when its will is due; null: it has none that waits */
  readonly fireAt: number | null
  /** when the session is over; null: never */
  readonly expireAt: number | null
}

export interface SessionOf {
  /** epoch that began it */
  readonly sid: string
  /** epoch whose record has its state; null: nothing was ever stored */
  readonly source: string | null
  /** whose it is; null: whoever comes */
  readonly owner: string | null
}

/**
 * - `armed` its epoch owns, or waits to; `pending` its delay runs; `due` to be published; `cancelled` a later connection
 *   came in time; `void` its epoch never owned, or ended normally; `orphan` no claim of its epoch is known: it is still to
 *   come, or never will
 */
export type WillStatus = 'armed' | 'pending' | 'due' | 'cancelled' | 'void' | 'orphan'

export interface View {
  /** rank of the last epoch that wrote a record as owner, −1: there is none. Everything of lower rank is obsolete. */
  readonly topRank: number
  readonly owner: Epoch | null
  /** the owner has renewed the epoch that owned before it: the connection is the same */
  readonly continued: boolean
  /** waits for the owner's end */
  readonly next: Epoch | null
  /** `at` of the last cut that ended an owner since the newest stored state, epoch ms; null: there is none */
  readonly cutAt: number | null
  /** the last owner, when nobody owns */
  readonly ended: Ended | null
  /** null: there is no session */
  readonly session: SessionOf | null
  /** epochs whose claims never count: the session was that of somebody else */
  readonly refused: ReadonlySet<string>
  /** by epoch, of every will there is */
  readonly wills: ReadonlyMap<string, WillStatus>
}

interface Event {
  readonly offset: number
  readonly fact: Fact
}

const NONE_REFUSED: ReadonlySet<string> = new Set()

export function viewOf(facts: readonly Fact[]): View {
  return new Walk(facts).view()
}

class Walk {
  readonly #facts: readonly Fact[]
  readonly #wills = new Map<string, WillStatus>()
  #top: { readonly epoch: Epoch; readonly fact: Extract<Fact, { kind: 'e' }> } | null = null
  #owner: Epoch | null = null
  #continued = false
  #next: Epoch | null = null
  #ended: Ended | null = null
  #session: SessionOf | null = null
  #cutAt: number | null = null
  #refused: Set<string> | null = null

  constructor(facts: readonly Fact[]) {
    this.#facts = facts
    for (const fact of facts) {
      if (fact.kind !== 'e' || fact.record.k === 'claim') continue
      if (this.#top === null || fact.record.rank > this.#top.epoch.rank) this.#top = { epoch: epochOf(fact), fact }
    }
    if (this.#top === null) return
    const { epoch, fact } = this.#top
    const { record } = fact
    this.#owner = epoch
    this.#session = { sid: record.k === 'claim' ? epoch.epoch : record.sid, source: epoch.epoch, owner: epoch.owner }
    if (epoch.willDelay !== null) this.#wills.set(epoch.epoch, 'armed')
  }

  view(): View {
    for (const { fact } of this.#events()) this.#step(fact)
    const { topRank } = this
    return {
      topRank,
      owner: this.#owner,
      continued: this.#continued,
      next: this.#next,
      cutAt: this.#cutAt,
      ended: this.#ended,
      session: this.#session,
      refused: this.#refused ?? NONE_REFUSED,
      wills: this.#statuses(),
    }
  }

  get topRank(): number {
    return this.#top?.epoch.rank ?? -1
  }

  /** What may change the owner, in the order of the log. */
  #events(): Event[] {
    const events: Event[] = []
    for (const fact of this.#facts) {
      if (fact.kind === 'w') continue
      const isTop = fact.kind === 'e' && fact.epoch === this.#top?.epoch.epoch
      if (isTop && fact.record.k !== 'closed') continue
      if (fact.kind === 'e' && !isTop && (fact.record.k !== 'claim' || fact.offset < this.topRank)) continue
      events.push({ offset: fact.offset, fact })
    }
    return events.sort((a, b) => a.offset - b.offset)
  }

  #step(fact: Fact): void {
    switch (fact.kind) {
      case 'e':
        if (fact.record.k === 'claim') this.#claim(epochOf(fact))
        else if (fact.record.k === 'closed' && this.#owner?.epoch === fact.epoch) this.#close(this.#owner, fact.record)
        break
      case 'cut':
        if (this.#owner?.epoch === fact.epoch) this.#cut(this.#owner, fact.decision.at)
        break
      case 'fire':
        if (this.#ended?.epoch.epoch === fact.epoch) this.#settle(fact.epoch, 'due')
        break
      case 'expire':
        if (this.#ended?.epoch.epoch === fact.epoch) this.#expire(fact.epoch)
        break
    }
  }

  /** A session that belongs to somebody is neither taken over nor cleaned by anybody else, for as long as it exists. */
  #claim(epoch: Epoch): void {
    const owner = this.#session?.owner ?? null
    if (owner !== null && owner !== epoch.owner) {
      this.#refused ??= new Set()
      this.#refused.add(epoch.epoch)
    } else if (this.#owner === null || epoch.clean) this.#grant(epoch)
    else this.#next = epoch
  }

  #grant(epoch: Epoch): void {
    const former = this.#owner ?? this.#ended?.epoch ?? null
    if (former !== null) this.#settle(former.epoch, willAt(epoch, former))
    const { owner } = epoch
    if (epoch.clean || this.#session === null) this.#session = { sid: epoch.epoch, source: null, owner }
    else this.#session = { ...this.#session, owner }
    this.#owner = epoch
    this.#next = null
    this.#ended = null
    this.#continued = epoch.renews !== null && epoch.renews === former?.epoch
    // Where somebody owned in between, the will of this connection was decided then.
    const isOwn = epoch.renews === null || this.#continued
    if (epoch.willDelay !== null && isOwn) this.#wills.set(epoch.epoch, 'armed')
  }

  #close(epoch: Epoch, record: Closed): void {
    this.#keepRenewed(epoch)
    const over = record.expireAt !== undefined && record.expireAt <= record.at
    if (record.will === 'none') this.#settle(epoch.epoch, 'void')
    else if (record.will === 'due') this.#settle(epoch.epoch, 'due')
    const fireAt = record.will === 'pending' ? (record.fireAt ?? null) : null
    this.#end({ epoch, at: record.at, fireAt, expireAt: record.expireAt ?? null }, over)
  }

  #cut(epoch: Epoch, at: number): void {
    const { willDelay } = epoch
    this.#cutAt = at
    this.#keepRenewed(epoch)
    if (willDelay === 0) this.#settle(epoch.epoch, 'due')
    const fireAt = willDelay === null || willDelay === 0 ? null : at + willDelay * 1000
    this.#end({ epoch, at, fireAt, expireAt: expiresAt(at, epoch.expiry) }, epoch.expiry === 0)
  }

  /** The connection goes on, so its will does too, under the epoch that is granted now. */
  #keepRenewed(epoch: Epoch): void {
    if (this.#next?.renews === epoch.epoch) this.#settle(epoch.epoch, 'cancelled')
  }

  #end(ended: Ended, over: boolean): void {
    const id = ended.epoch.epoch
    this.#owner = null
    this.#ended = ended
    if (ended.fireAt !== null && this.#wills.get(id) === 'armed') this.#wills.set(id, 'pending')
    if (over) this.#expire(id)
    if (this.#next !== null) this.#grant(this.#next)
  }

  #expire(epoch: string): void {
    this.#session = null
    this.#settle(epoch, 'due')
  }

  /** A will that may still fire is decided. */
  #settle(epoch: string, status: WillStatus): void {
    const now = this.#wills.get(epoch)
    if (now === 'armed' || now === 'pending') this.#wills.set(epoch, status)
  }

  #statuses(): Map<string, WillStatus> {
    const statuses = new Map<string, WillStatus>()
    const epochs = new Map<string, Fact>()
    for (const fact of this.#facts) if (fact.kind === 'e') epochs.set(fact.epoch, fact)
    for (const fact of this.#facts) {
      if (fact.kind !== 'w') continue
      const { epoch } = fact
      if (this.#next?.epoch === epoch) statuses.set(epoch, 'armed')
      else statuses.set(epoch, this.#wills.get(epoch) ?? this.#leftOver(fact, epochs.get(epoch)))
    }
    return statuses
  }

  /** Of a will whose epoch has not owned since the top: that has removed what was cancelled or void below its rank. */
  #leftOver({ epoch, offset }: Fact, own: Fact | undefined): WillStatus {
    if (own === undefined) return offset > this.topRank || this.#spares(epoch) ? 'orphan' : 'due'
    const overtaken = own.kind === 'e' && own.record.k === 'claim' && own.offset > this.topRank
    return overtaken || offset > this.topRank ? 'void' : 'due'
  }

  #spares(epoch: string): boolean {
    const record = this.#top?.fact.record
    return record !== undefined && record.k !== 'claim' && (record.spared?.includes(epoch) ?? false)
  }
}

/** What becomes of a will that is not decided when the next epoch is granted (MQTT 5.0 §3.1.2.5). */
function willAt(granted: Epoch, former: Epoch): WillStatus {
  return granted.clean || former.willDelay === 0 ? 'due' : 'cancelled'
}

/** Epoch ms at which a session that ended then is over; null: never. */
export function expiresAt(endedAt: number, expirySeconds: number): number | null {
  return expirySeconds >= 0xffff_ffff ? null : endedAt + expirySeconds * 1000
}

function epochOf(fact: Extract<Fact, { kind: 'e' }>): Epoch {
  const { record, epoch, offset } = fact
  const claim: Claim | null = record.k === 'claim' ? record : null
  return {
    epoch,
    instance: instanceOf(epoch),
    rank: record.k === 'claim' ? offset : record.rank,
    expiry: record.expiry,
    willDelay: record.willDelay === undefined ? null : Math.min(record.willDelay, record.expiry),
    claimedAt: claim?.at ?? null,
    clean: claim?.clean ?? false,
    renews: claim?.renews ?? null,
    owner: record.owner ?? null,
  }
}
