/**
 * File → namespaces, for `validate` and `start` alike, and problems → text.
 */
import {
  DocumentError,
  type LoadResult,
  loadConfig,
  type OptionDefault,
  type Problem,
  readDocument,
} from '@zilla-ts/engine'
import { formatProblem } from './problem-text.ts'
import { standard } from './standard.ts'

export interface LoadedDocument extends LoadResult {
  readonly file: string
  /** false: there is no file, or it may not be read */
  readonly readable: boolean
}

export interface LoadOptions {
  /** absent: that of the process */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly allowUnset?: boolean
  readonly defaults?: readonly OptionDefault[]
}

/** The name of the standard input. */
export const STDIN = '-'

/** Never throws: a file that cannot be read is a problem like others. */
export function loadDocument(
  file: string,
  { environment = process.env, allowUnset = false, defaults = [] }: LoadOptions = {},
): LoadedDocument {
  const name = file === STDIN ? '<stdin>' : file
  let text: string
  try {
    text = readDocument(file === STDIN ? process.stdin.fd : file, name)
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error
    const { code, message, line, column } = error
    const problem = {
      level: 'error',
      code,
      message,
      file: name,
      line,
      column,
      endLine: line,
      endColumn: column,
    } as const
    return { file: name, readable: code !== 'unreadable-file', problems: [{ ...problem, path: '' }], namespaces: [] }
  }
  const loaded = loadConfig({ text, file: name, registry: standard, environment, allowUnset, defaults })
  return { file: name, readable: true, ...loaded }
}

export const hasErrors = ({ problems }: LoadResult): boolean => problems.some(({ level }) => level === 'error')

/** Each problem with its line of the file, one after the other. */
export function formatProblems({ problems }: LoadedDocument, options: { readonly color: boolean }): string {
  return problems.map((problem) => `${formatProblem(problem, options)}\n`).join('')
}

/** `2 errors, 1 warning` */
export function countProblems({ problems }: LoadResult): string {
  const count = (level: Problem['level']): string[] => {
    const { length } = problems.filter((problem) => problem.level === level)
    return length === 0 ? [] : [`${length} ${level}${length === 1 ? '' : 's'}`]
  }
  return [...count('error'), ...count('warning')].join(', ')
}
