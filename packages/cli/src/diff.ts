/**
 * `zilla-ts diff OLD NEW`: which entries differ, in what, and which others that concerns; what a running engine would have
 * to change. Secrets and what comes from the environment are not shown.
 */
import {
  type Config,
  type ConfigBinding,
  type ConfigPart,
  diffConfigs,
  type EntryChange,
  type Path,
  pointer,
  type Registry,
} from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'
import { countProblems, formatProblems, hasErrors, loadDocument } from './document.ts'
import { shownEntry } from './effective.ts'
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
  const document = await loadDocument(file, { registry })
  if (hasErrors(document)) {
    process.stderr.write(formatProblems(document, { color: process.stderr.isTTY }))
    throw new CommandError(`${file} is not valid: ${countProblems(document)}`)
  }
  return {
    configs: document.namespaces,
    shown({ section, id }) {
      if (section === 'stores') return undefined
      const all = document.namespaces.flatMap((config): readonly (ConfigBinding | ConfigPart)[] => config[section])
      const found = all.find((each) => each.id === id)
      return found && shownEntry(found)
    },
  }
}

function differencesOf({ paths }: EntryChange, before: unknown, after: unknown): Difference[] {
  return paths.map((path) => ({ path: pointer(path), before: at(before, path), after: at(after, path) }))
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    // What is hidden as a whole is a text where something else stood.
    (node, part) => (typeof node === 'string' ? node : (node as Record<string | number, unknown> | undefined)?.[part]),
    value,
  )
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
