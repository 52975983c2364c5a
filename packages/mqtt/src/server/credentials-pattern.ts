/**
 * A pattern of `options.authorization` such as `Bearer {credentials}`: where in a user name, password or authentication data
 * the credentials are. All outside of `{…}` is literal; what a peer sends is searched in linear time and never in a log.
 */

const PLACEHOLDER = /\{(credentials|identity)\}/g
const SEPARATOR = /\{(?:credentials|identity)\}/
const BLANK = /\s/

type Part = 'credentials' | 'identity'

/** What was found; null: the pattern has no such part. */
export interface Found {
  readonly credentials: string | null
  readonly identity: string | null
}

export class CredentialsPattern {
  readonly #parts: readonly Part[]
  /** before, between and behind the parts */
  readonly #texts: readonly string[]

  /** Throws a `RangeError` that says what is wrong with the pattern. */
  constructor(pattern: string) {
    this.#parts = [...pattern.matchAll(PLACEHOLDER)].map((found) => found[1] as Part)
    this.#texts = pattern.split(SEPARATOR)
    if (new Set(this.#parts).size < this.#parts.length)
      throw new RangeError('a placeholder stands twice in the pattern')
    if (this.#parts.length === 2 && this.#texts[1] === '') {
      throw new RangeError('nothing tells where {identity} ends and {credentials} begins: put a text between them')
    }
  }

  has(part: Part): boolean {
    return this.#parts.includes(part)
  }

  /** A text in which `match` finds these, unless they are nothing or have blanks. */
  fill(values: Readonly<Record<Part, string>>): string {
    return this.#texts.map((text, at) => `${text}${at < this.#parts.length ? values[this.#parts[at]!] : ''}`).join('')
  }

  /** Null: it does not match as a whole. Of two parts the first ends where the text between them is found first. */
  match(text: string): Found | null {
    const head = this.#texts[0] ?? ''
    const tail = this.#texts.at(-1) ?? ''
    if (this.#parts.length === 0) return text === head ? { credentials: null, identity: null } : null
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return null
    const inner = text.slice(head.length, text.length - tail.length)
    const runs = this.#parts.length === 1 ? [inner] : splitAt(inner, this.#texts[1] ?? '')
    if (runs === null || runs.some((run) => run === '' || BLANK.test(run))) return null
    const run = (part: Part) => runs[this.#parts.indexOf(part)] ?? null
    return { credentials: run('credentials'), identity: run('identity') }
  }
}

function splitAt(text: string, separator: string): [string, string] | null {
  const at = text.indexOf(separator)
  return at === -1 ? null : [text.slice(0, at), text.slice(at + separator.length)]
}
