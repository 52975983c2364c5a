import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test.each([
  ['sever', ['client', 'server'], 'server'],
  ['exti', ['type', 'exit'], 'exit'],
  ['KAFKA', ['kafka'], 'kafka'],
  ['topics', ['options', 'topic'], 'topic'],
  ['mqtt', ['http'], undefined],
  ['a', ['b'], 'b'],
  ['', ['a', 'b'], 'a'],
  ['elsewhere', ['kafka', 'mqtt'], undefined],
  ['servrr', ['serv', 'server'], 'server'],
])('%j among %j', (name, names, expected) => {
  expect(nearest(name, names)).toBe(expected)
})
