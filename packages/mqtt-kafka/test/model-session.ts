/**
 * What the standard says one session must, may and must not receive: a plain book of what was asked for, promised and
 * received, without any knowledge of how a server does it. Kept by `ModelClient`, judged at the end of a history.
 */
import { filterMatchesTopic, type Qos } from '@zilla-ts/mqtt'

/** Something published: by a client, or for it (a will). Times are counted in events, not in milliseconds. */
export interface Published {
  readonly n: number
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  /** an empty payload: clears what is retained */
  readonly clears: boolean
  readonly clientId: string
  /** the payload of a will; null: its number is */
  readonly will: string | null
  /** connections of one process keep the order of a client's messages */
  readonly process: number
  readonly sentAt: number
  /** how many times the client has sent it */
  sends: number
  /** PUBACK, PUBREC, or stored with QoS 0; infinite: never */
  answeredAt: number
}

export interface Filter {
  readonly filter: string
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainHandling: 0 | 1 | 2
}

interface Variant extends Filter {
  readonly at: number
}

/** A filter from its first SUBSCRIBE to its UNSUBSCRIBE, whatever options it had on the way. */
export interface Chain {
  readonly filter: string
  readonly requestedAt: number
  grantedAt: number
  endRequestedAt: number
  endedAt: number
  readonly variants: Variant[]
  /** retained messages that its SUBSCRIBEs must bring */
  readonly replays: { readonly at: number; readonly topic: string; readonly n: number; granted: boolean }[]
}

export interface Delivered {
  readonly n: number
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  readonly dup: boolean
  readonly at: number
  /** crashes of the server before it */
  readonly crashes: number
}

const QOS: readonly Qos[] = [0, 1, 2]
const NEVER = Number.POSITIVE_INFINITY

export class ModelSession {
  readonly clientId: string
  readonly chains: Chain[] = []
  readonly delivered: Delivered[] = []
  readonly #published: readonly Published[]

  constructor(clientId: string, published: readonly Published[]) {
    this.clientId = clientId
    this.#published = published
  }

  /** It has a subscription for certain. */
  get subscribed(): boolean {
    return this.chains.some(({ grantedAt, endRequestedAt }) => grantedAt < NEVER && endRequestedAt === NEVER)
  }

  /** It is one that the client had given up, but the server had not. */
  adopt(requests: readonly Filter[], at: number): void {
    for (const request of requests) {
      const { filter } = request
      const chain = { filter, requestedAt: 0, grantedAt: at, endRequestedAt: NEVER, endedAt: NEVER, replays: [] }
      const variants = QOS.map((qos) => ({ ...request, noLocal: false, retainHandling: 0 as const, qos, at: 0 }))
      this.chains.push({ ...chain, variants: [...variants, { ...request, at }] })
    }
  }

  subscribe(request: Filter, at: number): Chain {
    const { filter } = request
    let chain = this.chains.find(
      (one) => one.filter === filter && one.endRequestedAt === NEVER && one.endedAt === NEVER,
    )
    const fresh = chain === undefined
    if (chain === undefined) {
      chain = {
        filter,
        requestedAt: at,
        grantedAt: NEVER,
        endRequestedAt: NEVER,
        endedAt: NEVER,
        variants: [],
        replays: [],
      }
      this.chains.push(chain)
    }
    chain.variants.push({ ...request, at })
    // What an earlier SUBSCRIBE had to bring, this one brings again, or has replaced.
    chain.replays.length = 0
    const replays = request.retainHandling === 0 || (request.retainHandling === 1 && fresh)
    if (replays && !request.noLocal) {
      for (const { topic, n } of this.#retainedNow(request.filter, at)) {
        chain.replays.push({ at, topic, n, granted: false })
      }
    }
    return chain
  }

  granted(chain: Chain, at: number): void {
    chain.grantedAt = Math.min(chain.grantedAt, at)
    for (const replay of chain.replays) replay.granted = true
  }

  unsubscribe(filter: string, at: number): Chain[] {
    const open = this.chains.filter((chain) => chain.filter === filter && chain.endedAt === NEVER)
    for (const chain of open) chain.endRequestedAt = Math.min(chain.endRequestedAt, at)
    return open
  }

  /** What CONNACK's session has settles what was never answered. */
  resumed(filters: readonly string[], at: number): string[] {
    const problems: string[] = []
    const has = new Set(filters)
    for (const filter of new Set(this.chains.map((chain) => chain.filter))) {
      const chains = this.chains.filter((chain) => chain.filter === filter && chain.endedAt === NEVER)
      const must = chains.some(({ grantedAt, endRequestedAt }) => grantedAt < NEVER && endRequestedAt === NEVER)
      if (must && !has.has(filter)) problems.push(`${this.clientId} lost its subscription to ${filter}`)
      if (chains.length === 0 && has.has(filter)) problems.push(`${this.clientId} is subscribed to ${filter} again`)
      const last = chains.at(-1)
      for (const chain of chains) {
        if (!has.has(filter) || chain !== last) chain.endedAt = at
        if (chain === last && has.has(filter)) {
          chain.endRequestedAt = NEVER
          chain.grantedAt = Math.min(chain.grantedAt, at)
        }
      }
    }
    return problems
  }

  /** A delivery as the application sees it: QoS 2 sent twice comes once. */
  receive(one: Delivered): string | null {
    const message = this.#published[one.n]
    if (message === undefined || message.topic !== one.topic) return `${this.clientId} received nonsense: ${one.n}`
    const problem = this.#problem(message, one)
    this.delivered.push(one)
    return problem === null ? null : `${this.clientId} received ${one.n} (${one.topic}, QoS ${one.qos}) ${problem}`
  }

  #problem(message: Published, { qos, retain, n, at, dup }: Delivered): string | null {
    const chains = this.chains.filter(({ filter, requestedAt, endedAt }) => {
      const live = requestedAt < message.answeredAt && endedAt > message.sentAt
      return (dup || retain || live) && filterMatchesTopic(filter, message.topic)
    })
    if (chains.length === 0) return 'for no subscription of its session'
    const variants = chains.flatMap((chain) => chain.variants)
    const own = isOwn(message, this.clientId)
    if (own && variants.every(({ noLocal }) => noLocal)) return 'of its own [MQTT-3.8.3-3]'
    if (!variants.some((one) => Math.min(one.qos, message.qos) === qos)) return 'with a QoS that nobody granted'
    if (!retain) return null
    if (!message.retain) return 'as retained'
    if (variants.every(({ retainHandling }) => retainHandling === 2)) return 'as retained with Retain Handling 2'
    const first = Math.min(...chains.map(({ requestedAt }) => requestedAt))
    const newer = this.#published.find((other) => {
      return (
        other.retain && other.topic === message.topic && other.sentAt > message.answeredAt && other.answeredAt < first
      )
    })
    return newer === undefined || dup ? null : `at ${at} though ${newer.n} had replaced ${n}`
  }

  /** Retained messages that are there for certain. */
  #retainedNow(filter: string, at: number): Published[] {
    const found: Published[] = []
    const topics = new Set(this.#published.map(({ topic }) => topic))
    for (const topic of topics) {
      if (!filterMatchesTopic(filter, topic)) continue
      const all = this.#published.filter((one) => one.retain && one.topic === topic)
      const last = all.at(-1)
      if (last === undefined || last.clears || all.some(({ answeredAt }) => answeredAt >= at)) continue
      if (all.every((one) => one === last || one.answeredAt < last.sentAt)) found.push(last)
    }
    return found
  }

  /** What is wrong at the end, when everything had time enough. */
  judge(): string[] {
    return [...this.#missing(), ...this.#notReplayed(), ...this.#repeated(), ...this.#disordered()].map(
      (problem) => `${this.clientId} ${problem}`,
    )
  }

  #missing(): string[] {
    const problems: string[] = []
    for (const message of this.#published) {
      const { n, topic, clears } = message
      if (clears || message.answeredAt === NEVER) continue
      const qos = Math.max(-1, ...this.chains.map((chain) => guaranteed(chain, message, this.clientId)))
      if (qos < 1 || this.delivered.some((one) => one.n === n)) continue
      problems.push(`never received ${n} (${topic}, QoS ${qos})`)
    }
    return problems
  }

  #notReplayed(): string[] {
    const problems: string[] = []
    for (const { replays, endRequestedAt } of this.chains) {
      for (const { at, topic, n, granted } of replays) {
        if (!granted || endRequestedAt < NEVER) continue
        if (this.#published.some((one) => one.retain && one.topic === topic && one.answeredAt > at)) continue
        if (this.delivered.some((one) => one.n === n && one.retain && one.at > at)) continue
        problems.push(`never received the retained ${n} (${topic})`)
      }
    }
    return problems
  }

  /** [MQTT-4.3.3-10] QoS 2 once; others not more often than they were sent, but for what a crash made the server forget. */
  #repeated(): string[] {
    const problems: string[] = []
    for (const { n, qos, sends } of this.#published) {
      const live = this.delivered.filter((one) => one.n === n && !one.retain)
      const twice = live.filter((one) => one.qos === 2).length
      if (qos === 2 && twice > 1) problems.push(`received ${n} with QoS 2 ${twice} times`)
      for (const crashes of new Set(live.map((one) => one.crashes))) {
        const first = live.filter((one) => one.crashes === crashes && !one.dup).length
        if (first > sends) problems.push(`received ${n} ${first} times without DUP, sent ${sends} times`)
      }
    }
    return problems
  }

  /** [MQTT-4.6.0-6] in the order of the publisher, per topic and QoS */
  #disordered(): string[] {
    const problems: string[] = []
    const last = new Map<string, number>()
    const seen = new Set<number>()
    for (const { n, retain } of this.delivered) {
      const { clientId, topic, qos, process } = this.#published[n]!
      if (retain || seen.has(n)) continue
      seen.add(n)
      const line = `${clientId} ${topic} ${qos} ${process}`
      const before = last.get(line) ?? -1
      if (before > n) problems.push(`received ${n} behind ${before} of the same topic`)
      last.set(line, Math.max(before, n))
    }
    return problems
  }
}

/** A will is published by the server. */
function isOwn(message: Published, clientId: string): boolean {
  return message.clientId === clientId && message.will === null
}

/** The QoS at which the message must come because of this filter; -1: it need not. */
function guaranteed(
  { filter, grantedAt, endRequestedAt, variants }: Chain,
  message: Published,
  clientId: string,
): number {
  if (grantedAt >= message.sentAt || endRequestedAt < NEVER || !filterMatchesTopic(filter, message.topic)) return -1
  let since = 0
  variants.forEach(({ at }, index) => {
    if (at <= message.sentAt) since = index
  })
  const possible = variants.slice(since)
  // Which of two SUBSCRIBEs counted may not have been told: the one before may still have.
  if (since > 0) possible.push(variants[since - 1]!)
  if (isOwn(message, clientId) && possible.some(({ noLocal }) => noLocal)) return -1
  return Math.min(message.qos, ...possible.map(({ qos }) => qos))
}
