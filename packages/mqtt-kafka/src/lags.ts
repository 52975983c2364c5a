/** Where one receiver is behind: mostly nowhere. Used by subscribers and shared groups. */
import { Lag } from './lag.ts'
import type { MessageLog } from './message-log.ts'
import type { Receiver } from './receiver.ts'

export class Lags {
  /** by log, then partition; null: nowhere */
  #lags: Map<MessageLog, (Lag | undefined)[]> | null = null

  get empty(): boolean {
    return this.#lags === null
  }

  get(log: MessageLog, partition: number): Lag | null {
    return this.#lags?.get(log)?.[partition] ?? null
  }

  /** In some partition of the log; what the live reader has caught up with does not count. */
  has(log: MessageLog): boolean {
    return this.of(log).some((lag) => lag.state !== 'over' || lag.next > log.next(lag.partition))
  }

  of(log: MessageLog): Lag[] {
    return this.#lags?.get(log)?.filter((lag) => lag !== undefined) ?? []
  }

  /** Whether a live record is for the receiver now: no sweep brings it, or has brought it. */
  passes(log: MessageLog, partition: number, offset: number): boolean {
    const lag = this.get(log, partition)
    if (lag === null) return true
    if (lag.state !== 'over') return offset < lag.next
    if (offset < lag.next) return false
    this.#remove(lag)
    return true
  }

  add(lag: Lag): void {
    this.#lags ??= new Map()
    const lags = this.#lags.get(lag.log)
    if (lags === undefined) this.#lags.set(lag.log, sparse(lag))
    else lags[lag.partition] = lag
  }

  /** A live record found no room. */
  fallBehind(receiver: Receiver, log: MessageLog, partition: number, offset: number): Lag {
    const known = this.get(log, partition)
    if (known === null || known.state === 'over') {
      const lag = new Lag(receiver, log, partition, offset)
      this.add(lag)
      return lag
    }
    log.sweeps(partition).drop(known)
    known.next = Math.min(known.next, offset)
    known.from = Math.min(known.from, offset)
    return known
  }

  /** The receiver has room again. */
  onRoom(): void {
    if (this.#lags === null) return
    for (const lags of [...this.#lags.values()]) {
      for (const lag of [...lags]) if (lag?.state === 'parked') lag.log.sweeps(lag.partition).ready(lag)
    }
  }

  close(): void {
    for (const [log, lags] of this.#lags ?? []) for (const lag of lags) if (lag) log.sweeps(lag.partition).drop(lag)
    this.#lags = null
  }

  #remove(lag: Lag): void {
    const lags = this.#lags?.get(lag.log)
    if (lags?.[lag.partition] !== lag) return
    delete lags[lag.partition]
    if (lags.some((one) => one !== undefined)) return
    this.#lags!.delete(lag.log)
    if (this.#lags!.size === 0) this.#lags = null
  }
}

function sparse(lag: Lag): (Lag | undefined)[] {
  const lags: (Lag | undefined)[] = []
  lags[lag.partition] = lag
  return lags
}
