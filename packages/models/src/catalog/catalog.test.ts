/** Both catalogs of this package: which schema they give for which subject and version, and what they say without one. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock, TestReporter } from '@zilla-ts/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesystem } from './filesystem.ts'
import { inline } from './inline.ts'

const context = { namespace: 'test', name: 'c', clock: new FakeClock(), report: new TestReporter() }

describe('inline', () => {
  const options = { subjects: { a: { schema: '{}', version: 'latest' }, b: { schema: 'true', version: '2' } } }
  const catalog = inline.attach({ ...context, options, directory: '.' })

  test.each([
    ['a', 'latest', '{}'],
    ['b', 'latest', 'true'],
    ['b', '2', 'true'],
    ['b', '1', null],
    ['a', '1', null],
    ['c', 'latest', null],
    ['toString', 'latest', null],
    ['__proto__', 'latest', null],
  ])('%s %s: %s', (subject, version, text) => {
    expect(catalog.schema(subject, version)).toBe(text)
  })

  test('names its subjects and versions beforehand', () => {
    expect([...inline.subjects!(options)]).toEqual([
      ['a', 'latest'],
      ['b', '2'],
    ])
  })
})

describe('filesystem', () => {
  let directory = ''

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'zilla-catalog-'))
    mkdirSync(join(directory, 'schemas'))
    writeFileSync(join(directory, 'schemas', 'a.json'), '{"title":"ä"}')
    writeFileSync(join(directory, 'binary.json'), Buffer.from([0xff]))
    writeFileSync(join(directory, 'large.json'), '')
    truncateSync(join(directory, 'large.json'), 4_194_305)
  })

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const attach = (subjects: Record<string, string>) => {
    const options = { subjects: Object.fromEntries(Object.entries(subjects).map(([name, path]) => [name, { path }])) }
    return filesystem.attach({ ...context, options, directory })
  }

  test('reads files at start, relative to the document or absolute', async () => {
    const catalog = attach({ a: 'schemas/a.json', b: join(directory, 'schemas', 'a.json') })
    expect(catalog.schema('a', 'latest')).toBeNull()
    await catalog.start?.()
    expect(catalog.schema('a', 'latest')).toBe('{"title":"ä"}')
    expect(catalog.schema('b', 'latest')).toBe('{"title":"ä"}')
    expect(catalog.schema('a', '1')).toBeNull()
    expect(catalog.schema('c', 'latest')).toBeNull()
  })

  test.each([
    ['schemas/none.json', 'there is no such file'],
    ['schemas', 'it is a folder'],
    ['binary.json', 'it is not UTF-8 text'],
    ['large.json', 'it has more than 4194304 bytes'],
  ])('%s ends the start: %s', async (path, reason) => {
    const file = join(directory, path)
    await expect(attach({ a: 'schemas/a.json', wrong: path }).start?.()).rejects.toThrow(
      `cannot read ${file}, the schema wrong: ${reason}`,
    )
  })

  test('names its subjects beforehand', () => {
    expect([...filesystem.subjects!({ subjects: { a: { path: 'x' } } })]).toEqual([['a', 'latest']])
  })
})
