/** The catalogue of codes: each is in it once, and its example has it where the page says. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { type CatalogueEntry, readCatalogue } from '../../../scripts/problems.ts'
import { numberOf, problemCodes } from '../src/problem-codes.ts'
import { standard } from '../src/standard.ts'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const entries = readCatalogue(ROOT).flatMap(({ problems }) => problems)

/** What a source has that says of a document what is wrong, by whatever function. */
const JUDGES = /\b\w*(?:Finding|Fault)s?\b|\bDocumentError\b|\breport\((?:\{|'|\n)/

/** Words that such sources have besides codes: of the contract, of documents, of HTTP, of packages. */
const WORDS = new Set([
  ...['not-authorized', 'not-found', 'too-large', 'taken-over'],
  ...['access-control', 'client-id', 'cross-origin', 'kafka-embedded', 'mqtt-kafka', 'user-properties'],
  ...['content-length', 'sec-websocket-protocol', 'transfer-encoding', 'node-forge'],
])

/** Every word with a hyphen that may be a code; `x-` is for keywords of schemas. */
function codesIn(source: string): string[] {
  if (!JUDGES.test(source)) return []
  const words = [...source.matchAll(/'([a-z0-9]+(?:-[a-z0-9]+)+)'/g)].map((found) => found[1]!)
  return words.filter((word) => !word.startsWith('x-') && !WORDS.has(word))
}

function sources(): string[] {
  const packages = join(ROOT, 'packages')
  return readdirSync(packages)
    .filter((name) => name !== 'testing')
    .flatMap((name) => {
      const folder = join(packages, name, 'src')
      return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file))
    })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
}

/** The sorts of entries that `undefined-…` and `unused-…` are composed with. */
const SORTS = ['binding', 'guard', 'store', 'vault', 'catalog']
const COMPOSED = SORTS.flatMap((sort) => [`undefined-${sort}`, `unused-${sort}`])

/** What is said of files before there is a text. */
const OF_FILES = new Set(['unreadable-file', 'not-utf8', 'file-too-large'])

describe('the catalogue', () => {
  it('gives each number and each name once', () => {
    expect(new Set(entries.map(({ code }) => code)).size).toBe(entries.length)
    expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length)
    for (const { code, name } of entries) {
      expect(code, name).toMatch(/^ZC\d{4}$/)
      expect(numberOf(name)).toBe(code)
    }
  })

  it('has every code that the sources report', () => {
    const missing = sources().flatMap((file) =>
      codesIn(readFileSync(file, 'utf8'))
        .filter((code) => !(code in problemCodes))
        .map((code) => `${relative(ROOT, file)}: ${code}`),
    )
    expect(missing).toEqual([])
    expect(COMPOSED.filter((code) => !(code in problemCodes))).toEqual([])
  })

  it('has no code that nothing reports', () => {
    const text = sources()
      .filter((file) => !file.endsWith('problem-codes.ts'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
    const dead = entries.filter(({ name }) => !COMPOSED.includes(name) && !text.includes(`'${name}'`))
    expect(dead.map(({ name }) => name)).toEqual([])
  })

  it('has a golden document for every code that a text can have', () => {
    const folder = join(ROOT, 'packages/cli/test/golden/wrong')
    const golden = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'))
    const shown = new Set(
      golden.flatMap((text) => [...text.matchAll(/^# \d+:\d+ \w+ (ZC\d{4}) /gm)].map(([, code]) => code)),
    )
    const without = entries.filter(
      ({ code, name, unseen }) => unseen === undefined && !OF_FILES.has(name) && !shown.has(code),
    )
    expect(without.map(({ name }) => name)).toEqual([])
  })
})

describe('the example of', () => {
  it.each(entries.filter(({ example }) => example !== undefined).map((entry) => [entry.name, entry] as const))(
    '%s',
    (_, { name, severity = 'error', example, at }: CatalogueEntry) => {
      const { problems } = loadConfig({ text: example!, file: 'zilla.yaml', registry: standard, environment: {} })
      const found = problems.map(({ line, column, level, code }) => `${line}:${column} ${level} ${code}`)
      expect(found).toContain(`${at} ${severity} ${name}`)
      const others = problems.filter(({ level, code }) => level === 'error' && code !== name)
      expect(others, 'an example shows one problem').toEqual([])
    },
  )

  it.each(entries.filter(({ example }) => example === undefined).map((entry) => [entry.name, entry] as const))(
    '%s is left out for a reason, or because it needs a file',
    (name, { unseen }) => {
      expect(unseen !== undefined || OF_FILES.has(name)).toBe(true)
    },
  )
})
