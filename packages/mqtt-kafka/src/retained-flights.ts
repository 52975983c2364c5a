/**
 * Retained publishes of this process that have come in and are not stored in the retained topic yet. A subscription that
 * starts waits for those that were under way: their live copy may lie before its first offset.
 */

/** Publishes that came in between two waiters. */
export class Flight {
  readonly #flights: RetainedFlights
  underWay = 0

  constructor(flights: RetainedFlights) {
    this.#flights = flights
  }

  /** One of them is stored, refused, or given up. */
  land(): void {
    this.underWay--
    if (this.underWay === 0) this.#flights.advance()
  }
}

export class RetainedFlights {
  /** oldest first; the last takes what comes in now */
  readonly #flights: { readonly flight: Flight; waiters: (() => void)[] }[] = [{ flight: new Flight(this), waiters: [] }]

  /** publishes under way */
  get size(): number {
    let size = 0
    for (const { flight } of this.#flights) size += flight.underWay
    return size
  }

  /** A retained publish has come in; `land` is to be called once for it. */
  board(): Flight {
    const { flight } = this.#flights[this.#flights.length - 1]!
    flight.underWay++
    return flight
  }

  /** Calls back when all that are under way now have landed; at once if none is. */
  wait(onLanded: () => void): void {
    const last = this.#flights[this.#flights.length - 1]!
    if (last.flight.underWay > 0) {
      last.waiters.push(onLanded)
      this.#flights.push({ flight: new Flight(this), waiters: [] })
    } else if (this.#flights.length > 1) this.#flights[this.#flights.length - 2]!.waiters.push(onLanded)
    else onLanded()
  }

  /** Lets go whom nothing older holds up. */
  advance(): void {
    while (this.#flights.length > 1 && this.#flights[0]!.flight.underWay === 0) {
      for (const onLanded of this.#flights.shift()!.waiters) onLanded()
    }
  }
}
