/** TLS in the whole product: clients over TLS, the mqtt client over TLS, and secrets that stay where they are. */
import { spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineProcess } from '@zilla-ts/testing'
import { Authority, type Issued } from '@zilla-ts/testing/authority'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { defer, folder, freshTopics, mqttClient, startEngine } from './fixture.ts'

const BIN = fileURLToPath(new URL('../bin/zilla-ts', import.meta.url))

let authority: Authority
let server: Issued
let device: Issued

beforeAll(async () => {
  authority = await Authority.create('authority')
  server = await authority.issue('server', { names: ['localhost'] })
  device = await authority.issue('device')
})

function files(): string {
  const directory = folder()
  writeFileSync(join(directory, 'server.pem'), `${server.key}${server.chain}`)
  writeFileSync(join(directory, 'device.pem'), `${device.key}${device.chain}`)
  writeFileSync(join(directory, 'ca.pem'), authority.pem)
  return directory
}

const vault = (password = '') => `vaults:
  vault:
    type: filesystem
    options:
      keys: { type: pem, store: [server.pem, device.pem]${password} }
      trust: { type: pem, store: ca.pem }
`

/** A broker over TLS that asks for certificates. */
const document = (more = '', password = '') => `name: test
${vault(password)}bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: tls_server }
  tls_server: { type: tls, kind: server, vault: vault, options: { keys: [server], trust: [ca] }, exit: mqtt_server }
  mqtt_server: { type: mqtt, kind: server, exit: mapping }
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: ${JSON.stringify(freshTopics())}, create: { partitions: 1 } }
    exit: log
  log: { type: kafka-embedded, kind: server, options: { directory: log } }
${more}`

const secure = () => ({ ca: authority.pem, key: device.key, cert: device.chain, servername: 'localhost' })
const overTls = (port: number, options = secure()) =>
  mqttClient(port, { protocol: 'mqtts', host: '127.0.0.1', port, ...options } as never)

describe('mqtt over TLS', () => {
  it('carries messages large and small, and refuses who has no certificate', async () => {
    const engine = await startEngine(document(), files())
    const [subscriber, publisher] = [await overTls(engine.port), await overTls(engine.port)]
    const received: Buffer[] = []
    subscriber.on('message', (_topic, payload) => received.push(payload))
    await subscriber.subscribeAsync('#', { qos: 1 })
    const large = Buffer.alloc(200_000, 'x')
    await publisher.publishAsync('a', 'small', { qos: 1 })
    await publisher.publishAsync('a', large, { qos: 1 })
    await vi.waitFor(() => expect(received).toHaveLength(2), 10_000)
    expect(received[1]!.equals(large)).toBe(true)
    const { key: _key, cert: _cert, ...anonymous } = secure()
    await expect(overTls(engine.port, anonymous as never)).rejects.toThrow()
    await vi.waitFor(() => expect(engine.output).toContain('TLS_HANDSHAKE_FAILED'), 10_000)
  })

  it('is spoken by the mqtt client to another broker', async () => {
    const broker = await startEngine(document(), files())
    const gateway = await startEngine(
      `name: gateway
${vault()}bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt_server }
  mqtt_server: { type: mqtt, kind: server, exit: mqtt_client }
  mqtt_client:
    type: mqtt
    kind: client
    options: { server: "mqtts://localhost:${broker.port}" }
    exit: tls_client
  tls_client: { type: tls, kind: client, vault: vault, options: { trust: [ca], keys: [device] }, exit: "sys:tcp_client" }
`,
      files(),
    )
    const client = await mqttClient(gateway.port)
    const received: string[] = []
    client.on('message', (_topic, payload) => received.push(String(payload)))
    await client.subscribeAsync('#', { qos: 1 })
    await client.publishAsync('a', 'there and back', { qos: 1 })
    await vi.waitFor(() => expect(received).toEqual(['there and back']), 10_000)
  })

  it('goes on with a new key while clients stay', async () => {
    const directory = files()
    const engine = await startEngine(document(), directory)
    const client = await overTls(engine.port)
    const renewed = await authority.issue('server', { names: ['localhost', 'renewed.test'] })
    writeFileSync(join(directory, 'server.pem'), `${renewed.key}${renewed.chain}`)
    await vi.waitFor(() => expect(engine.output).toContain('VAULT_RELOADED'), 20_000)
    await overTls(engine.port, { ...secure(), servername: 'renewed.test' })
    await client.publishAsync('a', 'still here', { qos: 1 })
  })
})

describe('secrets', () => {
  const SECRET = 'geheimnis'
  const text = () => document('', ', password: "${{env.KEYS_PASSWORD}}"')

  it('are in no output of a start with -v, nor of validate', async () => {
    const directory = files()
    const engine = await EngineProcess.start({
      document: text(),
      directory,
      args: ['-v'],
      env: { KEYS_PASSWORD: SECRET },
    })
    defer(() => engine.stop())
    expect(engine.output).toContain('"password":"***"')
    expect(engine.output).not.toContain(SECRET)
    expect(engine.output).not.toContain('PRIVATE KEY')
    const validate = spawnSync(process.execPath, [BIN, 'validate', '-c', join(directory, 'zilla.yaml')], {
      encoding: 'utf8',
      env: { ...process.env, KEYS_PASSWORD: SECRET },
    })
    expect(validate.status, validate.stderr).toBe(0)
    expect(validate.stdout + validate.stderr).not.toContain(SECRET)
  })

  it('are in no output of a start that fails by them', async () => {
    const directory = files()
    const key = createPrivateKey(server.key)
    const pem = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'another' })
    writeFileSync(join(directory, 'server.pem'), `${pem}${server.chain}`)
    const engine = EngineProcess.spawn({ document: text(), directory, env: { KEYS_PASSWORD: SECRET } })
    expect(await engine.exited()).not.toBe(0)
    expect(engine.output).toContain('the password does not fit the key server')
    expect(engine.output).not.toContain(SECRET)
  })
})
