/**
 * Turns the answers of several Kafka topics into acknowledgements of one MQTT stream, in the order of its publishes. Used by
 * a publish stream; allocates nothing per publish.
 */
import type { Stream, StreamError } from '@zilla-ts/engine'
import type { Mqtt } from '@zilla-ts/mqtt'

const INITIAL = 64

export class AckWindow {
  readonly #stream: Stream<Mqtt>
  /** how many copies of each publish are not answered; a ring, its size a power of two */
  #left = new Uint8Array(INITIAL)
  /** the publishes that can never be stored, and why; few */
  readonly #refused = new Map<number, StreamError>()
  /** all publishes up to this number are answered */
  #answered = 0
  #opened = 0

  constructor(stream: Stream<Mqtt>) {
    this.#stream = stream
  }

  /** every publish is answered */
  get empty(): boolean {
    return this.#answered === this.#opened
  }

  /** A publish has come in that is written `copies` times, at least once; its number. */
  open(copies: number): number {
    if (this.#opened - this.#answered === this.#left.length) this.#grow()
    const number = ++this.#opened
    this.#left[number & (this.#left.length - 1)] = copies
    return number
  }

  /** One copy is answered; `flush` tells the client. */
  settle(number: number, refused?: StreamError): void {
    if (refused !== undefined && !this.#refused.has(number)) this.#refused.set(number, refused)
    this.#left[number & (this.#left.length - 1)]!--
  }

  /** Acknowledges as far as answers reach without a gap; how many publishes were stored. */
  flush(): number {
    const mask = this.#left.length - 1
    let stored = 0
    let through = 0
    while (this.#answered < this.#opened && this.#left[(this.#answered + 1) & mask] === 0) {
      const number = ++this.#answered
      const refused = this.#refused.size === 0 ? undefined : this.#refused.get(number)
      if (refused === undefined) {
        through = number
        stored++
        continue
      }
      this.#refused.delete(number)
      this.#stream.ack(number, refused)
      through = 0
    }
    if (through > 0) this.#stream.ack(through)
    return stored
  }

  #grow(): void {
    const old = this.#left
    const grown = new Uint8Array(old.length * 2)
    for (let number = this.#answered + 1; number <= this.#opened; number++) {
      grown[number & (grown.length - 1)] = old[number & (old.length - 1)]!
    }
    this.#left = grown
  }
}
