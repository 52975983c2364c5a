/**
 * Routes that can never be taken, and guards that guard nothing. Warnings only: such a document works, but hardly as meant.
 * Called by load.ts for each binding whose routes can be read.
 */
import { type DraftBinding, guardsOf, isObject, isUnconditional, routesOf } from './draft.ts'

/** Reports on the order of the routes of one binding. */
export function checkRouting(binding: DraftBinding): void {
  const { spec, namespace, value, path } = binding
  if (!binding.sound || spec === undefined) return
  const routes = routesOf(binding)
  const open = routes.findIndex(({ route }) => isUnconditional(route))
  if (open >= 0 && spec.everyRoute !== true) {
    const reason = `route ${open + 1} takes everything before it`
    for (const { path: at } of routes.slice(open + 1)) {
      binding.unreachable.add(Number(at.at(-1)))
      const message = `this route is never taken: ${reason}`
      namespace.report({ level: 'warning', code: 'unreachable-route', message, path: at, atKey: true })
    }
    if (value['exit'] !== undefined && routes.every(({ route }) => route['exit'] !== undefined)) {
      const message = `this exit is never taken: ${reason}`
      namespace.report({ level: 'warning', code: 'unreachable-route', message, path: [...path, 'exit'], atKey: true })
      return
    }
  }
  if (spec.everyRoute !== true) checkRepeated(binding, open < 0 ? routes : routes.slice(0, open + 1))
  if (open < 0 && value['exit'] !== undefined && routes.some(({ route }) => guardsOf(route).length > 0)) {
    const message = 'this exit is open to everybody, whatever the guarded routes ask for'
    const hint = 'Give each route its own exit and leave this one out to let only authorized clients in.'
    namespace.report({ level: 'warning', code: 'exit-unguarded', message, path: [...path, 'exit'], atKey: true, hint })
  }
}

/** What a route asks of a stream, to compare it with what others ask. */
interface Conditions {
  /** number of the route, from 1 */
  readonly route: number
  readonly guarded: Readonly<Record<string, readonly string[]>>
}

/** Guard clauses remembered for one condition: more are hardly meant, and each is compared with each. */
const CLAUSES_MAX = 16

/** Routes all of whose items stand in an earlier route that asks for no more. What is alike only in meaning, modules know. */
function checkRepeated(binding: DraftBinding, routes: ReturnType<typeof routesOf>): void {
  const seen = new Map<string, Conditions[]>()
  routes.forEach(({ path, route }, at) => {
    const items = Array.isArray(route['when']) && route['when'].length > 0 ? route['when'].map(canonical) : ['']
    const guarded = (isObject(route['guarded']) ? route['guarded'] : {}) as Conditions['guarded']
    const takers = items.map((item) => seen.get(item)?.find((earlier) => asksNoMore(earlier.guarded, guarded)))
    const [first] = takers
    if (first !== undefined && takers.every((taker) => taker !== undefined)) {
      const message = `this route is never taken: route ${first.route} takes the same before it`
      const { namespace, unreachable } = binding
      unreachable.add(Number(path.at(-1)))
      namespace.report({ level: 'warning', code: 'unreachable-route', message, path, atKey: true })
      return
    }
    for (const item of items) {
      const known = seen.get(item) ?? []
      if (known.length < CLAUSES_MAX) known.push({ route: at + 1, guarded })
      seen.set(item, known)
    }
  })
}

/** Whoever passes `later` has passed `earlier`. */
function asksNoMore(earlier: Conditions['guarded'], later: Conditions['guarded']): boolean {
  return Object.entries(earlier).every(([guard, roles]) => {
    const asked = later[guard]
    return asked !== undefined && roles.every((role) => asked.includes(role))
  })
}

/** The same text for values that differ only in the order of their keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  )
}
