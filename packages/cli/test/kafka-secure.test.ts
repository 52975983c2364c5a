/** The whole product on a Kafka with TLS, SASL and ACLs, from documents as users write them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AclOperationTypes as Operation, AclResourceTypes as Resource } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { securityFiles, storePassword } from '../../../scripts/kafka-security.mjs'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { type Listener, SecureBroker, TIMEOUT_MS } from '../../kafka/test/secure-fixture.ts'
import { validate } from '../src/validate.ts'
import { connackOf, folder, freshTopics, mqttClient, startEngine, type Topics } from './fixture.ts'

const FOREVER = 0

interface Login {
  readonly mechanism: string
  readonly user: string
  readonly password: string
}

describe.skipIf((await kafkaBootstrap()) === undefined)('a Kafka with TLS, SASL and ACLs', () => {
  const secure = new SecureBroker(FOREVER)
  secure.register()

  function document(listener: Listener, login: Login | null, topics: Topics, more = {}): string {
    const { client, issuer } = securityFiles(secure.broker.dir)
    const authorization = login && {
      kafka: {
        credentials: { mechanism: login.mechanism, username: '{identity}', password: '{credentials}' },
      },
    }
    const keys = listener === 'MTLS' && { store: client, password: storePassword }
    return JSON.stringify({
      name: 'test',
      ...(login && {
        guards: { kafka: { type: 'inline', options: { identity: login.user, credentials: login.password } } },
      }),
      vaults: {
        files: { type: 'filesystem', options: { trust: { store: issuer, type: 'pem' }, ...(keys && { keys }) } },
      },
      bindings: {
        tcp_server: { type: 'tcp', kind: 'server', options: { host: '127.0.0.1', port: 0 }, exit: 'mqtt_server' },
        mqtt_server: { type: 'mqtt', kind: 'server', exit: 'mapping' },
        mapping: { type: 'mqtt-kafka', kind: 'proxy', options: { topics, ...more }, exit: 'cache_client' },
        cache_client: { type: 'kafka', kind: 'cache_client', exit: 'cache_server' },
        cache_server: { type: 'kafka', kind: 'cache_server', exit: 'client' },
        client: {
          type: 'kafka',
          kind: 'client',
          options: { servers: [secure.server(listener)], ...(authorization && { authorization }) },
          exit: 'tls_client',
        },
        tls_client: {
          type: 'tls',
          kind: 'client',
          vault: 'files',
          options: { trust: ['ca'], ...(keys && { keys: ['client'] }) },
          exit: 'tcp_client',
        },
        tcp_client: { type: 'tcp', kind: 'client' },
      },
    })
  }

  /** What `validate --live` says: `severity name message`. */
  async function live(text: string): Promise<string[]> {
    const file = join(folder(), 'zilla.yaml')
    writeFileSync(file, text)
    const options = { format: 'json', strict: false, allowUnsetEnv: false, modules: [], version: '0' } as const
    const report = await validate([file], { ...options, deadlineMs: 30_000 })
    const { problems } = JSON.parse(report.text) as { problems: { severity: string; name: string; message: string }[] }
    return problems.map(({ severity, name, message }) => `${severity} ${name} ${message}`).sort()
  }

  it.each<[Listener, Login | null]>([
    ['SASL_SSL', { mechanism: 'scram-sha-512', user: 'zilla', password: 'zilla-secret' }],
    ['MTLS', null],
  ])(
    'serves MQTT clients over %s',
    async (listener, login) => {
      const text = document(listener, login, freshTopics(), { create: { partitions: 3 } })
      const engine = await startEngine(text, undefined, ['-v'])
      const client = await mqttClient(engine.port)
      await client.subscribeAsync('a/#', { qos: 1 })
      const received = new Promise((resolve) => client.once('message', (_, payload) => resolve(String(payload))))
      await client.publishAsync('a/b', 'hello', { qos: 1 })
      expect(await received).toBe('hello')
      expect(engine.output).toContain('CONFIGURATION')
      expect(engine.output).not.toContain('zilla-secret')
    },
    TIMEOUT_MS,
  )

  it(
    'tells MQTT clients that a server with the wrong password is unavailable',
    async () => {
      const login = { mechanism: 'scram-sha-256', user: 'zilla', password: 'wr0ng-password' }
      const text = document('SASL_SSL', login, freshTopics())
      expect(JSON.stringify(await live(text))).not.toContain('wr0ng-password')
      expect(await live(text)).toEqual([
        expect.stringMatching(/^error kafka-refuses localhost:\d+: SASL SCRAM SHA256 authentication failed/),
      ])
      const engine = await startEngine(document('SASL_SSL', login, freshTopics()), undefined, ['-v'])
      await expect(connackOf(engine.port, { protocolVersion: 5 })).rejects.toMatchObject({ code: 0x88 })
      await expect(connackOf(engine.port, { protocolVersion: 4 })).rejects.toMatchObject({ code: 3 })
      expect(engine.output.match(/KAFKA_AUTHENTICATION_FAILED/g)).toHaveLength(1)
      expect(engine.output.match(/KAFKA_UNAVAILABLE/g)).toHaveLength(1)
      expect(engine.output).not.toContain('wr0ng-password')
    },
    TIMEOUT_MS,
  )

  it(
    'tells MQTT clients what Kafka does not allow',
    async () => {
      const topics = freshTopics()
      const compact = [{ name: 'cleanup.policy', value: 'compact' }]
      await secure.admin.createTopics({
        topics: [
          { topic: topics.messages, numPartitions: 1 },
          { topic: topics.sessions, numPartitions: 1, configEntries: compact },
          { topic: topics.retained, numPartitions: 1, configEntries: compact },
        ],
      })
      const { READ, WRITE, DESCRIBE_CONFIGS } = Operation
      await secure.allow('guest', Resource.TOPIC, topics.sessions, READ, WRITE, DESCRIBE_CONFIGS)
      await secure.allow('guest', Resource.TOPIC, topics.retained, READ, WRITE)
      await secure.allow('guest', Resource.TOPIC, topics.messages, READ)
      await secure.allow('guest', Resource.GROUP, `zilla-ts.${topics.sessions}`, READ)
      await secure.allow('guest', Resource.TRANSACTIONAL_ID, `zilla-ts.${topics.sessions}-0`, WRITE)
      const login = { mechanism: 'plain', user: 'guest', password: 'guest-secret' }
      // `validate --live` knows before: it may not write to one, nor read the settings of the two.
      expect(await live(document('SASL_SSL', login, topics))).toEqual([
        `error kafka-topic-permission Kafka does not permit Write on messages topic '${topics.messages}'`,
        `warning kafka-topic-permission Kafka does not permit DescribeConfigs on messages topic '${topics.messages}'`,
        `warning kafka-topic-permission Kafka does not permit DescribeConfigs on retained topic '${topics.retained}'`,
      ])
      const engine = await startEngine(document('SASL_SSL', login, topics))
      const client = await mqttClient(engine.port)
      await client.subscribeAsync('a/#', { qos: 1 })
      for (let n = 0; n < 3; n++) {
        await expect(client.publishAsync('a/b', 'hello', { qos: 1 })).rejects.toMatchObject({ code: 0x87 })
      }
      expect(engine.output.match(/KAFKA_NOT_AUTHORIZED/g)).toHaveLength(1)
      await secure.allow('guest', Resource.TOPIC, topics.messages, WRITE)
      const received = new Promise((resolve) => client.once('message', (_, payload) => resolve(String(payload))))
      await client.publishAsync('a/b', 'hello', { qos: 1 })
      expect(await received).toBe('hello')
    },
    TIMEOUT_MS,
  )
})
