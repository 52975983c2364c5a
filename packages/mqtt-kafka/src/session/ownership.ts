/**
 * What the streams of a connection ask of the session layer, and what it tells them. The layer decides who owns a client id
 * by the order of the log (`view.ts`); whoever uses it needs to know nothing of that.
 */
import type { StreamError } from '@zilla-ts/engine'
import type { Will } from '@zilla-ts/mqtt'

/** State of a session as JSON; the layer does not look into it. */
export type SessionState = Readonly<Record<string, unknown>>

/** What a connection asks for. */
export interface ClaimRequest {
  readonly clientId: string
  readonly cleanStart: boolean
  /** seconds; 0xFFFFFFFF never */
  readonly expirySeconds: number
  readonly version: 4 | 5
  /** the identity of the client and the guard that has found it out; null: nobody knows who it is */
  readonly owner: string | null
  readonly will: Will | null
}

/** What a connection must know of how its client id changed hands. */
export interface Grant {
  /**
   * When the former owner was cut, epoch ms, so that what it had sent may still land until `settleMs` later; null: it had
   * ended by itself and nothing of it is in flight.
   */
  readonly cutAt: number | null
}

/** The connection side of a claim. No call comes before `claim` has returned. */
export interface SessionClaimant {
  /**
   * Owned from now on. `state`: of the session that goes on (an empty object when nothing was ever stored in it), null where
   * it is a new one.
   */
  onGranted(state: SessionState | null, grant: Grant): void
  /**
   * Not owned any more, or it never will be: disconnect the client with this reason (`taken-over`, `unavailable`,
   * `shutdown`, …). Whoever waits for the client id waits until a handle that was granted is closed: close it as soon as
   * nothing of the connection is in flight any more. Called at most once, and never after `close`.
   */
  onLost(error: StreamError): void
  /** The whole state as of now; asked when it is about to be written, the last time inside `close`. */
  snapshot(): SessionState
}

/** - `normal` DISCONNECT 0x00; `abnormal` any other end; `takeover` a later connection has the client id; `shutdown` ours */
export type CloseReason = 'normal' | 'abnormal' | 'takeover' | 'shutdown'

/** The claim as its connection holds it. */
export interface SessionHandle {
  /** sessions partition of the client id: what silence is told for */
  readonly partition: number
  /**
   * Writes the state at the end of this turn. `onStored` is called when our own reader has passed the record and the
   * session is still owned (R3); in the order of the calls; never after `onLost` or `close`.
   */
  save(onStored: (() => void) | null): void
  /** The state has changed in a way that may be written late: within a second, or with the next `save`. */
  touch(): void
  /** How the connection has ended, where `close` comes later: what closes the handle before then says the same. */
  ended(reason: CloseReason, reasonCode: number | null, expirySeconds: number | null): void
  /**
   * The connection is over. `expirySeconds` of DISCONNECT, null: as at CONNECT. `reasonCode` of DISCONNECT, null: none.
   * Whether the will is due follows from `reason`.
   */
  close(reason: CloseReason, reasonCode: number | null, expirySeconds: number | null): void
}
