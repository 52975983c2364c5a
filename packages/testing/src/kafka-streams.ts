/**
 * The two ends a test holds of `kafka` streams: one writes records and awaits their acks, one reads and awaits records.
 * Both obey credit, keep copies only, and turn every wait into a failure that says what was missing.
 */
import type { Stream, StreamError, StreamHandler } from '@zilla-ts/engine'
import {
  encodeHeaders,
  type HeaderEntry,
  type Kafka,
  type KafkaAccept,
  type KafkaOpen,
  KafkaRecord,
  type KafkaSignal,
  type ProduceMeta,
  partitionHash,
  type TransactionMeta,
} from '@zilla-ts/kafka'

const DEADLINE_MS = 20_000
const NOTHING = Buffer.alloc(0)

/** A record as a test writes it down. `value: null` is a tombstone; no key: partition 0 unless `hash` says otherwise. */
export interface TestRecord {
  readonly key?: string | Buffer | null
  readonly value?: string | Buffer | null
  readonly headers?: readonly HeaderEntry[]
  /** epoch ms; default now */
  readonly timestamp?: number
  readonly hash?: number
}

/** A record as it arrived; `value: null` is a tombstone. Owns its buffers. */
export interface ReceivedRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Buffer
  readonly headerCount: number
  readonly producerId: number
}

/** Connects a handler to the implementation under test. */
export type KafkaConnect = (open: KafkaOpen, handler: StreamHandler<Kafka>) => Stream<Kafka> | null

/** What all ends have in common: the open, its answer, its end, and waiting for something to become true. */
export class KafkaEnd implements StreamHandler<Kafka> {
  stream: Stream<Kafka> | null = null
  accepted: KafkaAccept | null = null
  readonly signals: KafkaSignal[] = []
  ended = false
  aborted: StreamError | null = null
  #wanted: (() => boolean) | null = null
  #settle: (error: Error | null) => void = () => {}

  open(connect: KafkaConnect, open: KafkaOpen): void {
    this.stream = connect(open, this)
    if (this.stream === null) throw new Error(`refused: ${JSON.stringify(open)}`)
  }

  /** Resolves once `wanted` is true; it is looked at after every call of the stream. Rejects after an abort, or the deadline. */
  async until(what: string, wanted: () => boolean): Promise<void> {
    if (wanted()) return
    if (this.aborted !== null) throw this.aborted
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(new Error(`not within ${DEADLINE_MS} ms: ${what}`)), DEADLINE_MS)
      this.#wanted = wanted
      this.#settle = (error) => {
        clearTimeout(timer)
        this.#wanted = null
        if (error === null) resolve()
        else reject(error)
      }
    })
  }

  protected changed(): void {
    if (this.#wanted === null) return
    if (this.#wanted()) this.#settle(null)
    else if (this.aborted !== null) this.#settle(this.aborted)
  }

  onAccept(info: KafkaAccept): void {
    this.accepted = info
    this.changed()
  }
  onData(_payload: Buffer, _meta: Kafka['meta'], _cost: number): void {
    throw new Error('no data was expected')
  }
  onSignal(signal: KafkaSignal): void {
    this.signals.push(signal)
    this.changed()
  }
  onEnd(): void {
    this.ended = true
    this.changed()
  }
  onAbort(error: StreamError): void {
    this.aborted = error
    this.changed()
  }
}

/** Writes records as fast as credit allows; numbers them from 1, as acks do. */
export class KafkaWriter extends KafkaEnd {
  /** every call of `onAck`, in order */
  readonly acks: { through: number; refused?: StreamError }[] = []
  /** all writes up to this number are answered */
  answered = 0
  readonly refused = new Map<number, StreamError>()
  /** room that was there at the most */
  peakCredit = 0
  #queue: TestRecord[] = []
  #at = 0
  #count = 0

  /** Queues a record; its number. */
  send(record: TestRecord): number {
    this.#queue.push(record)
    this.#pump()
    return ++this.#count
  }

  /** The records that have left. */
  get written(): number {
    return this.#at
  }

  async stored(through = this.#count): Promise<void> {
    await this.until(
      `ack of ${through}, have ${this.answered}`,
      () => this.answered >= through || this.aborted !== null,
    )
    if (this.answered < through) throw this.aborted
  }

  onWritable(): void {
    this.#pump()
    this.changed()
  }

  onAck(through: number, refused?: StreamError): void {
    this.acks.push(refused === undefined ? { through } : { through, refused })
    this.answered = through
    if (refused !== undefined) this.refused.set(through, refused)
    this.changed()
  }

  #pump(): void {
    const stream = this.stream
    if (stream === null) return
    this.peakCredit = Math.max(this.peakCredit, stream.credit)
    while (this.#at < this.#queue.length && stream.writable) {
      const record = this.#queue[this.#at++]!
      stream.write(valueBytes(record), produceMeta(record))
    }
  }
}

/** Writes transactions, as credit allows; numbers all writes from 1, as acks do. */
export class KafkaTransactions extends KafkaEnd {
  readonly acks: { through: number; refused?: StreamError }[] = []
  /** room that was there at the most */
  peakCredit = 0
  #queue: ((TestRecord & { readonly topic: string }) | 'commit')[] = []
  #at = 0
  #count = 0

  /** Queues records of one topic; the number of the last. */
  send(topic: string, ...records: TestRecord[]): number {
    for (const record of records) this.#queue.push({ ...record, topic })
    this.#count += records.length
    this.#pump()
    return this.#count
  }

  /** Ends the transaction; resolves when it is answered: with what was refused, else null. */
  async commit(): Promise<StreamError | null> {
    const through = this.#count
    this.#queue.push('commit')
    this.#pump()
    await this.until(`ack of ${through}`, () => this.acks.some((ack) => ack.through >= through))
    return this.acks.find((ack) => ack.through === through)?.refused ?? null
  }

  /** Ends the transaction, and waits for nothing. */
  commitLater(): void {
    this.#queue.push('commit')
    this.#pump()
  }

  onWritable(): void {
    this.#pump()
    this.changed()
  }

  onAck(through: number, refused?: StreamError): void {
    this.acks.push(refused === undefined ? { through } : { through, refused })
    this.changed()
  }

  #pump(): void {
    const stream = this.stream
    if (stream === null) return
    this.peakCredit = Math.max(this.peakCredit, stream.credit)
    for (; this.#at < this.#queue.length; this.#at++) {
      const item = this.#queue[this.#at]!
      if (item === 'commit') stream.signal({ kind: 'commit' })
      else if (!stream.writable) return
      else {
        const meta: TransactionMeta = { ...produceMeta(item), topic: item.topic }
        stream.write(valueBytes(item), meta)
      }
    }
  }
}

/** The value bytes of a record; none for a tombstone. */
export function valueBytes(record: TestRecord): Buffer {
  return bytesOf(record.value) ?? NOTHING
}

/** The rest of a record, as a produce stream takes it. */
export function produceMeta(record: TestRecord): ProduceMeta {
  const key = bytesOf(record.key)
  const headers = encodeHeaders(record.headers ?? [])
  return {
    key,
    hash: record.hash ?? (key === null ? 0 : partitionHash(key)),
    tombstone: record.value === null,
    timestamp: record.timestamp ?? Date.now(),
    headers: headers.buffer,
    headerCount: headers.count,
  }
}

function bytesOf(text: string | Buffer | null | undefined): Buffer | null {
  if (text === undefined || text === null) return null
  return typeof text === 'string' ? Buffer.from(text) : text
}

/** Reads everything; gives room back at once, unless held. */
export class KafkaReader extends KafkaEnd {
  readonly records: ReceivedRecord[] = []
  /** records and signals, as they came */
  readonly events: (ReceivedRecord | KafkaSignal)[] = []
  /** per partition: everything below has arrived or does not exist */
  readonly next = new Map<number, number>()
  #held: boolean
  #owed = 0

  constructor(held = false) {
    super()
    this.#held = held
  }

  override onAccept(info: KafkaAccept): void {
    if (info.kind === 'fetch') for (const { partition, start } of info.partitions) this.next.set(partition, start)
    super.onAccept(info)
  }

  override onData(payload: Buffer, meta: Kafka['meta'], cost: number): void {
    if (!(meta instanceof KafkaRecord)) throw new Error('fetch must deliver KafkaRecords')
    this.records.push({
      partition: meta.partition,
      offset: meta.offset,
      timestamp: meta.timestamp,
      key: meta.key === null ? null : Buffer.from(meta.key),
      value: meta.tombstone ? null : Buffer.from(payload),
      headers: Buffer.from(meta.headers),
      headerCount: meta.headerCount,
      producerId: meta.producerId,
    })
    this.events.push(this.records.at(-1)!)
    this.next.set(meta.partition, meta.offset + 1)
    if (this.#held) this.#owed += cost
    else this.stream!.grant(cost)
    this.changed()
  }

  override onSignal(signal: KafkaSignal): void {
    if (signal.kind === 'progress') this.next.set(signal.partition, signal.next)
    if (signal.kind === 'lost') this.next.set(signal.partition, signal.to)
    if (signal.kind === 'partition') this.next.set(signal.partition, 0)
    this.events.push(signal)
    super.onSignal(signal)
  }

  hold(): void {
    this.#held = true
  }

  /** Gives back all room that was held, and from now on at once. */
  release(): void {
    this.#held = false
    const owed = this.#owed
    this.#owed = 0
    this.stream!.grant(owed)
  }

  async received(count: number): Promise<void> {
    await this.until(`${count} records`, () => this.records.length >= count)
  }

  /** Resolves once everything below `end` of the partition has arrived or is known not to exist. */
  async reached(partition: number, end: number): Promise<void> {
    await this.until(`offset ${end} of partition ${partition}`, () => (this.next.get(partition) ?? 0) >= end)
  }

  /**
   * The values of an uncommitted read as they take effect: those of a transaction at its marker, if that commits them; in
   * the order of each partition.
   */
  get effective(): string[] {
    const values: string[] = []
    let open: ReceivedRecord[] = []
    for (const event of this.events) {
      if (!('kind' in event)) {
        if (event.producerId < 0) values.push(String(event.value))
        else open.push(event)
      } else if (event.kind === 'marker') {
        const own = (record: ReceivedRecord) =>
          record.producerId === event.producerId && record.partition === event.partition
        if (event.committed) values.push(...open.filter(own).map(({ value }) => String(value)))
        open = open.filter((record) => !own(record))
      }
    }
    return values
  }

  of(partition: number): ReceivedRecord[] {
    return this.records.filter((record) => record.partition === partition)
  }

  /** the values, as text, in order of arrival */
  get values(): (string | null)[] {
    return this.records.map((record) => record.value?.toString() ?? null)
  }
}
