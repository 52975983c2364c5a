/**
 * The binding on `MemoryKafka` with a fake clock, and MQTT clients as the mqtt server would be: what the larger tests share.
 */
import { type Clock, type Route, runTask, type Session, type Task, type Timer } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import type { Mqtt, MqttOpen, MqttSignal, Outgoing, Properties, Qos, Subscription } from '@zilla-ts/mqtt'
import { FakeClock, Harness, Recorder } from '@zilla-ts/testing'
import { type MqttKafkaBinding, mqttKafka } from '../src/binding.ts'
import type { MqttKafkaConfig } from '../src/mqtt-kafka.config.ts'
import { DEFAULT_LIMITS } from './default-limits.ts'
import { type MemoryHop, MemoryKafka } from './memory-kafka.ts'

type Options = NonNullable<MqttKafkaConfig['options']>
type TestRoute = Partial<Pick<Route<MqttKafkaConfig, Kafka>, 'when' | 'with' | 'permits'>>

export const TOPICS = { sessions: 'sessions', messages: 'messages', retained: 'retained' }
const CREDIT = 64 * 1024 * 1024

export interface RigOptions {
  readonly options?: Partial<Omit<Options, 'limits'>> & { readonly limits?: Partial<Options['limits']> }
  readonly routes?: readonly TestRoute[]
  readonly partitions?: number
  /** the topics are not there yet */
  readonly bare?: boolean
}

/** The clock of one process, whose tasks end with it. */
class ProcessClock implements Clock {
  readonly #clock: FakeClock
  #dead = false

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  after(ms: number, task: Task): Timer {
    return this.#clock.after(ms, this.#whileAlive(task))
  }

  endOfTurn(task: Task): void {
    this.#clock.endOfTurn(this.#whileAlive(task))
  }

  kill(): void {
    this.#dead = true
  }

  #whileAlive(task: Task): Task {
    const run = () => {
      if (!this.#dead) runTask(task, 'clock', (_where, error) => this.#clock.faults.push(error))
    }
    return { run, fault: () => {} }
  }
}

export class Rig {
  readonly clock: FakeClock
  readonly kafka: MemoryKafka
  /** the way of this process to Kafka */
  readonly hop: MemoryHop
  readonly #process: ProcessClock
  readonly harness: Harness<MqttKafkaConfig, Mqtt, Kafka>
  readonly #options: RigOptions

  /** `name`: of its way to Kafka. */
  constructor(rigOptions: RigOptions = {}, former: Rig | null = null, name = '') {
    const { options = {}, routes = [{}], partitions = 1, bare = false } = rigOptions
    this.#options = rigOptions
    this.clock = former?.clock ?? new FakeClock()
    this.kafka = former?.kafka ?? new MemoryKafka()
    this.hop = this.kafka.hop(name)
    this.#process = new ProcessClock(this.clock)
    if (!bare) {
      this.kafka.add('sessions', 1, { 'cleanup.policy': 'compact' })
      this.kafka.add('messages', partitions, { 'cleanup.policy': 'delete' })
      this.kafka.add('retained', partitions, { 'cleanup.policy': 'compact' })
    }
    this.harness = new Harness(mqttKafka, {
      kind: 'proxy',
      clock: this.#process,
      options: {
        topics: TOPICS,
        foreign: { qos: 'at_most_once' },
        ...options,
        limits: { ...DEFAULT_LIMITS, ...options.limits },
      },
      routes: routes.map((route) => ({
        when: route.when ?? [],
        with: route.with,
        exit: this.hop,
        permits: route.permits ?? (() => true),
      })),
    })
  }

  get binding(): MqttKafkaBinding {
    return this.harness.binding as MqttKafkaBinding
  }

  async start(): Promise<this> {
    const started = this.binding.start()
    this.clock.turn()
    await started
    return this
  }

  /** A started rig. */
  static async started(options?: RigOptions): Promise<Rig> {
    return new Rig(options).start()
  }

  counter(name: string): number {
    return this.harness.reporter.counter(`mqtt.kafka.${name}`).value
  }

  events(): string[] {
    return this.harness.reporter.events.map(({ event }) => event)
  }

  /** Exceptions anywhere; must be empty. */
  faults(): unknown[] {
    return [...this.harness.reporter.faults, ...this.kafka.faults, ...this.clock.faults]
  }

  open(open: MqttOpen, recorder = new Recorder<Mqtt>(), who: Session | null = null): Recorder<Mqtt> {
    this.harness.connect(open, recorder, who)
    return recorder
  }

  /** `who`: what guards have found out. */
  session(clientId: string, options: SessionOptions = {}, who: Session | null = null): Recorder<Mqtt> {
    const open = {
      kind: 'session',
      clientId,
      version: 5,
      cleanStart: true,
      expirySeconds: 0,
      will: null,
      username: null,
      keepAliveSeconds: 60,
      receiveMaximum: 65_535,
      ...options,
    } as const
    return this.open(open, undefined, who)
  }

  /** A client that is connected. */
  client(clientId: string, options?: SessionOptions): Client {
    return new Client(this, clientId, options)
  }

  /** The whole process again, on the same Kafka and clock. */
  async restarted(): Promise<Rig> {
    await this.binding.stop()
    this.clock.turn()
    return new Rig({ ...this.#options, bare: true }, this, this.hop.name).start()
  }

  /** As `restarted`, but the first one was killed: it has told nobody, and what it had sent may still land. */
  crashed(): Promise<Rig> {
    this.#process.kill()
    this.hop.kill()
    return new Rig({ ...this.#options, bare: true }, this, `${this.hop.name}+`).start()
  }
}

export type SessionOptions = Partial<Extract<MqttOpen, { kind: 'session' }>>

export interface Received {
  readonly topic: string
  readonly payload: string
  readonly qos: Qos
  readonly retain: boolean
  readonly ids: readonly number[]
}

/** One connected client: session, publish and subscribe stream. */
export class Client {
  readonly session: Recorder<Mqtt>
  readonly publisher: Recorder<Mqtt>
  readonly subscriber: Recorder<Mqtt>
  readonly clientId: string
  #packetId = 0

  constructor(rig: Rig, clientId: string, options?: SessionOptions) {
    this.clientId = clientId
    this.session = rig.session(clientId, options)
    rig.clock.turn()
    this.publisher = rig.open({ kind: 'publish', clientId, version: 5 })
    const resume = this.subscriptions.map(({ filter }) => filter)
    this.subscriber = rig.open({ kind: 'subscribe', clientId, version: 5, resume })
    this.subscriber.stream?.grant(CREDIT)
    rig.clock.turn()
  }

  /** CONNACK says that the session goes on. */
  get present(): boolean {
    const [accept] = this.session.accepts
    return accept?.kind === 'session' && accept.capabilities.sessionPresent
  }

  /** what the session was subscribed to when it connected */
  get subscriptions(): readonly Subscription[] {
    const [accept] = this.session.accepts
    return accept?.kind === 'session' ? accept.subscriptions : []
  }

  publish(topic: string, payload: string, qos: Qos = 0, retain = false, properties: Properties | null = null): void {
    const packetId = qos === 0 ? 0 : ++this.#packetId
    this.publisher.stream!.write(Buffer.from(payload), { topic, qos, retain, properties, packetId, dup: false })
  }

  /** A PUBLISH of QoS 2 with this packet identifier. */
  publishAs(packetId: number, topic: string, payload: string, dup = false): void {
    const meta = { topic, qos: 2, retain: false, properties: null, packetId, dup } as const
    this.publisher.stream!.write(Buffer.from(payload), meta)
  }

  pubrel(packetId: number): void {
    this.publisher.stream!.signal({ kind: 'pubrel', packetId, reasonCode: 0 })
  }

  acknowledge(type: 'puback' | 'pubrec' | 'pubcomp', packetId: number, reasonCode = 0): void {
    this.subscriber.stream!.signal({ kind: 'acknowledge', type, packetId, reasonCode })
  }

  /** PUBACK for every delivery of QoS 1 there was. */
  ackAll(): void {
    for (const { qos, packetId } of this.deliveries) if (qos === 1) this.acknowledge('puback', packetId)
  }

  /** A SUBSCRIBE with the user property `zilla:from`. */
  replay(from: string, ...filters: (string | (Partial<Subscription> & { filter: string }))[]): void {
    this.#subscribe(filters, { userProperties: [['zilla:from', from]] })
  }

  subscribe(...filters: (string | (Partial<Subscription> & { filter: string }))[]): void {
    this.#subscribe(filters, {})
  }

  #subscribe(
    filters: (string | (Partial<Subscription> & { filter: string }))[],
    more: { userProperties?: [string, string][] },
  ): void {
    const subscriptions = filters.map((given) => ({
      qos: 1 as Qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
      subscriptionId: 0,
      ...(typeof given === 'string' ? { filter: given } : given),
    }))
    this.subscriber.stream!.signal({ kind: 'subscribe', subscriptions, ...more })
  }

  unsubscribe(...filters: string[]): void {
    this.subscriber.stream!.signal({ kind: 'unsubscribe', filters })
  }

  disconnect(reasonCode: number | null = 0): void {
    this.session.stream!.signal({ kind: 'disconnect', reasonCode, expirySeconds: null })
    this.publisher.stream!.end()
    this.subscriber.stream!.end()
    this.session.stream!.end()
  }

  /** answers to SUBSCRIBE and UNSUBSCRIBE */
  get answers(): MqttSignal[] {
    return this.subscriber.signals.filter(({ kind }) => kind === 'subscribed' || kind === 'unsubscribed')
  }

  /** PUBRELs sent to the client */
  get pubrels(): MqttSignal[] {
    return this.subscriber.signals.filter(({ kind }) => kind === 'pubrel')
  }

  /** PUBCOMPs sent to the client */
  get pubcomps(): MqttSignal[] {
    return this.publisher.signals.filter(({ kind }) => kind === 'pubcomp')
  }

  get received(): Received[] {
    return this.deliveries.map(({ topic, payload, qos, retain, ids }) => ({ topic, payload, qos, retain, ids }))
  }

  /** as `received`, with what is of this connection only */
  get deliveries(): (Received & { packetId: number; dup: boolean })[] {
    return this.subscriber.data.map(({ payload, meta }) => {
      const { delivery, packetId, dup } = meta as Outgoing
      const { message, qos, retain, subscriptionIds: ids } = delivery
      return { topic: message.topic, payload: payload.toString(), qos, retain, ids, packetId, dup }
    })
  }

  /** `topic=payload`, with `R:` in front where RETAIN is set */
  get texts(): string[] {
    return this.received.map(({ topic, payload, retain }) => `${retain ? 'R:' : ''}${topic}=${payload}`)
  }
}
