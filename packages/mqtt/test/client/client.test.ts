/** Several sessions of one mqtt client: they share nothing but the binding. What one session does is in the wire scripts. */
import type { Stream } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, TestExit, wireBytes } from '@zilla-ts/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { mqtt } from '../../src/binding.ts'
import type { MqttConfig } from '../../src/mqtt.config.ts'
import type { Mqtt, MqttOpen } from '../../src/stream.ts'
import { SESSION, type SessionOpen } from './wire-broker.ts'

const CONNACK = '20 { 00 00 {} }'

let clock: FakeClock
let harness: Harness<MqttConfig, Mqtt, Bytes>

function start(limits: Record<string, number> = {}): void {
  clock = new FakeClock()
  const options = { server: 'mqtt://broker.test:1884', limits } as unknown as MqttConfig['options']
  harness = new Harness<MqttConfig, Mqtt, Bytes>(mqtt as never, { kind: 'client', clock, options })
  harness.exit.onOpen = (_open, stream) => {
    stream.grant(1_000_000)
    return true
  }
}

beforeEach(() => start())

interface Session {
  readonly server: Recorder<Mqtt>
  /** the broker's side */
  readonly broker: (typeof harness.exit.opened)[number]
}

/** Opens a session and sends its CONNECT; `answer` is what the broker says to it. */
function connect(open: Partial<SessionOpen> = {}, answer = CONNACK): Session {
  const server = new Recorder<Mqtt>()
  expect(harness.connect({ ...SESSION, ...open }, server)).not.toBeNull()
  clock.turn()
  const broker = harness.exit.opened.at(-1)!
  if (answer !== '') say({ server, broker }, answer)
  return { server, broker }
}

function say({ broker }: Session, text: string): void {
  broker.stream.write(wireBytes(text), undefined)
}

function heard({ broker }: Session): Buffer {
  return Buffer.concat(broker.recorder.data.map(({ payload }) => payload))
}

function openStream(kind: 'publish' | 'subscribe', clientId = 'c1'): [Stream<Mqtt> | null, Recorder<Mqtt>] {
  const recorder = new Recorder<Mqtt>()
  const open: MqttOpen = { kind, clientId, version: 5, resume: [] }
  return [harness.connect(open, recorder), recorder]
}

const message = (packetId: number) =>
  ({ topic: 'a', qos: packetId === 0 ? 0 : 1, retain: false, properties: null, packetId, dup: false }) as const

describe('sessions', () => {
  it('dial the address of the option', () => {
    expect(connect().broker.open).toEqual({ remote: { host: 'broker.test', port: 1884 } })
  })

  it('are refused when the exit takes no connection', () => {
    harness.exit.onOpen = () => false
    expect(harness.connect(SESSION, new Recorder())).toBeNull()
  })

  it('write nothing before the turn in which they were opened has ended', () => {
    expect(harness.connect(SESSION, new Recorder())).not.toBeNull()
    expect(harness.exit.opened[0]!.recorder.data).toEqual([])
    clock.turn()
    expect(harness.exit.opened[0]!.recorder.data).toHaveLength(1)
  })

  it('that end in the turn in which they were opened write nothing', () => {
    const server = new Recorder<Mqtt>()
    harness.connect(SESSION, server)
    server.stream?.signal({ kind: 'disconnect', reasonCode: 0, expirySeconds: null })
    server.stream?.end()
    clock.turn()
    expect(harness.exit.opened[0]!.recorder.data).toEqual([])
    expect(harness.exit.opened[0]!.recorder.ended).toBe(true)
  })

  it('have publish and subscribe streams from CONNACK to their end', () => {
    const session = connect({}, '')
    expect(openStream('publish')[0]).toBeNull()
    say(session, CONNACK)
    expect(openStream('publish', 'c2')[0]).toBeNull()
    expect(openStream('publish')[0]).not.toBeNull()
    expect(openStream('subscribe')[0]).not.toBeNull()
    session.server.stream?.end()
    expect(openStream('publish')[0]).toBeNull()
    expect(openStream('subscribe')[0]).toBeNull()
  })

  it('have one publish and one subscribe stream each', () => {
    connect()
    expect(openStream('publish')[0]).not.toBeNull()
    expect(openStream('publish')[0]).toBeNull()
    expect(openStream('subscribe')[0]).not.toBeNull()
    expect(openStream('subscribe')[0]).toBeNull()
  })

  it('end all their streams with the connection', () => {
    const session = connect()
    const [, publish] = openStream('publish')
    const [, subscribe] = openStream('subscribe')
    session.broker.stream.end()
    expect([session.server, publish, subscribe].map(({ aborted }) => aborted?.code)).toEqual(Array(3).fill('closed'))
  })

  it('end when fresh credentials permit another route than the one in use', () => {
    const who = (role: string) => ({
      guard: 'test:g',
      earlier: null,
      identity: 'me',
      roles: [role],
      attributes: {},
      expiresAt: null,
    })
    const two = [new TestExit<Bytes>('a', harness.reporter), new TestExit<Bytes>('b', harness.reporter)]
    harness = new Harness<MqttConfig, Mqtt, Bytes>(mqtt as never, {
      kind: 'client',
      clock,
      routes: two.map((exit) => ({
        when: [],
        with: undefined,
        exit,
        permits: (session) => session?.roles.includes(exit.name) === true,
      })),
    })
    const server = new Recorder<Mqtt>()
    harness.connect(SESSION, server, who('a'))
    server.stream?.signal({ kind: 'reauthorized', session: who('a') })
    expect(server.aborted).toBeNull()
    server.stream?.signal({ kind: 'reauthorized', session: who('b') })
    expect(server.aborted?.code).toBe('not-authorized')
    expect(two.map(({ opened }) => opened.length)).toEqual([1, 0])
  })

  it('are independent of each other', () => {
    const bad = connect({ clientId: 'bad' })
    const good = connect({ clientId: 'good' })
    const [publish, acks] = openStream('publish', 'good')
    say(bad, 'ff ff ff ff ff')
    expect(bad.server.aborted?.code).toBe('unavailable')
    publish?.write(Buffer.from('x'), message(1))
    expect(heard(good).subarray(-9)).toEqual(wireBytes('32 { "a" 0001 {} "x" }'.replace('"a"', "'a'")))
    say(good, '40 { 0001 }')
    expect(acks.acks).toEqual([{ through: 1 }])
    expect(good.server.aborted).toBeNull()
  })
})

describe('two sessions of one client identifier [MQTT-3.1.4-3]', () => {
  it('the streams belong to the older one until the broker has accepted the newer one', () => {
    const older = connect()
    const [publish] = openStream('publish')
    const newer = connect({}, '')
    publish?.write(Buffer.from('x'), message(0))
    expect(heard(older).toString()).toContain('x')
    say(newer, CONNACK)
    expect(older.server.aborted?.code).toBe('taken-over')
    expect(newer.server.aborted).toBeNull()
    const [next] = openStream('publish')
    next?.write(Buffer.from('y'), message(0))
    expect(heard(newer).toString()).toContain('y')
  })

  it('one that is refused leaves the other alone', () => {
    const older = connect()
    const newer = connect({}, '20 { 00 87 {} }')
    expect(newer.server.aborted?.code).toBe('not-authorized')
    expect(older.server.aborted).toBeNull()
    expect(openStream('publish')[0]).not.toBeNull()
  })

  it('the end of the older one does not hide the newer one', () => {
    const older = connect()
    connect()
    older.broker.stream.abort(older.server.aborted!)
    expect(openStream('publish')[0]).not.toBeNull()
  })
})

describe('packet identifiers', () => {
  it('may all be in use: a SUBSCRIBE is refused then, and nothing hangs [MQTT-2.2.1-3]', () => {
    connect()
    const [publish] = openStream('publish')
    for (let id = 1; id <= 65_535; id++) publish?.signal({ kind: 'pubrel', packetId: id, reasonCode: 0 })
    const [subscribe, answers] = openStream('subscribe')
    const subscription = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, subscriptionId: 0 } as const
    subscribe?.signal({ kind: 'subscribe', subscriptions: [{ ...subscription, retainHandling: 0 }] })
    expect(answers.signals).toEqual([{ kind: 'subscribed', reasonCodes: [0x97] }])
  })
})

describe('the binding', () => {
  it('drains when the last connection is closed', async () => {
    const session = connect()
    let drained = false
    const done = harness.binding.drain?.().then(() => {
      drained = true
    })
    expect(harness.connect({ ...SESSION, clientId: 'c2' }, new Recorder())).toBeNull()
    session.server.stream?.end()
    await Promise.resolve()
    expect(drained).toBe(false)
    session.broker.stream.end()
    await done
    expect(drained).toBe(true)
  })

  it('drains at once without a connection, and stops twice', async () => {
    await harness.binding.drain?.()
    await harness.binding.stop?.()
    await harness.binding.stop?.()
    expect(clock.pending).toBe(0)
  })

  it('stops with the session streams told why', async () => {
    const session = connect()
    await harness.binding.stop?.()
    expect(session.server.aborted?.code).toBe('shutdown')
    expect(session.broker.recorder.aborted).not.toBeNull()
    expect(clock.pending).toBe(0)
  })

  it('keeps no timer once all connections are closed', () => {
    const session = connect()
    expect(clock.pending).toBe(1)
    session.broker.stream.abort(Object.assign(new Error('reset'), { code: 'closed' }) as never)
    clock.advance(2_000)
    expect(clock.pending).toBe(0)
  })

  it('does not blame the broker for a time in which this process stood still', () => {
    start({ answerSeconds: 3, connectSeconds: 3 })
    const up = connect({ keepAliveSeconds: 2 })
    const connecting = connect({ clientId: 'c2' }, '')
    clock.advance(2_000)
    expect(heard(up).subarray(-2)).toEqual(wireBytes('c000'))
    stopFor(60_000)
    expect([up, connecting].map(({ server }) => server.aborted)).toEqual([null, null])
    clock.advance(4_000)
    expect([up, connecting].map(({ server }) => server.aborted?.code)).toEqual(['timeout', 'timeout'])
  })
})

/** Time passes without a turn of the event loop: the timers fire late, and once. */
function stopFor(ms: number): void {
  const { monotonic } = clock
  let skipped = 0
  clock.monotonic = () => monotonic.call(clock) + skipped
  skipped = ms
  clock.advance(1_000)
}
