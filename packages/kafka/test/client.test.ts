import { Socket } from 'node:net'
import { setImmediate as immediate } from 'node:timers/promises'
import type { StreamError } from '@zilla-ts/engine'
import type { Bytes, BytesOpen } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder } from '@zilla-ts/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { kafka } from '../src/binding.ts'
import type { KafkaConfig } from '../src/kafka.config.ts'
import type { Kafka, KafkaOpen } from '../src/stream.ts'

const SERVERS: [string, ...string[]] = ['kafka-1.example.com:9092', 'kafka-2.example.com:9092']

let clock: FakeClock
let dials: BytesOpen[]
let sockets: Socket[]

beforeEach(() => {
  clock = new FakeClock()
  dials = []
  sockets = []
})

/** A client whose brokers refuse every connection, or never answer one. */
function attach(
  options: KafkaConfig['options'],
  refuses: (host: string | undefined) => boolean = () => true,
): Harness<KafkaConfig, Kafka, Bytes> {
  const harness = new Harness<KafkaConfig, Kafka, Bytes>(kafka as never, {
    kind: 'client',
    options,
    clock,
    properties: new Map([['zilla.binding.kafka.client.hold.ms', '30000']]),
  })
  harness.exit.onDial = (open) => {
    dials.push(open)
    const socket = new Socket()
    sockets.push(socket)
    if (refuses(open.remote?.host)) process.nextTick(() => socket.destroy(new Error('connect ECONNREFUSED')))
    else Object.defineProperty(socket, 'connecting', { value: true })
    return socket
  }
  return harness
}

/** Moves time on in steps, each with time for sockets and promises. */
async function advance(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    clock.advance(250)
    for (let rounds = 0; rounds < 4; rounds++) await immediate()
  }
}

const OPENS: KafkaOpen[] = [
  { kind: 'produce', topic: 't' },
  { kind: 'fetch', topic: 't', from: 'start' },
  { kind: 'transaction', topic: 't', id: 'i', timeoutMs: 10_000 },
  { kind: 'offsets', topic: 't' },
  { kind: 'describe', topic: 't' },
  { kind: 'create', topic: 't' },
]

/** What is told at once that nobody is there. */
const ATTEMPTS: KafkaOpen['kind'][] = ['describe', 'create']

describe('without a broker', () => {
  it.each(OPENS.filter(({ kind }) => !ATTEMPTS.includes(kind)))(
    'starts, keeps a $kind stream for a while, then names the servers',
    async (open) => {
      const harness = attach({ servers: SERVERS })
      await harness.binding.start?.()
      const end = new Recorder<Kafka>()
      harness.connect(open, end)
      await advance(15_000)
      expect(end.aborted).toBe(null)
      await advance(20_000)
      expect(end.aborted?.code).toBe('unavailable')
      expect(end.aborted?.message).toContain(SERVERS.join(', '))
      expect(harness.reporter.faults).toEqual([])
      await harness.binding.stop?.()
      expect(clock.pending).toBe(0)
    },
  )

  it.each(OPENS.filter(({ kind }) => ATTEMPTS.includes(kind)))(
    'answers $kind as soon as all were tried',
    async (open) => {
      const harness = attach({ servers: SERVERS })
      const end = new Recorder<Kafka>()
      harness.connect(open, end)
      await advance(250)
      expect(end.aborted?.code).toBe('unavailable')
      expect(end.aborted?.message).toContain(SERVERS.join(', '))
      expect(dials).toHaveLength(2)
      await harness.binding.stop?.()
      expect(clock.pending).toBe(0)
    },
  )

  it('does not call Kafka away while one server has yet to answer', async () => {
    const dead = Array.from({ length: 9 }, (_, n) => `dead-${n}.example.com:9092`)
    const slow = 'slow.example.com'
    const harness = attach({ servers: [`${slow}:9092`, ...dead] }, (host) => host !== slow)
    harness.connect({ kind: 'produce', topic: 't' }, new Recorder())
    await advance(5_000)
    expect(dials.at(-1)?.remote?.host).toBe(slow)
    expect(harness.reporter.events.filter(({ level }) => level === 'warn')).toEqual([])
    await harness.binding.stop?.()
  })

  it('keeps a group stream for as long as it is wanted, and ends it when it stops', async () => {
    const harness = attach({ servers: SERVERS })
    const [member, other] = [new Recorder<Kafka>(), new Recorder<Kafka>()]
    const open: KafkaOpen = { kind: 'group', topic: 't', id: 'g', member: 'm', sessionTimeoutMs: 10_000 }
    harness.connect(open, member)
    harness.connect(open, other)
    await advance(120_000)
    expect([member.aborted, member.accepts]).toEqual([null, []])
    expect(dials.length).toBeLessThan(400)
    other.stream!.end()
    await advance(250)
    expect(other.ended).toBe(true)
    await harness.binding.stop?.()
    expect(member.aborted?.code).toBe('shutdown')
    expect(clock.pending).toBe(0)
    expect(harness.reporter.faults).toEqual([])
  })

  it('says that Kafka is away, once, and tries every server, but never in a hurry', async () => {
    const harness = attach({ servers: SERVERS })
    const writer = new Recorder<Kafka>()
    harness.connect({ kind: 'produce', topic: 't' }, writer)
    await advance(20_000)
    expect(writer.signals).toEqual([{ kind: 'available', available: false }])
    expect(harness.reporter.events.filter(({ level }) => level === 'warn')).toHaveLength(1)
    expect(new Set(dials.map(({ remote }) => `${remote?.host}:${remote?.port}`))).toEqual(new Set(SERVERS))
    expect(dials.length).toBeLessThan(60)
    await harness.binding.stop?.()
  })

  it('lets the exit choose the address when the document names no server', async () => {
    const harness = attach({})
    harness.connect({ kind: 'describe', topic: 't' }, new Recorder())
    await advance(250)
    expect(dials[0]).toEqual({})
    await harness.binding.stop?.()
  })

  it('ends everything at once when it stops, also while it connects', async () => {
    const harness = attach({ servers: SERVERS }, () => false)
    const ends = OPENS.map((open) => {
      const end = new Recorder<Kafka>()
      harness.connect(open, end)
      return end
    })
    await advance(500)
    await harness.binding.stop?.()
    await harness.binding.stop?.()
    await advance(250)
    expect(ends.map(({ aborted }) => (aborted as StreamError | null)?.code)).toEqual(OPENS.map(() => 'shutdown'))
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true)
    expect(clock.pending).toBe(0)
    expect(harness.connect({ kind: 'describe', topic: 't' }, new Recorder())).toBe(null)
    expect(harness.reporter.faults).toEqual([])
  })
})
