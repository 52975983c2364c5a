/**
 * The QoS 2 publishes of one publish stream: intent, then message, then the answer. A packet identifier that is known already
 * is the same message again; one that an earlier connection left without an outcome is looked for in the log. Belongs to a
 * `PublishStream`; what outlives it is in the session's `Inbound`.
 */
import { type Clock, type ErrorCode, type Exit, StreamError } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { type Inbound, Intent, partitionOf, recordHash } from './inbound.ts'
import type { KnownEnds } from './known-ends.ts'
import type { Ends } from './log-positions.ts'
import { copiesOf, keep, type Publish } from './publish.ts'
import { RecordSearch } from './record-search.ts'
import type { RetainedMap } from './retained-map.ts'
import { SESSION_PARAMETERS } from './session/parameters.ts'
import type { StateStore } from './state-store.ts'

const SUCCESS = 0x00
const PACKET_IDENTIFIER_NOT_FOUND = 0x92
/** Errors that do not say whether a record is stored. */
const UNKNOWN: ReadonlySet<ErrorCode> = new Set(['unavailable', 'timeout', 'closed', 'shutdown', 'internal'])
const GIVEN_UP = new StreamError('closed', 'the connection is over')

export interface ExactlyOnceContext {
  readonly clock: Clock
  readonly ends: KnownEnds
  readonly retained: RetainedMap
  /** searches under way */
  readonly searches: Set<RecordSearch>
  /** a topic stamps records itself */
  stampsOnAppend(): boolean
}

/** The session, as far as QoS 2 concerns it. */
export interface ExactlyOnceSession {
  readonly inbound: Inbound
  readonly store: StateStore
  /** it was there before this connection */
  readonly resumed: boolean
  /** epoch ms; what the connection before had sent may still land for a while after it; null: it cannot */
  readonly cutAt: number | null
}

/** What the publish stream does for it. */
export interface PublishSite {
  exitOf(publish: Publish): Exit<Kafka>
  /** A publish has come in that is answered when so many copies are; its number. */
  open(copies: number): number
  /** Writes all copies; each is answered by `answered`. */
  write(publish: Publish, number: number): void
  /** Writes the retained copy only. */
  writeRetainedCopy(publish: Publish, number: number): void
  /** Copies that need not be written any more. */
  settle(number: number, copies: number, refused?: StreamError): void
  grant(cost: number): void
  pubcomp(packetId: number, reasonCode: number): void
  abort(error: StreamError): void
}

/** A publish whose records are under way. */
interface Produced {
  readonly intent: Intent
  copies: number
  refused: StreamError | null
}

/** A publish whose records are not written yet. */
interface Held {
  publish: Publish
  intent: Intent
  /** what is to be done; null: that is not known yet; `copy`: the message is there, its retained copy may not be */
  next: 'write' | 'copy' | 'answer' | null
}

export class ExactlyOnce {
  readonly #site: PublishSite
  readonly #session: ExactlyOnceSession
  readonly #context: ExactlyOnceContext
  /** by number of the publish */
  readonly #produced = new Map<number, Produced>()
  /**
   * By number, in the order of their PUBLISHes, in which they are written as well [MQTT-4.6.0-5]: one that must be looked
   * for first holds up those behind it.
   */
  readonly #held = new Map<number, Held>()

  constructor(site: PublishSite, session: ExactlyOnceSession, context: ExactlyOnceContext) {
    this.#site = site
    this.#session = session
    this.#context = context
  }

  /** A PUBLISH, for the first time or again. What is borrowed in it holds for the call. */
  publish(publish: Publish): void {
    const number = this.#site.open(copiesOf(publish))
    const known = this.#session.inbound.get(publish.meta.packetId)
    if (known === undefined) this.#begin(publish, number)
    else this.#again(publish, number, known)
  }

  #begin(publish: Publish, number: number): void {
    const { inbound, store } = this.#session
    const intent = new Intent(publish.meta.packetId, publish.target.topic, 'new')
    inbound.add(intent)
    if (store.durable) this.#locate(keep(publish), number, intent)
    else if (this.#held.size === 0) this.#produce(publish, number, intent)
    else {
      this.#hold(keep(publish), number, intent)
      this.#ready(number, 'write')
    }
  }

  /** PUBREL: the packet identifier is free once that is stored, or the next message with it would be taken for this one. */
  release(packetId: number): void {
    const { inbound, store } = this.#session
    const intent = inbound.get(packetId)
    if (intent === undefined) {
      // In a session that goes on it was released before, and PUBCOMP was lost: no error during recovery (§3.7.2.1).
      this.#site.pubcomp(packetId, this.#session.resumed ? SUCCESS : PACKET_IDENTIFIER_NOT_FOUND)
      return
    }
    const release = () => {
      inbound.remove(intent)
      store.after({ onStored: () => this.#site.pubcomp(packetId, SUCCESS) })
    }
    // Whoever sends PUBREL has seen PUBREC, on an earlier connection perhaps.
    if (intent.state === 'inherited') release()
    else whenStored(intent, release)
  }

  /** One copy of a publish has been answered. */
  answered(number: number, refused: StreamError | null): void {
    const produced = this.#produced.get(number)
    if (produced === undefined) return
    produced.refused ??= refused
    if (--produced.copies > 0) return
    this.#produced.delete(number)
    const { inbound, store } = this.#session
    const { intent } = produced
    if (produced.refused === null) inbound.answered(intent, 'stored')
    else if (UNKNOWN.has(produced.refused.code)) inbound.answered(intent, 'inherited')
    else {
      inbound.remove(intent)
      store.touch()
    }
  }

  /** The connection ends: the client has had no answer to what is not written, and will send it again. */
  giveUpHeld(): void {
    const held = [...this.#held]
    this.#held.clear()
    for (const [number, { publish, intent, next }] of held) {
      // Its search is over; one that is not will say so itself.
      if (next !== null && intent.state === 'searching') this.#session.inbound.answered(intent, 'inherited')
      this.#site.settle(number, copiesOf(publish), GIVEN_UP)
    }
  }

  /** Nobody will hear of what is under way. */
  close(): void {
    for (const { intent } of this.#produced.values()) this.#session.inbound.answered(intent, 'inherited')
    this.#produced.clear()
    this.#held.clear()
  }

  /** One that was held before stays where it is. */
  #hold(publish: Publish, number: number, intent: Intent): void {
    const held = this.#held.get(number)
    if (held === undefined) this.#held.set(number, { publish, intent, next: null })
    else {
      held.publish = publish
      held.intent = intent
    }
  }

  /** It is known what is to be done, which is done when everything before it is. */
  #ready(number: number, next: NonNullable<Held['next']>): void {
    const held = this.#held.get(number)
    if (held === undefined) return
    held.next = next
    for (const [first, { publish, intent, next }] of this.#held) {
      if (next === null) return
      this.#held.delete(first)
      if (next === 'write') this.#produce(publish, first, intent)
      else if (next === 'copy') this.#onStoredBefore(publish, first, intent)
      else this.#site.settle(first, copiesOf(publish))
    }
  }

  /** Finds out what the record will be known by, and stores that before the record. */
  #locate(publish: Publish, number: number, intent: Intent): void {
    this.#hold(publish, number, intent)
    this.#context.ends.of(this.#site.exitOf(publish), intent.topic, (ends) => {
      if (!this.#held.has(number)) this.#session.inbound.remove(intent)
      else if (ends === null || ends.length === 0) {
        this.#session.inbound.remove(intent)
        this.#site.abort(new StreamError('unavailable', `it cannot be known where ${intent.topic} ends`))
      } else this.#intend(publish, number, intent, ends)
    })
  }

  #intend(publish: Publish, number: number, intent: Intent, ends: Ends): void {
    const { produce, payload } = publish
    const partition = partitionOf(produce, ends.length)
    const hash = recordHash(produce.key, produce.headers, payload)
    intent.locate({ partition, from: ends[partition]!, timestamp: produce.timestamp, hash })
    this.#session.store.after({ onStored: () => this.#ready(number, 'write') })
  }

  #produce(publish: Publish, number: number, intent: Intent): void {
    intent.state = 'producing'
    this.#produced.set(number, { intent, copies: copiesOf(publish), refused: null })
    this.#site.write(publish, number)
  }

  /** The packet identifier is not released yet [MQTT-4.3.3-10]: it is the same message. */
  #again(publish: Publish, number: number, intent: Intent): void {
    if (intent.state === 'inherited') this.#search(keep(publish), number, intent)
    else if (intent.state === 'stored') {
      this.#site.grant(publish.cost)
      if (this.#held.has(number)) this.#ready(number, 'answer')
      else this.#site.settle(number, copiesOf(publish))
    } else this.#await(keep(publish), number, intent)
  }

  /** It is under way already. Whoever waits for the answer may learn that there is none, or that it was given up. */
  #await(publish: Publish, number: number, intent: Intent): void {
    this.#hold(publish, number, intent)
    intent.waiters.push(() => {
      if (!this.#held.has(number)) return
      const known = this.#session.inbound.get(publish.meta.packetId)
      if (known === undefined) this.#begin(publish, number)
      else this.#again(publish, number, known)
    })
  }

  /** It may have been stored on an earlier connection: the log knows. */
  #search(publish: Publish, number: number, intent: Intent): void {
    const { clock, searches } = this.#context
    intent.state = 'searching'
    this.#hold(publish, number, intent)
    const search = new RecordSearch(intent, this.#context.stampsOnAppend(), (found) => {
      searches.delete(search)
      this.#onFound(publish, number, intent, found)
    })
    searches.add(search)
    // What an owner that was cut had sent may land until then; whoever cut it may have another clock.
    const { cutAt } = this.#session
    const { settleMs } = SESSION_PARAMETERS
    const delayMs = cutAt === null ? 0 : Math.min(cutAt + settleMs - clock.now(), settleMs)
    search.begin(this.#site.exitOf(publish), clock, delayMs)
  }

  #onFound(publish: Publish, number: number, intent: Intent, found: number | StreamError): void {
    const { inbound } = this.#session
    const held = this.#held.get(number)
    if (found instanceof StreamError || held === undefined) {
      inbound.answered(intent, 'inherited')
      if (held === undefined || !(found instanceof StreamError)) return
      this.#site.abort(new StreamError('unavailable', `what was stored is not known: ${found.message}`))
    } else if (found > inbound.rank(intent)) this.#ready(number, 'copy')
    else {
      // It is the record that was intended, so that it can be looked for again.
      held.publish = { ...publish, produce: { ...publish.produce, timestamp: intent.timestamp } }
      this.#ready(number, 'write')
    }
  }

  /** The message is there; its retained copy may not be, unless a newer one is. */
  #onStoredBefore(publish: Publish, number: number, intent: Intent): void {
    const { meta } = publish
    const kept = this.#context.retained.get(meta.topic)
    if (meta.retain && (kept === null || kept.timestamp < intent.timestamp)) {
      intent.state = 'producing'
      this.#produced.set(number, { intent, copies: 1, refused: null })
      this.#site.settle(number, 1)
      this.#site.writeRetainedCopy({ ...publish, produce: { ...publish.produce, timestamp: intent.timestamp } }, number)
      return
    }
    this.#session.inbound.answered(intent, 'stored')
    this.#site.grant(publish.cost)
    this.#site.settle(number, copiesOf(publish))
  }
}

function whenStored(intent: Intent, then: () => void): void {
  if (intent.state === 'stored') then()
  else intent.waiters.push(then)
}
