import { expect, test } from 'vitest'
import { ClientIdPattern } from './client-id-pattern.ts'

test.each([
  ['*', '', true],
  ['*', 'anything', true],
  ['a', 'a', true],
  ['a', 'ab', false],
  ['a*', 'ab', true],
  ['a*', 'ba', false],
  ['*b', 'ab', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'acbc', true],
  ['a*b*c', 'ac', false],
  ['a*b*bc', 'abc', false],
  ['a.c', 'abc', false],
  ['(', '(', true],
])('%s matches %s: %s', (pattern, clientId, matches) => {
  expect(new ClientIdPattern(pattern).matches(clientId)).toBe(matches)
})

const values = (id: string) => new Map([['id', id]])

test.each([
  ['{id}-*', 'me', 'me-1', true],
  ['{id}-*', 'me', 'you-1', false],
  ['{id}-*', 'me', 'me', false],
  ['{id}', 'me', 'me', true],
  ['{id}', 'me', 'me2', false],
  ['x-{id}-{id}', 'a', 'x-a-a', true],
  ['x-{id}-{id}', 'a', 'x-a-b', false],
  // a value is what it says, not a pattern
  ['{id}-*', '*', 'you-1', false],
  ['{id}-*', '*', '*-1', true],
  ['{id}-*', '{id}', '{id}-1', true],
  ['{id}', '', '', false],
  ['{id}-*', '', '-1', false],
])('%s with %s matches %s: %s', (pattern, id, clientId, matches) => {
  expect(new ClientIdPattern(pattern).matches(clientId, values(id))).toBe(matches)
})

test.each([
  ['{any}-*', 'a-', true],
  ['{any}-*', '-1', false],
  ['{any}', '', false],
  ['a{x}{y}', 'ab', false],
  ['a{x}{y}', 'abc', true],
  ['{x}-{y}', 'a-b-c', true],
  ['{x}-{y}', 'a-', false],
])('without a value %s matches %s: %s', (pattern, clientId, matches) => {
  expect(new ClientIdPattern(pattern).matches(clientId)).toBe(matches)
})
