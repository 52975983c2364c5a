/** Problems as commands of a GitHub workflow, which shows them beside the lines of a pull request. */
import type { Problem } from '@zilla-ts/engine'
import { numberOf } from './problem-codes.ts'

/** One line for each problem. */
export function githubReport(problems: readonly Problem[]): string {
  return problems.map((problem) => `${command(problem)}\n`).join('')
}

function command({ level, file, line, column, endLine, endColumn, code, message }: Problem): string {
  // A column range is only understood within one line.
  const end = endLine === line && endColumn > column ? [`endColumn=${endColumn}`] : []
  const title = [numberOf(code), code].filter((part) => part !== undefined).join(' ')
  const properties = [
    `file=${property(file)}`,
    `line=${line}`,
    ...(endLine > line ? [`endLine=${endLine}`] : [`col=${column}`, ...end]),
    `title=${property(title)}`,
  ]
  return `::${level} ${properties.join(',')}::${data(message)}`
}

/** As GitHub's own toolkit escapes them (`@actions/core`, command.ts). */
const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
