/**
 * Publishes the wills that are due of one partition: the message, its retained copy and the tombstone of the will in one
 * transaction, so that a will is published once, whoever dies (KIP-98). Opening the transactional id fences the former
 * holder and ends what it had open; the `term` tells this holder's records from those of all others.
 */
import { type Exit, type Stream, StreamError, type StreamHandler, toStreamError } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept, TransactionMeta } from '@zilla-ts/kafka'
import type { Will } from '@zilla-ts/mqtt'
import type { ClientLog } from './client-log.ts'
import type { SessionParameters } from './parameters.ts'
import { sessionKey } from './records.ts'
import type { WillStatus } from './view.ts'
import { decodeWillValue } from './will-codec.ts'

/** A record by which a will is published. */
export interface WillRecord {
  readonly meta: TransactionMeta
  readonly payload: Buffer
}

/** Makes the records of a will: the message, and its copy for the retained topic. An error: it can never be published. */
export type WillEncoder = (will: Will, clientId: string) => readonly WillRecord[] | StreamError

export interface FiringContext {
  readonly exit: Exit<Kafka>
  /** the sessions topic */
  readonly topic: string
  readonly parameters: SessionParameters
  readonly encodeWill: WillEncoder
  now(): number
}

export interface FiringListener {
  onTerm(term: string): void
  /** Another holder has the id, or the outcome of a transaction is unknown: nothing may be done without a new term. */
  onTermLost(error: StreamError): void
  /** This will can never be published. */
  onUndeliverable(client: ClientLog, epoch: string, error: StreamError): void
}

interface DueWill {
  readonly client: ClientLog
  readonly epoch: string
}

/** Of one transaction, so that a crowd of large wills does not pile up in memory. */
const BATCH_BYTES = 512 * 1024
const NOTHING = Buffer.alloc(0)

export class WillFiring implements StreamHandler<Kafka> {
  readonly #context: FiringContext
  readonly #id: string
  readonly #listener: FiringListener
  #stream: Stream<Kafka> | null = null
  /** due, in no transaction yet */
  #queue: DueWill[] = []
  /** in the transaction that is open */
  #batch: DueWill[] = []
  #unwritten: WillRecord[] = []
  #written = 0
  /** After a refused transaction so many wills go one by one, to find the one at fault. */
  #alone = 0
  /** epochs by client id: queued, under way, or published and not read back; none of these may be begun again */
  readonly #taken = new Map<string, Set<string>>()

  constructor(context: FiringContext, id: string, listener: FiringListener) {
    this.#context = context
    this.#id = id
    this.#listener = listener
  }

  /** client ids with wills that are due and not yet read back as gone */
  get size(): number {
    return this.#taken.size
  }

  /** False: the next hop refuses. */
  open(): boolean {
    const { exit, topic, parameters } = this.#context
    const timeoutMs = parameters.transactionTimeoutMs
    this.#stream = exit.connect({ kind: 'transaction', topic, id: this.#id, timeoutMs }, null, this)
    return this.#stream !== null
  }

  close(error: StreamError): void {
    const stream = this.#stream
    this.#stream = null
    stream?.abort(error)
    this.#queue = []
    this.#batch = []
    this.#unwritten = []
  }

  /** These wills of a client are due, and no others; told again as long as they are there. */
  update(client: ClientLog, wills: ReadonlyMap<string, WillStatus>): void {
    const { clientId } = client
    const taken = this.#taken.get(clientId)
    if (taken !== undefined) {
      for (const epoch of taken) if (!wills.has(epoch)) this.#forget(clientId, epoch)
    }
    for (const [epoch, status] of wills) if (status === 'due') this.#add(client, epoch)
  }

  /** Begins the next transaction, when none is open. */
  flush(): void {
    if (this.#batch.length > 0 || this.#stream === null) return
    const count = this.#alone > 0 ? 1 : this.#context.parameters.willBatch
    let bytes = 0
    let at = 0
    while (at < this.#queue.length && this.#batch.length < count && bytes < BATCH_BYTES) {
      bytes += this.#take(this.#queue[at++]!)
    }
    this.#queue.splice(0, at)
    if (this.#batch.length === 0) return
    if (this.#alone > 0) this.#alone--
    this.onWritable()
  }

  onAccept(info: KafkaAccept): void {
    if (info.kind === 'transaction') this.#listener.onTerm(info.term)
  }

  onData(): void {}

  onWritable(): void {
    let at = 0
    while (at < this.#unwritten.length && this.#stream?.writable === true) {
      const { payload, meta } = this.#unwritten[at++]!
      this.#written++
      this.#stream.write(payload, meta)
    }
    if (at === 0) return
    this.#unwritten.splice(0, at)
    if (this.#unwritten.length === 0) this.#stream?.signal({ kind: 'commit' })
  }

  onAck(through: number, refused?: StreamError): void {
    if (through < this.#written || this.#batch.length === 0) return
    const batch = this.#batch
    this.#batch = []
    if (refused === undefined) {
      // The wills stay taken until their tombstones are read.
    } else if (batch.length > 1) {
      this.#queue.unshift(...batch)
      this.#alone = batch.length
    } else {
      const { client, epoch } = batch[0]!
      this.#listener.onUndeliverable(client, epoch, refused)
    }
    this.flush()
  }

  onEnd(): void {
    this.#stream?.end()
    this.onAbort(new StreamError('unavailable', 'the transaction was ended'))
  }

  onAbort(error: StreamError): void {
    this.close(error)
    this.#listener.onTermLost(error)
  }

  #add(client: ClientLog, epoch: string): void {
    const taken = this.#taken.get(client.clientId)
    if (taken?.has(epoch) === true) return
    if (taken === undefined) this.#taken.set(client.clientId, new Set([epoch]))
    else taken.add(epoch)
    this.#queue.push({ client, epoch })
  }

  #forget(clientId: string, epoch: string): void {
    const taken = this.#taken.get(clientId)
    taken?.delete(epoch)
    if (taken?.size === 0) this.#taken.delete(clientId)
  }

  /** Puts the records of a will into the open transaction; how many bytes they have. */
  #take(due: DueWill): number {
    const { client, epoch } = due
    const value = client.value('w', epoch)
    if (value === null) {
      this.#forget(client.clientId, epoch)
      return 0
    }
    const records = this.#encode(value, client.clientId)
    if (records instanceof StreamError) {
      this.#listener.onUndeliverable(client, epoch, records)
      return 0
    }
    this.#batch.push(due)
    this.#unwritten.push(...records, this.#tombstone(client, epoch))
    return records.reduce((sum, { payload, meta }) => sum + payload.length + meta.headers.length, 0)
  }

  #encode(value: Buffer, clientId: string): readonly WillRecord[] | StreamError {
    const will = decodeWillValue(value)
    if (will === null) return new StreamError('invalid', 'the will cannot be read')
    try {
      return this.#context.encodeWill(will, clientId)
    } catch (error) {
      // One will at fault must not hold up those behind it.
      return toStreamError(error, 'internal')
    }
  }

  #tombstone(client: ClientLog, epoch: string): WillRecord {
    const { topic } = this.#context
    const key = sessionKey(client.clientId, 'w', epoch, null)
    const timestamp = this.#context.now()
    const { hash } = client
    return {
      payload: NOTHING,
      meta: { topic, key, hash, tombstone: true, timestamp, headers: NOTHING, headerCount: 0 },
    }
  }
}
