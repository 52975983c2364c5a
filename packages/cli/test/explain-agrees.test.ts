/**
 * What `explain` says is what an engine does: random routes, roles, clients and topics, on the embedded log.
 * ZILLA_EXPLAIN_SEEDS=200 plays more documents, ZILLA_EXPLAIN_SEED=n the one that failed.
 */
import { createEngine, type ExplainedStep, explainPaths, loadConfig } from '@zilla-ts/engine'
import { MqttTestClient } from '@zilla-ts/testing'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import pino from 'pino'
import { expect, it } from 'vitest'
import { standard } from '../src/standard.ts'
import { defer, folder } from './fixture.ts'
import { readEmbedded } from './log-reader.ts'

const ONLY = process.env['ZILLA_EXPLAIN_SEED']
const SEEDS =
  ONLY === undefined
    ? Array.from({ length: Number(process.env['ZILLA_EXPLAIN_SEEDS'] ?? 12) }, (_, at) => at + 1)
    : [Number(ONLY)]
const CLIENTS = 8
const ASKS = 6
const PARTITIONS = 3

/** Park and Miller's: the same on every machine. */
class Random {
  #state: number
  constructor(seed: number) {
    this.#state = (seed * 48_271) % 0x7fff_ffff
  }
  below(limit: number): number {
    this.#state = (this.#state * 48_271) % 0x7fff_ffff
    return this.#state % limit
  }
  chance(percent: number): boolean {
    return this.below(100) < percent
  }
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
  some<T>(items: readonly T[]): T[] {
    return items.filter(() => this.chance(40))
  }
  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.below(most) }, make)
  }
}

const ROLES = ['r1', 'r2', 'r3']
const SITES = ['s1', 's2']
const LEVELS = ['a', 'b', ...SITES]
const IDENTITY = "${guarded['g'].identity}"
const SITE = "${guarded['g'].attributes.site}"

function pattern(random: Random, placeholder: string | null): string {
  const levels = random.list(3, () => random.of([...LEVELS, '+', ...(placeholder === null ? [] : [placeholder])]))
  return [...levels, ...(random.chance(50) ? ['#'] : [])].join('/')
}

const guardedOf = (random: Random) => (random.chance(60) ? { guarded: { g: random.some(ROLES) } } : {})

function mqttRoute(random: Random) {
  const clause = guardedOf(random)
  // What no guard of the route says cannot be compared with.
  const values = 'guarded' in clause ? [IDENTITY, SITE, 's1'] : ['s1']
  const topics = () => {
    const topic = pattern(random, '{x}')
    const params = topic.includes('{x}') && random.chance(80) ? { params: { x: random.of(values) } } : {}
    return { topic, ...params }
  }
  const session = () =>
    random.chance(50)
      ? { 'client-id': `${random.of(['c1', '*', 'c*'])}` }
      : { 'client-id': '{x}', params: { x: random.of(values) } }
  const item = () => ({
    ...(random.chance(40) ? { session: random.list(2, session) } : {}),
    ...(random.chance(70) ? { publish: random.list(2, topics) } : {}),
    subscribe: random.list(2, topics),
  })
  return {
    ...clause,
    ...(random.chance(70) ? { when: random.list(2, item) } : {}),
    exit: random.chance(80) ? 'first' : 'second',
  }
}

function mappingRoute(random: Random) {
  const isTemplate = random.chance(40)
  const topic = () => (isTemplate ? ['{site}', pattern(random, null)].join('/') : pattern(random, null))
  const item = () => ({ [random.of(['publish', 'subscribe'])]: random.list(2, () => ({ topic: topic() })) })
  const messages = isTemplate ? 'at-${params.site}' : random.of(['m1', 'm2'])
  return {
    ...guardedOf(random),
    ...(isTemplate || random.chance(60) ? { when: random.list(3, item) } : {}),
    with: { messages },
    exit: 'log',
  }
}

function documentOf(random: Random, x: string) {
  const mapping = (name: string) => ({
    type: 'mqtt-kafka',
    kind: 'proxy',
    options: {
      topics: { sessions: `${name}-sessions`, messages: `${name}-messages`, retained: `${name}-retained` },
      create: { partitions: PARTITIONS },
      ...(random.chance(30) ? { publish: { qosMax: 'at_least_once' } } : {}),
    },
    routes: random.list(3, () => mappingRoute(random)),
  })
  const key = { kid: 'k', kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', x }
  // Topics that clients name are not made by anybody else.
  const named = [...LEVELS.map((level) => `at-${level}`)].map((name) => ({ name, partitions: PARTITIONS }))
  return {
    name: 'test',
    guards: { g: { type: 'jwt', options: { issuer: 'i', audience: 'a', attributes: { site: 'site' }, keys: [key] } } },
    bindings: {
      tcp_server: { type: 'tcp', kind: 'server', options: { host: '127.0.0.1', port: 0 }, exit: 'mqtt_server' },
      mqtt_server: {
        type: 'mqtt',
        kind: 'server',
        options: { authorization: { g: { credentials: { connect: { username: 'Bearer {credentials}' } } } } },
        routes: random.list(4, () => mqttRoute(random)),
      },
      first: mapping('first'),
      second: mapping('second'),
      log: { type: 'kafka-embedded', kind: 'server', options: { directory: 'log', topics: named } },
    },
  }
}

type Asked = Parameters<typeof explainPaths>[1]
type Message = NonNullable<Asked['message']>

const NOTHING: Omit<Asked, 'action' | 'clientId' | 'token'> = {
  version: 5,
  username: null,
  password: null,
  certificate: null,
  remote: null,
  serverName: null,
  protocols: [],
  headers: {},
  message: null,
  filters: [],
  partitions: PARTITIONS,
}

/** What a client would be told, by the step that refuses it. */
function told(steps: readonly ExplainedStep[], what: string): number | null {
  const own = steps.filter((step) => step.what === what)
  return own.find(({ verdict }) => verdict !== 'allowed')?.reasonCode ?? null
}

it.each(SEEDS)('document %i', async (seed) => {
  const random = new Random(seed)
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const document = documentOf(random, (await exportJWK(publicKey)).x!)
  const { namespaces: configs, problems } = loadConfig({
    text: JSON.stringify(document),
    file: 'zilla.yaml',
    registry: standard,
    environment: {},
  })
  expect(problems.filter(({ level }) => level === 'error')).toEqual([])
  const directory = folder()
  const logger = pino({ level: 'silent' })
  const engine = createEngine({ registry: standard, configs, directory, properties: new Map(), logger })
  await engine.start()
  defer(() => engine.stop({ deadlineMs: 5_000 }))
  const explain = async (asked: Partial<Asked> & Pick<Asked, 'action' | 'clientId' | 'token'>) => {
    const options = { registry: standard, configs, directory, port: null, host: null, claims: null }
    const [path] = await explainPaths(options, { ...NOTHING, ...asked })
    return path!.hops.flatMap(({ steps }) => steps)
  }
  const records: { topic: string; key: string; payload: string; partition: string; headers: string[] }[] = []

  for (let count = 0; count < CLIENTS; count++) {
    const clientId = random.of(['c1', 'c2', 's1', 'x'])
    const token = random.chance(85)
      ? await new SignJWT({ scope: random.some(ROLES).join(' '), site: random.of([...SITES, 'a/b']) })
          .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
          .setSubject(random.of(['c1', 's1', 's2']))
          .setIssuer('i')
          .setAudience(random.chance(90) ? 'a' : 'other')
          .setExpirationTime('1h')
          .sign(privateKey)
      : null
    const who = { clientId, token }
    const username = token === null ? null : `Bearer ${token}`
    const client = await MqttTestClient.dial(engine.addresses()[0]!)
    defer(() => client.kill())
    const { reasonCode } = await client.offer({ clientId, username })
    const steps = await explain({ ...who, action: 'connect' })
    expect(told(steps, `session of ${clientId}`) ?? 0, JSON.stringify({ steps, document })).toBe(reasonCode)
    if (reasonCode !== 0) continue
    for (let ask = 0; ask < ASKS; ask++) {
      if (random.chance(50)) {
        const topic = random.list(3, () => random.of(LEVELS)).join('/')
        const payload = `${count}-${ask}`
        const message: Message = { topic, payload: Buffer.from(payload), qos: 1, retain: false, properties: null }
        const publish = await explain({ ...who, action: 'publish', message })
        const puback = await client.publish(topic, payload, { qos: 1 })
        const refused = publish.find(({ verdict }) => verdict !== 'allowed')
        expect(puback?.reasonCode, JSON.stringify({ publish, document })).toBe(refused?.reasonCode ?? 0)
        const facts = publish.flatMap((step) => step.facts)
        const fact = (name: string) => facts.filter(([key]) => key === name).map(([, value]) => value)
        if (refused === undefined) {
          const partition = fact('partition')[0]!.split(' ')[0]!
          const kafkaTopic = fact('Kafka topic').at(-1)!
          records.push({ topic: kafkaTopic, key: fact('key')[0]!, payload, partition, headers: fact('header') })
        }
      } else {
        const filter = `${random.chance(20) ? '$share/g/' : ''}${pattern(random, null)}`
        const qos = random.of([0, 1, 2] as const)
        const subscribe = await explain({ ...who, action: 'subscribe', filters: [{ filter, qos }] })
        const suback = await client.subscribe([{ filter, qos }])
        const refused = subscribe.find(({ verdict }) => verdict !== 'allowed')
        const granted = subscribe.flatMap((step) => step.facts).find(([key]) => key === 'QoS granted')?.[1]
        expect(suback.reasonCodes[0], JSON.stringify({ filter, subscribe, document })).toBe(
          refused?.reasonCode ?? Number(granted),
        )
      }
    }
    await client.disconnect()
    await client.closed()
  }

  await engine.stop({ deadlineMs: 5_000 })
  for (const topic of new Set(records.map((record) => record.topic))) {
    const stored = await readEmbedded(directory, topic)
    for (const { key, payload, partition, headers } of records.filter((record) => record.topic === topic)) {
      const record = stored.find(({ value }) => value === payload)
      const shown = record?.headers.map(([name, value]) => `${name} = ${value}`)
      expect({ key: record?.key, partition: String(record?.partition), headers: shown }).toEqual({
        key,
        partition,
        headers,
      })
    }
  }
})
