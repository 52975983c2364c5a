/** What the schema of the document cannot say of the conditions of routes: patterns, their parameters, the guards these name. */
import type { BindingEntry, Finding } from '@zilla-ts/engine'
import { FilterCover } from '../filter-cover.ts'
import type { MqttConfig } from '../mqtt.config.ts'
import { ClientIdPattern } from './client-id-pattern.ts'
import { parseParam } from './param.ts'
import { isLevelValue, TopicPattern } from './topic-pattern.ts'

type Path = readonly (string | number)[]

export function checkConditions(routes: BindingEntry<MqttConfig>['routes'] = []): Finding[] {
  return routes.flatMap(({ when = [], guarded = {} }, at) =>
    when.flatMap((item, place) => {
      const path = ['routes', at, 'when', place]
      const guards = Object.keys(guarded)
      const sessions = (item.session ?? []).flatMap(({ 'client-id': clientId, params }, n) => {
        const { placeholders } = new ClientIdPattern(clientId)
        return checkParams(params, placeholders, guards, [...path, 'session', n, 'params'], () => true)
      })
      const topics = (['publish', 'subscribe'] as const).flatMap((kind) =>
        (item[kind] ?? []).flatMap((condition, n) => checkTopic(condition, guards, [...path, kind, n])),
      )
      return [...sessions, ...topics]
    }),
  )
}

/** Topics that an earlier route takes. */
export function checkOrder(routes: BindingEntry<MqttConfig>['routes'] = []): Finding[] {
  const covers = { publish: new FilterCover({ spans: false }), subscribe: new FilterCover({ spans: false }) }
  return routes.flatMap((route, at) =>
    (['publish', 'subscribe'] as const).flatMap((kind) => {
      const patterns = (route.when ?? []).flatMap(({ session, [kind]: topics = [] }, item) =>
        topics.map(({ topic, ...others }, place) => ({
          path: ['routes', at, 'when', item, kind, place, 'topic'],
          topic,
          limited: session !== undefined || Object.keys(others).length > 0,
        })),
      )
      return covers[kind].check(at, route, patterns)
    }),
  )
}

type TopicCondition = NonNullable<NonNullable<MqttConfig['when']>['publish']>[number]

function checkTopic({ topic, params }: TopicCondition, guards: readonly string[], path: Path): Finding[] {
  try {
    const { placeholders } = new TopicPattern(topic)
    return checkParams(params, placeholders, guards, [...path, 'params'], isLevelValue)
  } catch (error) {
    const message = (error as Error).message
    return [{ level: 'error', path: [...path, 'topic'], code: 'topic-pattern-invalid', message }]
  }
}

function checkParams(
  params: Readonly<Record<string, string>> = {},
  placeholders: readonly string[],
  guards: readonly string[],
  path: Path,
  fits: (text: string) => boolean,
): Finding[] {
  return Object.entries(params).flatMap(([name, value]) => {
    const problem = problemOf(name, value, placeholders, guards, fits)
    return problem === null ? [] : [{ level: 'error', path: [...path, name], ...problem }]
  })
}

function problemOf(
  name: string,
  value: string,
  placeholders: readonly string[],
  guards: readonly string[],
  fits: (text: string) => boolean,
): Pick<Finding, 'code' | 'message'> | null {
  if (!placeholders.includes(name)) {
    const known =
      placeholders.length === 0 ? 'it has none' : `it has ${placeholders.map((each) => `{${each}}`).join(', ')}`
    return { code: 'param-unused', message: `the pattern has no {${name}}: ${known}` }
  }
  try {
    const param = parseParam(value)
    if ('text' in param) {
      return fits(param.text) ? null : { code: 'param-invalid', message: `${value} is not one level of a topic` }
    }
    if (guards.includes(param.guard)) return null
    const message = `the route is not guarded by \`${param.guard}\`, so that this never holds`
    return { code: 'param-guard', message }
  } catch (error) {
    return { code: 'param-invalid', message: (error as Error).message }
  }
}
