/** What `explain` has found out, for people: the way of a client hop by hop, and at each hop every route. */
import type {
  ExplainedCondition,
  ExplainedHop,
  ExplainedPath,
  ExplainedRoute,
  ExplainedStep,
  GuardAnswer,
  Verdict,
} from '@zilla-ts/engine'

export interface Explained {
  readonly action: 'connect' | 'publish' | 'subscribe'
  readonly clientId: string
  readonly verdict: Verdict
  readonly paths: readonly ExplainedPath[]
}

const SIGNS: Readonly<Record<Verdict, string>> = { allowed: '✓', refused: '✗', unknown: '?' }
const WORDS: Readonly<Record<Verdict, string>> = {
  allowed: 'allowed',
  refused: 'refused',
  unknown: 'cannot be said',
}
const STATES: Readonly<Record<ExplainedRoute['state'], readonly [sign: string, word: string]>> = {
  taken: ['✓', ''],
  later: ['·', 'fits too; an earlier one is taken'],
  closed: ['✗', 'not permitted'],
  unmatched: ['✗', 'does not fit'],
  unknown: ['?', 'cannot be said'],
}

export function explanationText({ action, clientId, paths }: Explained): string {
  const ids = paths.flatMap(({ hops }) => hops.map(({ binding }) => binding))
  const spaces = new Set(ids.map(spaceOf).filter((space) => space !== BUILT_IN))
  const name = (id: string): string =>
    spaces.size > 1 || spaceOf(id) === BUILT_IN ? id : id.slice(spaceOf(id).length + 1)
  return paths
    .map(({ listener, addresses, verdict, hops }) => {
      const title = `${action} as ${clientId} at ${name(listener)} (${addresses.join(', ')}): ${WORDS[verdict]}`
      return `${[title, ...hops.flatMap((hop) => ['', ...hopLines(hop, name)])].join('\n')}\n`
    })
    .join('\n')
}

/** Namespace of bindings that every document has. */
const BUILT_IN = 'sys'
const spaceOf = (id: string): string => id.slice(0, id.indexOf(':'))

type Naming = (id: string) => string

function hopLines({ binding, type, kind, guards, steps }: ExplainedHop, name: Naming): string[] {
  return [
    `${name(binding)} (${type} ${kind})`,
    ...guards.map((answer) => `  ${SIGNS[answer.verdict]} guard ${guardText(answer, name)}`),
    ...steps.flatMap((step) => stepLines(step, name)),
  ]
}

function guardText({ guard, reason, session }: GuardAnswer, name: Naming): string {
  if (session === null) return `${name(guard)}: ${reason}`
  const attributes = Object.entries(session.attributes).map(([key, value]) => `${key} ${value}`)
  const roles = session.roles.length === 0 ? 'no roles' : `roles ${session.roles.join(', ')}`
  return [`${name(guard)}: ${session.identity}`, roles, ...attributes].join('; ')
}

function stepLines({ what, verdict, reason, reasonCode, routes, facts }: ExplainedStep, name: Naming): string[] {
  const code = reasonCode === null ? '' : ` (0x${reasonCode.toString(16).padStart(2, '0')})`
  return [
    `  ${SIGNS[verdict]} ${what}${reason === null ? '' : `: ${reason}${code}`}`,
    ...routes.flatMap((route) => routeLines(route, name)),
    ...facts.map(([key, value]) => `      ${key}: ${value}`),
  ]
}

function routeLines({ number, exit, state, demands, when }: ExplainedRoute, name: Naming): string[] {
  const [sign, word] = STATES[state]
  const head = `    ${sign} route ${number} → ${exit === null ? 'nowhere' : name(exit)}${word === '' ? '' : `: ${word}`}`
  const guards = demands.map(({ guard, wanted, had, met }) => {
    const roles = wanted.length === 0 ? 'any session' : wanted.join(', ')
    const owned = had === null ? 'the client has no session of it' : `the client has ${had.join(', ') || 'no roles'}`
    return `      ${met ? '✓' : '✗'} guarded by ${name(guard)} (${roles})${met ? '' : `: ${owned}`}`
  })
  return [head, ...guards, ...when.flatMap(conditionLines)]
}

function conditionLines(item: readonly ExplainedCondition[]): string[] {
  return item.map(({ text, met, note }, at) => {
    const sign = met === null ? '?' : met ? '✓' : '✗'
    return `      ${at === 0 ? 'when' : '    '} ${sign} ${text}${note === '' ? '' : `: ${note}`}`
  })
}
