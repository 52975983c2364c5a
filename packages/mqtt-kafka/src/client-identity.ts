/**
 * `options.clients`: which part of a topic names the client whose messages stay together in one partition. Asked once per
 * topic name, not per message.
 */

const IDENTITY = '{identity}'

export class ClientIdentity {
  readonly #patterns: readonly RegExp[]

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(compile)
  }

  /** The identity in this topic by the first pattern that matches; null when none does. */
  of(topic: string): string | null {
    for (const pattern of this.#patterns) {
      const identity = pattern.exec(topic)?.[1]
      if (identity !== undefined) return identity
    }
    return null
  }
}

/** What is wrong with a pattern of `options.clients`; null when nothing is. */
export function identityProblem(pattern: string): string | null {
  const levels = pattern.split('/')
  const identities = levels.filter((level) => level === IDENTITY).length
  if (identities !== 1) return `'${pattern}' needs exactly one level {identity}`
  const rest = levels.indexOf('#')
  if (rest !== -1 && rest !== levels.length - 1) return `'${pattern}' has '#' before its last level`
  const mixed = levels.find((level) => level.length > 1 && level !== IDENTITY && /[+#{}]/.test(level))
  return mixed === undefined ? null : `'${pattern}' mixes a wildcard with text in '${mixed}'`
}

/** No part of the expression can match a slash but the last, so matching takes linear time. */
function compile(pattern: string): RegExp {
  const source = pattern
    .split('/')
    .map((level) => {
      if (level === IDENTITY) return '([^\\s/]+)'
      if (level === '+') return '[^/]+'
      if (level === '#') return '.*'
      return level.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    })
    .join('/')
  return new RegExp(`^${source}$`, 's')
}
