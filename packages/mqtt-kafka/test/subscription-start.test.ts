/**
 * The start of a subscription under every order of events that Kafka and the clients can produce: all of them for one
 * publish, a seeded sample for longer scripts. What must hold is said once, in `problem`.
 */
import { describe, expect, it } from 'vitest'
import { type Client, type Received, Rig } from './rig.ts'

interface Step {
  readonly topic: string
  /** empty: clears the retained message */
  readonly payload: string
  readonly retain: boolean
}

interface Script {
  readonly before: readonly Step[]
  readonly steps: readonly Step[]
  readonly partitions?: number
  /** another client has subscribed before: the reader is there, and may be behind */
  readonly shared?: boolean
  /** a second SUBSCRIBE of the same filter, retain handling 2, may come at any time after the first SUBACK */
  readonly again?: boolean
}

type Choose = (options: readonly string[]) => string

class World {
  readonly rig: Rig
  readonly publisher: Client
  readonly subscriber: Client
  readonly script: Script
  published = 0
  /** deliveries seen before the answer */
  beforeSuback = 0
  subscribed = false
  again = false
  /** what the log held when SUBSCRIBE came */
  older: string[] = []
  /** publishes that came in after SUBACK */
  afterSuback: Step[] = []

  private constructor(rig: Rig, script: Script) {
    this.rig = rig
    this.script = script
    this.publisher = rig.client('publisher')
    this.subscriber = rig.client('subscriber')
  }

  static async make(script: Script): Promise<World> {
    const world = new World(await Rig.started({ partitions: script.partitions ?? 1 }), script)
    if (script.shared === true) {
      world.rig.client('other').subscribe('#')
      world.rig.clock.turn()
    }
    for (const { topic, payload, retain } of script.before) world.publisher.publish(topic, payload, 1, retain)
    for (const topic of ['messages', 'retained']) world.rig.kafka.topic(topic).held = true
    return world
  }

  get suback(): boolean {
    return this.subscriber.answers.length > 0
  }

  options(): string[] {
    const { messages, retained } = this
    const options: string[] = []
    if (this.published < this.script.steps.length) options.push('publish')
    if (!this.subscribed) options.push('subscribe')
    if (this.script.again === true && this.suback && !this.again) options.push('subscribe again')
    for (const [name, topic] of [
      ['messages', messages],
      ['retained', retained],
    ] as const) {
      if (topic.writes.length > 0) options.push(`store ${name}`)
      if (topic.questions.length > 0) options.push(`answer ${name}`)
      if ([...topic.fetches].some((fetch) => fetch.behind)) options.push(`deliver ${name}`)
    }
    return options
  }

  get messages() {
    return this.rig.kafka.topic('messages')
  }
  get retained() {
    return this.rig.kafka.topic('retained')
  }

  act(option: string): void {
    const [verb, name] = option.split(' ') as [string, string]
    if (verb === 'publish') {
      const step = this.script.steps[this.published++]!
      if (this.suback) this.afterSuback.push(step)
      this.publisher.publish(step.topic, step.payload, 1, step.retain)
    } else if (option === 'subscribe again') {
      this.again = true
      this.subscriber.subscribe({ filter: '#', retainHandling: 2 })
    } else if (verb === 'subscribe') {
      this.subscribed = true
      this.older = this.messages.records.map(({ key, value }) => `${key}=${value}`)
      this.subscriber.subscribe('#')
    } else if (verb === 'store') this.rig.kafka.topic(name).store()
    else if (verb === 'answer') this.rig.kafka.topic(name).answer()
    else this.rig.kafka.topic(name).deliver(1)
    this.rig.clock.turn()
    if (!this.suback) this.beforeSuback = this.subscriber.subscriber.data.length
  }

  /** What is wrong with what the subscriber got; null: nothing. */
  problem(): string | null {
    const faults = this.rig.faults()
    if (faults.length > 0) return `faults: ${faults}`
    if (this.subscriber.subscriber.aborted !== null) return `aborted: ${this.subscriber.subscriber.aborted.message}`
    const answer = JSON.stringify(this.subscriber.answers[0])
    if (answer !== '{"kind":"subscribed","reasonCodes":[1]}') return `answered ${answer}`
    if (this.beforeSuback > 0) return 'a delivery before SUBACK'
    const older = this.subscriber.texts.find((text) => this.older.includes(text))
    if (older !== undefined) return `'${older}' is older than the subscription`
    const all = [...this.script.before, ...this.script.steps]
    for (const topic of new Set(all.map((step) => step.topic))) {
      const published = all.filter((step) => step.topic === topic)
      const received = this.subscriber.received.filter((one) => one.topic === topic)
      const problem = this.topicProblem(published, received)
      if (problem !== null) return `${problem}: ${topic} ${this.subscriber.texts.join(' ')}`
    }
    return null
  }

  topicProblem(published: readonly Step[], received: readonly Received[]): string | null {
    const seen = received.map(({ payload }) => payload)
    // Twice only when another message came in between, to end with the right value.
    if (seen.some((payload, at) => at > 0 && seen[at - 1] === payload)) return 'twice in a row'
    if (seen.some((payload) => seen.filter((other) => other === payload).length > 2)) return 'three times'
    const live = received
      .filter(({ retain }) => !retain)
      .map((one) => published.findIndex((step) => step.payload === one.payload))
    if (live.some((at, index) => index > 0 && at < live[index - 1]!)) return 'out of order'
    const lost = this.afterSuback.find((step) => published.includes(step) && !seen.includes(step.payload))
    if (lost !== undefined) return `'${lost.payload}' is lost`
    const last = published[published.length - 1]!
    if (!last.retain && !this.afterSuback.includes(last)) return null
    if (last.payload === '') return seen.length === 0 || seen.at(-1) === '' ? null : 'not cleared'
    return seen.at(-1) === last.payload ? null : `does not end with '${last.payload}'`
  }
}

async function run(script: Script, choose: Choose): Promise<void> {
  const world = await World.make(script)
  const trace: string[] = []
  for (let options = world.options(); options.length > 0; options = world.options()) {
    const option = choose(options)
    trace.push(option)
    world.act(option)
  }
  const problem = world.problem()
  if (problem !== null) expect.fail(`${problem} after: ${trace.join(', ')}`)
}

/** Every path, by counting through the choices like an odometer; how many there were. */
async function runAll(script: Script): Promise<number> {
  const taken: { at: number; of: number }[] = []
  for (let runs = 1; ; runs++) {
    let depth = 0
    await run(script, (options) => {
      if (depth === taken.length) taken.push({ at: 0, of: options.length })
      return options[taken[depth++]!.at]!
    })
    while (taken.length > 0 && taken[taken.length - 1]!.at === taken[taken.length - 1]!.of - 1) taken.pop()
    const last = taken[taken.length - 1]
    if (last === undefined) return runs
    last.at++
  }
}

function random(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
}

async function runSample(script: Script, runs: number): Promise<void> {
  for (let seed = 1; seed <= runs; seed++) {
    const next = random(seed)
    await run(script, (options) => options[Math.floor(next() * options.length)]!)
  }
}

const retained = (payload: string, topic = 't'): Step => ({ topic, payload, retain: true })
const plain = (payload: string, topic = 't'): Step => ({ topic, payload, retain: false })

describe('start of a subscription', () => {
  it('holds in every order for a retained publish on a fresh topic', async () => {
    expect(await runAll({ before: [], steps: [retained('new')] })).toBeGreaterThan(100)
  })

  it('holds in every order for a retained publish over an old value', async () => {
    expect(await runAll({ before: [retained('old')], steps: [retained('new')] })).toBeGreaterThan(100)
  })

  it('holds in every order for a clear', async () => {
    expect(await runAll({ before: [retained('old')], steps: [retained('')] })).toBeGreaterThan(100)
  })

  it('holds in every order for a plain publish over a retained value', async () => {
    expect(await runAll({ before: [retained('old')], steps: [plain('new')] })).toBeGreaterThan(10)
  })

  it('holds in every order where the reader is there already', async () => {
    expect(await runAll({ before: [], steps: [plain('1')], shared: true })).toBeGreaterThan(10)
    expect(await runAll({ before: [], steps: [retained('1')], shared: true })).toBeGreaterThan(100)
  })

  it.each<[string, Script]>([
    ['plain, retained, the reader is there', { before: [], steps: [plain('1'), retained('2')], shared: true }],
    ['two retained publishes', { before: [retained('old')], steps: [retained('1'), retained('2')] }],
    ['retained, plain, retained', { before: [], steps: [retained('1'), plain('2'), retained('3')] }],
    ['publish, clear, publish', { before: [retained('old')], steps: [retained('1'), retained(''), retained('2')] }],
    [
      'several topics and partitions',
      {
        before: [retained('old', 'a'), retained('old', 'b')],
        steps: [retained('a1', 'a'), plain('c1', 'c'), retained('b1', 'b'), retained('a2', 'a'), plain('c2', 'c')],
        partitions: 3,
        shared: true,
      },
    ],
    [
      'the filter is subscribed again',
      { before: [retained('old')], steps: [plain('1'), retained('2'), plain('3'), plain('4')], again: true },
    ],
  ])('holds for a sample of orders: %s', async (_name, script) => {
    await runSample(script, 200)
  })
})
