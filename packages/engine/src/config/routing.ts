/**
 * Routes that can never be taken, and guards that guard nothing. Warnings only: such a document works, but hardly as meant.
 * Called by load.ts for each binding whose routes can be read.
 */
import { type DraftBinding, guardsOf, isUnconditional, routesOf } from './draft.ts'

/** Reports on the order of the routes of one binding. */
export function checkRouting(binding: DraftBinding): void {
  const { spec, namespace, value, path } = binding
  if (!binding.sound || spec === undefined) return
  const routes = routesOf(binding)
  const open = routes.findIndex(({ route }) => isUnconditional(route))
  if (open >= 0 && spec.everyRoute !== true) {
    const reason = `route ${open + 1} takes everything before it`
    for (const { path: at } of routes.slice(open + 1)) {
      const message = `this route is never taken: ${reason}`
      namespace.report({ level: 'warning', code: 'unreachable-route', message, path: at, atKey: true })
    }
    if (value['exit'] !== undefined && routes.every(({ route }) => route['exit'] !== undefined)) {
      const message = `this exit is never taken: ${reason}`
      namespace.report({ level: 'warning', code: 'unreachable-route', message, path: [...path, 'exit'], atKey: true })
      return
    }
  }
  if (open < 0 && value['exit'] !== undefined && routes.some(({ route }) => guardsOf(route).length > 0)) {
    const message = 'this exit is open to everybody, whatever the guarded routes ask for'
    const hint = 'Give each route its own exit and leave this one out to let only authorized clients in.'
    namespace.report({ level: 'warning', code: 'exit-unguarded', message, path: [...path, 'exit'], atKey: true, hint })
  }
}
