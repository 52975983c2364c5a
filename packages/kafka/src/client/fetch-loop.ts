/**
 * Reads all cursors of one kind (live, or catching up) from one broker: a request for every partition that has a reader
 * with room, its records handed to every cursor they serve, then the next. Owned by the `Fetcher`. Must never hold more
 * than one answer, nor the turn for more than a few milliseconds.
 */
import {
  type Clock,
  type Counter,
  type Reporter,
  type StreamError,
  type Task,
  type Timer,
  toStreamError,
} from '@zilla-ts/engine'
import { AbortedFilter } from '../codec/aborted-filter.ts'
import { BatchReader } from '../codec/batch-reader.ts'
import { readMarker } from '../codec/marker.ts'
import { RecordError } from '../codec/record-error.ts'
import { NONE, OFFSET_OUT_OF_RANGE, TOPIC_AUTHORIZATION_FAILED, topicError } from './error-codes.ts'
import type { Cursor } from './fetch-stream.ts'
import type { FetchPart, FetchResult, FetchWant, Isolation } from './fetch-wire.ts'
import { Backoff } from './site.ts'

/** What a request came to; called once, never from inside `fetch`. */
export interface FetchHearer {
  onAnswer(code: number, results: readonly FetchResult[]): void
  onFailure(error: StreamError): void
}

/** What a loop needs of the rest of the client. */
export interface FetchPort {
  readonly clock: Clock
  readonly report: Reporter
  fetch(node: number, live: boolean, want: FetchWant, hearer: FetchHearer): void
  /** leaders seem to have changed */
  refresh(): void
  /** Kafka's ACLs keep a topic from us */
  denied(error: StreamError): void
  /** The cursor has reached the end of its partition. */
  arrived(cursor: Cursor): void
  /** The offset of the cursor does not exist. */
  relocate(cursor: Cursor): void
}

/** One partition: the broker gives it once a request, for one position. */
export interface FetchSlot {
  readonly loop: FetchLoop
  readonly topic: string
  readonly partition: number
  /** of a sweep, the one that was read for longest ago first */
  readonly cursors: Cursor[]
  /** end of the partition as last seen */
  end: number
  /** had an error: left alone for a while */
  delayed: boolean
}

const LIVE_WAIT_MS = 500
/** There is something to read, save for who waits to be taken over by the live loop. */
const SWEEP_WAIT_MS = 50
const ANSWER_BYTES = 4 * 1024 * 1024
const PARTITION_BYTES_MAX = 1024 * 1024
const PARTITION_BYTES_MIN = 64 * 1024
const SLICE_MS = 5
/** records between two looks at the clock */
const SLICE_RECORDS = 64
const NOTHING = Buffer.alloc(0)

export class FetchLoop implements Task, FetchHearer {
  readonly node: number
  readonly live: boolean
  readonly isolation: Isolation
  readonly #port: FetchPort
  readonly #slots = new Map<string, FetchSlot>()
  readonly #backoff = new Backoff()
  readonly #retry: Task = { run: () => this.#resume(), fault: () => this.#resume() }
  readonly #reader = new BatchReader()
  readonly #records: Counter
  readonly #corrupt: Counter
  readonly #asked = new Map<FetchSlot, number>()
  readonly #expected = new Set<Cursor>()
  #scheduled = false
  #inFlight = false
  #paused = false
  #stopped = false
  #timer: Timer | null = null
  // The answer being handed out.
  #results: readonly FetchResult[] = []
  #resultAt = 0
  #cursors: readonly Cursor[] | null = null
  #cursorAt = 0
  #filter: AbortedFilter | null = null
  #inBatch = false
  /** what the records of this batch tell of their producer */
  #producerId = -1
  /** records to write before the next look at the clock */
  #untilLook = SLICE_RECORDS

  constructor(node: number, live: boolean, isolation: Isolation, port: FetchPort) {
    this.node = node
    this.live = live
    this.isolation = isolation
    this.#port = port
    this.#records = port.report.counter('kafka.fetch.records')
    this.#corrupt = port.report.counter('kafka.fetch.corrupt')
  }

  add(cursor: Cursor): void {
    const { topic, name } = cursor.owner
    const key = `${name}/${cursor.partition}`
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = { loop: this, topic: topic.name, partition: cursor.partition, cursors: [], end: 0, delayed: false }
      this.#slots.set(key, slot)
    }
    slot.cursors.push(cursor)
    cursor.slot = slot
    this.wake()
  }

  remove(cursor: Cursor): void {
    const slot = cursor.slot!
    cursor.slot = null
    slot.cursors.splice(slot.cursors.indexOf(cursor), 1)
    if (slot.cursors.length === 0) this.#slots.delete(`${slot.topic}/${slot.partition}`)
  }

  /** A request is under way, so that who comes now is read with the next. */
  get busy(): boolean {
    return this.#inFlight
  }

  /** Takes the cursor over from the loop that reads it now, with the next request. */
  expect(cursor: Cursor): void {
    this.#expected.add(cursor)
  }

  #takeOver(): void {
    for (const cursor of this.#expected) {
      if (cursor.slot?.loop.node !== this.node) continue
      cursor.slot.loop.remove(cursor)
      this.add(cursor)
    }
    this.#expected.clear()
  }

  /** A cursor came, or has room again. */
  wake(): void {
    if (this.#scheduled || this.#inFlight || this.#paused || this.#stopped) return
    this.#scheduled = true
    this.#port.clock.endOfTurn(this)
  }

  run(): void {
    this.#scheduled = false
    this.#advance()
  }

  #advance(): void {
    if (this.#stopped || this.#paused || this.#inFlight) return
    if (this.#results.length > 0 && !this.#handOut()) {
      this.wake()
      return
    }
    this.#send()
  }

  fault(error: StreamError): void {
    this.#results = []
    this.onFailure(error)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#results = []
  }

  #send(): void {
    const parts: FetchPart[] = []
    this.#takeOver()
    this.#asked.clear()
    for (const slot of this.#slots.values())
      for (const { owner } of slot.cursors) owner.budgetBytes = owner.stream.credit
    for (const slot of this.#slots.values()) {
      const cursor = slot.delayed ? undefined : this.#pick(slot)
      if (cursor === undefined) continue
      const { owner } = cursor
      const bytesMax = Math.min(Math.max(owner.budgetBytes, PARTITION_BYTES_MIN), PARTITION_BYTES_MAX)
      owner.budgetBytes -= bytesMax
      parts.push({ topic: slot.topic, partition: slot.partition, offset: cursor.next, bytesMax })
      this.#asked.set(slot, cursor.next)
    }
    if (parts.length === 0) return
    this.#inFlight = true
    const waitMs = this.live ? LIVE_WAIT_MS : SWEEP_WAIT_MS
    this.#port.fetch(this.node, this.live, { isolation: this.isolation, waitMs, bytesMax: ANSWER_BYTES, parts }, this)
  }

  /** The cursor of the partition that is read for; others are served too where the answer reaches them. */
  #pick(slot: FetchSlot): Cursor | undefined {
    if (this.live) return lowest(slot.cursors)
    // In turn; who has little room reads few partitions at a time, not all in vain.
    const at = slot.cursors.findIndex((cursor) => cursor.ready && cursor.owner.budgetBytes > 0)
    if (at < 0) return undefined
    const [cursor] = slot.cursors.splice(at, 1)
    slot.cursors.push(cursor!)
    return cursor
  }

  onAnswer(code: number, results: readonly FetchResult[]): void {
    if (code !== NONE) {
      this.onFailure(toStreamError(new Error(`fetch answered with error ${code}`), 'unavailable'))
      return
    }
    this.#inFlight = false
    this.#backoff.reset()
    this.#results = results
    this.#resultAt = 0
    this.#cursors = null
    this.#advance()
  }

  onFailure(error: StreamError): void {
    this.#inFlight = false
    if (this.#stopped) return
    this.#port.report.event('debug', 'KAFKA_FETCH_FAILED', error.message)
    this.#paused = true
    this.#port.refresh()
    this.#wait()
  }

  #wait(): void {
    this.#timer ??= this.#port.clock.after(this.#backoff.next(), this.#retry)
  }

  #resume(): void {
    this.#timer = null
    this.#paused = false
    for (const slot of this.#slots.values()) slot.delayed = false
    this.wake()
  }

  /** Hands the answer out; false: the time of this turn is over. */
  #handOut(): boolean {
    const until = this.#port.clock.monotonic() + SLICE_MS
    for (; this.#resultAt < this.#results.length; this.#resultAt++) {
      const result = this.#results[this.#resultAt]!
      const slot = this.#slots.get(`${result.topic}/${result.partition}`)
      const asked = slot && this.#asked.get(slot)
      if (slot === undefined || asked === undefined) continue
      if (this.#cursors === null) {
        if (result.code !== NONE) {
          this.#refused(slot, result, asked)
          continue
        }
        this.#begin(slot, result)
      }
      for (const cursors = this.#cursors!; this.#cursorAt < cursors.length; this.#cursorAt++) {
        const cursor = cursors[this.#cursorAt]!
        if (cursor.slot === slot && !cursor.lost && cursor.next >= asked) {
          if (!this.#deliver(cursor, result, until)) return false
        }
        this.#filter = null
        if (cursor.slot !== slot) continue
        cursor.tellProgress()
        if (!this.live && cursor.next >= slot.end) this.#port.arrived(cursor)
      }
      this.#cursors = null
    }
    this.#results = []
    return true
  }

  #begin(slot: FetchSlot, result: FetchResult): void {
    slot.end = result.end
    this.#cursors = [...slot.cursors]
    this.#cursorAt = 0
    this.#filter = null
    if (result.records.length === 0) return
    // A broker fills its answer in the order of the request: who got something goes last (KIP-74).
    const key = `${slot.topic}/${slot.partition}`
    this.#slots.delete(key)
    this.#slots.set(key, slot)
  }

  /** Writes what the answer has for the cursor, as far as there is room; false: the time of this turn is over. */
  #deliver(cursor: Cursor, result: FetchResult, until: number): boolean {
    const reader = this.#reader
    if (this.#filter === null) {
      this.#filter = new AbortedFilter(result.aborted)
      reader.reset(result.records, cursor.next)
      this.#inBatch = false
    }
    const { stream } = cursor.owner
    while (stream.writable) {
      try {
        if (!this.#inBatch) {
          if (!reader.nextBatch()) break
          this.#inBatch = !this.#skips(this.#filter, reader, cursor) && reader.lastOffset >= cursor.next
        }
        while (this.#inBatch && stream.writable && reader.nextRecord()) {
          cursor.next = reader.offset + 1
          cursor.told = cursor.next
          this.#records.value++
          stream.write(reader.value() ?? NOTHING, reader.record(cursor.partition, this.#producerId))
          if (--this.#untilLook > 0) continue
          this.#untilLook = SLICE_RECORDS
          if (this.#port.clock.monotonic() >= until) return false
        }
        // Without room the rest of the batch is read again from the log.
        if (!stream.writable) break
      } catch (error) {
        this.#skipCorrupt(error, cursor)
      }
      this.#inBatch = false
      cursor.next = Math.max(cursor.next, reader.nextOffset)
    }
    return true
  }

  /** Whether the batch has nothing to deliver. Uncommitted, what a marker says is told in its place. */
  #skips(filter: AbortedFilter, reader: BatchReader, cursor: Cursor): boolean {
    if (this.isolation === 'committed') return filter.skips(reader)
    this.#producerId = reader.isTransactional ? reader.producerId : -1
    if (!reader.isControl) return false
    const fate = readMarker(reader)
    const { partition, owner } = cursor
    if (fate === null) return true
    const { offset, producerId } = reader
    owner.stream.signal({ kind: 'marker', partition, offset, producerId, committed: fate === 'committed' })
    return true
  }

  #skipCorrupt(error: unknown, cursor: Cursor): void {
    if (!(error instanceof RecordError)) throw error
    this.#corrupt.value++
    const { name } = cursor.owner
    const message = `topic ${name}, partition ${cursor.partition}, offset ${error.offset}: ${error.message}; skipped`
    this.#port.report.event('error', 'KAFKA_RECORD_CORRUPT', message, { code: error.code })
  }

  #refused(slot: FetchSlot, result: FetchResult, asked: number): void {
    if (result.code === OFFSET_OUT_OF_RANGE) {
      for (const cursor of [...slot.cursors]) if (cursor.next === asked) this.#port.relocate(cursor)
    } else if (result.code === TOPIC_AUTHORIZATION_FAILED) {
      const error = topicError(result.code, slot.topic)
      this.#port.denied(error)
      for (const cursor of [...slot.cursors]) cursor.owner.fail(error)
    } else {
      slot.delayed = true
      this.#port.refresh()
      this.#wait()
    }
  }
}

/** The last of those who wait for the next record: what it lacks is there, and reaches the others soon. */
function lowest(cursors: readonly Cursor[]): Cursor | undefined {
  let found: Cursor | undefined
  for (const cursor of cursors) {
    if (cursor.ready && (found === undefined || cursor.next < found.next)) found = cursor
  }
  return found
}
