/**
 * A topic pattern of a route, compiled once: `+` is any level, `{name}` one level that is not empty, `#` the rest and the
 * level before it. Asked once per PUBLISH and SUBSCRIBE filter; allocates nothing.
 */

type Level =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'placeholder'; readonly pattern: RegExp }
  | { readonly kind: 'rest' }

const SLASH = '/'
const DOLLAR = '$'
const PLACEHOLDER = /\{[^{}]*\}/

export class TopicPattern {
  readonly #levels: readonly Level[]

  constructor(pattern: string) {
    this.#levels = pattern.split(SLASH).map(compileLevel)
  }

  /**
   * Whether every topic that the filter matches is matched by this pattern. A topic name is a filter that matches itself,
   * so this serves PUBLISH as well. A filter wider than the pattern is not admitted.
   */
  contains(filter: string): boolean {
    // [MQTT-4.7.2-1] a leading wildcard does not stand for topics that start with `$`
    if (filter.startsWith(DOLLAR) && this.#levels[0]?.kind !== 'text') return false
    let at = 0
    for (const level of this.#levels) {
      if (level.kind === 'rest') return true
      if (at > filter.length) return false
      const slash = filter.indexOf(SLASH, at)
      const end = slash === -1 ? filter.length : slash
      if (!admits(level, filter, at, end)) return false
      at = end + 1
    }
    return at > filter.length
  }
}

function compileLevel(text: string): Level {
  if (text === '#') return { kind: 'rest' }
  if (text === '+') return { kind: 'any' }
  if (!PLACEHOLDER.test(text)) return { kind: 'text', text }
  const parts = text.split(PLACEHOLDER).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return { kind: 'placeholder', pattern: new RegExp(`^${parts.join('.+')}$`, 's') }
}

function admits(level: Level, filter: string, from: number, to: number): boolean {
  switch (level.kind) {
    case 'text':
      return level.text.length === to - from && filter.startsWith(level.text, from)
    case 'any':
      return filter.charAt(from) !== '#' || to - from !== 1
    case 'placeholder': {
      // `+` also matches an empty level, which a placeholder does not.
      const text = filter.slice(from, to)
      return text !== '+' && text !== '#' && level.pattern.test(text)
    }
    case 'rest':
      return true
  }
}
