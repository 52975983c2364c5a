/** The catalogue of codes: each is in it once, and its example has it where the page says. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { type CatalogueEntry, readCatalogue } from '../../../scripts/problems.ts'
import { testRegistry } from '../../engine/test/modules.ts'
import { numberOf, problemCodes } from '../src/problem-codes.ts'
import { standard } from '../src/standard.ts'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const entries = readCatalogue(ROOT).flatMap(({ problems }) => problems)

/** Codes that a source file may report, as far as they stand there in one of the usual forms. */
function codesIn(source: string): string[] {
  const patterns = [
    /\bcode: '([a-z0-9-]+)'/g,
    /\b(?:report|error|attempt)\('([a-z0-9]+-[a-z0-9-]+)',/g,
    /\berror\([^\n]*, '([a-z0-9]+-[a-z0-9-]+)', /g,
    /new KeyFault\(\s*'([a-z0-9-]+)',/g,
    /\breport\(\s*(?:'(?:error|warning)', )?'([a-z0-9]+-[a-z0-9-]+)',/g,
    /#fault\([^\n]*?, '([a-z0-9-]+)', /g,
    /\breport\(\{ index, code: '([a-z-]+)'/g,
    /new DocumentError\('([a-z0-9-]+)'/g,
  ]
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((found) => found[1]!))
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

/** Codes of files that judge no documents: records, streams, start-up. */
const OTHERS = new Set(['corrupt', 'crc', 'magic'])

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
        .filter((code) => code.includes('-') && !OTHERS.has(code) && !(code in problemCodes))
        .map((code) => `${relative(ROOT, file)}: ${code}`),
    )
    expect(missing).toEqual([])
  })

  it('has no code that nothing reports', () => {
    const text = sources()
      .filter((file) => !file.endsWith('problem-codes.ts'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
    const composed = (name: string): boolean =>
      /^(?:undefined|unused)-(?:binding|guard|store|vault|catalog)$/.test(name)
    const dead = entries.filter(({ name }) => !composed(name) && !text.includes(`'${name}'`))
    expect(dead.map(({ name }) => name)).toEqual([])
  })
})

describe('the example of', () => {
  it.each(entries.filter(({ example }) => example !== undefined).map((entry) => [entry.name, entry] as const))(
    '%s',
    (_, { name, severity = 'error', example, at, modules }: CatalogueEntry) => {
      const registry = modules === 'test' ? testRegistry() : standard
      const { problems } = loadConfig({ text: example!, file: 'zilla.yaml', registry, environment: {} })
      const found = problems.map(({ line, column, level, code }) => `${line}:${column} ${level} ${code}`)
      expect(found).toContain(`${at} ${severity} ${name}`)
      const others = problems.filter(({ level, code }) => level === 'error' && code !== name)
      expect(others, 'an example shows one problem').toEqual([])
    },
  )

  it.each(entries.filter(({ example }) => example === undefined).map((entry) => [entry.name, entry] as const))(
    '%s is left out for a reason, or because it needs a file',
    (name, { unseen }) => {
      const files = ['unreadable-file', 'not-utf8', 'file-too-large']
      expect(unseen !== undefined || files.includes(name)).toBe(true)
    },
  )
})
