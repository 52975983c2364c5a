/**
 * The catalogue of problem codes, packages/cli/src/problems.yaml → what the code knows of it and the page for users.
 * Called by generate.ts.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** One code. */
export interface CatalogueEntry {
  readonly code: string
  readonly name: string
  /** absent: error */
  readonly severity?: 'error' | 'warning'
  readonly title: string
  readonly cause: string
  readonly fix: string
  readonly example?: string
  /** `line:column` in the example */
  readonly at?: string
  /** why there is no example */
  readonly unseen?: string
}

export interface Group {
  readonly group: string
  readonly problems: readonly CatalogueEntry[]
}

/** The parser belongs to the engine. */
const { parse } = createRequire(new URL('../packages/engine/package.json', import.meta.url))('yaml') as {
  parse(text: string): unknown
}

export const readCatalogue = (root: string): readonly Group[] =>
  parse(readFileSync(join(root, 'packages/cli/src/problems.yaml'), 'utf8')) as readonly Group[]

/** packages/cli/src/problem-codes.ts */
export function problemCodes(root: string): string {
  const entries = readCatalogue(root).flatMap(({ problems }) => problems)
  const lines = entries.map(({ code, name, title }) => {
    const key = /^[a-z][a-z0-9]*$/.test(name) ? name : `'${name}'`
    const line = `  ${key}: { number: '${code}', title: ${quoted(title)} },`
    return line.length <= 120 ? line : `  ${key}: {\n    number: '${code}',\n    title: ${quoted(title)},\n  },`
  })
  return [
    '// Generated from problems.yaml: do not edit; npm run generate',
    '',
    'interface ProblemCode {',
    '  /** `ZC0201`: never given to another problem */',
    '  readonly number: string',
    '  readonly title: string',
    '}',
    '',
    '/** By the names that modules and the engine report. */',
    'export const problemCodes: Readonly<Record<string, ProblemCode>> = {',
    ...lines,
    '}',
    '',
    '/** Undefined for codes of modules that are not in the catalogue. */',
    'export const numberOf = (name: string): string | undefined => problemCodes[name]?.number',
    '',
  ].join('\n')
}

const quoted = (text: string): string => (text.includes("'") ? JSON.stringify(text) : `'${text}'`)

/** docs/problems.md */
export function problemsPage(root: string): string {
  const sections = readCatalogue(root).flatMap(({ group, problems }) => [
    `## ${group}`,
    '',
    ...problems.flatMap(section),
  ])
  return [
    '<!-- Generated from packages/cli/src/problems.yaml: do not edit; npm run generate -->',
    '',
    '# Problems of documents',
    '',
    'What `zilla-ts validate` and `zilla-ts start` can say of a document, by code. [validate.md](validate.md) tells how to run it.',
    'An error keeps the engine from starting; a warning does not, unless `validate --strict` is asked to make it count.',
    '',
    ...sections,
  ].join('\n')
}

function section({ code, name, severity = 'error', title, cause, fix, example, at }: CatalogueEntry): string[] {
  // A page cannot show control characters.
  const shown = example !== undefined && at !== undefined && /^[\t\n\x20-\uFFFF]*$/.test(example)
  return [
    `### ${code}`,
    '',
    `**${title}** (\`${name}\`, ${severity})`,
    '',
    cause,
    '',
    `_What to do:_ ${fix}`,
    '',
    ...(shown ? [`At ${at} of:`, '', '```yaml', ...example.trimEnd().split('\n'), '```', ''] : []),
  ]
}
