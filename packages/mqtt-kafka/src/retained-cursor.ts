/**
 * Walks the retained topics that match a filter, one node a step, so that a replay of a million can stop anywhere and go
 * on later. The map may change meanwhile: topics that come or go may be seen or not, the others are seen once.
 */
import { NOTHING, type RetainedMap, type RetainedNode } from './retained-map.ts'

const REST = -1
const DOLLAR = 0x24

interface Frame {
  readonly children: Iterator<RetainedNode>
  /** level of the filter that the children's own children must match, or `REST`: all below */
  readonly next: number
  /** topic of the parent and a slash; empty for the root */
  readonly prefix: string
  /** first level and wildcard: topics that start with `$` are not meant [MQTT-4.7.2-1] */
  readonly hidesDollar: boolean
}

export class RetainedCursor {
  readonly #map: RetainedMap
  readonly #levels: readonly string[]
  readonly #stack: Frame[] = []
  #started = false
  #topic = ''
  #place = NOTHING

  /** `filter` must be valid. */
  constructor(map: RetainedMap, filter: string) {
    this.#map = map
    this.#levels = filter.split('/')
  }

  /** topic of the node stepped on */
  get topic(): string {
    return this.#topic
  }

  /** place of its record in the map, or `NOTHING`; valid until the map changes */
  get place(): number {
    return this.#place
  }

  /** Moves to the next node, which may have no record; false at the end. */
  step(): boolean {
    this.#place = NOTHING
    if (!this.#started) {
      this.#started = true
      this.#enter(this.#map.root, 0, '')
      return true
    }
    const frame = this.#stack[this.#stack.length - 1]
    if (frame === undefined) return false
    const { value: node, done } = frame.children.next()
    if (done === true) this.#stack.pop()
    else if (!frame.hidesDollar || node.level.charCodeAt(0) !== DOLLAR) {
      this.#enter(node, frame.next, frame.prefix + node.level)
    }
    return true
  }

  #enter(node: RetainedNode, at: number, topic: string): void {
    const isRoot = node === this.#map.root
    for (; at !== REST && at < this.#levels.length; at++) {
      const level = this.#levels[at]!
      const prefix = node === this.#map.root ? '' : `${topic}/`
      if (level === '+' || level === '#') {
        const next = level === '#' ? REST : at + 1
        this.#stack.push({ children: node.children(), next, prefix, hidesDollar: at === 0 })
        // `a/#` matches `a` too (MQTT 5.0 §4.7.1.2)
        if (level === '#') this.#arrive(node, topic)
        return
      }
      const child = node.child(level)
      if (child === null) return
      node = child
      topic = prefix + level
    }
    if (at === REST && !node.leaf && !isRoot) {
      this.#stack.push({ children: node.children(), next: REST, prefix: `${topic}/`, hidesDollar: false })
    }
    this.#arrive(node, topic)
  }

  #arrive(node: RetainedNode, topic: string): void {
    this.#topic = topic
    this.#place = node.place
  }
}
