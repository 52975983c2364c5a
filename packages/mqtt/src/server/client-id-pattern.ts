/**
 * A client identifier pattern of a route: `*` is any run of characters, `{name}` the value of a parameter, or one character
 * and more where it has none; everything else is literal. Asked once per CONNECT; not a regular expression, because what a
 * peer sends must not choose how long it takes.
 */
import type { Values } from './param.ts'

const TOKEN = /\*|\{([^{}]*)\}/

const NO_VALUES: Values = new Map()

export class ClientIdPattern {
  /** literal text, and in between the wildcards: `*` or the name of a placeholder */
  readonly #texts: readonly string[]
  readonly #wildcards: readonly string[]

  constructor(pattern: string) {
    const texts: string[] = []
    const wildcards: string[] = []
    let rest = pattern
    for (let found = TOKEN.exec(rest); found !== null; found = TOKEN.exec(rest)) {
      texts.push(rest.slice(0, found.index))
      wildcards.push(found[1] ?? '*')
      rest = rest.slice(found.index + found[0].length)
    }
    this.#texts = [...texts, rest]
    this.#wildcards = wildcards
  }

  get placeholders(): readonly string[] {
    return this.#wildcards.filter((name) => name !== '*')
  }

  /** A value that is empty matches nothing: it would stand for everybody. */
  matches(clientId: string, values = NO_VALUES): boolean {
    const texts = [this.#texts[0] ?? '']
    const least: number[] = []
    for (const [at, name] of this.#wildcards.entries()) {
      const value = values.get(name)
      const text = this.#texts[at + 1] ?? ''
      if (value === '') return false
      if (value !== undefined) texts.push(`${texts.pop()}${value}${text}`)
      else {
        texts.push(text)
        least.push(name === '*' ? 0 : 1)
      }
    }
    return matchesRuns(clientId, texts, least)
  }
}

/** Whether the texts stand in this order, the first at the start, the last at the end, with at least so many characters between them. */
function matchesRuns(clientId: string, texts: readonly string[], least: readonly number[]): boolean {
  const head = texts[0] ?? ''
  const tail = texts.at(-1) ?? ''
  if (texts.length === 1) return clientId === head
  if (!clientId.startsWith(head) || !clientId.endsWith(tail)) return false
  let at = head.length
  for (const [place, text] of texts.slice(1, -1).entries()) {
    const found = clientId.indexOf(text, at + (least[place] ?? 0))
    if (found === -1) return false
    at = found + text.length
  }
  return at + (least.at(-1) ?? 0) <= clientId.length - tail.length
}
