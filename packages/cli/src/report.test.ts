import type { Problem } from '@zilla-ts/engine'
import type { Log } from 'sarif'
import { describe, expect, test } from 'vitest'
import { githubReport } from './report-github.ts'
import { jsonReport } from './report-json.ts'
import { sarifReport } from './report-sarif.ts'

const problem: Problem = {
  level: 'warning',
  code: 'unknown-property',
  message: '100% wrong:\nsecond, line',
  file: 'conf/a b,c:d.yaml',
  line: 2,
  column: 3,
  endLine: 2,
  endColumn: 6,
  path: '/kid',
}

describe('GitHub', () => {
  test('escapes what would end a property or a command', () => {
    expect(githubReport([problem])).toBe(
      '::warning file=conf/a b%2Cc%3Ad.yaml,line=2,col=3,endColumn=6,title=ZC0201 unknown-property::' +
        '100%25 wrong:%0Asecond, line\n',
    )
  })

  test('names no columns over several lines', () => {
    expect(githubReport([{ ...problem, endLine: 4 }])).toContain(',line=2,endLine=4,title=')
  })
})

describe('SARIF', () => {
  const log = JSON.parse(sarifReport([problem, { ...problem, code: 'of-a-module', path: '' }], '1.2.3')) as Log
  const [run] = log.runs

  test('points each result at its rule', () => {
    const rules = run?.tool.driver.rules ?? []
    for (const { ruleId, ruleIndex } of run?.results ?? []) expect(rules[ruleIndex!]?.id).toBe(ruleId)
    expect(run?.results?.map(({ ruleId }) => ruleId)).toEqual(['ZC0201', 'of-a-module'])
  })

  test('has relative references that are URIs', () => {
    const uri = run?.results?.[0]?.locations?.[0]?.physicalLocation?.artifactLocation?.uri
    expect(uri).toBe('conf/a%20b%2Cc%3Ad.yaml')
    expect(new URL(uri!, 'file:///base/').pathname).toBe('/base/conf/a%20b%2Cc%3Ad.yaml')
  })

  test('is a log without results when nothing is wrong', () => {
    expect(JSON.parse(sarifReport([], '1.2.3'))).toMatchObject({ version: '2.1.0', runs: [{ results: [] }] })
  })
})

test('JSON has null for what is not known', () => {
  expect(JSON.parse(jsonReport([{ ...problem, code: 'of-a-module' }], true))).toMatchObject({
    valid: true,
    problems: [{ code: null, name: 'of-a-module', hint: null, suggestion: null, excerpt: null }],
  })
})
