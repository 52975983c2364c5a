/** Every limit of the mqtt server, reached: what the client is told, what is counted, and that others go on. */
import { type Session, type Stream, StreamError } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, wireBytes } from '@zilla-ts/testing'
import { describe, expect, test } from 'vitest'
import { mqtt } from '../src/binding.ts'
import type { MqttConfig, MqttLimits } from '../src/mqtt.config.ts'
import type { MqttServer } from '../src/server/server.ts'
import type { Mqtt, PublishMeta } from '../src/stream.ts'
import { CAPABILITIES, defaultOptions } from './wire-peer.ts'

class Rig {
  readonly clock = new FakeClock()
  readonly harness: Harness<MqttConfig, Bytes, Mqtt>
  readonly #owners = new Map<string, Stream<Mqtt>>()

  constructor(limits: Partial<MqttLimits>) {
    const options = defaultOptions()
    this.harness = new Harness<MqttConfig, Bytes, Mqtt>(mqtt as never, {
      kind: 'server',
      clock: this.clock,
      options: { ...options, limits: { ...options.limits, ...limits } },
    })
    this.harness.exit.onOpen = (open, stream) => {
      const capabilities = { ...CAPABILITIES, willAvailable: true }
      if (open.kind === 'session') {
        this.#owners.get(open.clientId)?.abort(new StreamError('taken-over', 'connected again'))
        this.#owners.set(open.clientId, stream)
        stream.accept({ kind: 'session', capabilities, subscriptions: [] })
      } else stream.accept({ kind: open.kind })
      stream.grant(100_000_000)
      return true
    }
  }

  open(host = '127.0.0.1', session: Session | null = null): Recorder<Bytes> {
    const client = new Recorder<Bytes>()
    const stream = this.harness.connect({ remote: { host, port: 5 } }, client, session)
    stream?.grant(100_000_000)
    return client
  }

  send(client: Recorder<Bytes>, bytes: string): Recorder<Bytes> {
    client.stream?.write(wireBytes(bytes), undefined)
    return client
  }

  /** A client that has sent CONNECT: its version 5, unless `level` says otherwise. */
  client(id: string, host?: string, level = 5, session: Session | null = null): Recorder<Bytes> {
    const connect = level === 5 ? `10 { 'MQTT' 05 02 0000 {} '${id}' }` : `10 { 'MQTT' 04 02 0000 '${id}' }`
    return this.send(this.open(host, session), connect)
  }

  /** Both sides of the socket are closed. */
  gone(client: Recorder<Bytes>): void {
    client.stream?.end()
  }

  counter(name: string): number {
    return this.harness.reporter.counters.get(`mqtt.${name}`)?.value ?? 0
  }

  get usage() {
    return (this.harness.binding as unknown as MqttServer).admission.usage
  }

  /** payloads that the exit has; scripts write them as strings with their length */
  get published(): string[] {
    return this.harness.exit.opened
      .filter(({ open }) => open.kind === 'publish')
      .flatMap(({ recorder }) => recorder.data.map(({ payload }) => payload.subarray(2).toString()))
  }
}

const received = (client: Recorder<Bytes>) => Buffer.concat(client.data.map(({ payload }) => payload))

/** Reason code, or return code, of the CONNACK; null: there is none. */
function code(client: Recorder<Bytes>): number | null {
  const bytes = received(client)
  return bytes[0] === 0x20 ? bytes[3]! : null
}

/** Reason code of the DISCONNECT behind the CONNACK. */
function farewell(client: Recorder<Bytes>): number | null {
  const bytes = received(client)
  const at = bytes.indexOf(0xe0, 2 + bytes[1]!)
  return at < 0 ? null : bytes[at + 2]!
}

const identity = (name: string, guard = 'g'): Session => ({
  guard,
  earlier: null,
  identity: name,
  roles: [],
  attributes: {},
  expiresAt: null,
})

const OK = 0x00
const QUOTA = 0x97
const RATE = 0x9f
const UNAVAILABLE = 3

describe('connections', () => {
  test('in total: one more is refused, and may come when one has gone', () => {
    const rig = new Rig({ connections: 2 })
    const [a, b] = [rig.client('a'), rig.client('b')]
    expect([code(a), code(b), code(rig.client('c')), code(rig.client('c', '127.0.0.1', 4))]).toEqual([
      OK,
      OK,
      QUOTA,
      UNAVAILABLE,
    ])
    expect([a.ended, rig.counter('limited.connections'), rig.counter('connections.refused')]).toEqual([false, 2, 2])
    rig.gone(rig.send(a, 'e0 00'))
    expect(code(rig.client('c'))).toBe(OK)
  })

  test('of one address, IPv6 by its /64', () => {
    const rig = new Rig({ addressConnections: 1 })
    const codes = ['10.0.0.1', '10.0.0.2', '10.0.0.1', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'].map((host, i) =>
      code(rig.client(`c${i}`, host)),
    )
    expect(codes).toEqual([OK, OK, QUOTA, OK, QUOTA, OK])
  })

  test('of one identity, by guard', () => {
    const rig = new Rig({ identityConnections: 1 })
    const codes = [identity('x'), identity('y'), identity('x'), identity('x', 'h'), null, null].map((session, i) =>
      code(rig.client(`c${i}`, undefined, 5, session)),
    )
    expect(codes).toEqual([OK, OK, QUOTA, OK, OK, OK])
  })

  test('a client that comes back takes its own place over, though all are taken', () => {
    const rig = new Rig({ connections: 1, addressConnections: 1, identityConnections: 1 })
    for (let i = 0; i < 3; i++) expect(code(rig.client('a', '10.0.0.1', 5, identity('x')))).toBe(OK)
    expect(code(rig.client('b', '10.0.0.2', 5, identity('y')))).toBe(QUOTA)
  })

  test('nothing is kept of those that have gone', () => {
    const rig = new Rig({ identityConnections: 2, connectsPerSecond: 10 })
    for (let i = 0; i < 12; i++) {
      const client = rig.client(`c${i % 4}`, `10.0.0.${i % 3}`, 5, identity(`x${i}`))
      client.stream?.end()
    }
    rig.gone(rig.send(rig.open(), '10 7f'))
    expect(rig.usage).toEqual({
      connections: 0,
      unconnected: 0,
      unconnectedBytes: 0,
      addresses: 0,
      identities: 0,
      clients: 0,
    })
  })
})

describe('CONNECTs', () => {
  const connects = (rig: Rig, count: number, id: (i: number) => string, host: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => code(rig.client(id(i), host(i))))

  test('a second, over all', () => {
    const rig = new Rig({ connectsPerSecond: 2 })
    const ids = (i: number) => `c${i}`
    const hosts = (i: number) => `10.0.0.${i}`
    expect(connects(rig, 3, ids, hosts)).toEqual([OK, OK, RATE])
    expect(code(rig.client('d', '10.0.0.9', 4))).toBe(UNAVAILABLE)
    rig.clock.advance(1_000)
    expect(connects(rig, 3, ids, hosts)).toEqual([OK, OK, RATE])
    expect(rig.counter('limited.connects')).toBe(3)
  })

  test('a second, of one address, which takes nothing of what is there for others', () => {
    const rig = new Rig({ connectsPerSecond: 3, addressConnectsPerSecond: 2 })
    expect(
      connects(
        rig,
        50,
        (i) => `c${i}`,
        () => '10.0.0.1',
      ).filter((each) => each === OK),
    ).toHaveLength(2)
    expect(code(rig.client('other', '10.0.0.2'))).toBe(OK)
  })

  test('a minute, of one client identifier, from wherever; those without one are not the same', () => {
    const rig = new Rig({ clientConnectsPerMinute: 2 })
    expect(
      connects(
        rig,
        3,
        () => 'same',
        (i) => `10.0.0.${i}`,
      ),
    ).toEqual([OK, OK, RATE])
    expect(
      connects(
        rig,
        3,
        () => '',
        () => '10.0.0.1',
      ),
    ).toEqual([OK, OK, OK])
    rig.clock.advance(30_000)
    expect(code(rig.client('same'))).toBe(OK)
  })
})

describe('connections without CONNECT', () => {
  test('are bounded by count: the oldest goes', () => {
    const rig = new Rig({ unconnected: 2 })
    const up = rig.client('up')
    const silent = [rig.open(), rig.open(), rig.open()]
    expect(silent.map(({ aborted }) => aborted !== null)).toEqual([true, false, false])
    expect(code(rig.send(silent[1]!, "10 { 'MQTT' 05 02 0000 {} 'late' }"))).toBe(OK)
    expect([up.ended, rig.counter('limited.unconnected')]).toEqual([false, 1])
    expect(rig.harness.reporter.events.at(-1)?.event).toBe('MQTT_CLIENT_SHED')
  })

  test('are bounded by the bytes they sent: the oldest that sent some goes', () => {
    const rig = new Rig({ unconnectedBytes: 1_000, connectBytes: 1_000 })
    const silent = rig.open()
    // a CONNECT that is announced, and does not come
    const slow = [rig.open(), rig.open(), rig.open()].map((client) => rig.send(client, `10 ff03 ${'00'.repeat(397)}`))
    expect([silent, ...slow].map(({ aborted }) => aborted !== null)).toEqual([false, true, false, false])
    expect(rig.usage['unconnectedBytes']).toBe(800)
    // what is over does not count
    for (const client of slow) rig.gone(client)
    expect(rig.usage['unconnectedBytes']).toBe(0)
  })

  test('one that was refused, or is over, counts among them until its socket is closed', () => {
    const rig = new Rig({ unconnected: 1, connections: 1 })
    const up = rig.client('a')
    const refused = rig.client('b')
    expect([code(refused), refused.aborted]).toEqual([QUOTA, null])
    rig.send(up, 'e0 00')
    expect([refused.aborted === null, up.aborted]).toEqual([false, null])
    rig.open()
    expect(up.aborted).not.toBeNull()
    expect(rig.counter('connections.refused')).toBe(1)
  })
})

describe('what one client sends', () => {
  const PUBLISH = (payload: string) => `30 { 't' {} '${payload}' }`

  test('PUBLISHes beyond the rate are read later, none is lost, and keep-alive rests', () => {
    const rig = new Rig({ publishesPerSecond: 10 })
    const client = rig.send(rig.open(), "10 { 'MQTT' 05 02 0002 {} 'a' }")
    const other = rig.client('b')
    const sent = Array.from({ length: 50 }, (_, i) => `m${i}`)
    rig.send(client, sent.map(PUBLISH).join(' '))
    expect(rig.published).toHaveLength(11)
    rig.send(other, PUBLISH('of another'))
    expect(rig.published).toHaveLength(12)
    rig.clock.advance(1_000)
    expect(rig.published.length).toBeGreaterThan(18)
    expect(rig.published.length).toBeLessThan(26)
    rig.clock.advance(3_500)
    expect(rig.published.filter((each) => each.startsWith('m'))).toEqual(sent)
    expect([client.ended, rig.counter('limited.pauses') > 1]).toEqual([false, true])
    // it is read again now, so that its silence counts
    rig.clock.advance(4_000)
    expect(farewell(client)).toBe(0x8d)
  })

  test('bytes beyond the rate are read later, in the middle of a packet too', () => {
    const rig = new Rig({ bytesPerSecond: 1_024 })
    const client = rig.client('a')
    const chunk = 512
    const payload = Buffer.alloc(4 * 1_024, 'x')
    const packet = wireBytes(`30 { 't' {} '${payload.toString()}' }`)
    for (let at = 0; at < packet.length; at += chunk) client.stream!.write(packet.subarray(at, at + chunk), undefined)
    rig.clock.advance(900)
    client.stream!.write(wireBytes(PUBLISH('behind')), undefined)
    expect(rig.published).toHaveLength(0)
    rig.clock.advance(10_000)
    expect(rig.published).toHaveLength(2)
    expect(rig.counter('limited.pauses')).toBeGreaterThan(0)
  })

  test('filters beyond the rate are asked later, and all are answered', () => {
    const rig = new Rig({ subscribesPerSecond: 1 })
    const client = rig.client('a')
    for (let i = 0; i < 4; i++) {
      const filters = [0, 1, 2, 3, 4].map((n) => `'f${i}/${n}' 00`).join(' ')
      rig.send(client, `82 { 000${i + 1} {} ${filters} }`)
    }
    const asked = () => rig.harness.exit.opened.find(({ open }) => open.kind === 'subscribe')!.recorder.signals.length
    expect(asked()).toBe(3)
    rig.clock.advance(4_000)
    expect(asked()).toBe(3)
    rig.clock.advance(2_000)
    expect(asked()).toBe(4)
  })

  test('no timer is left when a client goes while it is held back', () => {
    const rig = new Rig({ publishesPerSecond: 1 })
    const client = rig.send(rig.client('a'), `${PUBLISH('1')} ${PUBLISH('2')} ${PUBLISH('3')}`)
    client.stream?.abort(new StreamError('closed', 'reset'))
    rig.clock.advance(2_000)
    expect(rig.clock.pending).toBe(0)
  })
})

describe('names and properties', () => {
  test('a topic name that is too long ends the connection, a filter is refused', () => {
    const rig = new Rig({ topicBytes: 4 })
    const client = rig.client('a')
    rig.send(client, "30 { 'four' {} 'x' }")
    rig.send(client, "82 { 0001 {} 'five/' 00 'four' 00 }")
    const { signals } = rig.harness.exit.opened.find(({ open }) => open.kind === 'subscribe')!.recorder
    expect(signals).toMatchObject([{ subscriptions: [{ filter: 'four' }] }])
    rig.send(client, "30 { 'five5' {} 'x' }")
    expect([rig.published, farewell(client)]).toEqual([['x'], 0x90])
  })

  test('a will topic that is too long is refused', () => {
    const rig = new Rig({ topicBytes: 4 })
    const client = rig.send(rig.open(), "10 { 'MQTT' 05 06 0000 {} 'a' {} 'five5' 'x' }")
    expect(code(client)).toBe(0x90)
  })

  test('user properties: of PUBLISH, CONNECT and a will', () => {
    const rig = new Rig({ userProperties: 2 })
    const two = "26 'k' 'v' 26 'k' 'w'"
    const three = `${two} 26 'k' 'x'`
    const client = rig.client('a')
    rig.send(client, `30 { 't' { ${two} } 'x' }`)
    const meta = rig.harness.exit.opened.at(-1)!.recorder.data[0]!.meta as PublishMeta
    expect(meta.properties?.userProperties).toHaveLength(2)
    rig.send(client, `30 { 't' { ${three} } 'x' }`)
    expect(farewell(client)).toBe(QUOTA)
    expect(code(rig.send(rig.open(), `10 { 'MQTT' 05 02 0000 { ${three} } 'b' }`))).toBe(QUOTA)
    expect(code(rig.send(rig.open(), `10 { 'MQTT' 05 06 0000 {} 'c' { ${three} } 'w' 'x' }`))).toBe(QUOTA)
    expect(code(rig.send(rig.open(), `10 { 'MQTT' 05 06 0000 { ${two} } 'd' { ${two} } 'w' 'x' }`))).toBe(OK)
  })
})

test('limits that cannot be met together are a fault of the document', () => {
  const { limits, ...others } = defaultOptions()
  const options = { ...others, limits: { ...limits, connectBytes: 1_000, unconnectedBytes: 500 } }
  expect(mqtt.check({ type: 'mqtt', kind: 'server', options })).toMatchObject([{ code: 'connect-bytes-unreachable' }])
})
