/**
 * The records of the sessions topic, readable by people (`kcat`): keys `<clientId>#<kind>#<epoch>[#<writer>]` and
 * `<group>#g`, values JSON. Used by whoever writes or reads that topic. Never throws on what it reads: what is no record of
 * ours is null, and a version we do not know is told apart from nonsense.
 */
import { randomBytes } from 'node:crypto'
import type { CloseReason, SessionState } from './ownership.ts'

const VERSION = 1
/** how every value of ours begins */
const VERSION_PREFIX = Buffer.from('{"v":1,')
/** the state is the last field, so that the fields before it can be read without it */
const STATE_FIELD = Buffer.from(',"s":')
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const INSTANCE_ID_LENGTH = 10

/** Session Expiry Interval: never (MQTT 5.0 §3.1.2.11.2). */
export const NEVER_SECONDS = 0xffff_ffff

/** A process, for as long as it lives. */
export function newInstanceId(): string {
  let id = ''
  for (const byte of randomBytes(INSTANCE_ID_LENGTH)) id += BASE32[byte % BASE32.length]
  return id
}

/** The process that an epoch (`<instance>.<n>`) belongs to. */
export function instanceOf(epoch: string): string {
  const dot = epoch.lastIndexOf('.')
  return dot === -1 ? epoch : epoch.slice(0, dot)
}

/** - `e` the epoch itself; `w` its will; `cut`, `fire`, `expire` what others decided about it, one key per writer */
export type KeyKind = 'e' | 'w' | 'cut' | 'fire' | 'expire'

export interface SessionKey {
  readonly clientId: string
  readonly kind: KeyKind
  readonly epoch: string
  /** null for `e` and `w`, which only the epoch's own instance writes */
  readonly writer: string | null
}

export interface GroupKey {
  readonly group: string
}

/** `#` and `%` are percent-encoded, so that a key can be split. */
function encodeName(name: string): string {
  return name.replace(/[%#]/g, encodeURIComponent)
}

function decodeName(name: string): string {
  return name.includes('%') ? name.replace(/%23/g, '#').replace(/%25/g, '%') : name
}

export function sessionKey(clientId: string, kind: KeyKind, epoch: string, writer: string | null): Buffer {
  const key = `${encodeName(clientId)}#${kind}#${epoch}`
  return Buffer.from(writer === null ? key : `${key}#${writer}`)
}

export function groupKey(group: string): Buffer {
  return Buffer.from(`${encodeName(group)}#g`)
}

/** Null: not a key of ours. */
export function parseKey(key: Buffer | null): SessionKey | GroupKey | null {
  if (key === null) return null
  const parts = key.toString().split('#')
  const [name, kind, epoch, writer] = parts
  if (name === undefined || kind === undefined) return null
  if (kind === 'g' && parts.length === 2) return { group: decodeName(name) }
  if (epoch === undefined || epoch === '') return null
  if ((kind === 'e' || kind === 'w') && parts.length === 3)
    return { clientId: decodeName(name), kind, epoch, writer: null }
  if ((kind === 'cut' || kind === 'fire' || kind === 'expire') && parts.length === 4 && writer !== undefined) {
    return { clientId: decodeName(name), kind, epoch, writer }
  }
  return null
}

/** What the instance says of a connection it accepts. */
export interface Claim {
  readonly k: 'claim'
  /** instance */
  readonly i: string
  /** epoch ms */
  readonly at: number
  readonly clean: boolean
  /** seconds the session outlives its connection */
  readonly expiry: number
  /** seconds; absent: no will */
  readonly willDelay?: number
  /** protocol level of CONNECT */
  readonly ver: number
  /** whose session it is, as a guard has found out; absent: nobody knows */
  readonly owner?: string
  /** the epoch of the same connection that it overtakes, and whose will it has */
  readonly renews?: string
}

/** The state of an epoch that owns. `spared`: epochs whose wills lie below its rank although their claims may be to come. */
export interface Live {
  readonly k: 'live'
  /** offset of its claim */
  readonly rank: number
  readonly i: string
  /** epoch that began the session */
  readonly sid: string
  /** counts the snapshots of an epoch, so that its writer knows which one it reads */
  readonly n: number
  readonly expiry: number
  readonly willDelay?: number
  readonly owner?: string
  readonly spared?: readonly string[]
}

export type ClosedWill = 'none' | 'pending' | 'due'

/** The end of an epoch; its last record. */
export interface Closed {
  readonly k: 'closed'
  readonly rank: number
  readonly i: string
  readonly sid: string
  readonly at: number
  readonly reason: CloseReason
  /** reason code of the client's DISCONNECT */
  readonly code?: number
  readonly will: ClosedWill
  /** when a pending will is due */
  readonly fireAt?: number
  /** when the session is over, `at` for at once; absent: never */
  readonly expireAt?: number
  /**
   * As at CONNECT. A cut that lies before this record ended the epoch, and what follows from a cut is taken from these: a
   * reader of the compacted log has no other place to learn them.
   */
  readonly expiry: number
  readonly willDelay?: number
  readonly owner?: string
  readonly spared?: readonly string[]
}

export type EpochRecord = Claim | Live | Closed

export type CutReason = 'grace' | 'dead'

/** When others decided; the value of `cut`, `fire` and `expire`. */
export interface Decision {
  /** epoch ms */
  readonly at: number
}

/** A value: the version first, the state last. */
export function encodeValue(fields: object, state: SessionState | null = null): Buffer {
  const head = JSON.stringify({ v: VERSION, ...fields })
  return Buffer.from(state === null ? head : `${head.slice(0, -1)},"s":${JSON.stringify(state)}}`)
}

export function encodeCut(at: number, by: string, why: CutReason): Buffer {
  return encodeValue({ at, by, why })
}

/** - `nonsense` no JSON object with a version: not a record of ours */
export type Versioned = 'known' | 'unknown' | 'nonsense'

/** Cheap where the version is ours, which is always. */
export function versionOf(value: Buffer): Versioned {
  if (value.length >= VERSION_PREFIX.length && VERSION_PREFIX.compare(value, 0, VERSION_PREFIX.length) === 0)
    return 'known'
  const parsed = parseObject(value.toString())
  if (parsed === null || parsed['v'] === undefined) return 'nonsense'
  return parsed['v'] === VERSION ? 'known' : 'unknown'
}

/** Null: not a record of an epoch. The state is not looked at, where it is the last field as we write it. */
export function decodeEpochRecord(value: Buffer): EpochRecord | null {
  const stateAt = value.indexOf(STATE_FIELD)
  const head = stateAt === -1 ? null : parseObject(`${value.toString('utf8', 0, stateAt)}}`)
  return (head === null ? null : epochRecordOf(head)) ?? epochRecordOf(parseObject(value.toString()))
}

function epochRecordOf(fields: Record<string, unknown> | null): EpochRecord | null {
  if (fields === null || typeof fields['i'] !== 'string' || !isCount(fields['expiry'])) return null
  if (fields['willDelay'] !== undefined && !isCount(fields['willDelay'])) return null
  if (fields['owner'] !== undefined && typeof fields['owner'] !== 'string') return null
  if (fields['spared'] !== undefined && !Array.isArray(fields['spared'])) return null
  switch (fields['k']) {
    case 'claim':
      return isCount(fields['at']) && typeof fields['clean'] === 'boolean' ? (fields as unknown as Claim) : null
    case 'live':
      return isCount(fields['rank']) && typeof fields['sid'] === 'string' && isCount(fields['n'])
        ? (fields as unknown as Live)
        : null
    case 'closed':
      return isClosed(fields) ? (fields as unknown as Closed) : null
    default:
      return null
  }
}

export function decodeDecision(value: Buffer): Decision | null {
  const fields = parseObject(value.toString())
  return fields !== null && isCount(fields['at']) ? (fields as unknown as Decision) : null
}

/** The state in a record of an epoch, or of a group; null when there is none. */
export function decodeState(value: Buffer): SessionState | null {
  const state = parseObject(value.toString())?.['s']
  return isObject(state) ? state : null
}

function isClosed(fields: Record<string, unknown>): boolean {
  return (
    isCount(fields['rank']) &&
    isCount(fields['at']) &&
    typeof fields['sid'] === 'string' &&
    (fields['will'] === 'none' ||
      fields['will'] === 'due' ||
      (fields['will'] === 'pending' && isCount(fields['fireAt']))) &&
    (fields['expireAt'] === undefined || isCount(fields['expireAt']))
  )
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Null: not a JSON object. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
