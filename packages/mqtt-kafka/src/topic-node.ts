/**
 * A node in a tree of topic levels; the tree of subscriptions and that of retained topics grow from it. Most nodes have no
 * child or one, which is kept without a map: a map costs more than the rest of the node.
 */

export abstract class TopicNode<N extends TopicNode<N>> {
  readonly level: string
  #only: N | null = null
  #children: Map<string, N> | null = null

  constructor(level: string) {
    this.level = level
  }

  get leaf(): boolean {
    return this.#only === null && this.#children === null
  }

  child(level: string): N | null {
    const only = this.#only
    if (only !== null) return only.level === level ? only : null
    return this.#children?.get(level) ?? null
  }

  addChild(node: N): void {
    if (this.#children !== null) this.#children.set(node.level, node)
    else if (this.#only === null) this.#only = node
    else {
      this.#children = new Map([
        [this.#only.level, this.#only],
        [node.level, node],
      ])
      this.#only = null
    }
  }

  removeChild(level: string): void {
    if (this.#children === null) this.#only = null
    else {
      this.#children.delete(level)
      if (this.#children.size === 0) this.#children = null
    }
  }

  /** The children, in no order. Some may go, or come, while it is walked. */
  children(): Iterator<N> {
    if (this.#children !== null) return this.#children.values()
    return (this.#only === null ? [] : [this.#only]).values()
  }
}
