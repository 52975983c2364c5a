/** One run: the load begins, faults strike for a while, everything settles, and what is left is held against what was promised. */
import { setTimeout as delay } from 'node:timers/promises'
import { Contenders } from './contenders.ts'
import { FAULTS, type Fault } from './faults.ts'
import { Findings } from './findings.ts'
import { HealthyClient } from './healthy.ts'
import { Hostile } from './hostile.ts'
import { Lane } from './lanes.ts'
import { Publisher } from './publisher.ts'
import { Random } from './random.ts'
import { RetainedWriter } from './retained.ts'
import { Stage } from './stage.ts'
import type { Storage } from './storage.ts'
import { Subscriber, type SubscriberOptions } from './subscriber.ts'
import { readMessages, readRetained, verifyReceived, verifyStored } from './verify.ts'
import { Wills } from './wills.ts'
import { until, type Workload } from './workload.ts'

export interface RunOptions {
  readonly seed: number
  /** time under load and faults; what comes before and after is bounded by deadlines of its own */
  readonly seconds: number
  /** messages that all publishers together try to send in a second */
  readonly rate: number
  readonly engines: number
  /** well-behaved clients that nobody may hurt */
  readonly clients: number
  /** where engines, and the embedded log, have their folders; a small file system is filled now and then */
  readonly directory: string
  /** only faults whose name contains it */
  readonly only: string
  /** MiB of anonymous memory that an engine may take */
  readonly memoryMib: number
  readonly log: (line: string) => void
}

export interface RunResult {
  readonly storage: string
  readonly options: Omit<RunOptions, 'log'>
  readonly findings: Findings
}

const PUBLISHERS = 8
const PAUSE_MS = { embedded: 2_500, kafka: 4_000 }
const PROGRESS_MS = 10_000
/** Everybody must be served again within. */
const RECOVERY_MS = 90_000
const SETTLE_MS = 180_000
/** for what must not come any more */
const QUIET_MS = 2_000

export async function run(storage: Storage, options: RunOptions): Promise<RunResult> {
  const findings = new Findings()
  findings.onViolation = options.log
  const stage = new Stage(storage, options.engines, options.directory, findings, new Random(options.seed))
  try {
    await stage.start()
    await new Play(stage, options).run()
  } finally {
    await stage.remove()
  }
  const { log: _, ...plain } = options
  return { storage: storage.name, options: plain, findings }
}

class Play {
  readonly #stage: Stage
  readonly #options: RunOptions
  readonly #lanes: Lane[] = []
  readonly #publishers: Publisher[] = []
  readonly #subscribers: Subscriber[]
  readonly #workloads: readonly Workload[]
  readonly #begin = performance.now()

  constructor(stage: Stage, options: RunOptions) {
    this.#stage = stage
    this.#options = options
    for (let at = 0; at < PUBLISHERS; at++) {
      const lanes = ([1, 1, 2, 2] as const).map((qos, of) => this.#lane(`load/${at}/${of}`, qos))
      this.#publishers.push(new Publisher(stage, `publisher-${at}`, lanes, options.rate / PUBLISHERS))
    }
    this.#subscribers = subscribers.map((subscriber) => new Subscriber(stage, subscriber, this.#lanes))
    const { hosts } = stage
    this.#workloads = [
      new RetainedWriter(stage, 'retained-0'),
      new RetainedWriter(stage, 'retained-1'),
      new Wills(stage),
      new Contenders(stage, 'contender-0'),
      new Contenders(stage, 'contender-1'),
      new Hostile(stage),
      ...Array.from({ length: options.clients }, (_, at) => {
        return new HealthyClient(stage, hosts[at % hosts.length]!, `healthy-${at}`)
      }),
    ]
  }

  async run(): Promise<void> {
    const { findings } = this.#stage
    for (const subscriber of this.#subscribers) subscriber.start()
    await within(Promise.all(this.#subscribers.map(({ subscribed }) => subscribed)), 'the subscribers', SETTLE_MS)
    for (const publisher of this.#publishers) publisher.start()
    for (const workload of this.#workloads) workload.start()
    const progress = setInterval(() => this.#options.log(this.#progress()), PROGRESS_MS)
    const memory = setInterval(() => this.#watchMemory(), 500)
    try {
      await this.#hurt()
      await this.#settle()
    } finally {
      clearInterval(progress)
      clearInterval(memory)
    }
    await Promise.all(this.#stage.hosts.map((host) => host.stop()))
    this.#options.log('reading the topics')
    const messages = await readMessages(this.#stage, this.#lanes)
    const retained = await readRetained(this.#stage)
    verifyStored(findings, this.#lanes)
    verifyReceived(findings, this.#lanes, this.#subscribers)
    for (const workload of this.#workloads) workload.verify?.({ messages, retained })
  }

  #lane(topic: string, qos: 1 | 2): Lane {
    const lane = new Lane(this.#lanes.length, topic, qos)
    this.#lanes.push(lane)
    return lane
  }

  async #hurt(): Promise<void> {
    const { storage } = this.#stage
    const { seconds, only } = this.#options
    const random = this.#stage.random.fork('faults')
    const faults = FAULTS.filter(({ name, fits }) => name.includes(only) && (fits?.(this.#stage) ?? true))
    const until = performance.now() + seconds * 1_000
    for (;;) {
      const pause = random.next() * PAUSE_MS[storage.name]
      const fault = faults.length === 0 ? null : random.weighted(faults)
      if (performance.now() + pause >= until) break
      await delay(pause)
      if (fault !== null) await this.#strike(fault, random)
    }
    await delay(Math.max(until - performance.now(), 0))
  }

  async #strike(fault: Fault, random: Random): Promise<void> {
    const { findings } = this.#stage
    findings.count(`fault: ${fault.name}`)
    await fault.run(this.#stage, random)
    const begin = performance.now()
    const answered = this.#publishers.map((publisher) => publisher.answered)
    const served = () => this.#publishers.every((publisher, at) => publisher.answered > answered[at]!)
    const inTime = await until(served, RECOVERY_MS)
    findings.sample(`served again after ${fault.name}, s`, (performance.now() - begin) / 1_000)
    if (inTime) return
    const stuck = this.#publishers.filter((publisher, at) => publisher.answered === answered[at])
    const who = stuck.map(({ peer }) => `${peer.id} (${peer.connection === null ? peer.refusal : 'connected'})`)
    findings.violate('P8', `not served within ${RECOVERY_MS / 1_000} s after ${fault.name}: ${who.join(', ')}`)
  }

  /** Nothing new is published; everything that was must be answered, stored and delivered. */
  async #settle(): Promise<void> {
    const { findings } = this.#stage
    this.#options.log('settling')
    for (const publisher of this.#publishers) publisher.finish()
    await Promise.all([...this.#workloads, ...this.#subscribers].map((workload) => workload.finish()))
    const begin = performance.now()
    const unanswered = () => this.#publishers.filter((publisher) => publisher.unanswered > 0)
    if (!(await until(() => unanswered().length === 0, SETTLE_MS))) {
      for (const { peer, unanswered: count } of unanswered()) {
        findings.violate('P8', `${peer.id} has ${count} unanswered messages after ${SETTLE_MS / 1_000} s`)
      }
    }
    const sent = () => this.#lanes.reduce((sum, { length }) => sum + length, 0)
    await until(() => this.#subscribers.every(({ received }) => received === sent()), SETTLE_MS)
    findings.sample('settled after, s', (performance.now() - begin) / 1_000)
    await delay(QUIET_MS)
    await Promise.all([...this.#publishers, ...this.#subscribers].map(({ peer }) => peer.stop()))
  }

  #watchMemory(): void {
    for (const host of this.#stage.hosts) {
      const mib = host.anonymousMib()
      this.#stage.findings.sample('memory of an engine, MiB', mib)
      if (mib > this.#options.memoryMib) this.#stage.findings.violate('P9', `engine ${host.index} takes ${mib} MiB`)
    }
  }

  #progress(): string {
    const { findings } = this.#stage
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
    const faults = sum(Object.entries(findings.counts).map(([name, count]) => (name.startsWith('fault: ') ? count : 0)))
    return [
      `${((performance.now() - this.#begin) / 1_000).toFixed(0)} s`,
      `${sum(this.#publishers.map(({ answered }) => answered)).toLocaleString('en')} messages acknowledged`,
      `${sum(this.#subscribers.map(({ received }) => received)).toLocaleString('en')} delivered`,
      `${faults} faults`,
      `${findings.broken} promises broken`,
    ].join(', ')
  }
}

const subscribers: readonly SubscriberOptions[] = [
  { id: 'subscriber-0', version: 5, filters: ['load/#'], qos: 2, staySeconds: 6, awaySeconds: 4 },
  {
    id: 'subscriber-1',
    version: 4,
    filters: ['load/+/0', 'load/+/1', 'load/+/2', 'load/+/3'],
    qos: 2,
    staySeconds: 20,
    awaySeconds: 1,
  },
  { id: 'subscriber-2', version: 5, filters: ['load/#'], qos: 1, staySeconds: 4, awaySeconds: 10 },
]

async function within<T>(work: Promise<T>, what: string, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} were not ready within ${ms / 1_000} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
