/**
 * Documents for the standard modules. `golden/wrong/<case>.yaml` is a document, a ruler, and its problems one per line;
 * `golden/right/<case>.yaml` has none, nor has what the documentation and the examples show.
 * To write the expectations of new cases: UPDATE_GOLDEN=1, then read every line of the difference.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { type LoadResult, loadConfig, type Problem } from '@zilla-ts/engine'
import { describe, expect, test } from 'vitest'
import { composedValidator } from '../../engine/test/composed.ts'
import { loadRegistry } from '../src/modules.ts'
import { numberOf } from '../src/problem-codes.ts'
import { standard } from '../src/standard.ts'

const ROOT = join(import.meta.dirname, '../../..')
const GOLDEN = join(import.meta.dirname, 'golden')
const RULER = '\n# ----------\n'

/** What the documents find there. */
const environment = {
  PORT: '7183',
  NAME: 'north',
  BROKER: 'localhost:9092',
  SECRET: 'not to be seen',
  KAFKA_BOOTSTRAP_SERVER: 'localhost:9092',
  MQTT_BROKER: 'mqtt://localhost:1883',
  KAFKA_USERNAME: 'user',
  KAFKA_PASSWORD: 'correct horse',
  KAFKA_CA: 'ca.pem',
  KEYS_PASSWORD: 'correct horse',
}

/** The parser belongs to the engine. */
const { parseAllDocuments } = createRequire(new URL('../../engine/package.json', import.meta.url))('yaml') as {
  parseAllDocuments(text: string): { toJS(): unknown }[]
}

const load = (text: string, file: string, registry = standard): LoadResult =>
  loadConfig({ text, file, registry, environment })

const line = (problem: Problem): string =>
  `${problem.line}:${problem.column} ${problem.level} ${numberOf(problem.code)} ${problem.code} ${problem.path || '/'}  ${problem.message}`

const composed = composedValidator(standard)

const documentsIn = (folder: string): string[] =>
  readdirSync(join(GOLDEN, folder)).filter((name) => name.endsWith('.yaml'))

describe('wrong documents', () => {
  test.each(documentsIn('wrong'))('%s', (file) => {
    const path = join(GOLDEN, 'wrong', file)
    const content = readFileSync(path, 'utf8')
    const ruler = content.indexOf(RULER)
    const text = ruler < 0 ? content : content.slice(0, ruler + 1)
    const { problems, namespaces } = load(text, file)
    const found = problems.map((problem) => `# ${line(problem)}\n`).join('')
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text + RULER.slice(1) + found)
    else expect(found).toBe(content.slice(ruler + RULER.length))
    expect(found).not.toBe('')
    expect(JSON.stringify(problems)).not.toMatch(/not to be seen|correct horse/)
    // What the engine takes with a warning, editors take too.
    if (namespaces.length > 0) expectComposed(text)
  })
})

describe('right documents', () => {
  test.each(documentsIn('right'))('%s', (file) => {
    const text = readFileSync(join(GOLDEN, 'right', file), 'utf8')
    expect(load(text, file).problems.map(line)).toEqual([])
    expectComposed(text)
  })
})

function expectComposed(text: string): void {
  for (const document of parseAllDocuments(text)) {
    expect(composed(document.toJS()), JSON.stringify(composed.errors)).toBe(true)
  }
}

/** Whole documents between fences, with the number of their line. The page of the problems has wrong ones, tested elsewhere. */
function shownIn(page: string): [name: string, text: string][] {
  const text = readFileSync(page, 'utf8')
  return [...text.matchAll(/^```ya?ml\n(name: [\s\S]*?)^```/gm)].map((found) => [
    `${relative(ROOT, page)}:${text.slice(0, found.index).split('\n').length}`,
    found[1]!,
  ])
}

describe('documents that are shown', async () => {
  /** one example is about modules of others */
  const registry = await loadRegistry([join(ROOT, 'examples/tcp.uppercase/uppercase.mjs')])
  const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']
    .concat(readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name)))
    .filter((page) => page.endsWith('.md') && page !== join('docs', 'problems.md'))
    .map((page) => join(ROOT, page))
  const examples = readdirSync(join(ROOT, 'examples'))
    .map((name) => join(ROOT, 'examples', name, 'zilla.yaml'))
    .filter((path) => existsSync(path))
  const shown: [string, string][] = [
    ...pages.flatMap(shownIn),
    ...examples.map((path): [string, string] => [relative(ROOT, path), readFileSync(path, 'utf8')]),
  ]

  test('are found', () => {
    expect(examples.length).toBeGreaterThan(0)
  })

  test.each(shown)('%s', (name, text) => {
    expect(load(text, name, registry).problems.map(line)).toEqual([])
  })
})
