/** What the tests against a broker with TLS, SASL and ACLs share: ways to it, and what each mechanism shows. */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { BytesOpen } from '@zilla-ts/net'
import { KafkaBench, KafkaEnd, type KafkaWriter } from '@zilla-ts/testing/kafka-conformance'
import {
  type Admin,
  Kafka,
  logLevel,
  AclOperationTypes as Operation,
  ResourcePatternTypes as Pattern,
  AclPermissionTypes as Permission,
  AclResourceTypes as Resource,
} from 'kafkajs'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { startBroker } from '../../../scripts/kafka-broker.mjs'
import { securityFiles, storePassword } from '../../../scripts/kafka-security.mjs'
import type { KafkaConfig } from '../src/kafka.config.ts'
import { Chain, type ChainOptions } from './chain.ts'
import { SaslGuard, unsecuredToken } from './sasl-guard.ts'

export type Mechanism = NonNullable<KafkaConfig['options']['authorization']>[string]['credentials']['mechanism']
export type Listener = 'PLAINTEXT' | 'SSL' | 'MTLS' | 'SASL_PLAINTEXT' | 'SASL_SSL' | 'SCRAM_ONLY'
type Dial = (open: BytesOpen) => Socket | null

export const TIMEOUT_MS = 180_000

export class SecureBroker {
  readonly #reauthMs: number
  #broker: Awaited<ReturnType<typeof startBroker>> | null = null
  #admin: Admin | null = null
  #chains: Chain[] = []
  #secrets: string[] = []

  /** `reauthMs`: how long SASL sessions last; 0: for ever */
  constructor(reauthMs: number) {
    this.#reauthMs = reauthMs
  }

  /** One broker for the tests of a suite. Nothing secret may have been told after any of them. */
  register(): void {
    beforeAll(async () => {
      this.#broker = await startBroker({
        secure: { reauthMs: this.#reauthMs },
        listeners: { SCRAM_ONLY: 'SASL_PLAINTEXT' },
        configs: {
          'listener.name.scram_only.sasl.enabled.mechanisms': 'SCRAM-SHA-256',
          'listener.name.scram_only.scram-sha-256.sasl.jaas.config':
            'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        },
      })
      this.#admin = new Kafka({ brokers: [this.broker.bootstrap], logLevel: logLevel.NOTHING }).admin()
      await this.#admin.connect()
    }, TIMEOUT_MS)
    afterEach(async () => {
      for (const chain of this.#chains) {
        await chain.close()
        expect(chain.faults()).toEqual([])
        expect(chain.clock.pending).toBe(0)
        const told = JSON.stringify(chain.reporter.events)
        for (const secret of this.#secrets) expect(told).not.toContain(secret)
      }
      this.#chains = []
    })
    afterAll(async () => {
      await this.#admin?.disconnect()
      await this.#broker?.stop()
    }, TIMEOUT_MS)
  }

  get broker() {
    return this.#broker!
  }

  /** Over the plain listener, where everything is allowed. */
  get admin(): Admin {
    return this.#admin!
  }

  /** Whatever is shown must never be told. */
  guard(mechanism: Mechanism | null, user = 'zilla', password = `${user}-secret`): SaslGuard {
    const shown = mechanism === 'oauthbearer' ? unsecuredToken(user) : password
    this.#secrets.push(shown)
    return new SaslGuard(user, shown)
  }

  server(listener: Listener): string {
    return `localhost:${this.broker.ports[listener]}`
  }

  /** A client of the broker, over TLS where the listener wants it unless told otherwise. */
  async chain(
    listener: Listener,
    mechanism: Mechanism | null = null,
    guard = this.guard(mechanism),
    dial = this.#dialOf(listener),
    more: Partial<ChainOptions> = {},
  ): Promise<Chain> {
    const client = { servers: [this.server(listener)] as [string], ...authorizationOf(mechanism) }
    const chain = await Chain.open({ bootstrap: this.broker.bootstrap, client, guards: { sasl: guard }, dial, ...more })
    this.#chains.push(chain)
    return chain
  }

  /** Resolves when the broker goes by it. */
  async allow(user: string, resourceType: Resource, resourceName: string, ...operations: Operation[]): Promise<void> {
    const rule = { principal: `User:${user}`, host: '*', permissionType: Permission.ALLOW }
    const resource = { resourceType, resourceName, resourcePatternType: Pattern.LITERAL }
    await this.admin.createAcls({ acl: operations.map((operation) => ({ ...rule, ...resource, operation })) })
    const filter = { ...resource, principal: rule.principal, operation: Operation.ANY, permissionType: Permission.ANY }
    await this.#until(async () => {
      const { resources } = await this.admin.describeAcls(filter)
      const allowed = resources.flatMap(({ acls }) => acls).map(({ operation }) => operation)
      return operations.every((operation) => allowed.includes(operation))
    })
  }

  /** Takes away everything that the user is allowed. */
  async forbid(user: string): Promise<void> {
    const filter = {
      principal: `User:${user}`,
      resourceType: Resource.ANY,
      resourcePatternType: Pattern.ANY,
      operation: Operation.ANY,
      permissionType: Permission.ANY,
    }
    await this.admin.deleteAcls({ filters: [filter] })
    await this.#until(async () => (await this.admin.describeAcls(filter)).resources.length === 0)
  }

  /** The controller answers before the broker has heard of it. */
  async #until(over: () => Promise<boolean>): Promise<void> {
    while (!(await over())) await delay(20)
  }

  readonly plain: Dial = ({ remote }) => (remote === undefined ? null : connect(remote))

  /** Trusts the broker's issuer unless told otherwise. */
  tls(more: ConnectionOptions = {}): Dial {
    const { issuer } = securityFiles(this.broker.dir)
    const ca = readFileSync(issuer)
    return ({ remote }) =>
      remote === undefined ? null : connectTls({ ca, servername: remote.host, ...remote, ...more })
  }

  #dialOf(listener: Listener): Dial {
    if (listener === 'MTLS') {
      const { client } = securityFiles(this.broker.dir)
      return this.tls({ pfx: readFileSync(client), passphrase: storePassword })
    }
    return listener.endsWith('SSL') ? this.tls() : this.plain
  }
}

function authorizationOf(mechanism: Mechanism | null): Pick<KafkaConfig['options'], 'authorization'> {
  if (mechanism === null) return {}
  const login =
    mechanism === 'oauthbearer' ? { token: '{credentials}' } : { username: '{identity}', password: '{credentials}' }
  return { authorization: { sasl: { credentials: { mechanism, ...login } } } }
}

/** Every kind of stream there is, each once. */
export async function serves(chain: Chain): Promise<void> {
  const bench = new KafkaBench(chain)
  const topic = await bench.topic()
  const reader = await bench.reader(topic, 'end')
  await bench.write(topic, [{ key: 'key', value: 'written' }])
  const transactions = await bench.transactions(topic)
  transactions.send(topic, { value: 'committed' })
  expect(await transactions.commit()).toBe(null)
  await reader.received(2)
  expect(reader.values).toEqual(['written', 'committed'])
  const member = bench.connect(new KafkaEnd(), {
    kind: 'group',
    topic,
    id: topic,
    member: 'me',
    sessionTimeoutMs: 10_000,
  })
  await member.until('a generation', () => member.signals.length === 1)
  expect(member.signals[0]).toMatchObject({ kind: 'assigned', members: ['me'] })
  member.stream?.end()
  await member.until('end', () => member.ended)
  expect((await bench.offsets(topic))[0]).toMatchObject({ start: 0 })
}

/** Writes one record after the other, each when the one before is stored, until `over` resolves; how many. */
export async function keepWriting(writer: KafkaWriter, over: Promise<void>): Promise<number> {
  let on = true
  void over.then(() => {
    on = false
  })
  let count = 0
  while (on) {
    writer.send({ value: String(count++) })
    await writer.stored(count)
  }
  return count
}
