/**
 * Whom the server has, and whom it lets in: counts of connections and rates of CONNECTs, over all and by address, client
 * identifier and identity. Asked at each byte stream, at each CONNECT before anything is spent on it (a password or a token
 * costs more than a refusal), and once more when it is known who the client is.
 *
 * Streams without an accepted CONNECT, those that are being closed included, are bounded apart, by count and by the bytes they make us keep, and the oldest goes
 * first: a client sends CONNECT at once, so that whoever has not for the longest time is the least likely to be one. If new
 * ones were refused instead, as many silent sockets would lock everybody out.
 */
import type { Clock, Counter, Reporter, Session } from '@zilla-ts/engine'
import type { Address } from '@zilla-ts/net'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { MqttLimits } from '../mqtt.config.ts'
import { addressKey } from './address-key.ts'
import type { Refusal } from './connect.ts'
import { KeyedRate, Rate } from './rate.ts'

/** Addresses and client identifiers whose rate is known at a time. */
const KEYS_MAX = 16_384

/** A connection as it is counted. */
export interface Guest {
  /** There are too many that have not sent CONNECT, and this one is the oldest: ends it, which makes it `leave`. */
  shed(): void
}

/** One byte stream. */
export class Admitted {
  readonly guest: Guest
  /** null: the transport knows none */
  readonly address: string | null
  /** while it has a place; empty: the server has given one */
  clientId: string | null = null
  identity: string | null = null
  /** identity of the connection that it takes the client identifier over from */
  formerIdentity: string | null = null
  /** held before CONNECT */
  bytes = 0

  constructor(guest: Guest, address: string | null) {
    this.guest = guest
    this.address = address
  }
}

export class Admission {
  readonly #limits: MqttLimits
  readonly #clock: Clock
  readonly #perAddress: KeyedRate
  readonly #perClient: KeyedRate
  readonly #overall: Rate
  #overallBucket = 0
  /** not let in, or over; oldest first */
  readonly #waiting = new Set<Admitted>()
  /** of these, those that hold bytes */
  readonly #holding = new Set<Admitted>()
  #bytes = 0
  #connections = 0
  readonly #addresses = new Tally()
  readonly #identities = new Tally()
  /** the latest that was let in, by client identifier */
  readonly #clients = new Map<string, Admitted>()
  readonly #limitedConnects: Counter
  readonly #limitedConnections: Counter
  readonly #shed: Counter

  constructor(limits: MqttLimits, clock: Clock, report: Reporter) {
    this.#limits = limits
    this.#clock = clock
    this.#perAddress = new KeyedRate(new Rate(limits.addressConnectsPerSecond, 1), KEYS_MAX)
    this.#perClient = new KeyedRate(new Rate(limits.clientConnectsPerMinute / 60, 60), KEYS_MAX)
    this.#overall = new Rate(limits.connectsPerSecond, 1)
    this.#limitedConnects = report.counter('mqtt.limited.connects')
    this.#limitedConnections = report.counter('mqtt.limited.connections')
    this.#shed = report.counter('mqtt.limited.unconnected')
  }

  /** Counts of what is held, for tests that look for leaks. */
  get usage(): Readonly<Record<string, number>> {
    return {
      connections: this.#connections,
      unconnected: this.#waiting.size,
      unconnectedBytes: this.#bytes,
      addresses: this.#addresses.size,
      identities: this.#identities.size,
      clients: this.#clients.size,
    }
  }

  /** A byte stream was opened. */
  enter(guest: Guest, remote: Address | undefined): Admitted {
    if (this.#waiting.size >= this.#limits.unconnected) this.#shedOldest(this.#waiting)
    const entry = new Admitted(guest, remote === undefined ? null : addressKey(remote.host))
    this.#waiting.add(entry)
    return entry
  }

  /** It has sent so many bytes that are no packet yet. Whoever holds the oldest may be ended, itself too. */
  hold(entry: Admitted, bytes: number): void {
    if (!this.#waiting.has(entry)) return
    this.#bytes += bytes - entry.bytes
    entry.bytes = bytes
    if (bytes > 0) this.#holding.add(entry)
    else this.#holding.delete(entry)
    while (this.#bytes > this.#limits.unconnectedBytes) this.#shedOldest(this.#holding)
  }

  /** Whether its CONNECT is let in; `clientId`: as sent, empty when the server gives one. */
  connect(entry: Admitted, clientId: string): Refusal | null {
    const { connections, addressConnections = Number.POSITIVE_INFINITY } = this.#limits
    const rate = this.#rateRefusal(entry, clientId)
    if (rate !== null) return rate
    // What it takes the client identifier over from will be gone: a client may come back though all places are taken.
    const former = clientId === '' ? undefined : this.#clients.get(clientId)
    const own = former === undefined ? 0 : 1
    if (this.#connections - own >= connections) return this.#full('there are too many connections')
    const { address } = entry
    if (address !== null) {
      const ownHere = former?.address === address ? 1 : 0
      if (this.#addresses.of(address) - ownHere >= addressConnections) {
        return this.#full('there are too many connections from this address')
      }
      this.#addresses.add(address)
    }
    this.hold(entry, 0)
    this.#waiting.delete(entry)
    this.#connections++
    entry.clientId = clientId
    entry.formerIdentity = former?.identity ?? null
    if (clientId !== '') this.#clients.set(clientId, entry)
    return null
  }

  /** Whether one more connection of this identity is let in; null: nobody knows who it is. After `connect`. */
  identify(entry: Admitted, session: Session | null): Refusal | null {
    const { identityConnections = Number.POSITIVE_INFINITY } = this.#limits
    if (session === null) return null
    // two guards may know different people by the same name
    const identity = `${session.guard} ${session.identity}`
    const own = entry.formerIdentity === identity ? 1 : 0
    if (this.#identities.of(identity) - own >= identityConnections) {
      return this.#full('there are too many connections of this identity')
    }
    entry.identity = identity
    this.#identities.add(identity)
    return null
  }

  /** The connection is over, its socket may not be: it gives its place back, and counts among those without CONNECT. */
  release(entry: Admitted): void {
    const { address, identity, clientId } = entry
    if (clientId === null) return
    entry.clientId = null
    this.#connections--
    if (address !== null) this.#addresses.remove(address)
    if (identity !== null) this.#identities.remove(identity)
    if (this.#clients.get(clientId) === entry) this.#clients.delete(clientId)
    if (this.#waiting.size >= this.#limits.unconnected) this.#shedOldest(this.#waiting)
    this.#waiting.add(entry)
  }

  /** The byte stream is over. Safe twice. */
  leave(entry: Admitted): void {
    this.release(entry)
    this.hold(entry, 0)
    this.#waiting.delete(entry)
  }

  /** First what is its own fault, so that whoever comes too often takes nothing of what is there for all. */
  #rateRefusal({ address }: Admitted, clientId: string): Refusal | null {
    const now = this.#clock.monotonic()
    if (address !== null && !this.#perAddress.take(address, now)) {
      return this.#tooOften('too many connects from this address')
    }
    if (clientId !== '' && !this.#perClient.take(clientId, now)) {
      return this.#tooOften('too many connects of this client identifier')
    }
    const bucket = this.#overall.take(this.#overallBucket, 1, now)
    if (this.#overall.owedMs(bucket, now) > 0) return this.#tooOften('too many connects')
    this.#overallBucket = bucket
    return null
  }

  #tooOften(text: string): Refusal {
    this.#limitedConnects.value++
    return { reasonCode: ReasonCode.ConnectionRateExceeded, text }
  }

  #full(text: string): Refusal {
    this.#limitedConnections.value++
    return { reasonCode: ReasonCode.QuotaExceeded, text }
  }

  #shedOldest(entries: ReadonlySet<Admitted>): void {
    for (const oldest of entries) {
      this.#shed.value++
      this.leave(oldest)
      oldest.guest.shed()
      return
    }
  }
}

/** How many there are of each. */
class Tally {
  readonly #counts = new Map<string, number>()

  get size(): number {
    return this.#counts.size
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1)
  }

  remove(key: string): void {
    const left = this.of(key) - 1
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
  }
}
