/**
 * File → namespaces, for all commands alike, and problems → text.
 */
import { dirname, resolve } from 'node:path'
import {
  DocumentError,
  findLive,
  type LoadResult,
  loadConfig,
  type OptionDefault,
  type Problem,
  type Registry,
} from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'
import { formatProblem } from './problem-text.ts'
import { nameOf, readSource, type Source, STDIN } from './source.ts'

export interface LoadedDocument extends LoadResult {
  /** as it stands in problems */
  readonly file: string
  /** false: there is no file, it may not be read, or its code gives no document */
  readonly readable: boolean
  /** it is made by code: problems have a path, and no line */
  readonly isMade: boolean
}

export interface DocumentOptions {
  readonly registry: Registry
  readonly defaults?: readonly OptionDefault[]
  /** variables for `${{env.NAME}}`; absent: those of this process */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** variables that are not set are no problem */
  readonly allowUnset?: boolean
}

/** Never rejects: a file that cannot be read is a problem like others. */
export async function loadDocument(path: string, options: DocumentOptions): Promise<LoadedDocument> {
  const { registry, defaults = [], environment = process.env, allowUnset = false } = options
  const file = nameOf(path)
  let source: Source
  try {
    source = await readSource(path)
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error
    const { code, message, line, column } = error
    const place = { file, line, column, endLine: line, endColumn: column, path: '' }
    const problems = [{ level: 'error', code, message, ...place } as const]
    return {
      file,
      readable: code !== 'unreadable-file',
      isMade: false,
      problems,
      namespaces: [],
      problemsWith: () => problems,
    }
  }
  const { text, isMade } = source
  const { problems, namespaces, problemsWith } = loadConfig({ text, file, registry, environment, allowUnset, defaults })
  const placed = (all: readonly Problem[]): readonly Problem[] => (isMade ? all.map(withoutLine) : all)
  return {
    file,
    readable: true,
    isMade,
    problems: placed(problems),
    namespaces,
    problemsWith: (found) => placed(problemsWith(found)),
  }
}

/** The same with what is wrong outside. Rejects with a `CommandError` where nobody could be asked. */
export async function lookedOutside(
  document: LoadedDocument,
  path: string,
  { registry, deadlineMs }: { readonly registry: Registry; readonly deadlineMs: number },
): Promise<LoadedDocument> {
  const { namespaces: configs } = document
  if (configs.length === 0) return document
  const directory = path === STDIN ? process.cwd() : dirname(resolve(path))
  try {
    const found = await findLive({ registry, configs, directory, deadlineMs })
    return { ...document, problems: document.problemsWith(found) }
  } catch (error) {
    throw new CommandError(`${document.file}: ${(error as Error).message}`, { cause: error })
  }
}

/** Of the text that was made of code nobody knows the lines. */
function withoutLine({ excerpt: _, ...problem }: Problem): Problem {
  return { ...problem, line: 1, column: 1, endLine: 1, endColumn: 1 }
}

export const hasErrors = ({ problems }: LoadResult): boolean => problems.some(({ level }) => level === 'error')

/** Each problem with its line of the file, one after the other. */
export function formatProblems(document: LoadedDocument, { color }: { readonly color: boolean }): string {
  const { problems, isMade } = document
  return problems.map((problem) => `${formatProblem(problem, { color, byPath: isMade })}\n`).join('')
}

/** `2 errors, 1 warning` */
export function countProblems({ problems }: LoadResult): string {
  const count = (level: Problem['level']): string[] => {
    const { length } = problems.filter((problem) => problem.level === level)
    return length === 0 ? [] : [`${length} ${level}${length === 1 ? '' : 's'}`]
  }
  return [...count('error'), ...count('warning')].join(', ')
}
