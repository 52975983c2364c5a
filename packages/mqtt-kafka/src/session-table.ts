/**
 * Who owns which client id in this process. The latest connection does; the former one is told and ends before the new one's
 * claim is written, so that the log says the same.
 */
import { type Clock, type Stream, StreamError } from '@zilla-ts/engine'
import { partitionHash } from '@zilla-ts/kafka'
import type { Capabilities, Mqtt, MqttOpen } from '@zilla-ts/mqtt'
import type { RecordOwner, SessionLog } from './session-log.ts'
import { type CloseReason, claimValue, closedValue, epochKey, newInstanceId } from './session-records.ts'
import { SessionStream } from './session-stream.ts'

export type SessionOpen = Extract<MqttOpen, { kind: 'session' }>

/** The end of a session is not confirmed to anybody. */
const NOBODY: RecordOwner = { onStored() {}, onFailed() {} }

export class SessionTable {
  readonly #clock: Clock
  readonly #log: SessionLog
  readonly #capabilities: () => Capabilities
  readonly #onEmpty: () => void
  readonly #instance = newInstanceId()
  readonly #owners = new Map<string, SessionStream>()
  #epochs = 0

  /** `onEmpty`: the last session is over. */
  constructor(clock: Clock, log: SessionLog, capabilities: () => Capabilities, onEmpty: () => void) {
    this.#clock = clock
    this.#log = log
    this.#capabilities = capabilities
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#owners.size
  }

  get capabilities(): Capabilities {
    return this.#capabilities()
  }

  /** The session of a client id; null: it has none here. */
  get(clientId: string): SessionStream | null {
    return this.#owners.get(clientId) ?? null
  }

  /** A new connection: ends the one that has the client id, then claims it. */
  claim(open: SessionOpen, stream: Stream<Mqtt>): SessionStream {
    const { clientId, cleanStart, version, username, expirySeconds } = open
    this.#owners.get(clientId)?.abort(new StreamError('taken-over', `'${clientId}' has connected again`), 'takeover')
    const session = new SessionStream(open, `${this.#instance}.${++this.#epochs}`, stream, this)
    this.#owners.set(clientId, session)
    const claim = {
      instance: this.#instance,
      at: this.#clock.now(),
      clean: cleanStart,
      expiry: Math.min(expirySeconds, this.capabilities.expirySecondsMax),
      version,
      user: username,
    }
    this.#append(session, claimValue(claim), session)
    session.opened(this.#clock)
    return session
  }

  /** The session has ended; it may be that another has its client id already. */
  onClosed(session: SessionStream, reason: CloseReason, code: number | null): void {
    const { clientId } = session.open
    if (this.#owners.get(clientId) === session) this.#owners.delete(clientId)
    this.#append(session, closedValue({ instance: this.#instance, at: this.#clock.now(), reason, code }), NOBODY)
    if (this.#owners.size === 0) this.#onEmpty()
  }

  setAvailable(available: boolean): void {
    for (const session of this.#owners.values()) session.setAvailable(available)
  }

  stop(error: StreamError): void {
    for (const session of [...this.#owners.values()]) session.abort(error, 'shutdown')
  }

  #append(session: SessionStream, value: Buffer, owner: RecordOwner): void {
    const { clientId } = session.open
    this.#log.append(epochKey(clientId, session.epoch), partitionHash(Buffer.from(clientId)), value, owner)
  }
}
