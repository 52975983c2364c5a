import { type Route, type Session, StreamError } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { describe, expect, it } from 'vitest'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { Routes } from './routes.ts'

const TOPICS = { sessions: 's', messages: 'm', retained: 'r' }
const exit = { name: 'kafka', connect: () => null, dial: () => null, take: () => 'streams' as const }
type When = NonNullable<MqttKafkaConfig['when']>

const route = (
  when: When[],
  messages?: string,
  permits = (_session: Session | null) => true,
): Route<MqttKafkaConfig, Kafka> => ({
  when,
  with: messages === undefined ? undefined : { messages, expiry: true },
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
const all = routes.permitted(null)
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
    expect(named.publish(name, named.permitted(null))).toBeInstanceOf(StreamError)
  })

  it('refuses what no route takes', () => {
    const some = new Routes([route([subscribe('a')])], TOPICS)
    expect(some.publish('a', some.permitted(null))).toMatchObject({ code: 'not-authorized' })
    expect(some.subscribe('b', some.permitted(null))).toEqual([])
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
    const sources = two.subscribe('#', two.permitted(null))
    expect(sources.map(({ patterns }) => patterns?.map(({ text }) => text))).toEqual([['a/#', 'b/#']])
    const open = new Routes([route([subscribe('a/#')]), route([])], TOPICS)
    expect(open.subscribe('#', open.permitted(null)).map(({ patterns }) => patterns)).toEqual([null])
  })

  it('knows the topics that need no client', () => {
    expect(routes.fixed().map(({ topic }) => topic)).toEqual(['sensors', 'secret', 'm'])
  })
})
