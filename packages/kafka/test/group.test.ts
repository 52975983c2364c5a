import { Side, type Stream, StreamError } from '@zilla-ts/engine'
import { FakeClock, Recorder, TestReporter } from '@zilla-ts/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { Admin } from '../src/client/admin.ts'
import { Directory, Topic } from '../src/client/directory.ts'
import {
  GROUP_AUTHORIZATION_FAILED,
  ILLEGAL_GENERATION,
  INCONSISTENT_GROUP_PROTOCOL,
  INVALID_SESSION_TIMEOUT,
  MEMBER_ID_REQUIRED,
  NONE,
  NOT_COORDINATOR,
  REBALANCE_IN_PROGRESS,
  UNKNOWN_MEMBER_ID,
} from '../src/client/error-codes.ts'
import type { GroupLink } from '../src/client/group-requests.ts'
import { GroupStream } from '../src/client/group-stream.ts'
import type { CodeAnswer, JoinGroupAnswer, SyncGroupAnswer } from '../src/client/kafkajs.ts'
import { Lane } from '../src/client/lane.ts'
import { ClientSite } from '../src/client/site.ts'
import { decodeAssignment, encodeAssignment, encodeSubscription } from '../src/codec/membership.ts'
import type { Kafka } from '../src/stream.ts'

const AWAY = new StreamError('unavailable', 'no connection')

/** A coordinator of one group that says what the test has put down, then that all is well. */
class ScriptedCoordinator implements GroupLink {
  readonly said: string[] = []
  readonly codes: Record<'join' | 'sync' | 'heartbeat', (number | StreamError)[]> = {
    join: [],
    sync: [],
    heartbeat: [],
  }
  /** members beside the one under test, by member id */
  readonly others = new Map<string, Buffer>()
  leads = true
  /** what the leader says, where another leads */
  assignment = encodeAssignment('t', { partitions: [], members: [] })
  /** as the leader has divided */
  divided = new Map<string, unknown>()
  generation = 0

  async join(memberId: string, metadata: Buffer): Promise<JoinGroupAnswer> {
    const errorCode = this.#next('join', `join ${memberId}`)
    const own = memberId === '' ? 'm-1' : memberId
    if (errorCode === NONE) this.generation++
    const members = [...this.others, [own, metadata] as const]
    return {
      errorCode,
      generationId: this.generation,
      leaderId: this.leads ? own : 'another',
      memberId: own,
      members: this.leads ? members.map(([id, memberMetadata]) => ({ memberId: id, memberMetadata })) : [],
    }
  }

  async sync(
    generationId: number,
    memberId: string,
    assignments: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[],
  ): Promise<SyncGroupAnswer> {
    const errorCode = this.#next('sync', `sync ${generationId} ${memberId} ${assignments.length}`)
    this.divided = new Map(assignments.map((one) => [one.memberId, decodeAssignment(one.memberAssignment)]))
    const own = assignments.find((one) => one.memberId === memberId)
    return { errorCode, memberAssignment: own?.memberAssignment ?? this.assignment }
  }

  async heartbeat(generationId: number, memberId: string): Promise<CodeAnswer> {
    return { errorCode: this.#next('heartbeat', `heartbeat ${generationId} ${memberId}`) }
  }

  async leave(memberId: string): Promise<void> {
    this.said.push(`leave ${memberId}`)
  }

  moved(code: number): boolean {
    return code === NOT_COORDINATOR
  }

  #next(api: keyof ScriptedCoordinator['codes'], line: string): number {
    this.said.push(line)
    const code = this.codes[api].shift() ?? NONE
    if (code instanceof StreamError) throw code
    return code
  }
}

let clock: FakeClock
let coordinator: ScriptedCoordinator
let reporter: TestReporter
let site: ClientSite
let topic: Topic
let member: Recorder<Kafka>
let handler: GroupStream
let stream: Stream<Kafka>
let over: number

beforeEach(() => {
  clock = new FakeClock()
  reporter = new TestReporter()
  coordinator = new ScriptedCoordinator()
  const settings = { holdMs: 60_000, askMs: 30_000, metadataMaxAgeMs: 300_000, produceBytesMax: 1 << 20 }
  site = new ClientSite('client', clock, reporter, settings, ['kafka-1:9092'], () => null)
  topic = new Topic('t')
  topic.leaders = [1, 1, 1]
  member = new Recorder<Kafka>()
  over = 0
})

async function join(): Promise<void> {
  const open = { kind: 'group', topic: 't', id: 'g', member: 'me', sessionTimeoutMs: 9_000 } as const
  const directory = new Directory(site, new Admin(site, new Lane(site)))
  const accept = (_open: unknown, side: Stream<Kafka>) => {
    handler = new GroupStream(side, open, site, directory, coordinator, () => over++)
    handler.onTopic(topic)
    return handler
  }
  stream = Side.connect<Kafka>(open, null, member, accept, { initiator: 'test', acceptor: 'client' }, reporter.fault)!
  await settle()
}

async function settle(): Promise<void> {
  for (let ticks = 0; ticks < 100; ticks++) await Promise.resolve()
}

async function advance(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    clock.advance(250)
    await settle()
  }
}

/** What was said since the last time. */
const said = () => coordinator.said.splice(0)
const assigned = (generation: number, partitions: readonly number[], members: readonly string[]) => ({
  kind: 'assigned',
  generation,
  partitions,
  members,
})

describe('joining', () => {
  it('asks for a member id, divides as leader, and is told', async () => {
    coordinator.codes.join = [MEMBER_ID_REQUIRED]
    coordinator.others.set('m-0', encodeSubscription('t', 'other'))
    coordinator.others.set('m-9', Buffer.from('of another program'))
    await join()
    expect(said()).toEqual(['join ', 'join m-1', 'sync 1 m-1 3'])
    expect(member.accepts).toEqual([{ kind: 'group' }])
    expect(member.signals).toEqual([assigned(1, [1], ['me', 'other'])])
    expect(coordinator.divided.get('m-0')).toEqual({ partitions: [0, 2], members: ['me', 'other'] })
    expect(coordinator.divided.get('m-9')).toEqual({ partitions: [], members: ['me', 'other'] })
  })

  it('takes what another leader says', async () => {
    coordinator.leads = false
    coordinator.assignment = encodeAssignment('t', { partitions: [2], members: ['leader', 'me'] })
    await join()
    expect(said()).toEqual(['join ', 'sync 1 m-1 0'])
    expect(member.signals).toEqual([assigned(1, [2], ['leader', 'me'])])
  })

  it('tries on without a broker for as long as it takes, never in a hurry', async () => {
    coordinator.codes.join = Array<StreamError>(10_000).fill(AWAY)
    await join()
    await advance(300_000)
    expect([member.aborted, member.accepts]).toEqual([null, []])
    expect(said().length).toBeLessThan(310)
    coordinator.codes.join = []
    await advance(2_500)
    expect(member.signals).toEqual([assigned(1, [0, 1, 2], ['me'])])
  })

  it.each([
    [INCONSISTENT_GROUP_PROTOCOL, 'refused'],
    [INVALID_SESSION_TIMEOUT, 'invalid'],
    [GROUP_AUTHORIZATION_FAILED, 'not-authorized'],
  ])('is over for code %i: %s', async (code, error) => {
    coordinator.codes.join = [code]
    await join()
    expect([member.aborted?.code, over]).toEqual([error, 1])
  })

  it('pauses where it is thrown out each time it joins', async () => {
    coordinator.codes.sync = Array<number>(1_000).fill(UNKNOWN_MEMBER_ID)
    await join()
    await advance(20_000)
    expect(said().length).toBeLessThan(60)
  })
})

describe('being a member', () => {
  it('says so three times per session timeout', async () => {
    await join()
    said()
    await advance(9_000)
    expect(said()).toEqual(['heartbeat 1 m-1', 'heartbeat 1 m-1', 'heartbeat 1 m-1'])
  })

  it.each([
    [REBALANCE_IN_PROGRESS, 'm-1'],
    [ILLEGAL_GENERATION, 'm-1'],
    [UNKNOWN_MEMBER_ID, ''],
  ])('joins again at once when a heartbeat is answered by %i', async (code, memberId) => {
    await join()
    said()
    coordinator.codes.heartbeat = [code]
    await advance(3_000)
    expect(said()).toEqual(['heartbeat 1 m-1', `join ${memberId}`, 'sync 2 m-1 1'])
    expect(member.signals.slice(1)).toEqual([assigned(2, [0, 1, 2], ['me'])])
    expect(member.accepts).toHaveLength(1)
  })

  it('goes on where a heartbeat has no answer, or the coordinator moves', async () => {
    await join()
    said()
    coordinator.codes.heartbeat = [AWAY, NOT_COORDINATOR]
    await advance(4_000)
    expect(said()).toEqual(Array(3).fill('heartbeat 1 m-1'))
    expect(member.signals).toHaveLength(1)
  })

  it('divides again when the topic has grown, if it is the leader', async () => {
    await join()
    said()
    topic.leaders = [1, 1, 1, 1]
    handler.onTopic(topic)
    await advance(3_000)
    expect(said()).toEqual(['join m-1', 'sync 2 m-1 1'])
    coordinator.leads = false
    coordinator.codes.heartbeat = [REBALANCE_IN_PROGRESS]
    await advance(3_000)
    topic.leaders = [1, 1, 1, 1, 1]
    handler.onTopic(topic)
    said()
    await advance(3_000)
    expect(said()).toEqual(['heartbeat 3 m-1'])
  })
})

describe('leaving', () => {
  it('tells the coordinator, then ends', async () => {
    await join()
    said()
    stream.end()
    await settle()
    expect([said(), member.ended, over]).toEqual([['leave m-1'], true, 1])
    await advance(10_000)
    expect([said(), clock.pending]).toEqual([[], 0])
  })

  it('does so too when its opener aborts, or its topic is lost', async () => {
    await join()
    stream.abort(new StreamError('closed', 'gone'))
    await advance(5_000)
    expect(said().at(-1)).toBe('leave m-1')
    member = new Recorder<Kafka>()
    await join()
    handler.onTopicLost(new StreamError('not-found', 'no topic t'))
    await advance(5_000)
    expect([said().at(-1), member.aborted?.code, over]).toEqual(['leave m-1', 'not-found', 2])
  })
})
