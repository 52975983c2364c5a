/**
 * `zilla-ts diff OLD NEW`: which entries differ, in what, and which others that concerns; what a running engine would have
 * to change. Secrets and what comes from the environment are not shown.
 */
import {
  type Config,
  dereference,
  diffConfigs,
  type EntryChange,
  entryTypes,
  type JsonSchema,
  markedValues,
  type Path,
  pointer,
  type Registry,
  SECTION_OF_ENTRY,
} from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'
import { countProblems, formatProblems, hasErrors, loadDocument } from './document.ts'
import { loadRegistry } from './modules.ts'

export interface DiffOptions {
  readonly format: string
  readonly modules: readonly string[]
}

/** What is printed of a property that differs. */
interface Difference {
  /** JSON pointer from the entry on */
  readonly path: string
  /** absent: not there */
  readonly before?: unknown
  readonly after?: unknown
}

const HIDDEN = '***'
/** Names of values that are secret whatever the schema says. */
const SECRET = /password|passphrase|secret|token|credentials/i
const VALUE_LENGTH_MAX = 80

/** The exit code: 0 the same, 1 different. Rejects with a `CommandError` when they cannot be compared. */
export async function diff(files: readonly [string, string], { format, modules }: DiffOptions): Promise<number> {
  const registry = await loadRegistry(modules)
  const [before, after] = [await readSide(files[0], registry), await readSide(files[1], registry)]
  const { changes, affected } = diffConfigs(before.configs, after.configs)
  const shown = changes.map((change) => ({
    section: change.section,
    id: change.id,
    change: change.change,
    properties: differencesOf(change, before.shown(change), after.shown(change)),
  }))
  const same = changes.length === 0
  if (format === 'json') process.stdout.write(`${JSON.stringify({ same, changes: shown, affected }, null, 2)}\n`)
  else process.stdout.write(same ? 'no difference\n' : text(shown, affected))
  return same ? 0 : 1
}

type Key = Pick<EntryChange, 'section' | 'id'>

interface Side {
  readonly configs: readonly Config[]
  /** the entry as it may be printed */
  shown(key: Key): unknown
}

async function readSide(file: string, registry: Registry): Promise<Side> {
  const used = new Set<string>()
  const document = await loadDocument(file, { registry, environment: recording(used) })
  if (hasErrors(document)) {
    process.stderr.write(formatProblems(document, { color: process.stderr.isTTY }))
    throw new CommandError(`${file} is not valid: ${countProblems(document)}`)
  }
  const schemas = new Map(
    entryTypes(registry).map(({ what, type, schema }) => [`${SECTION_OF_ENTRY[what]} ${type}`, dereference(schema)]),
  )
  return {
    configs: document.namespaces,
    shown({ section, id }) {
      const all: readonly { readonly id: string; readonly type: string; readonly entry?: unknown }[] =
        document.namespaces.flatMap((config) => config[section])
      const found = all.find((each) => each.id === id)
      return found?.entry && masked(found.entry, schemas.get(`${section} ${found.type}`), used)
    },
  }
}

/** The environment of this process, with a note of each value that somebody asks for. */
function recording(used: Set<string>): NodeJS.ProcessEnv {
  return new Proxy(process.env, {
    get(target, name) {
      const value = Reflect.get(target, name) as string | undefined
      if (typeof value === 'string' && value !== '') used.add(value)
      return value
    },
  })
}

function masked(entry: unknown, schema: JsonSchema | undefined, used: ReadonlySet<string>): unknown {
  const secret = new Set(
    schema === undefined ? [] : markedValues(schema, entry, 'x-secret').map(({ path }) => pointer(path)),
  )
  const isHidden = (value: unknown, path: Path): boolean =>
    secret.has(pointer(path)) ||
    path.some((part) => SECRET.test(String(part))) ||
    [...used].some((from) => String(value).includes(from))
  const copy = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value))
      return secret.has(pointer(path)) ? HIDDEN : value.map((item, at) => copy(item, [...path, at]))
    if (value === null || typeof value !== 'object') return isHidden(value, path) ? HIDDEN : value
    if (secret.has(pointer(path))) return HIDDEN
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copy(item, [...path, name])]))
  }
  return copy(entry, [])
}

function differencesOf({ paths }: EntryChange, before: unknown, after: unknown): Difference[] {
  return paths.map((path) => ({ path: pointer(path), before: at(before, path), after: at(after, path) }))
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, part) => (node as Record<string | number, unknown> | undefined)?.[part], value)
}

interface Shown extends Key {
  readonly change: EntryChange['change']
  readonly properties: readonly Difference[]
}

function text(changes: readonly Shown[], affected: readonly Key[]): string {
  const lines = changes.flatMap(({ section, id, change, properties }) => [
    `${change.padEnd(8)} ${section} ${id}`,
    ...properties.map(({ path, before, after }) => `           ${path}  ${valueText(before)} → ${valueText(after)}`),
  ])
  return `${[...lines, ...affected.map(({ section, id }) => `affected ${section} ${id}`)].join('\n')}\n`
}

function valueText(value: unknown): string {
  if (value === undefined) return '(none)'
  const json = JSON.stringify(value)
  return json.length > VALUE_LENGTH_MAX ? `${json.slice(0, VALUE_LENGTH_MAX)}…` : json
}
