/** An mqtt server with one guard, clients that speak whole packets, and the next hop played by the test. */
import { type Credentials, type Guard, type Session, StreamError, sessionOf } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, TestExit, TestReporter } from '@zilla-ts/testing'
import { mqtt } from '../src/binding.ts'
import { Decoder } from '../src/codec/decoder.ts'
import { encode } from '../src/codec/encoder.ts'
import type { ConnectPacket, Packet } from '../src/codec/packets.ts'
import type { Properties } from '../src/codec/properties.ts'
import { Message } from '../src/message.ts'
import type { MqttConfig } from '../src/mqtt.config.ts'
import type { Capabilities, Mqtt, PublishMeta, Qos, Subscription, Version, Will } from '../src/stream.ts'
import { CAPABILITIES, outgoing } from './wire-peer.ts'

type Routes = NonNullable<ConstructorParameters<typeof Harness<MqttConfig, Bytes, Mqtt>>[1]['routes']>
export type Authorization = NonNullable<MqttConfig['options']['authorization']>
type Opened = TestExit<Mqtt>['opened'][number]

const GUARD = 'test:g'

/** Knows `<identity>.<role>-<role>[.<seconds>]`, and nothing else. */
export class TestGuard implements Guard {
  readonly shown: Credentials[] = []
  /** questions that wait, while `holds` is set */
  readonly held: (() => void)[] = []
  holds = false
  /** whose sessions are revoked, by identity */
  readonly revoked = new Set<string>()
  /** what a question is answered with instead */
  failure: unknown = null
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  async authorize(shown: Credentials, earlier: Session | null): Promise<Session | null> {
    this.shown.push(shown)
    if (this.holds) await new Promise<void>((resolve) => this.held.push(resolve))
    if (this.failure !== null) throw this.failure
    const [identity = '', roles, seconds] = shown.credentials.split('.')
    if (roles === undefined) return null
    const { revoked } = this
    return {
      guard: GUARD,
      earlier,
      identity,
      roles: roles.split('-'),
      attributes: { site: `site-${identity}` },
      expiresAt: seconds === undefined ? null : this.#clock.now() + Number(seconds) * 1_000,
      get revoked() {
        return revoked.has(identity)
      },
    }
  }

  permits(session: Session, roles: readonly string[]): boolean {
    return roles.every((role) => session.roles.includes(role))
  }
}

export interface RouteOptions {
  readonly when?: Routes[number]['when']
  /** absent: the route is not guarded */
  readonly roles?: readonly string[]
  /** name of the exit; absent: the same for all */
  readonly exit?: string
}

/** A client and what it has received, packet by packet. */
export class Client extends Recorder<Bytes> {
  readonly packets: Packet[] = []
  readonly version: Version
  readonly #decoder: Decoder

  constructor(version: Version) {
    super()
    this.version = version
    this.#decoder = new Decoder(
      'client',
      {
        onPublish: (meta, payload) => this.packets.push({ ...meta, type: 'publish', payload: Buffer.from(payload) }),
        onPacket: (packet) => this.packets.push(packet),
        onDecodeError: (error) => {
          throw error
        },
      },
      version,
    )
  }

  override onData(payload: Buffer, meta: undefined, cost: number): void {
    super.onData(payload, meta, cost)
    this.#decoder.push(payload)
  }

  send(packet: Packet): void {
    this.stream?.write(encode(packet, this.version), undefined)
  }

  publish(topic: string, qos: Qos = 1, properties: Properties | null = null): void {
    const packetId = qos === 0 ? 0 : 7
    this.send({
      type: 'publish',
      topic,
      qos,
      retain: false,
      dup: false,
      packetId,
      properties,
      payload: Buffer.from('x'),
    })
  }

  subscribe(...filters: string[]): void {
    const subscriptions = filters.map((filter) => ({ ...stored(filter), valid: true }))
    this.send({ type: 'subscribe', packetId: 9, subscriptions, properties: null })
  }

  auth(data: string | null, method = 'M', reasonCode = 0x19): void {
    const properties: Properties = { authenticationMethod: method }
    if (data !== null) properties.authenticationData = Buffer.from(data)
    this.send({ type: 'auth', reasonCode, properties })
  }

  /** Type and reason codes of the packets since the last call, in short. */
  get news(): string[] {
    return this.packets.splice(0).map((packet) => {
      if (packet.type === 'publish') return `publish ${packet.topic}`
      const codes = 'reasonCodes' in packet ? packet.reasonCodes : 'reasonCode' in packet ? [packet.reasonCode] : []
      return [packet.type, ...codes.map((code) => code.toString(16))].join(' ')
    })
  }
}

export function stored(filter: string, qos: Qos = 1): Subscription {
  return { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 }
}

export class AuthorizationRig {
  readonly clock = new FakeClock()
  readonly guard = new TestGuard(this.clock)
  readonly reporter = new TestReporter()
  readonly exits = new Map<string, TestExit<Mqtt>>()
  readonly harness: Harness<MqttConfig, Bytes, Mqtt>
  /** what a session is subscribed to before its connection */
  stored: Subscription[] = []
  capabilities: Capabilities = { ...CAPABILITIES, maximumQos: 2, sharedAvailable: true, willAvailable: true }

  constructor(authorization: Authorization | undefined, routes: readonly RouteOptions[]) {
    this.harness = new Harness<MqttConfig, Bytes, Mqtt>(mqtt as never, {
      kind: 'server',
      clock: this.clock,
      options: authorization === undefined ? {} : { authorization },
      guards: { g: this.guard },
      routes: routes.map(({ when = [], roles, exit = 'exit' }) => ({
        when,
        with: undefined,
        exit: this.exit(exit),
        permits: (session) => {
          const found = sessionOf(session, GUARD)
          return roles === undefined || (found !== null && this.guard.permits(found, roles))
        },
      })),
    })
  }

  exit(name: string): TestExit<Mqtt> {
    const known = this.exits.get(name)
    if (known !== undefined) return known
    const exit = new TestExit<Mqtt>(name, this.reporter)
    exit.onOpen = (open, stream) => {
      stream.grant(1_000_000)
      if (open.kind !== 'session') stream.accept({ kind: open.kind })
      else stream.accept({ kind: 'session', capabilities: this.capabilities, subscriptions: this.stored })
      return true
    }
    this.exits.set(name, exit)
    return exit
  }

  /** Sends a CONNECT and waits until guards that answer have answered. */
  async connect(options: Partial<ConnectPacket> & { readonly session?: Session } = {}): Promise<Client> {
    const { session = null, ...packet } = options
    const client = new Client(packet.version ?? 5)
    this.harness.connect({ remote: { host: '127.0.0.2', port: 5 } }, client, session)?.grant(100_000_000)
    client.send({
      type: 'connect',
      version: 5,
      clientId: 'c',
      cleanStart: true,
      keepAliveSeconds: 0,
      will: null,
      username: null,
      password: null,
      properties: null,
      ...packet,
    })
    await this.settle()
    return client
  }

  /** All that promises have to say is said. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  opened(kind: string, exit = 'exit'): Opened[] {
    return this.exit(exit).opened.filter(({ open }) => open.kind === kind)
  }

  /** Topics that were handed on. */
  get published(): string[] {
    const streams = [...this.exits.keys()].flatMap((exit) => this.opened('publish', exit))
    return streams.flatMap(({ recorder }) => recorder.data.map(({ meta }) => (meta as PublishMeta).topic))
  }

  /** What the next hop was asked on its last subscribe stream. */
  asked(exit = 'exit'): string[] {
    const signals = this.opened('subscribe', exit).at(-1)?.recorder.signals ?? []
    return signals.flatMap((signal) => {
      if (signal.kind === 'subscribe') return signal.subscriptions.map(({ filter }) => `+${filter}`)
      if (signal.kind === 'unsubscribe') return signal.filters.map((filter) => `-${filter}`)
      return signal.kind === 'acknowledge'
        ? [`${signal.type} ${signal.packetId} ${signal.reasonCode.toString(16)}`]
        : []
    })
  }

  deliver(topic: string, { qos = 1, packetId = 1, retain = false, dup = false, exit = 'exit' } = {}): void {
    const message = new Message(topic, Buffer.from('x'), null, Number.POSITIVE_INFINITY, true)
    const delivery = message.delivery(qos as Qos, retain)
    this.opened('subscribe', exit)
      .at(-1)!
      .stream.write(message.payload, outgoing(delivery, packetId, dup))
  }

  /** How the session stream of the last connection has ended: reason code of the client's DISCONNECT, null: without one. */
  get ended(): number | null | undefined {
    const { recorder } = this.opened('session').at(-1)!
    const signal = recorder.signals.findLast(({ kind }) => kind === 'disconnect')
    return signal?.kind === 'disconnect' && recorder.ended ? signal.reasonCode : undefined
  }

  count(name: string): number {
    return this.harness.reporter.counters.get(`mqtt.${name}`)?.value ?? 0
  }
}

export function willTo(topic: string): Will {
  return { topic, payload: Buffer.from('gone'), qos: 1, retain: false, properties: null }
}

export const unavailable = new StreamError('unavailable', 'the issuer does not answer')
