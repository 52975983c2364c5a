/**
 * Gives every cursor the loop that reads it: by the leader of its partition, by isolation, and live or catching up, since
 * those who read history must not delay those who wait for the next record. Used by the fetch streams of a client.
 */
import { type StreamError, toStreamError } from '@zilla-ts/engine'
import type { PartitionOffsets } from '../stream.ts'
import type { Directory } from './directory.ts'
import { type FetchHearer, FetchLoop, type FetchPort } from './fetch-loop.ts'
import type { Cursor, FetchStream } from './fetch-stream.ts'
import type { FetchWant, Isolation } from './fetch-wire.ts'
import type { OffsetAsks } from './offset-asks.ts'
import type { ClientSite } from './site.ts'

const RELOCATE_PAUSE_MS = 100

/** Sends a Fetch to a broker, over the connection for its kind. */
export type FetchSender = (node: number, live: boolean, want: FetchWant, hearer: FetchHearer) => void

export class Fetcher implements FetchPort {
  readonly clock
  readonly report
  readonly fetch: FetchSender
  /** offsets that were removed before they could be read */
  readonly lost
  readonly #site: ClientSite
  readonly #directory: Directory
  readonly #asks: OffsetAsks
  readonly #streams = new Set<FetchStream>()
  readonly #loops = new Map<string, FetchLoop>()

  constructor(site: ClientSite, directory: Directory, asks: OffsetAsks, fetch: FetchSender) {
    this.#site = site
    this.clock = site.clock
    this.report = site.report
    this.fetch = fetch
    this.lost = site.report.counter('kafka.fetch.lost')
    this.#directory = directory
    this.#asks = asks
  }

  get streams(): ReadonlySet<FetchStream> {
    return this.#streams
  }

  add(stream: FetchStream): void {
    this.#streams.add(stream)
    this.#directory.watch(stream.name, stream)
  }

  remove(stream: FetchStream): void {
    if (!this.#streams.delete(stream)) return
    stream.openDeadline?.cancel()
    this.#directory.unwatch(stream.name, stream)
    for (const cursor of stream.cursors) cursor.slot?.loop.remove(cursor)
  }

  offsets(stream: FetchStream): Promise<PartitionOffsets[]> {
    return this.#asks.ask(stream.topic, stream.scope)
  }

  /** Puts a cursor where it belongs; without a leader nowhere, until the directory finds one. */
  place(cursor: Cursor, live: boolean): void {
    const node = cursor.owner.topic.leaders[cursor.partition] ?? -1
    const { slot } = cursor
    if (node < 0) {
      slot?.loop.remove(cursor)
      this.#directory.refresh()
      return
    }
    const { isolation } = cursor.owner.scope
    let loop = this.#loop(node, live, isolation)
    if (slot?.loop === loop) return
    if (loop.busy && live) {
      // A live request may wait half a second for data of others; until it is over, the cursor is read like a late one.
      loop.expect(cursor)
      loop = this.#loop(node, false, isolation)
      if (slot?.loop === loop) return
    }
    slot?.loop.remove(cursor)
    loop.add(cursor)
  }

  #loop(node: number, live: boolean, isolation: Isolation): FetchLoop {
    const key = `${node} ${live} ${isolation}`
    let loop = this.#loops.get(key)
    if (loop === undefined) {
      loop = new FetchLoop(node, live, isolation, this)
      this.#loops.set(key, loop)
    }
    return loop
  }

  /** Leaders may have changed. */
  route(stream: FetchStream): void {
    for (const cursor of stream.cursors) this.place(cursor, cursor.slot?.loop.live ?? false)
  }

  /** The stream has room again; where it fell behind meanwhile it catches up. */
  wake(stream: FetchStream): void {
    for (const cursor of stream.cursors) {
      if (cursor.slot === null) continue
      if (cursor.slot.loop.live && cursor.next < cursor.slot.end) this.place(cursor, false)
      else cursor.slot.loop.wake()
    }
  }

  refresh(): void {
    this.#directory.refresh()
  }

  denied(error: StreamError): void {
    this.#site.complaints.denied(error)
  }

  arrived(cursor: Cursor): void {
    this.place(cursor, true)
  }

  /**
   * Below the log: retention was faster. Above: the topic was made anew (kafkajs's versions know no topic ids), or an
   * unclean election cut the log. Both go on at the first record there is.
   */
  relocate(cursor: Cursor): void {
    cursor.lost = true
    this.#askLater(cursor.owner).then(
      (offsets) => {
        cursor.lost = false
        if (!this.#streams.has(cursor.owner)) return
        const found = offsets.find(({ partition }) => partition === cursor.partition)
        if (found !== undefined && (cursor.next < found.start || cursor.next > found.end)) cursor.move(found.start)
        this.place(cursor, false)
        this.wake(cursor.owner)
      },
      (error) => cursor.owner.fail(toStreamError(error, 'unavailable')),
    )
  }

  /** After a while: brokers that disagree about the offset must not make a busy loop. */
  async #askLater(stream: FetchStream): Promise<PartitionOffsets[]> {
    await this.#site.pause(RELOCATE_PAUSE_MS)
    return this.offsets(stream)
  }

  stop(error: StreamError): void {
    for (const loop of this.#loops.values()) loop.stop()
    for (const stream of [...this.#streams]) stream.fail(error)
  }
}
