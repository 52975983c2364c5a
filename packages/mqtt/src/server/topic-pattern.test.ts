import { expect, test } from 'vitest'
import { TopicPattern } from './topic-pattern.ts'

const rows: readonly (readonly [pattern: string, filter: string, contained: boolean])[] = [
  ['a/b', 'a/b', true],
  ['a/b', 'a/bc', false],
  ['a/b', 'a', false],
  ['a/b', 'a/b/', false],
  ['a/b', 'a/+', false],
  ['a/b', 'a/#', false],
  ['a/b', '#', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/', true],
  ['a/+', 'a/+', true],
  ['a/+', 'a/#', false],
  ['a/+', 'a', false],
  ['a/+', 'a/b/c', false],
  ['a/#', 'a', true],
  ['a/#', 'a/', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'a/+/c', true],
  ['a/#', 'a/#', true],
  ['a/#', 'ab', false],
  ['a/#', '#', false],
  ['a/#', '+/b', false],
  ['+/+', '#', false],
  ['+/+', '/', true],
  ['#', '#', true],
  ['#', 'a', true],
  ['#', '/', true],
  ['#', '$SYS/a', false],
  ['+/a', '$SYS/a', false],
  ['$SYS/#', '$SYS/a', true],
  ['$SYS/#', '#', false],
  ['/a', '/a', true],
  ['/a', 'a', false],
  ['d/{id}/s', 'd/7/s', true],
  ['d/{id}/s', 'd//s', false],
  ['d/{id}/s', 'd/+/s', false],
  ['d/{id}/s', 'd/#', false],
  ['d/{id}', 'd/x/y', false],
  ['d/dev-{id}.x/#', 'd/dev-12.x/a', true],
  ['d/dev-{id}.x/#', 'd/dev-12yx/a', false],
  ['{id}/#', '$SYS/a', false],
]

test.each(rows)('%s contains %s: %s', (pattern, filter, contained) => {
  expect(new TopicPattern(pattern).contains(filter)).toBe(contained)
})

const bound = (pattern: string, id: string) => new TopicPattern(pattern).bind(new Map([['id', id]]))

test.each([
  ['d/{id}/#', 'me', 'd/me/x', true],
  ['d/{id}/#', 'me', 'd/me', true],
  ['d/{id}/#', 'me', 'd/you/x', false],
  ['d/{id}/#', 'me', 'd/+/x', false],
  ['d/{id}/#', 'me', 'd/#', false],
  ['d/{id}/#', 'me', '#', false],
  ['d/x-{id}/s', 'me', 'd/x-me/s', true],
  ['d/x-{id}/s', 'me', 'd/x-you/s', false],
  ['{id}/{other}', 'me', 'me/any', true],
  ['{id}/{other}', 'me', 'you/any', false],
  ['{id}/#', '{id}', '{id}/a', true],
  ['{id}/#', '*', 'a/b', false],
  ['d/{id}', '$SYS', 'd/$SYS', true],
] as const)('%s with %s contains %s: %s', (pattern, id, filter, contained) => {
  expect(bound(pattern, id)?.contains(filter)).toBe(contained)
})

test.each(['', '+', '#', 'a/b', '/', 'a+', 'a#', '\0', 'me/#', '../+'])('a value %j matches nothing', (id) => {
  expect(bound('d/{id}/s', id)).toBeNull()
  expect(bound('d/x{id}/s', id)).toBeNull()
})

test('a value does not open topics of the server [MQTT-4.7.2-1]', () => {
  expect(bound('{id}/#', '$SYS')).toBeNull()
  expect(bound('{id}', '$share')).toBeNull()
})
