import { Side, type Stream, StreamError } from '@zilla-ts/engine'
import { FakeClock, Recorder, TestReporter } from '@zilla-ts/testing'
import { produceMeta } from '@zilla-ts/testing/kafka-conformance'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ProducerIdentity } from '../src/client/admin.ts'
import { Topic } from '../src/client/directory.ts'
import {
  CONCURRENT_TRANSACTIONS,
  COORDINATOR_LOAD_IN_PROGRESS,
  INVALID_PRODUCER_EPOCH,
  INVALID_PRODUCER_ID_MAPPING,
  INVALID_RECORD,
  INVALID_TRANSACTION_TIMEOUT,
  INVALID_TXN_STATE,
  NONE,
  NOT_COORDINATOR,
  NOT_LEADER,
  PRODUCER_FENCED,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
} from '../src/client/error-codes.ts'
import type { ProducePart } from '../src/client/produce-wire.ts'
import { ClientSite } from '../src/client/site.ts'
import type { PartitionCode, TransactionLink } from '../src/client/transaction-requests.ts'
import { TransactionStream } from '../src/client/transaction-stream.ts'
import { TransactionalProducer } from '../src/client/transactional-producer.ts'
import { BatchReader } from '../src/codec/batch-reader.ts'
import type { Kafka } from '../src/stream.ts'

const HOLD_MS = 60_000
const WINDOW_BYTES = 1_000
const UNSENT = new StreamError('unavailable', 'no connection')
const LOST = new StreamError('timeout', 'no answer')

/** Brokers that say what the test has put down for them, then that all is well. Keeps a line for each request. */
class ScriptedLink implements TransactionLink {
  readonly said: string[] = []
  readonly answers: Record<'init' | 'add' | 'produce' | 'end', (number | StreamError)[]> = {
    init: [],
    add: [],
    produce: [],
    end: [],
  }
  /** called while a request is under way */
  onRequest: (line: string) => void = () => {}
  readonly topics = new Map<string, Topic>()
  readonly watched = new Set<string>()
  refreshes = 0

  constructor() {
    for (const name of ['t', 'u']) {
      const topic = new Topic(name)
      topic.leaders = [1, 2]
      this.topics.set(name, topic)
    }
  }

  async #answer(api: keyof ScriptedLink['answers'], line: string): Promise<number> {
    this.said.push(line)
    this.onRequest(line)
    const answer = this.answers[api].shift() ?? NONE
    if (answer instanceof StreamError) throw answer
    return answer
  }

  async init(): Promise<ProducerIdentity | number> {
    const code = await this.#answer('init', 'init')
    return code === NONE ? { producerId: 7, producerEpoch: 3 } : code
  }

  async topic(name: string): Promise<Topic> {
    const topic = this.topics.get(name)
    if (topic === undefined) throw new StreamError('not-found', `no topic ${name}`)
    this.watched.add(name)
    return topic
  }

  release(name: string): void {
    this.watched.delete(name)
  }

  refresh(): void {
    this.refreshes++
  }

  async addPartitions(
    { producerId, producerEpoch }: ProducerIdentity,
    parts: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<PartitionCode> {
    const places = parts.map(({ topic, partition }) => `${topic}/${partition}`)
    const code = await this.#answer('add', `add ${producerId}.${producerEpoch} ${places}`)
    return { topic: parts[0]!.topic, partition: parts[0]!.partition, code }
  }

  async produce(node: number, parts: readonly ProducePart[]): Promise<readonly number[]> {
    const code = await this.#answer('produce', `produce ${node} ${parts.map(describePart)}`)
    return parts.map((_part, at) => (at === 0 ? code : NONE))
  }

  async end(_identity: ProducerIdentity, commit: boolean): Promise<number> {
    return this.#answer('end', commit ? 'commit' : 'abort')
  }

  moved(): boolean {
    return false
  }
}

function describePart({ topic, partition, bytes }: ProducePart): string {
  const reader = new BatchReader({ checkCrc: true })
  reader.reset(bytes)
  reader.nextBatch()
  expect(reader).toMatchObject({ isTransactional: true, producerId: 7, producerEpoch: 3 })
  const values: string[] = []
  while (reader.nextRecord()) values.push(String(reader.value()))
  return `${topic}/${partition}@${reader.baseSequence}=${values.join('+')}`
}

let clock: FakeClock
let link: ScriptedLink
let writer: Recorder<Kafka>
let out: Stream<Kafka>
let handler: TransactionStream
let reporter: TestReporter
let over: number

beforeEach(() => {
  clock = new FakeClock()
  link = new ScriptedLink()
  reporter = new TestReporter()
  writer = new Recorder<Kafka>()
  over = 0
})

async function open(): Promise<void> {
  const settings = { holdMs: HOLD_MS, askMs: 30_000, metadataMaxAgeMs: 300_000, produceBytesMax: 1 << 20 }
  const site = new ClientSite('client', clock, reporter, settings, ['kafka-1:9092'], () => null)
  const accept = (_open: unknown, stream: Stream<Kafka>) => {
    handler = new TransactionStream(stream, new TransactionalProducer('id', site, link), () => over++)
    handler.begin(Promise.resolve(), WINDOW_BYTES)
    return handler
  }
  const names = { initiator: 'test', acceptor: 'client' }
  const what = { kind: 'transaction', topic: 't', id: 'id', timeoutMs: 10_000 } as const
  out = Side.connect<Kafka>(what, null, writer, accept, names, reporter.fault)!
  await settle()
}

async function settle(): Promise<void> {
  for (let ticks = 0; ticks < 200; ticks++) await Promise.resolve()
}

async function advance(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500)
    await settle()
  }
}

function write(topic: string, value: string, hash = 0): void {
  const { key, headers, headerCount, timestamp, tombstone } = produceMeta({ value, timestamp: 1 })
  out.write(Buffer.from(value), { topic, key, headers, headerCount, timestamp, tombstone, hash })
}

async function commit(): Promise<void> {
  out.signal({ kind: 'commit' })
  await settle()
}

const acked = () =>
  writer.acks.map(({ through, refused }) => (refused === undefined ? through : `${through} ${refused.code}`))

/** What was said since the last time. */
const said = () => link.said.splice(0)

describe('opening', () => {
  it('waits while a former transaction is being ended, then tells its term', async () => {
    link.answers.init = [CONCURRENT_TRANSACTIONS, UNSENT, COORDINATOR_LOAD_IN_PROGRESS]
    await open()
    expect([writer.accepts, out.credit]).toEqual([[], 0])
    await advance(3_000)
    expect(said()).toEqual(['init', 'init', 'init', 'init'])
    expect(writer.accepts).toEqual([{ kind: 'transaction', term: '7.3' }])
    expect(out.credit).toBe(WINDOW_BYTES)
  })

  it.each([
    [INVALID_TRANSACTION_TIMEOUT, 'invalid'],
    [TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'not-authorized'],
  ])('is over at once for code %i', async (code, error) => {
    link.answers.init = [code]
    await open()
    expect(writer.aborted?.code).toBe(error)
    expect([over, clock.pending]).toEqual([1, 0])
  })

  it('gives up after the hold time, and knocks seldom meanwhile', async () => {
    link.answers.init = Array<StreamError>(1_000).fill(UNSENT)
    await open()
    await advance(HOLD_MS - 5_000)
    expect(writer.aborted).toBe(null)
    await advance(10_000)
    expect(writer.aborted?.code).toBe('unavailable')
    expect(writer.aborted?.message).toContain('kafka-1:9092')
    expect(link.said.length).toBeLessThan(80)
  })
})

describe('a commit', () => {
  it('adds all partitions, sends one request per broker, then ends the transaction', async () => {
    await open()
    said()
    write('t', 'a')
    write('u', 'b', 1)
    write('t', 'c')
    await settle()
    expect([said(), out.credit]).toEqual([[], WINDOW_BYTES - 3 * 65])
    await commit()
    expect(said()).toEqual(['add 7.3 t/0,u/1', 'produce 1 t/0@0=a+c', 'produce 2 u/1@0=b', 'commit'])
    expect([acked(), out.credit]).toEqual([[3], WINDOW_BYTES])
    write('t', 'd')
    await commit()
    expect(said()).toEqual(['add 7.3 t/0', 'produce 1 t/0@2=d', 'commit'])
    expect(acked()).toEqual([3, 4])
    expect(link.watched.size).toBe(0)
  })

  it('sends again, as it was, what had no answer or the wrong leader, and nothing else', async () => {
    await open()
    said()
    link.answers.add = [NOT_COORDINATOR, UNSENT]
    link.answers.produce = [LOST, NONE, NOT_LEADER]
    write('t', 'a')
    write('u', 'b', 1)
    await commit()
    await advance(5_000)
    expect(said()).toEqual([
      ...Array<string>(3).fill('add 7.3 t/0,u/1'),
      ...['produce 1 t/0@0=a', 'produce 2 u/1@0=b', 'produce 1 t/0@0=a', 'produce 1 t/0@0=a'],
      'commit',
    ])
    expect(acked()).toEqual([2])
    expect(link.refreshes).toBeGreaterThan(0)
  })

  it('repeats its end as long as the coordinator says that it is not done', async () => {
    await open()
    link.answers.end = [CONCURRENT_TRANSACTIONS, UNSENT, NOT_COORDINATOR]
    write('t', 'a')
    await commit()
    await advance(5_000)
    expect(link.said.slice(3)).toEqual(['commit', 'commit', 'commit', 'commit'])
    expect(acked()).toEqual([1])
  })

  it('follows the one before, in the order of the signals', async () => {
    await open()
    said()
    write('t', 'a')
    out.signal({ kind: 'commit' })
    write('t', 'b')
    out.signal({ kind: 'commit' })
    out.end()
    await settle()
    expect(said().filter((line) => !line.startsWith('add'))).toEqual([
      ...['produce 1 t/0@0=a', 'commit'],
      ...['produce 1 t/0@1=b', 'commit'],
    ])
    expect([acked(), writer.ended, over]).toEqual([[1, 2], true, 1])
  })
})

describe('a record that can never be stored', () => {
  it('aborts what is sent, is told for the last write, and leaves the sequence', async () => {
    await open()
    said()
    link.answers.produce = [INVALID_RECORD]
    write('t', 'bad')
    write('t', 'good', 1)
    await commit()
    expect(said()).toEqual(['add 7.3 t/0,t/1', 'produce 1 t/0@0=bad', 'produce 2 t/1@0=good', 'abort'])
    expect([acked(), out.credit]).toEqual([['2 invalid'], WINDOW_BYTES])
    write('t', 'next')
    write('t', 'next', 1)
    await commit()
    expect(said().slice(1)).toEqual(['produce 1 t/0@0=next', 'produce 2 t/1@1=next', 'commit'])
    expect(acked()).toEqual(['2 invalid', 4])
  })

  it('is no transaction where the topic is not there', async () => {
    await open()
    said()
    write('t', 'a')
    write('none', 'b')
    await commit()
    expect([said(), acked()]).toEqual([[], ['2 not-found']])
  })

  it('is done where the coordinator knows nothing to abort', async () => {
    await open()
    link.answers.produce = [INVALID_RECORD]
    link.answers.end = [INVALID_TXN_STATE]
    write('t', 'bad')
    await commit()
    expect(acked()).toEqual(['1 invalid'])
  })
})

describe('an id that is lost', () => {
  it.each([
    ['add', PRODUCER_FENCED, 'taken-over'],
    ['add', INVALID_PRODUCER_ID_MAPPING, 'unavailable'],
    ['produce', INVALID_PRODUCER_EPOCH, 'taken-over'],
    ['produce', INVALID_TXN_STATE, 'unavailable'],
    ['end', INVALID_PRODUCER_EPOCH, 'taken-over'],
    ['end', INVALID_TXN_STATE, 'unavailable'],
  ] as const)('ends the stream: %s answered by %i is %s', async (api, code, error) => {
    await open()
    link.answers[api] = [code]
    write('t', 'a')
    await commit()
    expect([writer.aborted?.code, acked(), over]).toEqual([error, [], 1])
    expect(clock.pending).toBe(0)
  })

  it('is an unknown outcome once a commit has left without an answer', async () => {
    await open()
    link.answers.end = [LOST]
    write('t', 'a')
    await commit()
    await advance(5_000)
    expect(writer.aborted?.code).toBe('timeout')
    expect(link.said.filter((line) => line === 'commit')).toHaveLength(1)
  })

  it('is an unknown outcome where a coordinator may have done it before it moved', async () => {
    await open()
    link.answers.end = [NOT_COORDINATOR, PRODUCER_FENCED]
    write('t', 'a')
    await commit()
    await advance(1_000)
    expect([writer.aborted?.code, acked()]).toEqual(['timeout', []])
  })

  it('is none while no commit has left: the hold time ends it as unavailable', async () => {
    await open()
    link.answers.produce = Array<StreamError>(1_000).fill(LOST)
    write('t', 'a')
    await commit()
    await advance(HOLD_MS + 5_000)
    expect(writer.aborted?.code).toBe('unavailable')
    expect(link.said).not.toContain('commit')
  })

  it.each([UNSENT, CONCURRENT_TRANSACTIONS])('is none while every commit fails for sure: %s', async (failure) => {
    await open()
    link.answers.end = Array<number | StreamError>(1_000).fill(failure)
    write('t', 'a')
    await commit()
    await advance(HOLD_MS + 5_000)
    expect(writer.aborted?.code).toBe('unavailable')
  })
})

describe('a writer that leaves', () => {
  it('has its transaction undone while it is on its way', async () => {
    await open()
    link.onRequest = (line) => {
      if (line.startsWith('add')) out.abort(new StreamError('closed', 'gone'))
    }
    write('t', 'a')
    await commit()
    expect(link.said.slice(1)).toEqual(['add 7.3 t/0', 'abort'])
    expect([over, link.watched.size]).toEqual([1, 0])
  })

  it('is told of an unknown outcome when another takes the id during its commit', async () => {
    await open()
    const taken = new StreamError('taken-over', 'another')
    link.onRequest = (line) => {
      if (line === 'commit') handler.fail(taken)
    }
    write('t', 'a')
    await commit()
    expect(writer.aborted?.code).toBe('timeout')
    expect(link.said.at(-1)).toBe('commit')
  })

  it('may not hold more than a bound in keys and headers', async () => {
    await open()
    const meta = { ...produceMeta({ value: '' }), topic: 't', headers: Buffer.alloc(4 << 20), headerCount: 1 }
    let written = 0
    for (; out.writable; written++) out.write(Buffer.alloc(0), meta)
    expect(writer.aborted?.code).toBe('quota')
    expect(written).toBeLessThan(10)
    expect(reporter.faults).toEqual([])
  })
})
