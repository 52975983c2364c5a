/** Documents that are code or JSON: how they are read, and where problems are said to be. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatProblems, loadDocument } from '../src/document.ts'
import { standard } from '../src/standard.ts'
import { folder } from './fixture.ts'

async function load(name: string, text: string) {
  const file = join(folder(), name)
  writeFileSync(file, text)
  return loadDocument(file, { registry: standard, environment: { HOST: '127.0.0.1' } })
}

async function report(name: string, text: string): Promise<string> {
  const document = await load(name, text)
  return formatProblems(document, { color: false }).replaceAll(document.file, name)
}

const BINDINGS = `{
  north: { type: 'tcp', kind: 'server', options: { host: '\${{env.HOST}}', port: 0 }, exit: 'echo' },
  echo: { type: 'echo', kind: 'server' },
}`

describe('a document that is code', () => {
  it.each([
    ['zilla.config.mjs', `export default { name: 'x', bindings: ${BINDINGS} }`],
    ['zilla.config.js', `export default { name: 'x', bindings: ${BINDINGS} }`],
    ['zilla.config.cjs', `module.exports = { name: 'x', bindings: ${BINDINGS} }`],
    ['zilla.config.mts', `const name: string = 'x'\nexport default { name, bindings: ${BINDINGS} }`],
    ['zilla.config.ts', `enum Name { one = 'x' }\nexport default { name: Name.one, bindings: ${BINDINGS} }`],
    ['zilla.config.ts', `const name = await Promise.resolve('x')\nexport default { name, bindings: ${BINDINGS} }`],
    ['zilla.config.mjs', `export default Promise.resolve({ name: 'x', guards: undefined, bindings: ${BINDINGS} })`],
    [
      'zilla.config.ts',
      `import { defineConfig, type ZillaConfig } from '@zilla-ts/engine'\nconst document: ZillaConfig = { name: 'x', bindings: ${BINDINGS} }\nexport default defineConfig(document)`,
    ],
  ])('as %s is what it exports', async (name, text) => {
    const { problems, namespaces } = await load(name, text)
    expect(problems).toEqual([])
    expect(namespaces.map((each) => each.name)).toEqual(['x'])
    expect(namespaces[0]?.bindings[0]?.options).toEqual({ host: '127.0.0.1', port: 0 })
  })

  it('may be several namespaces', async () => {
    const { namespaces } = await load('zilla.config.mjs', `export default [{ name: 'a' }, { name: 'b' }]`)
    expect(namespaces.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('has problems with a JSON pointer in place of a line', async () => {
    const text = `export default { name: 'x', bindings: ${BINDINGS.replace("exit: 'echo'", "exti: 'echo'")} }`
    expect(await report('zilla.config.mjs', text)).toBe(
      'zilla.config.mjs /bindings/north/exti error ZC0201 unknown-property  `exti` is unknown here; did you mean `exit`?\n',
    )
  })

  it.each([
    ['throws', 'throw new Error("no")', 'no'],
    ['is no JavaScript', 'export default {', ''],
    ['exports nothing', 'export const name = 1', 'its default export is no document'],
    ['exports a text', 'export default "x"', 'its default export is no document'],
    ['exports a function', 'export default () => ({})', 'its default export is no document'],
    ['holds a function', 'export default { name: () => 1 }', 'a function cannot stand in a document, at /name'],
    ['holds a date', 'export default { a: [new Date()] }', 'a Date cannot stand in a document, at /a/0'],
    ['holds no number', 'export default { a: 0 / 0 }', 'NaN cannot stand in a document, at /a'],
    ['holds a bigint', 'export default { a: 1n }', 'a bigint cannot stand in a document, at /a'],
    [
      'holds itself',
      'const a = {}; a.b = a; export default a',
      'an object that holds itself cannot stand in a document, at /b',
    ],
    [
      'is deep',
      'let a = {}; for (let n = 0; n < 1e5; n++) a = { a }; export default a',
      'more than 100 levels cannot stand',
    ],
  ])('is refused when it %s', async (_, text, reason) => {
    const { problems } = await load('zilla.config.mjs', text)
    expect(problems.map(({ code }) => code)).toEqual(['unreadable-file'])
    expect(problems[0]?.message).toMatch(/^cannot read .*zilla\.config\.mjs: /)
    expect(problems[0]?.message).toContain(reason)
  })
})

describe('a document in JSON', () => {
  it('has problems with line and column', async () => {
    const text = '{\n\t"name": "x",\n\t"bindings": {\n\t\t"a": { "type": "ecoh", "kind": "server" }\n\t}\n}\n'
    expect(await report('zilla.json', text)).toBe(
      'zilla.json:4:18 error ZC0211 unknown-type  unknown binding type, found "ecoh"; did you mean `echo`?\n' +
        '4 |   "a": { "type": "ecoh", "kind": "server" }\n' +
        '                     ^^^^^^\n',
    )
  })

  it('says where it is broken', async () => {
    expect(await report('zilla.json', '{\n  "name": "x"\n  "bindings": {}\n}\n')).toMatch(
      /^zilla\.json:3:3 error ZC0106 yaml-syntax /,
    )
  })
})
