import type { Problem } from '@zilla-ts/engine'
import { describe, expect, test } from 'vitest'
import { formatProblem } from './problem-text.ts'

const problem: Problem = {
  level: 'error',
  code: 'unknown-property',
  message: '`kid` is unknown here; did you mean `kind`?',
  file: 'zilla.yaml',
  line: 2,
  column: 3,
  endLine: 2,
  endColumn: 6,
  path: '/kid',
}
const HEAD = 'zilla.yaml:2:3 error ZC0201 unknown-property  `kid` is unknown here; did you mean `kind`?'

describe('formatProblem', () => {
  test('is one line without the text', () => {
    expect(formatProblem(problem)).toBe(HEAD)
  })

  test.each([
    ['  kid: server', problem, '      ^^^'],
    ['\tkid: server', { ...problem, column: 2, endColumn: 5 }, '     ^^^'],
    ['  kid', { ...problem, endLine: 4, endColumn: 1 }, '      ^^^'],
    ['  kid', { ...problem, endColumn: 3 }, '      ^'],
    ['  kid', { ...problem, endColumn: 300 }, '      ^^^'],
  ])('shows the line %j with carets below all that is concerned', (excerpt, found, carets) => {
    const [, line, below] = formatProblem({ ...found, excerpt }).split('\n')
    expect(line).toBe(`2 | ${excerpt.replace('\t', ' ')}`)
    expect(below).toBe(carets)
  })

  test('knows no number of codes that are not in the catalogue', () => {
    expect(formatProblem({ ...problem, code: 'of-a-module' })).toContain(' error of-a-module  ')
  })

  test('lets no control character through', () => {
    const hostile = formatProblem({ ...problem, message: 'a\u001B[2Jb', excerpt: '  \u001B[2J: 1' })
    expect(hostile).not.toContain('\u001B')
  })

  test('paints only when asked', () => {
    expect(formatProblem(problem, { color: true })).toContain('\u001B[31merror\u001B[0m')
  })
})
