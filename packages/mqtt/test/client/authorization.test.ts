/** What an mqtt client logs in with: CONNECT as others read it, for what a guard has to show. */
import { type Credentials, type Guard, qualify, type Session } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder } from '@zilla-ts/testing'
import * as oracle from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { mqtt } from '../../src/binding.ts'
import type { MqttConfig } from '../../src/mqtt.config.ts'
import type { Mqtt } from '../../src/stream.ts'
import { SESSION, type SessionOpen } from './wire-broker.ts'

const session = (guard: string, earlier: Session | null = null): Session => ({
  guard: qualify('test', guard),
  earlier,
  identity: 'alice',
  roles: [],
  attributes: {},
  expiresAt: null,
})

interface Setup {
  readonly connect: { readonly username?: string; readonly password?: string }
  readonly show: (session: Session | null) => Credentials | null
  readonly session?: Session | null
  readonly open?: Partial<SessionOpen>
}

/** Opens one session until the turn ends. */
function open({ connect, show, session: identity = null, open: what = {} }: Setup) {
  const clock = new FakeClock()
  const guard: Guard = { authorize: async () => null, permits: () => false, credentials: show }
  const options = { authorization: { g: { credentials: { connect } } } } as Partial<MqttConfig['options']>
  const harness = new Harness<MqttConfig, Mqtt, Bytes>(mqtt as never, {
    kind: 'client',
    clock,
    options,
    guards: { g: guard },
  })
  harness.exit.onOpen = (_open, stream) => {
    stream.grant(1_000_000)
    return true
  }
  const server = new Recorder<Mqtt>()
  expect(harness.connect({ ...SESSION, ...what }, server, identity)).not.toBeNull()
  clock.turn()
  return { harness, server, sent: harness.exit.opened[0] }
}

/** User name and password of the CONNECT that was sent. */
function login(setup: Setup): [string | null, string | null] {
  const { sent, server } = open(setup)
  expect(server.aborted).toBeNull()
  const parser = oracle.parser()
  let found: [string | null, string | null] | undefined
  parser.on('packet', (packet) => {
    if (packet.cmd === 'connect') found = [packet.username ?? null, packet.password?.toString() ?? null]
  })
  parser.parse(Buffer.concat(sent!.recorder.data.map(({ payload }) => payload)))
  return found!
}

const shows =
  (credentials: string, identity: string | null = null) =>
  (): Credentials => ({ credentials, identity })

describe('CONNECT has', () => {
  it.each<[string, Setup, [string | null, string | null]]>([
    [
      'a token as user name',
      { connect: { username: 'Bearer {credentials}' }, show: shows('t.o.k') },
      ['Bearer t.o.k', null],
    ],
    [
      'both',
      { connect: { username: '{identity}', password: '{credentials}' }, show: shows('s3cret', 'bridge') },
      ['bridge', 's3cret'],
    ],
    [
      'a fixed user name',
      { connect: { username: 'bridge', password: '<{credentials}>' }, show: shows('s3cret') },
      ['bridge', '<s3cret>'],
    ],
    [
      'the user name of the client',
      { connect: { password: '{credentials}' }, show: shows('s3cret'), open: { username: 'alice' } },
      ['alice', 's3cret'],
    ],
    ['no user name', { connect: { password: '{credentials}' }, show: shows('s3cret') }, [null, 's3cret']],
    [
      'an empty user name, for 3.1.1 has no password without one [MQTT-3.1.2-22]v3',
      { connect: { password: '{credentials}' }, show: shows('s3cret'), open: { version: 4 } },
      ['', 's3cret'],
    ],
    [
      'credentials that look like replacements and patterns',
      { connect: { username: '{credentials}' }, show: shows('$&$1{identity}', 'x') },
      ['$&$1{identity}', null],
    ],
  ])('%s', (_what, setup, expected) => {
    expect(login(setup)).toEqual(expected)
  })

  it('what the guard shows for its own session, however many guards came after it', () => {
    const mine = session('g')
    const show = (asked: Session | null): Credentials => ({
      credentials: asked === mine ? 'mine' : 'none',
      identity: null,
    })
    const connect = { username: '{credentials}' }
    expect(login({ connect, show, session: mine })).toEqual(['mine', null])
    expect(login({ connect, show, session: session('other', mine) })).toEqual(['mine', null])
    expect(login({ connect, show, session: session('other') })).toEqual(['none', null])
  })
})

describe('a session is refused, and nothing dialled', () => {
  const nothing = 'the guard test:g has no credentials to show for this session'
  it.each<[string, Setup, string]>([
    ['when there is nothing to show', { connect: { username: '{credentials}' }, show: () => null }, nothing],
    [
      'when there is no identity',
      { connect: { username: '{identity}', password: '{credentials}' }, show: shows('x') },
      'the guard test:g has no identity to show for this session',
    ],
    [
      'when it is too long',
      { connect: { password: '{credentials}' }, show: shows('x'.repeat(65_536)) },
      'the credentials to log in with are too long for MQTT',
    ],
    [
      'when a user name is no text [MQTT-1.5.4-2]',
      { connect: { username: '{credentials}' }, show: shows('a\0b') },
      'the user name to log in with is no text of MQTT',
    ],
    [
      'when a user name is no text [MQTT-1.5.4-1]',
      { connect: { username: '{credentials}' }, show: shows('a\ud800') },
      'the user name to log in with is no text of MQTT',
    ],
  ])('%s', (_what, setup, message) => {
    const { harness, server, sent } = open(setup)
    expect(server.aborted).toMatchObject({ code: 'not-authorized', message })
    expect(sent).toBeUndefined()
    expect(harness.reporter.events).toMatchObject([{ level: 'warn', event: 'MQTT_BROKER_REFUSED', message }])
    expect(harness.reporter.counters.get('mqtt.sessions.refused')?.value ?? 1).toBe(1)
    expect(harness.reporter.faults).toEqual([])
  })

  it('drains all the same', async () => {
    const { harness } = open({ connect: { username: '{credentials}' }, show: () => null })
    await harness.binding.drain?.()
    await harness.binding.stop?.()
  })
})

describe('validate', () => {
  const check = (connect: object) =>
    mqtt
      .check({ type: 'mqtt', kind: 'client', options: { authorization: { g: { credentials: { connect } } } } as never })
      .map(({ code, path, message }) => `${code} ${path.join('.')} ${message}`)
  const at = 'credentials-pattern-invalid options.authorization.g.credentials.connect'

  it.each<[object, string[]]>([
    [{ username: 'Bearer {credentials}' }, []],
    [{ username: '{identity}', password: '{credentials}' }, []],
    [{ username: 'alice', password: '{credentials}' }, []],
    [{ username: '{identity}' }, [`${at} {credentials} is in none of the patterns, so nothing would be proved`]],
    [{ password: '{password}{credentials}' }, [`${at}.password {password} is neither {credentials} nor {identity}`]],
  ])('%j', (connect, expected) => {
    expect(check(connect)).toEqual(expected)
  })
})
