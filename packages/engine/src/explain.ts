/**
 * `zilla-ts explain`: links a configuration as the engine does, starts none of its bindings, and asks one after the other
 * what would become of a client. No port, no network, no Kafka: guards that need other computers are not asked.
 */
import pino from 'pino'
import { SystemClock } from './clock.ts'
import type { Config, ConfigBinding } from './config/config.ts'
import type { Registry } from './config/registry.ts'
import {
  type Clock,
  type Credentials,
  type Guard,
  type GuardContext,
  type GuardModule,
  type Level,
  type ListenAddress,
  type Session,
  StreamError,
} from './contract.ts'
import { refusedStep } from './explain-routes.ts'
import type { ExplainedStep, Explanation, Inquiry, Verdict } from './explanation.ts'
import { link } from './link.ts'
import { EngineReport } from './report.ts'

export interface ExplainOptions {
  readonly registry: Registry
  /** as given by `loadConfig`, without errors */
  readonly configs: readonly Config[]
  /** where relative paths of the document start */
  readonly directory: string
  /** absent: the system's */
  readonly clock?: Clock
  /** on which port the client connects; null: on any */
  readonly port: number | null
  /** to which address; null: as the listener says */
  readonly host: string | null
  /** claims of the token, which is then not looked at; null: it is */
  readonly claims: Readonly<Record<string, unknown>> | null
}

/** What a guard has said when it was shown something. */
export interface GuardAnswer {
  readonly guard: string
  readonly verdict: Verdict
  /** why it did not accept what it was shown; null: it did */
  readonly reason: string | null
  /** who it is; null: nobody knows */
  readonly session: Pick<Session, 'identity' | 'roles' | 'attributes' | 'expiresAt'> | null
}

export interface ExplainedHop {
  /** `namespace:name` */
  readonly binding: string
  readonly type: string
  readonly kind: string
  readonly guards: readonly GuardAnswer[]
  readonly steps: readonly ExplainedStep[]
}

/** One way into the document. */
export interface ExplainedPath {
  readonly listener: string
  /** `host:port`, several where they lead the same way; 0 is a port that the system chooses */
  readonly addresses: readonly string[]
  readonly verdict: Verdict
  /** in the order in which they are asked */
  readonly hops: readonly ExplainedHop[]
}

/** One for each way in, in the order of the document; empty: nothing listens there. Rejects with what cannot be linked. */
export async function explainPaths(
  options: ExplainOptions,
  inquiry: Omit<Inquiry, 'local' | 'session' | 'hasSession' | 'kafkaTopics'>,
): Promise<ExplainedPath[]> {
  const report = new EngineReport(pino({ level: 'silent' }))
  const clock = options.clock ?? new SystemClock(report.fault)
  const answers: GuardAnswer[] = []
  const { registry, configs, directory, claims } = options
  const token = claims === null ? inquiry.token : ASSUMED
  const guards = { ...registry, guard: (type: string) => answering(registry.guard(type), answers, claims) }
  const graph = link({ registry: guards, configs, directory, properties: new Map(), clock, report })
  try {
    for (const { running } of graph.guards) await running.start?.()
    const walk = new Walk(options, new Map(graph.bindings.map(({ id, running }) => [id, running])), answers)
    const paths: ExplainedPath[] = []
    for (const { binding, written, address } of waysIn(options)) {
      const asked = { ...inquiry, token, local: address, session: null, hasSession: true, kafkaTopics: [] }
      const hops = await walk.from(binding, asked)
      const verdict = worst(hops.flatMap(({ steps }) => steps.map((step) => step.verdict)))
      paths.push({ listener: binding.id, addresses: [written], verdict, hops })
    }
    return merged(paths)
  } finally {
    for (const { running } of graph.guards) await running.stop?.()
    for (const { running } of graph.bindings) await running.stop?.()
  }
}

type Bindings = Map<string, { explain?(inquiry: Inquiry): Explanation | Promise<Explanation> }>

class Walk {
  readonly #configs: ReadonlyMap<string, ConfigBinding>
  readonly #registry: Registry
  readonly #bindings: Bindings
  readonly #answers: GuardAnswer[]

  constructor({ configs, registry }: ExplainOptions, bindings: Bindings, answers: GuardAnswer[]) {
    this.#configs = new Map(configs.flatMap((config) => config.bindings).map((binding) => [binding.id, binding]))
    this.#registry = registry
    this.#bindings = bindings
    this.#answers = answers
  }

  /** Every hop from this one on; a configuration has no cycles. */
  async from(config: ConfigBinding, inquiry: Inquiry): Promise<ExplainedHop[]> {
    this.#answers.length = 0
    const { steps, next } = await this.#explanation(config, inquiry)
    const { id: binding, type, kind } = config
    const hops: ExplainedHop[] = [{ binding, type, kind, guards: this.#answers.splice(0), steps }]
    for (const { exit, inquiry: onward } of next) {
      hops.push(...(await this.from(this.#configs.get(exit)!, onward)))
    }
    return hops
  }

  async #explanation(config: ConfigBinding, inquiry: Inquiry): Promise<Explanation> {
    const binding = this.#bindings.get(config.id)
    if (binding?.explain !== undefined) return binding.explain(inquiry)
    return this.#passing(config, inquiry)
  }

  /** Who explains nothing lets pass what comes, where there is one way only. */
  #passing({ routes, type, kind }: ConfigBinding, inquiry: Inquiry): Explanation {
    const [first] = routes
    const leaves = this.#registry.binding(type)?.kinds[kind]?.produces === undefined
    if (leaves || first === undefined) return { steps: [], next: [] }
    const isOpen = first.when.length === 0 && first.guarded.length === 0
    if (isOpen && first.exit !== null) return { steps: [], next: [{ exit: first.exit, inquiry }] }
    const reason = `${type} does not explain its routes`
    return { steps: [refusedStep('route', reason, { verdict: 'unknown' })], next: [] }
  }
}

const SEVERITY: readonly Verdict[] = ['allowed', 'unknown', 'refused']

const worst = (verdicts: readonly Verdict[]): Verdict =>
  SEVERITY[Math.max(0, ...verdicts.map((verdict) => SEVERITY.indexOf(verdict)))]!

interface WayIn {
  readonly binding: ConfigBinding
  /** as the document says it */
  readonly written: string
  readonly address: ListenAddress
}

/** What stands for every address of this machine, and the one that a client next to it would use. */
const ANY: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

function waysIn({ configs, registry, port: wanted, host }: ExplainOptions): WayIn[] {
  const bindings = configs.flatMap((config) => config.bindings)
  return bindings.flatMap((binding) => {
    const ranges = registry.binding(binding.type)?.listens?.(binding.entry) ?? []
    return ranges.flatMap(({ host: own, from, to }) =>
      portsOf(from, to, wanted).map((port) => {
        const address = { host: host ?? ANY[own] ?? own, port }
        return { binding, written: `${own.includes(':') ? `[${own}]` : own}:${port}`, address }
      }),
    )
  })
}

/** 0 is a port that the system chooses: it may be any. */
function portsOf(from: number, to: number, wanted: number | null): number[] {
  if (wanted !== null) return from === 0 || (wanted >= from && wanted <= to) ? [wanted] : []
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

/** Ways that differ in nothing but their ports are one. */
function merged(paths: readonly ExplainedPath[]): ExplainedPath[] {
  const found = new Map<string, ExplainedPath>()
  for (const path of paths) {
    const key = JSON.stringify([path.listener, path.hops])
    const same = found.get(key)
    found.set(key, same === undefined ? path : { ...same, addresses: [...same.addresses, ...path.addresses] })
  }
  return [...found.values()]
}

/** The same module, whose guards put down what they answer. */
function answering(
  module: GuardModule | undefined,
  answers: GuardAnswer[],
  claims: ExplainOptions['claims'],
): GuardModule | undefined {
  if (module === undefined) return undefined
  return { ...module, attach: (context) => new AnsweringGuard(module, context, answers, claims) }
}

class AnsweringGuard implements Guard {
  readonly #guard: Guard
  readonly #id: string
  readonly #offline: boolean
  readonly #answers: GuardAnswer[]
  readonly #claims: ExplainOptions['claims']
  /** that the guard has told its operators */
  #reason = ''

  constructor(module: GuardModule, context: GuardContext, answers: GuardAnswer[], claims: ExplainOptions['claims']) {
    const { report, namespace, name, options } = context
    const event = (_level: Level, _event: string, message: string): void => {
      this.#reason = message
    }
    this.#guard = module.attach({ ...context, report: { ...report, event } })
    this.#id = `${namespace}:${name}`
    this.#offline = module.offline?.(options) === true
    this.#answers = answers
    this.#claims = claims
  }

  async start(): Promise<void> {
    if (this.#offline) await this.#guard.start?.()
  }

  async stop(): Promise<void> {
    await this.#guard.stop?.()
  }

  async authorize(shown: Credentials, earlier: Session | null): Promise<Session | null> {
    this.#reason = ''
    try {
      const session = await this.#authorize(shown, earlier)
      const reason = session === null ? this.#reason || 'what was shown is not accepted' : null
      const verdict = session === null ? 'refused' : 'allowed'
      this.#answers.push({ guard: this.#id, verdict, reason, session: session === null ? null : shownOf(session) })
      return session
    } catch (error) {
      const reason = error instanceof StreamError ? error.message : 'a fault of the guard'
      this.#answers.push({ guard: this.#id, verdict: 'unknown', reason, session: null })
      throw error instanceof StreamError ? error : new StreamError('unavailable', reason)
    }
  }

  permits(session: Session, roles: readonly string[]): boolean {
    return this.#guard.permits(session, roles)
  }

  credentials(session: Session | null): Credentials | null {
    return this.#guard.credentials?.(session) ?? null
  }

  async #authorize(shown: Credentials, earlier: Session | null): Promise<Session | null> {
    if (shown.credentials === ASSUMED && this.#claims !== null) {
      if (this.#guard.assume === undefined) throw new StreamError('unavailable', 'its credentials make no claims')
      const session = this.#guard.assume(this.#claims, earlier)
      if (session === null) this.#reason = 'the claims name nobody'
      return session
    }
    if (this.#offline) return this.#guard.authorize(shown, earlier)
    throw new StreamError('unavailable', 'what it is shown it can verify only with other computers')
  }
}

const shownOf = ({ identity, roles, attributes, expiresAt }: Session): GuardAnswer['session'] => ({
  identity,
  roles,
  attributes,
  expiresAt,
})

/** Stands for a token whose claims are given: no guard ever sees it. */
const ASSUMED = 'token-of-given-claims'
