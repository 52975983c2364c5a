/** Who may connect, publish and subscribe, by version; and every way by which a client might read or write what it may not. */
import { StreamError } from '@zilla-ts/engine'
import { describe, expect, test } from 'vitest'
import type { ConnectPacket } from '../src/codec/packets.ts'
import { type Authorization, AuthorizationRig, stored, unavailable, willTo } from './authorization-rig.ts'

const USERNAME: Authorization = { g: { credentials: { connect: { username: 'Bearer {credentials}' } } } }
const AUTH = { method: 'M', data: '{credentials}' }
const WITH_AUTH: Authorization = { g: { credentials: { connect: { username: 'Bearer {credentials}' }, auth: AUTH } } }

const identity = "${guarded['g'].identity}"
const topics = (...names: string[]) => names.map((topic) => ({ topic })) as [{ topic: string }]

type Topic = { topic: string; params: Record<string, string> }
const bound = (name: string, params: Record<string, string>): [Topic] => [{ topic: name, params }]

/** What is below the identity, for those who have the role; `all` is a role for everything. */
const OWN = [
  { when: [], roles: ['all'] },
  {
    when: [
      {
        publish: bound('d/{id}/#', { id: identity }),
        subscribe: bound('d/{id}/#', { id: identity }),
      },
    ],
    roles: ['own'],
  },
]

describe('what CONNECT shows', () => {
  test.each<[what: string, options: Partial<ConnectPacket>, shown: object | null]>([
    ['a user name that matches', { username: 'Bearer me.own' }, { credentials: 'me.own', identity: null }],
    ['a user name that does not', { username: 'me.own' }, null],
    ['a password only', { password: Buffer.from('Bearer me.own') }, null],
    ['nothing', {}, null],
  ])('%s', async (_what, options, shown) => {
    const rig = new AuthorizationRig(USERNAME, [{}])
    const client = await rig.connect(options)
    expect(rig.guard.shown).toEqual(shown === null ? [] : [shown])
    expect(client.news).toEqual(['connack 0'])
    // the token is nobody else's to see
    expect(rig.opened('session')[0]?.open).toMatchObject({ username: null })
  })

  test.each<[what: string, password: Buffer, shown: object | null]>([
    ['with its user name', Buffer.from('me.own'), { credentials: 'me.own', identity: 'user' }],
    ['that is not UTF-8', Buffer.from([0x6d, 0x65, 0xff]), null],
    ['that is empty', Buffer.alloc(0), null],
  ])('a password %s', async (_what, password, shown) => {
    const rig = new AuthorizationRig({ g: { credentials: { connect: { password: '{credentials}' } } } }, [{}])
    await rig.connect({ username: 'user', password })
    expect(rig.guard.shown).toEqual(shown === null ? [] : [shown])
    expect(rig.opened('session')[0]?.open).toMatchObject({ username: 'user' })
  })

  test('both patterns must match', async () => {
    const connect = { username: 'u:{identity}', password: '{credentials}' }
    const rig = new AuthorizationRig({ g: { credentials: { connect } } }, [{}])
    const password = Buffer.from('me.own')
    await rig.connect({ username: 'u:me', password })
    await rig.connect({ username: 'me', password })
    await rig.connect({ username: 'u:me' })
    expect(rig.guard.shown).toEqual([{ credentials: 'me.own', identity: 'me' }])
  })
})

describe('CONNECT is answered', () => {
  const bearer = (token: string) => ({ username: `Bearer ${token}` })
  const fails = (failure: unknown) => (rig: AuthorizationRig) => {
    rig.guard.failure = failure
  }
  type Row = [
    what: string,
    options: Partial<ConnectPacket>,
    v5: string,
    v4: string,
    prepare?: (rig: AuthorizationRig) => void,
  ]

  test.each<Row>([
    ['credentials that are accepted', bearer('me.own'), '0', '0'],
    ['credentials that are not', bearer('wrong'), '86', '4'],
    ['credentials that have expired', bearer('me.own.0'), '86', '4'],
    ['credentials without the role', bearer('me.other'), '87', '5'],
    ['no credentials where all is guarded', {}, '87', '5'],
    ['a guard that is not ready', bearer('me.own'), '88', '3', fails(unavailable)],
    ['a guard with too much to do', bearer('me.own'), '97', '3', fails(new StreamError('quota', 'too many'))],
    ['a guard that is broken', bearer('me.own'), '80', '3', fails(new SyntaxError('secret me.own'))],
    ['a guard that throws no error', bearer('me.own'), '80', '3', fails('secret me.own')],
    ['a will that is permitted', { ...bearer('me.own'), will: willTo('d/me/gone') }, '0', '0'],
    ['a will that is not', { ...bearer('me.own'), will: willTo('d/you/gone') }, '87', '5'],
  ])('%s: %o, %s, in 3.1.1 %s', async (_what, options, v5, v4, prepare) => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    prepare?.(rig)
    for (const [version, code] of [
      [5, v5],
      [4, v4],
    ] as const) {
      const client = await rig.connect({ ...options, version })
      expect(client.news).toEqual([`connack ${code}`])
      expect(client.ended).toBe(code !== '0')
    }
    expect(rig.opened('session').length).toBe(v5 === '0' ? 2 : 0)
    const { events, faults } = rig.harness.reporter
    expect(JSON.stringify([events, faults.map(({ error }) => (error as Error).stack)])).not.toContain('me.own')
  })

  test('without credentials by the routes that are not guarded', async () => {
    const rig = new AuthorizationRig(USERNAME, [...OWN, { when: [{ subscribe: topics('public/#') }] }])
    const client = await rig.connect()
    client.subscribe('public/a', 'd/me/a')
    expect(client.news).toEqual(['connack 0'])
    expect(rig.asked()).toEqual(['+public/a'])
  })

  test('when the guard has answered, and what follows CONNECT waits', async () => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    rig.guard.holds = true
    const client = await rig.connect(bearer('me.own'))
    client.publish('d/me/a')
    client.send({ type: 'pingreq' })
    expect(client.news).toEqual([])
    expect(rig.exit('exit').opened).toEqual([])
    rig.guard.held[0]?.()
    await rig.settle()
    expect(client.news).toEqual(['connack 0', 'pingresp'])
    expect(rig.published).toEqual(['d/me/a'])
  })

  test.each([
    [5, 'connack 88'],
    [4, 'connack 3'],
  ] as const)('when it never does: version %i', async (version, answer) => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    rig.guard.holds = true
    const client = await rig.connect({ ...bearer('me.own'), version })
    rig.clock.advance(29_000)
    expect(client.news).toEqual([])
    rig.clock.advance(2_000)
    expect(client.news).toEqual([answer])
    // a late answer is nobody's any more
    rig.guard.held[0]?.()
    await rig.settle()
    expect(client.news).toEqual([])
    expect(rig.exit('exit').opened).toEqual([])
    expect(rig.harness.reporter.faults).toEqual([])
  })

  test('not at all when the client has gone, or the server stops', async () => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    rig.guard.holds = true
    const gone = await rig.connect(bearer('me.own'))
    gone.stream?.abort(new StreamError('closed', 'reset'))
    const late = await rig.connect(bearer('me.own'))
    await rig.harness.binding.stop?.()
    for (const answer of rig.guard.held) answer()
    await rig.settle()
    expect(late.news).toEqual(['connack 88'])
    expect(rig.exit('exit').opened).toEqual([])
    expect(rig.harness.reporter.faults).toEqual([])
  })

  test('with a client id that is bound to the identity', async () => {
    const clientIds: [{ 'client-id': string; params: Record<string, string> }] = [
      { 'client-id': '{id}-*', params: { id: identity } },
    ]
    const when = [{ session: clientIds }]
    const rig = new AuthorizationRig(USERNAME, [{ when, roles: ['own'] }])
    for (const [clientId, token, answer] of [
      ['me-1', 'me.own', 'connack 0'],
      ['you-1', 'me.own', 'connack 87'],
      ['*-1', '*.own', 'connack 0'],
      ['me-1', '*.own', 'connack 87'],
      ['-1', '.own', 'connack 87'],
    ] as const) {
      expect((await rig.connect({ clientId, ...bearer(token) })).news).toEqual([answer])
    }
  })
})

describe('a client cannot', () => {
  const me = { username: 'Bearer me.own' }

  test('publish where it may not: 0x87, or dropped and counted', async () => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    const client = await rig.connect(me)
    client.publish('d/you/a', 1)
    client.publish('d/you/b', 2)
    client.publish('d/you/c', 0)
    client.publish('d', 1)
    expect(client.news).toEqual(['connack 0', 'puback 87', 'pubrec 87', 'puback 87'])
    expect(rig.published).toEqual([])
    expect(rig.count('publish.refused')).toBe(4)
  })

  test('publish where it may not with 3.1.1: the connection ends [MQTT-3.3.5-2]v3', async () => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    const client = await rig.connect({ ...me, version: 4 })
    client.publish('d/you/c', 0)
    expect(client.ended).toBe(false)
    client.publish('d/you/a', 1)
    expect([client.news, client.ended, rig.published]).toEqual([['connack 0'], true, []])
  })

  test('publish by a topic alias what it may not by name', async () => {
    const rig = new AuthorizationRig(WITH_AUTH, OWN)
    const properties = { authenticationMethod: 'M', authenticationData: Buffer.from('me.all-own') }
    const client = await rig.connect({ properties })
    client.publish('other', 1, { topicAlias: 1 })
    rig.opened('publish')[0]?.stream.ack(1)
    client.auth('me.own')
    await rig.settle()
    client.publish('', 1, { topicAlias: 1 })
    expect(client.news).toEqual(['connack 0', 'puback 0', 'auth 0', 'puback 87'])
    expect(rig.published).toEqual(['other'])
  })

  test.each(['#', '+/me/#', 'd/#', 'd/+/a', 'd/you/a', '$share/g/#', '$share/g/d/you/a', '$SYS/a', 'd/me'])(
    'subscribe to %s',
    async (filter) => {
      const rig = new AuthorizationRig(USERNAME, OWN)
      const client = await rig.connect(me)
      const version4 = await rig.connect({ ...me, version: 4 })
      client.subscribe('d/me/a', filter)
      version4.subscribe(filter)
      const permitted = filter === 'd/me'
      expect(rig.asked()).toEqual(permitted ? ['+d/me'] : ['+d/me/a'])
      if (!permitted) expect(version4.news).toEqual(['connack 0', 'suback 80'])
      for (const { stream, recorder } of rig.opened('subscribe')) {
        const [signal] = recorder.signals
        const count = signal?.kind === 'subscribe' ? signal.subscriptions.length : 0
        stream.signal({ kind: 'subscribed', reasonCodes: Array.from({ length: count }, () => 1) })
      }
      expect(client.news).toEqual(['connack 0', permitted ? 'suback 1 1' : 'suback 1 87'])
    },
  )

  test('widen a subscription later', async () => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    const client = await rig.connect(me)
    client.subscribe('d/me/a')
    client.subscribe('d/#')
    expect(rig.asked()).toEqual(['+d/me/a'])
  })

  test('receive what it may not, live or retained, whoever delivers it', async () => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    const client = await rig.connect(me)
    client.subscribe('d/me/#')
    client.packets.length = 0
    rig.deliver('d/me/a', { packetId: 1 })
    rig.deliver('d/you/a', { packetId: 2 })
    rig.deliver('d/you/a', { packetId: 3, qos: 2 })
    rig.deliver('d/you/a', { packetId: 4, retain: true })
    rig.deliver('d/you/a', { packetId: 5, qos: 2, dup: true })
    rig.deliver('d/you/a', { qos: 0 })
    rig.deliver('d/me', { packetId: 6 })
    expect(client.news).toEqual(['publish d/me/a', 'publish d/me'])
    expect(rig.asked()).toEqual(['+d/me/#', 'puback 2 0', 'pubrec 3 87', 'puback 4 0', 'pubrec 5 87'])
    expect(rig.count('deliveries.forbidden')).toBe(5)
  })

  test('receive by a session from before what it may not any more', async () => {
    const rig = new AuthorizationRig(USERNAME, OWN)
    rig.stored = ['d/me/a', 'd/you/a', '#', '$share/g/#'].map((filter) => stored(filter))
    rig.capabilities = { ...rig.capabilities, sessionPresent: true }
    const client = await rig.connect({ ...me, cleanStart: false })
    expect(rig.opened('subscribe')[0]?.open).toMatchObject({ resume: ['d/me/a'] })
    expect(rig.count('subscriptions.ended')).toBe(3)
    // what was under way already
    rig.deliver('d/you/a', { packetId: 1, dup: true })
    expect(client.news).toEqual(['connack 0'])
  })

  test('have its will published where it may not, by another exit either', async () => {
    const routes = [
      { when: [{ publish: topics('a/#') }], exit: 'a' },
      { when: [{ publish: topics('b/#') }], exit: 'b' },
    ]
    const rig = new AuthorizationRig(USERNAME, routes)
    expect((await rig.connect({ will: willTo('a/1') })).news).toEqual(['connack 0'])
    expect((await rig.connect({ will: willTo('b/1') })).news).toEqual(['connack 87'])
    expect((await rig.connect({ will: willTo('c/1') })).news).toEqual(['connack 87'])
  })

  test.each(['a/b', '+', '#', '', '$SYS'])('make a pattern wider by being called %j', async (name) => {
    const own = { publish: bound('{id}/#', { id: identity }) }
    const rig = new AuthorizationRig(USERNAME, [{ when: [own], roles: ['own'] }])
    const client = await rig.connect({ username: `Bearer ${name}.own` })
    for (const topic of ['a/b', 'x/y', '/x', '$SYS/x', 'a/b/c']) client.publish(topic, 0)
    expect(client.news).toEqual(['connack 0'])
    expect(rig.published).toEqual([])
  })

  test('use an attribute that it does not have, or that objects have by nature', async () => {
    const by = (attribute: string) => ({
      publish: bound('d/{x}', { x: `\${guarded['g'].attributes.${attribute}}` }),
    })
    const rig = new AuthorizationRig(USERNAME, [{ when: [by('site'), by('none'), by('constructor')], roles: ['own'] }])
    const client = await rig.connect(me)
    for (const topic of ['d/site-me', 'd/site-you', 'd/undefined', 'd/null', 'd/']) client.publish(topic, 0)
    expect(rig.published).toEqual(['d/site-me'])
  })
})
