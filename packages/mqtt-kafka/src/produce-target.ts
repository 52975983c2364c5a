/**
 * One Kafka topic that a publish stream writes to: the produce stream, the records that wait for its room, and which publish
 * each record belongs to. What waits is bounded by the room that the publish stream gives its client.
 */
import { type Exit, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Kafka, KafkaSignal, ProduceMeta } from '@zilla-ts/kafka'
import type { Landing } from './retained-flights.ts'

/** What the publish stream hears of its targets. */
export interface ProduceOwner {
  /** A record of publish `number` is in the hands of Kafka: its room is free again. */
  onTaken(cost: number): void
  onAnswered(number: number, refused?: StreamError): void
  /** All answers of this turn have been told. */
  onFlush(): void
  /** No record can be written here any more; what was not answered never will be. */
  onTargetClosed(target: ProduceTarget, error: StreamError): void
  /** Nothing waits here any more. */
  onIdle(target: ProduceTarget): void
}

interface Held {
  readonly payload: Buffer
  readonly meta: ProduceMeta
  readonly cost: number
}

export class ProduceTarget implements StreamHandler<Kafka> {
  readonly topic: string
  readonly #owner: ProduceOwner
  #stream: Stream<Kafka> | null = null
  #held: Held[] = []
  /** numbers of the publishes whose records are not answered, oldest first, from `#answeredAt` on */
  #numbers: number[] = []
  #answeredAt = 0
  /** by number of the write here: who else wants to know that it is answered; few */
  readonly #landings = new Map<number, Landing>()
  #written = 0
  #answered = 0
  #closed = false

  constructor(topic: string, owner: ProduceOwner) {
    this.topic = topic
    this.#owner = owner
  }

  /** False: the next hop refuses. */
  open(exit: Exit<Kafka>): boolean {
    this.#stream = exit.connect({ kind: 'produce', topic: this.topic }, null, this)
    return this.#stream !== null && !this.#closed
  }

  /** records that are not answered */
  get outstanding(): number {
    return this.#numbers.length - this.#answeredAt
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Writes, or keeps a copy until there is room. */
  write(number: number, payload: Buffer, meta: ProduceMeta, cost: number, landing: Landing | null): void {
    this.#numbers.push(number)
    this.#written++
    if (landing !== null) this.#landings.set(this.#written, landing)
    const stream = this.#stream!
    if (this.#held.length === 0 && stream.writable) {
      stream.write(payload, meta)
      this.#owner.onTaken(cost)
    } else {
      const { key, hash, tombstone, timestamp, headers, headerCount } = meta
      const copy = { key, hash, tombstone, timestamp, headers: Buffer.from(headers), headerCount }
      this.#held.push({ payload: Buffer.from(payload), meta: copy, cost })
    }
  }

  /** No more writes: what waits goes out first. */
  end(): void {
    if (this.#held.length === 0) this.#stream?.end()
  }

  /** Nobody waits for answers any more. */
  abort(error: StreamError): void {
    this.#stream?.abort(error)
    this.#forget()
  }

  onData(): void {}
  onSignal(_signal: KafkaSignal): void {}

  onWritable(): void {
    let at = 0
    for (; at < this.#held.length && this.#stream?.writable === true; at++) {
      const { payload, meta, cost } = this.#held[at]!
      this.#stream.write(payload, meta)
      this.#owner.onTaken(cost)
    }
    this.#held.splice(0, at)
    if (this.#held.length === 0) this.#owner.onIdle(this)
  }

  onAck(through: number, refused?: StreamError): void {
    while (this.#answered < through && this.#answeredAt < this.#numbers.length) {
      this.#answered++
      const number = this.#numbers[this.#answeredAt++]!
      if (this.#landings.size > 0) this.#land(this.#answered)
      this.#owner.onAnswered(number, this.#answered === through ? refused : undefined)
    }
    this.#compact()
    this.#owner.onFlush()
  }

  onEnd(): void {
    this.#stream?.end()
    if (this.outstanding > 0) this.#close(new StreamError('unavailable', `${this.topic} was ended`))
    else this.#closed = true
  }

  onAbort(error: StreamError): void {
    this.#close(error)
  }

  /** Refuses everything that is not answered. */
  refuseAll(error: StreamError): void {
    while (this.#answeredAt < this.#numbers.length) this.#owner.onAnswered(this.#numbers[this.#answeredAt++]!, error)
    for (const { cost } of this.#held) this.#owner.onTaken(cost)
    this.#forget()
    this.#owner.onFlush()
  }

  #land(write: number): void {
    const landing = this.#landings.get(write)
    this.#landings.delete(write)
    landing?.land()
  }

  #close(error: StreamError): void {
    if (this.#closed) return
    this.#closed = true
    this.#owner.onTargetClosed(this, error)
  }

  #forget(): void {
    this.#closed = true
    for (const write of [...this.#landings.keys()]) this.#land(write)
    this.#held = []
    this.#numbers = []
    this.#answeredAt = 0
  }

  /** Keeps the list of numbers from growing: cut when the answered half is the larger one. */
  #compact(): void {
    if (this.#answeredAt === this.#numbers.length) {
      this.#numbers.length = 0
      this.#answeredAt = 0
    } else if (this.#answeredAt > 1024 && this.#answeredAt > this.#numbers.length / 2) {
      this.#numbers.splice(0, this.#answeredAt)
      this.#answeredAt = 0
    }
  }
}
