/**
 * The binding on `MemoryKafka` with a fake clock, and MQTT clients as the mqtt server would be: what the larger tests share.
 */
import type { Route } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import type { Delivery, Mqtt, MqttOpen, MqttSignal, Properties, Qos, Subscription } from '@zilla-ts/mqtt'
import { FakeClock, Harness, Recorder } from '@zilla-ts/testing'
import { type MqttKafkaBinding, mqttKafka } from '../src/binding.ts'
import type { MqttKafkaConfig } from '../src/mqtt-kafka.config.ts'
import { MemoryKafka } from './memory-kafka.ts'

type Options = NonNullable<MqttKafkaConfig['options']>
type TestRoute = Partial<Pick<Route<MqttKafkaConfig, Kafka>, 'when' | 'with' | 'permits'>>

export const TOPICS = { sessions: 'sessions', messages: 'messages', retained: 'retained' }
const LIMITS = {
  queueBytes: 65_536,
  inFlight: 256,
  filters: 1_000,
  paramTopics: 1_000,
  startSeconds: 10,
  subscribeSeconds: 30,
}
const CREDIT = 64 * 1024 * 1024

export interface RigOptions {
  readonly options?: Partial<Omit<Options, 'limits'>> & { readonly limits?: Partial<Options['limits']> }
  readonly routes?: readonly TestRoute[]
  readonly partitions?: number
  /** the topics are not there yet */
  readonly bare?: boolean
}

export class Rig {
  readonly clock = new FakeClock()
  readonly kafka = new MemoryKafka()
  readonly harness: Harness<MqttKafkaConfig, Mqtt, Kafka>

  constructor({ options = {}, routes = [{}], partitions = 1, bare = false }: RigOptions = {}) {
    if (!bare) {
      this.kafka.add('sessions', 1, { 'cleanup.policy': 'compact' })
      this.kafka.add('messages', partitions, { 'cleanup.policy': 'delete' })
      this.kafka.add('retained', partitions, { 'cleanup.policy': 'compact' })
    }
    this.harness = new Harness(mqttKafka, {
      kind: 'proxy',
      clock: this.clock,
      options: {
        topics: TOPICS,
        foreign: { qos: 'at_most_once' },
        ...options,
        limits: { ...LIMITS, ...options.limits },
      },
      routes: routes.map((route) => ({
        when: route.when ?? [],
        with: route.with,
        exit: this.kafka,
        permits: route.permits ?? (() => true),
      })),
    })
  }

  get binding(): MqttKafkaBinding {
    return this.harness.binding as MqttKafkaBinding
  }

  async start(): Promise<this> {
    await this.binding.start()
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

  open(open: MqttOpen, recorder = new Recorder<Mqtt>()): Recorder<Mqtt> {
    this.harness.connect(open, recorder)
    return recorder
  }

  session(clientId: string): Recorder<Mqtt> {
    return this.open({
      kind: 'session',
      clientId,
      version: 5,
      cleanStart: true,
      expirySeconds: 0,
      will: null,
      username: null,
      keepAliveSeconds: 60,
    })
  }

  client(clientId: string): Client {
    return new Client(this, clientId)
  }
}

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

  constructor(rig: Rig, clientId: string) {
    this.clientId = clientId
    this.session = rig.session(clientId)
    this.publisher = rig.open({ kind: 'publish', clientId, version: 5 })
    this.subscriber = rig.open({ kind: 'subscribe', clientId, version: 5 })
    this.subscriber.stream?.grant(CREDIT)
  }

  publish(topic: string, payload: string, qos: Qos = 0, retain = false, properties: Properties | null = null): void {
    this.publisher.stream!.write(Buffer.from(payload), { topic, qos, retain, properties })
  }

  subscribe(...filters: (string | (Partial<Subscription> & { filter: string }))[]): void {
    const subscriptions = filters.map((given) => ({
      qos: 1 as Qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
      subscriptionId: 0,
      ...(typeof given === 'string' ? { filter: given } : given),
    }))
    this.subscriber.stream!.signal({ kind: 'subscribe', subscriptions })
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
    return this.subscriber.signals
  }

  get received(): Received[] {
    return this.subscriber.data.map(({ payload, meta }) => {
      const { message, qos, retain, subscriptionIds } = meta as Delivery
      return { topic: message.topic, payload: payload.toString(), qos, retain, ids: subscriptionIds }
    })
  }

  /** `topic=payload`, with `R:` in front where RETAIN is set */
  get texts(): string[] {
    return this.received.map(({ topic, payload, retain }) => `${retain ? 'R:' : ''}${topic}=${payload}`)
  }
}
