import { Side, type Stream, StreamError } from '@zilla-ts/engine'
import { FakeClock, Recorder, TestReporter } from '@zilla-ts/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { Admin } from '../src/client/admin.ts'
import { Directory } from '../src/client/directory.ts'
import { NONE, NOT_LEADER, OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION } from '../src/client/error-codes.ts'
import type { FetchHearer } from '../src/client/fetch-loop.ts'
import { FetchStream } from '../src/client/fetch-stream.ts'
import type { FetchResult, FetchWant, Isolation } from '../src/client/fetch-wire.ts'
import { Fetcher } from '../src/client/fetcher.ts'
import type { MetadataAnswer } from '../src/client/kafkajs.ts'
import { Lane } from '../src/client/lane.ts'
import { OffsetAsks } from '../src/client/offset-asks.ts'
import { ClientSite } from '../src/client/site.ts'
import { BatchBuilder } from '../src/codec/batch-builder.ts'
import { ATTRIBUTES, CONTROL, TRANSACTIONAL } from '../src/codec/batch-layout.ts'
import { NO_PRODUCER, stampBatch } from '../src/codec/batch-stamp.ts'
import type { KafkaRecord } from '../src/record.ts'
import type { FetchStart, Kafka, KafkaOpen, PartitionOffsets } from '../src/stream.ts'

const LOST = new StreamError('unavailable', 'connection lost')
const NO_RECORDS = Buffer.alloc(0)
const TRANSACTION = { producerId: 7, producerEpoch: 0, baseSequence: 0 }
const ABORT = Buffer.from('00000000', 'hex')
const COMMIT = Buffer.from('00000001', 'hex')
const LEADER_CHANGE = Buffer.from('00000002', 'hex')

/** Answers from what the test says the cluster is. */
class ScriptedAdmin extends Admin {
  leaders: number[] = [1]
  code = NONE
  offsetsOf: PartitionOffsets[] = [{ partition: 0, start: 0, end: 0 }]
  asked = 0

  override async metadata(topics: readonly string[]): Promise<MetadataAnswer> {
    return {
      brokers: [1, 2].map((nodeId) => ({ nodeId, host: `kafka-${nodeId}`, port: 9092 })),
      controllerId: 1,
      topicMetadata: topics.map((topic) => ({
        topic,
        topicErrorCode: this.code,
        partitionMetadata:
          this.code === NONE ? this.leaders.map((leader, partitionId) => ({ leader, partitionId })) : [],
      })),
    }
  }

  override async configs(): Promise<Map<string, Map<string, string>>> {
    return new Map()
  }

  /** end of the log for who does not wait for transactions */
  highWatermark: number | null = null

  override async offsets(
    _topic: string,
    partitions: readonly number[],
    { isolation }: { readonly isolation: Isolation },
  ): Promise<PartitionOffsets[]> {
    this.asked++
    const found = this.offsetsOf.filter(({ partition }) => partitions.includes(partition))
    const end = isolation === 'uncommitted' ? this.highWatermark : null
    return end === null ? found : found.map((item) => ({ ...item, end }))
  }
}

interface Fetch {
  readonly node: number
  readonly live: boolean
  readonly want: FetchWant
  readonly hearer: FetchHearer
}

let clock: FakeClock
let reporter: TestReporter
let admin: ScriptedAdmin
let fetcher: Fetcher
let fetches: Fetch[]

beforeEach(() => {
  clock = new FakeClock()
  reporter = new TestReporter()
  fetches = []
  const settings = { holdMs: 60_000, askMs: 30_000, metadataMaxAgeMs: 300_000, produceBytesMax: 1 << 20 }
  const site = new ClientSite('client', clock, reporter, settings, ['kafka-1:9092'], () => null)
  admin = new ScriptedAdmin(site, new Lane(site))
  const directory = new Directory(site, admin)
  const asks = new OffsetAsks(site, admin, directory)
  fetcher = new Fetcher(site, directory, asks, (node, live, want, hearer) => {
    fetches.push({ node, live, want, hearer })
  })
})

type Scope = Pick<Extract<KafkaOpen, { kind: 'fetch' }>, 'partitions' | 'isolation'>

/** A reader of topic `t`. */
class Reader extends Recorder<Kafka> {
  readonly in: Stream<Kafka>

  constructor(from: FetchStart, room = 1 << 20, scope: Scope = {}) {
    super(room > 1_000)
    const accept = (_open: unknown, stream: Stream<Kafka>) => {
      const handler = new FetchStream(stream, { kind: 'fetch', topic: 't', from, ...scope }, fetcher)
      fetcher.add(handler)
      return handler
    }
    const names = { initiator: 'test', acceptor: 'client' }
    this.in = Side.connect<Kafka>({ kind: 'fetch', topic: 't', from }, null, this, accept, names, reporter.fault)!
    this.stream = this.in
    this.in.grant(room)
  }

  get values(): string[] {
    return this.data.map(({ payload, meta }) => `${(meta as KafkaRecord).offset}:${payload}`)
  }
}

/** Lets promises settle and turns end until nothing more happens. */
async function rest(): Promise<void> {
  for (let rounds = 0; rounds < 10; rounds++) {
    for (let ticks = 0; ticks < 20; ticks++) await Promise.resolve()
    clock.advance(0)
  }
}

/** Batches of one value each, `v<offset>`, for offsets from `from` to `to` − 1; of a transaction where attributes say so. */
function batches(from: number, to: number, attributes = 0, key: Buffer | null = null): Buffer {
  const all: Buffer[] = []
  for (let offset = from; offset < to; offset++) {
    const builder = new BatchBuilder()
    builder.append(Buffer.from(`v${offset}`), {
      key,
      tombstone: false,
      timestamp: 1,
      headers: NO_RECORDS,
      headerCount: 0,
    })
    const batch = Buffer.from(builder.finish(attributes === 0 ? NO_PRODUCER : TRANSACTION))
    batch.writeInt16BE(attributes, ATTRIBUTES)
    stampBatch(batch, 0, offset, 0)
    all.push(batch)
  }
  return Buffer.concat(all)
}

async function answer(records: Buffer, end: number, code = NONE): Promise<void> {
  const fetch = take()
  const results: FetchResult[] = fetch.want.parts.map(({ topic, partition }) => {
    return { topic, partition, code, end, aborted: [], records }
  })
  fetch.hearer.onAnswer(NONE, results)
  await rest()
}

function take(live?: boolean, node = 1): Fetch {
  const at = fetches.findIndex((fetch) => fetch.node === node && (live === undefined || fetch.live === live))
  const [fetch] = fetches.splice(at, at < 0 ? 0 : 1)
  if (fetch === undefined) throw new Error('no such fetch is under way')
  return fetch
}

const asked = () =>
  fetches.map(({ node, live, want }) => [node, live ? 'live' : 'sweep', want.parts.map(({ offset }) => offset)])

describe('where a stream reads', () => {
  it('reads history apart, and joins the live readers at the end', async () => {
    admin.offsetsOf = [{ partition: 0, start: 0, end: 3 }]
    const reader = new Reader('start')
    await rest()
    expect(asked()).toEqual([[1, 'sweep', [0]]])
    await answer(batches(0, 2), 3)
    expect(asked()).toEqual([[1, 'sweep', [2]]])
    await answer(batches(2, 3), 3)
    expect(asked()).toEqual([[1, 'live', [3]]])
    expect(reader.values).toEqual(['0:v0', '1:v1', '2:v2'])
  })

  it('serves all live streams of a partition from one answer', async () => {
    const readers = [new Reader('end'), new Reader('end'), new Reader('end')]
    await rest()
    expect(admin.asked).toBe(1)
    expect(asked()).toEqual([[1, 'live', [0]]])
    await answer(batches(0, 2), 2)
    for (const reader of readers) expect(reader.values).toEqual(['0:v0', '1:v1'])
    expect(asked()).toEqual([[1, 'live', [2]]])
  })

  it('reads a stream that comes during a live request at once, and takes it over with the next', async () => {
    const first = new Reader('end')
    await rest()
    admin.offsetsOf = [{ partition: 0, start: 0, end: 4 }]
    const second = new Reader('end')
    await rest()
    expect(asked()).toEqual([
      [1, 'live', [0]],
      [1, 'sweep', [4]],
    ])
    await answer(batches(0, 5), 5)
    expect(first.values).toHaveLength(5)
    await answer(batches(4, 5), 5)
    expect(asked()).toEqual([[1, 'live', [4]]])
    await answer(batches(4, 6), 6)
    expect(first.values.at(-1)).toBe('5:v5')
    expect(second.values).toEqual(['4:v4', '5:v5'])
  })

  it('leaves a stream without room out, serves the others, and lets it catch up later, each record once', async () => {
    const slow = new Reader('end', 1)
    const quick = new Reader('end')
    await rest()
    await answer(batches(0, 3), 3)
    await answer(batches(3, 6), 6)
    expect(slow.values).toEqual(['0:v0'])
    expect(quick.values).toHaveLength(6)
    slow.refill = true
    slow.in.grant(1_000)
    await rest()
    const sweep = take(false)
    expect(sweep.want.parts).toMatchObject([{ offset: 1 }])
    sweep.hearer.onAnswer(NONE, [{ topic: 't', partition: 0, code: NONE, end: 6, aborted: [], records: batches(1, 6) }])
    await rest()
    expect(slow.values).toEqual(quick.values)
  })

  it('asks for no more than a stream that catches up has room for', async () => {
    admin.leaders = [1, 1, 1]
    admin.offsetsOf = [0, 1, 2].map((partition) => ({ partition, start: 0, end: 9 }))
    new Reader('start', 1_000)
    await rest()
    expect(fetches[0]!.want.parts).toHaveLength(1)
  })
})

describe('gaps', () => {
  it('goes on at the first record when retention was faster, and says what is lost', async () => {
    const reader = new Reader('end')
    await rest()
    admin.offsetsOf = [{ partition: 0, start: 7, end: 9 }]
    await answer(NO_RECORDS, -1, OFFSET_OUT_OF_RANGE)
    clock.advance(1_000)
    await rest()
    expect(reader.signals).toEqual([{ kind: 'lost', partition: 0, from: 0, to: 7 }])
    expect(reporter.counter('kafka.fetch.lost').value).toBe(7)
    await answer(batches(7, 9), 9)
    expect(reader.values).toEqual(['7:v7', '8:v8'])
  })

  it('reads a topic that was made anew from its start', async () => {
    admin.offsetsOf = [{ partition: 0, start: 0, end: 50 }]
    const reader = new Reader('end')
    await rest()
    admin.offsetsOf = [{ partition: 0, start: 0, end: 2 }]
    await answer(NO_RECORDS, -1, OFFSET_OUT_OF_RANGE)
    clock.advance(1_000)
    await rest()
    await answer(batches(0, 2), 2)
    expect(reader.signals).toEqual([{ kind: 'lost', partition: 0, from: 50, to: 0 }])
    expect(reader.values).toEqual(['0:v0', '1:v1'])
  })

  it('reports and counts a corrupt batch, and goes on behind it', async () => {
    const reader = new Reader('end')
    await rest()
    const records = batches(0, 3)
    const length = records.length / 3
    records[length + 61] = 0xff
    await answer(records, 3)
    expect(reader.values).toEqual(['0:v0', '2:v2'])
    expect(reporter.counter('kafka.fetch.corrupt').value).toBe(1)
    expect(reporter.events.map(({ event }) => event)).toContain('KAFKA_RECORD_CORRUPT')
    expect(asked()).toEqual([[1, 'live', [3]]])
  })

  it('tells progress over offsets that hold nothing', async () => {
    const reader = new Reader('end')
    await rest()
    const batch = batches(0, 1)
    batch.writeInt32BE(9, 23) // last offset delta: nine records were compacted away
    await answer(batch, 10)
    expect(reader.signals).toEqual([{ kind: 'progress', partition: 0, next: 10 }])
  })
})

describe('brokers', () => {
  it('waits after a lost connection, ever longer, and goes on where it was', async () => {
    new Reader('end')
    await rest()
    let attempts = 0
    for (let passed = 0; passed < 20_000; passed += 50) {
      for (const fetch of fetches.splice(0)) {
        attempts++
        fetch.hearer.onFailure(LOST)
      }
      clock.advance(50)
      await rest()
    }
    expect(attempts).toBeGreaterThan(8)
    expect(attempts).toBeLessThan(30)
  })

  it('follows a partition to its new leader', async () => {
    const reader = new Reader('end')
    await rest()
    admin.leaders = [2]
    await answer(NO_RECORDS, -1, NOT_LEADER)
    clock.advance(1_000)
    await rest()
    const { hearer } = take(undefined, 2)
    hearer.onAnswer(NONE, [{ topic: 't', partition: 0, code: NONE, end: 1, aborted: [], records: batches(0, 1) }])
    expect(reader.values).toEqual(['0:v0'])
  })

  it('reads a partition that is added from 0', async () => {
    const reader = new Reader('end')
    await rest()
    admin.leaders = [1, 1]
    clock.advance(300_000)
    await rest()
    expect(reader.signals).toContainEqual({ kind: 'partition', partition: 1 })
    const sweep = take(false)
    expect(sweep.want.parts).toMatchObject([{ partition: 1, offset: 0 }])
  })

  it('gives up a topic that stays away', async () => {
    const reader = new Reader('end')
    await rest()
    admin.code = UNKNOWN_TOPIC_OR_PARTITION
    await answer(NO_RECORDS, -1, UNKNOWN_TOPIC_OR_PARTITION)
    for (let passed = 0; passed < 20_000; passed += 500) {
      for (const fetch of fetches.splice(0)) fetch.hearer.onFailure(LOST)
      clock.advance(500)
      await rest()
    }
    expect(reader.aborted).toBe(null)
    for (let passed = 0; passed < 15_000; passed += 500) {
      clock.advance(500)
      await rest()
    }
    expect(reader.aborted?.code).toBe('not-found')
  })

  it('aborts a topic that is not there', async () => {
    admin.code = UNKNOWN_TOPIC_OR_PARTITION
    const reader = new Reader('end')
    await rest()
    expect(reader.aborted?.code).toBe('not-found')
  })
})

describe('a reader that does not wait for transactions', () => {
  const open = { isolation: 'uncommitted' } as const

  it('has requests of its own, from the end that it asks for itself', async () => {
    admin.highWatermark = 4
    const [committed, uncommitted] = [new Reader('end'), new Reader('end', 1 << 20, open)]
    await rest()
    expect(uncommitted.accepts).toEqual([{ kind: 'fetch', partitions: [{ partition: 0, start: 4, end: 4 }] }])
    expect(fetches.map(({ live, want }) => [live, want.isolation, want.parts[0]!.offset])).toEqual([
      [true, 'committed', 0],
      [true, 'uncommitted', 4],
    ])
    const late = new Reader('start', 1 << 20, open)
    await rest()
    expect(fetches.at(-1)).toMatchObject({ live: false, want: { isolation: 'uncommitted' } })
    expect([committed.aborted, late.aborted]).toEqual([null, null])
  })

  it('is told of each marker once, behind the records, whatever room it has', async () => {
    const reader = new Reader('end', 70, open)
    await rest()
    const set = Buffer.concat([
      batches(0, 2, TRANSACTIONAL),
      batches(2, 3, TRANSACTIONAL | CONTROL, COMMIT),
      batches(3, 4, TRANSACTIONAL | CONTROL, LEADER_CHANGE),
      batches(4, 5, TRANSACTIONAL | CONTROL, ABORT),
      batches(5, 6),
    ])
    for (let rounds = 0; rounds < 6; rounds++) {
      if (fetches.length > 0) await answer(set, 6)
      reader.in.grant(70)
      await rest()
    }
    expect(reader.values).toEqual(['0:v0', '1:v1', '5:v5'])
    expect(reader.data.map(({ meta }) => (meta as KafkaRecord).producerId)).toEqual([7, 7, -1])
    const marker = { kind: 'marker', partition: 0, producerId: 7 }
    expect(reader.signals.filter(({ kind }) => kind === 'marker')).toEqual([
      { ...marker, offset: 2, committed: true },
      { ...marker, offset: 4, committed: false },
    ])
  })
})

describe('a reader of some partitions', () => {
  it('asks for those alone, and is not told of others', async () => {
    admin.leaders = [1, -1, 1]
    admin.offsetsOf = [0, 1, 2].map((partition) => ({ partition, start: 0, end: 3 }))
    const reader = new Reader('end', 1 << 20, { partitions: [2, 0, 2] })
    await rest()
    expect(reader.accepts).toMatchObject([{ partitions: [{ partition: 0 }, { partition: 2 }] }])
    expect(take().want.parts.map(({ partition }) => partition)).toEqual([0, 2])
    admin.leaders = [1, 1, 1, 1]
    clock.advance(300_000)
    await rest()
    expect(reader.signals).toEqual([])
  })

  it('looks again for a partition that is new, then gives up', async () => {
    new Reader('end')
    await rest()
    admin.leaders = [1, 1]
    admin.offsetsOf.push({ partition: 1, start: 0, end: 0 })
    const [grown, missing] = [[1], [2]].map((partitions) => new Reader('end', 1 << 20, { partitions }))
    await rest()
    expect([grown!.accepts, missing!.aborted]).toEqual([[], null])
    clock.advance(1_000)
    await rest()
    expect(grown!.accepts).toMatchObject([{ partitions: [{ partition: 1 }] }])
    expect(missing!.aborted?.code).toBe('not-found')
  })
})

it('hands a long answer out over several turns', async () => {
  const reader = new Reader('end')
  await rest()
  // Every look at the clock finds that the time of the turn is over.
  let now = 0
  clock.monotonic = () => (now += 10)
  const fetch = take()
  fetch.hearer.onAnswer(NONE, [
    { topic: 't', partition: 0, code: NONE, end: 1_000, aborted: [], records: batches(0, 1_000) },
  ])
  expect(reader.data.length).toBeLessThan(1_000)
  clock.turn()
  expect(reader.values).toEqual(Array.from({ length: 1_000 }, (_, n) => `${n}:v${n}`))
})
