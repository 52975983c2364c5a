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
