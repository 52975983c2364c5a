/**
 * A client that keeps to the standard, on the streams of a `Rig`: sends again what was not answered, knows QoS 2 messages
 * that come twice, forgets all with a session that is not present. What it may choose (when to answer) the history chooses.
 */
import type { Mqtt, Outgoing, Qos } from '@zilla-ts/mqtt'
import type { Recorder } from '@zilla-ts/testing'
import { type Filter, ModelSession, type Published } from './model-session.ts'
import type { Rig } from './rig.ts'

/** What all clients of a history share. */
export interface World {
  rig: Rig
  /** every message there was, by number */
  readonly published: Published[]
  readonly problems: string[]
  crashes: number
  process: number
  /** counts events */
  tick(): number
  /** The end of a connection that was accepted. */
  onDown(client: ModelClient, connection: Connection, end: End): void
  /** False: nobody can say what session it is. */
  onUp(client: ModelClient, connection: Connection, present: boolean): boolean
  /** Whether its session goes on is not known. */
  onDoubt(client: ModelClient): void
  /** It may have taken place, or not. */
  onAttemptFailed(client: ModelClient, connection: Connection): void
}

/** `normal` DISCONNECT; `abnormal` any other end of the connection; `taken-over`, `stopped` and `crashed` by the server */
export type End = 'normal' | 'abnormal' | 'taken-over' | 'stopped' | 'crashed'

export interface ConnectStep {
  readonly clean: boolean
  readonly expirySeconds: number
  readonly receiveMaximum: number
  readonly eager: boolean
  readonly will: {
    readonly topic: string
    readonly qos: Qos
    readonly retain: boolean
    readonly delaySeconds: number
  } | null
}

interface Sent {
  readonly message: Published
  state: 'sent' | 'received'
}

type Owed = { readonly type: 'puback' | 'pubrec' | 'pubcomp' | 'pubrel'; readonly packetId: number }

const CREDIT = 64 * 1024 * 1024
const NEVER = Number.POSITIVE_INFINITY

/** One connection, or an attempt at one. */
export class Connection {
  readonly options: ConnectStep
  /** its will, as it would be published */
  readonly will: string | null
  /** epoch ms */
  readonly startedAt: number
  readonly session: Recorder<Mqtt>
  publisher: Recorder<Mqtt> | null = null
  subscriber: Recorder<Mqtt> | null = null
  /** publishes in the order they were written, and how many are answered */
  readonly writes: Published[] = []
  answered = 0
  acks = 0
  comps = 0
  received = 0
  signals = 0
  readonly owed: Owed[] = []
  /** deliveries not acknowledged, by packet identifier */
  readonly inFlight = new Map<number, number>()
  /** SUBSCRIBE and UNSUBSCRIBE without an answer */
  readonly requests: { readonly kind: 'subscribed' | 'unsubscribed'; readonly done: () => void }[] = []
  accepted = false
  /** answers at once */
  eager: boolean

  constructor(options: ConnectStep, will: string | null, startedAt: number, session: Recorder<Mqtt>) {
    this.options = options
    this.eager = options.eager
    this.will = will
    this.startedAt = startedAt
    this.session = session
  }
}

export class ModelClient {
  readonly clientId: string
  readonly #world: World
  session: ModelSession | null = null
  /** the last connection that was accepted; `downAt` in epoch ms */
  last: { readonly downAt: number; readonly expirySeconds: number } | null = null
  connection: Connection | null = null
  /** publishes of QoS 1 and 2, by packet identifier, in order */
  #outgoing = new Map<number, Sent>()
  /** QoS 2 deliveries not released: their messages by packet identifier */
  #incoming = new Map<number, number>()
  #wills = 0

  constructor(clientId: string, world: World) {
    this.clientId = clientId
    this.#world = world
  }

  connect(options: ConnectStep): void {
    const { rig } = this.#world
    const former = this.connection
    const name = options.will === null ? null : `will ${this.clientId} ${++this.#wills}`
    const will = options.will && {
      topic: options.will.topic,
      qos: options.will.qos,
      retain: options.will.retain,
      payload: Buffer.from(name!),
      properties: { willDelaySeconds: options.will.delaySeconds },
    }
    const { clean, expirySeconds, receiveMaximum } = options
    if (former !== null) this.#down('taken-over')
    if (clean) this.#forget()
    const session = rig.session(this.clientId, { cleanStart: clean, expirySeconds, receiveMaximum, will })
    this.connection = new Connection(options, name, rig.clock.now(), session)
  }

  /** Leaves; a connection that was not accepted yet just breaks. */
  leave(end: 'normal' | 'abnormal', reasonCode: number | null): void {
    const { connection } = this
    if (connection === null) return
    if (connection.accepted && reasonCode !== null) {
      connection.session.stream?.signal({ kind: 'disconnect', reasonCode, expirySeconds: null })
    }
    this.#hangUp(connection)
    this.#down(connection.accepted ? end : 'abnormal')
  }

  /** The process it was connected to is gone. */
  lose(end: 'stopped' | 'crashed'): void {
    if (this.connection !== null) this.#down(end)
  }

  publish(topic: string, qos: Qos, retain: boolean, clears: boolean): void {
    const { connection } = this
    if (connection === null || !connection.accepted) return
    const { published, process } = this.#world
    const message: Published = {
      n: published.length,
      topic,
      qos,
      retain,
      clears,
      clientId: this.clientId,
      will: null,
      process,
      sentAt: this.#world.tick(),
      sends: 0,
      answeredAt: NEVER,
    }
    published.push(message)
    const packetId = qos === 0 ? 0 : this.#freePacketId()
    if (qos > 0) this.#outgoing.set(packetId, { message, state: 'sent' })
    this.#write(connection, message, packetId, false)
  }

  subscribe(filters: readonly Filter[]): void {
    const { connection, session } = this
    if (connection === null || session === null || !connection.accepted) return
    const at = this.#world.tick()
    const chains = filters.map((filter) => session.subscribe(filter, at))
    const subscriptions = filters.map((one) => ({ ...one, retainAsPublished: false, subscriptionId: 0 }))
    const done = () => {
      for (const chain of chains) session.granted(chain, this.#world.tick())
    }
    connection.requests.push({ kind: 'subscribed', done })
    connection.subscriber!.stream!.signal({ kind: 'subscribe', subscriptions })
  }

  unsubscribe(filter: string): void {
    const { connection, session } = this
    if (connection === null || session === null || !connection.accepted) return
    const chains = session.unsubscribe(filter, this.#world.tick())
    const done = () => {
      for (const chain of chains) chain.endedAt = Math.min(chain.endedAt, this.#world.tick())
    }
    connection.requests.push({ kind: 'unsubscribed', done })
    connection.subscriber!.stream!.signal({ kind: 'unsubscribe', filters: [filter] })
  }

  /** Gives the oldest answers that it owes. */
  answer(count: number): void {
    const { connection } = this
    if (connection === null || !connection.accepted) return
    for (const { type, packetId } of connection.owed.splice(0, count)) {
      if (type === 'pubrel') connection.publisher!.stream!.signal({ kind: 'pubrel', packetId, reasonCode: 0 })
      else {
        if (type !== 'pubrec') connection.inFlight.delete(packetId)
        connection.subscriber!.stream!.signal({ kind: 'acknowledge', type, packetId, reasonCode: 0 })
      }
    }
  }

  /** Takes notice of all that the server has said; whether there was anything. */
  look(): boolean {
    const { connection } = this
    if (connection === null) return false
    const { session, publisher, subscriber } = connection
    let news = false
    if (!connection.accepted && session.accepts.length > 0) {
      this.#up(connection)
      news = true
    } else if (connection.accepted) {
      news = [this.#readAnswers(connection), this.#readDeliveries(connection)].includes(true)
      if (connection.eager && connection.owed.length > 0) {
        this.answer(NEVER)
        news = true
      }
    }
    if (this.connection !== connection) return true
    const error = session.aborted ?? publisher?.aborted ?? subscriber?.aborted ?? null
    if (error === null) return news
    // What a dead process had claimed may land after it.
    const late = error.code === 'taken-over' && this.#world.crashes > 0
    if (late) this.#world.onDoubt(this)
    const wanted = error.code === 'unavailable' || error.code === 'closed' || error.code === 'timeout'
    if (!wanted && !late) this.#world.problems.push(`${this.clientId} was disconnected: ${error.code} ${error.message}`)
    this.#hangUp(connection)
    this.#down('abnormal')
    return true
  }

  #up(connection: Connection): void {
    const { rig, problems } = this.#world
    const [accept] = connection.session.accepts
    if (accept?.kind !== 'session') return
    connection.accepted = true
    const present = accept.capabilities.sessionPresent
    const resume = accept.subscriptions.map(({ filter }) => filter)
    const certain = this.#world.onUp(this, connection, present)
    // Attempts that failed may have ended the session and begun another, which has nothing.
    const another = !certain && resume.length === 0 && this.session?.subscribed === true
    if (!present || another) this.#forget()
    if (this.session === null) {
      this.session = new ModelSession(this.clientId, this.#world.published)
      if (present) this.session.adopt(accept.subscriptions, this.#world.tick())
    }
    if (present) problems.push(...this.session.resumed(resume, this.#world.tick()))
    const { clientId } = this
    connection.publisher = rig.open({ kind: 'publish', clientId, version: 5 })
    connection.subscriber = rig.open({ kind: 'subscribe', clientId, version: 5, resume })
    connection.subscriber.stream?.grant(CREDIT)
    for (const [packetId, { message, state }] of this.#outgoing) {
      if (state === 'sent') this.#write(connection, message, packetId, true)
      else connection.owed.push({ type: 'pubrel', packetId })
    }
  }

  #write(connection: Connection, message: Published, packetId: number, dup: boolean): void {
    message.sends++
    connection.writes.push(message)
    const { topic, qos, retain, clears, n } = message
    const payload = Buffer.from(clears ? '' : String(n))
    connection.publisher!.stream!.write(payload, { topic, qos, retain, properties: null, packetId, dup })
  }

  #readAnswers(connection: Connection): boolean {
    const { acks, signals } = connection.publisher!
    const before = connection.acks + connection.comps
    for (; connection.acks < acks.length; connection.acks++) {
      const { through, refused } = acks[connection.acks]!
      if (refused !== undefined && refused.code !== 'closed') {
        this.#world.problems.push(`${this.clientId}: a publish was refused: ${refused.code} ${refused.message}`)
      }
      for (; connection.answered < through; connection.answered++) {
        // It was given up: the connection is over.
        if (refused !== undefined && connection.answered === through - 1) continue
        this.#answered(connection, connection.writes[connection.answered]!)
      }
    }
    for (; connection.comps < signals.length; connection.comps++) {
      const signal = signals[connection.comps]!
      if (signal.kind === 'pubcomp') this.#outgoing.delete(signal.packetId)
    }
    return connection.acks + connection.comps > before
  }

  #answered(connection: Connection, message: Published): void {
    message.answeredAt = Math.min(message.answeredAt, this.#world.tick())
    for (const [packetId, sent] of this.#outgoing) {
      if (sent.message !== message) continue
      if (message.qos === 1) this.#outgoing.delete(packetId)
      else if (sent.state === 'sent') {
        sent.state = 'received'
        connection.owed.push({ type: 'pubrel', packetId })
      }
    }
  }

  #readDeliveries(connection: Connection): boolean {
    const { data, signals } = connection.subscriber!
    const before = connection.received + connection.signals
    for (; connection.signals < signals.length; connection.signals++) {
      const signal = signals[connection.signals]!
      if (signal.kind === 'pubrel') {
        this.#incoming.delete(signal.packetId)
        connection.owed.push({ type: 'pubcomp', packetId: signal.packetId })
      } else if (signal.kind === 'subscribed' || signal.kind === 'unsubscribed') {
        const request = connection.requests.shift()
        if (request?.kind !== signal.kind) this.#world.problems.push(`${this.clientId}: ${signal.kind} answers nothing`)
        else if (signal.reasonCodes.some((code) => code >= 0x80)) {
          this.#world.problems.push(`${this.clientId}: ${signal.kind} ${signal.reasonCodes}`)
        } else request.done()
      }
    }
    for (; connection.received < data.length; connection.received++) {
      const { payload, meta } = data[connection.received]!
      this.#deliver(connection, payload.toString(), meta as Outgoing)
    }
    return connection.received + connection.signals > before
  }

  #deliver(connection: Connection, payload: string, { delivery, packetId, dup }: Outgoing): void {
    const { published, problems, crashes } = this.#world
    const { qos, retain, message } = delivery
    // What clears a retained message has no name.
    const n = payload === '' ? -1 : payload.startsWith('will ') ? numberOf(published, payload) : Number(payload)
    if (qos > 0) {
      if (connection.inFlight.has(packetId)) problems.push(`${this.clientId}: packet identifier ${packetId} is in use`)
      connection.inFlight.set(packetId, n)
      connection.owed.push({ type: qos === 1 ? 'puback' : 'pubrec', packetId })
      const { receiveMaximum } = connection.options
      if (connection.inFlight.size > receiveMaximum)
        problems.push(`${this.clientId}: more than ${receiveMaximum} in flight`)
    }
    if (qos === 2) {
      const known = this.#incoming.get(packetId)
      if (known !== undefined && known !== n)
        problems.push(`${this.clientId}: ${packetId} was ${known}, and is ${n} now`)
      if (known !== undefined) return
      this.#incoming.set(packetId, n)
    }
    if (n < 0) return
    const { topic } = message
    const problem = this.session!.receive({ n, topic, qos, retain, dup, at: this.#world.tick(), crashes })
    if (problem !== null) problems.push(problem)
  }

  #hangUp({ session, publisher, subscriber }: Connection): void {
    for (const recorder of [publisher, subscriber, session]) if (recorder?.aborted === null) recorder.stream?.end()
  }

  #down(end: End): void {
    const connection = this.connection!
    this.connection = null
    if (!connection.accepted) this.#world.onAttemptFailed(this, connection)
    else {
      if (end !== 'crashed') {
        // What it had received before it lost the connection counts.
        this.#readAnswers(connection)
        this.#readDeliveries(connection)
      }
      this.last = { downAt: this.#world.rig.clock.now(), expirySeconds: connection.options.expirySeconds }
      this.#world.onDown(this, connection, end)
      if (connection.options.expirySeconds === 0) this.#forget()
    }
  }

  /** What it still waits for. */
  get waits(): string[] {
    const { connection, clientId } = this
    if (connection === null) return []
    if (!connection.accepted) return [`${clientId} was never answered`]
    const requests = connection.requests.map(({ kind }) => `${clientId} was never answered: ${kind}`)
    const sent = [...this.#outgoing.values()].map(
      ({ message, state }) => `${clientId}: ${message.n} is ${state} for ever`,
    )
    const flights = [...connection.inFlight.values()].map((n) => `${clientId}: ${n} is in flight for ever`)
    return [...requests, ...sent, ...flights]
  }

  /** The session is over, as far as this client is concerned. */
  #forget(): void {
    this.session = null
    this.#outgoing = new Map()
    this.#incoming = new Map()
  }

  #freePacketId(): number {
    let packetId = 1
    while (this.#outgoing.has(packetId)) packetId++
    return packetId
  }
}

function numberOf(published: readonly Published[], will: string): number {
  return published.findIndex((one) => one.will === will)
}
