/** The committed schema in the language server behind VS Code's YAML extension: what users of an editor see. */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { loadConfig } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { TextDocument } from 'vscode-languageserver-textdocument'
import type { LanguageService } from 'yaml-language-server'
import { standard } from '../src/standard.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const SCHEMA = join(ROOT, 'schemas', 'zilla.schema.json')
/** Answered by `schemaRequestService`. */
const SCHEMA_URI = 'file:///schemas/zilla.schema.json'

/** It is CommonJS, and looks for its own folder. */
const { getLanguageService } = createRequire(import.meta.url)('yaml-language-server') as {
  getLanguageService(options: unknown): LanguageService
}

const service = getLanguageService({
  schemaRequestService: async () => readFileSync(SCHEMA, 'utf8'),
  workspaceContext: { resolveRelativePath: (path: string) => path },
  telemetry: { send() {}, sendError() {}, sendTrack() {} },
})
service.configure({
  validate: true,
  completion: true,
  hover: true,
  schemas: [{ uri: SCHEMA_URI, fileMatch: ['*.yaml'] }],
})

let documents = 0
/** The server keeps what it parsed by name. */
const open = (text: string) => TextDocument.create(`file:///${documents++}/zilla.yaml`, 'yaml', 1, text)

/** `‸` is where the cursor stands. */
function at(text: string) {
  const document = open(text.replace('‸', ''))
  return { document, position: document.positionAt(text.indexOf('‸')) }
}

async function completed(text: string): Promise<string[]> {
  const { document, position } = at(text)
  return (await service.doComplete(document, position, false)).items.map(({ label }) => label)
}

async function hovered(text: string): Promise<string> {
  const { document, position } = at(text)
  return JSON.stringify((await service.doHover(document, position))?.contents)
}

/** `line:column message`, counted from 1 as `validate` does. */
async function diagnosed(text: string): Promise<string[]> {
  const found = await service.doValidation(open(text), false)
  return found.map(({ range, message }) => `${range.start.line + 1}:${range.start.character + 1} ${message}`)
}

const entry = (lines: string) => `name: example\nbindings:\n  north:\n    ${lines.replaceAll('\n', '\n    ')}`
const MQTT_SERVER = entry('type: mqtt\nkind: server\noptions:\n  ')

describe('completion', () => {
  it('offers the sections of a document', async () => {
    expect(await completed('name: example\n‸')).toEqual(expect.arrayContaining(['bindings', 'guards', 'vaults']))
  })

  it('offers every type', async () => {
    expect(await completed(entry('type: ‸'))).toEqual(standard.bindings.map(({ type }) => type))
  })

  it('offers the kinds of the type', async () => {
    for (const { type, kinds } of standard.bindings) {
      expect(await completed(entry(`type: ${type}\nkind: ‸`)), type).toEqual(Object.keys(kinds))
    }
  })

  it('offers what the kind takes, and nothing of other kinds and types', async () => {
    const server = await completed(`${MQTT_SERVER}‸`)
    expect(server).toEqual(expect.arrayContaining(['versions', 'redirect', 'topics', 'limits']))
    expect(server).not.toContain('server')
    expect(server).not.toContain('create')
    const client = await completed(entry('type: mqtt\nkind: client\noptions:\n  ‸'))
    expect(client).toEqual(expect.arrayContaining(['server', 'limits']))
    expect(client).not.toContain('versions')
  })

  it('offers the values of an enumeration', async () => {
    expect(await completed(`${MQTT_SERVER}versions:\n        - ‸`)).toEqual(['v3.1.1', 'v5'])
  })

  it('does not offer old forms', async () => {
    const offered = await completed(entry('type: mqtt-kafka\nkind: proxy\noptions:\n  ‸'))
    expect(offered).toContain('create')
    expect(offered).not.toContain('server')
  })
})

describe('hover', () => {
  it('shows the description of a property', async () => {
    expect(await hovered(`${MQTT_SERVER}ver‸sions: [v5]`)).toContain('Protocol versions that are served')
  })

  it('shows marks in descriptions as they are meant', async () => {
    expect(await hovered(entry('type: mqtt\nkind: server\nroutes:\n  - wh‸en: []'))).toContain(
      'without `publish` admits',
    )
  })

  it('shows examples', async () => {
    expect(await hovered(entry('type: tcp\nkind: server\noptions:\n  po‸rt: 1'))).toContain('7183-7190')
  })
})

describe('diagnostics', () => {
  it.each([
    ['a wrong value', `${MQTT_SERVER}versions: [v4]`, '7:18 Value is not accepted. Valid values: "v3.1.1", "v5".'],
    [
      'a value out of range',
      `${MQTT_SERVER}limits:\n        packetBytes: 3`,
      '8:22 Value is below the minimum of 128.',
    ],
    ['an unknown property', `${MQTT_SERVER}version: [v5]`, '7:7 Property version is not allowed.'],
    ['a missing property', entry('type: tcp'), '3:3 Missing property "kind".'],
    [
      'what the kind does not take',
      entry('type: mqtt\nkind: client\noptions:\n  versions: [v5]'),
      '7:17 A client speaks the version of the client it speaks for.',
    ],
    [
      'a value of the wrong form',
      entry('type: mqtt\nkind: client\noptions:\n  server: here'),
      '7:15 A server is written mqtt://host:port, such as mqtt://mqtt.example.com:1883.',
    ],
  ])('point at %s', async (_, text, expected) => {
    expect(await diagnosed(text)).toEqual([expected])
  })

  it('point at an unknown type', async () => {
    expect(await diagnosed(entry('type: tpc\nkind: server'))).toEqual([
      expect.stringMatching(/^4:11 Value is not accepted\. Valid values: "tcp", /),
    ])
  })

  it('let expressions pass', async () => {
    expect(await diagnosed(`${MQTT_SERVER}limits:\n        packetBytes: \${{env.BYTES}}`)).toEqual([])
  })

  const environment = { KAFKA_BOOTSTRAP_SERVER: 'localhost:9092', MQTT_BROKER: 'mqtt://127.0.0.1:7183' }
  const right = [...yamlFiles('examples'), ...yamlFiles('packages/cli/test/golden')].filter(
    (file) => loadConfig({ text: textOf(file), file, registry: standard, environment }).problems.length === 0,
  )

  it.each(right)('none on %s', async (file) => {
    expect(await diagnosed(textOf(file))).toEqual([])
  })
})

describe('every example', () => {
  it.each(yamlFiles('examples').filter((file) => file.endsWith('zilla.yaml')))('%s names the schema', (file) => {
    const [, path] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(textOf(file)) ?? []
    // Types that are not standard are in a schema that users make themselves, as the README says.
    if (path === 'zilla.schema.json')
      expect(textOf(join(file, '..', 'README.md'))).toContain(`> ${join(file, '..', path)}`)
    else expect(path && join(ROOT, file, '..', path)).toBe(SCHEMA)
  })
})

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function yamlFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(
      (name) => /(^|\/|\.)(zilla\.)?yaml$/.test(name) && !name.endsWith('compose.yaml') && !name.includes('.zilla/'),
    )
    .map((name) => join(folder, name))
}
