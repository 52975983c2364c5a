/** Authentication with a method, fresh credentials, and the end of those that were shown (MQTT 5.0 §3.15, §4.12). */
import { type Session, StreamError } from '@zilla-ts/engine'
import { describe, expect, test } from 'vitest'
import type { ConnectPacket } from '../src/codec/packets.ts'
import { type Authorization, AuthorizationRig, type Client, unavailable, willTo } from './authorization-rig.ts'

const AUTH = { method: 'M', data: '{credentials}' }
const BOTH: Authorization = { g: { credentials: { connect: { username: 'Bearer {credentials}' }, auth: AUTH } } }

const topic = (name: string) => [{ topic: name }] as [{ topic: string }]
const READER = { when: [{ publish: topic('a/#'), subscribe: topic('a/#') }], roles: ['a'] }
const WRITER = { when: [{ publish: topic('b/#'), subscribe: topic('b/#') }], roles: ['b'] }

function shown(token: string, method = 'M'): Pick<ConnectPacket, 'properties'> {
  return { properties: { authenticationMethod: method, authenticationData: Buffer.from(token) } }
}

async function connected(
  token: string,
  more: Partial<ConnectPacket> = {},
): Promise<{ rig: AuthorizationRig; client: Client }> {
  const rig = new AuthorizationRig(BOTH, [READER, WRITER])
  const client = await rig.connect({ ...shown(token), ...more })
  expect(client.news).toEqual(['connack 0'])
  return { rig, client }
}

describe('CONNECT with a method', () => {
  test.each<[what: string, options: Partial<ConnectPacket>, answer: string]>([
    ['known, with credentials [MQTT-4.12.0-5]', shown('me.a'), '0'],
    ['known, with bad ones [MQTT-4.12.0-4]', shown('me'), '87'],
    ['known, without', { properties: { authenticationMethod: 'M' } }, '87'],
    [
      'known, without, whatever the user name says',
      { properties: { authenticationMethod: 'M' }, username: 'Bearer me.a' },
      '87',
    ],
    [
      'that is not UTF-8 inside',
      { properties: { authenticationMethod: 'M', authenticationData: Buffer.from([0xff]) } },
      '87',
    ],
    ['unknown [MQTT-4.12.0-1]', shown('me.a', 'N'), '8c'],
  ])('%s', async (_what, options, code) => {
    const rig = new AuthorizationRig(BOTH, [READER])
    const client = await rig.connect(options)
    const [connack] = client.packets
    const method = connack?.type === 'connack' ? connack.properties?.authenticationMethod : undefined
    expect(method).toBe(code === '0' ? 'M' : undefined)
    expect(client.news).toEqual([`connack ${code}`])
  })

  test('is refused where none is configured', async () => {
    const rig = new AuthorizationRig({ g: { credentials: { connect: { username: '{credentials}' } } } }, [READER])
    expect((await rig.connect(shown('me.a'))).news).toEqual(['connack 8c'])
    expect((await new AuthorizationRig(undefined, [{}]).connect(shown('me.a'))).news).toEqual(['connack 8c'])
  })
})

describe('AUTH', () => {
  test('with fresh credentials of the same identity changes what is permitted [MQTT-4.12.1-1]', async () => {
    const { rig, client } = await connected('me.a-b')
    client.subscribe('a/#', 'b/#')
    client.publish('b/1')
    rig.opened('publish')[0]?.stream.ack(1)
    expect(client.news).toEqual(['puback 0'])
    client.auth('me.a')
    await rig.settle()
    const [auth] = client.packets
    expect(auth).toMatchObject({ type: 'auth', reasonCode: 0, properties: { authenticationMethod: 'M' } })
    client.packets.length = 0
    // as if unsubscribed, with nobody to tell
    expect(rig.asked()).toEqual(['+a/#', '+b/#', '-b/#'])
    expect(rig.count('subscriptions.ended')).toBe(1)
    const { stream } = rig.opened('subscribe')[0]!
    stream.signal({ kind: 'subscribed', reasonCodes: [1, 1] })
    stream.signal({ kind: 'unsubscribed', reasonCodes: [0] })
    expect(client.news).toEqual(['suback 1 1'])
    rig.deliver('b/2', { packetId: 1 })
    rig.deliver('a/2', { packetId: 2 })
    client.publish('b/2')
    expect(client.news).toEqual(['publish a/2', 'puback 87'])
    expect(rig.published).toEqual(['b/1'])
    expect(rig.opened('session')[0]?.recorder.signals).toMatchObject([
      { kind: 'reauthorized', session: { identity: 'me', roles: ['a'] } },
    ])
    // and back
    client.auth('me.a-b')
    await rig.settle()
    client.publish('b/3')
    client.subscribe('b/#')
    expect([client.news, rig.published]).toEqual([['auth 0'], ['b/1', 'b/3']])
    expect(rig.asked().at(-1)).toBe('+b/#')
    expect(client.ended).toBe(false)
  })

  test('goes on as before while the guard is asked', async () => {
    const { rig, client } = await connected('me.a-b')
    rig.guard.holds = true
    client.auth('me.a')
    client.publish('b/1')
    client.send({ type: 'pingreq' })
    expect([client.news, rig.published]).toEqual([['pingresp'], ['b/1']])
    rig.guard.held[0]?.()
    await rig.settle()
    expect(client.news).toEqual(['auth 0'])
  })

  type Row = [what: string, act: (client: Client, rig: AuthorizationRig) => void, answer: string]
  test.each<Row>([
    ['bad credentials [MQTT-4.12.1-2]', (client) => client.auth('me'), '87'],
    ['no credentials', (client) => client.auth(null), '87'],
    ['credentials of another identity', (client) => client.auth('you.a'), '87'],
    ['credentials that have expired', (client) => client.auth('me.a.0'), '87'],
    ['credentials without the role', (client) => client.auth('me.c'), '87'],
    ['another method', (client) => client.auth('me.a', 'N'), '8c'],
    ['a continuation of nothing', (client) => client.auth('me.a', 'M', 0x18), '82'],
    [
      'a second one before the first is answered',
      (client) => {
        client.auth('me.a')
        client.auth('me.a')
      },
      '82',
    ],
    [
      'a guard that is not ready',
      (client, { guard }) => {
        guard.failure = unavailable
        client.auth('me.a')
      },
      '89',
    ],
    [
      'a guard that is broken',
      (client, { guard }) => {
        guard.failure = new TypeError('me.a')
        client.auth('me.a')
      },
      '80',
    ],
    [
      'a guard that never answers',
      (client, { guard, clock }) => {
        guard.holds = true
        client.auth('me.a')
        clock.advance(31_000)
      },
      '89',
    ],
  ])('ends the connection for %s', async (_what, act, code) => {
    const { rig, client } = await connected('me.a')
    act(client, rig)
    await rig.settle()
    expect(client.news).toEqual([`disconnect ${code}`])
    expect(client.ended).toBe(true)
    // the session hears of no DISCONNECT of the client: its will is due
    expect(rig.ended).toBeNull()
    for (const answer of rig.guard.held) answer()
    await rig.settle()
    expect(client.news).toEqual([])
  })

  test('is a protocol error without a method in CONNECT [MQTT-4.12.0-7]', async () => {
    const rig = new AuthorizationRig(BOTH, [READER])
    const client = await rig.connect({ username: 'Bearer me.a' })
    client.auth('me.a')
    expect(client.news).toEqual(['connack 0', 'disconnect 82'])
  })

  test('that takes the permission of the will ends the connection without it', async () => {
    const { rig, client } = await connected('me.a-b', { will: willTo('b/gone') })
    client.auth('me.a')
    await rig.settle()
    expect(client.news).toEqual(['disconnect 87'])
    expect(rig.ended).toBe(0)
  })

  test('that takes the route of the session ends the connection', async () => {
    const rig = new AuthorizationRig(BOTH, [
      { roles: ['one'], exit: 'exit' },
      { roles: ['two'], exit: 'other' },
    ])
    const client = await rig.connect(shown('me.one'))
    client.auth('me.two')
    await rig.settle()
    expect(client.news).toEqual(['connack 0', 'disconnect 87'])
  })

  test('is told to the exit, which may end the session', async () => {
    const { rig, client } = await connected('me.a')
    const { recorder, stream } = rig.opened('session')[0]!
    recorder.onSignal = () => stream.abort(new StreamError('not-authorized', 'other routes'))
    client.auth('me.a-b')
    await rig.settle()
    expect(client.news).toEqual(['disconnect 87'])
    expect(rig.harness.reporter.faults).toEqual([])
  })
})

describe('the end of what was shown', () => {
  test.each([
    [5, ['disconnect a0']],
    [4, []],
  ] as const)('ends the connection of version %i, the will as after any end', async (version, news) => {
    const rig = new AuthorizationRig(BOTH, [READER])
    const client = await rig.connect({ version, username: 'Bearer me.a.10', will: willTo('a/gone') })
    rig.clock.advance(9_000)
    expect([client.news, client.ended]).toEqual([['connack 0'], false])
    rig.clock.advance(2_000)
    expect([client.news, client.ended, rig.ended]).toEqual([news, true, null])
  })

  test('is put off by fresh credentials', async () => {
    const { rig, client } = await connected('me.a.10')
    rig.clock.advance(5_000)
    client.auth('me.a.60')
    await rig.settle()
    rig.clock.advance(30_000)
    expect(client.news).toEqual(['auth 0'])
    rig.clock.advance(31_000)
    expect(client.news).toEqual(['disconnect a0'])
  })

  test('counts for every guard that was asked, that of the byte stream too', async () => {
    const rig = new AuthorizationRig(BOTH, [READER, {}])
    const session = (seconds: number): Session => ({
      guard: 'test:tls',
      earlier: null,
      identity: 'device',
      roles: [],
      attributes: {},
      expiresAt: rig.clock.now() + seconds * 1_000,
    })
    const both = await rig.connect({ username: 'Bearer me.a.60', session: session(10) })
    const stream = await rig.connect({ clientId: 'd', session: session(10) })
    const over = await rig.connect({ clientId: 'e', session: session(0) })
    expect(over.news).toEqual(['connack 87'])
    rig.clock.advance(11_000)
    expect([both.news, stream.news]).toEqual([
      ['connack 0', 'disconnect a0'],
      ['connack 0', 'disconnect a0'],
    ])
  })
})

describe('what a guard has revoked', () => {
  test.each([
    [5, ['disconnect 87']],
    [4, []],
  ] as const)('ends the connection of version %i, and the will is not published', async (version, news) => {
    const rig = new AuthorizationRig(BOTH, [READER])
    const other = await rig.connect({ clientId: 'd', username: 'Bearer you.a' })
    const client = await rig.connect({ version, username: 'Bearer me.a', will: willTo('a/gone') })
    rig.guard.revoked.add('me')
    rig.clock.advance(1_000)
    expect([client.news, client.ended, rig.ended]).toEqual([['connack 0', ...news], true, 0])
    expect([other.news, other.ended]).toEqual([['connack 0'], false])
  })

  test('ends a connection that has shown something else since, if the byte stream stands on it', async () => {
    const rig = new AuthorizationRig(BOTH, [READER, {}])
    const revoked = { guard: 'test:tls', earlier: null, identity: 'device', roles: [], attributes: {}, expiresAt: null }
    let isRevoked = false
    const session = Object.defineProperty({ ...revoked }, 'revoked', { get: () => isRevoked })
    const client = await rig.connect({ username: 'Bearer me.a', session })
    rig.clock.advance(1_000)
    expect(client.ended).toBe(false)
    isRevoked = true
    rig.clock.advance(1_000)
    expect(client.news).toEqual(['connack 0', 'disconnect 87'])
  })
})
