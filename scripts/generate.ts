/**
 * Writes what is derived from other files, the JSON Schemas above all, so that each rule has one source:
 *   packages/<package>/src/…/<type>.schema.json   by hand: the whole entry of one binding or guard type
 *   → <type>.config.ts beside it                  `<Type>Config` ({ options, when, with } as they are after defaults) and
 *                                                 `schema`, so that no code loads JSON files at run time
 *   → schemas/zilla.schema.json                   the whole document, composed of the standard modules (`zilla-ts schema`)
 *   → packages/engine/src/config/entries.config.ts  the entries of documents written in TypeScript (`ZillaConfig`)
 *   → docs/reference/*.md                         a page for each type, by reference.ts
 *   packages/cli/src/problems.yaml → problem-codes.ts beside it, docs/problems.md, by problems.ts
 *   docs/mqtt-statements.json, names of tests            → docs/mqtt-conformance.md, by conformance.ts
 *   docs/limits.json, the schemas                        → docs/limits.md, by limits.ts
 * Run with `npm run generate`; `--check` writes nothing and exits 1 when a file is stale. CONTRIBUTING.md tells how to
 * write a schema.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from 'json-schema-to-typescript'
import { dereference } from '../packages/engine/src/config/dereference.ts'
import { conformancePage } from './conformance.ts'
import { entryTypesSource } from './entry-types-source.ts'
import { limitsPage } from './limits.ts'
import { problemCodes, problemsPage } from './problems.ts'
import { referencePages } from './reference.ts'
import type { Schemas } from './schemas.ts'
import { typedProperties } from './static-types.ts'

type Json = Record<string, unknown>

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SUFFIX = '.schema.json'

const isObject = (value: unknown): value is Json => value !== null && typeof value === 'object' && !Array.isArray(value)

/** `mqtt-kafka` → `MqttKafkaConfig` */
function typeName(type: string): string {
  const words = type.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1))
  return `${words.join('')}Config`
}

/** The part of an entry that a module's code sees as `C extends BindingConfig`. */
function configSchema(entry: Json, name: string): Json {
  const at = (...path: string[]): unknown =>
    path.reduce<unknown>((node, key) => (isObject(node) ? node[key] : undefined), entry)
  const route = ['properties', 'routes', 'items', 'properties']
  const parts: Json = {
    options: at('properties', 'options'),
    when: at(...route, 'when', 'items'),
    with: at(...route, 'with'),
  }
  const properties = Object.fromEntries(Object.entries(parts).filter(([, part]) => isObject(part)))
  const required = Object.keys(properties).filter((key) => isObject(properties[key]) && 'default' in properties[key])
  return {
    title: name,
    description: `What \`type: ${(at('properties', 'type') as Json)['const']}\` entries hold.`,
    type: 'object',
    additionalProperties: false,
    properties: typedProperties(properties, 'filled'),
    required,
  }
}

async function configSource(file: string): Promise<string> {
  const schema = JSON.parse(readFileSync(file, 'utf8')) as Json
  const name = file.slice(file.lastIndexOf('/') + 1, -SUFFIX.length)
  const types = await compile(configSchema(dereference(schema) as Json, typeName(name)), typeName(name), {
    bannerComment: '',
    additionalProperties: false,
    style: { semi: false, singleQuote: true, printWidth: 120 },
  })
  return [
    `// Generated from ${name}${SUFFIX}: do not edit; npm run generate`,
    "import type { JsonSchema } from '@zilla-ts/engine'",
    '',
    types.trim(),
    '',
    `/** JSON Schema of a whole \`type: ${name}\` entry. */`,
    `export const schema: JsonSchema = ${JSON.stringify(schema, null, 2)}`,
    '',
  ].join('\n')
}

function readSchemas(): Schemas {
  const args = [...process.execArgv, '--conditions=source', join(ROOT, 'scripts', 'schemas.ts')]
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    timeout: 120_000,
  })
  if (status !== 0) throw new Error(`reading the schemas of the standard modules failed: ${error?.message ?? stderr}`)
  return JSON.parse(stdout) as Schemas
}

function schemaFiles(): string[] {
  const packages = join(ROOT, 'packages')
  return readdirSync(packages)
    .map((name) => join(packages, name, 'src'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
    .filter((file) => file.endsWith(SUFFIX))
    .sort()
}

async function main(): Promise<void> {
  const check = process.argv.includes('--check')
  let stale = 0
  const put = (file: string, text: string): void => {
    if (existsSync(file) && readFileSync(file, 'utf8') === text) return
    stale += 1
    console.log(`${check ? 'stale' : 'wrote'} ${relative(ROOT, file)}`)
    if (check) return
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  for (const file of schemaFiles()) put(file.slice(0, -SUFFIX.length) + '.config.ts', await configSource(file))
  const schemas = readSchemas()
  const { composed, types } = schemas
  put(join(ROOT, 'schemas', 'zilla.schema.json'), `${JSON.stringify(composed, null, 2)}\n`)
  put(join(ROOT, 'packages', 'engine', 'src', 'config', 'entries.config.ts'), await entryTypesSource(types))
  put(join(ROOT, 'packages/cli/src/problem-codes.ts'), problemCodes(ROOT))
  put(join(ROOT, 'docs', 'problems.md'), problemsPage(ROOT))
  put(join(ROOT, 'docs', 'mqtt-conformance.md'), conformancePage(ROOT))
  put(join(ROOT, 'docs', 'limits.md'), limitsPage(ROOT))
  for (const [name, text] of referencePages(ROOT, schemas)) put(join(ROOT, 'docs', 'reference', name), text)
  if (check && stale > 0) {
    console.log('run npm run generate')
    process.exitCode = 1
  }
}

await main()
