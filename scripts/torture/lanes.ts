/** The numbered messages of one publisher on one topic with one QoS, and what became of each. */

/** A count, up to 255, for each number from 0 on. */
export class Tally {
  #counts = new Uint8Array(1024)

  /** The count after it. */
  add(number: number): number {
    const count = Math.min(this.get(number) + 1, 255)
    this.set(number, count)
    return count
  }

  set(number: number, count: number): void {
    if (number >= this.#counts.length) {
      const grown = new Uint8Array(Math.max(this.#counts.length * 2, number + 1))
      grown.set(this.#counts)
      this.#counts = grown
    }
    this.#counts[number] = count
  }

  get(number: number): number {
    return this.#counts[number] ?? 0
  }
}

export class Lane {
  readonly index: number
  readonly topic: string
  readonly qos: 1 | 2
  /** messages so far */
  length = 0
  /** how often each PUBLISH was sent */
  readonly sent = new Tally()
  /** those whose exchange is complete: PUBACK, or PUBREC of QoS 2, was received */
  readonly acknowledged = new Tally()
  /** how often each is on the topic of messages */
  readonly stored = new Tally()

  constructor(index: number, topic: string, qos: 1 | 2) {
    this.index = index
    this.topic = topic
    this.qos = qos
  }

  payload(number: number, bytes: number): string {
    return `${this.index}:${number}:`.padEnd(bytes, '.')
  }
}

/** Of a payload made by a lane; null of any other. */
export function parsePayload(payload: string | Buffer): { lane: number; number: number } | null {
  const match = /^(\d+):(\d+):/.exec(String(payload.slice(0, 24)))
  return match === null ? null : { lane: Number(match[1]), number: Number(match[2]) }
}
