import { type Route, type Session, StreamError } from '@zilla-ts/engine'
import { encodeHeaders, type Kafka } from '@zilla-ts/kafka'
import { describe, expect, it } from 'vitest'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { Routes } from './routes.ts'

const TOPICS = { sessions: 's', messages: 'm', retained: 'r' }
const exit = { name: 'kafka', connect: () => null, dial: () => null, take: () => 'streams' as const }
type When = NonNullable<MqttKafkaConfig['when']>

const route = (
  when: When[],
  made?: string | NonNullable<MqttKafkaConfig['with']>,
  permits = (_session: Session | null) => true,
): Route<MqttKafkaConfig, Kafka> => ({
  when,
  with: typeof made === 'string' ? { messages: made, expiry: true } : made,
  exit,
  permits,
})
const publish = (topic: string): When => ({ publish: [{ topic }] })
const subscribe = (topic: string): When => ({ subscribe: [{ topic }] })

const routes = new Routes(
  [
    route([publish('sensor/#'), subscribe('sensor/#')], 'sensors'),
    route([publish('site/{site}/#'), subscribe('site/{site}/#')], 'site-${params.site}'),
    route([publish('secret/#')], 'secret', () => false),
    route([]),
  ],
  TOPICS,
)
const all = routes.permitted(null, 'me')
const published = (topic: string) => {
  const to = routes.publish(topic, all)
  return to instanceof StreamError ? to.code : to.topic
}

describe('routes', () => {
  it.each([
    ['sensor/one', 'sensors'],
    ['site/7', 'site-7'],
    ['secret/x', 'm'],
    ['other', 'm'],
    ['site/a/b', 'site-a'],
    ['site/ä', 'invalid'],
  ])('a publish to %s goes to %s', (topic, to) => {
    expect(published(topic)).toBe(to)
  })

  it.each(['s', 'r', '__consumer_offsets', '..', '.'])('a client cannot name the topic %s', (name) => {
    const named = new Routes([route([publish('{x}')], '${params.x}')], TOPICS)
    expect(named.publish(name, named.permitted(null, 'me'))).toBeInstanceOf(StreamError)
  })

  it('refuses what no route takes', () => {
    const some = new Routes([route([subscribe('a')])], TOPICS)
    expect(some.publish('a', some.permitted(null, 'me'))).toMatchObject({ code: 'not-authorized' })
    expect(some.subscribe('b', some.permitted(null, 'me'))).toEqual([])
  })

  it.each([
    ['sensor/+', ['sensors', 'm']],
    ['#', ['sensors', 'm']],
    ['site/7/#', ['site-7', 'm']],
    ['site/+/x', ['m']],
    ['x', ['m']],
  ])('the filter %s reads %s', (filter, topics) => {
    expect(routes.subscribe(filter, all).map(({ destination }) => destination.topic)).toEqual(topics)
  })

  it('reads a topic that two routes name once, whole if one of them is open', () => {
    const two = new Routes([route([subscribe('a/#')], 'x'), route([subscribe('b/#')], 'x')], TOPICS)
    const sources = two.subscribe('#', two.permitted(null, 'me'))
    expect(sources.map(({ patterns }) => patterns?.map(({ text }) => text))).toEqual([['a/#', 'b/#']])
    const open = new Routes([route([subscribe('a/#')]), route([])], TOPICS)
    expect(open.subscribe('#', open.permitted(null, 'me')).map(({ patterns }) => patterns)).toEqual([null])
  })

  const tenants = new Routes(
    [
      route([publish('admin/#')], 'admins', (session) => session?.identity === 'root'),
      route([publish('name/{x}')], '${params.x}'),
      route([publish('own/#'), subscribe('own/#')], 'tenant-${identity}'),
      route([publish('client/#'), subscribe('client/#')], 'client-${client-id}'),
      route([publish('+'), subscribe('+')], '${topic}'),
    ],
    TOPICS,
  )
  const as = (identity: string | null, clientId = 'me') =>
    tenants.permitted(identity === null ? null : ({ identity } as Session), clientId)

  it.each<[string, string, string | null, string, boolean?]>([
    ['who the client is', 'own/a', 'ann', 'tenant-ann', true],
    ['who it is, and nobody knows', 'own/a', null, 'not-authorized'],
    ['who it is, in characters that Kafka refuses', 'own/a', 'ann@x', 'invalid'],
    ['the client id', 'client/a', null, 'client-me', true],
    ['the MQTT topic', 'single', null, 'single', false],
    ['the MQTT topic, that is the one for sessions', 's', null, 'invalid'],
    ['a parameter, that is the one for retained messages', 'name/r', null, 'invalid'],
    ['a parameter, that is the topic of a route for others', 'name/admins', 'ann', 'not-authorized'],
    ['a parameter, that is the topic of a route for it', 'name/admins', 'root', 'admins', false],
  ])('a topic is named by %s', (_what, topic, identity, expected, personal) => {
    const to = tenants.publish(topic, as(identity))
    if (to instanceof StreamError) expect(to.code).toBe(expected)
    else expect([to.topic, to.fromParams, to.personal]).toEqual([expected, true, personal])
  })

  it.each<[string, string | null, string[]]>([
    ['own/#', 'ann', ['tenant-ann']],
    ['own/#', null, []],
    ['client/a', null, ['client-me']],
    ['single', 'ann', ['single']],
    ['+', 'ann', ['tenant-ann', 'client-me']],
    ['#', 'ann', ['tenant-ann', 'client-me']],
    ['admins', 'ann', []],
  ])('the filter %s of %s reads %s', (filter, identity, topics) => {
    expect(tenants.subscribe(filter, as(identity)).map(({ destination }) => destination.topic)).toEqual(topics)
  })

  it('fills in key, headers and partition', () => {
    const headers = { by: '${identity}', id: '${client-id}', of: '${topic}', is: 'x' }
    const shaped = new Routes(
      [route([publish('d/{d}/{s}')], { expiry: true, key: 'k-${params.d}', partition: '${params.s}', headers })],
      TOPICS,
    )
    const form = (identity: string | null) => {
      const to = shaped.publish('d/1/t', shaped.permitted(identity === null ? null : ({ identity } as Session), 'me'))
      if (to instanceof StreamError || to.form === null) throw new Error('no form')
      return to.form
    }
    expect([String(form('ann').key), String(form('ann').partition)]).toEqual(['k-1', 't'])
    expect(form('ann').headers).toEqual(
      encodeHeaders([
        ['by', 'ann'],
        ['id', 'me'],
        ['of', 'd/1/t'],
        ['is', 'x'],
      ]),
    )
    // A header that has no value is left out.
    expect(form(null).headers).toEqual(
      encodeHeaders([
        ['id', 'me'],
        ['of', 'd/1/t'],
        ['is', 'x'],
      ]),
    )
  })

  it('takes no publish whose key needs an identity that nobody knows', () => {
    const keyed = new Routes([route([], { expiry: true, key: '${identity}' })], TOPICS)
    expect(keyed.publish('a', keyed.permitted(null, 'me'))).toMatchObject({ code: 'not-authorized' })
  })

  it('knows the topics that need no client', () => {
    expect(routes.fixed().map(({ topic }) => topic)).toEqual(['sensors', 'secret', 'm'])
  })
})
