/** Whatever a broker sends, it ends its own session at most, in order, and the session beside it does not notice. */
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, wireBytes } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { mqtt } from '../../src/binding.ts'
import type { MqttConfig } from '../../src/mqtt.config.ts'
import type { Mqtt, MqttOpen, Version } from '../../src/stream.ts'
import { SESSION } from './wire-broker.ts'

const ROUNDS = 400
const SUBSCRIPTION = {
  filter: 'a',
  qos: 1,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  subscriptionId: 0,
} as const

/** What a broker might say in one session, apart from CONNACK. */
const TALK: Readonly<Record<Version, readonly string[]>> = {
  4: [
    "32 { 'a' 0001 'x' }",
    "34 { 'b' 0002 'x' }",
    '62 { 0002 }',
    '40 { 0001 }',
    '50 { 0002 }',
    '70 { 0002 }',
    '90 { ffff 01 }',
    'd0 00',
    "30 { 'c' }",
  ],
  5: [
    "32 { 'a' 0001 { 02 0000000a 0b 03 } 'x' }",
    "34 { 'b' 0002 {} 'x' }",
    '62 { 0002 92 }',
    '40 { 0001 10 }',
    '50 { 0002 }',
    "70 { 0002 92 { 1f 'why' } }",
    '90 { ffff {} 01 }',
    'd0 00',
    "e0 { 8b { 1c 'other' } }",
  ],
}

/** mulberry32: the same numbers for the same seed */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function mutate(bytes: Buffer, next: () => number): Buffer {
  const mutated = Buffer.from(bytes)
  for (let times = 1 + Math.floor(next() * 3); times > 0; times--) {
    const at = Math.floor(next() * mutated.length)
    mutated[at] = next() < 0.5 ? mutated[at]! ^ (1 << Math.floor(next() * 8)) : Math.floor(next() * 256)
  }
  return next() < 0.2 ? mutated.subarray(0, Math.floor(next() * mutated.length)) : mutated
}

class Rig {
  readonly clock = new FakeClock()
  readonly harness = new Harness<MqttConfig, Mqtt, Bytes>(mqtt as never, { kind: 'client', clock: this.clock })

  constructor() {
    this.harness.exit.onOpen = (_open, stream) => {
      stream.grant(10_000_000)
      return true
    }
  }

  /** A session with a QoS 1 and a QoS 2 message and a SUBSCRIBE under way, and a client that answers what it gets. */
  open(clientId: string, version: Version) {
    const server = new Recorder<Mqtt>()
    this.harness.connect({ ...SESSION, clientId, version }, server)
    this.clock.turn()
    const { stream: broker } = this.harness.exit.opened.at(-1)!
    broker.write(wireBytes(version === 5 ? '20 { 00 00 {} }' : '20 { 00 00 }'), undefined)
    const open = (kind: 'publish' | 'subscribe', recorder: Recorder<Mqtt>) => {
      const what: MqttOpen = { kind, clientId, version, resume: [] }
      return this.harness.connect(what, recorder)
    }
    const published = new Recorder<Mqtt>()
    const publish = open('publish', published)
    for (const qos of [1, 2] as const) {
      const meta = { topic: 'p', qos, retain: false, properties: null, packetId: qos, dup: false }
      publish?.write(Buffer.from('x'), meta)
    }
    const subscribed = new Recorder<Mqtt>()
    const subscribe = open('subscribe', subscribed)
    subscribe?.grant(1_000_000)
    subscribe?.signal({ kind: 'subscribe', subscriptions: [SUBSCRIPTION] })
    return { server, broker, publish, published, subscribe, subscribed }
  }
}

describe.each([4, 5] as const)('a broker of version %i that sends anything', (version) => {
  it('hurts nobody but its own session', () => {
    const rig = new Rig()
    const healthy = rig.open('healthy', version)
    const next = random(version)
    const ends = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const { server, broker, publish } = rig.open(`c${round}`, version)
      for (const text of TALK[version]) {
        if (!broker.writable) break
        broker.write(mutate(wireBytes(text), next), undefined)
        if (next() < 0.3) publish?.signal({ kind: 'pubrel', packetId: 2, reasonCode: 0 })
      }
      rig.clock.turn()
      if (server.aborted === null) server.stream?.end()
      else ends.add(server.aborted.code)
      broker.end()
    }
    // the mutations reach beyond the decoder, and no fault is ours
    expect([...ends]).toContain('unavailable')
    expect(rig.harness.reporter.faults).toEqual([])
    expect(rig.clock.faults).toEqual([])
    expect(rig.harness.reporter.counters.get('mqtt.client.sessions.active')?.value).toBe(1)

    healthy.broker.write(wireBytes(version === 5 ? '90 { ffff {} 01 }' : '90 { ffff 01 }'), undefined)
    healthy.broker.write(wireBytes('40 { 0001 } 50 { 0002 }'), undefined)
    expect(healthy.subscribed.signals).toEqual([{ kind: 'subscribed', reasonCodes: [1] }])
    expect(healthy.published.acks.at(-1)).toEqual({ through: 2 })
    expect(healthy.server.aborted).toBeNull()
  })
})
