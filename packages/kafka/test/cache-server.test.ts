import { type Stream, StreamError } from '@zilla-ts/engine'
import { FakeClock, Harness, Recorder } from '@zilla-ts/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kafka } from '../src/binding.ts'
import type { KafkaConfig } from '../src/kafka.config.ts'
import { KafkaRecord } from '../src/record.ts'
import type { FetchStart, Kafka, KafkaOpen, PartitionOffsets } from '../src/stream.ts'

const NOTHING = Buffer.alloc(0)

let clock: FakeClock
let harness: Harness<KafkaConfig, Kafka, Kafka>

beforeEach(() => {
  clock = new FakeClock()
  harness = attach({})
})

afterEach(() => {
  expect(harness.reporter.faults).toEqual([])
  expect(clock.faults).toEqual([])
})

function attach(options: KafkaConfig['options']): Harness<KafkaConfig, Kafka, Kafka> {
  return new Harness<KafkaConfig, Kafka, Kafka>(kafka as never, { kind: 'cache_server', options, clock })
}

/** What the cache opened at the next hop, in order. */
const opened = () => harness.exit.opened.map(({ open }) => open as KafkaOpen)

function last(): { open: KafkaOpen; stream: Stream<Kafka>; recorder: Recorder<Kafka> } {
  const { open, stream, recorder } = harness.exit.opened.at(-1)!
  return { open: open as KafkaOpen, stream, recorder }
}

function fetch(from: FetchStart, room = 1 << 20): Recorder<Kafka> {
  const reader = new Recorder<Kafka>(room > 10_000)
  harness.connect({ kind: 'fetch', topic: 't', from }, reader)!.grant(room)
  return reader
}

const at = (start: number, end = start): PartitionOffsets[] => [{ partition: 0, start, end }]

/** Opens the shared reader: a stream from the end at `offset`. */
function openShared(offset: number): { reader: Recorder<Kafka>; shared: Stream<Kafka> } {
  const reader = fetch('end')
  const { stream } = last()
  stream.accept({ kind: 'fetch', partitions: at(offset) })
  return { reader, shared: stream }
}

function send(stream: Stream<Kafka>, ...offsets: number[]): void {
  for (const offset of offsets) {
    const value = Buffer.from(`v${offset}`)
    stream.write(value, new KafkaRecord(0, offset, 1, Buffer.from('k'), false, NOTHING, 0))
    // What was lent is used for something else.
    value.fill(0)
  }
}

const offsetsOf = (reader: Recorder<Kafka>) => reader.data.map(({ meta }) => (meta as KafkaRecord).offset)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)
const settle = async () => {
  for (let ticks = 0; ticks < 10; ticks++) await Promise.resolve()
  clock.turn()
}

describe('sharing', () => {
  it('reads a topic once for all live streams, each from its own end', async () => {
    const { reader, shared } = openShared(5)
    expect(reader.accepts).toEqual([{ kind: 'fetch', partitions: at(5) }])
    send(shared, 5, 6)
    const second = fetch('end')
    expect(last().open).toEqual({ kind: 'offsets', topic: 't' })
    // What arrives while the offsets are asked for counts from the offset that is answered.
    send(shared, 7, 8)
    last().stream.accept({ kind: 'offsets', partitions: at(0, 8) })
    await settle()
    expect(second.accepts).toEqual([{ kind: 'fetch', partitions: at(8) }])
    send(shared, 9)
    expect(offsetsOf(reader)).toEqual([5, 6, 7, 8, 9])
    expect(offsetsOf(second)).toEqual([8, 9])
    expect(opened().filter(({ kind }) => kind === 'fetch')).toHaveLength(1)
  })

  it('passes on what the reader is told', async () => {
    const { reader, shared } = openShared(0)
    shared.signal({ kind: 'progress', partition: 0, next: 4 })
    shared.signal({ kind: 'lost', partition: 0, from: 4, to: 6 })
    shared.signal({ kind: 'partition', partition: 1 })
    shared.signal({ kind: 'available', available: false })
    expect(reader.signals.map(({ kind }) => kind)).toEqual(['progress', 'lost', 'partition', 'available'])
    send(shared, 6)
    expect(offsetsOf(reader)).toEqual([6])
  })

  it('keeps the reader a while without streams, then closes it', () => {
    const { reader } = openShared(0)
    const { recorder } = last()
    reader.stream!.abort(new StreamError('closed', 'gone'))
    clock.advance(5_000)
    expect(recorder.ended).toBe(false)
    fetch('end').stream!.abort(new StreamError('closed', 'gone'))
    clock.advance(9_000)
    expect(recorder.ended).toBe(false)
    clock.advance(2_000)
    expect(recorder.ended).toBe(true)
    fetch('end')
    expect(last().open).toEqual({ kind: 'fetch', topic: 't', from: 'end' })
  })

  it('ends its streams with the reason of the next hop, and reads anew for the next', () => {
    const { reader, shared } = openShared(0)
    shared.abort(new StreamError('not-found', 'no topic t'))
    expect(reader.aborted).toMatchObject({ code: 'not-found', message: 'no topic t' })
    openShared(3)
    expect(opened()).toHaveLength(2)
  })

  it('lets a stream leave while a record is handed out', () => {
    const { reader, shared } = openShared(0)
    const second = fetch('start')
    last().stream.accept({ kind: 'fetch', partitions: at(0) })
    const given = reader.onData.bind(reader)
    reader.onData = (payload, meta, cost) => {
      given(payload, meta, cost)
      reader.stream!.abort(new StreamError('closed', 'enough'))
    }
    send(shared, 0, 1)
    expect(offsetsOf(reader)).toEqual([0])
    expect(offsetsOf(second)).toEqual([0, 1])
  })
})

describe('a stream that pauses', () => {
  it('catches up from memory after a short pause, each record once, without holding up others', () => {
    const { reader, shared } = openShared(0)
    reader.refill = false
    const other = fetch('start')
    last().stream.accept({ kind: 'fetch', partitions: at(0) })
    const streams = opened().length
    reader.stream!.grant(-(1 << 20) + 100)
    send(shared, ...range(0, 50))
    expect(offsetsOf(reader)).toEqual([0, 1])
    expect(offsetsOf(other)).toEqual(range(0, 50))
    reader.refill = true
    reader.stream!.grant(1_000)
    expect(reader.data.map(({ payload }) => payload.toString())).toEqual(range(0, 50).map((n) => `v${n}`))
    send(shared, 50)
    expect(offsetsOf(reader)).toEqual(range(0, 51))
    expect(opened()).toHaveLength(streams)
  })

  it('reads by itself after a long pause, and goes live again at the end', () => {
    const { reader, shared } = openShared(0)
    reader.refill = false
    reader.stream!.grant(-(1 << 20) + 100)
    const value = Buffer.alloc(100_000)
    for (const offset of range(0, 200)) {
      shared.write(value, new KafkaRecord(0, offset, 1, null, false, NOTHING, 0))
    }
    expect(offsetsOf(reader)).toEqual([0])
    reader.refill = true
    reader.stream!.grant(200_000)
    expect(last().open).toEqual({ kind: 'fetch', topic: 't', from: new Map([[0, 1]]) })
    const { stream, recorder } = last()
    stream.accept({ kind: 'fetch', partitions: at(1, 200) })
    send(stream, ...range(1, 200))
    expect(recorder.aborted?.code).toBe('closed')
    send(shared, 200)
    expect(offsetsOf(reader)).toEqual(range(0, 201))
    expect(reader.accepts).toHaveLength(1)
  })
})

describe('a stream that reads history', () => {
  it('reads by itself, with the room of its reader, then live, without a gap or a repeat', () => {
    const { shared } = openShared(10)
    const reader = fetch('start', 5_000)
    const { open, stream, recorder } = last()
    expect(open).toEqual({ kind: 'fetch', topic: 't', from: 'start' })
    expect(stream.credit).toBe(5_000)
    stream.accept({ kind: 'fetch', partitions: at(2, 10) })
    expect(reader.accepts).toEqual([{ kind: 'fetch', partitions: at(2, 10) }])
    send(stream, ...range(2, 9))
    send(shared, 10)
    send(stream, 9)
    expect(recorder.aborted).toBe(null)
    send(stream, 10, 11)
    expect(recorder.aborted?.code).toBe('closed')
    send(shared, 11, 12)
    expect(offsetsOf(reader)).toEqual(range(2, 13))
  })

  it('goes live over records that do not exist', () => {
    const { shared } = openShared(10)
    const reader = fetch('start')
    const { stream, recorder } = last()
    stream.accept({ kind: 'fetch', partitions: at(0, 10) })
    send(stream, 0)
    stream.signal({ kind: 'progress', partition: 0, next: 10 })
    expect(recorder.aborted?.code).toBe('closed')
    send(shared, 10)
    expect(offsetsOf(reader)).toEqual([0, 10])
  })

  it('leaves nothing open when it goes', () => {
    openShared(10)
    const reader = fetch('start')
    const { recorder } = last()
    reader.stream!.abort(new StreamError('closed', 'gone'))
    expect(recorder.aborted?.code).toBe('closed')
  })
})

describe('everything else', () => {
  it('passes produce streams through: room, records, acks, refusals, signals, ends', () => {
    const writer = new Recorder<Kafka>()
    const stream = harness.connect({ kind: 'produce', topic: 't' }, writer)!
    const next = last()
    next.stream.accept({ kind: 'produce', partitions: 1, maxRecordBytes: 100 })
    expect(writer.accepts).toHaveLength(1)
    expect(stream.writable).toBe(false)
    next.recorder.refill = false
    next.stream.grant(130)
    expect(stream.credit).toBe(130)
    const meta = { key: null, hash: 0, tombstone: false, timestamp: 1, headers: NOTHING, headerCount: 0 }
    expect(stream.write(NOTHING, meta)).toBe(true)
    next.stream.grant(1)
    expect(stream.write(NOTHING, meta)).toBe(true)
    expect(stream.write(NOTHING, meta)).toBe(false)
    next.stream.grant(1_000)
    expect(stream.credit).toBe(131 - 3 * 64 + 1_000)
    next.stream.ack(1)
    next.stream.ack(2, new StreamError('invalid', 'no'))
    expect(writer.acks).toMatchObject([{ through: 1 }, { through: 2, refused: { code: 'invalid' } }])
    next.stream.signal({ kind: 'available', available: false })
    expect(writer.signals).toEqual([{ kind: 'available', available: false }])
    stream.end()
    expect(next.recorder.ended).toBe(true)
    next.stream.end()
    expect(writer.ended).toBe(true)
  })

  it.each<KafkaOpen>([
    { kind: 'fetch', topic: 't', from: 'end', partitions: [0] },
    { kind: 'fetch', topic: 't', from: 'end', isolation: 'uncommitted' },
    { kind: 'transaction', topic: 't', id: 'i', timeoutMs: 1_000 },
    { kind: 'group', topic: 't', id: 'g', member: 'm', sessionTimeoutMs: 1_000 },
  ])('passes $kind on as it is, apart from the shared reader: %o', (open) => {
    openShared(3)
    const first = last()
    const ends = [new Recorder<Kafka>(), new Recorder<Kafka>()]
    for (const end of ends) harness.connect(open, end)
    expect(opened().slice(1)).toEqual([open, open])
    const { stream, recorder } = last()
    stream.accept({ kind: 'group' })
    const marker = { kind: 'marker', partition: 0, offset: 9, producerId: 1, committed: true } as const
    stream.signal(marker)
    expect([ends[1]!.accepts, ends[1]!.signals]).toEqual([[{ kind: 'group' }], [marker]])
    ends[1]!.stream!.signal({ kind: 'commit' })
    expect([recorder.signals, first.recorder.signals]).toEqual([[{ kind: 'commit' }], []])
    stream.abort(new StreamError('taken-over', 'gone'))
    expect([ends[1]!.aborted?.code, ends[0]!.aborted]).toEqual(['taken-over', null])
  })

  it('describes a topic once for all who ask within seconds, and anew after an error', async () => {
    const ask = () => {
      const asker = new Recorder<Kafka>()
      harness.connect({ kind: 'describe', topic: 't' }, asker)
      return asker
    }
    const failed = ask()
    last().stream.abort(new StreamError('unavailable', 'away'))
    await settle()
    expect(failed.aborted?.code).toBe('unavailable')
    const askers = [ask(), ask()]
    const info = { kind: 'describe', partitions: 3, configs: new Map(), maxRecordBytes: 10 } as const
    last().stream.accept(info)
    await settle()
    for (const asker of [...askers, ask()]) {
      await settle()
      expect(asker.accepts).toEqual([info])
      expect(asker.ended).toBe(true)
    }
    expect(opened()).toHaveLength(2)
    clock.advance(6_000)
    ask()
    expect(opened()).toHaveLength(3)
  })

  it('refuses what no route takes', () => {
    harness = new Harness<KafkaConfig, Kafka, Kafka>(kafka as never, {
      kind: 'cache_server',
      clock,
      routes: [
        { when: [{ topic: 'mqtt-*' }], with: undefined, exit: harness.exit, permits: () => true },
        { when: [], with: undefined, exit: harness.exit, permits: () => false },
      ],
    })
    const open = (topic: string) => harness.connect({ kind: 'fetch', topic, from: 'end' }, new Recorder())
    expect(open('other')).toBe(null)
    expect(open('mqtt-messages')).not.toBe(null)
  })

  it('reads bootstrap topics from the start on, and tries again', async () => {
    harness = attach({ bootstrap: ['t'] })
    await harness.binding.start?.()
    expect(opened()).toEqual([{ kind: 'fetch', topic: 't', from: 'end' }])
    last().stream.abort(new StreamError('not-found', 'not yet'))
    clock.advance(6_000)
    expect(opened()).toHaveLength(2)
    const { recorder } = last()
    clock.advance(60_000)
    expect(recorder.ended).toBe(false)
    await harness.binding.stop?.()
    expect(recorder.ended).toBe(true)
  })

  it('says that a bootstrap topic is missing once, and not before it was tried twice', async () => {
    harness = attach({ bootstrap: ['t'] })
    await harness.binding.start?.()
    const warnings = () => harness.reporter.events.filter(({ event }) => event === 'KAFKA_BOOTSTRAP_FAILED')
    const fail = () => {
      last().stream.abort(new StreamError('not-found', 'not there'))
      clock.advance(6_000)
    }
    fail()
    expect(warnings()).toEqual([])
    fail()
    fail()
    expect(warnings()).toEqual([expect.objectContaining({ message: expect.stringContaining('topic t: not there') })])
    last().stream.accept({ kind: 'fetch', partitions: at(0) })
    fail()
    fail()
    expect(warnings()).toHaveLength(2)
    await harness.binding.stop?.()
  })

  it('ends its streams when it stops, and leaves no timer', async () => {
    const { reader } = openShared(0)
    await harness.binding.stop?.()
    await harness.binding.stop?.()
    expect(reader.aborted?.code).toBe('shutdown')
    expect(clock.pending).toBe(0)
  })
})

it('cache_client passes streams by topic', () => {
  harness = new Harness<KafkaConfig, Kafka, Kafka>(kafka as never, { kind: 'cache_client', clock })
  const reader = new Recorder<Kafka>()
  harness.connect({ kind: 'fetch', topic: 't', from: 'end' }, reader)!.grant(1_000)
  expect(last().stream.credit).toBe(1_000)
  last().stream.accept({ kind: 'fetch', partitions: at(0) })
  send(last().stream, 0)
  expect(offsetsOf(reader)).toEqual([0])
  expect(last().stream.credit).toBe(1_000)
})
