/**
 * File → namespaces, for `validate` and `start` alike, and problems → text.
 */
import {
  formatProblem,
  type LoadResult,
  loadConfig,
  type OptionDefault,
  type Problem,
  type Registry,
} from '@zilla-ts/engine'
import { readSource, type Source } from './source.ts'

export interface LoadedDocument extends LoadResult {
  readonly file: string
  /** absent when it could not be read */
  readonly text?: string
  /** it is made of code: problems have a path, and no line */
  readonly isMade?: boolean
}

export interface DocumentOptions {
  readonly registry: Registry
  readonly defaults?: readonly OptionDefault[]
  /** variables for `${{env.NAME}}`; absent: those of this process */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Never rejects: a file that cannot be read is a problem like others. */
export async function loadDocument(
  file: string,
  { registry, defaults = [], environment = process.env }: DocumentOptions,
): Promise<LoadedDocument> {
  let source: Source
  try {
    source = await readSource(file)
  } catch (error) {
    const { message } = error as Error
    const problem: Problem = { level: 'error', code: 'unreadable-file', message, file, line: 1, column: 1, path: '' }
    return { file, problems: [problem], namespaces: [] }
  }
  const { text, isMade } = source
  const result = loadConfig({ text, file, registry, environment, defaults })
  if (!isMade) return { file, text, ...result }
  // Of the text that was made of it nobody knows the lines.
  const problems = result.problems.map((problem) => ({ ...problem, line: 1, column: 1 }))
  return { file, text, isMade, ...result, problems }
}

export const hasErrors = ({ problems }: LoadResult): boolean => problems.some(({ level }) => level === 'error')

/** Each problem with its line of the file, one after the other. */
export function formatProblems(document: LoadedDocument, { color }: { readonly color: boolean }): string {
  const { problems, text, isMade = false } = document
  return problems.map((problem) => `${formatProblem(problem, text, { color, byPath: isMade })}\n`).join('')
}

/** `2 errors, 1 warning` */
export function countProblems({ problems }: LoadResult): string {
  const count = (level: Problem['level']): string[] => {
    const { length } = problems.filter((problem) => problem.level === level)
    return length === 0 ? [] : [`${length} ${level}${length === 1 ? '' : 's'}`]
  }
  return [...count('error'), ...count('warning')].join(', ')
}
