/**
 * Every limit reached by an abuser while 1,000 healthy clients publish and subscribe on the same engine: what the abuser is
 * told, and that the others notice nothing. Their traffic goes on during each attack and is complete after it.
 */
import { connectPacket, EngineProcess, type MqttAddress, MqttTestClient } from '@zilla-ts/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'

const HEALTHY = 1_000
const PER_ADDRESS = 40
const DEADLINE_MS = 30_000

const OK = 0x00
const BAD_METHOD = 0x8c
const TOPIC_FILTER_INVALID = 0x8f
const TOPIC_NAME_INVALID = 0x90
const RECEIVE_MAXIMUM = 0x93
const TOO_LARGE = 0x95
const QUOTA = 0x97
const RATE = 0x9f
const UNAVAILABLE_3 = 3

const DOCUMENT = `name: test
bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt_server }
  mqtt_server:
    type: mqtt
    kind: server
    options:
      limits:
        connections: ${HEALTHY + 80}
        addressConnections: 50
        unconnected: 650
        unconnectedBytes: 100000
        connectBytes: 4096
        connectsPerSecond: 200
        addressConnectsPerSecond: 50
        clientConnectsPerMinute: 20
        publishesPerSecond: 200
        bytesPerSecond: 65536
        subscribesPerSecond: 20
        packetBytes: 32768
        receiveMaximum: 20
        subscriptions: 50
        topicBytes: 200
        topicLevels: 20
        userProperties: 16
    exit: mapping
  mapping:
    type: mqtt-kafka
    kind: proxy
    options:
      topics: { sessions: s, messages: m, retained: r }
      create: { partitions: 4 }
      limits: { retained: 10, sessions: ${HEALTHY + 120}, sessionBytes: 8000, subscriptions: ${HEALTHY + 70}, sharedGroups: 5 }
    exit: log
  log: { type: kafka-embedded, kind: server, options: { directory: log, sync: os } }
`

let engine: EngineProcess
let healthy: MqttTestClient[] = []
let round = 0
const opened: MqttTestClient[] = []

const from = (localAddress: string): MqttAddress => ({ host: '127.0.0.1', port: engine.port, localAddress })
const options = (clientId: string) => ({ clientId, deadlineMs: DEADLINE_MS })

/** A connection of the abuser, which is broken when its attack is over. */
async function dial(address: string, version: 4 | 5 = 5): Promise<MqttTestClient> {
  const client = await MqttTestClient.dial(from(address), { version, deadlineMs: DEADLINE_MS })
  opened.push(client)
  return client
}

/** The reason code that a CONNECT is answered with. */
async function connect(address: string, clientId: string, more: object = {}, version: 4 | 5 = 5): Promise<number> {
  const client = await dial(address, version)
  return (await client.offer({ clientId, ...more })).reasonCode
}

async function abuser(address: string, clientId = `abuser-${address}`): Promise<MqttTestClient> {
  const client = await dial(address)
  expect((await client.offer({ clientId })).reasonCode).toBe(OK)
  return client
}

/** Works through the items, a few at a time. */
async function spread<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const worker = async () => {
    for (const [at, item] of queue) results[at] = await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

/** The reason codes of CONNECTs sent at once, from these addresses; each is refused, so that it takes no place. */
async function flood(addresses: readonly string[]): Promise<Set<number>> {
  const clients = await spread(addresses, 40, (address) => dial(address))
  const properties = { authenticationMethod: 'none such' }
  return new Set(await Promise.all(clients.map(async (client) => (await client.offer({ properties })).reasonCode)))
}

/** Connects as clients do: again, when it is told that there are too many at once. */
async function join(i: number): Promise<MqttTestClient> {
  const address = from(`127.0.1.${1 + Math.floor(i / PER_ADDRESS)}`)
  for (;;) {
    const client = await MqttTestClient.dial(address, options(`healthy-${i}`))
    const { reasonCode } = await client.offer(options(`healthy-${i}`))
    if (reasonCode === OK) {
      await client.subscribe([{ filter: `h/${i}`, qos: 0 }])
      return client
    }
    expect(reasonCode).toBe(RATE)
    await client.hangUp()
  }
}

/** Each healthy client sends one message to the next one, has it acknowledged, and gets the one that is for it. */
async function traffic(): Promise<void> {
  const text = `round ${round++}`
  const sent = healthy.map((client, i) => client.publish(`h/${(i + 1) % HEALTHY}`, text, { qos: 1 }))
  for (const answer of await Promise.all(sent)) expect(answer?.reasonCode).toBe(OK)
  const messages = await Promise.all(healthy.map((client) => client.take('publish')))
  for (const message of messages) expect(message.payload.toString()).toBe(text)
}

beforeAll(async () => {
  engine = await EngineProcess.start({ document: DOCUMENT })
  healthy = await spread(numbers(HEALTHY), 20, join)
})

afterAll(async () => {
  for (const client of healthy) client.kill()
  const code = await engine.stop()
  engine.remove()
  expect([code, engine.output.includes('ENGINE_FAULT')]).toEqual([0, false])
})

/** What the abuser is told, in short. */
const ATTACKS: readonly (readonly [limit: string, attack: () => Promise<unknown>, told: unknown])[] = [
  [
    'connections',
    async () => {
      const address = (i: number) => `127.0.2.${1 + Math.floor(i / PER_ADDRESS)}`
      const codes = await spread(numbers(80), 10, (i) => connect(address(i), `many-${i}`))
      return [
        codes.every((code) => code === OK),
        await connect('127.0.2.9', 'one-more'),
        await connect('127.0.2.9', 'one-more', {}, 4),
        // who takes its own place over needs no other
        await connect('127.0.2.1', 'many-0'),
      ]
    },
    [true, QUOTA, UNAVAILABLE_3, OK],
  ],
  [
    'addressConnections',
    async () => {
      const codes = await spread(numbers(50), 10, (i) => connect('127.0.3.1', `many-${i}`))
      return [codes.every((code) => code === OK), await connect('127.0.3.1', 'one-more')]
    },
    [true, QUOTA],
  ],
  [
    'addressConnectsPerSecond',
    async () => {
      return flood(numbers(300).map(() => '127.0.4.1'))
    },
    new Set([BAD_METHOD, RATE]),
  ],
  [
    'connectsPerSecond',
    async () => {
      return flood(numbers(600).map((i) => `127.0.${50 + (i % 3)}.${1 + Math.floor(i / 3)}`))
    },
    new Set([BAD_METHOD, RATE]),
  ],
  [
    'clientConnectsPerMinute',
    async () => {
      const addresses = numbers(200).map((n) => `127.0.6.${1 + n}`)
      const codes = await spread(addresses, 40, async (address) => {
        const client = await dial(address)
        // those that are taken over while they wait are told so (0x89), or closed
        return client.offer({ clientId: 'storm' }).then(
          ({ reasonCode }) => reasonCode,
          () => OK,
        )
      })
      return [codes.filter((code) => code === RATE).length, codes.filter((code) => code !== RATE).length]
    },
    [180, 20],
  ],
  [
    'unconnected',
    async () => {
      const silent = await spread(numbers(660), 40, () => dial('127.0.7.1'))
      return [await silent[0]!.closed(), await connect('127.0.7.1', 'many-0')]
    },
    [null, OK],
  ],
  [
    'unconnectedBytes',
    async () => {
      const half = Buffer.concat([Buffer.from([0x10, 0x80, 0x1f]), Buffer.alloc(3_500)])
      const slow = await spread(numbers(40), 10, async () => {
        const client = await dial('127.0.8.1')
        client.sendBytes(half)
        return client
      })
      await Promise.race(slow.map((client) => client.closed()))
      return connect('127.0.8.1', 'many-0')
    },
    OK,
  ],
  [
    'connectBytes',
    async () => {
      // refused before its version is known, so that there is no answer
      const properties = { userProperties: [['k', 'x'.repeat(5_000)]] as [string, string][] }
      const client = await dial('127.0.9.1')
      client.send(connectPacket({ properties }))
      return client.closed()
    },
    null,
  ],
  [
    'packetBytes',
    async () => {
      const client = await abuser('127.0.10.1')
      client.startPublish('x', Buffer.alloc(40_000))
      return client.closed()
    },
    TOO_LARGE,
  ],
  [
    'receiveMaximum',
    async () => {
      const client = await abuser('127.0.11.1')
      for (let i = 0; i < 200; i++) client.startPublish('x', 'x', { qos: 2 })
      return client.closed()
    },
    RECEIVE_MAXIMUM,
  ],
  [
    'publishesPerSecond',
    async () => {
      const client = await abuser('127.0.12.1')
      await client.subscribe([{ filter: 'a/flood' }])
      for (let i = 0; i < 500; i++) client.startPublish('a/flood', String(i))
      const messages = await client.messages(500)
      return [messages.every(({ payload }, i) => payload.toString() === String(i)), paced('abuser-127.0.12.1')]
    },
    [true, true],
  ],
  [
    'bytesPerSecond',
    async () => {
      const client = await abuser('127.0.13.1')
      await client.subscribe([{ filter: 'a/large' }])
      for (let i = 0; i < 12; i++) client.startPublish('a/large', Buffer.alloc(16_384, i))
      const messages = await client.messages(12)
      return [messages.every(({ payload }, i) => payload[0] === i), paced('abuser-127.0.13.1')]
    },
    [true, true],
  ],
  [
    'subscribesPerSecond',
    async () => {
      const client = await abuser('127.0.14.1')
      const ids = numbers(240).map(() => client.startSubscribe([{ filter: 'a/same' }]))
      for (const packetId of ids) expect((await client.take('suback')).packetId).toBe(packetId)
      return paced('abuser-127.0.14.1')
    },
    true,
  ],
  [
    'topicBytes, topicLevels',
    async () => {
      const client = await abuser('127.0.15.1')
      const filters = ['x'.repeat(201), '/'.repeat(30), 'x'.repeat(200)]
      const { reasonCodes } = await client.subscribe(filters.map((filter) => ({ filter })))
      client.startPublish('x'.repeat(201), 'x')
      const deep = await abuser('127.0.15.2')
      deep.startPublish('/'.repeat(30), 'x')
      return [reasonCodes, await client.closed(), await deep.closed()]
    },
    [[TOPIC_FILTER_INVALID, TOPIC_FILTER_INVALID, OK], TOPIC_NAME_INVALID, TOPIC_NAME_INVALID],
  ],
  [
    'userProperties',
    async () => {
      const client = await abuser('127.0.16.1')
      const userProperties = numbers(17).map((i) => ['k', String(i)] as [string, string])
      client.startPublish('x', 'x', { properties: { userProperties } })
      return client.closed()
    },
    QUOTA,
  ],
  [
    'subscriptions of a client',
    async () => {
      const client = await abuser('127.0.17.1')
      return (await client.subscribe(numbers(51).map((i) => ({ filter: `f/${i}` })))).reasonCodes.slice(-2)
    },
    [OK, QUOTA],
  ],
  [
    'sessionBytes',
    async () => {
      const client = await abuser('127.0.18.1')
      const filters = numbers(40).map((i) => `${i}/`.padEnd(200, 'x'))
      const { reasonCodes } = await client.subscribe(filters.map((filter) => ({ filter })))
      return [reasonCodes[0], reasonCodes.at(-1)]
    },
    [OK, QUOTA],
  ],
  [
    'subscriptions of all clients',
    async () => {
      const first = await abuser('127.0.19.1')
      const second = await abuser('127.0.19.2')
      const filters = numbers(45).map((i) => ({ filter: `f/${i}` }))
      const codes = [...(await first.subscribe(filters)).reasonCodes, ...(await second.subscribe(filters)).reasonCodes]
      return [codes[0], codes.at(-1)]
    },
    [OK, QUOTA],
  ],
  [
    'sharedGroups',
    async () => {
      const client = await abuser('127.0.20.1')
      return (await client.subscribe(numbers(6).map((i) => ({ filter: `$share/g${i}/t` })))).reasonCodes.slice(-2)
    },
    [OK, QUOTA],
  ],
  [
    'retained',
    async () => {
      const client = await abuser('127.0.21.1')
      const codes = []
      for (const i of numbers(12))
        codes.push((await client.publish(`r/${i}`, 'x', { qos: 1, retain: true }))?.reasonCode)
      return codes.slice(-3)
    },
    [OK, QUOTA, QUOTA],
  ],
  [
    'sessions',
    async () => {
      // those that have left are known for an hour
      const codes = await spread(numbers(150), 15, async (i) => {
        const client = await dial(`127.0.22.${1 + (i % 20)}`)
        const { reasonCode } = await client.offer({ clientId: `new-${i}` })
        if (reasonCode === OK) await client.disconnect()
        return reasonCode
      })
      return [codes.at(-1), await connect('127.0.22.30', 'new', {}, 4), await connect('127.0.22.30', 'many-0')]
    },
    [QUOTA, UNAVAILABLE_3, OK],
  ],
]

const paced = (clientId: string) =>
  engine.output.split('\n').some((line) => line.includes('MQTT_CLIENT_PACED') && line.includes(clientId))

it.each(ATTACKS)('%s', { timeout: 60_000 }, async (_limit, attack, told) => {
  let over = false
  const attacking = attack().finally(() => {
    over = true
  })
  // Several rounds while it lasts, at least one, and one after it.
  const others = (async () => {
    do await traffic()
    while (!over)
  })()
  const [attacked, served] = await Promise.allSettled([attacking, others])
  for (const client of opened.splice(0)) client.kill()
  expect([attacked, served]).toMatchObject([{ value: told }, { status: 'fulfilled' }])
  await traffic()
  for (const client of healthy) expect(client.received).toEqual([])
})
