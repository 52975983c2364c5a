/**
 * Sessions that last, and who owns them, for one process among many that meet only in Kafka (or for the one process of an
 * embedded log). Puts the parts together and turns what was read into calls, once a turn: attempts of connections, and the
 * partitions this instance looks after. Must never confirm what its own reader has not passed.
 */
import {
  type Clock,
  type Counter,
  type Exit,
  type Reporter,
  StreamError,
  type Task,
  toStreamError,
} from '@zilla-ts/engine'
import { type Kafka, partitionHash } from '@zilla-ts/kafka'
import { Attempt, type AttemptContext, notOwner } from './attempt.ts'
import type { ClientLog } from './client-log.ts'
import { DeadlineQueue } from './deadline-queue.ts'
import { closedRecords, sweepOf } from './epoch-records.ts'
import { GroupStates } from './group-states.ts'
import { Membership, type MembershipListener } from './membership.ts'
import type { ClaimRequest, SessionClaimant, SessionHandle, SessionState } from './ownership.ts'
import { SESSION_PARAMETERS, type SessionParameters } from './parameters.ts'
import { newInstanceId } from './records.ts'
import { SessionMap, type SessionMapListener } from './session-map.ts'
import { SessionReader, type SessionReaderListener } from './session-reader.ts'
import { type BatchOwner, type SessionRecord, SessionWriter } from './session-writer.ts'
import { Silence, type SilenceListener } from './silence.ts'
import { Tenure, type TenureContext } from './tenure.ts'
import { type Epoch, type View, viewOf } from './view.ts'
import type { WillEncoder } from './will-firing.ts'

/** What the layer tells the binding it belongs to. */
export interface SessionLayerListener {
  /** `ready`, `idle` or `wrong` has changed. */
  onSessionsChange(): void
  /** Clients of this partition may be owned elsewhere by now: neither read their sockets nor deliver to them; or go on. */
  onSilent(partition: number, silent: boolean): void
  /** Partitions this instance looks after have changed: `holds` answers anew. */
  onHoldings(): void
  /** The stored state of a group, each time it is read; null: it has ended. Told for all groups before the layer is ready. */
  onGroup(name: string, state: SessionState | null): void
}

export interface SessionLayerOptions {
  readonly exit: Exit<Kafka>
  readonly topic: string
  readonly clock: Clock
  readonly report: Reporter
  readonly encodeWill: WillEncoder
  readonly listener: SessionLayerListener
  readonly parameters?: Partial<SessionParameters>
  /** client ids that may be known; one more is refused, and counted. No limit when absent. */
  readonly sessionsMax?: number
}

interface Append {
  readonly records: readonly SessionRecord[]
  readonly hash: number
  readonly owner: BatchOwner
}

/** Clients of a new tenure that are judged in one turn: a long list must not hold up everybody else. */
const JUDGED_PER_TURN = 500

export class SessionLayer
  implements Task, SessionMapListener, SessionReaderListener, SilenceListener, MembershipListener, AttemptContext
{
  readonly instance = newInstanceId()
  readonly parameters: SessionParameters
  readonly deadlines: DeadlineQueue
  readonly membership: Membership
  readonly #clock: Clock
  readonly #report: Reporter
  readonly #listener: SessionLayerListener
  readonly #sessionsMax: number
  readonly #limited: Counter
  readonly #map: SessionMap
  readonly #reader: SessionReader
  readonly #writer: SessionWriter
  readonly #silence: Silence
  readonly #groups: GroupStates
  readonly #tenureContext: TenureContext
  readonly #tenures = new Map<number, Tenure>()
  readonly #attempts = new Set<Attempt>()
  #epochs = 0
  #open = false
  #wrong: StreamError | null = null
  #scheduled = false
  #dirty: ClientLog[] = []
  #flushing: Attempt[] = []
  #refused: Refused[] = []
  #appends: Append[] = []
  /** clients of partitions whose circumstances have changed, still to be judged */
  #scan: Iterator<ClientLog> | null = null

  constructor(options: SessionLayerOptions) {
    const { exit, topic, clock, report, listener, encodeWill } = options
    // Instances are all that share a sessions topic, whatever their documents are called; those of others are no members.
    const group = `zilla-ts.${topic}`
    this.parameters = { ...SESSION_PARAMETERS, ...options.parameters }
    this.#clock = clock
    this.#report = report
    this.#listener = listener
    this.#sessionsMax = options.sessionsMax ?? Number.POSITIVE_INFINITY
    this.#limited = report.counter('mqtt.kafka.limited.sessions')
    this.deadlines = new DeadlineQueue(clock, (error) => report.fault('sessions.deadline', error))
    this.#map = new SessionMap(this)
    this.#reader = new SessionReader(exit, topic, clock, report, this.#map, this)
    this.#writer = new SessionWriter(exit, topic, clock, () => this.#onWriterChange())
    const { instance, parameters, deadlines } = this
    const append = this.append.bind(this)
    const names = { topic, group, instance }
    this.membership = new Membership(exit, names, clock, parameters, (who) => this.#map.lastWrittenAt(who), this)
    this.#silence = new Silence(clock, parameters, this.#reader, this.membership, this)
    this.#groups = new GroupStates({ clock, deadlines, instance, touchMs: parameters.touchMs, append })
    this.#tenureContext = {
      clock,
      report,
      instance,
      group,
      parameters,
      deadlines,
      reader: this.#reader,
      membership: this.membership,
      firing: { exit, topic, parameters, encodeWill, now: () => clock.now() },
      append,
      onTenure: () => this.#judgeAll(),
      onStand: () => listener.onHoldings(),
    }
  }

  /** Claims can be made: the log has been read to the end seen at start, and can be written. */
  get ready(): boolean {
    return this.#open && this.#wrong === null && this.#reader.loaded && this.writable
  }

  /** Why it will never be ready: somebody must change the topic. */
  get wrong(): StreamError | null {
    return this.#wrong
  }

  /** every connection is over, and every record is answered */
  get idle(): boolean {
    return this.#attempts.size === 0 && this.#appends.length === 0 && this.#writer.outstanding === 0
  }

  get writable(): boolean {
    return this.#writer.available
  }

  /** last known state of each group of shared subscriptions */
  get groups(): ReadonlyMap<string, SessionState> {
    return this.#map.groups
  }

  /** Counts of what is held, for tests that look for leaks. */
  get usage(): Readonly<Record<string, number>> {
    let wills = 0
    for (const tenure of this.#tenures.values()) wills += tenure.firing
    return {
      clients: this.#map.clients.size,
      attempts: this.#attempts.size,
      bytes: this.#map.bytes,
      groups: this.#map.groups.size,
      unsavedGroups: this.#groups.unsaved,
      deadlines: this.deadlines.size,
      tenures: this.#tenures.size,
      wills,
      transactions: this.#map.heldTransactions,
      outstanding: this.#appends.length + this.#writer.outstanding,
      skipped: this.#map.skipped,
      absent: this.membership.absent,
      waiting: this.#reader.waiting,
    }
  }

  /** `tombstoneMs`: how long a tombstone of the topic can be read at least. */
  open(tombstoneMs = Number.POSITIVE_INFINITY): void {
    if (this.#open) return
    this.#open = true
    this.#silence.staleMs = Math.min(this.parameters.staleMs, tombstoneMs / 2)
    this.membership.open()
    this.#writer.open()
    this.#reader.open()
  }

  /** Ends what there is: owners write their end, the holder of their partition does the rest. Safe twice. */
  stop(error: StreamError): void {
    if (!this.#open) return
    this.#open = false
    for (const attempt of [...this.#attempts]) attempt.dismiss('shutdown', error)
    this.#groups.flush()
    this.#refuse()
    this.#flushAppends()
    this.#silence.stop()
    for (const tenure of this.#tenures.values()) tenure.close()
    this.#tenures.clear()
    this.membership.close()
    this.#reader.close()
    this.#writer.close(error)
    this.deadlines.stop()
    this.#attempts.clear()
    this.#scan = null
  }

  /** Tells the claimant when it owns the client id, or that it does not; never before this has returned. */
  claim(request: ClaimRequest, claimant: SessionClaimant): SessionHandle {
    const refusal = this.#refusalOf(request)
    if (refusal !== null) {
      const refused = new Refused(this.partitionOf(request.clientId), claimant, refusal)
      this.#refused.push(refused)
      this.#wake()
      return refused
    }
    const client = this.#map.client(request.clientId, Math.max(this.#reader.partitions, 1))
    const attempt = new Attempt(request, client, claimant, this)
    const error = new StreamError('taken-over', `'${request.clientId}' has connected again`)
    const formers = client.attempts
    // First, so that the client id stays known.
    client.addAttempt(attempt)
    this.#attempts.add(attempt)
    for (const former of formers) former.dismiss('takeover', error)
    attempt.begin()
    return attempt
  }

  /** What a client id costs is kept for a while after its session, so whoever is known may come at any time. */
  #refusalOf({ clientId, owner }: ClaimRequest): StreamError | null {
    if (!this.ready) return this.#wrong ?? new StreamError('unavailable', 'Kafka is not available')
    const { clients } = this.#map
    const known = clients.get(clientId)
    if (known !== undefined) return isForeign(known, owner) ? notOwner(clientId) : null
    if (clients.size < this.#sessionsMax) return null
    this.#limited.value++
    return new StreamError('quota', `there are ${clients.size} sessions, as many as may be`)
  }

  /** Somebody who knows says that this instance has exited. */
  markGone(instance: string): void {
    this.membership.markGone(instance)
  }

  isSilent(partition: number): boolean {
    return this.#silence.isSilent(partition)
  }

  /** Sessions partition of a client id or of a group. */
  partitionOf(name: string): number {
    return partitionHash(Buffer.from(name)) % Math.max(this.#reader.partitions, 1)
  }

  /** This instance looks after the partition of this client id or group. Two may think so for a while. */
  holds(name: string): boolean {
    return this.#tenures.get(this.partitionOf(name))?.active === true
  }

  /** A session of this client id is there, connected or not, as far as has been read. */
  hasSession(clientId: string): boolean {
    return this.#map.clients.get(clientId)?.view().session != null
  }

  /** The group's state has changed: it is asked for and written within a second. For the instance that holds its partition. */
  saveGroup(name: string, snapshot: () => SessionState): void {
    this.#groups.save(name, snapshot)
  }

  dropGroup(name: string): void {
    this.#groups.drop(name)
  }

  run(): void {
    this.#scheduled = false
    this.#refuse()
    if (!this.#open) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const client of dirty) {
      client.dirty = false
      this.#look(client)
    }
    this.#judgeSome()
    const flushing = this.#flushing
    this.#flushing = []
    for (const attempt of flushing) this.#flush(attempt)
    for (const tenure of this.#tenures.values()) tenure.flush()
    this.#flushAppends()
  }

  /** A client id at fault ends by itself (`#look`); what is left goes on with the next turn. */
  fault(_error: StreamError): void {
    this.#wake()
  }

  now(): number {
    return this.#clock.now()
  }

  newEpoch(): string {
    return `${this.instance}.${++this.#epochs}`
  }

  append(records: readonly SessionRecord[], hash: number, owner: BatchOwner): void {
    this.#appends.push({ records, hash, owner })
    this.#wake()
  }

  flushLater(attempt: Attempt): void {
    this.#flushing.push(attempt)
    this.#wake()
  }

  lookAgain(client: ClientLog): void {
    if (client.dirty) return
    client.dirty = true
    this.#dirty.push(client)
    this.#wake()
  }

  whenRead(done: (read: boolean) => void): void {
    this.#reader.catchUp((error) => done(error === null))
  }

  onAttemptOver(attempt: Attempt): void {
    const { client } = attempt
    client.removeAttempt(attempt)
    this.#attempts.delete(attempt)
    // An epoch of ours that still owns is closed.
    this.lookAgain(client)
    if (this.#attempts.size === 0) this.#wake()
    this.#map.release(client)
  }

  onClientDue(client: ClientLog): void {
    this.lookAgain(client)
  }

  onChanged(client: ClientLog, instance: string): void {
    const concerns = client.attempts.length > 0 || instance === this.instance || this.#tenures.has(client.partition)
    if (concerns) this.lookAgain(client)
  }

  onGroup(name: string, state: SessionState | null): void {
    this.#listener.onGroup(name, state)
  }

  onUnknownVersion(key: string): void {
    this.#setWrong(
      `'${key}' on the sessions topic was written by a later version of this program, which must not be mixed`,
    )
  }

  onGrown(): void {
    this.#setWrong('the sessions topic has more partitions than before: client ids would belong elsewhere')
  }

  onLoaded(): void {
    this.#silence.start()
    this.#listener.onSessionsChange()
    this.#judgeAll()
  }

  onFetched(partition: number): void {
    this.#silence.onFetched(partition)
  }

  onReaderAvailable(): void {
    this.#listener.onSessionsChange()
  }

  onLogReplaced(): void {
    this.onStale()
  }

  /** Reads everything again; nobody can own meanwhile. */
  onStale(): void {
    this.#report.event('error', 'MQTT_KAFKA_SESSIONS_STALE', 'the sessions topic is read again from its start')
    this.#silence.stop()
    const error = new StreamError('unavailable', 'the sessions must be read again')
    for (const attempt of [...this.#attempts]) attempt.abandon(error)
    this.#map.clear()
    this.#reader.restart()
    this.#listener.onSessionsChange()
  }

  onSilent(partition: number, silent: boolean): void {
    this.#listener.onSilent(partition, silent)
  }

  onMembership(): void {
    const held = new Set(this.membership.partitions)
    for (const [partition, tenure] of this.#tenures) {
      if (held.has(partition)) continue
      tenure.close()
      this.#tenures.delete(partition)
    }
    for (const partition of held) {
      const tenure = this.#tenures.get(partition) ?? new Tenure(partition, this.#tenureContext)
      this.#tenures.set(partition, tenure)
      tenure.open()
    }
    for (const attempt of this.#attempts) if (attempt.waiting) this.lookAgain(attempt.client)
    this.#judgeAll()
  }

  #onWriterChange(): void {
    if (this.writable) for (const attempt of this.#attempts) attempt.resume()
    this.#listener.onSessionsChange()
  }

  /** What the view of one client id means for its connections here, and for its partition if that is ours. */
  #look(client: ClientLog): void {
    try {
      const facts = client.facts()
      const view = viewOf(facts)
      for (const attempt of client.attempts) attempt.look(view)
      this.#closeOrphan(client, view)
      const tenure = this.#tenures.get(client.partition)
      this.deadlines.set(client, tenure === undefined ? Number.POSITIVE_INFINITY : tenure.judge(client, facts, view))
    } catch (error) {
      this.#report.fault('sessions.look', error)
      for (const attempt of client.attempts) attempt.abandon(toStreamError(error, 'internal'))
    }
  }

  #flush(attempt: Attempt): void {
    try {
      attempt.flush()
    } catch (error) {
      this.#report.fault('sessions.flush', error)
      attempt.abandon(toStreamError(error, 'internal'))
    }
  }

  /** An epoch of ours that owns without a connection: its client was gone when the claim landed. */
  #closeOrphan(client: ClientLog, view: View): void {
    const { owner } = view
    if (owner === null || owner.instance !== this.instance || client.closing === owner.epoch) return
    if (client.attempts.some(({ epoch, former }) => epoch === owner.epoch || former === owner.epoch)) return
    client.closing = owner.epoch
    const records = orphanRecords(client, view, owner, this.now(), this.parameters.endedRetentionMs)
    this.append(records, client.hash, new OrphanBatch(client, this))
  }

  /** Judges all clients of the partitions that are ours, a part of them each turn. */
  #judgeAll(): void {
    this.#listener.onHoldings()
    if (this.#tenures.size === 0 || !this.#reader.loaded) return
    this.#map.forgetInstances(this.now() - 2 * this.parameters.endedRetentionMs)
    this.#scan = this.#map.clients.values()
    this.#wake()
  }

  #judgeSome(): void {
    if (this.#scan === null) return
    for (let count = 0; count < JUDGED_PER_TURN; count++) {
      const { value: client, done } = this.#scan.next()
      if (done === true) {
        this.#scan = null
        return
      }
      if (this.#tenures.has(client.partition)) this.#look(client)
    }
    this.#wake()
  }

  #setWrong(message: string): void {
    if (this.#wrong !== null) return
    this.#wrong = new StreamError('invalid', message)
    this.#report.event('error', 'MQTT_KAFKA_SESSIONS_WRONG', message)
    this.#listener.onSessionsChange()
  }

  #refuse(): void {
    for (const refused of this.#refused.splice(0)) refused.tell()
  }

  #flushAppends(): void {
    const appends = this.#appends
    this.#appends = []
    for (const { records, hash, owner } of appends) this.#writer.append(records, hash, owner)
    if (this.idle) this.#listener.onSessionsChange()
  }

  #wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.endOfTurn(this)
  }
}

/**
 * The session is somebody else's as far as is known here, so that nothing needs to be written. Of those who race the log
 * knows the first, and of a session that is ending here whether anything is left of it.
 */
function isForeign(client: ClientLog, owner: string | null): boolean {
  // those before the last one were told to go when it came
  const last = client.attempts.at(-1)
  if (last?.told === true) return false
  const holder = last === undefined ? (client.view().session?.owner ?? null) : last.owner
  return holder !== null && holder !== owner
}

/** A claim that was never made. */
class Refused implements SessionHandle {
  readonly partition: number
  readonly #claimant: SessionClaimant
  readonly #error: StreamError
  #told = false
  constructor(partition: number, claimant: SessionClaimant, error: StreamError) {
    this.partition = partition
    this.#claimant = claimant
    this.#error = error
  }
  tell(): void {
    if (!this.#told) this.#claimant.onLost(this.#error)
    this.#told = true
  }
  save(): void {}
  touch(): void {}
  ended(): void {}
  close(): void {
    this.#told = true
  }
}

/** The end of an epoch without a connection. Where nobody knows whether it is stored, it is written again after a while. */
class OrphanBatch implements BatchOwner {
  readonly #client: ClientLog
  readonly #layer: SessionLayer
  constructor(client: ClientLog, layer: SessionLayer) {
    this.#client = client
    this.#layer = layer
  }
  onFailed(_error: StreamError, definite: boolean): void {
    if (definite) return
    const client = this.#client
    const layer = this.#layer
    const retry = {
      dueIndex: -1,
      dueAt: 0,
      onDue: () =>
        layer.whenRead(() => {
          client.closing = null
          layer.lookAgain(client)
        }),
    }
    layer.deadlines.set(retry, layer.now() + layer.parameters.settleMs)
  }
}

function orphanRecords(client: ClientLog, view: View, owner: Epoch, at: number, retentionMs: number): SessionRecord[] {
  const { epoch, instance, rank, expiry, willDelay } = owner
  const sweep = sweepOf(client, epoch, rank, at - retentionMs)
  const owned = {
    epoch,
    instance,
    rank,
    sid: view.session!.sid,
    expiry,
    willDelay,
    owner: owner.owner,
    spared: sweep.spared,
  }
  const state = client.stateOf(view)
  const keepsWill = view.wills.get(epoch) === 'armed'
  const ending = { at, reason: 'abnormal', code: null, expirySeconds: expiry, state, keepsWill } as const
  return closedRecords(client, owned, ending, sweep)
}
