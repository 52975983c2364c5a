/**
 * Looks for records that this process, or one before it, may have written: walks one partition from an offset that they
 * cannot lie below to its end, and counts. Used for QoS 2 publishes whose outcome nobody knows. Never waits for ever.
 */
import {
  type Clock,
  type Exit,
  type Stream,
  StreamError,
  type StreamHandler,
  type Task,
  type Timer,
} from '@zilla-ts/engine'
import { type Kafka, type KafkaAccept, KafkaRecord, type KafkaSignal } from '@zilla-ts/kafka'
import { type Intent, recordHash } from './inbound.ts'

const WINDOW_BYTES = 1024 * 1024
const DEADLINE_MS = 30_000

export class RecordSearch implements StreamHandler<Kafka>, Task {
  readonly #intent: Intent
  readonly #ignoresTime: boolean
  readonly #then: (found: number | StreamError) => void
  #stream: Stream<Kafka> | null = null
  #timer: Timer | null = null
  #end = 0
  #found = 0
  #done = false

  /** `ignoresTime`: the topic stamps records itself. `then`: how many there are, or why that is not known; called once. */
  constructor(intent: Intent, ignoresTime: boolean, then: (found: number | StreamError) => void) {
    this.#intent = intent
    this.#ignoresTime = ignoresTime
    this.#then = then
  }

  /** `delayMs`: until what it looks for has landed if it ever will. */
  begin(exit: Exit<Kafka>, clock: Clock, delayMs: number): void {
    if (delayMs <= 0) this.#look(exit, clock)
    else this.#timer = clock.after(delayMs, { run: () => this.#look(exit, clock), fault: (error) => this.fault(error) })
  }

  #look(exit: Exit<Kafka>, clock: Clock): void {
    const { topic, partition, from } = this.#intent
    this.#timer = clock.after(DEADLINE_MS, this)
    // A will on its way may hold up committed reads: what lies behind it is stored all the same.
    const isolation = 'uncommitted'
    const open = {
      kind: 'fetch',
      topic,
      from: new Map([[partition, from]]),
      partitions: [partition],
      isolation,
    } as const
    this.#stream = exit.connect(open, null, this)
    if (this.#stream === null) this.#finish(new StreamError('unavailable', `${exit.name} refuses`))
    else if (this.#done) this.#stream.abort(ENOUGH)
    else this.#stream.grant(WINDOW_BYTES)
  }

  cancel(): void {
    this.#finish(ENOUGH)
  }

  onAccept(info: KafkaAccept): void {
    if (info.kind !== 'fetch') return
    const own = info.partitions.find(({ partition }) => partition === this.#intent.partition)
    this.#end = own?.end ?? 0
    this.#reached(own?.start ?? 0)
  }

  onData(payload: Buffer, record: Kafka['meta'], cost: number): void {
    if (!(record instanceof KafkaRecord)) return
    const { timestamp, hash } = this.#intent
    // What belongs to a transaction is a will.
    const fits = record.producerId < 0 && (this.#ignoresTime || record.timestamp === timestamp)
    if (record.offset < this.#end && fits && recordHash(record.key, record.headers, payload) === hash) this.#found++
    this.#reached(record.offset + 1)
    this.#stream?.grant(cost)
  }

  onSignal(signal: KafkaSignal): void {
    if (signal.kind === 'progress') this.#reached(signal.next)
    else if (signal.kind === 'marker') this.#reached(signal.offset + 1)
    else if (signal.kind === 'lost') this.#reached(signal.to)
  }

  onEnd(): void {
    this.onAbort(new StreamError('unavailable', 'the reader was ended'))
  }

  onAbort(error: StreamError): void {
    this.#stream = null
    this.#finish(error)
  }

  run(): void {
    this.#finish(new StreamError('timeout', `${this.#intent.topic} could not be read within ${DEADLINE_MS / 1000} s`))
  }

  fault(error: StreamError): void {
    this.#finish(error)
  }

  #reached(next: number): void {
    if (next >= this.#end) this.#finish(this.#found)
  }

  #finish(result: number | StreamError): void {
    if (this.#done) return
    this.#done = true
    this.#timer?.cancel()
    const stream = this.#stream
    this.#stream = null
    stream?.abort(ENOUGH)
    this.#then(result)
  }
}

const ENOUGH = new StreamError('closed', 'not needed any more')
