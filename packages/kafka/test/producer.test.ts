import { Side, type Stream, StreamError } from '@zilla-ts/engine'
import { FakeClock, Recorder, TestReporter } from '@zilla-ts/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { Topic } from '../src/client/directory.ts'
import {
  INVALID_RECORD,
  MESSAGE_TOO_LARGE,
  NOT_LEADER,
  OUT_OF_ORDER_SEQUENCE,
  TOPIC_AUTHORIZATION_FAILED,
  UNKNOWN_PRODUCER_ID,
} from '../src/client/error-codes.ts'
import { ProduceStream } from '../src/client/produce-stream.ts'
import { Producer } from '../src/client/producer.ts'
import type { Kafka } from '../src/stream.ts'
import { ScriptedBrokers } from './scripted-brokers.ts'

const HOLD_MS = 60_000
const BYTES_MAX = 1024 * 1024
const LOST = new StreamError('unavailable', 'connection lost')
const NO_HEADERS = Buffer.alloc(0)

let clock: FakeClock
let reporter: TestReporter
let brokers: ScriptedBrokers
let producer: Producer
let topic: Topic

beforeEach(async () => {
  clock = new FakeClock()
  reporter = new TestReporter()
  brokers = new ScriptedBrokers()
  producer = new Producer(clock, reporter, brokers, { holdMs: HOLD_MS, bytesMax: BYTES_MAX, where: 'kafka:9092' })
  topic = new Topic('t')
  topic.leaders = [1]
})

/** One writer with its stream, whose writes are numbered values. */
class Writer extends Recorder<Kafka> {
  readonly out: Stream<Kafka>
  readonly answered: (number | string)[] = []

  constructor() {
    super()
    const accept = (_open: unknown, stream: Stream<Kafka>) => {
      const handler = new ProduceStream(stream, topic.name, producer)
      producer.add(handler)
      handler.onTopic(topic)
      return handler
    }
    const names = { initiator: 'test', acceptor: 'producer' }
    this.out = Side.connect<Kafka>({ kind: 'produce', topic: topic.name }, null, this, accept, names, reporter.fault)!
  }

  write(...values: string[]): void {
    for (const value of values) this.put(value, 0)
  }

  put(value: string, hash: number): void {
    const meta = { key: null, hash, tombstone: false, timestamp: 1, headers: NO_HEADERS, headerCount: 0 }
    this.out.write(Buffer.from(value), meta)
  }

  get acked(): (string | number)[] {
    return this.acks.map(({ through, refused }) => (refused === undefined ? through : `${through} ${refused.code}`))
  }
}

/** Ends the turn, and lets promises settle and end theirs. */
async function turn(): Promise<void> {
  clock.turn()
  await Promise.resolve()
  await Promise.resolve()
  clock.turn()
}

const log = (partition = 0) => brokers.logs.get(`t/${partition}`) ?? []

/** Answers requests until there are none. */
async function settle(): Promise<void> {
  for (let rounds = 0; rounds < 100; rounds++) {
    await turn()
    if (brokers.requests.length === 0) clock.advance(2_000)
    await turn()
    if (brokers.requests.length === 0) return
    brokers.next().answer()
  }
  throw new Error('the producer never comes to rest')
}

describe('sending', () => {
  it('sends what one turn wrote in one request for all partitions of the broker', async () => {
    topic.leaders = [1, 1, 2]
    const writer = new Writer()
    for (let n = 0; n < 6; n++) writer.put(`v${n}`, n)
    expect(brokers.requests).toHaveLength(0)
    await turn()
    expect(brokers.requests.map(({ node, values }) => [node, values])).toEqual([
      [1, ['v0', 'v3', 'v1', 'v4']],
      [2, ['v2', 'v5']],
    ])
  })

  it('acknowledges in the order of the writes, whatever the order of the answers', async () => {
    topic.leaders = [1, 2]
    const writer = new Writer()
    for (let n = 0; n < 4; n++) writer.put(`v${n}`, n)
    await turn()
    const [first, second] = [brokers.next(), brokers.next()]
    second.answer()
    await turn()
    expect(writer.acked).toEqual([])
    first.answer()
    await turn()
    expect(writer.acked).toEqual([4])
  })

  it('has one batch per partition in flight and collects the rest meanwhile', async () => {
    const writer = new Writer()
    writer.write('a')
    await turn()
    writer.write('b')
    await turn()
    writer.write('c')
    await turn()
    expect(brokers.requests.map(({ values }) => values)).toEqual([['a']])
    brokers.next().answer()
    await turn()
    expect(brokers.requests.map(({ values }) => values)).toEqual([['b', 'c']])
    await settle()
    expect(log()).toEqual(['a', 'b', 'c'])
    expect(writer.acked).toEqual([1, 3])
  })

  it('has two requests per broker in flight, and more only for a partition with much to send', async () => {
    topic.leaders = Array.from({ length: 8 }, () => 1)
    const writers = [new Writer(), new Writer()]
    for (let partition = 0; partition < 5; partition++) {
      writers[0]!.put('x', partition)
      await turn()
    }
    expect(brokers.peakRequests).toBe(2)
    const value = 'x'.repeat(100_000)
    for (const writer of writers) for (let n = 0; n < 2; n++) writer.put(value, 7)
    await turn()
    expect(brokers.requests).toHaveLength(3)
    await settle()
    expect(writers[0]!.acked.at(-1)).toBe(7)
  })

  it('never makes a batch larger than the topic takes, and refuses only the record that is', async () => {
    topic.learnConfigs(new Map([['max.message.bytes', '1000']]))
    const writer = new Writer()
    for (const size of [400, 400, 2_000, 400]) writer.write('x'.repeat(size))
    await settle()
    expect(log().map(({ length }) => length)).toEqual([400, 400, 400])
    expect(writer.acked.filter((ack) => typeof ack === 'string')).toEqual(['3 too-large'])
    expect(writer.acked.at(-1)).toBe(4)
  })

  it('sends what was written before the writer ended, then ends', async () => {
    const writer = new Writer()
    writer.write('a', 'b')
    writer.out.end()
    await turn()
    expect(writer.ended).toBe(false)
    brokers.next().answer()
    await turn()
    expect(writer.ended).toBe(true)
    expect(writer.acked).toEqual([2])
    expect(producer.streams.size).toBe(0)
  })

  it('sends what an aborted writer wrote', async () => {
    const [gone, other] = [new Writer(), new Writer()]
    gone.write('a')
    other.write('b')
    gone.out.abort(new StreamError('closed', 'gone'))
    await settle()
    expect(log()).toEqual(['a', 'b'])
    expect(producer.streams.size).toBe(1)
  })
})

describe('retries', () => {
  it('repeats the same bytes when the answer is lost, so that nothing is stored twice', async () => {
    const writer = new Writer()
    writer.write('a', 'b')
    await turn()
    const first = brokers.next()
    first.lose(true, LOST)
    writer.write('c')
    clock.advance(200)
    await turn()
    const again = brokers.next()
    expect(again.parts[0]!.bytes.equals(first.parts[0]!.bytes)).toBe(true)
    again.answer()
    await settle()
    expect(log()).toEqual(['a', 'b', 'c'])
    expect(writer.acked).toEqual([2, 3])
  })

  it('keeps the order when a request is lost before it is stored', async () => {
    const writer = new Writer()
    writer.write('a')
    await turn()
    brokers.next().lose(false, LOST)
    writer.write('b')
    await settle()
    expect(log()).toEqual(['a', 'b'])
  })

  it('asks for the leaders again and follows', async () => {
    const writer = new Writer()
    writer.write('a')
    await turn()
    brokers.next().answer({ 0: NOT_LEADER })
    await turn()
    expect(brokers.refreshes).toBe(1)
    topic.leaders = [2]
    producer.leadersChanged()
    clock.advance(200)
    await turn()
    expect(brokers.requests.map(({ node }) => node)).toEqual([2])
    await settle()
    expect(log()).toEqual(['a'])
    expect(writer.acked).toEqual([1])
  })

  it('waits between attempts, ever longer, up to two seconds', async () => {
    new Writer().write('a')
    await turn()
    const waits: number[] = []
    for (let attempt = 0; attempt < 8; attempt++) {
      brokers.next().lose(false, LOST)
      const before = clock.monotonic()
      while (brokers.requests.length === 0) {
        clock.advance(10)
        await turn()
      }
      waits.push(clock.monotonic() - before)
    }
    expect(waits[0]).toBeLessThanOrEqual(110)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(50)
    expect(Math.max(...waits)).toBeLessThanOrEqual(2_010)
    expect(waits.at(-1)).toBeGreaterThanOrEqual(1_000)
  })

  it.each([OUT_OF_ORDER_SEQUENCE, UNKNOWN_PRODUCER_ID])('takes a new producer id on error %i', async (code) => {
    const writer = new Writer()
    writer.write('a')
    await settle()
    brokers.forget('t/0')
    writer.write('b')
    await turn()
    brokers.next().answer({ 0: code })
    writer.write('c')
    await settle()
    expect(brokers.identities).toBe(2)
    expect(log()).toEqual(['a', 'b', 'c'])
    expect(writer.acked).toEqual([1, 2, 3])
  })

  it('keeps what other partitions have in flight under the id it was sent with', async () => {
    topic.leaders = [1, 2]
    const writer = new Writer()
    writer.put('a', 0)
    writer.put('b', 1)
    await turn()
    const [one, two] = [brokers.next(), brokers.next()]
    one.answer({ 0: UNKNOWN_PRODUCER_ID })
    two.lose(true, LOST)
    await settle()
    expect([log(0), log(1)]).toEqual([['a'], ['b']])
    expect(writer.acked.at(-1)).toBe(2)
  })
})

describe('refusals', () => {
  it('finds the record that a broker refuses, alone and in its place', async () => {
    brokers.inspect = (values) => (values.includes('bad') ? INVALID_RECORD : 0)
    const writer = new Writer()
    writer.write('a', 'b', 'c', 'bad', 'd', 'bad', 'e')
    await turn()
    writer.write('f')
    await settle()
    expect(log()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(writer.acked.filter((ack) => typeof ack === 'string')).toEqual(['4 invalid', '6 invalid'])
    expect(writer.acked.at(-1)).toBe(8)
    const numbers = writer.acks.map(({ through }) => through)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(brokers.identities).toBe(1)
  })

  it('halves a batch that is too large only as a whole', async () => {
    brokers.inspect = (values) => (values.length > 2 ? MESSAGE_TOO_LARGE : 0)
    const writer = new Writer()
    writer.write('a', 'b', 'c', 'd', 'e')
    await settle()
    expect(log()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(writer.acked.at(-1)).toBe(5)
  })

  it('keeps halves in order over lost answers', async () => {
    brokers.inspect = (values) => (values.includes('bad') ? INVALID_RECORD : 0)
    const writer = new Writer()
    writer.write('a', 'bad', 'b', 'c')
    await turn()
    brokers.next().answer()
    await turn()
    brokers.next().answer()
    await turn()
    brokers.next().lose(true, LOST)
    await settle()
    expect(log()).toEqual(['a', 'b', 'c'])
    expect(writer.acked.at(-1)).toBe(4)
  })

  it('refuses every record when the topic is not open to us', async () => {
    const writer = new Writer()
    writer.write('a', 'b')
    await turn()
    brokers.next().answer({ 0: TOPIC_AUTHORIZATION_FAILED })
    await turn()
    expect(writer.acked).toEqual(['1 not-authorized', '2 not-authorized'])
    writer.write('c')
    await settle()
    expect(log()).toEqual(['c'])
  })

  it('gives the room of refused records back', async () => {
    brokers.inspect = () => INVALID_RECORD
    const writer = new Writer()
    const { credit } = writer.out
    for (let n = 0; n < 50; n++) writer.write('x'.repeat(3_000))
    await settle()
    expect(writer.out.credit).toBeGreaterThan(credit / 2)
    expect(producer.heldBytes).toBe(0)
  })
})

describe('Kafka away', () => {
  /** Loses every request for a time. */
  async function away(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500)
      await turn()
      while (brokers.requests.length > 0) brokers.next().lose(false, LOST)
    }
  }

  it('holds records until it is back', async () => {
    const writer = new Writer()
    writer.write('a')
    await turn()
    await away(HOLD_MS / 2)
    writer.write('b')
    expect(writer.aborted).toBe(null)
    await settle()
    expect(log()).toEqual(['a', 'b'])
    expect(writer.acked.at(-1)).toBe(2)
  })

  it('aborts a stream whose oldest record has waited too long, and no other', async () => {
    const [old, young] = [new Writer(), new Writer()]
    old.write('old')
    await turn()
    await away(HOLD_MS / 2)
    young.write('young')
    await away(HOLD_MS / 2 + 1_000)
    expect(old.aborted?.code).toBe('unavailable')
    expect(old.aborted?.message).toContain('kafka:9092')
    expect(young.aborted).toBe(null)
    await settle()
    expect(young.acked).toEqual([1])
    expect(log()).toContain('young')
  })

  it('forgets what aborted streams wrote, and stores what comes later', async () => {
    for (let round = 0; round < 3; round++) {
      const writer = new Writer()
      while (writer.out.writable) writer.write('x'.repeat(1_000))
      await turn()
      await away(HOLD_MS + 1_000)
      expect(writer.aborted?.code).toBe('unavailable')
    }
    expect(producer.heldBytes).toBe(0)
    const writer = new Writer()
    writer.write('a')
    await settle()
    expect(log()).toEqual(['a'])
    expect(writer.acked).toEqual([1])
  })

  it('holds a bounded number of bytes over many streams', async () => {
    const writers = Array.from({ length: 100 }, () => new Writer())
    for (const writer of writers) while (writer.out.writable) writer.write('x'.repeat(500))
    await turn()
    expect(producer.heldBytes).toBeLessThanOrEqual(BYTES_MAX)
    await settle()
    expect(writers.every((writer) => writer.out.writable)).toBe(true)
    expect(producer.heldBytes).toBe(0)
  })

  it('gives no room above the bound, and aborts who exceeds twice of it by keys that cost no credit', async () => {
    const writer = new Writer()
    const key = Buffer.alloc(60_000)
    const meta = { key, hash: 0, tombstone: true, timestamp: 1, headers: NO_HEADERS, headerCount: 0 }
    while (writer.out.writable) writer.out.write(Buffer.alloc(0), meta)
    expect(writer.aborted?.code).toBe('quota')
    await turn()
    expect(producer.heldBytes).toBeLessThanOrEqual(BYTES_MAX * 2 + 100_000)
  })
})

it('ends streams and leaves no timer when it stops', async () => {
  const writer = new Writer()
  writer.write('a')
  await turn()
  brokers.next().lose(false, LOST)
  producer.stop(new StreamError('shutdown', 'stops'))
  expect(writer.aborted?.code).toBe('shutdown')
  expect(clock.pending).toBe(0)
  expect(reporter.faults).toEqual([])
})
