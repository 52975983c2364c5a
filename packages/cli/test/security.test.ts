/**
 * Nobody reads or writes what is not theirs, through whatever door they come and whatever they try. One engine process with
 * its debug events on serves all these tests; the last of them looks for secrets in what it has said.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PublishPacket, Will } from '@zilla-ts/mqtt'
import { type ConnectOptions, EngineProcess, type MqttTestClient } from '@zilla-ts/testing'
import { Authority } from '@zilla-ts/testing/authority'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { AUDIENCE, DOORS, type Door, Doors, documentOf, issuerKey, KEY_PASSWORD, secrets, tokenOf } from './doors.ts'

const NOT_AUTHORIZED = 0x87
const BAD_CREDENTIALS = 0x86
const MAXIMUM_CONNECT_TIME = 0xa0

const directory = mkdtempSync(join(tmpdir(), 'zilla-security-'))
const key = issuerKey('one')
let engine: EngineProcess
let doors: Doors

/** One of each sort for each door, so that tests do not meet. */
const me = (door: Door) => ({ name: `me-${door}`, roles: 'own' })
const you = (door: Door) => ({ name: `you-${door}`, roles: 'own' })
const admin = (door: Door) => ({ name: `admin-${door}`, roles: 'all' })
const nobody = (door: Door) => ({ name: `nobody-${door}`, roles: 'other' })

beforeAll(async () => {
  const port = (door: Door): number => {
    const line = new RegExp(`"LISTENING","binding":"test:tcp_${door}","host":"[^"]*","port":(\\d+)`)
    return Number(line.exec(engine.output)?.[1])
  }
  doors = await Doors.prepare(directory, key, port)
  for (const who of [me, you, admin, nobody]) await doors.addUser(who('password'))
  const document = documentOf(JSON.stringify([key.jwk]))
  engine = await EngineProcess.start({ document, directory, args: ['-v'], env: { KEY_PASSWORD } })
  await vi.waitFor(() => expect(DOORS.map(port).every(Number.isInteger)).toBe(true), 10_000)
})

afterAll(async () => {
  const code = await engine?.stop()
  rmSync(directory, { recursive: true, force: true })
  expect(code, engine.output).toBe(0)
})

const payloads = (messages: readonly PublishPacket[]) => messages.map(({ payload }) => String(payload))
const will = (topic: string, properties: Will['properties'] = null): Will => ({
  topic,
  payload: Buffer.from('forged'),
  qos: 1,
  retain: true,
  properties,
})
const filters = (...names: readonly string[]) => names.map((filter) => ({ filter, qos: 1 as const }))
const lasting: ConnectOptions = { cleanStart: false, properties: { sessionExpirySeconds: 600 } }

/** An administrator who sees whatever arrives in the tree of somebody. */
async function watch(door: Door, name: string): Promise<MqttTestClient> {
  const watcher = await doors.enter(door, admin(door), { clientId: `watch-${name}` })
  await watcher.subscribe(filters(`d/${name}/#`))
  return watcher
}

describe.each(DOORS)('through the door %s', (door) => {
  const mine = `d/${me(door).name}`
  const yours = `d/${you(door).name}`

  it('a role that no route names opens nothing', async () => {
    expect(await doors.knock(door, nobody(door))).toBe(NOT_AUTHORIZED)
    expect(await doors.knock(door, nobody(door), { version: 4 })).toBe(5)
  })

  it('nobody reads the messages of others: wildcards, shared, retained, live, by a later SUBSCRIBE', async () => {
    const root = await doors.enter(door, admin(door))
    await root.publish(`${yours}/kept`, 'secret', { qos: 1, retain: true })
    await root.publish(`${mine}/kept`, 'mine', { qos: 1, retain: true })
    await root.subscribe(filters(`$share/team-${door}/${yours}/#`))
    const client = await doors.enter(door, me(door))
    const refused = [
      '#',
      'd/#',
      'd/+/kept',
      '+/+/kept',
      `+/${me(door).name}/#`,
      `${yours}/#`,
      `${yours}/kept`,
      `$share/team-${door}/${yours}/#`,
      `$share/mine-${door}/#`,
      '$SYS/#',
    ]
    const answer = await client.subscribe(filters(...refused, `${mine}/#`))
    expect(answer.reasonCodes).toEqual([...refused.map(() => NOT_AUTHORIZED), 1])
    for (const filter of refused) {
      expect((await client.subscribe(filters(filter, `${mine}/#`))).reasonCodes).toEqual([NOT_AUTHORIZED, 1])
    }
    for (let i = 0; i < 10; i++) await root.publish(`${yours}/live`, `secret ${i}`, { qos: 1 })
    await root.publish(`${mine}/live`, 'end', { qos: 1 })
    const received = payloads(await client.messagesBefore('end'))
    expect([...new Set(received)]).toEqual(['mine'])
    // they were there to be had
    expect(payloads(await root.messages(10))).toContain('secret 9')
  })

  it('nobody writes to others: QoS 0, 1, 2, retained, clearing what is retained, by a topic alias', async () => {
    const root = await doors.enter(door, admin(door))
    await root.publish(`${yours}/kept`, '', { qos: 1, retain: true })
    await root.publish(`${yours}/state`, 'before', { qos: 1, retain: true })
    const watcher = await watch(door, you(door).name)
    await watcher.publish(`${yours}/state`, 'right', { qos: 1, retain: true })
    const client = await doors.enter(door, me(door))
    client.startPublish(`${yours}/a`, 'forged')
    for (const qos of [1, 2] as const) {
      for (const retain of [false, true]) {
        const answer = await client.publish(`${yours}/state`, 'forged', { qos, retain })
        expect(answer?.reasonCode).toBe(NOT_AUTHORIZED)
      }
    }
    expect((await client.publish(`${yours}/state`, '', { qos: 1, retain: true }))?.reasonCode).toBe(NOT_AUTHORIZED)
    const aliased = (topic: string) => client.publish(topic, 'forged', { qos: 1, properties: { topicAlias: 1 } })
    expect((await aliased(`${mine}/a`))?.reasonCode).not.toBe(NOT_AUTHORIZED)
    // the alias is another topic's now
    expect((await aliased(`${yours}/a`))?.reasonCode).toBe(NOT_AUTHORIZED)
    expect((await aliased(''))?.reasonCode).toBe(NOT_AUTHORIZED)
    await watcher.publish(`${yours}/end`, 'end', { qos: 1 })
    expect(payloads(await watcher.messagesBefore('end'))).toEqual(['before', 'right'])
    const late = await watch(door, you(door).name)
    expect(payloads(await late.messages(1))).toEqual(['right'])
  })

  it('nobody has a will published to others', async () => {
    for (const delay of [undefined, 1]) {
      const properties = delay === undefined ? null : { willDelaySeconds: delay }
      expect(await doors.knock(door, me(door), { will: will(`${yours}/will`, properties) })).toBe(NOT_AUTHORIZED)
    }
    expect(await doors.knock(door, me(door), { version: 4, will: will(`${yours}/will`) })).toBe(5)
    const watcher = await watch(door, you(door).name)
    await watcher.publish(`${yours}/end`, 'end', { qos: 1 })
    expect(payloads(await watcher.messagesBefore('end'))).not.toContain('forged')
  })

  it('nobody takes the session of others, connected or not', async () => {
    const clientId = `session-${door}`
    const options = { ...lasting, clientId }
    const client = await doors.enter(door, me(door), options)
    await client.subscribe(filters(`${mine}/#`))
    const knocks = async (who: typeof you) => [
      await doors.knock(door, who(door), options),
      await doors.knock(door, who(door), { clientId, cleanStart: true }),
      await doors.knock(door, who(door), { clientId, version: 4 }),
    ]
    const refused = [NOT_AUTHORIZED, NOT_AUTHORIZED, 5]
    expect([await knocks(you), await knocks(admin)]).toEqual([refused, refused])
    await client.ping()
    client.kill()
    expect(await knocks(you)).toEqual(refused)
    const again = await doors.enter(door, me(door), options)
    expect(again.connack.sessionPresent).toBe(true)
  })

  it('a client of 3.1.1 may as little', async () => {
    const watcher = await watch(door, you(door).name)
    const client = await doors.enter(door, me(door), { version: 4, clientId: `v4-${door}` })
    const answer = await client.subscribe(filters('#', `${yours}/#`, `$share/x/${yours}/#`, `${mine}/#`))
    expect(answer.reasonCodes).toEqual([0x80, 0x80, 0x80, 1])
    client.startPublish(`${yours}/a`, 'forged')
    client.startPublish(`${yours}/a`, 'forged', { qos: 2 })
    expect(await client.closed()).toBe(null)
    await watcher.publish(`${yours}/end`, 'end', { qos: 1 })
    expect(payloads(await watcher.messagesBefore('end'))).not.toContain('forged')
  })
})

describe.each(['tcp', 'ws', 'proxy', 'both'] as const)('a token at the door %s', (door) => {
  const who = me(door)
  const options = { clientId: `token-${door}` }

  it('must be there, and of our issuer', async () => {
    const other = issuerKey('one')
    const now = Date.now() - 3_600_000
    const bad = {
      malformed: 'nonsense',
      'of another key by the same name': await tokenOf(other, who),
      'of another issuer': await tokenOf(key, who, { issuer: 'https://other.test' }),
      expired: await tokenOf(key, who, { now }),
      'with a password for a signature': `${(await tokenOf(key, who)).split('.').slice(0, 2).join('.')}.`,
    }
    for (const [what, token] of Object.entries(bad)) {
      expect(await doors.knock(door, who, options, token), what).toBe(BAD_CREDENTIALS)
      expect(await doors.knock(door, who, { ...options, version: 4 }, token), what).toBe(4)
    }
    const [client] = await doors.dial(door, who)
    expect((await client.offer(options)).reasonCode).toBe(NOT_AUTHORIZED)
  })

  it('ends, and with it the connection', async () => {
    const clients: MqttTestClient[] = []
    for (const version of [4, 5] as const) {
      const token = await tokenOf(key, who, { seconds: 3 })
      clients.push(await doors.enter(door, who, { clientId: `ends-${door}-${version}`, version }, token))
    }
    expect([await clients[0]?.closed(), await clients[1]?.closed()]).toEqual([null, MAXIMUM_CONNECT_TIME])
  })

  it('takes the place of the one before, with what it permits', async () => {
    const shown = async (roles: string, name = who.name, seconds = 600) => ({
      authenticationMethod: 'T',
      authenticationData: Buffer.from(await tokenOf(key, { name, roles }, { seconds })),
    })
    const properties = await shown('all own')
    const root = await doors.enter(door, admin(door))
    const enter = () => doors.enter(door, who, { ...options, username: null, properties })
    const client = await enter()
    await client.subscribe(filters('#', `d/${who.name}/#`))
    client.send({ type: 'auth', reasonCode: 0x19, properties: await shown('own') })
    expect((await client.take('auth')).reasonCode).toBe(0)
    await root.publish('d/other/a', 'not any more', { qos: 1 })
    await root.publish(`d/${who.name}/a`, 'end', { qos: 1 })
    expect(payloads(await client.messagesBefore('end'))).not.toContain('not any more')
    expect((await client.publish('d/other/a', 'forged', { qos: 1 }))?.reasonCode).toBe(NOT_AUTHORIZED)
    expect((await client.subscribe(filters('#'))).reasonCodes).toEqual([NOT_AUTHORIZED])
    for (const fresh of [await shown('own', 'another'), await shown('own', who.name, -1), await shown('other')]) {
      const next = await enter()
      next.send({ type: 'auth', reasonCode: 0x19, properties: fresh })
      expect(await next.closed()).toBe(NOT_AUTHORIZED)
    }
  })
})

describe('a certificate', () => {
  const who = { name: 'cert', roles: 'own' }
  const end = async (client: MqttTestClient): Promise<number | null> => {
    try {
      return (await client.offer({ clientId: 'cert' })).reasonCode
    } catch {
      return client.closed()
    }
  }

  it.each(['tls', 'both'] as const)('must be there, valid and of our authority: %s', async (door) => {
    const other = await Authority.create('authority')
    expect(await end(await doors.secureClient(door, null))).toBe(null)
    expect(await end(await doors.secureClient(door, await other.issue('cert')))).toBe(null)
    expect(await end(await doors.secureClient(door, await doors.certificate(who, { from: -2, to: -1 })))).toBe(null)
    expect(await end(await doors.secureClient(door, await doors.certificate(who, { from: 1, to: 2 })))).toBe(null)
  })

  it('ends, and with it the connection', async () => {
    const issued = await doors.certificate(who, { to: 3 / 86_400 })
    const client = await doors.secureClient('tls', issued)
    expect((await client.offer({ clientId: 'ends' })).reasonCode).toBe(0)
    expect(await client.closed()).toBe(MAXIMUM_CONNECT_TIME)
  })

  it('and a token are asked for together', async () => {
    const device = await doors.certificate({ name: 'd', roles: 'device' })
    const stranger = await doors.certificate({ name: 'd', roles: 'all' })
    const token = async (roles: string) => `Bearer ${await tokenOf(key, { name: 'd', roles })}`
    const enter = async (issued: typeof device, username: string | null) =>
      (await doors.secureClient('both', issued)).offer({ clientId: 'd', username })
    expect((await enter(device, await token('own'))).reasonCode).toBe(0)
    expect((await enter(device, null)).reasonCode).toBe(NOT_AUTHORIZED)
    expect((await enter(device, await token('device'))).reasonCode).toBe(NOT_AUTHORIZED)
    expect((await enter(stranger, await token('all'))).reasonCode).toBe(NOT_AUTHORIZED)
    expect((await enter(stranger, null)).reasonCode).toBe(NOT_AUTHORIZED)
  })
})

it('a password must be right, of a user who is there', async () => {
  const [right, wrong] = [me('password'), { name: 'no-such-user', roles: '' }]
  expect(await doors.knock('password', wrong)).toBe(BAD_CREDENTIALS)
  expect(await doors.knock('password', wrong, { version: 4 })).toBe(4)
  const [client] = await doors.dial('password', right)
  const shown = { username: right.name, password: Buffer.from('kennwort-das-falsch-ist') }
  secrets.add('kennwort-das-falsch-ist')
  expect((await client.offer(shown)).reasonCode).toBe(BAD_CREDENTIALS)
})

it('a request for a WebSocket that shows a bad token is nobody', async () => {
  const other = issuerKey('one')
  expect(await doors.knock('web', me('web'), {}, await tokenOf(other, me('web')))).toBe(NOT_AUTHORIZED)
  expect(await doors.knock('web', me('web'), {}, 'nonsense')).toBe(NOT_AUTHORIZED)
})

it('nothing secret was said', () => {
  const { output } = engine
  expect(output.length).toBeLessThan(1_000_000)
  expect(output).toContain(AUDIENCE)
  expect(output).toContain('GUARD_REFUSED')
  expect(output).not.toContain('ENGINE_FAULT')
  expect(secrets.size).toBeGreaterThan(100)
  for (const secret of secrets) expect(output).not.toContain(secret)
})
