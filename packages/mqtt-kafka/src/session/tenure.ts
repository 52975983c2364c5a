/**
 * One partition of the sessions topic, for as long as it is this instance's to look after: ends epochs of dead instances,
 * publishes wills, ends sessions, removes what is over. All it does is to append what time and the group suggest; whether it
 * counts is for the order of the log. Nothing is done before a term is held and everything is read that was written before it.
 */
import { type Clock, type Reporter, StreamError } from '@zilla-ts/engine'
import { BackOff } from '../back-off.ts'
import type { ClientLog } from './client-log.ts'
import type { Deadline, DeadlineQueue } from './deadline-queue.ts'
import type { Membership } from './membership.ts'
import type { SessionParameters } from './parameters.ts'
import { encodeCut, encodeValue, type KeyKind, sessionKey } from './records.ts'
import type { CatchUp, SessionReader } from './session-reader.ts'
import type { BatchOwner, SessionRecord } from './session-writer.ts'
import type { Fact, View } from './view.ts'
import { type FiringContext, type FiringListener, WillFiring } from './will-firing.ts'

export interface TenureContext {
  readonly clock: Clock
  readonly report: Reporter
  readonly instance: string
  /** consumer group of the instances; transactional ids begin with it */
  readonly group: string
  readonly parameters: SessionParameters
  readonly deadlines: DeadlineQueue
  readonly reader: SessionReader
  readonly membership: Membership
  readonly firing: FiringContext
  append(records: readonly SessionRecord[], hash: number, owner: BatchOwner): void
  /** All clients of this partition are to be judged anew. */
  onTenure(): void
  /** Nothing is looked after any more. */
  onStand(): void
}

const NEVER = Number.POSITIVE_INFINITY

export class Tenure implements BatchOwner, FiringListener, Deadline {
  readonly partition: number
  dueIndex = -1
  dueAt = 0
  readonly #context: TenureContext
  readonly #backOff: BackOff
  #firing: WillFiring
  #catchUp: CatchUp | null = null
  #term: string | null = null
  #active = false
  /** has asked for a term, or holds one */
  #standing = false
  #closed = false
  /**
   * What was appended in this term, with the newest offset known of the client then. A decision is written once for each
   * epoch and term: a second record of its key would move the offset that decides (R2).
   */
  readonly #done = new Map<string, number>()

  constructor(partition: number, context: TenureContext) {
    this.partition = partition
    this.#context = context
    this.#backOff = new BackOff(context.clock, () => this.open())
    this.#firing = this.#newFiring()
  }

  /** it holds a term and has read what came before it */
  get active(): boolean {
    return this.#active
  }

  /** wills under way */
  get firing(): number {
    return this.#firing.size
  }

  get done(): number {
    return this.#done.size
  }

  /** Takes a new term. */
  open(): void {
    if (this.#closed || this.#standing) return
    this.#standing = true
    this.#backOff.cancel()
    this.#context.deadlines.remove(this)
    this.#firing = this.#newFiring()
    if (!this.#firing.open()) {
      this.onTermLost(new StreamError('unavailable', `${this.#context.firing.exit.name} refuses`))
    }
  }

  close(): void {
    this.#closed = true
    this.#stand()
    this.#backOff.cancel()
    this.#context.deadlines.remove(this)
  }

  onTerm(term: string): void {
    this.#term = term
    // What the former holder did lies before the end asked for now: its transactions were ended by taking the term.
    this.#catchUp = this.#context.reader.catchUp((error) => {
      if (error !== null) this.onTermLost(error)
      else this.#begin()
    })
  }

  onTermLost(error: StreamError): void {
    if (this.#closed) return
    this.#stand()
    this.#context.report.event(
      'info',
      'MQTT_KAFKA_TERM_LOST',
      `sessions partition ${this.partition}: ${error.message}`,
      {
        partition: this.partition,
        code: error.code,
      },
    )
    // Whoever took it was given the partition later, most likely. If not, the group will have said so by then.
    const { clock, deadlines, parameters } = this.#context
    if (error.code === 'taken-over') deadlines.set(this, clock.now() + parameters.sessionTimeoutMs)
    else this.#backOff.schedule()
  }

  onDue(): void {
    this.open()
  }

  /** A record of this term may be there or not: only a new term knows what it writes. */
  onFailed(error: StreamError): void {
    this.onTermLost(error)
  }

  /** It can never be published: what is left is to say so and to remove it. */
  onUndeliverable(client: ClientLog, epoch: string, error: StreamError): void {
    const { report } = this.#context
    report.counter('mqtt.kafka.wills.refused').value++
    report.event(
      'error',
      'MQTT_KAFKA_WILL_REFUSED',
      `the will of '${client.clientId}' cannot be published: ${error.message}`,
      {
        client: client.clientId,
        code: error.code,
      },
    )
    this.#append(client, [{ key: sessionKey(client.clientId, 'w', epoch, null), value: null }])
  }

  /** Publishes what has become due. */
  flush(): void {
    if (this.#active) this.#firing.flush()
  }

  /** Does what is due for this client; when it must be asked again, epoch ms. */
  judge(client: ClientLog, facts: readonly Fact[], view: View): number {
    if (!this.#active) return NEVER
    this.#forget(client, facts)
    this.#firing.update(client, view.wills)
    return Math.min(
      view.owner !== null ? this.#judgeOwner(client, view) : this.#judgeEnded(client, view),
      isOver(client, facts, view) ? this.#judgeOver(client, facts, view) : this.#judgeObsolete(client, facts, view),
    )
  }

  /** An owner whose instance is dead is cut. */
  #judgeOwner(client: ClientLog, { owner }: View): number {
    const deadAt = this.#context.membership.deadAt(owner!.instance)
    if (deadAt > this.#now) return deadAt
    this.#decide(client, 'cut', owner!.epoch)
    return NEVER
  }

  /** A delayed will becomes due, a session ends. Times are those of another host's clock. */
  #judgeEnded(client: ClientLog, { ended, session, wills }: View): number {
    if (ended === null) return NEVER
    const { epoch, fireAt, expireAt } = ended
    const skewMs = this.#context.membership.exclusive ? 0 : this.#context.parameters.skewMs
    let at = NEVER
    if (fireAt !== null && wills.get(epoch.epoch) === 'pending') {
      if (fireAt + skewMs <= this.#now) this.#decide(client, 'fire', epoch.epoch)
      else at = fireAt + skewMs
    }
    if (expireAt !== null && session !== null) {
      if (expireAt + skewMs <= this.#now) this.#decide(client, 'expire', epoch.epoch)
      else at = Math.min(at, expireAt + skewMs)
    }
    return at
  }

  /** All keys of an ended session go, once no record of it can be late any more. */
  #judgeOver(client: ClientLog, facts: readonly Fact[], { refused }: View): number {
    const { timestamp, offset } = client.newest()
    const at = timestamp + this.#context.parameters.endedRetentionMs
    if (at > this.#now) return at
    if (!this.#once(`${client.clientId}#over`, offset)) return NEVER
    this.#append(client, tombstones(client, inRemovalOrder(facts, refused)))
    return NEVER
  }

  /** What a late writer has written again after it was removed, or what no owner came to remove. */
  #judgeObsolete(client: ClientLog, facts: readonly Fact[], view: View): number {
    const ranks = ranksOf(facts)
    const obsolete = facts.filter(({ kind, epoch }) => kind !== 'w' && (ranks.get(epoch) ?? -1) < view.topRank)
    if (obsolete.length === 0) this.#done.delete(`${client.clientId}#obsolete`)
    let at = NEVER
    let newest = -1
    const removable: Fact[] = []
    for (const fact of obsolete) {
      const dueAt = client.timestampOf(fact) + this.#context.parameters.endedRetentionMs
      if (dueAt > this.#now) at = Math.min(at, dueAt)
      else {
        removable.push(fact)
        newest = Math.max(newest, fact.offset)
      }
    }
    if (removable.length > 0 && this.#once(`${client.clientId}#obsolete`, newest)) {
      this.#append(client, tombstones(client, inRemovalOrder(removable, view.refused)))
    }
    return at
  }

  #decide(client: ClientLog, kind: Exclude<KeyKind, 'e' | 'w'>, epoch: string): void {
    if (!this.#once(`${client.clientId}#${kind}#${epoch}`, 0)) return
    const now = this.#now
    const value = kind === 'cut' ? encodeCut(now, this.#context.instance, 'dead') : encodeValue({ at: now })
    this.#append(client, [{ key: sessionKey(client.clientId, kind, epoch, `h${this.#term}`), value }])
  }

  /** What has been read back speaks for itself. */
  #forget(client: ClientLog, facts: readonly Fact[]): void {
    if (facts.length === 0) this.#done.delete(`${client.clientId}#over`)
    for (const fact of facts) {
      if ('writer' in fact && fact.writer === `h${this.#term}`) {
        this.#done.delete(`${client.clientId}#${fact.kind}#${fact.epoch}`)
      }
    }
  }

  /** Whether this has not been done in this term, or has been before there was something newer. */
  #once(what: string, offset: number): boolean {
    const before = this.#done.get(what)
    if (before !== undefined && before >= offset) return false
    this.#done.set(what, offset)
    return true
  }

  #append(client: ClientLog, records: readonly SessionRecord[]): void {
    this.#context.append(records, client.hash, this)
  }

  get #now(): number {
    return this.#context.clock.now()
  }

  #begin(): void {
    this.#catchUp = null
    this.#active = true
    this.#backOff.reset()
    this.#context.onTenure()
  }

  #stand(): void {
    this.#active = false
    this.#standing = false
    this.#term = null
    this.#catchUp?.cancel()
    this.#catchUp = null
    this.#firing.close(new StreamError('closed', 'the partition is not held any more'))
    this.#done.clear()
    this.#context.onStand()
  }

  #newFiring(): WillFiring {
    return new WillFiring(this.#context.firing, `${this.#context.group}-${this.partition}`, this)
  }
}

/** Nothing is left of it but keys: nobody owns, no session, no will that counts. */
function isOver(client: ClientLog, facts: readonly Fact[], view: View): boolean {
  if (facts.length === 0 || client.attempts.length > 0) return false
  if (view.owner !== null || view.session !== null) return false
  return [...view.wills.values()].every((status) => status === 'void' || status === 'cancelled' || status === 'orphan')
}

function ranksOf(facts: readonly Fact[]): Map<string, number> {
  const ranks = new Map<string, number>()
  for (const fact of facts) {
    if (fact.kind === 'e') ranks.set(fact.epoch, fact.record.k === 'claim' ? fact.offset : fact.record.rank)
  }
  return ranks
}

/**
 * Lowest rank first, so that no prefix makes an older epoch the newest; of each epoch first its own key. Before all that was
 * refused, which would count once the session that it was refused for is gone.
 */
function inRemovalOrder(facts: readonly Fact[], refused: ReadonlySet<string>): Fact[] {
  const ranks = ranksOf(facts)
  const rank = ({ epoch }: Fact) => (refused.has(epoch) ? -2 : (ranks.get(epoch) ?? -1))
  return [...facts].sort((a, b) => rank(a) - rank(b) || Number(a.kind !== 'e') - Number(b.kind !== 'e'))
}

function tombstones(client: ClientLog, facts: readonly Fact[]): SessionRecord[] {
  return facts.map((fact) => {
    const writer = 'writer' in fact ? fact.writer : null
    return { key: sessionKey(client.clientId, fact.kind, fact.epoch, writer), value: null }
  })
}
