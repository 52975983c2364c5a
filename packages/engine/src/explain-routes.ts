/**
 * Says of each route of a table why it is taken or not. For `Binding.explain`: what matches and which route is taken, the
 * binding finds out by its own table.
 */
import type { BindingConfig, Exit, Protocol, Route, Session } from './contract.ts'
import type { ExplainedCondition, ExplainedRoute, ExplainedStep, Explanation, Inquiry } from './explanation.ts'

export interface RouteTest<W> {
  readonly session: Session | null
  /** number of the route in use, from 0; -1: none */
  readonly taken: number
  /**
   * Asked of an item of `when`, and of each of its properties as if it stood alone. Null: it depends on what is not known.
   */
  matches(item: W): boolean | null
  /** why a property is not met, or ''; absent: there is nothing to say */
  note?(item: W): string
}

/** Tables whose first route that matches and permits is taken. */
export function explainRoutes<C extends BindingConfig, P extends Protocol>(
  routes: readonly Pick<Route<C, P>, 'when' | 'exit' | 'permits' | 'demands'>[],
  test: RouteTest<NonNullable<C['when']>>,
): ExplainedRoute[] {
  return routes.map((route, at) => {
    const matches = route.when.map((item) => test.matches(item))
    const matched = route.when.length === 0 || matches.includes(true)
    const open = route.permits(test.session)
    const state = matched || matches.includes(null) ? (open ? 'later' : 'closed') : 'unmatched'
    return {
      number: at + 1,
      exit: route.exit?.name ?? null,
      state: at === test.taken ? 'taken' : state === 'later' && !matched ? 'unknown' : state,
      demands: route.demands?.(test.session) ?? [],
      when: route.when.map((item) => conditionsOf(item, test)),
    }
  })
}

function conditionsOf<W extends object>(item: W, test: RouteTest<W>): ExplainedCondition[] {
  return propertiesOf(item).map(([name, value, alone]) => {
    const met = test.matches(alone)
    return { text: `${name} ${flat(value)}`, met, note: met === true ? '' : (test.note?.(alone) ?? '') }
  })
}

/** Those of `headers` count one by one. */
function propertiesOf<W extends object>(item: W): [name: string, value: unknown, alone: W][] {
  return Object.entries(item).flatMap(([name, value]): [string, unknown, W][] =>
    name === 'headers'
      ? Object.entries(value as object).map(([field, each]) => [field, each, { headers: { [field]: each } } as W])
      : [[name, value, { [name]: value } as W]],
  )
}

/** `{ host: 'h', port: 1 }` → `host h and port 1` */
function flat(value: unknown): string {
  if (Array.isArray(value)) return value.map(flat).join(', ')
  if (value === null || typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([name, item]) => `${name} ${flat(item)}`)
    .join(' and ')
}

/** A step that ends here; `verdict` is `refused` unless it cannot be said. */
export function refusedStep(
  what: string,
  reason: string,
  more: Partial<Pick<ExplainedStep, 'verdict' | 'reasonCode' | 'routes' | 'facts'>> = {},
): ExplainedStep {
  return { what, verdict: 'refused', reason, reasonCode: null, routes: [], facts: [], ...more }
}

/** A hop that hands what comes to one exit, or refuses it. */
export function explainPassing<P extends Protocol>(
  exit: Pick<Exit<P>, 'name'> | null | undefined,
  inquiry: Inquiry,
  {
    what,
    reason,
    routes,
    facts = [],
  }: Pick<ExplainedStep, 'what' | 'routes'> & {
    /** why, where it is refused */
    readonly reason: string
    readonly facts?: ExplainedStep['facts']
  },
): Explanation {
  if (exit == null) return { steps: [refusedStep(what, reason, { routes, facts })], next: [] }
  const step: ExplainedStep = { what, verdict: 'allowed', reason: null, reasonCode: null, routes, facts }
  return { steps: [step], next: [{ exit: exit.name, inquiry }] }
}
