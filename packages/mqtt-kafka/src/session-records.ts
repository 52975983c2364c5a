/**
 * The records of the sessions topic, readable by people (`kcat`): one key per accepted connection, first its claim, then how
 * it ended. Keys of a client begin with its id and share a partition.
 */
import { randomBytes } from 'node:crypto'
import type { Version } from '@zilla-ts/mqtt'

const VERSION = 1
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const INSTANCE_ID_LENGTH = 10

/** A process, for as long as it lives. */
export function newInstanceId(): string {
  let id = ''
  for (const byte of randomBytes(INSTANCE_ID_LENGTH)) id += BASE32[byte % BASE32.length]
  return id
}

/** `<clientId>#e#<epoch>`; `#` and `%` of the client id are percent-encoded, so that a key can be split from the right. */
export function epochKey(clientId: string, epoch: string): Buffer {
  return Buffer.from(`${clientId.replace(/[%#]/g, encodeURIComponent)}#e#${epoch}`)
}

/** What the instance says of a connection it accepts. */
export interface Claim {
  readonly instance: string
  /** epoch ms */
  readonly at: number
  readonly clean: boolean
  /** seconds the session outlives its connection */
  readonly expiry: number
  readonly version: Version
  readonly user: string | null
}

export function claimValue(claim: Claim): Buffer {
  const { instance, at, clean, expiry, version, user } = claim
  const value = { v: VERSION, k: 'claim', i: instance, at, clean, expiry, ver: version }
  return Buffer.from(JSON.stringify(user === null ? value : { ...value, user }))
}

/** - `normal` DISCONNECT 0x00; `abnormal` any other end; `takeover` a later connection has the client id; `shutdown` ours */
export type CloseReason = 'normal' | 'abnormal' | 'takeover' | 'shutdown'

export interface Closed {
  readonly instance: string
  /** epoch ms */
  readonly at: number
  readonly reason: CloseReason
  /** reason code of the client's DISCONNECT; null: it sent none */
  readonly code: number | null
}

export function closedValue(closed: Closed): Buffer {
  const { instance, at, reason, code } = closed
  const value = { v: VERSION, k: 'closed', i: instance, at, reason, will: 'none' }
  return Buffer.from(JSON.stringify(code === null ? value : { ...value, code }))
}
