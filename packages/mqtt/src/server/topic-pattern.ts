/**
 * A topic pattern of a route, compiled once: `+` is any level, `{name}` one level that is not empty, `#` the rest and the
 * level before it. Asked once per PUBLISH and SUBSCRIBE filter; linear in what a peer sends, and allocates nothing.
 */
import { isTopicFilter } from '../topic.ts'
import type { Values } from './param.ts'

type Level =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'placeholder'; readonly name: string; readonly prefix: string; readonly suffix: string }
  | { readonly kind: 'rest' }

const SLASH = '/'
const DOLLAR = '$'
const PLACEHOLDER = /\{([^{}]*)\}/
/** What would end a level, or stand for more than itself. */
const SPECIAL = /[/+#\0]/

export class TopicPattern {
  readonly #levels: readonly Level[]

  /** Throws a `RangeError` that says what is wrong with the pattern. */
  constructor(pattern: string | readonly Level[]) {
    if (typeof pattern !== 'string') {
      this.#levels = pattern
      return
    }
    this.#levels = pattern.split(SLASH).map(compileLevel)
    if (!isTopicFilter(pattern)) {
      throw new RangeError(`${pattern} is not a topic pattern: + stands alone in its level, # alone in the last`)
    }
  }

  get placeholders(): readonly string[] {
    return this.#levels.flatMap((level) => (level.kind === 'placeholder' ? [level.name] : []))
  }

  /** The pattern with values in place of placeholders; null: with these it matches nothing, for they must never widen it. */
  bind(values: Values): TopicPattern | null {
    const levels: Level[] = []
    for (const [at, level] of this.#levels.entries()) {
      const value = level.kind === 'placeholder' ? values.get(level.name) : undefined
      if (level.kind !== 'placeholder' || value === undefined) levels.push(level)
      else if (isLevelValue(value)) {
        const text = `${level.prefix}${value}${level.suffix}`
        // [MQTT-4.7.2-1] a placeholder does not stand for topics of the server, whatever its value is
        if (at === 0 && level.prefix === '' && text.startsWith(DOLLAR)) return null
        levels.push({ kind: 'text', text })
      } else return null
    }
    return new TopicPattern(levels)
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

/** One level that is not empty, and nothing but itself. */
export function isLevelValue(value: string): boolean {
  return value !== '' && !SPECIAL.test(value)
}

function compileLevel(text: string): Level {
  if (text === '#') return { kind: 'rest' }
  if (text === '+') return { kind: 'any' }
  const [prefix, name, suffix, more] = text.split(PLACEHOLDER)
  if (name === undefined || suffix === undefined) return { kind: 'text', text }
  if (more !== undefined) throw new RangeError(`${text} has more than one {name} in a level`)
  return { kind: 'placeholder', name, prefix: prefix ?? '', suffix }
}

function admits(level: Level, filter: string, from: number, to: number): boolean {
  const wildcard = to - from === 1 && (filter[from] === '+' || filter[from] === '#')
  switch (level.kind) {
    case 'text':
      return level.text.length === to - from && filter.startsWith(level.text, from)
    case 'any':
      return !wildcard || filter[from] === '+'
    case 'placeholder':
      // `+` also matches an empty level, which a placeholder does not
      return (
        !wildcard &&
        to - from > level.prefix.length + level.suffix.length &&
        filter.startsWith(level.prefix, from) &&
        filter.startsWith(level.suffix, to - level.suffix.length)
      )
    case 'rest':
      return true
  }
}
