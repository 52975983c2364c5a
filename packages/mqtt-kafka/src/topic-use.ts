/**
 * Counts the Kafka topics made from what clients send (`${params.x}`) that are in use, so that one client cannot make the
 * engine hold thousands of producers and readers.
 */

export class TopicUse {
  readonly #max: number
  readonly #users = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#users.size
  }

  /** False: it would be one topic too many. Each true is given back by `release`. */
  acquire(topic: string): boolean {
    const users = this.#users.get(topic)
    if (users === undefined && this.#users.size >= this.#max) return false
    this.#users.set(topic, (users ?? 0) + 1)
    return true
  }

  release(topic: string): void {
    const users = this.#users.get(topic)
    if (users === undefined) return
    if (users === 1) this.#users.delete(topic)
    else this.#users.set(topic, users - 1)
  }
}
