/**
 * What of a document must not be printed: passwords, tokens and keys that stand in it. Known by the names of their keys,
 * by what they are, and by `x-secret` of the schemas (validator.ts). What variables of the environment gave is noted by
 * the tree reader. Messages pass redactor.ts, lines this file, and what is shown of a `Config` its `hidden`.
 */
import type { Path } from './places.ts'

const NAME = 'password|passphrase|secret|token|credential|private[-_]?key'
/** Ends of names of numbers, times and places that have to do with a secret, and are none. */
const HARMLESS = '(?![\\w.-]*(?:less|bytes|ms|seconds|max|min|url|file)(?![\\w.-]))'
const SECRET_KEY = new RegExp(`^[\\w.-]*(?:${NAME})${HARMLESS}[\\w.-]*$`, 'i')
/** A mapping whose keys are anything, and its values secrets. */
const SECRETS_KEY = /(?:password|passphrase|secret|token)s$/i
/** The same in text that is not understood: what follows on its line is taken for the value. */
const SECRET_IN_LINE = new RegExp(`(?:${NAME})${HARMLESS}[\\w.-]*["']?[^\\S\\n]*[:=]`, 'i')
/** Says where a secret comes to stand when the engine runs. */
const TEMPLATE = /\{(?:credentials|identity|username|password)\}/
/** What is looked at of a key, and shown of a line, characters. */
const KEY_LENGTH_MAX = 256
export const LINE_LENGTH_MAX = 160

/** Offsets in the text; the end is not part of it. */
export type Range = readonly [from: number, to: number]

/** What stands in its place where it is shown. */
export const HIDDEN = '***'

/** Whether the value at `path`, or each item of the list there, is secret by its name or by what it is. */
export function isSecret(path: Path, value?: unknown): boolean {
  if (typeof value === 'boolean') return false
  if (typeof value === 'string' && value.includes('PRIVATE KEY-----')) return true
  const [holder, key] = path.filter((part) => typeof part === 'string').slice(-2)
  const [name, above] = key === undefined ? [holder, undefined] : [key, holder]
  return (isLike(SECRET_KEY, name) || isLike(SECRETS_KEY, above)) && !isTemplate(value)
}

const isLike = (pattern: RegExp, key: string | undefined): boolean =>
  key !== undefined && pattern.test(key.slice(0, KEY_LENGTH_MAX))

export const isTemplate = (value: unknown): boolean => typeof value === 'string' && TEMPLATE.test(value)

/** The lines for excerpts: each character of a secret is a `*`, so that every place stays where it is; long lines are cut. */
export function linesWithout(ranges: readonly Range[], text: string): string[] {
  return eachLine(masked(text, ranges), (line) => {
    const comment = line.indexOf('#')
    return comment < 0 ? line : line.slice(0, comment) + maskAfterKey(line.slice(comment))
  })
}

/** The same for text that could not be read as YAML, so that only its lines tell what is secret. */
export function linesByGuess(text: string): string[] {
  /** how far the line is indented that a secret began on: deeper ones belong to it */
  let secretIndent = Number.POSITIVE_INFINITY
  return eachLine(text, (line) => {
    const indent = line.search(/\S|$/)
    if (indent > secretIndent) return stars(line)
    secretIndent = SECRET_IN_LINE.test(line) ? indent : Number.POSITIVE_INFINITY
    return maskAfterKey(line)
  })
}

function masked(text: string, ranges: readonly Range[]): string {
  if (ranges.length === 0) return text
  const pieces: string[] = []
  let at = 0
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (to <= at) continue
    const start = Math.max(from, at)
    pieces.push(text.slice(at, start), stars(text.slice(start, to)))
    at = to
  }
  return pieces.join('') + text.slice(at)
}

/** Keys in PEM are hidden, wherever they stand. */
function eachLine(text: string, mask: (line: string) => string): string[] {
  let inKey = false
  return text.split('\n').map((whole) => {
    const line = whole.slice(0, LINE_LENGTH_MAX).replace(/\r$/, '')
    if (line.includes('-----BEGIN ') && line.includes('PRIVATE KEY')) inKey = true
    if (!inKey) return mask(line)
    if (line.includes('-----END ')) inKey = false
    return stars(line)
  })
}

function maskAfterKey(line: string): string {
  const found = SECRET_IN_LINE.exec(line)
  if (found === null) return line
  const at = found.index + found[0].length
  return line.slice(0, at) + stars(line.slice(at))
}

const stars = (text: string): string => text.replace(/[^\s]/g, '*')
