/**
 * The sessions connected to this process: makes the stream of each, and knows who has which client id. Which connection owns
 * a client id is not decided here, but by the session layer.
 */
import { createHash } from 'node:crypto'
import type { Session, Stream, StreamError } from '@zilla-ts/engine'
import type { Capabilities, Mqtt } from '@zilla-ts/mqtt'
import { Inbound } from './inbound.ts'
import type { ClaimRequest, SessionClaimant, SessionHandle } from './session/ownership.ts'
import { type SessionContext, type SessionOpen, SessionStream } from './session-stream.ts'

export type { SessionOpen } from './session-stream.ts'

/** What the table needs of the session layer. */
export interface ClaimSite {
  claim(request: ClaimRequest, claimant: SessionClaimant): SessionHandle
}

/** Longest identity that is written as it is, UTF-16 units: it is part of every record of its sessions. */
const IDENTITY_LENGTH_MAX = 256

/** Whose session it will be: one guard's identity is another person than the same name of another guard. */
function ownerOf(session: Session | null): string | null {
  if (session === null) return null
  const { guard, identity } = session
  if (identity.length <= IDENTITY_LENGTH_MAX) return `${guard}/${identity}`
  return `${guard}#sha256:${createHash('sha256').update(identity).digest('base64url')}`
}

export class SessionTable implements SessionContext {
  readonly capabilities: () => Capabilities
  readonly #site: ClaimSite
  readonly servesAlike: (before: Session | null, after: Session | null) => boolean
  readonly #onEmpty: () => void
  readonly #all = new Set<SessionStream>()
  readonly #owners = new Map<string, SessionStream>()
  readonly #inbounds = new Map<string, Inbound>()

  /** `onEmpty`: the last session is over. */
  constructor(
    site: ClaimSite,
    { capabilities, servesAlike }: Pick<SessionContext, 'capabilities' | 'servesAlike'>,
    onEmpty: () => void,
  ) {
    this.#site = site
    this.capabilities = capabilities
    this.servesAlike = servesAlike
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#all.size
  }

  /** clients whose QoS 2 publishes are remembered */
  get inbounds(): number {
    return this.#inbounds.size
  }

  /** The accepted session of a client id; null: it has none here. */
  get(clientId: string): SessionStream | null {
    return this.#owners.get(clientId) ?? null
  }

  /** A new connection. */
  claim(open: SessionOpen, stream: Stream<Mqtt>): SessionStream {
    const { clientId, cleanStart, version, expirySeconds, will } = open
    const owner = ownerOf(stream.session)
    const session = new SessionStream(open, stream, this)
    this.#all.add(session)
    session.claimed(this.#site.claim({ clientId, cleanStart, expirySeconds, version, owner, will }, session))
    return session
  }

  inbound(clientId: string): Inbound {
    let inbound = this.#inbounds.get(clientId)
    if (inbound === undefined) {
      inbound = new Inbound(() => this.#inbounds.delete(clientId))
      this.#inbounds.set(clientId, inbound)
    }
    return inbound.acquire()
  }

  onAccepted(session: SessionStream): void {
    this.#owners.set(session.open.clientId, session)
  }

  onClosed(session: SessionStream): void {
    this.#all.delete(session)
    if (this.#owners.get(session.open.clientId) === session) this.#owners.delete(session.open.clientId)
    if (this.#all.size === 0) this.#onEmpty()
  }

  setSilent(partition: number, silent: boolean): void {
    for (const session of this.#owners.values()) session.setSilent(partition, silent)
  }

  setAvailable(available: boolean): void {
    for (const session of this.#owners.values()) session.setAvailable(available)
  }

  stop(error: StreamError): void {
    for (const session of [...this.#all]) session.abort(error, 'shutdown')
  }
}
