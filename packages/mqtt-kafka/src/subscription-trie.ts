/**
 * All topic filters that read one Kafka topic, as a tree of levels: finds the subscriptions for a topic in time that grows
 * with its levels, not with the number of filters. The caller bounds the levels of filters.
 */
import { TopicNode } from './topic-node.ts'

/** What the tree holds; `filter` is a valid topic filter and does not change. */
export interface Filtered {
  readonly filter: string
}

class FilterNode<S extends Filtered> extends TopicNode<FilterNode<S>> {
  /** the level `+` */
  plus: FilterNode<S> | null = null
  /** filters that end here */
  here: S[] | null = null
  /** filters that end in `#` below here */
  rest: S[] | null = null

  get empty(): boolean {
    return this.here === null && this.rest === null && this.plus === null && this.leaf
  }
}

const PLUS = '+'
const HASH = '#'
const SLASH = '/'
const DOLLAR = 0x24

export class SubscriptionTrie<S extends Filtered> {
  #root = new FilterNode<S>('')
  #nodes = 0
  #version = 0

  /** Changes with every `add` and `remove`: results of `match` made before may be out of date. */
  get version(): number {
    return this.#version
  }

  /** how many nodes there are below the root */
  get nodes(): number {
    return this.#nodes
  }

  add(subscription: S): void {
    let node = this.#root
    const levels = subscription.filter.split(SLASH)
    const rest = levels.at(-1) === HASH
    if (rest) levels.pop()
    for (const level of levels) node = this.#grow(node, level)
    const list = rest ? node.rest : node.here
    // A literal of one takes no more than that; an empty list that is pushed to reserves seventeen.
    if (list !== null) list.push(subscription)
    else if (rest) node.rest = [subscription]
    else node.here = [subscription]
    this.#version++
  }

  /** False when it was not there. */
  remove(subscription: S): boolean {
    const levels = subscription.filter.split(SLASH)
    const rest = levels.at(-1) === HASH
    if (rest) levels.pop()
    const path: FilterNode<S>[] = [this.#root]
    for (const level of levels) {
      const parent = path[path.length - 1]!
      const node = level === PLUS ? parent.plus : parent.child(level)
      if (node === null) return false
      path.push(node)
    }
    const node = path[path.length - 1]!
    const list = rest ? node.rest : node.here
    const at = list === null ? -1 : list.indexOf(subscription)
    if (list === null || at < 0) return false
    list.splice(at, 1)
    if (list.length === 0) {
      if (rest) node.rest = null
      else node.here = null
      this.#prune(path)
    }
    this.#version++
    return true
  }

  /** Adds to `found` every subscription whose filter matches the topic. */
  match(topic: string, found: S[]): void {
    // [MQTT-4.7.2-1] a filter that starts with a wildcard does not see topics that start with `$`
    const hidden = topic.charCodeAt(0) === DOLLAR
    const root = this.#root
    const levels = topic.split(SLASH)
    if (!hidden) collect(root.rest, found)
    if (!hidden && root.plus !== null) matchBelow(root.plus, levels, 1, found)
    const child = root.child(levels[0]!)
    if (child !== null) matchBelow(child, levels, 1, found)
  }

  #grow(node: FilterNode<S>, level: string): FilterNode<S> {
    const present = level === PLUS ? node.plus : node.child(level)
    if (present !== null) return present
    const grown = new FilterNode<S>(level)
    if (level === PLUS) node.plus = grown
    else node.addChild(grown)
    this.#nodes++
    return grown
  }

  #prune(path: FilterNode<S>[]): void {
    for (let at = path.length - 1; at > 0 && path[at]!.empty; at--) {
      const level = path[at]!.level
      if (level === PLUS) path[at - 1]!.plus = null
      else path[at - 1]!.removeChild(level)
      this.#nodes--
    }
  }
}

/** `node` stands for the level before `at`. */
function matchBelow<S extends Filtered>(node: FilterNode<S>, levels: string[], at: number, found: S[]): void {
  // `a/#` matches `a` too (MQTT 5.0 §4.7.1.2)
  collect(node.rest, found)
  if (at === levels.length) {
    collect(node.here, found)
    return
  }
  if (node.plus !== null) matchBelow(node.plus, levels, at + 1, found)
  const child = node.child(levels[at]!)
  if (child !== null) matchBelow(child, levels, at + 1, found)
}

function collect<S>(list: S[] | null, found: S[]): void {
  if (list === null) return
  for (const one of list) found.push(one)
}
