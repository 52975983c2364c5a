/**
 * Problems as text for people. Programs get `JSON.stringify` of the same objects. Prints nothing itself.
 */
import type { Problem } from './problem.ts'
import { withoutSecrets } from './secret.ts'

const RED = '31'
const YELLOW = '33'
const GREY = '90'
const BOLD = '1'

/** Characters of a source line that are shown. */
const LINE_LENGTH_MAX = 160

/**
 * `zilla.yaml:12:7 error unknown-property  …`, and with the text of the file the line itself and a caret below it. `byPath`
 * is for documents that have no lines: `zilla.config.ts /bindings/north error …`.
 */
export function formatProblem(problem: Problem, sourceText?: string, { color = false, byPath = false } = {}): string {
  const paint = (style: string, text: string): string => (color ? `\u001B[${style}m${text}\u001B[0m` : text)
  const { file, line, column, path, level, code, message } = problem
  const place = paint(BOLD, byPath ? `${file} ${visible(path) || '/'}` : `${file}:${line}:${column}`)
  const head = `${place} ${paint(level === 'error' ? RED : YELLOW, level)} ${paint(GREY, code)}  ${visible(message)}`
  const source = sourceText === undefined || byPath ? undefined : lineOf(sourceText, line)
  if (source === undefined || source.trim() === '' || column > LINE_LENGTH_MAX) return head
  const shown = visible(withoutSecrets(source).slice(0, LINE_LENGTH_MAX))
  const gutter = `${line} | `
  const caret = `${' '.repeat(gutter.length + column - 1)}${paint(level === 'error' ? RED : YELLOW, '^')}`
  return `${head}\n${paint(GREY, gutter)}${shown}\n${caret}`
}

function lineOf(text: string, line: number): string | undefined {
  let start = text.startsWith('\uFEFF') ? 1 : 0
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', start)
    if (end < 0) return undefined
    start = end + 1
  }
  const end = text.indexOf('\n', start)
  return text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '')
}

/** Control characters of a document must not reach the terminal; a tab keeps its width of one, as the caret counts it. */
function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001F\u007F-\u009F]/g, (character) => (character === '\t' ? ' ' : '�'))
}
