/**
 * Random histories of session ownership: instances that stall, die and are taken for dead, appends and reads that are held up,
 * batches that are split, transactions that are cut short. Whatever happens, what the design guarantees (G1 to G5) must hold
 * (scenario 15).
 */
import { KafkaRecord } from '@zilla-ts/kafka'
import { describe, expect, it } from 'vitest'
import { SessionMap } from '../src/session/session-map.ts'
import type { View } from '../src/session/view.ts'
import type { StoredRecord } from './memory-kafka.ts'
import { type Connection, type Instance, SessionRig } from './session-rig.ts'

/** mulberry32: small, and the same on every machine. */
class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit)
  }
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

interface Client {
  readonly connection: Connection
  readonly instance: Instance
  readonly payload: string | null
  readonly delay: number
  wasUp: boolean
  closed: 'normal' | 'abnormal' | null
  /** state confirmed to it, by session */
  confirmed: number
}

class History {
  readonly rig = new SessionRig()
  readonly clients: Client[] = []
  readonly dead = new Set<Instance>()
  readonly problems: string[] = []
  readonly #random: Random
  /** records of a batch may be stored one by one */
  readonly #splits: boolean
  /** names confirmed, by session */
  readonly #confirmed = new Map<string, Set<string>>()
  #count = 0

  constructor(seed: number, splits: boolean) {
    this.#random = new Random(seed)
    this.#splits = splits
    for (let n = 0; n < 2; n++) this.#start()
  }

  get living(): Instance[] {
    return this.rig.instances.filter((instance) => !this.dead.has(instance))
  }

  step(): void {
    const random = this.#random
    const instance = random.of(this.living)
    const roll = random.below(100)
    if (roll < 14) this.#connect(instance)
    else if (roll < 24) this.#close()
    else if (roll < 36) this.#save()
    else if (roll < 56) this.#store(random.of(this.rig.instances))
    else if (roll < 78) this.rig.sessions.deliver(1 + random.below(4), instance.name)
    else if (roll < 92) this.rig.advance(random.of([1, 50, 900, 2_500]))
    else if (roll < 94) this.rig.kafka.transactions.hold = random.of(['records', 'markers', 'answer', null])
    else if (roll < 96) this.rig.kafka.transactions.resume()
    else if (roll < 97) this.#kill(instance)
    else if (roll < 98) this.rig.kafka.group('zilla-ts.sessions').expel(instance.id)
    else this.rig.kafka.group('zilla-ts.sessions').readmit(instance.id)
    this.rig.turn()
    this.#watch()
  }

  /** Nothing is held up any more, and time enough passes for everything to be decided. */
  settle(): void {
    const { rig } = this
    rig.kafka.transactions.resume()
    for (const instance of this.living) rig.kafka.group('zilla-ts.sessions').readmit(instance.id)
    for (let round = 0; round < 30; round++) {
      for (const { name } of rig.instances) rig.sessions.release(name)
      rig.advance(2_000)
      this.#watch()
    }
  }

  check(): void {
    this.#checkOwners()
    this.#checkWills()
    this.#checkReaders()
    for (const { connection, closed, instance } of this.clients) {
      if (this.dead.has(instance) || closed !== null || connection.lost !== null || connection.up) continue
      this.problems.push(`${connection.clientId} was never answered`)
    }
    for (const { layer } of this.living) {
      const up = this.clients.filter(({ connection, instance, closed }) => {
        return instance.layer === layer && connection.up && closed === null
      }).length
      if (layer.usage['attempts'] !== up) this.problems.push(`${layer.usage['attempts']} attempts, ${up} up`)
    }
    this.problems.push(...this.rig.faults.map(String))
  }

  #start(): void {
    const instance = this.rig.start()
    instance.holdWrites()
    instance.holdReads()
  }

  #connect(instance: Instance): void {
    const random = this.#random
    const delay = random.of([-1, 0, 0, 3])
    const payload = delay === -1 ? null : `will ${++this.#count}`
    const connection = instance.connect(random.of(['c', 'd']), {
      clean: random.below(4) === 0,
      expiry: random.of([0, 5, 1000, 1000]),
      ...(payload === null ? {} : { will: delay, payload }),
    })
    this.clients.push({ connection, instance, payload, delay, wasUp: false, closed: null, confirmed: 0 })
  }

  #close(): void {
    const client = this.#anyUp()
    if (client === null) return
    client.closed = this.#random.of(['normal', 'abnormal'])
    client.connection.close(client.closed)
  }

  #save(): void {
    const client = this.#anyUp()
    client?.connection.save(`s${++this.#count}`)
  }

  #anyUp(): Client | null {
    const up = this.clients.filter(({ connection, closed, instance }) => {
      return connection.up && closed === null && !this.dead.has(instance)
    })
    return up.length === 0 ? null : this.#random.of(up)
  }

  #store({ name }: Instance): void {
    this.rig.sessions.store(name)
    if (!this.#splits) while (this.rig.sessions.store(name)) {}
  }

  #kill(instance: Instance): void {
    if (this.rig.instances.length > 5) return
    this.#watch()
    this.dead.add(instance)
    instance.kill()
    this.#start()
  }

  /** Keeps the book of what was confirmed to whom (G2). */
  #watch(): void {
    for (const client of this.clients) {
      const { connection } = client
      if (!client.wasUp && connection.granted.length > 0) {
        client.wasUp = true
        this.#granted(connection)
      }
      for (; client.confirmed < connection.stored.length; client.confirmed++) {
        this.#stored(connection, connection.stored[client.confirmed]!)
      }
    }
  }

  #granted(connection: Connection): void {
    const [state] = connection.granted
    const session = state?.['session']
    if (session === undefined) {
      connection.state = { ...connection.state, session: `session ${++this.#count}` }
      return
    }
    for (const name of this.#confirmed.get(String(session)) ?? []) {
      if (state?.[name] === undefined) this.problems.push(`${connection.clientId} lost ${name}`)
    }
  }

  #stored(connection: Connection, name: string): void {
    const session = String(connection.state['session'])
    const names = this.#confirmed.get(session) ?? new Set<string>()
    this.#confirmed.set(session, names.add(name))
    for (const { connection: later } of this.clients.slice(
      this.clients.findIndex((c) => c.connection === connection) + 1,
    )) {
      const [state] = later.granted
      if (later.up && state?.['session'] === session && state[name] === undefined) {
        this.problems.push(`${name} was confirmed, but a later owner does not have it`)
      }
    }
  }

  /** G1: when everybody has read everything, one connection is up at the most, and the log says the same. */
  #checkOwners(): void {
    for (const clientId of ['c', 'd']) {
      const up = this.clients.filter(({ connection, closed, instance }) => {
        return connection.clientId === clientId && connection.up && closed === null && !this.dead.has(instance)
      })
      if (up.length > 1) this.problems.push(`${up.length} own ${clientId}`)
      const owner = viewIn(this.rig.sessions.partitions[0]!, clientId)?.owner ?? null
      if ((owner !== null) !== (up.length === 1)) this.problems.push(`${clientId}: the log does not say who owns`)
    }
  }

  /** G3: a will is published at most once, and once after an abnormal end where nothing could cancel it. */
  #checkWills(): void {
    const fired = this.rig.wills
    for (const { connection, payload, delay, wasUp, closed, instance } of this.clients) {
      if (payload === null) continue
      const count = fired.filter((one) => one === payload).length
      if (count > 1) this.problems.push(`${payload} was published ${count} times`)
      const over = closed === 'abnormal' || this.dead.has(instance) || connection.lost?.code === 'taken-over'
      if (
        count === 0 &&
        wasUp &&
        over &&
        closed !== 'normal' &&
        delay === 0 &&
        connection.lost?.code !== 'unavailable'
      ) {
        this.problems.push(`${payload} was not published`)
      }
      if (count === 1 && connection.up && closed === null && !this.dead.has(instance)) {
        this.problems.push(`${payload} was published while its client is connected`)
      }
    }
  }

  /** A reader of the whole log and one that starts with a compacted part of it agree. */
  #checkReaders(): void {
    const log = this.rig.sessions.partitions[0]!
    for (let at = 0; at < 5; at++) {
      const cut = this.#random.below(log.length + 1)
      for (const clientId of ['c', 'd']) {
        const whole = JSON.stringify(plain(viewIn(log, clientId)))
        const compacted = JSON.stringify(plain(viewIn([...compact(log.slice(0, cut)), ...log.slice(cut)], clientId)))
        if (whole !== compacted)
          this.problems.push(`a reader of the log compacted to ${cut} differs: ${whole} ${compacted}`)
      }
    }
  }
}

function compact(log: readonly StoredRecord[]): StoredRecord[] {
  const last = new Map<string, number>()
  for (const { key, offset, marker } of log) if (marker === undefined) last.set(String(key), offset)
  return log.filter(({ key, offset, marker, value, producerId }) => {
    if (marker !== undefined || producerId !== undefined) return true
    return value !== null && last.get(String(key)) === offset
  })
}

function plain(view: View | null): unknown {
  return view === null ? null : { ...view, wills: [...view.wills].sort() }
}

function viewIn(log: readonly StoredRecord[], clientId: string): View | null {
  const map = new SessionMap({ onChanged() {}, onGroup() {}, onUnknownVersion() {}, onClientDue() {} })
  for (const { offset, timestamp, key, value, headers, headerCount, marker, producerId } of log) {
    if (marker !== undefined) map.mark(0, marker.producerId, marker.committed)
    else {
      const tombstone = value === null
      map.apply(
        new KafkaRecord(0, offset, timestamp, key, tombstone, headers, headerCount, producerId),
        value ?? headers,
      )
    }
  }
  return map.clients.get(clientId)?.view() ?? null
}

const SEEDS = Number(process.env['ZILLA_SESSION_SEEDS'] ?? 150)
const FIRST = Number(process.env['ZILLA_SESSION_FIRST'] ?? 1)

describe.each([
  ['batches appended whole', false],
  ['batches split anywhere', true],
])('15: random histories, %s', (_what, splits) => {
  it('keep what is guaranteed', () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const history = new History(seed, splits)
      for (let step = 0; step < 150; step++) history.step()
      history.settle()
      history.check()
      expect({ seed, problems: history.problems }).toEqual({ seed, problems: [] })
    }
  }, 120_000)
})
