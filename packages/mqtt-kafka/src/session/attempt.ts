/**
 * One connection and its claim to a client id: from CONNECT until its last record has been read back, or until another owns.
 * Its epoch decides nothing by itself: each step waits for the view of the log (R3). Called by the session layer at the end of
 * each turn in which something of its client id was read.
 */
import { StreamError } from '@zilla-ts/engine'
import type { ClientLog } from './client-log.ts'
import type { Deadline, DeadlineQueue } from './deadline-queue.ts'
import {
  claimRecords,
  closedRecords,
  liveRecords,
  NOTHING_SWEPT,
  type OwnedEpoch,
  type Sweep,
  sweepOf,
  willDelayOf,
} from './epoch-records.ts'
import type { Membership } from './membership.ts'
import type { ClaimRequest, CloseReason, SessionClaimant, SessionHandle, SessionState } from './ownership.ts'
import type { SessionParameters } from './parameters.ts'
import { encodeCut, sessionKey } from './records.ts'
import type { BatchOwner, SessionRecord } from './session-writer.ts'
import type { Epoch, View } from './view.ts'
import { encodeWillValue } from './will-codec.ts'

export interface AttemptContext {
  readonly instance: string
  readonly parameters: SessionParameters
  readonly deadlines: DeadlineQueue
  readonly membership: Membership
  /** records can be stored now */
  readonly writable: boolean
  now(): number
  newEpoch(): string
  /** Written when this turn ends, in the order of the calls. */
  append(records: readonly SessionRecord[], hash: number, owner: BatchOwner): void
  /** `flush` is called when this turn ends. */
  flushLater(attempt: Attempt): void
  /** Its client id is looked at when this turn ends. */
  lookAgain(client: ClientLog): void
  /** Calls back when everything is read that is in the log now; false: that cannot be known. */
  whenRead(done: (read: boolean) => void): void
  onAttemptOver(attempt: Attempt): void
}

/**
 * - `claiming` the claim is not read back; `waiting` another owns; `up` ours; `leaving` ours, the connection was told to go
 * - `closing` the last record is not read back; `over` nothing more will happen
 */
type Phase = 'claiming' | 'waiting' | 'up' | 'leaving' | 'closing' | 'over'

interface Farewell {
  readonly reason: CloseReason
  readonly code: number | null
  readonly expirySeconds: number | null
}

interface Save {
  /** snapshot that has it; 0: not written yet */
  n: number
  readonly onStored: () => void
}

const NEVER = Number.POSITIVE_INFINITY
/** A cut that is lost is not written again: a second one would move the offset that decides (R2). */
const NOBODY: BatchOwner = { onFailed() {} }

/** Snapshots are answered to the attempt itself. */
export class Attempt implements SessionHandle, BatchOwner, Deadline {
  readonly client: ClientLog
  dueIndex = -1
  dueAt = 0
  readonly #context: AttemptContext
  readonly #claimant: SessionClaimant
  readonly #connectAt: number
  /** seconds, as at CONNECT; null: no will */
  readonly #willDelay: number | null
  /** once the claim is written, without the will, which may be large */
  #request: ClaimRequest
  #epoch: string
  /** the epoch that this connection overtakes with the one above, until that one owns */
  #former: string | null = null
  #phase: Phase = 'claiming'
  #rank = -1
  #sid = ''
  /** the first record of the epoch has been written, with what it had to remove */
  #swept = false
  #spared: readonly string[] = []
  /** number of the newest snapshot written */
  #snapshots = 0
  /** a snapshot is not read back */
  #flying = false
  #dirty = false
  #flushing = false
  #saves: Save[] = []
  #farewell: Farewell | null = null
  /** its connection is over, and will be closed */
  #ended: Farewell | null = null
  /** asked for when the end is first written */
  #lastState: SessionState | null = null
  /** a state was refused for good: the last one stored has to do */
  #stateRefused = false
  /** the last record is not stored, and never will be */
  #closeLost = false
  #cutWritten = false
  /** when the owner is cut, at the latest */
  #graceAt = NEVER

  constructor(request: ClaimRequest, client: ClientLog, claimant: SessionClaimant, context: AttemptContext) {
    this.#request = request
    this.#willDelay = willDelayOf(request)
    this.client = client
    this.#claimant = claimant
    this.#context = context
    this.#epoch = context.newEpoch()
    this.#connectAt = context.now() + context.parameters.connectMs
  }

  get partition(): number {
    return this.client.partition
  }

  get epoch(): string {
    return this.#epoch
  }

  /** the epoch that is being overtaken by the one above */
  get former(): string | null {
    return this.#former
  }

  /** who has connected; null: nobody knows */
  get owner(): string | null {
    return this.#request.owner
  }

  get waiting(): boolean {
    return this.#phase === 'waiting'
  }

  /** its state is its own to write */
  get owns(): boolean {
    return this.#phase === 'up' || this.#phase === 'leaving'
  }

  /** Nothing of this connection outlives it, so nothing is stored before its end. */
  get #transient(): boolean {
    const { cleanStart, expirySeconds } = this.#request
    return cleanStart && expirySeconds === 0 && this.#willDelay === null
  }

  begin(): void {
    const { will } = this.#request
    const value = will === null ? null : encodeWillValue(will)
    this.#append(this.#claim(value, this.#request.cleanStart), new ClaimBatch(this))
    this.#request = { ...this.#request, will: null }
    this.#wakeAt(this.#connectAt)
  }

  save(onStored: (() => void) | null): void {
    if (this.#phase !== 'up' || this.#farewell !== null) return
    if (onStored !== null) this.#saves.push({ n: 0, onStored })
    this.#dirty = true
    this.#flushLater()
  }

  touch(): void {
    if (this.#phase !== 'up' || this.#transient || this.dueIndex !== -1) return
    this.#wakeAt(this.#context.now() + this.#context.parameters.touchMs)
  }

  ended(reason: CloseReason, code: number | null, expirySeconds: number | null): void {
    this.#ended = { reason, code, expirySeconds }
  }

  close(reason: CloseReason, code: number | null, expirySeconds: number | null): void {
    if (this.#phase === 'claiming' || this.#phase === 'waiting') {
      // Not withdrawn: when it is granted all the same, the layer finds an epoch of ours without a connection and closes it.
      this.#end()
    } else if (this.owns && this.#farewell === null) {
      this.#leave(this.#ended ?? { reason, code, expirySeconds })
    }
  }

  /** Another connection of this process has the client id now, or the process stops. */
  dismiss(reason: CloseReason, error: StreamError): void {
    const { told } = this
    this.close(reason, null, null)
    if (!told) this.#claimant.onLost(error)
  }

  /** Ends without a record: what it knows of the log cannot be trusted. */
  abandon(error: StreamError): void {
    this.#fail(error)
  }

  /** the connection has closed, or was told to */
  get told(): boolean {
    return this.#phase === 'leaving' || this.#phase === 'closing' || this.#phase === 'over' || this.#farewell !== null
  }

  /** Something of the client id was read, or time has passed. */
  look(view: View): void {
    if (this.#phase === 'over') return
    if (view.owner?.epoch === this.#epoch) this.#own(view)
    else if (this.#former !== null) {
      if (view.owner?.epoch !== this.#former) this.#fail(takenOver(this.client.clientId))
    } else if (this.#phase === 'claiming' && !this.client.has('e', this.#epoch)) return
    else if (view.next?.epoch === this.#epoch) this.#wait(view.owner!)
    else this.#fail(view.refused.has(this.#epoch) ? notOwner(this.client.clientId) : takenOver(this.client.clientId))
  }

  /** Records can be stored again. */
  resume(): void {
    if (this.#dirty) this.#flushLater()
  }

  /** Writes the state, unless the one before it has not been read back. */
  flush(): void {
    this.#flushing = false
    if (!this.owns || this.#farewell !== null) return
    if (this.#transient) {
      this.#dirty = false
      const saves = this.#saves
      this.#saves = []
      for (const { onStored } of saves) if (this.#phase === 'up') onStored()
    } else if (this.#dirty && !this.#flying && this.#former === null && this.#context.writable) this.#writeLive()
  }

  /** A snapshot is not stored, or nobody knows: the next one says the same and more. */
  onFailed(error: StreamError, definite: boolean): void {
    if (!this.owns || this.#farewell !== null) return
    this.#flying = false
    this.#swept = false
    this.#dirty = true
    if (definite) this.#refuse(error)
    else this.#flushLater()
  }

  onClaimFailed(error: StreamError): void {
    if (this.#phase === 'claiming') this.#fail(error)
  }

  /** Where nobody knows, the epoch that owns is ours and without a connection: the layer closes it. */
  onRenewalFailed(error: StreamError): void {
    if (this.#former !== null) this.#fail(error)
  }

  onCloseFailed(_error: StreamError, definite: boolean): void {
    if (this.#phase !== 'closing') return
    if (!definite) {
      // It may still land within that time; then everything is read, to know whether it has to be written again.
      this.#wakeAt(this.#context.now() + this.#context.parameters.settleMs)
    } else if (this.#stateRefused) this.#end()
    else {
      this.#stateRefused = true
      this.#writeClosed()
    }
  }

  onDue(): void {
    const now = this.#context.now()
    switch (this.#phase) {
      case 'claiming':
      case 'waiting':
        if (now >= this.#connectAt) this.#fail(new StreamError('unavailable', 'the session is not free in time'))
        else this.#context.lookAgain(this.client)
        break
      case 'up':
        this.#dirty = true
        this.#flushLater()
        break
      case 'closing':
        this.#closeAgain()
        break
    }
  }

  #own(view: View): void {
    if (this.#phase === 'closing') {
      if (this.#closeLost) this.#writeClosed()
      return
    }
    if (this.#former !== null) {
      this.#renewed(view)
      return
    }
    if (!this.owns) {
      this.#grant(view)
      return
    }
    if (this.#willRemoved && this.#farewell === null) {
      this.#drop(new StreamError('unavailable', 'the will could not be kept'))
      return
    }
    this.#confirm()
    if (this.#phase !== 'up' || this.#farewell !== null || view.next === null) return
    if (this.#isStale(view.next)) this.#renew()
    else {
      this.#phase = 'leaving'
      this.#saves = []
      this.#context.deadlines.remove(this)
      this.#claimant.onLost(takenOver(this.client.clientId))
    }
  }

  #grant(view: View): void {
    const owner = view.owner!
    this.#rank = owner.rank
    this.#sid = view.session!.sid
    this.#phase = 'up'
    this.#context.deadlines.remove(this)
    if (this.#willRemoved) {
      this.#lastState = this.client.stateOf(view)
      this.#farewell = { reason: 'abnormal', code: null, expirySeconds: null }
      this.#writeClosed()
      this.#claimant.onLost(new StreamError('unavailable', 'the will could not be kept'))
      return
    }
    const isNew = this.#sid === this.#epoch
    const state = isNew ? null : (this.client.stateOf(view) ?? {})
    this.#claimant.onGranted(state, { cutAt: isNew ? null : view.cutAt })
    // Whoever claimed meanwhile is answered now.
    this.#context.lookAgain(this.client)
  }

  /**
   * Somebody has removed the will of this epoch. No instance that keeps the rules does, unless its records come later than
   * any can; the client must connect again to have one.
   */
  get #willRemoved(): boolean {
    return this.#willDelay !== null && !this.client.has('w', this.#epoch)
  }

  /** Tells what has been read back. */
  #confirm(): void {
    const n = this.client.snapshotOf(this.#epoch)
    if (this.#flying && n >= this.#snapshots) {
      this.#flying = false
      if (this.#dirty) this.#flushLater()
    }
    for (let save = this.#saves[0]; save !== undefined && save.n !== 0 && save.n <= n; save = this.#saves[0]) {
      this.#saves.shift()
      save.onStored()
    }
  }

  #wait(owner: Epoch): void {
    const now = this.#context.now()
    if (this.#phase === 'claiming') {
      this.#phase = 'waiting'
      this.#graceAt = now + this.#context.parameters.graceMs
    }
    const deadAt = this.#context.membership.deadAt(owner.instance)
    const at = Math.min(this.#graceAt, deadAt)
    if (at <= now && !this.#cutWritten) this.#cut(owner, deadAt <= now ? 'dead' : 'grace')
    this.#wakeAt(at > now ? Math.min(at, this.#connectAt) : this.#connectAt)
  }

  #cut(owner: Epoch, why: 'dead' | 'grace'): void {
    this.#cutWritten = true
    const key = sessionKey(this.client.clientId, 'cut', owner.epoch, this.#epoch)
    this.#append([{ key, value: encodeCut(this.#context.now(), this.#context.instance, why) }], NOBODY)
  }

  /** Its sender has given up on it, so it must not throw out a live client. */
  #isStale({ claimedAt, instance }: Epoch): boolean {
    const { claimTtlMs, skewMs } = this.#context.parameters
    const toleratedMs = instance === this.#context.instance ? claimTtlMs : claimTtlMs + skewMs
    return claimedAt !== null && this.#context.now() - claimedAt > toleratedMs
  }

  /** Overtakes a stale claim, by the ordinary rules, with a claim of the same connection. */
  #renew(): void {
    const { client } = this
    const sweep = this.#sweep()
    const former = this.#owned()
    const now = this.#context.now()
    const will = client.value('w', former.epoch)
    const ending = {
      at: now,
      reason: 'takeover',
      code: null,
      expirySeconds: this.#request.expirySeconds,
      state: this.#claimant.snapshot(),
      keepsWill: true,
    } as const
    const closed = closedRecords(client, former, ending, sweep)
    this.#former = former.epoch
    this.#epoch = this.#context.newEpoch()
    this.#append([...this.#claim(will, false), ...closed], new RenewalBatch(this))
  }

  /** The connection goes on under its new epoch; everything is stored anew. */
  #renewed(view: View): void {
    this.#former = null
    this.#rank = view.owner!.rank
    this.#sid = view.session!.sid
    if (!view.continued) {
      // Somebody has owned in between: the session is another one, and the layer closes the epoch.
      this.#fail(takenOver(this.client.clientId))
      return
    }
    this.#swept = false
    this.#spared = []
    this.#snapshots = 0
    this.#flying = false
    for (const save of this.#saves) save.n = 0
    if (this.#farewell !== null) this.#writeClosed()
    else {
      this.#dirty = true
      this.#flushLater()
      this.#context.lookAgain(this.client)
    }
  }

  #writeLive(): void {
    this.#dirty = false
    this.#flying = true
    this.#context.deadlines.remove(this)
    const n = ++this.#snapshots
    for (const save of this.#saves) if (save.n === 0) save.n = n
    const sweep = this.#sweep()
    this.#append(liveRecords(this.client, this.#owned(), n, this.#claimant.snapshot(), sweep), this)
  }

  #leave(farewell: Farewell): void {
    this.#farewell = farewell
    this.#saves = []
    this.#lastState = this.#claimant.snapshot()
    if (this.#former === null) this.#writeClosed()
  }

  #writeClosed(): void {
    const { reason, code, expirySeconds } = this.#farewell!
    this.#phase = 'closing'
    this.#closeLost = false
    this.#context.deadlines.remove(this)
    const ending = {
      at: this.#context.now(),
      reason,
      code,
      expirySeconds: expirySeconds ?? this.#request.expirySeconds,
      state: this.#stateRefused ? this.client.stateOf(this.client.view()) : this.#lastState,
      keepsWill: true,
    }
    const sweep = this.#sweep()
    this.#append(closedRecords(this.client, this.#owned(), ending, sweep), new ClosingBatch(this))
  }

  #closeAgain(): void {
    this.#context.whenRead((read) => {
      if (this.#phase !== 'closing') return
      if (read && this.#context.writable) {
        this.#closeLost = true
        this.#context.lookAgain(this.client)
      } else this.#wakeAt(this.#context.now() + this.#context.parameters.settleMs)
    })
  }

  /** A state that can never be stored: the connection ends with the last one that could. */
  #refuse(error: StreamError): void {
    this.#stateRefused = true
    this.#drop(error)
  }

  #drop(error: StreamError): void {
    const { told } = this
    this.#leave({ reason: 'abnormal', code: null, expirySeconds: null })
    if (!told) this.#claimant.onLost(error)
  }

  /** It does not own, and never will. */
  #fail(error: StreamError): void {
    if (this.#phase === 'over') return
    const { told } = this
    this.#end()
    if (!told) this.#claimant.onLost(error)
  }

  #end(): void {
    this.#phase = 'over'
    this.#saves = []
    this.#context.deadlines.remove(this)
    this.#context.onAttemptOver(this)
  }

  /** Goes with the next record, which is the first of the epoch, or is written because that one may be lost. */
  #sweep(): Sweep {
    if (this.#swept) return NOTHING_SWEPT
    const lateMs = this.#context.now() - this.#context.parameters.endedRetentionMs
    const sweep = sweepOf(this.client, this.#epoch, this.#rank, lateMs)
    this.#swept = true
    this.#spared = sweep.spared
    return sweep
  }

  #owned(): OwnedEpoch {
    return {
      epoch: this.#epoch,
      instance: this.#context.instance,
      rank: this.#rank,
      sid: this.#sid,
      expiry: this.#request.expirySeconds,
      willDelay: this.#willDelay,
      owner: this.#request.owner,
      spared: this.#spared,
    }
  }

  /** `will`: the value of its record, null where there is none. */
  #claim(will: Buffer | null, clean: boolean): SessionRecord[] {
    const { instance } = this.#context
    const willDelay = will === null ? null : this.#willDelay
    const claim = { epoch: this.#epoch, instance, at: this.#context.now(), clean, willDelay, renews: this.#former }
    return claimRecords(claim, this.#request, will)
  }

  #append(records: readonly SessionRecord[], owner: BatchOwner): void {
    this.#context.append(records, this.client.hash, owner)
  }

  #flushLater(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#context.flushLater(this)
  }

  #wakeAt(at: number): void {
    this.#context.deadlines.set(this, at)
  }
}

class ClaimBatch implements BatchOwner {
  readonly #attempt: Attempt
  constructor(attempt: Attempt) {
    this.#attempt = attempt
  }
  onFailed(error: StreamError): void {
    this.#attempt.onClaimFailed(error)
  }
}

class RenewalBatch implements BatchOwner {
  readonly #attempt: Attempt
  constructor(attempt: Attempt) {
    this.#attempt = attempt
  }
  onFailed(error: StreamError): void {
    this.#attempt.onRenewalFailed(error)
  }
}

class ClosingBatch implements BatchOwner {
  readonly #attempt: Attempt
  constructor(attempt: Attempt) {
    this.#attempt = attempt
  }
  onFailed(error: StreamError, definite: boolean): void {
    this.#attempt.onCloseFailed(error, definite)
  }
}

export function notOwner(clientId: string): StreamError {
  return new StreamError('not-authorized', `the session of '${clientId}' belongs to another identity`)
}

function takenOver(clientId: string): StreamError {
  return new StreamError('taken-over', `'${clientId}' has connected again`)
}
