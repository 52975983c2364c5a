/**
 * Writes the records of all sessions: one produce stream for the process, opened again when it breaks. Records of one batch
 * go out one after the other in one turn, so that Kafka appends them whole.
 *
 * Kafka's client may still split them between two appends, where a size limit runs through them, and a process may die
 * between the two. So whoever gives a batch orders it in a way that each prefix is sound by itself:
 * - `[will, claim]`: a will without a claim is an orphan. An owner that finds one below its rank leaves it and says so in its
 *   records (`spared`), because the claim may be the next to land; only one that is far too old is removed.
 * - `[tombstones of wills, live or closed, tombstones of the rest]`: a will that is cancelled or void may go at any time; the
 *   rest is obsolete only once the record before it is there.
 * - `[closed, will, claim]`: the same as the two apart.
 * - `[will, claim, closed]` (an owner overtakes a stale claim): the claim says whom it renews. The will of that one is
 *   cancelled when its end grants this claim, and counts as ever where somebody has come between the two.
 * - Keys of an ended session go lowest rank first, of each epoch first its own and then what was decided about it.
 */
import { type Clock, type Exit, type Stream, StreamError, type StreamHandler } from '@zilla-ts/engine'
import type { Kafka, KafkaSignal, ProduceMeta } from '@zilla-ts/kafka'
import { BackOff } from '../back-off.ts'

const NOTHING = Buffer.alloc(0)

/** Who waits for a batch. */
export interface BatchOwner {
  /** `definite`: it can never be stored; else nobody knows whether it is. */
  onFailed(error: StreamError, definite: boolean): void
}

/** A record to be written; null is a tombstone. */
export interface SessionRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

interface Batch {
  readonly owner: BatchOwner
  /** records that are not answered */
  left: number
  refused: StreamError | null
}

interface Entry {
  readonly value: Buffer
  readonly meta: ProduceMeta
  readonly batch: Batch
}

export class SessionWriter implements StreamHandler<Kafka> {
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

  /** records that are not answered */
  get outstanding(): number {
    return this.#queue.length + this.#sent.length
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

  /** `hash` is that of the client id, or of the name of a group: all records of one share a partition. */
  append(records: readonly SessionRecord[], hash: number, owner: BatchOwner): void {
    if (!this.#open) {
      owner.onFailed(new StreamError('shutdown', 'the binding stops'), false)
      return
    }
    const timestamp = this.#clock.now()
    const batch: Batch = { owner, left: records.length, refused: null }
    for (const { key, value } of records) {
      const tombstone = value === null
      const meta = { key, hash, tombstone, timestamp, headers: NOTHING, headerCount: 0 }
      this.#queue.push({ value: value ?? NOTHING, meta, batch })
    }
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
    const entries = this.#sent.splice(0, through - this.#answered)
    this.#answered = through
    entries.forEach(({ batch }, index) => {
      if (refused !== undefined && index === entries.length - 1) batch.refused = refused
      batch.left--
      if (batch.left === 0 && batch.refused !== null) batch.owner.onFailed(batch.refused, true)
    })
    if (this.outstanding === 0) this.#onChange()
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
    const batches = new Set([...this.#sent, ...this.#queue].map(({ batch }) => batch))
    this.#sent = []
    this.#queue = []
    for (const batch of batches) batch.owner.onFailed(error, false)
    this.#onChange()
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return
    this.#available = available
    this.#onChange()
  }
}
