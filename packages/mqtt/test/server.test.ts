/** What wire scripts cannot say: several connections, time that jumps, floods, ids that wrap, routes by client. */
import { type Session, StreamError } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, TestExit, TestReporter, wireBytes } from '@zilla-ts/testing'
import { describe, expect, test } from 'vitest'
import { mqtt } from '../src/binding.ts'
import { Message } from '../src/message.ts'
import type { MqttConfig } from '../src/mqtt.config.ts'
import { RouteTable } from '../src/server/client-routes.ts'
import type { Mqtt, PublishMeta } from '../src/stream.ts'
import { CAPABILITIES, defaultOptions, outgoing } from './wire-peer.ts'

const CONNECT_4 = "10 { 'MQTT' 04 02 000a 'c1' }"
const CONNECT_5 = "10 { 'MQTT' 05 02 0000 {} '' }"

/** A process that can be stopped for a while: its clock jumps, its timers do not run meanwhile. */
class StoppableClock extends FakeClock {
  #asleep = 0

  override monotonic(): number {
    return super.monotonic() + this.#asleep
  }

  sleep(ms: number): void {
    this.#asleep += ms
  }
}

type Routes = NonNullable<ConstructorParameters<typeof Harness<MqttConfig, Bytes, Mqtt>>[1]['routes']>

type Opened = TestExit<Mqtt>['opened'][number]

class Rig {
  readonly clock = new StoppableClock()
  readonly harness: Harness<MqttConfig, Bytes, Mqtt>

  constructor(options = defaultOptions(), routes?: Routes) {
    this.harness = new Harness<MqttConfig, Bytes, Mqtt>(mqtt as never, {
      kind: 'server',
      clock: this.clock,
      options,
      routes,
    })
    this.serve(this.harness.exit)
  }

  /** Accepts everything, answers nothing. */
  serve(exit: TestExit<Mqtt>, capabilities = CAPABILITIES): void {
    exit.onOpen = (open, stream) => {
      if (open.kind === 'session') stream.accept({ kind: 'session', capabilities, subscriptions: [] })
      else stream.accept({ kind: open.kind })
      stream.grant(1_000_000)
      return true
    }
  }

  client(bytes: string, session: Session | null = null, room = 100_000_000): Recorder<Bytes> {
    const client = new Recorder<Bytes>(room === 100_000_000)
    const stream = this.harness.connect({ remote: { host: '127.0.0.2', port: 5 } }, client, session)
    stream?.grant(room)
    this.send(client, bytes)
    return client
  }

  send(client: Recorder<Bytes>, bytes: string): void {
    client.stream?.write(wireBytes(bytes), undefined)
  }

  opened(kind: string) {
    return this.harness.exit.opened.filter(({ open }) => open.kind === kind)
  }
}

function received(client: Recorder<Bytes>): string {
  return Buffer.concat(client.data.map(({ payload }) => payload)).toString('hex')
}

describe('connections beside each other', () => {
  test('share nothing: what one publishes is not acknowledged to the other', () => {
    const rig = new Rig()
    const [a, b] = [rig.client(CONNECT_4), rig.client(CONNECT_4)]
    rig.send(a, "32 { 'a' 0001 78 }")
    rig.send(b, "32 { 'b' 0002 78 }")
    rig.opened('publish')[1]!.stream.ack(1)
    expect(received(a)).toBe('20020000')
    expect(received(b)).toBe('2002000040020002')
  })

  test('one message goes to clients of both versions, encoded for each', () => {
    const rig = new Rig()
    const [a, b] = [rig.client(CONNECT_4), rig.client("10 { 'MQTT' 05 02 0000 {} 'c2' }")]
    rig.send(a, "82 { 0001 'a' 01 }")
    rig.send(b, "82 { 0001 00 'a' 01 }")
    a.data.length = 0
    b.data.length = 0
    const message = new Message('a', Buffer.from('x'), { contentType: 't' }, Number.POSITIVE_INFINITY, true)
    for (const { stream } of rig.opened('subscribe')) {
      stream.write(message.payload, outgoing(message.delivery(1, false), 1))
    }
    expect(received(a)).toBe(wireBytes("32 { 'a' 0001 78 }").toString('hex'))
    expect(received(b)).toBe(wireBytes("32 { 'a' 0001 { 03 't' } 78 }").toString('hex'))
  })

  test('client ids that are given are all different', () => {
    const rig = new Rig()
    for (let i = 0; i < 50; i++) rig.client(CONNECT_5)
    const ids = rig.opened('session').map(({ open }) => (open.kind === 'session' ? open.clientId : ''))
    expect(new Set(ids).size).toBe(50)
    expect(ids.every((id) => /^[0-9a-z]{22}$/.test(id))).toBe(true)
  })
})

test('all properties of a PUBLISH arrive, buffers and order included', () => {
  const rig = new Rig()
  const client = rig.client(CONNECT_5)
  rig.send(client, "30 { 'a' { 09 ( 0102 ) 26 'k' '1' 26 'j' '2' 26 'k' '3' 23 0001 } 78 }")
  const meta = rig.opened('publish')[0]!.recorder.data[0]!.meta as PublishMeta
  expect(meta.properties).toEqual({
    correlationData: Buffer.from([1, 2]),
    userProperties: [
      ['k', '1'],
      ['j', '2'],
      ['k', '3'],
    ],
  })
})

test('a will is handed on with all its properties [MQTT-3.1.2-7]', () => {
  const rig = new Rig()
  rig.serve(rig.harness.exit, { ...CAPABILITIES, willAvailable: true })
  const will = "{ 18 0000000a 01 01 02 0000001e 03 'text' 08 'reply' 09 ( 0102 ) 26 'k' 'v' 26 'k' 'w' } 'w' 'gone'"
  rig.client(`10 { 'MQTT' 05 2e 003c {} 'c1' ${will} }`)
  const [{ open }] = rig.opened('session') as [Opened]
  expect(open.kind === 'session' && open.will).toEqual({
    topic: 'w',
    payload: Buffer.from('gone'),
    qos: 1,
    retain: true,
    properties: {
      willDelaySeconds: 10,
      payloadFormat: 1,
      messageExpirySeconds: 30,
      contentType: 'text',
      responseTopic: 'reply',
      correlationData: Buffer.from([1, 2]),
      userProperties: [
        ['k', 'v'],
        ['k', 'w'],
      ],
    },
  })
})

describe('time', () => {
  test('a process that was stopped does not blame its clients', () => {
    const rig = new Rig()
    const client = rig.client(CONNECT_4)
    rig.clock.advance(5_000)
    rig.clock.sleep(60_000)
    rig.clock.advance(2_000)
    expect(client.ended).toBe(false)
    rig.clock.advance(20_000)
    expect(client.ended).toBe(true)
  })

  test('no timer runs when nobody is connected', () => {
    const rig = new Rig()
    const client = rig.client(CONNECT_4)
    expect(rig.clock.pending).toBe(1)
    client.stream?.abort(new StreamError('closed', 'reset'))
    rig.clock.advance(2_000)
    expect(rig.clock.pending).toBe(0)
    rig.client(CONNECT_4)
    expect(rig.clock.pending).toBe(1)
  })

  test('stop releases the timer, twice is fine, before any connection too', async () => {
    const rig = new Rig()
    await rig.harness.binding.stop?.()
    const other = new Rig()
    other.client(CONNECT_4)
    await other.harness.binding.stop?.()
    await other.harness.binding.stop?.()
    expect(other.clock.pending).toBe(0)
  })
})

describe('drain', () => {
  test('resolves when the last connection is gone', async () => {
    const rig = new Rig()
    const client = rig.client(CONNECT_4)
    let drained = false
    const draining = rig.harness.binding.drain?.().then(() => {
      drained = true
    })
    await Promise.resolve()
    expect([client.ended, drained]).toEqual([true, false])
    client.stream?.end()
    await draining
    expect(drained).toBe(true)
  })

  test('resolves at once when there is none', async () => {
    await new Rig().harness.binding.drain?.()
  })
})

test('a flood of malformed clients is not a flood of log', () => {
  const rig = new Rig()
  for (let i = 0; i < 500; i++) rig.client('ff00')
  const { events } = rig.harness.reporter
  expect(events.length).toBe(10)
  expect(events[0]).toMatchObject({ event: 'MQTT_CLIENT_REFUSED', fields: { remote: '127.0.0.2:5' } })
  rig.clock.advance(1_000)
  rig.client('ff00')
  expect(events.at(-1)).toMatchObject({ fields: { suppressed: 490 } })
  rig.client('ff00')
  expect(events.at(-1)?.fields).not.toHaveProperty('suppressed')
  expect(rig.harness.reporter.counters.get('mqtt.connections.refused')?.value).toBe(502)
})

test('packet ids of two exits are unique in flight, around the end of their range [MQTT-2.2.1-4]', () => {
  const route = (name: string, reporter: TestReporter) => {
    const topics: [{ topic: string }] = [{ topic: `${name}/#` }]
    return { when: [{ publish: topics, subscribe: topics }], with: undefined, exit: new TestExit<Mqtt>(name, reporter) }
  }
  const reporter = new TestReporter()
  const routes = ['a', 'b'].map((name) => ({ ...route(name, reporter), permits: () => true }))
  const rig = new Rig(defaultOptions(), routes)
  for (const { exit } of routes) rig.serve(exit)
  const client = rig.client(CONNECT_4)
  rig.send(client, "82 { 0001 'a/#' 01 'b/#' 01 }")
  const [a, b] = routes.map(({ exit }) => exit.opened.at(-1)!) as [Opened, Opened]
  const deliver = ({ stream }: Opened, packetId: number): number => {
    client.data.length = 0
    const topic = stream === a.stream ? 'a' : 'b'
    const message = new Message(topic, Buffer.alloc(0), null, Number.POSITIVE_INFINITY, true)
    stream.write(message.payload, outgoing(message.delivery(1, false), packetId))
    return client.data[0]!.payload.readUInt16BE(5)
  }
  // never acknowledged while the other exit gives the same ones again and again
  const kept = [deliver(a, 1), deliver(a, 2), deliver(a, 3)]
  expect(kept).toEqual([1, 2, 3])
  for (let i = 0; i < 70_000; i++) {
    const packetId = 1 + (i % 5)
    const used = deliver(b, packetId)
    if (used === 0 || kept.includes(used)) expect.fail(`packet id ${used} is in use`)
    client.stream?.write(Buffer.from([0x40, 2, used >> 8, used & 0xff]), undefined)
    const told = b.recorder.signals.pop()
    if (told?.kind !== 'acknowledge' || told.packetId !== packetId) expect.fail(`told of ${JSON.stringify(told)}`)
  }
  rig.send(client, '40 { 0003 } 40 { 0001 }')
  const told = a.recorder.signals.map((signal) => (signal.kind === 'acknowledge' ? signal.packetId : signal.kind))
  expect(told).toEqual(['subscribe', 3, 1])
})

test('a long backlog of expired deliveries is acknowledged one by one, not one inside the other', () => {
  const rig = new Rig()
  const client = rig.client(CONNECT_4)
  rig.send(client, "82 { 0001 'a' 01 }")
  const { stream, recorder } = rig.opened('subscribe')[0]!
  let written = 0
  let depth = 0
  let deepest = 0
  // as an acceptor does that has room for one in flight
  const next = (): void => {
    if (written === 50_000) return
    written++
    deepest = Math.max(deepest, ++depth)
    const message = new Message('a', Buffer.alloc(1), null, rig.clock.now(), false)
    stream.write(message.payload, outgoing(message.delivery(1, false), 1))
    depth--
  }
  recorder.onSignal = next
  next()
  expect(written).toBe(50_000)
  expect(deepest).toBeLessThanOrEqual(2)
  expect(rig.harness.reporter.counters.get('mqtt.deliveries.expired')?.value).toBe(50_000)
  expect(rig.harness.reporter.faults).toEqual([])
})

test('a client that has closed its half is heard to its last byte, even if answers come at once', () => {
  const { limits, ...others } = defaultOptions()
  const rig = new Rig({ ...others, limits: { ...limits, receiveMaximum: 1 } })
  const client = rig.client(CONNECT_4)
  rig.send(client, "32 { 'a' 0001 78 } 32 { 'a' 0002 78 } 32 { 'a' 0003 78 } e0 00")
  client.stream?.end()
  const { stream, recorder } = rig.opened('publish')[0]!
  let written = 1
  recorder.onData = () => stream.ack(++written)
  stream.ack(1)
  expect(written).toBe(3)
  expect(received(client)).toBe('20020000400200014002000240020003')
  expect(rig.opened('session')[0]!.recorder.signals.at(-1)).toMatchObject({ kind: 'disconnect', reasonCode: 0 })
})

test('what an acceptor writes because it was granted room comes behind what waits', () => {
  const { limits, ...others } = defaultOptions()
  const rig = new Rig({ ...others, limits: { ...limits, queueBytes: 1_024 } })
  // room for CONNACK, SUBACK and one delivery
  const client = rig.client(CONNECT_4, null, 138)
  rig.send(client, "82 { 0001 'a' 01 }")
  const { stream, recorder } = rig.opened('subscribe')[0]!
  let written = 0
  recorder.onWritable = () => {
    while (stream.writable && written < 20) {
      const message = new Message('a', Buffer.alloc(300, ++written), null, Number.POSITIVE_INFINITY, false)
      stream.write(message.payload, outgoing(message.delivery(1, false), written))
    }
  }
  client.refill = false
  client.data.length = 0
  recorder.onWritable()
  expect([client.data.length, stream.writable]).toEqual([1, false])
  for (let i = 0; i < 40; i++) client.stream?.grant(400)
  const order = client.data.map(({ payload }) => payload.at(-1))
  expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
})

describe('routes', () => {
  const session = (identity: string): Session => ({
    guard: 'g',
    earlier: null,
    identity,
    roles: [],
    attributes: {},
    expiresAt: null,
  })

  function routed() {
    const rig = new Rig()
    const { reporter } = rig.harness
    const exits = ['sensors', 'staff', 'rest'].map((name) => new TestExit<Mqtt>(name, reporter))
    const [sensors, staff, rest] = exits as [TestExit<Mqtt>, TestExit<Mqtt>, TestExit<Mqtt>]
    const routes: Routes = [
      {
        when: [{ session: [{ 'client-id': 'sensor-*' }], publish: [{ topic: 'sensors/#' }] }],
        with: undefined,
        exit: sensors,
        permits: () => true,
      },
      { when: [], with: undefined, exit: staff, permits: (who) => who?.identity === 'staff' },
      {
        when: [{ session: [{ 'client-id': 'plain' }] }],
        with: undefined,
        exit: rest,
        permits: () => true,
      },
    ]
    const other = new Rig(defaultOptions(), routes)
    for (const exit of exits) other.serve(exit)
    const kinds = () => exits.map(({ opened }) => opened.map(({ open }) => open.kind))
    return { rig: other, kinds }
  }

  test('a session goes to the first route for its client id', () => {
    const { rig, kinds } = routed()
    expect(received(rig.client("10 { 'MQTT' 04 02 0000 'sensor-1' }"))).toBe('20020000')
    expect(received(rig.client("10 { 'MQTT' 04 02 0000 'plain' }"))).toBe('20020000')
    expect(kinds()).toEqual([['session'], [], ['session']])
  })

  test('no route for the client id', () => {
    const { rig, kinds } = routed()
    const client = rig.client("10 { 'MQTT' 04 02 0000 'other' }")
    expect(received(client)).toBe('20020005')
    expect(client.ended).toBe(true)
    expect(kinds()).toEqual([[], [], []])
  })

  test('a guarded route is for those it permits', () => {
    const { rig, kinds } = routed()
    const client = rig.client("10 { 'MQTT' 04 02 0000 'other' }", session('staff'))
    rig.send(client, "32 { 'any/thing' 0001 78 }")
    expect(kinds()).toEqual([[], ['session', 'publish'], []])
  })

  test('routes to the same exit share one publish and one subscribe stream', () => {
    const exit = new TestExit<Mqtt>('one', new TestReporter())
    // as the engine does: an object for each route
    const again = { name: 'one', connect: exit.connect.bind(exit), dial: () => null, take: () => 'streams' as const }
    const topics = (topic: string): [{ topic: string }] => [{ topic }]
    const route = (topic: string, to: Routes[number]['exit']): Routes[number] => ({
      when: [{ publish: topics(topic), subscribe: topics(topic) }],
      with: undefined,
      exit: to,
      permits: () => true,
    })
    const routes = [route('a/#', exit), route('b/#', again)]
    expect(new RouteTable(routes, 'test').exits).toBe(1)
    const rig = new Rig(defaultOptions(), routes)
    rig.serve(exit)
    const client = rig.client(CONNECT_4)
    rig.send(client, "32 { 'a/1' 0001 78 } 32 { 'b/1' 0002 78 } 82 { 0003 'a/1' 00 'b/1' 00 }")
    expect(exit.opened.map(({ open }) => open.kind)).toEqual(['session', 'publish', 'subscribe'])
    expect(exit.opened[1]!.recorder.data.length).toBe(2)
    const signal = exit.opened[2]!.recorder.signals[0]
    const filters = signal?.kind === 'subscribe' ? signal.subscriptions.map(({ filter }) => filter) : []
    expect(filters).toEqual(['a/1', 'b/1'])
  })

  test('the topics of an item are only for its clients', () => {
    const { rig, kinds } = routed()
    const client = rig.client("10 { 'MQTT' 04 02 0000 'sensor-1' }", session('staff'))
    rig.send(client, "32 { 'sensors/1' 0001 78 } 32 { 'x' 0002 78 }")
    const plain = rig.client("10 { 'MQTT' 05 02 0000 { 17 00 } 'plain' }")
    plain.data.length = 0
    rig.send(plain, "32 { 'sensors/1' 0001 00 78 }")
    expect(received(plain)).toBe('4003000187')
    expect(kinds()).toEqual([['session', 'publish'], ['publish'], ['session']])
  })
})

describe('check', () => {
  test('names topic patterns that cannot match', () => {
    const topics = (topic: string) => [{ topic }] as [{ topic: string }]
    const when = [
      { publish: topics('a/#/b'), subscribe: topics('ok/+/{x}/#') },
      { subscribe: topics('a+') },
      { publish: topics('{a}-{b}') },
    ]
    const findings = mqtt.check?.({ type: 'mqtt', kind: 'server', routes: [{ when, exit: 'x' }] }) ?? []
    expect(findings.map(({ path, code }) => [path.join('.'), code])).toEqual([
      ['routes.0.when.0.publish.0.topic', 'topic-pattern-invalid'],
      ['routes.0.when.1.subscribe.0.topic', 'topic-pattern-invalid'],
      ['routes.0.when.2.publish.0.topic', 'topic-pattern-invalid'],
    ])
  })

  test('names a shortest keep-alive above the longest', () => {
    const { limits, ...others } = defaultOptions()
    const options = (least: number): MqttConfig['options'] => ({
      ...others,
      limits: { ...limits, keepAliveSecondsMin: least, keepAliveSeconds: 30 },
    })
    const findings = mqtt.check?.({ type: 'mqtt', kind: 'server', options: options(31), exit: 'x' }) ?? []
    expect(findings.map(({ path, code }) => [path.join('.'), code])).toEqual([
      ['options.limits.keepAliveSecondsMin', 'keep-alive-range-empty'],
    ])
    expect(mqtt.check?.({ type: 'mqtt', kind: 'server', options: options(30), exit: 'x' })).toEqual([])
  })

  test('has nothing to say about an entry without routes', () => {
    expect(mqtt.check?.({ type: 'mqtt', kind: 'server', exit: 'x' })).toEqual([])
  })
})
