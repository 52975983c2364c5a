/**
 * A problem of the document as users see it, and the list that collects them. Every phase of the pipeline reports here;
 * the list makes sure that one fault is one problem. Never throws, never prints.
 */
import type { Located, Path, Places } from './places.ts'
import { isSecret } from './secret.ts'

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
  /** JSON pointer inside its document */
  readonly path: string
  /** what was probably meant */
  readonly suggestion?: string
  /** what was found: a single value, and not a secret, as those of the environment may be */
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

function found(value: unknown, expression: string | undefined): string {
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
  readonly #file: string
  /** errors by the thing at fault, so that no later phase reports it again */
  readonly #faulty = new Set<string>()
  /** by place and text: content behind an anchor is looked at once per alias */
  readonly #reported = new Set<string>()

  constructor(file: string) {
    this.#file = file
  }

  get hasErrors(): boolean {
    return this.items.some(({ level }) => level === 'error')
  }

  /** A problem of the text, before or without a tree to point into. */
  addAt(
    place: { readonly line: number; readonly column: number },
    problem: Pick<Problem, 'level' | 'code' | 'message'>,
  ): void {
    this.items.push({ ...problem, file: this.#file, ...place, path: '' })
  }

  add(places: Places, reported: Fault): void {
    const fault = isSecret(reported.path.at(-1)) ? { ...reported, value: undefined } : reported
    const located = places.locate(fault.path, fault.atKey === true)
    if (located.broken) return
    const level = fault.level ?? 'error'
    const path = pointer(fault.path)
    if (level === 'error') {
      const subject = `${places.document} ${fault.missing === undefined ? path : pointer([...fault.path, fault.missing])}`
      if (this.#faulty.has(subject)) return
      this.#faulty.add(subject)
    }
    const message = sentence(fault, located)
    const place = `${located.line}:${located.column} ${message}`
    if (this.#reported.has(place)) return
    this.#reported.add(place)
    this.items.push({
      level,
      code: fault.code,
      message,
      file: this.#file,
      line: located.line,
      column: located.column,
      path,
      ...(fault.suggestion !== undefined && { suggestion: fault.suggestion }),
      ...(isShown(fault.value) && located.expression === undefined && { value: fault.value }),
      ...(fault.allowed !== undefined && { allowed: fault.allowed }),
    })
  }

  /** By place, errors before warnings of the same place. */
  sorted(): Problem[] {
    return this.items.sort(
      (a, b) => a.line - b.line || a.column - b.column || (a.level < b.level ? -1 : a.level > b.level ? 1 : 0),
    )
  }
}

function sentence(fault: Fault, located: Located): string {
  let text = fault.message
  if (fault.value !== undefined) text += `, found ${found(fault.value, located.expression)}`
  if (fault.suggestion !== undefined) text += `; did you mean \`${fault.suggestion}\`?`
  if (fault.hint !== undefined) text += `${/[.?!]$/.test(text) ? '' : '.'} ${fault.hint}`
  return text
}
