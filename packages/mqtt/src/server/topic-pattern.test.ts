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
