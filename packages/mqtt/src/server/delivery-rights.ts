/**
 * Which topics a client may receive: a subscription that was permitted once is no reason to go on when it is not any more.
 * Made for tables with conditions only; asked for each delivery, so it remembers what it has said.
 */
import type { ClientRoute, ClientRoutes } from './client-routes.ts'

/** Answers remembered for each exit, and the longest topic that is: others are looked for each time. */
const REMEMBERED_MAX = 64
const REMEMBERED_LENGTH_MAX = 256

export class DeliveryRights {
  /** by exit; null: everything */
  readonly #exits: readonly (ExitRights | null)[]

  private constructor(exits: readonly (ExitRights | null)[]) {
    this.#exits = exits
  }

  /** Null: every exit of the table may deliver everything. */
  static of(routes: ClientRoutes, exits: number): DeliveryRights | null {
    const rights = Array.from({ length: exits }, (_, exitAt) => {
      const own = routes.filter((route) => route.exitAt === exitAt)
      return own.some(({ deliversAll }) => deliversAll) ? null : new ExitRights(own)
    })
    return rights.every((right) => right === null) ? null : new DeliveryRights(rights)
  }

  /** Whether what this exit delivers for the topic may be sent. */
  admits(exitAt: number, topic: string): boolean {
    const rights = this.#exits[exitAt]
    return rights === null || rights?.admits(topic) === true
  }
}

class ExitRights {
  readonly #routes: readonly ClientRoute[]
  readonly #remembered = new Map<string, boolean>()

  constructor(routes: readonly ClientRoute[]) {
    this.#routes = routes
  }

  admits(topic: string): boolean {
    const known = this.#remembered.get(topic)
    if (known !== undefined) return known
    const admitted = this.#find(topic)
    if (topic.length <= REMEMBERED_LENGTH_MAX) {
      // all at once: to throw out one by one would cost each topic more than it saves
      if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear()
      this.#remembered.set(topic, admitted)
    }
    return admitted
  }

  #find(topic: string): boolean {
    for (const route of this.#routes) if (route.admitsDelivery(topic)) return true
    return false
  }
}
