/** `--module`: what other packages bring, and what is said when it is not right. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { composedValidator } from '../../engine/test/composed.ts'
import { loadDocument } from '../src/document.ts'
import { loadRegistry } from '../src/modules.ts'
import { folder } from './fixture.ts'

/** A module without a fault, to put faults into. */
const SINK = `{
  type: 'sink',
  kinds: { server: { accepts: 'bytes' } },
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['type', 'kind'],
    properties: { type: { const: 'sink' }, kind: { enum: ['server'] } },
  },
  attach: () => ({}),
}`

let directory = ''
let files = 0

beforeEach(() => {
  directory = folder()
  // A working directory belongs to a whole process, and threads have none of their own.
  vi.spyOn(process, 'cwd').mockReturnValue(directory)
})

function file(text: string, extension = 'mjs'): string {
  const path = join(directory, `module-${files++}.${extension}`)
  writeFileSync(path, text)
  return path
}

const failure = (...names: string[]): Promise<string> =>
  loadRegistry(names).then(
    () => 'none',
    (error: Error) => `${error.name}: ${error.message.replaceAll(`${directory}/`, '').replace(/module-\d+/, 'module')}`,
  )

describe('a module', () => {
  it('stands beside the standard ones', async () => {
    const registry = await loadRegistry([file(`export const bindings = [${SINK}]`)])
    const document = file(
      'name: x\nbindings:\n  n: { type: tcp, kind: server, options: { host: h, port: 1 }, exit: s }\n  s: { type: sink, kind: server, x: 1 }\n',
      'yaml',
    )
    const { problems } = await loadDocument(document, { registry })
    expect(problems.map(({ line, code, path }) => `${line} ${code} ${path}`)).toEqual([
      '4 unknown-property /bindings/s/x',
    ])
    const composed = composedValidator(registry)
    expect(composed({ name: 'x', bindings: { s: { type: 'sink', kind: 'server' } } })).toBe(true)
    expect(composed({ name: 'x', bindings: { s: { type: 'sink', kind: 'server', x: 1 } } })).toBe(false)
  })

  it('may be CommonJS', async () => {
    const registry = await loadRegistry([file(`module.exports = { bindings: [${SINK}] }`, 'cjs')])
    expect(registry.binding('sink')).toBeDefined()
  })

  it('may bring guards, vaults and catalogs', async () => {
    const part = (type: string) =>
      `[{ type: '${type}', schema: { type: 'object', properties: { type: { const: '${type}' } } }, attach: () => ({}) }]`
    const registry = await loadRegistry([
      file(
        `export const guards = ${part('g')}\nexport const vaults = ${part('v')}\nexport const catalogs = ${part('c')}`,
      ),
    ])
    expect([registry.guard('g'), registry.vault('v'), registry.catalog('c')].map((each) => each?.type)).toEqual([
      'g',
      'v',
      'c',
    ])
  })

  it('may be a package that is installed where the command runs', async () => {
    const home = join(directory, 'node_modules', 'sink-binding')
    mkdirSync(home, { recursive: true })
    writeFileSync(
      join(home, 'package.json'),
      '{ "name": "sink-binding", "type": "module", "exports": { "import": "./sink.js" } }',
    )
    writeFileSync(join(home, 'sink.js'), `export const bindings = [${SINK}]`)
    expect((await loadRegistry(['sink-binding'])).binding('sink')).toBeDefined()
  })
})

describe('a module is refused when', () => {
  it.each([
    ['it is not there', './none.mjs', 'there is no such file'],
    ['no such package is installed', 'no-such-package', 'there is no such package here; a file is written ./name.js'],
  ])('%s', async (_, name, reason) => {
    expect(await failure(name)).toContain(reason)
  })

  it.each([
    ['it exports nothing', '', 'it exports none of `bindings`, `guards`, `vaults`, `catalogs`'],
    ['it exports something else', 'export const binding = []', 'it exports none of `bindings`'],
    ['it throws while it is loaded', 'throw new Error("out of order")', 'it cannot be loaded: out of order'],
    ['it is no JavaScript', 'export const = 1', 'it cannot be loaded: '],
    ['an export is no array', `export const bindings = ${SINK}`, 'its `bindings` is not an array'],
    ['there is nothing in the array', 'export const guards = [null]', 'guards[0] has no `type`'],
    [
      'a binding has no kinds',
      `export const bindings = [{ ...${SINK}, kinds: undefined }]`,
      'bindings[0] (sink) has no `kinds`',
    ],
    [
      'a binding has no schema',
      `export const bindings = [{ ...${SINK}, schema: null }]`,
      'bindings[0] (sink) has no `schema`',
    ],
    [
      'a binding cannot be attached',
      `export const bindings = [{ ...${SINK}, attach: 1 }]`,
      'bindings[0] (sink) has no function `attach`',
    ],
    [
      'its type is taken',
      `export const bindings = [${SINK.replaceAll('sink', 'tcp')}]`,
      'two modules claim the type tcp',
    ],
    ['it claims a type twice', `export const bindings = [${SINK}, ${SINK}]`, 'two modules claim the type sink'],
    [
      'its schema is for another type',
      `export const bindings = [${SINK.replace("const: 'sink'", "const: 'sunk'")}]`,
      'the schema of sink must have `properties.type` with `const: sink`',
    ],
    [
      'its schema has other kinds',
      `export const bindings = [${SINK.replace("enum: ['server']", "enum: ['client']")}]`,
      'the schema of sink must have `properties.kind` with `enum: ["server"]`',
    ],
    [
      'its schema refers to nothing',
      `export const bindings = [${SINK.replace('required:', "$ref: '#/$defs/none', required:")}]`,
      'the schema of sink cannot be used: schema refers to unknown #/$defs/none',
    ],
    [
      'its schema is none',
      `export const bindings = [${SINK.replace('required:', 'requires: 1, required:')}]`,
      'the schema of sink cannot be used: ',
    ],
  ])('%s', async (_, text, reason) => {
    expect(await failure(file(text))).toMatch(/^CommandError: --module module\.mjs: /)
    expect(await failure(file(text))).toContain(reason)
  })

  it('two modules claim a type', async () => {
    const text = `export const bindings = [${SINK}]`
    expect(await failure(file(text), file(text))).toContain('two modules claim the type sink')
  })
})
