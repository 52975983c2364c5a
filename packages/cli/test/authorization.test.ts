/** A guard and the whole product on the embedded log: what a client may not read or write it does not, by whatever way. */
import { createEngine, createRegistry, type Engine, type GuardModule, loadConfig, type Session } from '@zilla-ts/engine'
import { kafkaEmbedded } from '@zilla-ts/kafka-embedded'
import { mqtt, type Properties, type Will } from '@zilla-ts/mqtt'
import { mqttKafka } from '@zilla-ts/mqtt-kafka'
import { tcp } from '@zilla-ts/net'
import { type ConnectOptions, MqttTestClient } from '@zilla-ts/testing'
import pino from 'pino'
import { expect, it } from 'vitest'
import { defer, folder } from './fixture.ts'

/** Believes what it is shown: `<identity>.<role>-<role>`. */
const trusting: GuardModule = {
  type: 'trusting',
  schema: { type: 'object', required: ['type'], properties: { type: { const: 'trusting' } } },
  attach: ({ namespace, name }) => ({
    async authorize({ credentials }, earlier): Promise<Session | null> {
      const [identity, roles] = credentials.split('.')
      if (identity === undefined || roles === undefined) return null
      const guard = `${namespace}:${name}`
      return { guard, earlier, identity, roles: roles.split('-'), attributes: {}, expiresAt: null }
    },
    permits: (session, roles) => roles.every((role) => session.roles.includes(role)),
  }),
}

const registry = createRegistry({ bindings: [tcp, mqtt, mqttKafka, kafkaEmbedded] as never, guards: [trusting] })

const DOCUMENT = `name: test
guards:
  g: { type: trusting }
bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt_server }
  mqtt_server:
    type: mqtt
    kind: server
    options:
      authorization:
        g: { credentials: { connect: { username: "Bearer {credentials}" }, auth: { method: M } } }
    routes:
      - guarded: { g: [all] }
        exit: mapping
      - guarded: { g: [own] }
        when:
          - publish: [{ topic: "d/{id}/#", params: { id: "\${guarded['g'].identity}" } }]
            subscribe: [{ topic: "d/{id}/#", params: { id: "\${guarded['g'].identity}" } }]
        exit: mapping
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: { sessions: sessions, messages: messages, retained: retained }, create: { partitions: 3 } }
    exit: log
  log: { type: kafka-embedded, kind: server, options: { directory: log } }
`

interface Running {
  readonly engine: Engine
  /** Connects with these credentials; fails unless it is accepted. */
  connect(token: string, options?: ConnectOptions): Promise<MqttTestClient>
  /** The reason code of the CONNACK. */
  refused(token: string | null, options?: ConnectOptions): Promise<number>
}

async function start(directory = folder()): Promise<Running> {
  const { namespaces: configs, problems } = loadConfig({
    text: DOCUMENT,
    file: 'zilla.yaml',
    registry,
    environment: {},
  })
  expect(problems).toEqual([])
  const logger = pino({ level: 'silent' })
  const engine = createEngine({ registry, configs, directory, properties: new Map(), logger })
  await engine.start()
  defer(() => engine.stop({ deadlineMs: 5_000 }))
  const [address] = engine.addresses()
  const offer = async (token: string | null, options: ConnectOptions) => {
    const client = await MqttTestClient.dial(address!, options)
    defer(() => client.kill())
    const username = token === null ? null : `Bearer ${token}`
    return { client, connack: await client.offer({ username, ...options }) }
  }
  return {
    engine,
    connect: async (token, options = {}) => {
      const { client, connack } = await offer(token, { acknowledge: true, ...options })
      expect(connack.reasonCode).toBe(0)
      return client
    },
    refused: async (token, options = {}) => (await offer(token, options)).connack.reasonCode,
  }
}

const lasting: Properties = { sessionExpirySeconds: 600 }
const payloads = (messages: readonly { payload: Buffer }[]) => messages.map(({ payload }) => String(payload))

it('is asked for by the routes', async () => {
  const { refused, connect } = await start()
  expect([await refused(null), await refused('nonsense'), await refused('me.other')]).toEqual([0x87, 0x86, 0x87])
  expect([await refused(null, { version: 4 }), await refused('nonsense', { version: 4 })]).toEqual([5, 4])
  await connect('me.own')
})

it('holds for live and retained messages, wildcards, shared subscriptions and wills', async () => {
  const { connect, refused } = await start()
  const admin = await connect('root.all', { clientId: 'admin' })
  await admin.publish('d/you/kept', 'secret', { qos: 1, retain: true })
  await admin.publish('d/me/kept', 'mine', { qos: 1, retain: true })
  const me = await connect('me.own', { clientId: 'me' })
  const filters = ['d/me/#', '#', 'd/#', 'd/+/kept', '$share/x/d/#', '$share/x/d/me/s'].map((filter) => ({
    filter,
    qos: 1 as const,
  }))
  expect((await me.subscribe(filters)).reasonCodes).toEqual([1, 0x87, 0x87, 0x87, 0x87, 1])
  expect((await me.publish('d/you/a', 'forged', { qos: 1 }))?.reasonCode).toBe(0x87)
  expect((await me.publish('d/you/b', 'forged', { qos: 2 }))?.reasonCode).toBe(0x87)
  expect((await me.publish('d/you/kept', '', { qos: 1, retain: true }))?.reasonCode).toBe(0x87)
  const will: Will = { topic: 'd/you/gone', payload: Buffer.from('forged'), qos: 1, retain: false, properties: null }
  expect(await refused('me.own', { clientId: 'me2', will })).toBe(0x87)
  await admin.subscribe([{ filter: 'd/you/#', qos: 1 }])
  await admin.publish('d/you/a', 'live', { qos: 1 })
  await admin.publish('d/me/end', 'end', { qos: 1 })
  expect(payloads(await me.messagesBefore('end'))).toEqual(['mine'])
  expect(payloads(await admin.messages(2))).toEqual(['secret', 'live'])
})

it('keeps a session for its identity', async () => {
  const directory = folder()
  const first = await start(directory)
  const options = { clientId: 'c', cleanStart: false, properties: lasting }
  const me = await first.connect('me.own', options)
  await me.subscribe([{ filter: 'd/me/#', qos: 1 }])
  expect(await first.refused('you.own', options)).toBe(0x87)
  expect(await first.refused('you.all', { clientId: 'c', cleanStart: true })).toBe(0x87)
  expect(await first.refused('you.own', { clientId: 'c', version: 4 })).toBe(5)
  await me.ping()
  await me.disconnect()
  expect(await first.refused('you.own', { clientId: 'c', cleanStart: true })).toBe(0x87)
  const other = await first.connect('root.all')
  await other.publish('d/me/a', 'for me', { qos: 1 })
  await first.engine.stop({ deadlineMs: 5_000 })
  // by the log alone
  const second = await start(directory)
  expect(await second.refused('you.own', options)).toBe(0x87)
  const again = await second.connect('me.own', options)
  expect(again.connack.sessionPresent).toBe(true)
  expect(payloads(await again.messages(1))).toEqual(['for me'])
})

it('is decided anew for a session that returns, what was under way included', async () => {
  const { connect } = await start()
  const options = { clientId: 'c', cleanStart: false, properties: lasting }
  const before = await connect('me.all', { ...options, acknowledge: false })
  await before.subscribe([
    { filter: '#', qos: 2 },
    { filter: 'd/me/#', qos: 1 },
  ])
  const admin = await connect('root.all')
  await admin.publish('d/you/a', 'under way', { qos: 1 })
  await admin.publish('d/you/b', 'under way', { qos: 2 })
  await before.messages(2)
  before.kill()
  await admin.publish('d/you/c', 'offline', { qos: 1 })
  const after = await connect('me.own', options)
  expect(after.connack.sessionPresent).toBe(true)
  await admin.publish('d/me/end', 'end', { qos: 1 })
  expect(payloads(await after.messagesBefore('end'))).toEqual([])
  await after.disconnect()
  // gone for good, whatever the client may do later
  const back = await connect('me.all', options)
  await admin.publish('d/you/d', 'not subscribed', { qos: 1 })
  await admin.publish('d/me/end', 'end', { qos: 1 })
  expect(payloads(await back.messagesBefore('end'))).toEqual([])
})

it('changes with fresh credentials', async () => {
  const { connect } = await start()
  const shown = (token: string): Properties => ({ authenticationMethod: 'M', authenticationData: Buffer.from(token) })
  const client = await connect('', { clientId: 'c', username: null, properties: shown('me.all-own') })
  expect(client.server.authenticationMethod).toBe('M')
  await client.subscribe([
    { filter: '#', qos: 1 },
    { filter: 'd/me/#', qos: 1 },
  ])
  client.send({ type: 'auth', reasonCode: 0x19, properties: shown('me.own') })
  expect(await client.take('auth')).toMatchObject({ reasonCode: 0, properties: { authenticationMethod: 'M' } })
  const admin = await connect('root.all')
  await admin.publish('d/you/a', 'secret', { qos: 1 })
  await admin.publish('d/me/end', 'end', { qos: 1 })
  expect(payloads(await client.messagesBefore('end'))).toEqual([])
  expect((await client.publish('d/you/a', 'x', { qos: 1 }))?.reasonCode).toBe(0x87)
  client.send({ type: 'auth', reasonCode: 0x19, properties: shown('you.own') })
  expect(await client.closed()).toBe(0x87)
})
