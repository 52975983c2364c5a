/**
 * All shared subscriptions of this process. A group is here while a member is; its state is stored while one of its clients
 * has a session that outlives its connection.
 */
import type { Clock } from '@zilla-ts/engine'
import { parseShared, type Qos, type Subscription as Request } from '@zilla-ts/mqtt'
import type { Counters } from './counters.ts'
import type { EndWaiter } from './end-query.ts'
import type { Ends } from './log-positions.ts'
import type { MessageLog } from './message-log.ts'
import type { MessageLogs } from './message-logs.ts'
import type { Routes } from './routes.ts'
import type { SessionState } from './session/ownership.ts'
import { type GroupContext, Membership, SharedGroup } from './shared-group.ts'
import { composeGroup, type GroupState, readGroup } from './shared-group-state.ts'
import type { Subscriber } from './subscriber.ts'
import type { TopicPattern } from './topic-pattern.ts'

const NOT_AUTHORIZED = 0x87
const TOPIC_FILTER_INVALID = 0x8f
const QUOTA_EXCEEDED = 0x97

/** Where the state of groups is kept. */
export interface GroupStore {
  state(name: string): SessionState | null
  /** Soon, and once however often it is asked. `compose` is called when it is written. */
  save(name: string, compose: () => SessionState): void
  drop(name: string): void
  /** A client's session is there, connected or not. */
  hasSession(clientId: string): boolean
}

export interface GroupsContext {
  readonly clock: Clock
  readonly counters: Counters
  readonly routes: Routes
  readonly logs: MessageLogs
  readonly store: GroupStore
  readonly qosMax: Qos
  /** groups at a time in this process */
  readonly groupsMax: number
}

interface Entry {
  readonly group: SharedGroup
  /** as stored when it came here; null: new */
  readonly state: GroupState | null
  /** clients whose sessions outlive their connections */
  readonly clients: Set<string>
  /** members on their way */
  joining: number
}

export class SharedGroups implements GroupContext {
  readonly clock: Clock
  readonly counters: Counters
  readonly #context: GroupsContext
  readonly #entries = new Map<string, Entry>()

  constructor(context: GroupsContext) {
    this.clock = context.clock
    this.counters = context.counters
    this.#context = context
  }

  get size(): number {
    return this.#entries.size
  }

  /** Makes the client a member; a reason code of SUBACK where it may not be. `onReady`: the group reads from now on. */
  join(subscriber: Subscriber, request: Request, onReady: () => void): number | null {
    const shared = parseShared(request.filter)
    if (shared === null) return TOPIC_FILTER_INVALID
    const { routes, logs, qosMax } = this.#context
    const patterns = new Map<string, readonly TopicPattern[] | null>()
    const opened: MessageLog[] = []
    for (const source of routes.subscribe(shared.filter, subscriber.routes)) {
      const log = logs.open(source.destination)
      if (log === null) return QUOTA_EXCEEDED
      opened.push(log)
      patterns.set(log.topic, source.patterns)
    }
    if (opened.length === 0) return NOT_AUTHORIZED
    const entry = this.#entries.get(request.filter) ?? this.#open(request.filter, shared.filter, subscriber.clientId)
    if (entry === null) return QUOTA_EXCEEDED
    const qos = Math.min(request.qos, qosMax) as Qos
    const membership = new Membership(entry.group, subscriber, request, qos, patterns)
    const former = subscriber.memberships.get(request.filter)
    subscriber.memberships.set(request.filter, membership)
    if (subscriber.session.store.durable) entry.clients.add(subscriber.clientId)
    entry.joining++
    new Beginning(entry, opened, { ...request, filter: shared.filter }, () => {
      entry.joining--
      // It may have left again meanwhile.
      if (subscriber.memberships.get(request.filter) === membership) entry.group.add(membership)
      else if (entry.group.members.length === 0) this.onEmpty(entry.group)
      former?.end()
      this.touch(entry.group)
      onReady()
    }).begin()
    return null
  }

  touch(group: SharedGroup): void {
    const entry = this.#entries.get(group.name)
    if (entry?.group !== group || entry.clients.size === 0) return
    this.#context.store.save(group.name, () => compose(entry))
  }

  onEmpty(group: SharedGroup): void {
    const entry = this.#entries.get(group.name)
    if (entry?.group !== group || entry.joining > 0) return
    const { store } = this.#context
    this.#entries.delete(group.name)
    for (const clientId of [...entry.clients]) if (!store.hasSession(clientId)) entry.clients.delete(clientId)
    if (entry.clients.size === 0) store.drop(group.name)
    else {
      const state = compose(entry)
      store.save(group.name, () => state)
    }
    group.close()
  }

  /** The client has given the subscription up: its session does not keep the group. */
  unsubscribed(name: string, clientId: string): void {
    this.#entries.get(name)?.clients.delete(clientId)
  }

  #open(name: string, filter: string, clientId: string): Entry | null {
    const { store, groupsMax, counters } = this.#context
    if (this.#entries.size >= groupsMax) {
      counters.limitedSubscriptions.value++
      return null
    }
    const stored = store.state(name)
    const state = stored === null ? null : readGroup(stored)
    // A group whose clients are all gone is over: who comes now begins anew.
    const clients = state?.clients.filter((id) => id === clientId || store.hasSession(id)) ?? []
    const entry = {
      group: new SharedGroup(name, filter, this),
      state: clients.length > 0 ? state : null,
      clients: new Set(clients),
      joining: 0,
    }
    this.#entries.set(name, entry)
    return entry
  }
}

function compose({ group, clients }: Entry): SessionState {
  return composeGroup({ ...group.state(), clients: [...clients] })
}

/** Finds out where the logs of a group end, for those it does not read yet. */
class Beginning {
  readonly #entry: Entry
  readonly #logs: MessageLog[]
  readonly #request: Request
  readonly #onReady: () => void
  #missing = 0

  constructor(entry: Entry, logs: readonly MessageLog[], request: Request, onReady: () => void) {
    this.#entry = entry
    this.#logs = logs.filter((log) => !entry.group.reads(log))
    this.#request = request
    this.#onReady = onReady
  }

  begin(): void {
    this.#missing = this.#logs.length
    for (const log of this.#logs) log.askEnd(this.#waiter(log))
    if (this.#missing === 0) this.#onReady()
  }

  #waiter(log: MessageLog): EndWaiter {
    return {
      cancelled: false,
      onEnds: (ends: Ends) => {
        this.#entry.group.begin(log, ends, this.#entry.state, this.#request)
        this.#answered()
      },
      onEndsRefused: () => this.#answered(),
    }
  }

  #answered(): void {
    this.#missing--
    if (this.#missing === 0) this.#onReady()
  }
}
