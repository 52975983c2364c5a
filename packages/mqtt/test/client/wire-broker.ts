/**
 * The two neighbours of the mqtt client in wire scripts: the broker on a byte stream, and the mqtt server in front of it,
 * played by commands. wire/README.md lists the commands.
 */
import { StreamError } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, type WirePeer, wireBytes } from '@zilla-ts/testing'
import { expect } from 'vitest'
import { mqtt } from '../../src/binding.ts'
import type { MqttConfig } from '../../src/mqtt.config.ts'
import type { Mqtt, MqttOpen, MqttSignal, Outgoing, PublishMeta, Qos, Subscription } from '../../src/stream.ts'

export type SessionOpen = Extract<MqttOpen, { kind: 'session' }>

export const SESSION: SessionOpen = {
  kind: 'session',
  clientId: 'c1',
  version: 5,
  cleanStart: true,
  expirySeconds: 0,
  will: null,
  username: null,
  keepAliveSeconds: 0,
  receiveMaximum: 65_535,
}

type Values = Record<string, unknown>

/** `a=1 b=x` as pairs; values are numbers and booleans where they look so. */
function pairs(text: string): Values {
  const found = text.split(/\s+/).filter((word) => word !== '')
  return Object.fromEntries(
    found.map((word) => {
      const at = word.indexOf('=')
      const value = word.slice(at + 1)
      return [word.slice(0, at), /^(\d+|true|false|null)$/.test(value) ? JSON.parse(value) : value]
    }),
  )
}

/** The broker's end of the byte stream. It sends when it may, and takes everything unless told otherwise. */
class Broker extends Recorder<Bytes> {
  readonly #pieces: Buffer[] = []
  #sent = 0

  send(bytes: Buffer): void {
    this.#pieces.push(Buffer.from(bytes))
    this.#pump()
  }

  get unsent(): number {
    return this.#pieces.length - this.#sent
  }

  override onWritable(): void {
    this.#pump()
  }

  #pump(): void {
    while (this.unsent > 0 && this.stream?.writable) {
      const bytes = this.#pieces[this.#sent++]!
      this.stream.write(bytes, undefined)
      // borrowed: what the client still needs it has copied
      bytes.fill(0xee)
    }
  }
}

export class WireBroker implements WirePeer {
  readonly clock = new FakeClock()
  readonly broker = new Broker()
  readonly #limits: Values = {}
  readonly #server = new Recorder<Mqtt>()
  readonly #publish = new Recorder<Mqtt>()
  readonly #subscribe = new Recorder<Mqtt>(false)
  #harness: Harness<MqttConfig, Mqtt, Bytes> | null = null
  /** null: the broker takes everything */
  #socketRoom: number | null = null
  #subscribeRoom = 1_000_000
  #will: SessionOpen['will'] = null
  #drained = false
  /** how many entries of a record the script has looked at */
  readonly #seen = new Map<readonly unknown[], number>()

  send(bytes: Buffer): void {
    this.broker.send(bytes)
  }

  received(): Buffer {
    return Buffer.concat(this.broker.data.map(({ payload }) => payload))
  }

  command(verb: string, rest: string): void {
    const run = this.#commands[verb]
    if (run === undefined) throw new Error(`no such command: ${verb}`)
    run(rest)
    this.clock.turn()
    expect(this.#harness?.reporter.faults ?? []).toEqual([])
    expect(this.clock.faults).toEqual([])
  }

  get harness(): Harness<MqttConfig, Mqtt, Bytes> {
    this.#harness ??= this.#start()
    return this.#harness
  }

  /** Whether `drain` has resolved; promises settle after the script. */
  get drained(): boolean {
    return this.#drained
  }

  #start(): Harness<MqttConfig, Mqtt, Bytes> {
    const options = { server: 'mqtt://broker.test', limits: this.#limits } as unknown as MqttConfig['options']
    const harness = new Harness<MqttConfig, Mqtt, Bytes>(mqtt as never, { kind: 'client', clock: this.clock, options })
    harness.exit.onOpen = (open, stream, recorder) => {
      expect(open).toEqual({ remote: { host: 'broker.test', port: 1883 } })
      this.broker.stream = stream
      this.broker.refill = this.#socketRoom === null
      Object.assign(recorder, this.#forwarded())
      stream.grant(this.#socketRoom ?? 1_000_000)
      return true
    }
    return harness
  }

  #forwarded(): Partial<Recorder<Bytes>> {
    const { broker } = this
    return {
      onData: (payload, meta, cost) => broker.onData(payload, meta, cost),
      onWritable: () => broker.onWritable(),
      onEnd: () => broker.onEnd(),
      onAbort: (error) => broker.onAbort(error),
    }
  }

  /** The next entry that the script has not looked at. */
  #next<T>(record: readonly T[], what: string): T {
    const at = this.#seen.get(record) ?? 0
    if (at >= record.length) throw new Error(`no ${what}`)
    this.#seen.set(record, at + 1)
    return record[at]!
  }

  /** Everything of the record has been looked at. */
  #expectSeen(record: readonly unknown[]): void {
    expect(record.slice(this.#seen.get(record) ?? 0)).toEqual([])
  }

  #open(kind: 'publish' | 'subscribe', version: unknown): Recorder<Mqtt> {
    const recorder = kind === 'publish' ? this.#publish : this.#subscribe
    if (recorder.stream !== null) return recorder
    const open = { kind, clientId: 'c1', version: version as 5, resume: [] }
    const stream = this.harness.connect(open, recorder)
    if (stream === null) throw new Error(`the ${kind} stream is refused`)
    if (kind === 'subscribe') stream.grant(this.#subscribeRoom)
    return recorder
  }

  #signal(recorder: Recorder<Mqtt>): MqttSignal {
    return this.#next(recorder.signals, 'signal')
  }

  #publishOne(rest: string): void {
    const { topic, qos, payload, retain, dup, id, ...properties } = pairs(rest)
    const meta: PublishMeta = {
      topic: String(topic),
      qos: (qos ?? 0) as Qos,
      retain: retain === true,
      properties: Object.keys(properties).length > 0 ? properties : null,
      packetId: Number(id ?? 0),
      dup: dup === true,
    }
    const { stream } = this.#open('publish', 5)
    if (!stream?.writable) throw new Error('no room on the publish stream')
    const bytes = wireBytes(String(payload ?? ''))
    stream.write(bytes, meta)
    // borrowed: gone when the call is over
    bytes.fill(0xee)
  }

  #subscribeTo(rest: string): void {
    const { id, ...options } = pairs(rest.replaceAll(/\S+:\d(\s|$)/g, ''))
    const subscriptions = [...rest.matchAll(/(\S+):(\d)(?:\s|$)/g)].map(
      ([, filter, qos]): Subscription => ({
        filter: filter!,
        qos: Number(qos) as Qos,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionId: Number(id ?? 0),
        ...options,
      }),
    )
    this.#open('subscribe', 5).stream?.signal({ kind: 'subscribe', subscriptions })
  }

  #leave(rest: string): void {
    const [reason, expiry] = rest.split(/\s+/).filter((word) => word !== '')
    this.#publish.stream?.end()
    this.#subscribe.stream?.end()
    const reasonCode = reason === undefined ? null : Number.parseInt(reason, 16)
    const expirySeconds = expiry === undefined ? null : Number(expiry)
    this.#server.stream?.signal({ kind: 'disconnect', reasonCode, expirySeconds })
    this.#server.stream?.end()
  }

  readonly #commands: Readonly<Record<string, (rest: string) => void>> = {
    // before the session
    limits: (rest) => Object.assign(this.#limits, pairs(rest)),
    'socket-room': (rest) => {
      if (this.broker.stream === null) this.#socketRoom = Number(rest)
      else this.broker.stream?.grant(Number(rest))
    },
    'subscribe-room': (rest) => {
      if (this.#subscribe.stream === null) this.#subscribeRoom = Number(rest)
      else this.#subscribe.stream.grant(Number(rest))
    },
    will: (rest) => {
      const { topic, payload, qos, retain, ...properties } = pairs(rest)
      this.#will = {
        topic: String(topic),
        payload: wireBytes(String(payload)),
        qos: (qos ?? 0) as Qos,
        retain: retain === true,
        properties: Object.keys(properties).length > 0 ? properties : null,
      }
    },
    // session
    session: (rest) => {
      const open = { ...SESSION, will: this.#will, ...pairs(rest) } as SessionOpen
      if (this.harness.connect(open, this.#server) === null) throw new Error('the session is refused')
    },
    accepted: (rest) => {
      const accept = this.#next(this.#server.accepts, 'accept')
      // the broker alone knows what a session is subscribed to
      expect(accept).toMatchObject({ kind: 'session', capabilities: pairs(rest), subscriptions: [] })
    },
    'not-accepted': () => expect(this.#server.accepts).toEqual([]),
    lost: (code) => expect(this.#server.aborted?.code).toBe(code),
    open: () => expect([this.#server.aborted, this.broker.ended, this.broker.aborted]).toEqual([null, false, null]),
    redirected: (rest) => expect(this.#signal(this.#server)).toEqual({ kind: 'redirect', ...pairs(rest) }),
    leave: (rest) => this.#leave(rest),
    'abort-session': () => this.#server.stream?.abort(new StreamError('internal', 'by the test')),
    // the broker's connection
    closed: () => expect([this.broker.ended, this.broker.aborted]).toEqual([true, null]),
    cut: () => expect(this.broker.aborted).not.toBeNull(),
    'half-close': () => this.broker.stream?.end(),
    reset: () => this.broker.stream?.abort(new StreamError('closed', 'reset by the peer')),
    unread: () => expect(this.broker.unsent).toBeGreaterThan(0),
    read: () => expect(this.broker.unsent).toBe(0),
    // time and the binding itself
    wait: (rest) => this.clock.advance(Number(rest)),
    stop: () => void this.harness.binding.stop?.(),
    drain: () => {
      this.harness.binding.drain?.().then(() => {
        this.#drained = true
      })
    },
    'refuses-sessions': () => expect(this.harness.connect({ ...SESSION, clientId: 'c2' }, new Recorder())).toBeNull(),
    count: (rest) => {
      const [name, value] = rest.split(' ')
      expect(this.harness.reporter.counters.get(`mqtt.client.${name}`)?.value).toBe(Number(value))
    },
    event: (rest) => {
      const events = this.harness.reporter.events.map(({ event, fields }) => `${event} ${fields['reasonCode']}`)
      expect(events).toContain(rest)
    },
    // publish
    publish: (rest) => this.#publishOne(rest),
    acked: (rest) => {
      const { through, refused } = this.#next(this.#publish.acks, 'ack')
      expect(refused === undefined ? `${through}` : `${through} ${refused.code}`).toBe(rest)
    },
    'not-acked': () => this.#expectSeen(this.#publish.acks),
    room: () => expect(this.#publish.stream?.writable).toBe(true),
    'no-room': () => expect(this.#publish.stream?.writable).toBe(false),
    pubrel: (rest) => {
      const [packetId, code] = rest.split(' ')
      const reasonCode = Number.parseInt(code ?? '0', 16)
      this.#open('publish', 5).stream?.signal({ kind: 'pubrel', packetId: Number(packetId), reasonCode })
    },
    pubcomp: (rest) => {
      const [packetId, code] = rest.split(' ')
      const reasonCode = Number.parseInt(code ?? '0', 16)
      expect(this.#signal(this.#publish)).toEqual({ kind: 'pubcomp', packetId: Number(packetId), reasonCode })
    },
    'not-told': () => {
      for (const { signals } of [this.#publish, this.#subscribe, this.#server]) this.#expectSeen(signals)
    },
    // subscribe
    'subscribe-stream': () => void this.#open('subscribe', 5),
    subscribe: (rest) => this.#subscribeTo(rest),
    unsubscribe: (rest) => this.#open('subscribe', 5).stream?.signal({ kind: 'unsubscribe', filters: rest.split(' ') }),
    subscribed: (rest) =>
      expect(this.#signal(this.#subscribe)).toEqual({ kind: 'subscribed', reasonCodes: [...wireBytes(rest)] }),
    unsubscribed: (rest) =>
      expect(this.#signal(this.#subscribe)).toEqual({ kind: 'unsubscribed', reasonCodes: [...wireBytes(rest)] }),
    delivered: (rest) => {
      const { payload, meta } = this.#next(this.#subscribe.data, 'delivery')
      const { delivery, packetId, dup } = meta as Outgoing
      const { message, qos, retain, subscriptionIds } = delivery
      const { payload: wanted, ...values } = pairs(rest)
      if (wanted !== undefined) expect(payload).toEqual(wireBytes(String(wanted)))
      const ids = subscriptionIds.join(',')
      const expires = message.expiresAt === Number.POSITIVE_INFINITY ? null : message.expiresAt - this.clock.now()
      const found = { ...message.properties, topic: message.topic, qos, retain, ids, expires, id: packetId, dup }
      expect(found).toMatchObject(values)
    },
    'not-delivered': () => this.#expectSeen(this.#subscribe.data),
    acknowledge: (rest) => {
      const [type, packetId, code] = rest.split(' ')
      const reasonCode = Number.parseInt(code ?? '0', 16)
      const signal = { kind: 'acknowledge', type: type as 'puback', packetId: Number(packetId), reasonCode } as const
      this.#subscribe.stream?.signal(signal)
    },
    released: (rest) => {
      const [packetId, code] = rest.split(' ')
      const reasonCode = Number.parseInt(code ?? '0', 16)
      expect(this.#signal(this.#subscribe)).toEqual({ kind: 'pubrel', packetId: Number(packetId), reasonCode })
    },
  }
}
