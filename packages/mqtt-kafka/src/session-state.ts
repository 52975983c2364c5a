/**
 * What survives of a session, as the JSON that is stored with it: subscriptions, where each partition was read to, what was
 * in flight both ways. Reading it never throws: what makes no sense is left out and counted.
 */
import type { Qos, Subscription as Request } from '@zilla-ts/mqtt'
import type { Ends } from './log-positions.ts'
import type { SessionState } from './session/ownership.ts'

/** A subscription of the session. */
export interface SubscriptionState {
  readonly request: Request
  /** by Kafka topic: records below these offsets were there before SUBSCRIBE; only while that matters */
  readonly from: ReadonlyMap<string, Ends>
  /** retained messages had not all been sent */
  readonly replays: boolean
}

/** A delivery in flight. */
export interface FlightRecord {
  readonly packetId: number
  readonly source: string
  readonly partition: number
  readonly offset: number
  readonly qos: Qos
  /** PUBREC was seen */
  readonly released: boolean
  readonly retainedTopic: string | null
}

/** A QoS 2 publish of the client that is not released: what its record will be known by. */
export interface IntentRecord {
  readonly packetId: number
  readonly topic: string
  readonly partition: number
  /** it cannot lie below this offset */
  readonly from: number
  /** epoch ms */
  readonly timestamp: number
  /** of key, headers and value */
  readonly hash: string
  /** it is known to be stored */
  readonly stored: boolean
}

export interface RestoredState {
  readonly subscriptions: readonly SubscriptionState[]
  /** by Kafka topic, next offset per partition */
  readonly positions: ReadonlyMap<string, Ends>
  readonly flights: readonly FlightRecord[]
  readonly intents: readonly IntentRecord[]
  /** entries that made no sense */
  readonly broken: number
}

export const EMPTY_STATE: RestoredState = {
  subscriptions: [],
  positions: new Map(),
  flights: [],
  intents: [],
  broken: 0,
}

type Json = Readonly<Record<string, unknown>>

export function composeState(state: Omit<RestoredState, 'broken'>): SessionState {
  const { subscriptions, positions, flights, intents } = state
  return {
    ...(subscriptions.length > 0 && { subs: subscriptions.map(composeSubscription) }),
    ...(positions.size > 0 && { pos: Object.fromEntries(positions) }),
    ...(flights.length > 0 && { out2: flights.map(composeFlight) }),
    ...(intents.length > 0 && { in2: intents.map(composeIntent) }),
  }
}

function composeSubscription({ request, from, replays }: SubscriptionState): Json {
  const { filter, qos, noLocal, retainAsPublished, retainHandling, subscriptionId } = request
  return {
    f: filter,
    q: qos,
    ...(noLocal && { nl: 1 }),
    ...(retainAsPublished && { rap: 1 }),
    ...(retainHandling > 0 && { rh: retainHandling }),
    ...(subscriptionId > 0 && { id: subscriptionId }),
    ...(from.size > 0 && { from: Object.fromEntries(from) }),
    ...(replays && { rp: 1 }),
  }
}

function composeFlight(flight: FlightRecord): Json {
  const { packetId, source, partition, offset, qos, released, retainedTopic } = flight
  return {
    id: packetId,
    t: source,
    p: partition,
    o: offset,
    q: qos,
    ...(released && { rec: 1 }),
    ...(retainedTopic !== null && { k: retainedTopic }),
  }
}

function composeIntent({ packetId, topic, partition, from, timestamp, hash, stored }: IntentRecord): Json {
  return { id: packetId, t: topic, p: partition, from, at: timestamp, h: hash, ...(stored && { ok: 1 }) }
}

/** A stored state; null: a new session. */
export function readState(state: SessionState | null): RestoredState {
  if (state === null) return EMPTY_STATE
  const reader = new StateReader()
  return {
    subscriptions: reader.list(state['subs'], readSubscription),
    positions: readEnds(state['pos']),
    flights: reader.list(state['out2'], readFlight),
    intents: reader.list(state['in2'], readIntent),
    broken: reader.broken,
  }
}

class StateReader {
  broken = 0

  list<T>(value: unknown, read: (item: Json) => T | null): T[] {
    if (value === undefined) return []
    if (!Array.isArray(value)) {
      this.broken++
      return []
    }
    const found: T[] = []
    for (const item of value) {
      const one = isObject(item) ? read(item) : null
      if (one === null) this.broken++
      else found.push(one)
    }
    return found
  }
}

function readSubscription(item: Json): SubscriptionState | null {
  const { f: filter, q: qos, rh = 0, id = 0 } = item
  if (typeof filter !== 'string' || !isQos(qos) || !isCount(id)) return null
  if (rh !== 0 && rh !== 1 && rh !== 2) return null
  const noLocal = item['nl'] === 1
  const retainAsPublished = item['rap'] === 1
  const request = { filter, qos, noLocal, retainAsPublished, retainHandling: rh, subscriptionId: id } as const
  return { request, from: readEnds(item['from']), replays: item['rp'] === 1 }
}

function readFlight(item: Json): FlightRecord | null {
  const { id, t, p, o, q, k = null } = item
  if (!isPacketId(id) || typeof t !== 'string' || !isCount(p) || !isCount(o) || !isQos(q)) return null
  if (k !== null && typeof k !== 'string') return null
  return { packetId: id, source: t, partition: p, offset: o, qos: q, released: item['rec'] === 1, retainedTopic: k }
}

function readIntent(item: Json): IntentRecord | null {
  const { id, t, p, from, at, h } = item
  if (!isPacketId(id) || typeof t !== 'string' || !isCount(p) || !isCount(from)) return null
  if (!isCount(at) || typeof h !== 'string') return null
  return { packetId: id, topic: t, partition: p, from, timestamp: at, hash: h, stored: item['ok'] === 1 }
}

/** Lists of offsets by name; what is no such list is left out. */
export function readEnds(value: unknown): Map<string, Ends> {
  const found = new Map<string, Ends>()
  if (!isObject(value)) return found
  for (const [topic, ends] of Object.entries(value))
    if (Array.isArray(ends) && ends.every(isCount)) found.set(topic, ends)
  return found
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isQos(value: unknown): value is Qos {
  return value === 0 || value === 1 || value === 2
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isPacketId(value: unknown): value is number {
  return isCount(value) && value > 0 && value <= 65_535
}
