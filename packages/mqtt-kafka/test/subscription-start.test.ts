/**
 * The start of a subscription under every order of events that Kafka and the clients can produce: all of them for one
 * publish, a seeded sample for longer scripts. What must hold is said once, in `verify`.
 */
import { describe, expect, it } from 'vitest'
import { type Client, Rig } from './rig.ts'

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
  subscribed = false
  again = false
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
    for (const [name, topic] of [['messages', messages], ['retained', retained]] as const) {
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
      this.subscriber.subscribe('#')
    } else if (verb === 'store') this.rig.kafka.topic(name).store()
    else if (verb === 'answer') this.rig.kafka.topic(name).answer()
    else this.rig.kafka.topic(name).deliver(1)
    this.rig.clock.turn()
  }

  verify(trace: readonly string[]): void {
    const about = trace.join(', ')
    expect(this.rig.faults(), about).toEqual([])
    expect(this.subscriber.subscriber.aborted, about).toBeNull()
    expect(this.subscriber.answers[0], about).toEqual({ kind: 'subscribed', reasonCodes: [1] })
    const all = [...this.script.before, ...this.script.steps]
    for (const topic of new Set(all.map((step) => step.topic))) this.verifyTopic(topic, all, about)
  }

  verifyTopic(topic: string, all: readonly Step[], about: string): void {
    const published = all.filter((step) => step.topic === topic)
    const received = this.subscriber.received.filter((one) => one.topic === topic)
    const seen = received.map(({ payload }) => payload)
    const text = `${about}: ${topic} ${JSON.stringify(received.map((r) => (r.retain ? 'R:' : '') + r.payload))}`
    // No duplicate: twice only when another message came in between, to end with the right value.
    seen.forEach((payload, at) => expect(at > 0 && seen[at - 1] === payload, `twice ${text}`).toBe(false))
    for (const payload of seen) expect(seen.filter((other) => other === payload).length, text).toBeLessThanOrEqual(2)
    // Live messages in the order of their publishes.
    const live = received.filter(({ retain }) => !retain).map(({ payload }) => published.findIndex((p) => p.payload === payload))
    expect(live, `order ${text}`).toEqual([...live].sort((a, b) => a - b))
    // No loss: all that were published after SUBACK, and the last value in any case if it was retained.
    for (const step of this.afterSuback) if (step.topic === topic) expect(seen, `loss ${text}`).toContain(step.payload)
    const last = published[published.length - 1]!
    if (!last.retain && !this.afterSuback.includes(last)) return
    if (last.payload !== '') expect(seen.at(-1), `last ${text}`).toBe(last.payload)
    else expect(seen.length === 0 || seen.at(-1) === '', `cleared ${text}`).toBe(true)
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
  world.verify(trace)
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

  it.each<[string, Script]>([
    ['two retained publishes', { before: [retained('old')], steps: [retained('1'), retained('2')] }],
    ['retained, plain, retained', { before: [], steps: [retained('1'), plain('2'), retained('3')] }],
    ['publish, clear, publish', { before: [retained('old')], steps: [retained('1'), retained(''), retained('2')] }],
    [
      'several topics and partitions',
      {
        before: [retained('old', 'a'), retained('old', 'b')],
        steps: [retained('a1', 'a'), plain('c1', 'c'), retained('b1', 'b'), retained('a2', 'a'), plain('c2', 'c')],
        partitions: 3,
      },
    ],
    [
      'the filter is subscribed again',
      { before: [retained('old')], steps: [plain('1'), retained('2'), plain('3'), plain('4')], again: true },
    ],
  ])('holds for a sample of orders: %s', async (_name, script) => {
    await runSample(script, 1_500)
  })
})
