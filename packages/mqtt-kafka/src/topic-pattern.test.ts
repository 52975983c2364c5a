import { filterMatchesTopic } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { TopicPattern } from './topic-pattern.ts'

const match = (pattern: string, topic: string) => {
  const params = new TopicPattern(pattern).match(topic)
  return params === null ? null : Object.fromEntries(params)
}

describe('topic pattern', () => {
  it.each<[string, string, Record<string, string> | null]>([
    ['a/b', 'a/b', {}],
    ['a/b', 'a/c', null],
    ['a/+', 'a/', {}],
    ['a/#', 'a', {}],
    ['a/#', 'a/b/c', {}],
    ['a/#', 'ab', null],
    ['#', 'a/b', {}],
    ['#', '$SYS/x', null],
    ['+/x', '$SYS/x', null],
    ['$SYS/#', '$SYS/x', {}],
    ['site/{site}', 'site/1', { site: '1' }],
    ['site/{site}', 'site/1/2', { site: '1/2' }],
    ['site/{site}', 'site/', null],
    ['{a}/{b}', 'x/y/z', { a: 'x', b: 'y/z' }],
    ['{a}/m/{b}/#', 'x/m/y/z', { a: 'x', b: 'y' }],
    ['{a}/m/#', 'x/y/m', { a: 'x/y' }],
    ['site/{site}/#', 'site/7/#', { site: '7' }],
    ['{a}-{b}', 'x-y-z', { a: 'x-y', b: 'z' }],
    ['dev-{id}/+', 'dev-7/on', { id: '7' }],
    ['{id}/+/#', 'a/b/c', { id: 'a' }],
  ])('%s on %s', (pattern, topic, params) => {
    expect(match(pattern, topic)).toEqual(params)
  })

  it('agrees with MQTT where there is no placeholder', () => {
    const filters = ['a', 'a/b', 'a/+', '+/b', '#', 'a/#', '+/+', '/+', '+', 'a/+/c/#', '$x/#']
    const topics = ['a', 'b', 'a/b', 'a/', '/a', 'a/b/c', 'a/b/c/d', '$x', '$x/y', '']
    for (const filter of filters) {
      for (const topic of topics.filter((name) => name !== '')) {
        expect(match(filter, topic) !== null, `${filter} ${topic}`).toBe(filterMatchesTopic(filter, topic))
      }
    }
  })

  it.each([
    ['sensor/one', 'sensor/+', true],
    ['sensor/one', '#', true],
    ['sensor/one', 'sensor/one/#', true],
    ['sensor/#', 'sensor', true],
    ['sensor/+', 'other/+', false],
    ['sensor/+/x', 'sensor/a/y', false],
    ['a', 'a/b', false],
    ['site/{s}', 'site/a/b', true],
    ['#', '$SYS/#', false],
  ])('%s meets the filter %s: %s', (pattern, filter, meets) => {
    expect(new TopicPattern(pattern).meets(filter)).toBe(meets)
  })

  it('takes bounded time for hostile topics', () => {
    const pattern = new TopicPattern('{a}/{b}/{c}/{d}/x')
    expect(pattern.match('/'.repeat(1_023))).toBeNull()
    expect(pattern.match('a/'.repeat(30_000))).toBeNull()
  })
})
