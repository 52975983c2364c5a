import { describe, expect, test } from 'vitest'
import { formatProblem } from './format.ts'
import type { Problem } from './problem.ts'

const problem: Problem = {
  level: 'error',
  code: 'unknown-property',
  message: '`kid` is unknown here; did you mean `kind`?',
  file: 'zilla.yaml',
  line: 2,
  column: 3,
  path: '/kid',
}

describe('formatProblem', () => {
  test('is one line without the text', () => {
    expect(formatProblem(problem)).toBe(
      'zilla.yaml:2:3 error unknown-property  `kid` is unknown here; did you mean `kind`?',
    )
  })

  test.each(['a:\n  kid: server\n', 'a:\r\n  kid: server\r\n', '\uFEFFa:\n  kid: server', 'a:\n\tkid: server'])(
    'shows the line with a caret below the place: %j',
    (text) => {
      const [, line, caret] = formatProblem(problem, text).split('\n')
      expect(line).toMatch(/^2 \| {1,3}kid: server$/)
      expect(caret?.indexOf('^')).toBe('2 | '.length + 2)
    },
  )

  test('leaves out a line that is not there', () => {
    expect(formatProblem(problem, 'a:')).toBe(formatProblem(problem))
  })

  test('lets no control character through', () => {
    const hostile = formatProblem({ ...problem, message: 'a\u001B[2Jb' }, 'a:\n  \u001B[2J: 1')
    expect(hostile).not.toContain('\u001B')
  })

  test.each([
    ['  password: hunter2', '  password: *******'],
    ['a: { identity: b, credentials: hunter2, x: y }', 'a: { identity: b, credentials: *******, x: y }'],
    ['  "keyPassword" : "hun\\"ter}2", x: 1', '  "keyPassword" : ************, x: 1'],
    ["  token: 'it''s', x: 1", '  token: *******, x: 1'],
    ['  client-secret: 12345', '  client-secret: *****'],
    ['  password: a # b', '  password: *****'],
    ['  password: "unfinished', '  password: ***********'],
    [
      '  authn: { credentials: { connect: { username: x } } }',
      '  authn: { credentials: { connect: { username: x } } }',
    ],
    ['  tokenBytes: 1', '  tokenBytes: 1'],
    ['  passwordless: x', '  passwordless: x'],
    ['  credentials:', '  credentials:'],
    ['  type: password', '  type: password'],
  ])('shows no secret: %s', (line, shown) => {
    expect(formatProblem({ ...problem, line: 1, column: 1 }, line).split('\n')[1]).toBe(`1 | ${shown}`)
  })

  test('paints only when asked', () => {
    expect(formatProblem(problem, undefined, { color: true })).toContain('\u001B[31merror\u001B[0m')
  })
})
