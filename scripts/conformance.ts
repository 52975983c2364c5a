/**
 * The page of MQTT conformance: every normative statement of both standards beside the tests that name it. Called by
 * generate.ts; the statements are in docs/mqtt-statements.json, the tests say in their names what they verify:
 *   [MQTT-3.1.2-4]     MQTT 5.0; in a name that begins with 3.1.1, a statement of that version if it has one of this id
 *   [MQTT-3.1.2-4]v3   MQTT 3.1.1
 * Must never claim a test that is not there: an id that neither standard has is an error.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

type Version = '5.0' | '3.1.1'

interface Statements {
  /** by version and id, in the order of the standard */
  readonly statements: Readonly<Record<Version, Readonly<Record<string, string>>>>
  /** by version: why statements without a test have none */
  readonly gaps: Readonly<Record<Version, Readonly<Record<string, readonly string[]>>>>
}

/** Tests by file, per statement. */
type Coverage = Map<string, Map<string, number>>

const SOURCE = 'docs/mqtt-statements.json'
const TAG = /\[MQTT-(\d+\.\d+\.\d+-\d+)\](v3)?/g
// On one line: a comment in between has no quotes around its tags.
const LITERAL = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`/g
const TITLES: Readonly<Record<Version, string>> = { '5.0': 'MQTT 5.0', '3.1.1': 'MQTT 3.1.1' }

/** The text of docs/mqtt-conformance.md. */
export function conformancePage(root: string): string {
  const { statements, gaps } = JSON.parse(readFileSync(join(root, SOURCE), 'utf8')) as Statements
  const covered: Record<Version, Coverage> = { '5.0': new Map(), '3.1.1': new Map() }
  const unknown: string[] = []
  for (const file of testFiles(root)) {
    const path = relative(root, file)
    for (const name of testNames(file)) {
      for (const { id, version } of statementsOf(name, statements)) {
        if (version === null) unknown.push(`${path}: MQTT-${id}`)
        else count(covered[version], id, path)
      }
    }
  }
  if (unknown.length > 0) throw new Error(`statements that no standard has:\n${unknown.join('\n')}`)
  const sections = (['5.0', '3.1.1'] as const).map((version) =>
    section(TITLES[version], statements[version], gaps[version], covered[version]),
  )
  return [...introduction(), ...sections.flat(), ''].join('\n')
}

function introduction(): string[] {
  return [
    '# MQTT conformance',
    '',
    `<!-- Generated from ${SOURCE} and the names of tests: do not edit; npm run generate -->`,
    '',
    'Each normative statement of the standards, in short words of our own, and the tests that name it. The wording that counts is',
    'that of the standards: [MQTT 5.0](https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html),',
    '[MQTT 3.1.1](https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html).',
    '',
    'The tests in `packages/cli/test/interop` talk to a whole server over TCP. They run against any server that lets everybody in:',
    '`ZILLA_INTEROP_TARGET=127.0.0.1:1883 npm test -- packages/cli/test/interop`.',
    '',
  ]
}

function section(
  title: string,
  statements: Readonly<Record<string, string>>,
  gaps: Readonly<Record<string, readonly string[]>>,
  covered: Coverage,
): string[] {
  const ids = Object.keys(statements)
  const reasons = new Map(Object.entries(gaps).flatMap(([reason, list]) => list.map((id) => [id, reason] as const)))
  const strays = [...reasons.keys()].filter((id) => !(id in statements))
  if (strays.length > 0) throw new Error(`${SOURCE}: gaps of statements that are not there: ${strays.join(', ')}`)
  const untested = ids.filter((id) => !covered.has(id) && !reasons.has(id))
  const tested = ids.filter((id) => covered.has(id)).length
  return [
    `## ${title}`,
    '',
    `${ids.length} statements: ${tested} are named by tests, ${ids.length - tested - untested.length} are not ours, ${untested.length} have no test.`,
    '',
    '| id | statement | tests |',
    '| --- | --- | --- |',
    ...ids.map((id) => `| MQTT-${id} | ${statements[id]} | ${testsOf(covered.get(id), reasons.get(id))} |`),
    '',
  ]
}

function testsOf(files: ReadonlyMap<string, number> | undefined, reason: string | undefined): string {
  if (files === undefined) return `— ${reason ?? 'not tested'}`
  const links = [...files]
    .sort()
    .map(([path, tests]) => `[${shortName(path)}](../${path})${tests > 1 ? ` ×${tests}` : ''}`)
  return links.join(', ')
}

/** `packages/cli/test/interop/will.test.ts` → `interop/will` */
function shortName(path: string): string {
  return path
    .replace(/^packages\//, '')
    .replace(/(?:cli\/)?(?:test|src)\//, '')
    .replace(/(?:\.test)?\.(?:ts|wire)$/, '')
}

function count(coverage: Coverage, id: string, path: string): void {
  let files = coverage.get(id)
  if (files === undefined) {
    files = new Map()
    coverage.set(id, files)
  }
  files.set(path, (files.get(path) ?? 0) + 1)
}

function testFiles(root: string): string[] {
  const packages = join(root, 'packages')
  return readdirSync(packages)
    .flatMap((name) => [join(packages, name, 'src'), join(packages, name, 'test')])
    .flatMap((folder) => below(folder))
    .filter((file) => file.endsWith('.test.ts') || file.endsWith('.wire'))
    .sort()
}

function below(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  } catch {
    // a package without tests of this kind
    return []
  }
}

/** Titles of wire scripts; string literals of test files, for names come from tables too. */
function testNames(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  if (file.endsWith('.wire')) return lines.filter((line) => line.startsWith('===')).map((line) => line.slice(3).trim())
  return lines
    .filter((line) => !/^\s*(?:\/\/|\*|\/\*)/.test(line))
    .flatMap((line) => line.match(LITERAL) ?? [])
    .map((literal) => literal.slice(1, -1))
}

/** What a name claims; once each. */
function statementsOf(name: string, statements: Statements['statements']): { id: string; version: Version | null }[] {
  const found = new Map<string, { id: string; version: Version | null }>()
  for (const [tag, id = '', v3] of name.matchAll(TAG)) {
    const wanted: Version =
      v3 !== undefined || (name.startsWith('3.1.1') && id in statements['3.1.1']) ? '3.1.1' : '5.0'
    found.set(tag, { id, version: id in statements[wanted] ? wanted : null })
  }
  return [...found.values()]
}
