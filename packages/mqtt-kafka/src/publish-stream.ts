/**
 * The `publish` stream of one client: each PUBLISH becomes a record in the Kafka topic of its route, and with RETAIN a second
 * one in the retained topic. Acknowledges in the order of the publishes, and only what is stored. QoS 2 goes by an intent
 * (`Inbound`), so that what is sent twice is stored once.
 */
import { type Exit, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { EncodedHeaders, Kafka, ProduceMeta } from '@zilla-ts/kafka'
import { LEVELS_MAX, type Mqtt, type MqttSignal, type PublishMeta, type Qos, withinLevels } from '@zilla-ts/mqtt'
import { AckWindow } from './ack-window.ts'
import type { Counters } from './counters.ts'
import { ExactlyOnce, type ExactlyOnceContext, type PublishSite } from './exactly-once.ts'
import type { MissingTopics } from './missing-topics.ts'
import { type ProduceOwner, ProduceTarget } from './produce-target.ts'
import type { Publish } from './publish.ts'
import type { RecordHeaders, RecordOrigin } from './record-headers.ts'
import type { RetainedFlights } from './retained-flights.ts'
import type { RetainedLimit } from './retained-limit.ts'
import type { RetainedOrigin } from './retained-origin.ts'
import type { Destination, Permitted, Routes } from './routes.ts'
import type { SessionStream } from './session-stream.ts'
import { placeOf, type TopicRecord, type TopicRecords } from './topic-records.ts'
import type { TopicUse } from './topic-use.ts'

/** What a client may send ahead of Kafka, payload and 64 bytes a message; held here while Kafka has no room. */
const WINDOW_BYTES = 64 * 1024
/** Topics whose records are prepared; a client publishes to few. */
const RECENT_MAX = 16
/** Kafka topics one client writes to at a time. */
const TARGETS_MAX = 32
const NOTHING = Buffer.alloc(0)

export interface PublishContext extends ExactlyOnceContext {
  readonly counters: Counters
  readonly routes: Routes
  readonly records: TopicRecords
  readonly headers: RecordHeaders
  readonly flights: RetainedFlights
  readonly origin: RetainedOrigin
  readonly missing: MissingTopics
  readonly paramTopics: TopicUse
  readonly retainedTopic: string
  readonly retainedLimit: RetainedLimit
  readonly qosMax: Qos
  /** publish streams that are not over */
  readonly publishers: Set<PublishStream>
  onPublisherClosed(): void
}

/** A topic as this client publishes to it. */
interface Recent {
  readonly record: TopicRecord
  readonly key: Buffer
  readonly hash: number
  readonly origin: RecordOrigin
  readonly target: ProduceTarget
  /** messages of this Kafka topic may be retained */
  readonly retains: boolean
  /** headers of a publish without properties, by QoS */
  readonly plain: (EncodedHeaders | undefined)[]
}

export class PublishStream implements StreamHandler<Mqtt>, ProduceOwner, PublishSite {
  readonly #stream: Stream<Mqtt>
  readonly #session: SessionStream
  readonly #permitted: Permitted
  readonly #context: PublishContext
  readonly #local: Buffer
  readonly #window: AckWindow
  readonly #targets = new Map<string, { readonly target: ProduceTarget; readonly to: Destination }>()
  readonly #recent = new Map<string, Recent>()
  readonly #exactlyOnce: ExactlyOnce
  #ended = false
  #closed = false

  constructor(
    clientId: string,
    stream: Stream<Mqtt>,
    session: SessionStream,
    permitted: Permitted,
    context: PublishContext,
  ) {
    this.#stream = stream
    this.#session = session
    this.#permitted = permitted
    this.#context = context
    this.#local = Buffer.from(clientId)
    this.#window = new AckWindow(stream)
    this.#exactlyOnce = new ExactlyOnce(this, session, context)
    session.attach(this)
    context.publishers.add(this)
    stream.accept({ kind: 'publish' })
    stream.grant(WINDOW_BYTES)
  }

  onData(payload: Buffer, meta: Mqtt['meta'], cost: number): void {
    if (!('topic' in meta)) return
    const recent = this.#recentOf(meta.topic)
    const problem = recent instanceof StreamError ? recent : this.#problem(meta, payload, recent)
    if (recent instanceof StreamError || problem !== null) {
      this.#refuse(problem!, cost)
      return
    }
    const { record, target, key, hash } = recent
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
    const produce = { key, hash, tombstone: false, timestamp, headers, headerCount }
    if (meta.qos === 2) this.#exactlyOnce.publish({ target, meta, payload, produce, record, cost })
    else if (!meta.retain) target.write(this.#window.open(1), payload, produce, cost, null)
    else this.write({ target, meta, payload, produce, record, cost }, this.#window.open(2))
  }

  onSignal(signal: MqttSignal): void {
    if (signal.kind === 'pubrel') this.#exactlyOnce.release(signal.packetId)
  }

  onEnd(): void {
    this.#ended = true
    this.#exactlyOnce.giveUpHeld()
    this.#finish()
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
    this.#exactlyOnce.answered(number, refused ?? null)
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

  #problem(meta: PublishMeta, payload: Buffer, { retains, target }: Recent): StreamError | null {
    const { qosMax, retainedLimit } = this.#context
    const problem = publishProblem(meta, qosMax, retains ? null : target.topic)
    return problem !== null || !meta.retain ? problem : retainedLimit.refusal(meta.topic, payload.length)
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

  exitOf({ target }: Publish): Exit<Kafka> {
    return this.#targets.get(target.topic)!.to.exit
  }

  open(copies: number): number {
    return this.#window.open(copies)
  }

  write(publish: Publish, number: number): void {
    const { target, meta, payload, produce, cost } = publish
    if (!meta.retain) {
      target.write(number, payload, produce, cost, null)
      return
    }
    const { flights, origin } = this.#context
    const retained = this.#retainedTarget()
    if (retained instanceof StreamError) {
      this.#stream.grant(cost)
      this.settle(number, 2, retained)
      return
    }
    origin.note(meta.topic, produce.timestamp)
    const half = Math.floor(cost / 2)
    // Half of the room each, so that neither topic alone can make what waits here grow.
    target.write(number, payload, produce, half, flights.boardMessage(meta.topic))
    retained.write(number, payload, retainedCopy(publish), cost - half, flights.boardRetained())
  }

  writeRetainedCopy(publish: Publish, number: number): void {
    const retained = this.#retainedTarget()
    if (retained instanceof StreamError) {
      this.#stream.grant(publish.cost)
      this.settle(number, 1, retained)
    } else {
      retained.write(
        number,
        publish.payload,
        retainedCopy(publish),
        publish.cost,
        this.#context.flights.boardRetained(),
      )
    }
  }

  settle(number: number, copies: number, refused?: StreamError): void {
    for (let i = 0; i < copies; i++) this.onAnswered(number, refused)
    this.onFlush()
  }

  grant(cost: number): void {
    this.#stream.grant(cost)
  }

  pubcomp(packetId: number, reasonCode: number): void {
    this.#stream.signal({ kind: 'pubcomp', packetId, reasonCode })
  }

  #retainedTarget(): ProduceTarget | StreamError {
    const { routes, retainedTopic } = this.#context
    return this.#targetOf({ exit: routes.main, topic: retainedTopic, expiry: true, fromParams: false, personal: false })
  }

  #recentOf(topic: string): Recent | StreamError {
    const known = this.#recent.get(topic)
    if (known !== undefined && !known.target.closed) return known
    const { routes, records } = this.#context
    const to = routes.publish(topic, this.#permitted)
    if (to instanceof StreamError) return to
    const target = this.#targetOf(to)
    if (target instanceof StreamError) return target
    const { form } = to
    const origin = { local: this.#local, kafkaTopic: to.topic, expiry: to.expiry, form }
    const record = records.of(topic)
    const recent: Recent = { record, ...placeOf(record, form), origin, target, retains: !to.personal, plain: [] }
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
    this.#exactlyOnce.close()
    for (const topic of [...this.#targets.keys()]) this.#drop(topic)
    this.#recent.clear()
    this.#session.detach(this)
    this.#context.publishers.delete(this)
    this.#context.onPublisherClosed()
  }
}

/**
 * What is wrong with a PUBLISH, whatever is stored already; null: nothing. `personal`: its Kafka topic, where that is one
 * client's. Whoever subscribes to the MQTT topic would get what is retained, and one client's would replace another's.
 */
export function publishProblem(
  { topic, qos, retain }: PublishMeta,
  qosMax: Qos,
  personal: string | null,
): StreamError | null {
  if (qos > qosMax) return new StreamError('invalid', `QoS ${qos} is not available`)
  if (!retain) return null
  if (personal !== null)
    return new StreamError('invalid', `messages of '${personal}' are one client's: none is retained`)
  if (withinLevels(topic, LEVELS_MAX)) return null
  return new StreamError('invalid', `a retained message's topic has more than ${LEVELS_MAX} levels`)
}

/** Clearing is a tombstone without headers. */
export function retainedCopy({
  payload,
  produce,
  record,
}: Pick<Publish, 'payload' | 'produce' | 'record'>): ProduceMeta {
  const { key, hash } = record
  if (payload.length === 0) return { ...produce, key, hash, tombstone: true, headers: NOTHING, headerCount: 0 }
  return produce.key === key && produce.hash === hash ? produce : { ...produce, key, hash }
}
