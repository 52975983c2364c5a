/**
 * Several instances of the session layer on one `MemoryKafka` and one clock, with connections that remember what they were
 * told: what the tests of session ownership share.
 */
import type { StreamError } from '@zilla-ts/engine'
import { partitionHash } from '@zilla-ts/kafka'
import type { Will } from '@zilla-ts/mqtt'
import { FakeClock, TestReporter } from '@zilla-ts/testing'
import type { CloseReason, Grant, SessionClaimant, SessionHandle, SessionState } from '../src/session/ownership.ts'
import { SESSION_PARAMETERS, type SessionParameters } from '../src/session/parameters.ts'
import { SessionLayer } from '../src/session/session-layer.ts'
import type { WillRecord } from '../src/session/will-firing.ts'
import { type MemoryHop, MemoryKafka, type MemoryTopic } from './memory-kafka.ts'

export const SESSIONS = 'sessions'
export const NEVER = 0xffff_ffff
export const { graceMs, skewMs, endedRetentionMs, claimTtlMs, deadAfterMs, sessionTimeoutMs } = SESSION_PARAMETERS

/** A record of the sessions topic as a person would read it. */
export interface LogLine {
  readonly key: string
  readonly kind: string
  readonly epoch: string
  readonly value: Record<string, unknown> | null
}

export interface ConnectOptions {
  readonly clean?: boolean
  /** seconds */
  readonly expiry?: number
  /** delay in seconds; absent: no will */
  readonly will?: number
  readonly retain?: boolean
  readonly payload?: string
  /** whose it is */
  readonly owner?: string
}

/** A clock whose event loop can stand still. */
export class StallingClock extends FakeClock {
  #stalledMs = 0
  override monotonic(): number {
    return super.monotonic() + this.#stalledMs
  }
  /** So much time passes in which nothing runs. */
  stall(ms: number): void {
    this.#stalledMs += ms
  }
}

export class SessionRig {
  readonly clock = new StallingClock()
  readonly kafka = new MemoryKafka()
  readonly sessions: MemoryTopic
  readonly messages: MemoryTopic
  readonly retained: MemoryTopic
  readonly instances: Instance[] = []
  readonly parameters: Partial<SessionParameters>

  constructor(partitions = 1, parameters: Partial<SessionParameters> = {}) {
    this.parameters = parameters
    this.sessions = this.kafka.add(SESSIONS, partitions, { 'cleanup.policy': 'compact' })
    this.messages = this.kafka.add('messages', partitions)
    this.retained = this.kafka.add('retained', partitions, { 'cleanup.policy': 'compact' })
  }

  /** A process that has started; nobody holds a partition before its turn is over. */
  start(name = `i${this.instances.length + 1}`, tombstoneMs?: number): Instance {
    const instance = new Instance(name, this)
    this.instances.push(instance)
    instance.layer.open(tombstoneMs)
    this.turn()
    return instance
  }

  turn(): void {
    this.clock.turn()
  }

  advance(ms: number): void {
    this.clock.advance(ms)
  }

  /** All that stands in the log, in order. */
  get log(): LogLine[] {
    return this.sessions.records.map(({ key, value }) => {
      const [, kind, epoch] = String(key).split('#')
      return { key: String(key), kind: kind!, epoch: epoch!, value: value === null ? null : JSON.parse(String(value)) }
    })
  }

  /** The log in short: what happened, `-kind` for a tombstone. */
  get story(): string[] {
    return this.log.map(({ kind, value }) => {
      if (value === null) return `-${kind}`
      return kind === 'e' ? String(value['k']) : kind
    })
  }

  /** Wills that readers of the messages topic have seen: payloads. */
  get wills(): string[] {
    return payloads(this.messages)
  }

  get retainedWills(): string[] {
    return payloads(this.retained)
  }

  /** Exceptions anywhere; must be empty. */
  get faults(): unknown[] {
    return [
      ...this.clock.faults,
      ...this.kafka.faults,
      ...this.instances.flatMap(({ reporter }) => reporter.faults.map(({ error }) => error)),
    ]
  }
}

/** What a reader of committed records sees. */
function payloads(topic: MemoryTopic): string[] {
  const seen: string[] = []
  for (const log of topic.partitions) {
    for (const { offset, value, producerId } of log) {
      const end = log.find((other) => other.offset > offset && other.marker?.producerId === producerId)
      if (producerId !== undefined && end?.marker?.committed === true) seen.push(String(value))
    }
  }
  return seen
}

export class Instance {
  readonly name: string
  readonly rig: SessionRig
  readonly hop: MemoryHop
  readonly reporter = new TestReporter()
  readonly layer: SessionLayer
  readonly silences: [partition: number, silent: boolean][] = []
  readonly groups: [name: string, state: SessionState | null][] = []
  readonly #clock: StallingClock

  constructor(name: string, rig: SessionRig) {
    this.name = name
    this.rig = rig
    this.#clock = rig.clock
    this.hop = rig.kafka.hop(name)
    this.layer = new SessionLayer({
      exit: this.hop,
      topic: SESSIONS,
      clock: this.#clock,
      report: this.reporter,
      encodeWill: (will, clientId) => willRecords(will, clientId, this.#clock.now()),
      parameters: rig.parameters,
      listener: {
        onSessionsChange: () => {},
        onSilent: (partition, silent) => this.silences.push([partition, silent]),
        onHoldings: () => {},
        onGroup: (group, state) => this.groups.push([group, state]),
      },
    })
  }

  get id(): string {
    return this.layer.instance
  }

  connect(clientId = 'c', options: ConnectOptions = {}): Connection {
    return new Connection(this, clientId, options)
  }

  /** Connects and waits for the answer. */
  connected(clientId = 'c', options: ConnectOptions = {}): Connection {
    const connection = this.connect(clientId, options)
    this.rig.turn()
    return connection
  }

  /** Its appends wait. */
  holdWrites(): void {
    this.rig.sessions.heldWriters.add(this.name)
  }

  /** It reads nothing. */
  holdReads(): void {
    this.rig.sessions.heldReaders.add(this.name)
  }

  /** Stores so many of its appends that wait. */
  store(count = 1): void {
    for (let at = 0; at < count; at++) this.rig.sessions.store(this.name)
  }

  release(): void {
    this.rig.sessions.release(this.name)
    this.rig.turn()
  }

  /** The process dies: what it has sent may still land, but it does nothing any more. */
  kill(): void {
    this.hop.kill()
    this.layer.stop({ name: 'StreamError', code: 'closed', message: 'killed' } as StreamError)
    this.rig.turn()
  }
}

/** A connection that has a client id, or wants it. */
export class Connection implements SessionClaimant {
  readonly instance: Instance
  readonly clientId: string
  readonly handle: SessionHandle
  readonly granted: (SessionState | null)[] = []
  readonly grants: Grant[] = []
  lost: StreamError | null = null
  /** saves that were confirmed */
  readonly stored: string[] = []
  state: Record<string, unknown> = {}
  /** closes as soon as it is told to leave, as a connection with nothing in flight does */
  obliging = true

  constructor(instance: Instance, clientId: string, options: ConnectOptions) {
    this.instance = instance
    this.clientId = clientId
    const { clean = false, expiry = 1000, will, retain = false, payload } = options
    this.handle = instance.layer.claim(
      {
        clientId,
        cleanStart: clean,
        expirySeconds: expiry,
        version: 5,
        owner: options.owner ?? null,
        will:
          will === undefined
            ? null
            : {
                topic: `wills/${clientId}`,
                payload: Buffer.from(payload ?? `will of ${clientId}`),
                qos: 1,
                retain,
                properties: { willDelaySeconds: will },
              },
      },
      this,
    )
  }

  /** it may serve its client */
  get up(): boolean {
    return this.granted.length > 0 && this.lost === null
  }

  /** Session Present of its CONNACK. */
  get present(): boolean {
    return this.granted[0] !== null
  }

  onGranted(state: SessionState | null, grant: Grant): void {
    this.granted.push(state)
    this.grants.push(grant)
    this.state = { ...state }
  }

  onLost(error: StreamError): void {
    if (this.lost !== null) throw new Error('told twice')
    this.lost = error
    if (this.obliging && this.granted.length > 0) this.close('takeover')
  }

  snapshot(): SessionState {
    return { ...this.state }
  }

  /** A SUBSCRIBE: `stored` has the name once it may be acknowledged. */
  save(name: string): void {
    this.state = { ...this.state, [name]: 1 }
    this.handle.save(() => this.stored.push(name))
  }

  close(reason: CloseReason = 'abnormal', expirySeconds: number | null = null): void {
    this.handle.close(reason, reason === 'normal' ? 0 : null, expirySeconds)
  }
}

function willRecords(will: Will, clientId: string, timestamp: number): WillRecord[] {
  const key = Buffer.from(will.topic)
  const meta = { key, hash: partitionHash(key), tombstone: false, timestamp, headers: Buffer.alloc(0), headerCount: 0 }
  if (will.payload.toString() === 'throws') throw new Error(`cannot encode the will of ${clientId}`)
  const topics = will.retain ? ['messages', 'retained'] : ['messages']
  return topics.map((topic) => ({ meta: { ...meta, topic }, payload: will.payload }))
}

/** Two instances, and a client that is up on the first. */
export function takeoverPair(options: ConnectOptions = {}) {
  const rig = new SessionRig()
  const a = rig.start('a')
  const b = rig.start('b')
  const first = a.connected('c', options)
  return { rig, a, b, first }
}
