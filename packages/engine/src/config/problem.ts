/**
 * A problem of the document as users see it, and the list that collects them. Every phase of the pipeline reports here;
 * the list makes sure that one fault is one problem. Never throws, never prints.
 */
import type { Located, Path, Places, Stretch } from './places.ts'
import type { Redactor } from './redactor.ts'
import { isSecret, isTemplate, type Range } from './secrets.ts'

/** One fault or doubt, at one place of the file. */
export interface Problem {
  readonly level: 'error' | 'warning'
  /** stable, kebab-case: `unknown-property` */
  readonly code: string
  readonly message: string
  readonly file: string
  /** counted from 1 */
  readonly line: number
  /** counted from 1, in UTF-16 units */
  readonly column: number
  /** the place after the last character concerned; that of the beginning when it is no stretch of text */
  readonly endLine: number
  readonly endColumn: number
  /** the line, cut when it is long, with `*` for each character of a secret; absent where that would not show the place */
  readonly excerpt?: string
  /** JSON pointer inside its document */
  readonly path: string
  /** what was probably meant */
  readonly suggestion?: string
  /** advice, which ends the message too */
  readonly hint?: string
  /** what was found: a single value, not a secret, and not from the environment, which may hold secrets */
  readonly value?: unknown
  readonly allowed?: readonly unknown[]
}

/** What a phase reports, before it has a place. */
export interface Fault {
  readonly level?: Problem['level']
  readonly code: string
  /** a clause that stands alone; the value found and the suggestion are added to it */
  readonly message: string
  readonly path: Path
  /** point at the key of `path`; without it, at a scalar's value or a collection's key */
  readonly atKey?: boolean
  /** the property of `path` that is not there */
  readonly missing?: string
  readonly suggestion?: string
  readonly value?: unknown
  readonly allowed?: readonly unknown[]
  /** a sentence of advice, last in the message */
  readonly hint?: string
}

const VALUE_LENGTH_MAX = 60

/** Collections are named only: they are long, and parts of them may come from the environment. */
const isShown = (value: unknown): boolean => value !== undefined && (value === null || typeof value !== 'object')

function found(value: unknown, expression: string | undefined, secret: boolean): string {
  if (secret) return 'a value that is not shown'
  if (expression !== undefined) return `the value of ${expression}`
  if (!isShown(value)) return Array.isArray(value) ? 'a list' : 'a mapping'
  const text = JSON.stringify(value)
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text
}

/** `['a/b', 0]` → `/a~1b/0` */
export function pointer(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** `/a~1b/0` → `['a/b', '0']` */
export function pathOf(text: string): Path {
  if (text === '') return []
  const parts = text.slice(1).split('/')
  return text.includes('~') ? parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')) : parts
}

export class ProblemList {
  readonly items: Problem[] = []
  /** where secrets stand in the text, as far as it is known by now */
  readonly secretRanges: Range[] = []
  readonly #file: string
  readonly #redactor: Redactor
  /** values that a schema calls secret, by document and pointer */
  readonly #secret = new Set<string>()
  /** problems about secrets */
  readonly #near = new Set<Problem>()
  /** errors by the thing at fault, so that no later phase reports it again */
  readonly #faulty = new Set<string>()
  /** by place and text: content behind an anchor is looked at once per alias */
  readonly #reported = new Set<string>()

  constructor(file: string, redactor: Redactor) {
    this.#file = file
    this.#redactor = redactor
  }

  get hasErrors(): boolean {
    return this.items.some(({ level }) => level === 'error')
  }

  /** A problem of the text, before or without a tree to point into. */
  addAt(place: Stretch, problem: Pick<Problem, 'level' | 'code' | 'message'>, path: Path = []): void {
    const item = { ...problem, file: this.#file, ...place, path: pointer(path) }
    if (isSecret(path)) this.#near.add(item)
    this.items.push(item)
  }

  /** Whatever is said about the value at `path`, what it is must not be. */
  hide(places: Places, path: Path, value: unknown): void {
    this.#secret.add(`${places.document} ${pointer(path)}`)
    if (value !== null && typeof value === 'object') {
      for (const [key, item] of Object.entries(value)) this.hide(places, [...path, key], item)
      return
    }
    if (value === undefined || isTemplate(value)) return
    this.#redactor.secret(String(value))
    const range = places.scalarRange(path)
    if (range !== undefined) this.secretRanges.push(range)
  }

  add(places: Places, fault: Fault): void {
    const located = places.locate(fault.path, fault.atKey === true)
    if (located.broken) return
    const level = fault.level ?? 'error'
    const path = pointer(fault.path)
    if (level === 'error') {
      const subject = `${places.document} ${fault.missing === undefined ? path : pointer([...fault.path, fault.missing])}`
      if (this.#faulty.has(subject)) return
      this.#faulty.add(subject)
    }
    const secret = isSecret(fault.path, fault.value) || this.#secret.has(`${places.document} ${path}`)
    const message = sentence(fault, located, secret)
    const place = `${located.line}:${located.column} ${message}`
    if (this.#reported.has(place)) return
    this.#reported.add(place)
    const item: Problem = {
      level,
      code: fault.code,
      message,
      file: this.#file,
      line: located.line,
      column: located.column,
      endLine: located.endLine,
      endColumn: located.endColumn,
      path,
      ...(fault.suggestion !== undefined && { suggestion: fault.suggestion }),
      ...(fault.hint !== undefined && { hint: fault.hint }),
      ...(isShown(fault.value) && located.expression === undefined && !secret && { value: fault.value }),
      ...(fault.allowed !== undefined && { allowed: fault.allowed }),
    }
    if (secret || located.expression !== undefined) this.#near.add(item)
    this.items.push(item)
  }

  /** By place, errors before warnings of the same place; nothing secret in them. */
  sorted(linesOf: () => readonly string[]): Problem[] {
    const lines = this.items.length === 0 ? [] : linesOf()
    return this.items
      .map((item) => this.#redacted(item, lines[item.line - 1]))
      .sort((a, b) => a.line - b.line || a.column - b.column || (a.level < b.level ? -1 : a.level > b.level ? 1 : 0))
  }

  #redacted(problem: Problem, line = ''): Problem {
    const near = this.#near.has(problem)
    const redact = (text: string): string => this.#redactor.redact(text, near)
    const { message, path, suggestion, hint = commentHint(problem, line), value, allowed } = problem
    return {
      ...problem,
      message: redact(hint === problem.hint ? message : `${message}. ${hint}`),
      path: redact(path),
      ...(line.trim() !== '' && problem.column <= line.length + 1 && { excerpt: line }),
      ...(suggestion !== undefined && { suggestion: redact(suggestion) }),
      ...(hint !== undefined && { hint: redact(hint) }),
      ...(typeof value === 'string' && { value: redact(value) }),
      ...(allowed !== undefined && {
        allowed: allowed.map((item) => (typeof item === 'string' ? redact(item) : item)),
      }),
    }
  }
}

/** `topic: #` has no value, but a comment. */
function commentHint({ code, message }: Problem, line: string): string | undefined {
  if (code !== 'wrong-type' || !message.endsWith('found null') || !/:\s+#/.test(line)) return undefined
  return 'What follows # is a comment: put a text that begins with it in quotes.'
}

function sentence(fault: Fault, located: Located, secret: boolean): string {
  let text = fault.message
  if (fault.value !== undefined) text += `, found ${found(fault.value, located.expression, secret)}`
  if (fault.suggestion !== undefined) text += `; did you mean \`${fault.suggestion}\`?`
  if (fault.hint !== undefined) text += `${/[.?!]$/.test(text) ? '' : '.'} ${fault.hint}`
  return text
}
