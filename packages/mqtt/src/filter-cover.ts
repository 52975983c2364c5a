/**
 * Which route takes topics before another one can: a tree of the topic patterns of the routes so far, asked for each
 * further pattern. Used by the checks of documents, so it says only what is certain: a pattern counts as taken when one
 * earlier pattern includes all of it, not when several do so together.
 */
import type { Finding } from '@zilla-ts/engine'

type Guarded = Readonly<Record<string, readonly string[]>>

/** What the check sees of a route. */
export interface CoveringRoute {
  readonly guarded?: Guarded
}

/** A pattern of a route. */
export interface PlacedPattern {
  /** relative to the entry */
  readonly path: readonly (string | number)[]
  readonly topic: string
  /** something else than the topic decides as well, so that it takes nothing away from others for sure */
  readonly limited: boolean
}

interface Taker {
  readonly route: number
  readonly topic: string
  readonly guarded: Guarded
}

interface Node {
  readonly next: Map<string, Node>
  readonly takers: Taker[]
}

/** Of one pattern in routes with different guards; more are hardly meant. */
const TAKERS_MAX = 8
const PLACEHOLDER = /\{[^{}]*\}/g

export class FilterCover {
  readonly #root: Node = { next: new Map(), takers: [] }
  /** a `{name}` may be several levels */
  readonly #spans: boolean

  constructor({ spans }: { readonly spans: boolean }) {
    this.#spans = spans
  }

  /** A warning for each pattern of the route (counted from 0) that is taken already; then its own count for later ones. */
  check(at: number, { guarded = {} }: CoveringRoute, patterns: readonly PlacedPattern[]): Finding[] {
    const findings: Finding[] = []
    const levels = patterns.map(({ topic }) => topic.replaceAll(PLACEHOLDER, '{}').split('/'))
    patterns.forEach(({ path, topic }, index) => {
      const taker = this.#find(this.#root, levels[index]!, 0, guarded)
      if (taker === undefined) return
      const message = `\`${topic}\` is never taken here: route ${taker.route} takes \`${taker.topic}\` before`
      findings.push({ level: 'warning', path, code: 'shadowed-topic', message })
    })
    patterns.forEach(({ topic, limited }, index) => {
      if (!limited) this.#add(levels[index]!, { route: at + 1, topic, guarded })
    })
    return findings
  }

  #add(levels: readonly string[], taker: Taker): void {
    let node = this.#root
    for (const level of levels) {
      let next = node.next.get(level)
      if (next === undefined) {
        next = { next: new Map(), takers: [] }
        node.next.set(level, next)
      }
      node = next
    }
    if (node.takers.length < TAKERS_MAX) node.takers.push(taker)
  }

  #find(node: Node, levels: readonly string[], at: number, guarded: Guarded): Taker | undefined {
    const level = levels[at]
    // [MQTT-4.7.2-1] a leading wildcard does not stand for topics that start with `$`
    const wildcards = at > 0 || level?.startsWith('$') !== true
    // `#` includes the level before it.
    const rest = wildcards ? node.next.get('#') : undefined
    const found = rest && takerOf(rest, guarded)
    if (found !== undefined || level === '#') return found
    if (level === undefined) return takerOf(node, guarded)
    const same = node.next.get(level)
    const exact = same && this.#find(same, levels, at + 1, guarded)
    if (exact !== undefined || level === '+' || !wildcards || (this.#spans && level.includes('{'))) return exact
    const any = node.next.get('+')
    return any && this.#find(any, levels, at + 1, guarded)
  }
}

/** The first that asks for no more than `guarded` does. */
function takerOf({ takers }: Node, guarded: Guarded): Taker | undefined {
  return takers.find((taker) =>
    Object.entries(taker.guarded).every(
      ([guard, roles]) => roles.every((role) => guarded[guard]?.includes(role)) && guard in guarded,
    ),
  )
}
