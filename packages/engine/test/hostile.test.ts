/** Texts that cannot stand in a golden file, or that are written to hurt. */
import { describe, expect, test } from 'vitest'
import { type LoadResult, loadConfig } from '../src/index.ts'
import { testRegistry } from './modules.ts'

const registry = testRegistry()
const load = (text: string): LoadResult => loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })
const codes = (text: string): string[] =>
  load(text).problems.map(({ line, column, code }) => `${line}:${column} ${code}`)

const ECHO = 'name: x\nbindings:\n  e:\n    type: echo\n    kind: server\n    color: red\n'

describe('texts with marks of other systems', () => {
  test('a byte order mark is no part of the first key and takes no column', () => {
    expect(codes(`\uFEFF${ECHO}`)).toEqual(codes(ECHO))
    expect(codes('\uFEFFnam: x\n')).toEqual(['1:1 unknown-property'])
  })

  test('carriage returns change no position', () => {
    expect(codes(ECHO)).toContain('6:5 unknown-property')
    expect(codes(ECHO.replaceAll('\n', '\r\n'))).toEqual(codes(ECHO))
  })

  test('a file of nothing is an empty namespace', () => {
    const { problems, namespaces } = load('')
    expect(problems.map(({ level, code }) => `${level} ${code}`)).toEqual(['warning empty-file'])
    expect(namespaces).toEqual([{ name: 'default', bindings: [], guards: [], vaults: [], stores: [], catalogs: [] }])
  })
})

describe('bombs', () => {
  const levels = 100_000

  test.each([
    ['lists in flow style', '['.repeat(levels)],
    ['mappings in flow style', '{a: '.repeat(levels)],
    ['closed lists', '['.repeat(levels) + ']'.repeat(levels)],
    ['lists in block style', '- '.repeat(levels)],
    ['keys in block style', '? '.repeat(levels)],
  ])('%s, 100,000 deep', (_, value) => {
    const found = load(`name: x\nbindings: ${value.startsWith('-') || value.startsWith('?') ? '\n  ' : ''}${value}`)
    expect(found.problems.map(({ code }) => code)).toEqual(['too-deep'])
    expect(found.namespaces).toEqual([])
  })

  test('aliases that double at each step', () => {
    const steps = Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)
    const text = `name: x\na0: &a0 [x, x]\n${steps.join('\n')}\n`
    const found = load(text).problems
    expect(found.length).toBe(1)
    expect(found[0]).toMatchObject({ code: 'too-many-aliases', level: 'error' })
  })

  test('a chain of aliases, each one level deeper', () => {
    const steps = Array.from({ length: 5_000 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}]`)
    const found = load(`a0: &a0 [x]\n${steps.join('\n')}\n`).problems
    expect(found[0]).toMatchObject({ code: 'too-deep' })
  })

  test('a text beyond the limit is not even parsed', () => {
    expect(codes(`name: x\n${'#'.repeat(16 * 1024 * 1024)}`)).toEqual(['1:1 file-too-large'])
  })

  test('an exit chain as long as a file may be is walked without recursion', () => {
    const chain = Array.from(
      { length: 12_000 },
      (_, n) => `  b${n}: { type: kafka, kind: cache_client, exit: b${n + 1} }`,
    )
    const text = `name: x\nbindings:\n${chain.join('\n')}\n  b12000: { type: kafka, kind: client }\n`
    const { problems, namespaces } = load(text)
    expect(problems.map(({ code }) => code)).toEqual(['unused-binding'])
    expect(namespaces[0]?.bindings.length).toBe(12_001)
  })

  test('noise of any kind gives problems, never an exception', () => {
    const pieces = [
      'name: x',
      'bindings:',
      '  a:',
      '    type: tcp',
      '- ',
      '&a ',
      '*a',
      '? ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '|',
      '>',
      '#',
      '---',
      '...',
      '%YAML 1.1',
      '!!int ',
      '!!binary ',
      '!<x> ',
      '<<: ',
      '${{env.X}}',
      '\t',
      '\0',
      '\uD800',
      '\n',
      '\n  ',
      '\n    ',
      'kind: server',
      'exit: a',
      'routes: [{}]',
      '~',
      '1e999',
      '.nan',
    ]
    let state = 42
    const next = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return (state >>> 8) % below
    }
    for (let round = 0; round < 3_000; round++) {
      const text = Array.from({ length: 1 + next(14) }, () => pieces[next(pieces.length)]).join(
        next(2) === 0 ? '' : '\n',
      )
      const { problems, namespaces } = load(text)
      for (const { line, column, message } of problems) {
        expect(line, text).toBeGreaterThan(0)
        expect(column, text).toBeGreaterThan(0)
        expect(message, text).not.toBe('')
      }
      if (problems.some(({ level }) => level === 'error')) expect(namespaces).toEqual([])
    }
  })
})

describe('what the engine gets', () => {
  test('is frozen in depth and survives being sent to another process', () => {
    const { namespaces } = load('name: x\nbindings:\n  e: { type: echo, kind: server }\n')
    const binding = namespaces[0]?.bindings[0]
    expect(Object.isFrozen(binding?.entry)).toBe(true)
    expect(binding?.at).toEqual({ file: 'zilla.yaml', line: 3, column: 3 })
    expect(JSON.parse(JSON.stringify(namespaces))).toEqual(namespaces)
  })

  test('never holds a value that a problem took from the environment', () => {
    const text = 'name: ${{env.SECRET}}\n'
    const { problems } = loadConfig({ text, file: 'f', registry, environment: { SECRET: '0815 hidden' } })
    expect(problems).toHaveLength(1)
    expect(JSON.stringify(problems)).not.toContain('0815')
  })
})
