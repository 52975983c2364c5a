/** Several workers on one Kafka, which meet nowhere else: one owner for each client id, and wills of a worker that dies. */
import { type EngineProcess, MqttTestClient } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { childrenOf, defer, freshTopics, mqttDocument, startEngine, type Topics } from './fixture.ts'
import { readBroker } from './log-reader.ts'

const bootstrap = await kafkaBootstrap()
/** More than it takes to find out that a worker is dead: it says nothing for the session timeout of the group. */
const DEATH_MS = 60_000
const NAMES = Array.from({ length: 10 }, (_, at) => `client${at}`)
const LASTING = { cleanStart: false, properties: { sessionExpirySeconds: 600 } } as const

type Options = Parameters<typeof MqttTestClient.connect>[1]

async function connectTo({ port }: EngineProcess, options: Options): Promise<MqttTestClient> {
  const address = { host: '127.0.0.1', port }
  const client = await MqttTestClient.connect(address, { deadlineMs: DEATH_MS, acknowledge: true, ...options })
  defer(() => client.kill())
  return client
}

/** Two workers, and clients that the system deals out to them in turn. */
class Pair {
  readonly engine: EngineProcess
  readonly topics: Topics

  private constructor(engine: EngineProcess, topics: Topics) {
    this.engine = engine
    this.topics = topics
  }

  static async start(): Promise<Pair> {
    const topics = freshTopics()
    return new Pair(await startEngine(mqttDocument('kafka', bootstrap, topics), undefined, ['-w', '2']), topics)
  }

  connect(options: Options): Promise<MqttTestClient> {
    return connectTo(this.engine, options)
  }

  /** The instances that have claimed this client id. */
  async claimants(clientId: string): Promise<ReadonlySet<string>> {
    const records = await readBroker(bootstrap!, this.topics.sessions)
    const claims = records.filter(({ key, value }) => value !== null && key.startsWith(`${clientId}#e#`))
    return new Set(claims.map(({ value }) => (JSON.parse(value!) as { i: string }).i))
  }
}

const texts = (messages: readonly { readonly payload: Buffer }[]) => messages.map(({ payload }) => String(payload))

describe.skipIf(bootstrap === undefined)('two workers on one Kafka', () => {
  it('give a session to whoever connects last, and its subscriptions with it [MQTT-3.1.4-3]', async () => {
    const pair = await Pair.start()
    const publisher = await pair.connect({ clientId: 'publisher' })
    let holder = await pair.connect({ clientId: 'device', ...LASTING })
    await holder.subscribe([{ filter: 'news/#', qos: 1 }])
    for (let round = 0; round < 6; round++) {
      await publisher.publish('news/a', `${round}`, { qos: 1 })
      expect(texts(await holder.messages(1))).toEqual([`${round}`])
      // The server has the PUBACK: else the message may rightly come again to the next connection.
      await holder.ping()
      // One in between, so that the next connection is not dealt to the same worker each time.
      if (round % 3 === 2) await pair.connect({ clientId: `other${round}` })
      const next = await pair.connect({ clientId: 'device', ...LASTING })
      expect(next.connack.sessionPresent).toBe(true)
      expect(await holder.closed()).toBe(0x8e)
      holder = next
    }
    await publisher.publish('news/a', 'fence', { qos: 1 })
    expect(await holder.messagesBefore('fence')).toEqual([])
    await holder.disconnect()
    expect((await pair.claimants('device')).size).toBe(2)
  })

  it('publish each will of a worker that was killed once, and none of the other worker [MQTT-3.1.2-8]', async () => {
    const pair = await Pair.start()
    const watcher = await pair.connect({ clientId: 'watcher', ...LASTING })
    await watcher.subscribe([{ filter: 'wills', qos: 1 }])
    const clients = new Map<string, MqttTestClient>()
    for (const name of NAMES) {
      const will = { topic: 'wills', payload: Buffer.from(name), qos: 1, retain: false, properties: null } as const
      clients.set(name, await pair.connect({ clientId: name, will }))
    }
    const [worker] = childrenOf(pair.engine.pid)
    process.kill(worker!, 'SIGKILL')
    const lost = await lostOf(clients)
    expect(lost.length).toBeGreaterThan(0)
    expect(lost.length).toBeLessThan(NAMES.length)
    // Whichever worker had it: its session is there.
    const again = await pair.connect({ clientId: 'watcher', ...LASTING })
    expect(again.connack.sessionPresent).toBe(true)
    expect(texts(await again.messages(lost.length)).sort()).toEqual(lost)
    for (const [name, client] of clients) if (!lost.includes(name)) await client.disconnect()
    await again.publish('wills', 'fence', { qos: 1 })
    expect(texts(await again.messagesBefore('fence'))).toEqual([])
  }, 120_000)
})

describe.skipIf(bootstrap === undefined)('two processes on one Kafka', () => {
  it('one that stands still loses its clients, and delivers nothing to them when it goes on', async () => {
    const document = mqttDocument('kafka', bootstrap)
    const [frozen, other] = [await startEngine(document), await startEngine(document)]
    const before = await connectTo(frozen, { clientId: 'device', ...LASTING })
    await before.subscribe([{ filter: 'news', qos: 2 }])
    frozen.signal('SIGSTOP')
    defer(() => frozen.signal('SIGCONT'))
    const after = await connectTo(other, { clientId: 'device', ...LASTING })
    expect(after.connack.sessionPresent).toBe(true)
    const publisher = await connectTo(other, { clientId: 'publisher' })
    await publisher.publish('news', 'one', { qos: 2 })
    expect(texts(await after.messages(1))).toEqual(['one'])
    frozen.signal('SIGCONT')
    expect(await before.closed()).toBe(0x8e)
    expect(before.received).toEqual([])
    await publisher.publish('news', 'two', { qos: 2 })
    expect(texts(await after.messages(1))).toEqual(['two'])
    await (await connectTo(frozen, { clientId: 'device', ...LASTING })).disconnect()
    expect(await after.closed()).toBe(0x8e)
  }, 120_000)
})

/** Whose connection has ended, once every other has answered a PINGREQ. */
async function lostOf(clients: ReadonlyMap<string, MqttTestClient>): Promise<string[]> {
  const lost: string[] = []
  for (const [name, client] of clients) {
    const answered = await client.ping().then(
      () => true,
      () => false,
    )
    if (!answered) lost.push(name)
  }
  return lost.sort()
}
