/**
 * The `publish` stream of one client: each PUBLISH becomes a record in the Kafka topic of its route, and with RETAIN a second
 * one in the retained topic. Acknowledges in the order of the publishes, and only what is stored. QoS 2 goes by an intent
 * (`Inbound`), so that what is sent twice is stored once.
 */
import { type Clock, type ErrorCode, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { EncodedHeaders, ProduceMeta } from '@zilla-ts/kafka'
import { LEVELS_MAX, type Mqtt, type MqttSignal, type PublishMeta, type Qos, withinLevels } from '@zilla-ts/mqtt'
import { AckWindow } from './ack-window.ts'
import type { Counters } from './counters.ts'
import { Intent, partitionOf, recordHash } from './inbound.ts'
import type { KnownEnds } from './known-ends.ts'
import type { Ends } from './log-positions.ts'
import type { MissingTopics } from './missing-topics.ts'
import { type ProduceOwner, ProduceTarget } from './produce-target.ts'
import type { RecordHeaders, RecordOrigin } from './record-headers.ts'
import { RecordSearch } from './record-search.ts'
import type { RetainedFlights } from './retained-flights.ts'
import type { RetainedOrigin } from './retained-origin.ts'
import type { Destination, PermittedRoute, Routes } from './routes.ts'
import { SESSION_PARAMETERS } from './session/parameters.ts'
import type { SessionStream } from './session-stream.ts'
import type { TopicRecord, TopicRecords } from './topic-records.ts'
import type { TopicUse } from './topic-use.ts'

/** What a client may send ahead of Kafka, payload and 64 bytes a message; held here while Kafka has no room. */
const WINDOW_BYTES = 64 * 1024
/** Topics whose records are prepared; a client publishes to few. */
const RECENT_MAX = 16
/** Kafka topics one client writes to at a time. */
const TARGETS_MAX = 32
const NOTHING = Buffer.alloc(0)
const GIVEN_UP = new StreamError('closed', 'the connection is over')
const SUCCESS = 0x00
const PACKET_IDENTIFIER_NOT_FOUND = 0x92
/** Errors that do not say whether a record is stored. */
const UNKNOWN: ReadonlySet<ErrorCode> = new Set(['unavailable', 'timeout', 'closed', 'shutdown', 'internal'])

export interface PublishContext {
  readonly clock: Clock
  readonly counters: Counters
  readonly routes: Routes
  readonly records: TopicRecords
  readonly headers: RecordHeaders
  readonly flights: RetainedFlights
  readonly origin: RetainedOrigin
  readonly missing: MissingTopics
  readonly paramTopics: TopicUse
  readonly retainedTopic: string
  readonly qosMax: Qos
  readonly ends: KnownEnds
  /** searches under way */
  readonly searches: Set<RecordSearch>
  /** a topic stamps records itself */
  stampsOnAppend(): boolean
  /** publish streams that are not over */
  readonly publishers: Set<PublishStream>
  onPublisherClosed(): void
}

/** One PUBLISH and what becomes of it; payload and headers are borrowed unless kept. */
interface Publish {
  readonly target: ProduceTarget
  readonly meta: PublishMeta
  readonly payload: Buffer
  readonly produce: ProduceMeta
  readonly cost: number
}

/** The records of a QoS 2 publish. */
interface Produced {
  readonly intent: Intent
  copies: number
  refused: StreamError | null
}

/** A topic as this client publishes to it. */
interface Recent {
  readonly record: TopicRecord
  readonly origin: RecordOrigin
  readonly target: ProduceTarget
  /** headers of a publish without properties, by QoS */
  readonly plain: (EncodedHeaders | undefined)[]
}

export class PublishStream implements StreamHandler<Mqtt>, ProduceOwner {
  readonly #stream: Stream<Mqtt>
  readonly #session: SessionStream
  readonly #permitted: readonly PermittedRoute[]
  readonly #context: PublishContext
  readonly #local: Buffer
  readonly #window: AckWindow
  readonly #targets = new Map<string, { readonly target: ProduceTarget; readonly to: Destination }>()
  readonly #recent = new Map<string, Recent>()
  /** QoS 2 whose records are not answered, by number of the publish */
  readonly #intents = new Map<number, Produced>()
  /** QoS 2 whose records are not written yet: how many there will be, by number of the publish */
  readonly #held = new Map<number, number>()
  #ended = false
  #closed = false

  constructor(
    clientId: string,
    stream: Stream<Mqtt>,
    session: SessionStream,
    permitted: readonly PermittedRoute[],
    context: PublishContext,
  ) {
    this.#stream = stream
    this.#session = session
    this.#permitted = permitted
    this.#context = context
    this.#local = Buffer.from(clientId)
    this.#window = new AckWindow(stream)
    session.attach(this)
    context.publishers.add(this)
    stream.accept({ kind: 'publish' })
    stream.grant(WINDOW_BYTES)
  }

  onData(payload: Buffer, meta: Mqtt['meta'], cost: number): void {
    if (!('topic' in meta)) return
    const recent = this.#recentOf(meta.topic)
    const problem = recent instanceof StreamError ? recent : this.#problem(meta)
    if (recent instanceof StreamError || problem !== null) {
      this.#refuse(problem!, cost)
      return
    }
    const { record, target } = recent
    const timestamp = this.#context.clock.now()
    let headers: Buffer
    let headerCount: number
    if (meta.properties === null) {
      const plain = recent.plain[meta.qos] ?? this.#makePlain(recent, meta.qos)
      headers = plain.buffer
      headerCount = plain.count
    } else {
      headers = this.#context.headers.encode(record, recent.origin, meta.qos, meta.properties, payload.length)
      headerCount = this.#context.headers.count
      // The view must outlast the first of the two writes.
      if (meta.retain) headers = Buffer.from(headers)
    }
    const produce = { key: record.key, hash: record.hash, tombstone: false, timestamp, headers, headerCount }
    if (meta.qos === 2) this.#exactlyOnce({ target, meta, payload, produce, cost })
    else if (!meta.retain) target.write(this.#window.open(1), payload, produce, cost, null)
    else this.#writeRetained({ target, meta, payload, produce, cost }, this.#window.open(2))
  }

  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'pubrel') this.#exactlyOnceEnds(signal.packetId)
  }

  /** A PUBLISH of QoS 2, for the first time or again. */
  #exactlyOnce(publish: Publish): void {
    const { inbound, store } = this.#session
    const known = inbound.get(publish.meta.packetId)
    if (known !== undefined) this.#again(publish, known)
    else if (store.durable) {
      const copies = publish.meta.retain ? 2 : 1
      const number = this.#window.open(copies)
      this.#held.set(number, copies)
      const held = keep(publish)
      const { exit } = this.#targets.get(held.target.topic)!.to
      this.#context.ends.of(exit, held.target.topic, (ends) => this.#intend(held, number, ends))
    } else {
      const { packetId } = publish.meta
      const { topic } = publish.target
      const intent = new Intent({ packetId, topic, partition: 0, from: 0, timestamp: 0, hash: '' }, 'producing')
      inbound.add(intent)
      this.#produce(publish, this.#window.open(publish.meta.retain ? 2 : 1), intent)
    }
  }

  /** Stores what the record will be known by, before the record. */
  #intend(publish: Publish, number: number, ends: Ends | null): void {
    if (!this.#held.has(number)) return
    const { meta, payload, produce, target } = publish
    if (ends === null || ends.length === 0) {
      this.abort(new StreamError('unavailable', `it cannot be known where ${target.topic} ends`))
      return
    }
    const partition = partitionOf(produce, ends.length)
    const hash = recordHash(produce.key, produce.headers, payload)
    const { packetId } = meta
    const { topic } = target
    const { timestamp } = produce
    const intent = new Intent({ packetId, topic, partition, from: ends[partition]!, timestamp, hash }, 'new')
    this.#session.inbound.add(intent)
    this.#session.store.after({
      onStored: () => {
        if (!this.#held.delete(number)) return
        intent.state = 'producing'
        this.#produce(publish, number, intent)
      },
    })
  }

  #produce(publish: Publish, number: number, intent: Intent): void {
    this.#intents.set(number, { intent, copies: publish.meta.retain ? 2 : 1, refused: null })
    if (publish.meta.retain) this.#writeRetained(publish, number)
    else publish.target.write(number, publish.payload, publish.produce, publish.cost, null)
  }

  /** The packet identifier is not released yet [MQTT-4.3.3-10]: it is the same message. */
  #again(publish: Publish, intent: Intent): void {
    const number = this.#window.open(1)
    if (intent.state === 'inherited') {
      this.#search(keep(publish), number, intent)
      return
    }
    this.#stream.grant(publish.cost)
    this.#whenStored(intent, () => {
      this.onAnswered(number)
      this.onFlush()
    })
  }

  #whenStored(intent: Intent, then: () => void): void {
    if (intent.state === 'stored') then()
    else intent.waiters.push(then)
  }

  /** It may have been stored on an earlier connection: the log knows. */
  #search(publish: Publish, number: number, intent: Intent): void {
    const { clock, stampsOnAppend, searches } = this.#context
    const { inbound } = this.#session
    intent.state = 'searching'
    this.#held.set(number, 1)
    const search = new RecordSearch(intent, stampsOnAppend(), (found) => {
      searches.delete(search)
      const given = !this.#held.delete(number)
      if (found instanceof StreamError) {
        inbound.answered(intent, 'inherited')
        if (!given) this.abort(new StreamError('unavailable', `what was stored is not known: ${found.message}`))
      } else if (found > inbound.rank(intent)) {
        inbound.answered(intent, 'stored')
        if (given) return
        this.#stream.grant(publish.cost)
        this.onAnswered(number)
        this.onFlush()
      } else if (given) {
        inbound.answered(intent, 'inherited')
      } else {
        intent.state = 'producing'
        this.#intents.set(number, { intent, copies: 1, refused: null })
        // It is the record that was intended, so that it can be looked for again.
        const produce = { ...publish.produce, timestamp: intent.timestamp }
        publish.target.write(number, publish.payload, produce, publish.cost, null)
      }
    })
    searches.add(search)
    const { exit } = this.#targets.get(publish.target.topic)!.to
    // What an owner that was cut had sent may land until then.
    const { cutAt } = this.#session
    search.begin(exit, clock, cutAt === null ? 0 : cutAt + SESSION_PARAMETERS.settleMs - clock.now())
  }

  /** PUBREL: the packet identifier is free once that is stored, or the next message with it would be taken for this one. */
  #exactlyOnceEnds(packetId: number): void {
    const { inbound, store } = this.#session
    const intent = inbound.get(packetId)
    if (intent === undefined) {
      this.#stream.signal({ kind: 'pubcomp', packetId, reasonCode: PACKET_IDENTIFIER_NOT_FOUND })
      return
    }
    const release = () => {
      inbound.remove(intent)
      store.after({ onStored: () => this.#stream.signal({ kind: 'pubcomp', packetId, reasonCode: SUCCESS }) })
    }
    // Whoever sends PUBREL has seen PUBREC, on an earlier connection perhaps.
    if (intent.state === 'inherited') release()
    else this.#whenStored(intent, release)
  }

  onEnd(): void {
    this.#ended = true
    this.#giveUpHeld()
    this.#finish()
  }

  /** The client has had no answer to these, and will send them again. */
  #giveUpHeld(): void {
    for (const [number, copies] of this.#held) for (let i = 0; i < copies; i++) this.#window.settle(number, GIVEN_UP)
    this.#held.clear()
    this.onFlush()
  }

  /** What the client sent before is still stored: it may have been QoS 0 just before the connection went. */
  onAbort(_error: StreamError): void {
    this.onEnd()
  }

  /** Ends the stream for a reason the client is told; what it sent is still stored. */
  abort(error: StreamError): void {
    this.#stream.abort(error)
    this.onEnd()
  }

  /** Gives up what is not stored. */
  stop(error: StreamError): void {
    this.#stream.abort(error)
    for (const { target } of this.#targets.values()) target.abort(error)
    this.#close()
  }

  onTaken(cost: number): void {
    this.#stream.grant(cost)
  }

  onAnswered(number: number, refused?: StreamError): void {
    if (refused !== undefined) this.#context.counters.refused.value++
    this.#window.settle(number, refused)
    if (this.#intents.size > 0) this.#settleIntent(number, refused ?? null)
  }

  #settleIntent(number: number, refused: StreamError | null): void {
    const produced = this.#intents.get(number)
    if (produced === undefined) return
    produced.refused ??= refused
    if (--produced.copies > 0) return
    this.#intents.delete(number)
    const { inbound } = this.#session
    const { intent } = produced
    if (produced.refused === null) inbound.answered(intent, 'stored')
    else if (UNKNOWN.has(produced.refused.code)) inbound.answered(intent, 'inherited')
    else {
      inbound.remove(intent)
      this.#session.store.touch()
    }
  }

  onFlush(): void {
    this.#context.counters.published.value += this.#window.flush()
    if (this.#ended) this.#finish()
  }

  onIdle(target: ProduceTarget): void {
    if (this.#ended) target.end()
  }

  onTargetClosed(target: ProduceTarget, error: StreamError): void {
    const to = this.#targets.get(target.topic)?.to
    this.#drop(target.topic)
    if (error.code === 'not-authorized') target.refuseAll(error)
    else if (error.code === 'not-found' && to?.fromParams === true) {
      const invalid = new StreamError('invalid', `there is no Kafka topic '${target.topic}'`)
      this.#context.missing.add(target.topic, invalid)
      target.refuseAll(invalid)
    } else {
      // Whether the records are stored is not known; the client keeps them and comes again.
      const code = error.code === 'not-found' ? 'unavailable' : error.code
      this.#stream.abort(new StreamError(code, `cannot write to ${target.topic}: ${error.message}`, { cause: error }))
      target.refuseAll(error)
      this.onEnd()
    }
  }

  #problem(meta: PublishMeta): StreamError | null {
    if (meta.qos > this.#context.qosMax) return new StreamError('invalid', `QoS ${meta.qos} is not available`)
    if (!meta.retain || withinLevels(meta.topic, LEVELS_MAX)) return null
    return new StreamError('invalid', `a retained message's topic has more than ${LEVELS_MAX} levels`)
  }

  #refuse(error: StreamError, cost: number): void {
    const number = this.#window.open(1)
    this.onAnswered(number, error)
    this.#stream.grant(cost)
    this.onFlush()
  }

  #makePlain(recent: Recent, qos: Qos): EncodedHeaders {
    const { headers } = this.#context
    const buffer = Buffer.from(headers.encode(recent.record, recent.origin, qos, null, 0))
    const plain = { buffer, count: headers.count }
    recent.plain[qos] = plain
    return plain
  }

  #writeRetained({ target, meta, payload, produce, cost }: Publish, number: number): void {
    const { topic } = meta
    const { routes, retainedTopic, flights, origin } = this.#context
    const to = { exit: routes.main, topic: retainedTopic, expiry: true, fromParams: false }
    const retained = this.#targetOf(to)
    if (retained instanceof StreamError) {
      this.onAnswered(number, retained)
      this.onAnswered(number, retained)
      this.#stream.grant(cost)
      this.onFlush()
      return
    }
    origin.note(topic, produce.timestamp)
    const clears = payload.length === 0
    const copy = clears ? { ...produce, tombstone: true, headers: NOTHING, headerCount: 0 } : produce
    const half = Math.floor(cost / 2)
    // Half of the room each, so that neither topic alone can make what waits here grow.
    target.write(number, payload, produce, half, flights.boardMessage(topic))
    retained.write(number, payload, copy, cost - half, flights.boardRetained())
  }

  #recentOf(topic: string): Recent | StreamError {
    const known = this.#recent.get(topic)
    if (known !== undefined && !known.target.closed) return known
    const { routes, records } = this.#context
    const to = routes.publish(topic, this.#permitted)
    if (to instanceof StreamError) return to
    const target = this.#targetOf(to)
    if (target instanceof StreamError) return target
    const origin = { local: this.#local, kafkaTopic: to.topic, expiry: to.expiry }
    const recent: Recent = { record: records.of(topic), origin, target, plain: [] }
    if (this.#recent.size >= RECENT_MAX) this.#recent.clear()
    this.#recent.set(topic, recent)
    return recent
  }

  #targetOf(to: Destination): ProduceTarget | StreamError {
    const known = this.#targets.get(to.topic)
    if (known !== undefined && !known.target.closed) return known.target
    this.#drop(to.topic)
    const { missing, paramTopics } = this.#context
    const error = missing.get(to.topic)
    if (error !== null) return error
    if (this.#targets.size >= TARGETS_MAX && !this.#dropIdle()) {
      return new StreamError('quota', `publishes of one client wait for more than ${TARGETS_MAX} Kafka topics`)
    }
    if (to.fromParams && !paramTopics.acquire(to.topic)) {
      return new StreamError('quota', `too many Kafka topics are in use to add '${to.topic}'`)
    }
    const target = new ProduceTarget(to.topic, this)
    this.#targets.set(to.topic, { target, to })
    if (target.open(to.exit)) return target
    this.#drop(to.topic)
    return missing.get(to.topic) ?? new StreamError('unavailable', `${to.exit.name} takes no records for ${to.topic}`)
  }

  #drop(topic: string): void {
    const dropped = this.#targets.get(topic)
    if (dropped === undefined) return
    this.#targets.delete(topic)
    if (dropped.to.fromParams) this.#context.paramTopics.release(topic)
  }

  #dropIdle(): boolean {
    for (const [topic, { target }] of this.#targets) {
      if (target.outstanding > 0) continue
      target.abort(new StreamError('closed', 'not needed any more'))
      this.#drop(topic)
      return true
    }
    return false
  }

  /** Ends towards Kafka what has nothing left to write, and everything once all is answered. */
  #finish(): void {
    if (this.#closed) return
    for (const { target } of this.#targets.values()) target.end()
    if (!this.#window.empty) return
    this.#stream.end()
    this.#close()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#ended = true
    for (const { intent } of this.#intents.values()) this.#session.inbound.answered(intent, 'inherited')
    this.#intents.clear()
    for (const topic of [...this.#targets.keys()]) this.#drop(topic)
    this.#recent.clear()
    this.#session.detach(this)
    this.#context.publishers.delete(this)
    this.#context.onPublisherClosed()
  }
}

/** The publish with bytes of its own. */
function keep({ target, meta, payload, produce, cost }: Publish): Publish {
  const headers = Buffer.from(produce.headers)
  return { target, meta, payload: Buffer.from(payload), produce: { ...produce, headers }, cost }
}
