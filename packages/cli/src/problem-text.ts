/**
 * Problems as text for people. Prints nothing itself.
 */
import type { Problem } from '@zilla-ts/engine'
import { numberOf } from './problem-codes.ts'

const RED = '31'
const YELLOW = '33'
const GREY = '90'
const BOLD = '1'

/**
 * `zilla.yaml:12:7 error ZC0203 unknown-property  …`, the line itself and a caret below it. `byPath` is for documents that
 * have no lines: `zilla.config.ts /bindings/north error …`.
 */
export function formatProblem(problem: Problem, { color = false, byPath = false } = {}): string {
  const paint = (style: string, text: string): string => (color ? `\u001B[${style}m${text}\u001B[0m` : text)
  const { file, line, column, path, level, code, message, excerpt } = problem
  const style = level === 'error' ? RED : YELLOW
  const place = paint(BOLD, `${visible(file)}${byPath ? ` ${visible(path) || '/'}` : `:${line}:${column}`}`)
  const head = `${place} ${paint(style, level)} ${paint(GREY, title(code))}  ${visible(message)}`
  if (excerpt === undefined) return head
  const gutter = `${line} | `
  return `${head}\n${paint(GREY, gutter)}${visible(excerpt)}\n${' '.repeat(gutter.length + column - 1)}${paint(style, caret(problem))}`
}

/** Number and name; bindings of others have no numbers. */
const title = (code: string): string => [numberOf(code), code].filter((part) => part !== undefined).join(' ')

/** Below all that is concerned, as far as it stands on this line. */
function caret({ line, column, endLine, endColumn, excerpt = '' }: Problem): string {
  const end = endLine === line ? endColumn : excerpt.length + 1
  return '^'.repeat(Math.max(1, Math.min(end, excerpt.length + 1) - column))
}

/** Control characters of a document must not reach the terminal; a tab keeps its width of one, as the caret counts it. */
function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001F\u007F-\u009F]/g, (character) => (character === '\t' ? ' ' : '�'))
}
