/**
 * Writes the records of all sessions into the sessions topic, in the order they are given: one produce stream for the process,
 * opened again when it breaks. Whoever gives a record hears whether it is stored.
 */
import { type Clock, type Exit, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Kafka, KafkaSignal, ProduceMeta } from '@zilla-ts/kafka'
import { BackOff } from './back-off.ts'

const NO_HEADERS = Buffer.alloc(0)

/** Who waits for a record. */
export interface RecordOwner {
  onStored(): void
  /** It is not stored, or nobody knows. */
  onFailed(error: StreamError): void
}

interface Entry {
  readonly value: Buffer
  readonly meta: ProduceMeta
  readonly owner: RecordOwner
}

export class SessionLog implements StreamHandler<Kafka> {
  readonly #exit: Exit<Kafka>
  readonly #topic: string
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #backOff: BackOff
  #stream: Stream<Kafka> | null = null
  /** not written yet */
  #queue: Entry[] = []
  /** written, not answered */
  #sent: Entry[] = []
  #answered = 0
  #open = false
  #available = false

  /** `onChange`: `available` has changed, or nothing is left to write. */
  constructor(exit: Exit<Kafka>, topic: string, clock: Clock, onChange: () => void) {
    this.#exit = exit
    this.#topic = topic
    this.#clock = clock
    this.#onChange = onChange
    this.#backOff = new BackOff(clock, () => this.#connect())
  }

  get available(): boolean {
    return this.#available
  }

  /** every record is answered */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#sent.length === 0
  }

  open(): void {
    if (this.#open) return
    this.#open = true
    this.#connect()
  }

  /** What was written before is still Kafka's to store. */
  close(error: StreamError): void {
    this.#open = false
    this.#backOff.cancel()
    const stream = this.#stream
    this.#stream = null
    stream?.end()
    this.#available = false
    this.#failAll(error)
  }

  /** `hash` is that of the client id: all records of a client share a partition. */
  append(key: Buffer, hash: number, value: Buffer, owner: RecordOwner): void {
    if (!this.#open) {
      owner.onFailed(new StreamError('shutdown', 'the binding stops'))
      return
    }
    const timestamp = this.#clock.now()
    const meta = { key, hash, tombstone: false, timestamp, headers: NO_HEADERS, headerCount: 0 }
    this.#queue.push({ value, meta, owner })
    this.onWritable()
  }

  onAccept(): void {
    this.#backOff.reset()
    this.#setAvailable(true)
  }

  onData(): void {}

  onSignal(signal: KafkaSignal): void {
    if (signal.kind === 'available') this.#setAvailable(signal.available)
  }

  onWritable(): void {
    let at = 0
    while (at < this.#queue.length && this.#stream?.writable === true) {
      const entry = this.#queue[at++]!
      this.#sent.push(entry)
      this.#stream.write(entry.value, entry.meta)
    }
    if (at > 0) this.#queue.splice(0, at)
  }

  onAck(through: number, refused?: StreamError): void {
    const count = through - this.#answered
    this.#answered = through
    const entries = this.#sent.splice(0, count)
    entries.forEach(({ owner }, index) => {
      if (refused !== undefined && index === entries.length - 1) owner.onFailed(refused)
      else owner.onStored()
    })
    if (this.idle) this.#onChange()
  }

  onEnd(): void {
    this.#stream?.end()
    this.onAbort(new StreamError('unavailable', `${this.#topic} was ended`))
  }

  onAbort(error: StreamError): void {
    this.#stream = null
    this.#setAvailable(false)
    this.#failAll(new StreamError('unavailable', `cannot write to ${this.#topic}: ${error.message}`, { cause: error }))
    if (this.#open) this.#backOff.schedule()
  }

  #connect(): void {
    this.#answered = 0
    const stream = this.#exit.connect({ kind: 'produce', topic: this.#topic }, null, this)
    if (stream === null) this.onAbort(new StreamError('unavailable', `${this.#exit.name} refuses`))
    else {
      this.#stream = stream
      this.onWritable()
    }
  }

  #failAll(error: StreamError): void {
    const entries = [...this.#sent, ...this.#queue]
    this.#sent = []
    this.#queue = []
    for (const { owner } of entries) owner.onFailed(error)
    this.#onChange()
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return
    this.#available = available
    this.#onChange()
  }
}
