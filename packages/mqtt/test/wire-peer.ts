/**
 * The two neighbours of the mqtt server in wire scripts: one client on a byte stream, and the next hop, played by commands.
 * README.md beside the scripts lists the commands.
 */
import { type ErrorCode, StreamError } from '@zilla-ts/engine'
import { BYTES_WINDOW, type Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, TestExit, type WirePeer, wireBytes } from '@zilla-ts/testing'
import { expect } from 'vitest'
import { mqtt } from '../src/binding.ts'
import { Delivery, Message } from '../src/message.ts'
import { type MqttConfig, schema } from '../src/mqtt.config.ts'
import type {
  Capabilities,
  Mqtt,
  MqttAccept,
  MqttSignal,
  Outgoing,
  PublishMeta,
  Qos,
  Subscription,
} from '../src/stream.ts'

type Opened = TestExit<Mqtt>['opened'][number]

/** The defaults that the config pipeline would fill in. */
export function defaultOptions(): MqttConfig['options'] {
  const options = schema['properties'] as Record<string, { properties: Record<string, Record<string, unknown>> }>
  const { versions, limits, features } = options['options']!.properties
  return {
    versions: versions!['default'],
    limits: defaultsOf(limits!),
    features: defaultsOf(features!),
  } as unknown as MqttConfig['options']
}

function defaultsOf(object: Record<string, unknown>): Record<string, unknown> {
  const properties = Object.entries(object['properties'] as Record<string, { default?: unknown }>)
  return Object.fromEntries(properties.flatMap(([name, of]) => (of.default === undefined ? [] : [[name, of.default]])))
}

export const CAPABILITIES: Capabilities = {
  sessionPresent: false,
  maximumQos: 1,
  retainAvailable: true,
  wildcardAvailable: true,
  subscriptionIdsAvailable: true,
  sharedAvailable: false,
  expirySecondsMax: 0,
  willAvailable: false,
  maximumPacketSize: 1_048_576,
}

/** As an acceptor writes it; QoS 1 and 2 with the packet identifier. */
export function outgoing(delivery: Delivery, packetId: number, dup = false): Outgoing {
  return delivery.qos === 0 ? delivery.plain : { delivery, packetId, dup }
}

/** `a/b:1` */
function storedSubscription(text: string): Subscription {
  const colon = text.lastIndexOf(':')
  const qos = Number(text.slice(colon + 1)) as Qos
  const options = { noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 } as const
  return { filter: text.slice(0, colon), qos, ...options }
}

/** A client that sends when it may and grants by hand or at once. */
class Client extends Recorder<Bytes> {
  readonly #unsent: Buffer[] = []

  send(bytes: Buffer): void {
    this.#unsent.push(Buffer.from(bytes))
    this.#pump()
  }

  get unsent(): number {
    return this.#unsent.length
  }

  override onWritable(): void {
    this.#pump()
  }

  #pump(): void {
    while (this.#unsent.length > 0 && this.stream?.writable) {
      const bytes = this.#unsent.shift()!
      this.stream.write(bytes, undefined)
      // borrowed: what the server still needs it has copied
      bytes.fill(0xee)
    }
  }
}

/** `a=1 b=x` as pairs; values are numbers and booleans where they look so. */
function pairs(text: string): Record<string, unknown> {
  const found = text.split(/\s+/).filter((word) => word !== '')
  return Object.fromEntries(
    found.map((word) => {
      const at = word.indexOf('=')
      const value = word.slice(at + 1)
      return [word.slice(0, at), /^(0|[1-9]\d*|true|false|null)$/.test(value) ? JSON.parse(value) : value]
    }),
  )
}

/** Hexadecimal, as on the wire. */
function wireNumbers(text: string): number[] {
  return text.split(' ').map((word) => Number.parseInt(word, 16))
}

export class MqttWirePeer implements WirePeer {
  readonly clock = new FakeClock()
  readonly #options = defaultOptions()
  #capabilities = CAPABILITIES
  #stored: Subscription[] = []
  #harness: Harness<MqttConfig, Bytes, Mqtt> | null = null
  #client: Client | null = null
  #exits: TestExit<Mqtt>[] = []
  #routes: string[] = []
  /** null: the client takes everything */
  #socketRoom: number | null = null
  #publishRoom = 1_000_000
  #sessionHeld = false
  #refused = ''
  #drained = false
  /** how many entries of a record the script has looked at */
  readonly #seen = new Map<readonly unknown[], number>()
  /** what each subscribe stream was told of the client's answers */
  readonly #acknowledged = new Map<Opened['recorder'], MqttSignal[]>()
  /** identifiers given to deliveries, by exit */
  readonly #packetIds = new Map<Opened['recorder'], number>()

  send(bytes: Buffer): void {
    this.client.send(bytes)
  }

  received(): Buffer {
    return Buffer.concat(this.#client?.data.map(({ payload }) => payload) ?? [])
  }

  command(verb: string, rest: string): void {
    const run = this.#commands[verb]
    if (run === undefined) throw new Error(`no such command: ${verb}`)
    run(rest)
    expect(this.#harness?.reporter.faults ?? []).toEqual([])
    expect(this.clock.faults).toEqual([])
    expect(this.#client?.stream?.credit ?? 0).toBeLessThanOrEqual(BYTES_WINDOW)
  }

  get harness(): Harness<MqttConfig, Bytes, Mqtt> {
    if (this.#harness !== null) return this.#harness
    const harness: Harness<MqttConfig, Bytes, Mqtt> = new Harness(mqtt as never, {
      kind: 'server',
      options: this.#options,
      clock: this.clock,
      routes: this.#routes.length === 0 ? undefined : this.#routes.map((name) => this.#route(name)),
    })
    this.#harness = harness
    if (this.#exits.length === 0) this.#exits.push(harness.exit)
    for (const exit of this.#exits) {
      exit.onOpen = (open, stream, recorder) => {
        if (open.kind === this.#refused) return false
        recorder.refill = open.kind === 'publish' && this.#publishRoom >= 1_000_000
        if (open.kind === 'publish') stream.grant(this.#publishRoom)
        if (open.kind === 'subscribe') this.#watch(recorder)
        if (open.kind !== 'session') stream.accept({ kind: open.kind })
        else if (!this.#sessionHeld) stream.accept(this.#accept())
        return true
      }
    }
    return harness
  }

  #accept(): MqttAccept {
    return { kind: 'session', capabilities: this.#capabilities, subscriptions: this.#stored }
  }

  /** Answers to deliveries apart from requests, so that a script may look at either. */
  #watch(recorder: Opened['recorder']): void {
    const acknowledged: MqttSignal[] = []
    this.#acknowledged.set(recorder, acknowledged)
    recorder.onSignal = (signal) => {
      if (signal.kind === 'acknowledge') acknowledged.push(signal)
      else recorder.signals.push(signal)
    }
  }

  get client(): Client {
    if (this.#client !== null) return this.#client
    const client = new Client(this.#socketRoom === null)
    const local = { host: '127.0.0.1', port: 7183 }
    const stream = this.harness.connect({ local, remote: { host: '127.0.0.2', port: 50_000 } }, client)
    if (stream === null) throw new Error('the connection was refused')
    stream.grant(this.#socketRoom ?? 1_000_000)
    this.#client = client
    return client
  }

  /** A route for the topics below its name, and a session route for everybody. */
  #route(name: string) {
    const reporter = { fault: (where: string, error: unknown) => this.harness.reporter.fault(where, error) }
    const exit = new TestExit<Mqtt>(name, reporter as never)
    this.#exits.push(exit)
    const topics: [{ topic: string }] = [{ topic: `${name}/#` }]
    return { when: [{ publish: topics, subscribe: topics }], with: undefined, exit, permits: () => true }
  }

  /** The last stream of a kind; `@b` at the end of the arguments names the route. */
  #stream(kind: string, rest: string): [opened: Opened, rest: string] {
    const route = /\s*@(\S+)$/.exec(rest)
    const opened = this.#exits
      .filter((exit) => route === null || exit.name === route[1])
      .flatMap((exit) => exit.opened)
      .filter(({ open }) => open.kind === kind)
    const last = opened.at(-1)
    if (last === undefined) throw new Error(`no ${kind} stream was opened`)
    return [last, route === null ? rest : rest.slice(0, route.index)]
  }

  /** The next entry that the script has not looked at. */
  #next<T>(record: readonly T[]): T | undefined {
    const at = this.#seen.get(record) ?? 0
    if (at < record.length) this.#seen.set(record, at + 1)
    return record[at]
  }

  /** Everything of these records has been looked at. */
  #expectSeen(records: readonly (readonly unknown[])[]): void {
    for (const record of records) expect(record.slice(this.#seen.get(record) ?? 0)).toEqual([])
  }

  #recorders(kind: string): Opened['recorder'][] {
    const opened = this.#exits.flatMap((exit) => exit.opened).filter(({ open }) => open.kind === kind)
    return opened.map(({ recorder }) => recorder)
  }

  #expectSignal(kind: string, rest: string, fields: (signal: MqttSignal) => unknown): void {
    const [{ recorder }, text] = this.#stream(kind, rest)
    const signal = this.#next(recorder.signals)
    if (signal === undefined) throw new Error('no signal')
    expect(fields(signal)).toEqual(text)
  }

  #deliver(rest: string): void {
    const [{ stream, recorder }, text] = this.#stream('subscribe', rest)
    const { topic, qos, payload, retain, ids, expires, id, dup, ...other } = pairs(text)
    const properties = Object.keys(other).length > 0 ? other : null
    const expiresAt = expires === undefined ? Number.POSITIVE_INFINITY : this.clock.now() + Number(expires)
    const bytes = wireBytes(String(payload ?? ''))
    const message = new Message(String(topic), bytes, properties, expiresAt, true)
    let delivery: Delivery = message.delivery(Number(qos ?? 0) as Qos, retain === true)
    if (ids !== undefined) {
      delivery = new Delivery(message, delivery.qos, delivery.retain, String(ids).split(',').map(Number))
    }
    if (!stream.writable) throw new Error('no room on the subscribe stream')
    const packetId = id === undefined ? (this.#packetIds.get(recorder) ?? 0) + 1 : Number.parseInt(String(id), 16)
    if (delivery.qos > 0 && id === undefined) this.#packetIds.set(recorder, packetId)
    stream.write(message.payload, outgoing(delivery, packetId, dup === true))
    // borrowed: gone when the call is over
    bytes.fill(0xee)
    expect(recorder.aborted).toBeNull()
  }

  readonly #commands: Readonly<Record<string, (rest: string) => void>> = {
    // before the first byte
    limits: (rest) => Object.assign(this.#options.limits, pairs(rest)),
    features: (rest) => Object.assign(this.#options.features, pairs(rest)),
    versions: (rest) => Object.assign(this.#options, { versions: rest.split(' ') }),
    can: (rest) => {
      this.#capabilities = { ...this.#capabilities, ...pairs(rest) }
    },
    routes: (rest) => {
      this.#routes = rest.split(' ')
    },
    redirect: (rest) => {
      const [server, permanent] = rest.split(' ')
      Object.assign(this.#options, { redirect: { server, permanent: permanent === 'permanent' } })
    },
    'response-information': (rest) => Object.assign(this.#options, { responseInformation: rest }),
    stored: (rest) => {
      this.#stored = rest.split(' ').map(storedSubscription)
    },
    'hold-session': () => {
      this.#sessionHeld = true
    },
    refuse: (rest) => {
      this.#refused = rest
    },
    'publish-room': (rest) => {
      if (this.#publishRoom >= 1_000_000) this.#publishRoom = Number(rest)
      else this.#stream('publish', '')[0].stream.grant(Number(rest))
    },
    'socket-room': (rest) => {
      if (this.#client === null) this.#socketRoom = Number(rest)
      else this.#client.stream?.grant(Number(rest))
    },
    // the client
    connect: () => this.client,
    'half-close': () => this.client.stream?.end(),
    reset: () => this.client.stream?.abort(new StreamError('closed', 'reset by the peer')),
    closed: () => expect(this.client.ended || this.client.aborted !== null).toBe(true),
    aborted: () => expect(this.client.aborted).not.toBeNull(),
    open: () => expect([this.client.ended, this.client.aborted]).toEqual([false, null]),
    unread: () => expect(this.client.unsent).toBeGreaterThan(0),
    read: () => expect(this.client.unsent).toBe(0),
    // time and the server itself
    wait: (rest) => this.clock.advance(Number(rest)),
    drain: () => {
      this.harness.binding.drain?.().then(() => {
        this.#drained = true
      })
    },
    stop: () => void this.harness.binding.stop?.(),
    'refuses-connections': () => {
      const recorder = new Recorder<Bytes>()
      expect(this.harness.connect({}, recorder)).toBeNull()
    },
    count: (rest) => {
      const [name, value] = rest.split(' ')
      expect(this.harness.reporter.counters.get(`mqtt.${name}`)?.value).toBe(Number(value))
    },
    event: (rest) => {
      const events = this.harness.reporter.events.map(({ event, fields }) => `${event} ${fields['clientId']}`)
      expect(events).toContain(rest)
    },
    // the next hop: session
    session: (rest) => {
      const [{ open }] = this.#stream('session', '')
      expect(open).toMatchObject(pairs(rest))
    },
    'no-session': () => expect(this.#exits.flatMap(({ opened }) => opened)).toEqual([]),
    accept: () => this.#stream('session', '')[0].stream.accept(this.#accept()),
    'redirect-session': (rest) => {
      const [reference, permanent] = rest.split(' ')
      const { stream } = this.#stream('session', '')[0]
      stream.signal({ kind: 'redirect', reference: reference!, permanent: permanent === 'permanent' })
      stream.abort(new StreamError('unavailable', 'by the test'))
    },
    'abort-session': (code) =>
      this.#stream('session', '')[0].stream.abort(new StreamError(code as ErrorCode, 'by the test')),
    'end-session': () => this.#stream('session', '')[0].stream.end(),
    ended: (rest) => {
      const [{ recorder }] = this.#stream('session', '')
      const signal = recorder.signals.at(-1)
      expect(recorder.ended).toBe(true)
      expect(signal).toMatchObject({ kind: 'disconnect', ...pairs(rest) })
    },
    // the next hop: publish
    published: (rest) => {
      const [{ recorder }, text] = this.#stream('publish', rest)
      const written = this.#next(recorder.data)
      if (written === undefined) throw new Error('nothing was published')
      const { payload, ...meta } = pairs(text)
      if (payload !== undefined) expect(written.payload).toEqual(wireBytes(String(payload)))
      const { properties, ...rest2 } = written.meta as PublishMeta
      expect({ ...properties, ...rest2 }).toMatchObject(meta)
    },
    'not-published': () => this.#expectSeen(this.#recorders('publish').map(({ data }) => data)),
    ack: (rest) => {
      const [{ stream }, text] = this.#stream('publish', rest)
      const [through, code] = text.split(' ')
      stream.ack(Number(through), code === undefined ? undefined : new StreamError(code as ErrorCode, 'by the test'))
    },
    released: (rest) => {
      const [{ recorder }, text] = this.#stream('publish', rest)
      const [packetId, reasonCode] = wireNumbers(text)
      expect(this.#next(recorder.signals)).toEqual({ kind: 'pubrel', packetId, reasonCode: reasonCode ?? 0 })
    },
    'not-released': () => this.#expectSeen(this.#recorders('publish').map(({ signals }) => signals)),
    pubcomp: (rest) => {
      const [{ stream }, text] = this.#stream('publish', rest)
      const [packetId, reasonCode] = wireNumbers(text)
      stream.signal({ kind: 'pubcomp', packetId: packetId!, reasonCode: reasonCode ?? 0 })
    },
    'abort-publish': (code) =>
      this.#stream('publish', '')[0].stream.abort(new StreamError(code as ErrorCode, 'by the test')),
    'publish-ended': () => expect(this.#stream('publish', '')[0].recorder.ended).toBe(true),
    // the next hop: subscribe
    resumed: (rest) => {
      const [{ open }, text] = this.#stream('subscribe', rest)
      expect(open).toMatchObject({ kind: 'subscribe', resume: text.split(' ').filter((filter) => filter !== '') })
    },
    'not-resumed': () => expect(this.#recorders('subscribe')).toEqual([]),
    asked: (rest) =>
      this.#expectSignal('subscribe', rest, (signal) => {
        if (signal.kind === 'unsubscribe') return `unsubscribe ${signal.filters.join(' ')}`
        if (signal.kind !== 'subscribe') return signal.kind
        return `subscribe ${signal.subscriptions.map(({ filter, qos }) => `${filter}:${qos}`).join(' ')}`
      }),
    'asked-options': (rest) => {
      const [{ recorder }] = this.#stream('subscribe', '')
      const signal = recorder.signals.at(-1)
      expect(signal?.kind === 'subscribe' && signal.subscriptions[0]).toMatchObject(pairs(rest))
    },
    'not-asked': () => this.#expectSeen(this.#recorders('subscribe').map(({ signals }) => signals)),
    subscribed: (rest) => {
      const [{ stream }, text] = this.#stream('subscribe', rest)
      stream.signal({ kind: 'subscribed', reasonCodes: [...wireBytes(text)] })
    },
    unsubscribed: (rest) => {
      const [{ stream }, text] = this.#stream('subscribe', rest)
      stream.signal({ kind: 'unsubscribed', reasonCodes: [...wireBytes(text)] })
    },
    deliver: (rest) => this.#deliver(rest),
    'deliver-unfit': () => {
      const [{ stream }] = this.#stream('subscribe', '')
      const properties = { contentType: 'x'.repeat(70_000) }
      const message = new Message('a', Buffer.from('x'), properties, Number.POSITIVE_INFINITY, false)
      stream.write(message.payload, outgoing(message.delivery(1, false), 1))
    },
    'no-room': () => expect(this.#stream('subscribe', '')[0].stream.writable).toBe(false),
    room: () => expect(this.#stream('subscribe', '')[0].stream.writable).toBe(true),
    acknowledged: (rest) => {
      const [{ recorder }, text] = this.#stream('subscribe', rest)
      const [type, ...numbers] = text.split(' ')
      const [packetId, reasonCode] = wireNumbers(numbers.join(' '))
      const expected = { kind: 'acknowledge', type, packetId, reasonCode: reasonCode ?? 0 }
      expect(this.#next(this.#acknowledged.get(recorder)!)).toEqual(expected)
    },
    'not-acknowledged': () => this.#expectSeen([...this.#acknowledged.values()]),
    pubrel: (rest) => {
      const [{ stream }, text] = this.#stream('subscribe', rest)
      const [packetId, reasonCode] = wireNumbers(text)
      stream.signal({ kind: 'pubrel', packetId: packetId!, reasonCode: reasonCode ?? 0 })
    },
    'abort-subscribe': (code) =>
      this.#stream('subscribe', '')[0].stream.abort(new StreamError(code as ErrorCode, 'by the test')),
    'subscribe-ended': () => expect(this.#stream('subscribe', '')[0].recorder.ended).toBe(true),
  }

  /** Whether `drain` has resolved; promises settle after the script. */
  get drained(): boolean {
    return this.#drained
  }
}
