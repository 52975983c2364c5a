/**
 * File → namespaces, for `validate` and `start` alike, and problems → text.
 */
import {
  formatProblem,
  type LoadResult,
  loadConfig,
  type OptionDefault,
  type Problem,
  readDocument,
} from '@zilla-ts/engine'
import { standard } from './standard.ts'

export interface LoadedDocument extends LoadResult {
  readonly file: string
  /** absent when it could not be read */
  readonly text?: string
}

/** Never throws: a file that cannot be read is a problem like others. */
export function loadDocument(file: string, defaults: readonly OptionDefault[] = []): LoadedDocument {
  let text: string
  try {
    text = readDocument(file)
  } catch (error) {
    const { message } = error as Error
    const problem: Problem = { level: 'error', code: 'unreadable-file', message, file, line: 1, column: 1, path: '' }
    return { file, problems: [problem], namespaces: [] }
  }
  return { file, text, ...loadConfig({ text, file, registry: standard, environment: process.env, defaults }) }
}

export const hasErrors = ({ problems }: LoadResult): boolean => problems.some(({ level }) => level === 'error')

/** Each problem with its line of the file, one after the other. */
export function formatProblems({ problems, text }: LoadedDocument, { color }: { readonly color: boolean }): string {
  return problems.map((problem) => `${formatProblem(problem, text, { color })}\n`).join('')
}

/** `2 errors, 1 warning` */
export function countProblems({ problems }: LoadResult): string {
  const count = (level: Problem['level']): string[] => {
    const { length } = problems.filter((problem) => problem.level === level)
    return length === 0 ? [] : [`${length} ${level}${length === 1 ? '' : 's'}`]
  }
  return [...count('error'), ...count('warning')].join(', ')
}
