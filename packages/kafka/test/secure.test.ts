/** The kafka client over every listener and mechanism of a broker with TLS and SASL: what works, and what is said when not. */
import { KafkaBench, KafkaEnd } from '@zilla-ts/testing/kafka-conformance'
import { AclOperationTypes as Operation, AclResourceTypes as Resource } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import type { Chain } from './chain.ts'
import { unsecuredToken } from './sasl-guard.ts'
import { keepWriting, type Listener, type Mechanism, SecureBroker, serves, TIMEOUT_MS } from './secure-fixture.ts'

/** Tests that go on for longer renew their sessions. */
const REAUTH_MS = 4_000

/** What a client that cannot be served is told, at once. */
async function refusal(chain: Chain): Promise<string> {
  const question = new KafkaBench(chain).ask({ kind: 'describe', topic: 'any' }, 'describe')
  const error = await question.then(
    () => new Error('it was answered'),
    (reason: Error) => reason,
  )
  expect(error).toMatchObject({ code: 'unavailable' })
  return error.message
}

const told = (chain: Chain, name: string): string[] =>
  chain.reporter.events.filter(({ event }) => event === name).map(({ message }) => message)

describe.skipIf((await kafkaBootstrap()) === undefined)('a broker with TLS and SASL', () => {
  const secure = new SecureBroker(REAUTH_MS)
  secure.register()

  it.each<[Listener, Mechanism | null]>([
    ['SSL', null],
    ['MTLS', null],
    ['SASL_PLAINTEXT', 'plain'],
    ['SASL_PLAINTEXT', 'scram-sha-256'],
    ['SASL_PLAINTEXT', 'scram-sha-512'],
    ['SASL_PLAINTEXT', 'oauthbearer'],
    ['SASL_SSL', 'plain'],
    ['SASL_SSL', 'scram-sha-256'],
    ['SASL_SSL', 'scram-sha-512'],
    ['SASL_SSL', 'oauthbearer'],
  ])('%s with %s serves every kind of stream', async (listener, mechanism) => {
    await serves(await secure.chain(listener, mechanism))
  })

  it('takes credentials as they are written, and the old form', async () => {
    const servers = [secure.server('SASL_PLAINTEXT')] as [string]
    const login = { mechanism: 'scram-sha-256', username: 'zilla', password: 'zilla-secret' } as const
    for (const client of [{ authorization: { sasl: { credentials: login } } }, { sasl: login }]) {
      const guard = secure.guard(null)
      const options = { client: { servers, ...client } }
      const chain = await secure.chain('SASL_PLAINTEXT', null, guard, secure.plain, options)
      const bench = new KafkaBench(chain)
      const topic = await bench.topic()
      await bench.write(topic, [{ value: 'a' }])
      expect(guard.asked).toBe(0)
    }
  })

  it.each<[Mechanism, string]>([
    ['plain', 'SASL PLAIN authentication failed: Authentication failed: Invalid username or password'],
    ['scram-sha-256', 'SASL SCRAM SHA256 authentication failed: Authentication failed'],
    ['scram-sha-512', 'SASL SCRAM SHA512 authentication failed: Authentication failed'],
    ['oauthbearer', 'SASL OAUTHBEARER authentication failed: invalid_token'],
  ])('%s with wrong credentials is told once, and over when they are right', async (mechanism, reason) => {
    const guard = secure.guard(mechanism, 'zilla', 'wr0ng-password')
    if (mechanism === 'oauthbearer') guard.shown = { identity: null, credentials: unsecuredToken('zilla', -60) }
    const chain = await secure.chain('SASL_PLAINTEXT', mechanism, guard)
    expect(await refusal(chain)).toContain(reason)
    const bench = new KafkaBench(chain)
    const topic = bench.topicName()
    await secure.admin.createTopics({ topics: [{ topic }] })
    const writer = bench.connect(new KafkaEnd(), { kind: 'produce', topic })
    await guard.more(2)
    expect(told(chain, 'KAFKA_AUTHENTICATION_FAILED')).toEqual([expect.stringContaining(reason)])
    expect(told(chain, 'KAFKA_UNAVAILABLE')).toHaveLength(1)
    guard.shown = secure.guard(mechanism).shown
    await writer.until('accept', () => writer.accepted !== null)
    expect(told(chain, 'KAFKA_AVAILABLE')).toHaveLength(1)
  })

  it.each<[string, Listener, Mechanism | null, 'plain' | 'tls', string]>([
    ['a mechanism that is not enabled', 'SCRAM_ONLY', 'plain', 'plain', 'does not take PLAIN'],
    ['a listener that wants SASL', 'SASL_PLAINTEXT', null, 'plain', 'does it want SASL?'],
    ['a listener that wants none', 'PLAINTEXT', 'plain', 'plain', 'it wants no SASL here'],
    ['a listener that wants TLS', 'SSL', null, 'plain', 'speaks TLS: exit to a tls client'],
    ['a listener that wants TLS and SASL', 'SASL_SSL', 'plain', 'plain', 'speaks TLS: exit to a tls client'],
    ['a listener without TLS', 'PLAINTEXT', null, 'tls', 'no TLS handshake: closed'],
    ['a listener that wants a certificate', 'MTLS', null, 'tls', 'does the broker want a certificate'],
  ])('%s is named', async (_, listener, mechanism, how, reason) => {
    const dial = how === 'plain' ? secure.plain : secure.tls()
    const chain = await secure.chain(listener, mechanism, secure.guard(mechanism), dial)
    expect(await refusal(chain)).toContain(reason)
    expect(told(chain, 'KAFKA_UNAVAILABLE')).toEqual([expect.stringContaining(reason)])
  })

  it('does not speak to a broker whose certificate it does not trust', async () => {
    const chain = await secure.chain('SSL', null, secure.guard(null), secure.tls({ ca: [] }))
    expect(await refusal(chain)).toContain('self-signed certificate in certificate chain')
  })

  it.each<[Mechanism]>([['scram-sha-512'], ['oauthbearer']])(
    '%s goes on over the same connections when its sessions end (KIP-368)',
    async (mechanism) => {
      const guard = secure.guard(mechanism)
      const chain = await secure.chain('SASL_PLAINTEXT', mechanism, guard)
      const bench = new KafkaBench(chain)
      const topic = await bench.topic()
      const [reader, writer] = [await bench.reader(topic, 'end'), await bench.writer(topic)]
      await bench.write(topic, [{ value: 'first' }])
      const { dialled } = chain.exit
      const count = await keepWriting(writer, guard.more(3 * dialled))
      await reader.received(count + 1)
      expect(chain.exit.dialled).toBe(dialled)
      expect(told(chain, 'KAFKA_AUTHENTICATION_FAILED')).toEqual([])
    },
  )

  it(
    'holds what it is given when its password is changed, until the guard has the new one',
    async () => {
      const guard = secure.guard('scram-sha-256', 'guest')
      const chain = await secure.chain('SASL_SSL', 'scram-sha-256', guard)
      const bench = new KafkaBench(chain)
      const topic = bench.topicName()
      await secure.admin.createTopics({ topics: [{ topic }] })
      await secure.allow('guest', Resource.TOPIC, topic, Operation.WRITE, Operation.READ)
      const [reader, writer] = [await bench.reader(topic, 'end'), await bench.writer(topic)]
      writer.send({ value: 'before' })
      await reader.received(1)
      await secure.broker.setPassword('SCRAM-SHA-256', 'guest', 'an0ther-secret')
      await reader.until('away', () => reader.signals.some((s) => s.kind === 'available' && !s.available))
      // Once, or twice: Kafka words it in one way for a connection that renews, and in another for a new one.
      const causes = new Set(
        told(chain, 'KAFKA_AUTHENTICATION_FAILED').map((each) => /invalid credentials/.exec(each)?.[0]),
      )
      expect([...causes]).toEqual(['invalid credentials'])
      writer.send({ value: 'meanwhile' })
      guard.shown = secure.guard('scram-sha-256', 'guest', 'an0ther-secret').shown
      await writer.stored()
      await reader.received(2)
      expect(reader.values).toEqual(['before', 'meanwhile'])
    },
    TIMEOUT_MS,
  )

  it(
    'goes on when the broker comes back',
    async () => {
      const chain = await secure.chain('SASL_SSL', 'scram-sha-512')
      const bench = new KafkaBench(chain)
      const topic = await bench.topic()
      const [reader, writer] = [await bench.reader(topic, 'end'), await bench.writer(topic)]
      await secure.broker.kill()
      writer.send({ value: 'away' })
      await secure.broker.restart()
      await writer.stored()
      await reader.received(1)
      expect(told(chain, 'KAFKA_AUTHENTICATION_FAILED')).toEqual([])
    },
    TIMEOUT_MS,
  )
})
