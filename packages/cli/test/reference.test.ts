/** The reference pages: one for each type, each with an example that is valid. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, entryTypes, loadConfig } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { exampleFile, pageName } from '../../../scripts/reference.ts'
import { standard } from '../src/standard.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const FOLDER = join(ROOT, 'docs', 'reference')
const ENVIRONMENT = {
  KAFKA_BOOTSTRAP_SERVER: 'localhost:9092',
  KAFKA_CA: 'ca.pem',
  KAFKA_USERNAME: 'zilla',
  KAFKA_PASSWORD: 'secret',
  MQTT_BROKER: 'mqtt://127.0.0.1:7183',
  KEYS_PASSWORD: 'example',
}
const types = entryTypes(standard)

const SECTION = { binding: 'bindings', guard: 'guards', vault: 'vaults', catalog: 'catalogs', store: 'stores' } as const

function load(file: string) {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return { text, ...loadConfig({ text, file, registry: standard, environment: ENVIRONMENT }) }
}

describe.each(types.map((type) => [`${type.what} ${type.type}`, type] as const))('%s', (name, { what, type }) => {
  it('has a page', () => {
    expect(existsSync(join(FOLDER, pageName({ what, type })))).toBe(true)
  })

  it('has a valid example with an entry of the type', () => {
    const file = exampleFile(ROOT, { what, type })
    expect(file, `write docs/reference/examples/${what}-${type}.yaml, a document with a ${name}`).toBeDefined()
    const { problems, namespaces, text } = load(file!)
    // Of an exporter that is not there yet a warning says just that.
    expect(problems.filter(({ level, code }) => level === 'error' || code !== 'no-effect')).toEqual([])
    if (what === 'exporter') expect(text).toContain(`type: ${type}\n`)
    else expect(typesOf(namespaces, SECTION[what])).toContain(type)
  })
})

function typesOf(configs: readonly Config[], section: (typeof SECTION)[keyof typeof SECTION]): string[] {
  return configs.flatMap((config) => config[section].map(({ type }) => type))
}

it('there is no page and no example of a type that is not there', () => {
  const names = types.map(({ what, type }) => `${what}-${type}`)
  expect(readdirSync(FOLDER).sort()).toEqual(
    ['README.md', 'examples', 'model.md', ...names.map((name) => `${name}.md`)].sort(),
  )
  expect(names).toEqual(expect.arrayContaining(readdirSync(join(FOLDER, 'examples')).map((file) => file.slice(0, -5))))
})
