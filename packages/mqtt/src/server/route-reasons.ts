/** Why each route of a server is taken by a client or not, for `explain`: by the conditions that `RouteTable` has compiled. */
import type { ExplainedCondition, ExplainedRoute, Session } from '@zilla-ts/engine'
import { parseShared } from '../topic.ts'
import {
  admitsClient,
  boundPatterns,
  type ClientRoute,
  type ClientRoutes,
  type CompiledRoute,
  type Condition,
  type Item,
} from './client-routes.ts'
import type { Params } from './param.ts'
import type { TopicPattern } from './topic-pattern.ts'

export interface Asker {
  readonly clientId: string
  readonly session: Session | null
  /** its own, as the table has found them */
  readonly routes: ClientRoutes
}

/** A topic name or a filter. */
export interface Asked {
  readonly of: 'publish' | 'subscribe'
  readonly topic: string
}

/** `asked`: null where only the session is. */
export function explainClientRoutes(
  compiled: readonly CompiledRoute[],
  asker: Asker,
  asked: Asked | null,
  taken: ClientRoute | null,
): ExplainedRoute[] {
  return compiled.map(({ at, route, exit, items }) => {
    const own = asker.routes.find((each) => each.at === at)
    const admits = own !== undefined && (asked === null || admitted(own, asked))
    const left = route.permits(asker.session) ? 'unmatched' : 'closed'
    return {
      number: at + 1,
      exit: exit.name,
      state: at === taken?.at ? 'taken' : admits ? 'later' : left,
      demands: route.demands?.(asker.session) ?? [],
      when: items.map((item, index) => conditionsOf(item, route.when[index] ?? {}, asker, asked)),
    }
  })
}

const admitted = (route: ClientRoute, { of, topic }: Asked): boolean =>
  of === 'publish' ? route.admitsPublish(topic) : route.admitsSubscribe(topic)

type Written = CompiledRoute['route']['when'][number]

function conditionsOf(item: Item, written: Written, asker: Asker, asked: Asked | null): ExplainedCondition[] {
  const { clientId, session } = asker
  const clients = (item.clientIds ?? []).map((condition, at) => ({
    text: `session client-id ${written.session?.[at]?.['client-id']}`,
    met: admitsClient(condition, clientId, session),
    note: valuesNote(condition.params, session),
  }))
  if (asked === null) return clients
  const { of } = asked
  const topic = parseShared(asked.topic)?.filter ?? asked.topic
  const topics = item[of].map((condition, at) => ({
    text: `${of} topic ${written[of]?.[at]?.topic}`,
    met: boundPatterns([condition], session).some((pattern) => pattern.contains(topic)),
    note: topicNote(condition, session),
  }))
  const none = { text: `${of} none`, met: false, note: `the condition names no topic to ${of}` }
  return [...clients, ...(topics.length === 0 ? [none] : topics)]
}

function topicNote(condition: Condition<TopicPattern>, session: Session | null): string {
  const note = valuesNote(condition.params, session)
  const isBound = boundPatterns([condition], session).length > 0
  return isBound || condition.params.resolve(session) === null ? note : `${note}: it cannot stand for one level`
}

function valuesNote(params: Params, session: Session | null): string {
  if (params.empty) return ''
  const values = params.resolve(session)
  if (values === null) return 'no guard has found out what it stands for'
  return [...values].map(([name, value]) => `{${name}} is ${value}`).join(', ')
}
