/**
 * docs/reference/*.md: a page for each type of the registry, of its schema, and an example. Called by generate.ts.
 * The example is a document of its own, docs/reference/examples/<what>-<type>.yaml, or else the first of examples/ that has
 * an entry of the type; packages/cli/test/reference.test.ts says when there is neither, and that each is valid.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type EntryType, type EntryWhat, SECTION_OF_ENTRY } from '../packages/engine/src/config/entry-types.ts'
import { isRefused } from '../packages/engine/src/config/kind-schema.ts'
import { type Property, propertiesOf, typeText } from '../packages/engine/src/config/property-list.ts'
import type { Schemas } from './schemas.ts'

const HEAD = '<!-- Generated from the schemas: do not edit; npm run generate -->'

/** Name and text of each page. */
export function referencePages(root: string, { types, model }: Schemas): readonly (readonly [string, string])[] {
  return [
    ['README.md', indexPage(types)],
    ...types.map((type) => [pageName(type), typePage(root, type)] as const),
    ['model.md', modelPage(model)],
  ]
}

export const pageName = ({ what, type }: Pick<EntryType, 'what' | 'type'>): string => `${what}-${type}.md`

const TITLES: Readonly<Record<EntryWhat, string>> = {
  binding: 'Bindings',
  guard: 'Guards',
  vault: 'Vaults',
  catalog: 'Catalogs',
  store: 'Stores',
  exporter: 'Exporters',
}

function indexPage(types: readonly EntryType[]): string {
  const sections = (Object.keys(TITLES) as EntryWhat[]).flatMap((what) => {
    const own = types.filter((type) => type.what === what)
    if (own.length === 0) return []
    const section = what === 'exporter' ? 'telemetry.exporters' : SECTION_OF_ENTRY[what]
    const lines = own.map((type) => `- [${type.type}](${pageName(type)}): ${type.schema['description']}`)
    return [`## ${TITLES[what]}\n\nEntries of \`${section}:\`.\n\n${lines.join('\n')}`]
  })
  return page('Reference', [
    'What a `zilla.yaml` may hold, by the type of its entries. `zilla-ts explain option <type>.<property>` says the same in a terminal.',
    ...sections,
    '## Models\n\n[What content must be like](model.md), wherever a property takes a model.',
  ])
}

function typePage(root: string, type: EntryType): string {
  const { what, type: name, schema, kinds } = type
  const example = exampleOf(root, type)
  return page(`${name} (${what})`, [
    String(schema['description']),
    ...(kinds.length === 0 ? [] : [kindsTable(type)]),
    propertiesTable(propertiesOf(type), kinds),
    ...(example === undefined ? [] : [`## Example\n\n\`\`\`yaml\n${example}\`\`\``]),
  ])
}

function modelPage(model: Schemas['model']): string {
  return page('Models', [
    String(model['description']),
    propertiesTable(propertiesOf({ schema: model, kinds: [] }).filter(isShown), [], true),
  ])
}

function page(title: string, parts: readonly string[]): string {
  return `${[HEAD, `# ${title}`, ...parts].join('\n\n')}\n`
}

function kindsTable({ kinds, specs }: EntryType): string {
  const rows = kinds.map((kind) => {
    const { accepts = '—', produces = '—', exitOptional } = specs[kind] ?? {}
    return [code(kind), accepts, `${produces}${exitOptional === true ? ' (the exit may be missing)' : ''}`]
  })
  return table(['Kind', 'Streams that it takes', 'Streams to its exit'], rows)
}

const isShown = ({ schema }: Property): boolean => !isRefused(schema)

function propertiesTable(all: readonly Property[], kinds: readonly string[], isModel = false): string {
  const properties = all.filter((each) => isShown(each) && (isModel || !['type', 'kind'].includes(each.path)))
  if (properties.length === 0) return 'It has no properties but its type.'
  const differs = properties.some((property) => property.kinds.length < kinds.length)
  const rows = properties.map(({ path, schema, required, kinds: own }) => {
    const fallback =
      schema['default'] === undefined ? (required ? '_required_' : '') : code(JSON.stringify(schema['default']))
    const value = schema['x-shared'] === 'model' ? '[model](model.md)' : cell(typeText(schema))
    return [code(path), value, fallback, ...(differs ? [own.join(', ')] : []), aboutOf(schema)]
  })
  const head = ['Property', 'Value', 'Default', ...(differs ? ['Kinds'] : []), 'About']
  return `## Properties\n\n\`[]\` is each item of a list, \`*\` a name of one's own.\n\n${table(head, rows)}`
}

function aboutOf(schema: Property['schema']): string {
  const examples = (schema['examples'] as unknown[] | undefined) ?? []
  return [
    ...(schema['deprecated'] === true ? ['_Old form._'] : []),
    cell(String(schema['description'] ?? '')),
    ...(schema['pattern'] !== undefined && schema['x-hint'] !== undefined ? [cell(String(schema['x-hint']))] : []),
    ...(examples.length === 0
      ? []
      : [`Such as ${examples.map((example) => code(JSON.stringify(example))).join(', ')}.`]),
  ].join(' ')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Text with marks of its own, inside a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

/** The text of the example, without its line for editors. */
function exampleOf(root: string, type: EntryType): string | undefined {
  const file = exampleFile(root, type)
  return file === undefined
    ? undefined
    : readFileSync(join(root, file), 'utf8').replace(/^# yaml-language-server:.*\n(---\n)?/, '')
}

/** Path from the root of the repository. */
export function exampleFile(root: string, { what, type }: Pick<EntryType, 'what' | 'type'>): string | undefined {
  const own = join('docs', 'reference', 'examples', `${what}-${type}.yaml`)
  if (existsSync(join(root, own))) return own
  const section = SECTION_OF_ENTRY[what]
  return readdirSync(join(root, 'examples'))
    .map((name) => join('examples', name, 'zilla.yaml'))
    .filter((file) => existsSync(join(root, file)))
    .find((file) => hasEntry(readFileSync(join(root, file), 'utf8'), section, type))
}

/** Examples are written in block style: a line of two blanks less than the entry's own begins another section. */
function hasEntry(text: string, section: string, type: string): boolean {
  const [, ...parts] = text.split(new RegExp(`^ *${section}:$`, 'm'))
  return parts.some((part) =>
    part
      .split(/^\w/m, 1)[0]!
      .split('\n')
      .some((line) => line.trim() === `type: ${type}`),
  )
}
