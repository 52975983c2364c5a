/**
 * Random histories of clients and of what befalls the server, as lists of steps that can be shortened; and their play on a
 * `Rig`, with the book of what concerns more than one session: wills, sessions that must be there, what the log has.
 */
import { StreamError } from '@zilla-ts/engine'
import type { Qos } from '@zilla-ts/mqtt'
import { type Connection, type ConnectStep, type End, ModelClient, type World } from './model-client.ts'
import type { Filter, Published } from './model-session.ts'
import { Rig } from './rig.ts'

type TopicName = 'messages' | 'retained' | 'sessions'

export type Step =
  | ({ readonly do: 'connect'; readonly client: number } & ConnectStep)
  | { readonly do: 'subscribe'; readonly client: number; readonly filters: readonly Filter[] }
  | { readonly do: 'unsubscribe'; readonly client: number; readonly filter: string }
  | {
      readonly do: 'publish'
      readonly client: number
      readonly topic: string
      readonly qos: Qos
      readonly retain: boolean
      readonly clears: boolean
    }
  | { readonly do: 'answer'; readonly client: number; readonly count: number }
  | { readonly do: 'leave'; readonly client: number; readonly code: number | null }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'hold' | 'release' | 'compact'; readonly topic: TopicName }
  | { readonly do: 'store'; readonly topic: TopicName; readonly count: number }
  | { readonly do: 'deliver'; readonly topic: TopicName; readonly count: number }
  | { readonly do: 'break'; readonly topic: TopicName; readonly lost: boolean }
  | { readonly do: 'restart' | 'crash' | 'turn' | 'land' }

/** mulberry32: small, and the same on every machine. */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  below(limit: number): number {
    return Math.floor(this.fraction() * limit)
  }
  /** in [0, 1) */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

const CLIENTS = 3
const TOPICS = ['a/1', 'a/2', 'b/1']
const FILTERS = ['#', 'a/#', 'a/1', '+/1', 'b/1', 'w']
const KAFKA_TOPICS: readonly TopicName[] = ['messages', 'messages', 'retained', 'sessions']
const QOS: readonly Qos[] = [0, 1, 1, 2, 2]

export function stepsOf(seed: number, count: number): Step[] {
  const random = new Random(seed)
  const start: Step[] = [...Array(CLIENTS).keys()].map((client) => randomConnect(random, client))
  return [...start, ...Array.from({ length: count }, () => randomStep(random))]
}

function randomConnect(random: Random, client: number): Step {
  const will = {
    topic: random.of(['w', 'a/1']),
    qos: random.of(QOS),
    retain: random.below(4) === 0,
    delaySeconds: random.of([0, 0, 5]),
  }
  return {
    do: 'connect',
    client,
    clean: random.below(5) === 0,
    expirySeconds: random.of([0, 60, 100_000, 100_000]),
    receiveMaximum: random.of([1, 2, 3, 100]),
    eager: random.below(2) === 0,
    will: random.below(2) === 0 ? will : null,
  }
}

function randomStep(random: Random): Step {
  const roll = random.below(200)
  const client = random.below(CLIENTS)
  const topic = random.of(KAFKA_TOPICS)
  if (roll < 22) return randomConnect(random, client)
  if (roll < 40) {
    const filters = [...new Set([random.of(FILTERS), random.of(FILTERS)])].map((filter) => ({
      filter,
      qos: random.of(QOS),
      noLocal: random.below(6) === 0,
      retainHandling: random.of([0, 0, 1, 2] as const),
    }))
    return { do: 'subscribe', client, filters }
  }
  if (roll < 45) return { do: 'unsubscribe', client, filter: random.of(FILTERS) }
  if (roll < 95) {
    const retain = random.below(4) === 0
    const clears = retain && random.below(4) === 0
    return { do: 'publish', client, topic: random.of(TOPICS), qos: random.of(QOS), retain, clears }
  }
  if (roll < 115) return { do: 'answer', client, count: random.of([1, 1, 2, 10]) }
  if (roll < 128) return { do: 'leave', client, code: random.of([null, null, 0, 0, 4]) }
  if (roll < 150) return { do: 'advance', ms: random.of([1, 50, 900, 1_500, 4_000, 12_000, 40_000]) }
  if (roll < 158) return { do: 'hold', topic }
  if (roll < 167) return { do: 'release', topic }
  if (roll < 177) return { do: 'store', topic, count: random.of([1, 1, 3]) }
  if (roll < 187) return { do: 'deliver', topic, count: random.of([1, 1, 3]) }
  if (roll < 188) return { do: 'break', topic: random.of(['messages', 'retained']), lost: random.below(2) === 0 }
  if (roll < 190) return { do: 'compact', topic: random.of(['retained', 'sessions', 'sessions']) }
  if (roll < 193) return { do: 'land' }
  if (roll < 196) return { do: 'crash' }
  return roll < 198 ? { do: 'restart' } : { do: 'turn' }
}

/** What must become of a will: a time (epoch ms) is when it is due, unless its client comes back before. */
interface Will {
  readonly message: Published
  readonly clientId: string
  need: 'once' | 'never' | 'maybe' | number
}

/** After a crash, and between clocks that differ, the end of a session or of a delay comes later than it would. */
const SLACK_MS = 20_000
/** Writes of a dead process land within (`settleMs`). */
const LANDS_MS = 9_000
const NEVER = Number.POSITIVE_INFINITY

class Play implements World {
  rig!: Rig
  readonly published: Published[] = []
  readonly problems: string[] = []
  crashes = 0
  process = 0
  readonly #clients: ModelClient[]
  readonly #wills: Will[] = []
  /** clients whose last end, or claim, may not be stored */
  readonly #uncertain = new Set<string>()
  /** until when a claim of a dead process may land and be decided, by client; epoch ms */
  readonly #doubts = new Map<string, number>()
  #unsettled: { readonly clientId: string; readonly will: Will | null }[] = []
  #dead: { readonly rig: Rig; readonly at: number }[] = []
  #rigs: Rig[] = []
  #ticks = 0

  constructor() {
    this.#clients = Array.from({ length: CLIENTS }, (_, at) => new ModelClient(`c${at}`, this))
  }

  tick(): number {
    return ++this.#ticks
  }

  async start(): Promise<void> {
    this.rig = await Rig.started({ partitions: 2 })
    this.#rigs.push(this.rig)
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case 'connect':
        this.#clients[step.client]!.connect(step)
        break
      case 'subscribe':
        this.#clients[step.client]!.subscribe(step.filters)
        break
      case 'unsubscribe':
        this.#clients[step.client]!.unsubscribe(step.filter)
        break
      case 'publish':
        this.#clients[step.client]!.publish(step.topic, step.qos, step.retain, step.clears)
        return
      case 'answer':
        this.#clients[step.client]!.answer(step.count)
        break
      case 'leave':
        this.#clients[step.client]!.leave(step.code === 0 ? 'normal' : 'abnormal', step.code)
        break
      case 'advance':
        this.#advance(step.ms)
        break
      case 'restart':
        await this.#restart()
        break
      case 'crash':
        await this.#crash()
        break
      case 'land':
        this.#land(0)
        break
      case 'turn':
        break
      default:
        this.#stepKafka(step)
    }
    this.#look()
  }

  /** Nothing is held up any more, everybody comes back and answers, and there is time enough for all that is due. */
  settle(): void {
    for (const topic of this.rig.kafka.topics.keys()) this.#release(topic as TopicName)
    this.#land(0)
    this.#look()
    for (let round = 0; round < 40; round++) {
      for (const client of this.#clients) {
        if (client.connection === null) {
          client.connect({ clean: false, expirySeconds: 100_000, receiveMaximum: 100, eager: true, will: null })
        }
        client.connection!.eager = true
      }
      this.#look()
      this.#advance(2_000)
    }
  }

  judge(): void {
    const { problems } = this
    for (const will of this.#wills) this.#judgeWill(will)
    for (const client of this.#clients) {
      problems.push(...client.waits)
      if (client.connection !== null && client.session !== null) problems.push(...client.session.judge())
    }
    for (const message of this.published) this.#judgeStored(message)
    for (const rig of this.#rigs) problems.push(...rig.faults().map((fault) => JSON.stringify(fault) + String(fault)))
    const { cursors } = this.rig.binding.usage
    if (cursors !== 0) problems.push(`${cursors} cursors are left`)
  }

  onUp({ last, clientId }: ModelClient, { options, startedAt }: Connection, present: boolean): boolean {
    const certain = !this.#uncertain.has(clientId)
    if (this.rig.clock.now() >= (this.#doubts.get(clientId) ?? 0)) this.#uncertain.delete(clientId)
    if (options.clean && present) this.problems.push(`${clientId}: a clean start, and a session [MQTT-3.1.2-4]`)
    else if (certain && !options.clean) {
      const elapsed = last === null ? NEVER : startedAt - last.downAt
      const expiryMs = (last?.expirySeconds ?? 0) * 1000
      if (elapsed < expiryMs && !present) this.problems.push(`${clientId}: its session is gone [MQTT-3.1.2-5]`)
      if (elapsed > expiryMs + SLACK_MS && present) this.problems.push(`${clientId}: a session that was over`)
    }
    for (const will of this.#wills) {
      if (will.clientId !== clientId || typeof will.need !== 'number') continue
      if (!certain) will.need = 'maybe'
      else if (options.clean || startedAt > will.need + SLACK_MS) will.need = 'once'
      else will.need = this.rig.clock.now() < will.need ? 'never' : 'maybe'
    }
    return certain
  }

  onDown(client: ModelClient, connection: Connection, end: End): void {
    const { options } = connection
    const will = this.#bookWill(client.clientId, connection)
    if (will !== null) {
      const delaySeconds = Math.min(options.will!.delaySeconds, options.expirySeconds)
      const now = this.rig.clock.now()
      will.need = end === 'normal' ? 'never' : delaySeconds === 0 ? 'once' : now + delaySeconds * 1000
    }
    if (end !== 'crashed') this.#unsettled.push({ clientId: client.clientId, will })
  }

  onAttemptFailed(client: ModelClient, connection: Connection): void {
    this.#bookWill(client.clientId, connection)
    this.onDoubt(client)
  }

  onDoubt({ clientId }: ModelClient): void {
    this.#uncertain.add(clientId)
    for (const will of this.#wills) {
      if (will.clientId === clientId && typeof will.need === 'number') will.need = 'maybe'
    }
  }

  #bookWill(clientId: string, { will, options }: Connection): Will | null {
    if (will === null || options.will === null) return null
    const { topic, qos, retain } = options.will
    const n = this.published.length
    const message: Published = {
      n,
      topic,
      qos,
      retain,
      clears: false,
      clientId,
      will,
      process: -n - 1,
      sentAt: this.tick(),
      sends: 1,
      answeredAt: NEVER,
    }
    this.published.push(message)
    const booked: Will = { message, clientId, need: 'maybe' }
    this.#wills.push(booked)
    return booked
  }

  #stepKafka(step: Extract<Step, { topic: TopicName; client?: undefined }>): void {
    const topic = this.rig.kafka.topic(step.topic)
    if (step.do === 'store') {
      for (let at = 0; at < step.count; at++) topic.store(this.rig.hop.name)
    } else if (step.do === 'deliver') {
      topic.deliver(step.count, this.rig.hop.name)
      topic.answer()
    } else if (step.do === 'hold') topic.held = true
    else if (step.do === 'break') {
      // All connections for this topic are lost; what was written on them is stored all the same, or is not.
      const written = step.lost ? [] : [...topic.writes]
      this.rig.kafka.abort(step.topic, new StreamError('unavailable', 'the connection is lost'))
      topic.writes.unshift(...written)
      if (!topic.held) while (topic.store(this.rig.hop.name)) {}
    } else if (step.do === 'release') this.#release(step.topic)
    else topic.compact()
  }

  #release(name: TopicName): void {
    const topic = this.rig.kafka.topic(name)
    topic.held = false
    while (topic.store(this.rig.hop.name)) {}
    topic.deliver()
    topic.answer()
  }

  async #restart(): Promise<void> {
    this.#releaseAll()
    this.#look()
    for (const client of this.#clients) client.lose('stopped')
    this.process++
    this.rig = await this.rig.restarted()
    this.#rigs.push(this.rig)
  }

  async #crash(): Promise<void> {
    const { rig } = this
    // What the client has seen counts; what the server has sent since does not.
    for (const client of this.#clients) {
      const claims = client.connection !== null && !client.connection.accepted
      if (claims) this.#doubts.set(client.clientId, rig.clock.now() + LANDS_MS + SLACK_MS)
      client.lose('crashed')
    }
    for (const { clientId, will } of this.#unsettled.splice(0)) {
      this.#uncertain.add(clientId)
      if (will !== null && will.need !== 'once') will.need = 'maybe'
    }
    for (const topic of rig.kafka.topics.values()) {
      topic.heldWriters.add(rig.hop.name)
      topic.held = false
    }
    this.#dead.push({ rig, at: rig.clock.now() })
    this.crashes++
    this.process++
    this.rig = await rig.crashed()
    this.#rigs.push(this.rig)
    for (const topic of rig.kafka.topics.values()) {
      topic.deliver()
      topic.answer()
    }
  }

  #releaseAll(): void {
    for (const topic of this.rig.kafka.topics.keys()) this.#release(topic as TopicName)
  }

  /** What dead processes had sent lands. */
  #land(afterMs: number): void {
    const now = this.rig.clock.now()
    this.#dead = this.#dead.filter(({ rig, at }) => {
      if (now - at < afterMs) return true
      for (const topic of rig.kafka.topics.values()) while (topic.store(rig.hop.name)) {}
      return false
    })
  }

  #advance(ms: number): void {
    for (let left = ms; left > 0; left -= 1_000) {
      this.rig.clock.advance(Math.min(left, 1_000))
      this.#land(LANDS_MS)
      this.#look()
    }
  }

  #look(): void {
    for (let again = true, rounds = 0; again; rounds++) {
      if (rounds > 1_000) throw new Error('clients and server answer each other for ever')
      this.rig.clock.turn()
      again = this.#clients.map((client) => client.look()).includes(true)
    }
    const settled = [...this.rig.kafka.topics.values()].every(({ held, writes }) => !held && writes.length === 0)
    const now = this.rig.clock.now()
    // What is due now is not before Kafka can store it; its client may come back first.
    for (const will of settled ? [] : this.#wills) {
      if (typeof will.need === 'number' && will.need <= now) will.need = 'maybe'
    }
    for (const { last, clientId, connection } of settled ? [] : this.#clients) {
      if (connection?.accepted === true) continue
      if (last !== null && now - last.downAt >= last.expirySeconds * 1000) this.#uncertain.add(clientId)
    }
    if (settled) this.#unsettled = []
  }

  #judgeWill(will: Will): void {
    const { message, clientId } = will
    // Nobody came back for it.
    if (typeof will.need === 'number') will.need = 'maybe'
    const count = this.#stored(message.will!)
    const most = will.need === 'never' ? 0 : 1
    const least = will.need === 'once' ? 1 : 0
    if (will.need === 'once') message.answeredAt = this.tick()
    if (count < least || count > most) {
      this.problems.push(`${clientId}: ${message.will} was published ${count} times, must be: ${will.need}`)
    }
  }

  #judgeStored(message: Published): void {
    const { n, will, clears, qos, answeredAt, sends } = message
    if (will !== null || clears) return
    const count = this.#stored(String(n))
    if (qos === 2 && count > 1) this.problems.push(`${n} with QoS 2 was stored ${count} times [MQTT-4.3.3-10]`)
    if (count > sends) this.problems.push(`${n} was stored ${count} times, and sent ${sends} times`)
    if (count === 0 && answeredAt < NEVER) this.problems.push(`${n} was acknowledged, and is not stored`)
  }

  /** Committed records of the messages topic with this payload. */
  #stored(payload: string): number {
    let count = 0
    for (const log of this.rig.kafka.topic('messages').partitions) {
      for (const { offset, value, producerId, marker } of log) {
        if (marker !== undefined || String(value) !== payload) continue
        const end = log.find((other) => other.offset > offset && other.marker?.producerId === producerId)
        if (producerId === undefined || end?.marker?.committed === true) count++
      }
    }
    return count
  }
}

/** Plays it; what was wrong. */
export async function play(steps: readonly Step[]): Promise<string[]> {
  const history = new Play()
  await history.start()
  for (const step of steps) {
    await history.step(step)
    if (history.problems.length > 0) return history.problems
  }
  history.settle()
  history.judge()
  return history.problems
}
