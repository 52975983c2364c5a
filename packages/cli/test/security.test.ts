/**
 * Who may not, cannot: every way by which a client might read or write what its token does not permit, over every transport
 * that there is, against the engine as users run it. Everything that the engine prints with -v is searched for secrets.
 */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Properties, Will } from '@zilla-ts/mqtt'
import { type ConnectOptions, type EngineProcess, MqttTestClient } from '@zilla-ts/testing'
import { Authority, type Issued } from '@zilla-ts/testing/authority'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createWebSocketStream, WebSocket } from 'ws'
import { AUDIENCE, ec, ISSUER, type Pair, sign } from '../../guards/test/tokens.ts'
import { defer, folder, freshTopics, startEngine, storageBindings } from './fixture.ts'

const key = ec('first')
let authority: Authority
let server: Issued
let device: Issued
let stranger: Issued

beforeAll(async () => {
  authority = await Authority.create('authority')
  server = await authority.issue('server', { names: ['localhost'] })
  device = await authority.issue('device', { subject: 'CN=device,O=fleet' })
  stranger = await (await Authority.create('others')).issue('stranger')
})

const token = (subject: string, roles: readonly string[], pair: Pair = key): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000)
  return sign(pair, { sub: subject, scope: roles.join(' '), iat: now - 10, exp: now + 600 })
}

const own = (guard: string) => `[{ topic: "d/{id}/#", params: { id: "\${guarded['${guard}'].identity}" } }]`

/** One mqtt server behind every transport; clients behind mutual TLS have a second guard. */
const document = (keys: string, topics = freshTopics()) => `name: test
guards:
  token:
    type: jwt
    options:
      issuer: ${ISSUER}
      audience: ${AUDIENCE}
      keys: ${keys}
  certificate: { type: x509, options: { identity: subject.cn, roles: { fleet: [{ subject.o: fleet }] } } }
vaults:
  vault:
    type: filesystem
    options:
      keys: { type: pem, store: server.pem }
      trust: { type: pem, store: ca.pem }
bindings:
  tcp: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt }
  tcp_tls: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: tls }
  tcp_web: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: http }
  tcp_proxy: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: proxy }
  tls:
    type: tls
    kind: server
    vault: vault
    options:
      keys: [server]
      trust: [ca]
      mutual: required
      authorization: { certificate: { credentials: { certificates: pem } } }
    exit: mqtt_devices
  http: { type: http, kind: server, exit: ws }
  ws: { type: ws, kind: server, options: {}, routes: [{ when: [{ protocol: mqtt }], exit: mqtt }] }
  proxy: { type: proxy, kind: server, exit: mqtt }
  mqtt:
    type: mqtt
    kind: server
    options:
      authorization: { token: { credentials: { connect: { username: "Bearer {credentials}" } } } }
    routes:
      - { guarded: { token: [all] }, exit: mapping }
      - guarded: { token: [own] }
        when: [{ publish: ${own('token')}, subscribe: ${own('token')} }]
        exit: mapping
  mqtt_devices:
    type: mqtt
    kind: server
    options:
      authorization: { token: { credentials: { connect: { username: "Bearer {credentials}" } } } }
    routes:
      - { guarded: { token: [all], certificate: [fleet] }, exit: mapping }
      - guarded: { token: [own], certificate: [fleet] }
        when: [{ publish: ${own('token')}, subscribe: ${own('token')} }]
        exit: mapping
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: ${JSON.stringify(topics)}, create: { partitions: 3 } }
    exit: log
${storageBindings('embedded', undefined)}`

function files(): string {
  const directory = folder()
  writeFileSync(join(directory, 'server.pem'), `${server.key}${server.chain}`)
  writeFileSync(join(directory, 'ca.pem'), authority.pem)
  return directory
}

/** The port that a listener of this name has got. */
async function portOf(engine: EngineProcess, name: string): Promise<number> {
  const line = new RegExp(`"event":"LISTENING","binding":"test:${name}".*?"port":(\\d+)`)
  return vi.waitFor(() => {
    const port = line.exec(engine.output)?.[1]
    expect(port).toBeDefined()
    return Number(port)
  }, 30_000)
}

type Transport = 'tcp' | 'tls' | 'ws' | 'proxy'
const LISTENERS: Readonly<Record<Transport, string>> = {
  tcp: 'tcp',
  tls: 'tcp_tls',
  ws: 'tcp_web',
  proxy: 'tcp_proxy',
}
const PROXY_HEADER = 'PROXY TCP4 192.0.2.1 192.0.2.2 40000 1883\r\n'

async function streamTo(transport: Transport, port: number, certificate = device): Promise<Duplex> {
  if (transport === 'ws') {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'mqtt')
    await once(socket, 'open')
    return createWebSocketStream(socket)
  }
  if (transport === 'tls') {
    const { key: privateKey, chain } = certificate
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: authority.pem,
      key: privateKey,
      cert: chain,
    })
    await once(socket, 'secureConnect')
    return socket
  }
  const socket: Socket = connectTcp({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  if (transport === 'proxy') socket.write(PROXY_HEADER)
  return socket
}

/** Everything shown to this engine; none of it may be printed. */
class Way {
  readonly engine: EngineProcess
  readonly #transport: Transport
  readonly #port: number
  readonly #shown = new Set<string>()

  private constructor(engine: EngineProcess, transport: Transport, port: number) {
    this.engine = engine
    this.#transport = transport
    this.#port = port
  }

  static async start(transport: Transport, directory = files(), topics = freshTopics()): Promise<Way> {
    const engine = await startEngine(document(JSON.stringify([key.jwk]), topics), directory, ['-v'])
    return new Way(engine, transport, await portOf(engine, LISTENERS[transport]))
  }

  async offer(credentials: string | null, options: ConnectOptions = {}, certificate = device) {
    const all = { acknowledge: true, username: credentials === null ? null : `Bearer ${credentials}`, ...options }
    const client = MqttTestClient.over(await streamTo(this.#transport, this.#port, certificate), all)
    defer(() => client.kill())
    if (credentials !== null) this.#shown.add(credentials)
    return { client, reasonCode: (await client.offer(all)).reasonCode }
  }

  async connect(credentials: string, options: ConnectOptions = {}): Promise<MqttTestClient> {
    const { client, reasonCode } = await this.offer(credentials, options)
    expect(reasonCode).toBe(0)
    return client
  }

  async refused(credentials: string | null, options: ConnectOptions = {}): Promise<number> {
    return (await this.offer(credentials, options)).reasonCode
  }

  expectNothingPrinted(): void {
    expect(this.#shown.size).toBeGreaterThan(0)
    const secrets = [...this.#shown, ...[server.key, device.key].map((pem) => pem.split('\n')[1]!)]
    for (const secret of secrets) {
      // The signature alone would be enough for whoever has the rest.
      for (const part of secret.split('.')) expect(this.engine.output).not.toContain(part)
    }
  }
}

const payloads = (messages: readonly { payload: Buffer }[]) => messages.map(({ payload }) => String(payload))
const willTo = (topic: string): Will => ({
  topic,
  payload: Buffer.from('forged'),
  qos: 1,
  retain: false,
  properties: null,
})
const LASTING: Properties = { sessionExpirySeconds: 600 }

describe.each<Transport>(['tcp', 'tls', 'ws', 'proxy'])('over %s', (transport) => {
  it('a client reads and writes by no path what its token does not permit', async () => {
    const way = await Way.start(transport)
    const [all, mine, yours] = [await token('root', ['all']), await token('me', ['own']), await token('you', ['own'])]
    const admin = await way.connect(all, { clientId: 'admin' })
    await admin.publish('d/you/kept', 'secret', { qos: 1, retain: true })
    await admin.publish('d/me/kept', 'mine', { qos: 1, retain: true })
    await admin.subscribe([{ filter: 'd/you/#', qos: 1, retainHandling: 2 }])
    const you = await way.connect(yours, { clientId: 'you', cleanStart: false, properties: LASTING })
    await you.subscribe([{ filter: 'd/you/#', qos: 1 }])

    // nobody, and who is nobody any more
    expect([await way.refused(null), await way.refused('nonsense')]).toEqual([0x87, 0x86])
    expect(await way.refused(await token('me', ['own'], ec('first')))).toBe(0x86)
    expect(await way.refused(await token('me', ['none']))).toBe(0x87)

    const me = await way.connect(mine, { clientId: 'me' })
    // wildcards, retained messages, shared subscriptions
    const wide = ['d/me/#', '#', '+/+/kept', 'd/#', 'd/you/kept', '$share/g/d/#', '$share/g/d/you/#']
    const { reasonCodes } = await me.subscribe(wide.map((filter) => ({ filter, qos: 1 as const })))
    expect(reasonCodes).toEqual([1, 0x87, 0x87, 0x87, 0x87, 0x87, 0x87])
    // a subscription that is widened later, and one that replaces the first
    expect((await me.subscribe([{ filter: 'd/+/kept', qos: 1 }])).reasonCodes).toEqual([0x87])
    expect((await me.subscribe([{ filter: 'd/me/#', qos: 1, retainHandling: 2 }])).reasonCodes).toEqual([1])
    // writes: by name, by alias, retained, cleared
    expect((await me.publish('d/you/a', 'forged', { qos: 1 }))?.reasonCode).toBe(0x87)
    expect((await me.publish('d/you/a', 'forged', { qos: 2 }))?.reasonCode).toBe(0x87)
    const alias: Properties = { topicAlias: 1 }
    expect((await me.publish('d/you/a', 'forged', { qos: 1, properties: alias }))?.reasonCode).toBe(0x87)
    expect((await me.publish('', 'forged', { qos: 1, properties: alias }))?.reasonCode).toBe(0x87)
    expect((await me.publish('d/you/kept', '', { qos: 1, retain: true }))?.reasonCode).toBe(0x87)
    me.startPublish('d/you/a', 'forged')
    // wills, and sessions of others
    expect(await way.refused(mine, { clientId: 'me2', will: willTo('d/you/will') })).toBe(0x87)
    expect(await way.refused(mine, { clientId: 'you', cleanStart: false, properties: LASTING })).toBe(0x87)
    expect(await way.refused(mine, { clientId: 'you', cleanStart: true })).toBe(0x87)

    await me.ping()
    await admin.publish('d/you/end', 'end', { qos: 1 })
    await admin.publish('d/me/end', 'end', { qos: 1 })
    expect(payloads(await admin.messagesBefore('end'))).toEqual([])
    expect(payloads(await you.messagesBefore('end'))).toEqual(['secret'])
    expect(payloads(await me.messagesBefore('end'))).toEqual(['mine'])
    way.expectNothingPrinted()
  })
})

it('a session from before its rights were taken away has lost them', async () => {
  const [directory, topics] = [files(), freshTopics()]
  const first = await Way.start('tcp', directory, topics)
  const options = { clientId: 'c', cleanStart: false, properties: LASTING }
  const before = await first.connect(await token('me', ['all']), options)
  await before.subscribe([
    { filter: '#', qos: 1 },
    { filter: 'd/me/#', qos: 1 },
  ])
  await before.disconnect(0, LASTING)
  const admin = await first.connect(await token('root', ['all']), { clientId: 'admin' })
  await admin.publish('d/you/a', 'secret', { qos: 1 })
  await admin.publish('d/me/end', 'end', { qos: 1 })
  expect(await first.engine.stop()).toBe(0)
  const second = await Way.start('tcp', directory, topics)
  const after = await second.connect(await token('me', ['own']), options)
  expect(after.connack.sessionPresent).toBe(true)
  expect(payloads(await after.messagesBefore('end'))).toEqual([])
  second.expectNothingPrinted()
})

describe('two guards', () => {
  it('must both be passed: the certificate alone, or the token alone, opens nothing', async () => {
    const way = await Way.start('tls')
    const plain = await authority.issue('plain')
    expect(await way.refused(null)).toBe(0x87)
    expect((await way.offer(await token('me', ['own']), {}, plain)).reasonCode).toBe(0x87)
    expect((await way.offer(await token('me', ['own']), {}, device)).reasonCode).toBe(0)
    await expect(way.offer(await token('me', ['own']), {}, stranger)).rejects.toThrow()
    await vi.waitFor(() => expect(way.engine.output).toContain('TLS_HANDSHAKE_FAILED'), 30_000)
  })
})

describe('a key set over HTTP', () => {
  let issuer: Server
  let keys: readonly Pair[] = [key]
  beforeAll(async () => {
    issuer = createServer((_request, response) => response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })))
    issuer.listen(0, '127.0.0.1')
    await once(issuer, 'listening')
  })
  afterAll(() => issuer.close())

  it('is read again for a token of a new key; those of the old one are refused then', async () => {
    const { port } = issuer.address() as { port: number }
    const engine = await startEngine(document(`http://127.0.0.1:${port}/keys`), files(), ['-v'])
    const address = { host: '127.0.0.1', port: await portOf(engine, 'tcp') }
    const offer = async (credentials: string) => {
      const client = await MqttTestClient.dial(address)
      defer(() => client.kill())
      return (await client.offer({ username: `Bearer ${credentials}` })).reasonCode
    }
    const old = await token('me', ['own'])
    await vi.waitFor(async () => expect(await offer(old)).toBe(0), 30_000)
    const next = ec('second')
    keys = [next]
    const fresh = await token('me', ['own'], next)
    // not sooner than 30 s after the last time, whatever tokens are shown
    await vi.waitFor(async () => expect(await offer(fresh)).toBe(0), { timeout: 60_000, interval: 1_000 })
    expect(await offer(old)).toBe(0x86)
    for (const secret of [old, fresh]) {
      for (const part of secret.split('.').slice(1)) expect(engine.output).not.toContain(part)
    }
  })
})
