/**
 * Topic patterns of routes: `+` is one level, `#` the rest, `{name}` any run of characters, slashes included. Compiled at
 * start, matched once per topic name. Time is bounded whatever a client sends: no regular expression backtracks here.
 */

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'level' }
  | { readonly kind: 'param'; readonly name: string }
  /** end of the topic, or a slash and anything */
  | { readonly kind: 'rest' }
  | { readonly kind: 'everything' }

const PLACEHOLDER = /\{([a-zA-Z_]+)\}/
const SLASH = '/'
/** With two placeholders the work grows with the square of the topic's length; longer topics match no such pattern. */
const LENGTH_MAX = 1024

export type Params = ReadonlyMap<string, string>

export class TopicPattern {
  readonly text: string
  /** names of the placeholders */
  readonly params: readonly string[]
  readonly #tokens: readonly Token[]
  readonly #levels: readonly string[]

  constructor(text: string) {
    this.text = text
    this.#tokens = tokensOf(text)
    this.#levels = text.split(SLASH)
    this.params = this.#tokens.flatMap((token) => (token.kind === 'param' ? [token.name] : []))
  }

  /**
   * What the placeholders stand for; null when the topic does not match. A placeholder takes as much of its level as it can;
   * it takes more levels only where it must, since no Kafka topic could be named by them.
   */
  match(topic: string): Params | null {
    if (!this.#admitsDollar(topic)) return null
    const found = new Map<string, string>()
    if (this.params.length > 1 && topic.length > LENGTH_MAX) return null
    return this.#matchFrom(topic, 0, 0, found, new Set()) ? found : null
  }

  /** Whether some topic may match both; true when in doubt. */
  meets(filter: string): boolean {
    if (!this.#admitsDollar(filter)) return false
    const levels = filter.split(SLASH)
    for (let at = 0; ; at++) {
      const mine = this.#levels[at]
      const other = levels[at]
      if (mine === '#' || other === '#') return true
      if (mine === undefined || other === undefined) return mine === other
      if (PLACEHOLDER.test(mine)) return true
      if (mine !== '+' && other !== '+' && mine !== other) return false
    }
  }

  /** [MQTT-4.7.2-1] a leading wildcard does not stand for topics that start with `$`. */
  #admitsDollar(topic: string): boolean {
    return !topic.startsWith('$') || this.#tokens[0]?.kind === 'text'
  }

  #matchFrom(topic: string, at: number, from: number, found: Map<string, string>, failed: Set<number>): boolean {
    const token = this.#tokens[at]
    if (token === undefined) return from === topic.length
    switch (token.kind) {
      case 'text':
        return (
          topic.startsWith(token.text, from) && this.#matchFrom(topic, at + 1, from + token.text.length, found, failed)
        )
      case 'level': {
        const slash = topic.indexOf(SLASH, from)
        return this.#matchFrom(topic, at + 1, slash === -1 ? topic.length : slash, found, failed)
      }
      case 'rest':
        return from === topic.length || topic[from] === SLASH
      case 'everything':
        return true
      case 'param':
        return this.#matchParam(token.name, topic, at, from, found, failed)
    }
  }

  #matchParam(
    name: string,
    topic: string,
    at: number,
    from: number,
    found: Map<string, string>,
    failed: Set<number>,
  ): boolean {
    const state = at * (LENGTH_MAX + 1) + from
    if (this.params.length > 1 && failed.has(state)) return false
    const slash = topic.indexOf(SLASH, from)
    const levelEnd = slash === -1 ? topic.length : slash
    const fits = (end: number) => {
      if (end === from || !this.#matchFrom(topic, at + 1, end, found, failed)) return false
      found.set(name, topic.slice(from, end))
      return true
    }
    for (let end = levelEnd; end > from; end--) if (fits(end)) return true
    const next = this.#tokens[at + 1]
    for (let end = levelEnd + 1; end <= topic.length; end++) {
      if (next === undefined) end = topic.length
      else if (next.kind === 'text') end = topic.indexOf(next.text, end)
      if (end === -1) break
      if (fits(end)) return true
    }
    failed.add(state)
    return false
  }
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = []
  const text = (piece: string) => {
    const last = tokens.at(-1)
    if (last?.kind === 'text') tokens[tokens.length - 1] = { kind: 'text', text: last.text + piece }
    else if (piece !== '') tokens.push({ kind: 'text', text: piece })
  }
  const levels = pattern.split(SLASH)
  levels.forEach((level, at) => {
    if (level === '#') {
      tokens.push({ kind: at === 0 ? 'everything' : 'rest' })
      return
    }
    if (at > 0) text(SLASH)
    if (level === '+') tokens.push({ kind: 'level' })
    else {
      // An odd piece is the name of a placeholder.
      level.split(PLACEHOLDER).forEach((piece, index) => {
        if (index % 2 === 1) tokens.push({ kind: 'param', name: piece })
        else text(piece)
      })
    }
  })
  return tokens
}
