import { expect, test } from 'vitest'
import { CredentialsPattern } from './credentials-pattern.ts'

test.each([
  ['{credentials}', 'abc', 'abc', null],
  ['{credentials}', '', undefined, null],
  ['{credentials}', 'a b', undefined, null],
  ['{credentials}', 'a\tb', undefined, null],
  ['Bearer {credentials}', 'Bearer e.y.J', 'e.y.J', null],
  ['Bearer {credentials}', 'bearer e.y.J', undefined, null],
  ['Bearer {credentials}', 'Bearer  e.y.J', undefined, null],
  ['Bearer {credentials}', ' Bearer e.y.J', undefined, null],
  ['Bearer {credentials}', 'Bearer e.y.J ', undefined, null],
  ['Bearer {credentials}', 'Bearer ', undefined, null],
  ['Bearer {credentials}', 'Bearer', undefined, null],
  ['<{credentials}>', '<>', undefined, null],
  ['<{credentials}>', '<a>>', 'a>', null],
  ['aa{credentials}aa', 'aaa', undefined, null],
  // no regular expression
  ['.*{credentials}', 'xyz', undefined, null],
  ['(a+)+{credentials}', '(a+)+x', 'x', null],
  ['a|{credentials}', 'a', undefined, null],
  ['{credentials}$', 'abc$', 'abc', null],
  ['{other}{credentials}', 'xabc', undefined, null],
  // two parts: the first ends where the text between them is found first
  ['{identity}:{credentials}', 'me:pass:word', 'pass:word', 'me'],
  ['{credentials}@{identity}', 'token@me', 'token', 'me'],
  ['{identity}:{credentials}', ':x', undefined, null],
  ['{identity}:{credentials}', 'me:', undefined, null],
  ['{identity}:{credentials}', 'me', undefined, null],
  ['{identity}', 'me', null, 'me'],
  ['jwt', 'jwt', null, null],
  ['jwt', 'jwt2', undefined, null],
])('%s and "%s": credentials %s, identity %s', (pattern, text, credentials, identity) => {
  const expected = credentials === undefined ? null : { credentials, identity }
  expect(new CredentialsPattern(pattern).match(text)).toEqual(expected)
})

test.each(['{credentials}{identity}', '{credentials}-{credentials}'])('%s is no pattern', (pattern) => {
  expect(() => new CredentialsPattern(pattern)).toThrow(RangeError)
})

test('what a peer sends does not choose how long it takes', () => {
  const pattern = new CredentialsPattern('{identity}ab{credentials}ab')
  expect(pattern.match(`${'a'.repeat(60_000)}ab`)).toBeNull()
  expect(pattern.match('ab'.repeat(30_000))).toBeNull()
})
