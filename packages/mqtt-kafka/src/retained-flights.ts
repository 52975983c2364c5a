/**
 * Retained publishes of this process on their way into Kafka, each in two copies: the message and the retained one. A
 * subscription that starts waits for the retained copies that are under way, because their message may lie before its first
 * offset; and it remembers whose message is under way, because that one comes live although the map may have its copy.
 */

/** A record that somebody counts on. */
export interface Landing {
  /** It is stored, refused, or given up; called once. */
  land(): void
}

/** Retained copies that came in between two waiters. */
class Flight implements Landing {
  readonly #flights: RetainedFlights
  readonly waiters: (() => void)[] = []
  underWay = 0

  constructor(flights: RetainedFlights) {
    this.#flights = flights
  }

  land(): void {
    this.underWay--
    if (this.underWay === 0) this.#flights.advance()
  }
}

class MessageCopy implements Landing {
  readonly #topics: Map<string, number>
  readonly #topic: string

  constructor(topics: Map<string, number>, topic: string) {
    this.#topics = topics
    this.#topic = topic
    topics.set(topic, (topics.get(topic) ?? 0) + 1)
  }

  land(): void {
    const left = this.#topics.get(this.#topic)! - 1
    if (left > 0) this.#topics.set(this.#topic, left)
    else this.#topics.delete(this.#topic)
  }
}

export class RetainedFlights {
  /** oldest first; the last takes what comes in now */
  readonly #flights: Flight[] = [new Flight(this)]
  /** how many messages are under way, by MQTT topic */
  readonly #topics = new Map<string, number>()

  /** retained copies under way */
  get size(): number {
    return this.#flights.reduce((size, { underWay }) => size + underWay, 0)
  }

  /** A retained publish has come in: its message. */
  boardMessage(topic: string): Landing {
    return new MessageCopy(this.#topics, topic)
  }

  /** A retained publish has come in: its retained copy. */
  boardRetained(): Landing {
    const flight = this.#flights[this.#flights.length - 1]!
    flight.underWay++
    return flight
  }

  /** The MQTT topics that have a message under way now. */
  topics(): ReadonlySet<string> {
    return new Set(this.#topics.keys())
  }

  /** Calls back when all retained copies that are under way now have landed; at once if none is. */
  wait(onLanded: () => void): void {
    const last = this.#flights[this.#flights.length - 1]!
    if (last.underWay > 0) {
      last.waiters.push(onLanded)
      this.#flights.push(new Flight(this))
    } else if (this.#flights.length > 1) this.#flights[this.#flights.length - 2]!.waiters.push(onLanded)
    else onLanded()
  }

  /** Lets go whom nothing older holds up. */
  advance(): void {
    while (this.#flights.length > 1 && this.#flights[0]!.underWay === 0) {
      for (const onLanded of this.#flights.shift()!.waiters) onLanded()
    }
  }
}
