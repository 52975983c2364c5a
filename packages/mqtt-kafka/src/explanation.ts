/**
 * What becomes of a client's session, publish or subscription (`explain`): by the routes, records and headers that its
 * streams would use. Nothing is written, and what is stored already is not known.
 */
import {
  type ExplainedCondition,
  type ExplainedRoute,
  type ExplainedStep,
  type Explanation,
  type Inquiry,
  refusedStep,
  StreamError,
} from '@zilla-ts/engine'
import { HeaderCursor, type ProduceMeta } from '@zilla-ts/kafka'
import { type Properties, parseShared, type Qos, ReasonCode } from '@zilla-ts/mqtt'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { publishProblem, retainedCopy } from './publish-stream.ts'
import type { RecordHeaders } from './record-headers.ts'
import type { CompiledRoute, Destination, Permitted, PublishDestination, Routes } from './routes.ts'
import { isServedFilter } from './subscription-start.ts'
import type { TopicPattern } from './topic-pattern.ts'
import { placeOf, type TopicRecords } from './topic-records.ts'

export interface ExplanationContext {
  readonly options: NonNullable<MqttKafkaConfig['options']>
  readonly routes: Routes
  readonly records: TopicRecords
  readonly headers: RecordHeaders
  readonly qosMax: Qos
}

/** Kafka topics by the exit that leads to them. */
type Reached = readonly { readonly exit: string; readonly topic: string }[]

interface Answer {
  readonly step: ExplainedStep
  readonly reached: Reached
}

export function explain(context: ExplanationContext, inquiry: Inquiry): Explanation {
  const session = sessionAnswer(context, inquiry)
  if (session.step.verdict !== 'allowed') return { steps: [session.step], next: [] }
  const answers = [session, ...answersTo(context, inquiry)]
  const reached = answers.flatMap((answer) => answer.reached)
  const next = [...new Set(reached.map(({ exit }) => exit))].map((exit) => {
    const topics = reached.filter((each) => each.exit === exit).map(({ topic }) => topic)
    // Whatever the client is, Kafka sees us.
    return { exit, inquiry: { ...inquiry, session: null, kafkaTopics: [...new Set(topics)] } }
  })
  return { steps: answers.map(({ step }) => step), next }
}

function answersTo(context: ExplanationContext, inquiry: Inquiry): Answer[] {
  if (inquiry.action === 'publish') return [publishAnswer(context, inquiry)]
  return inquiry.action === 'subscribe' ? inquiry.filters.map((each) => filterAnswer(context, inquiry, each)) : []
}

function sessionAnswer({ routes, options }: ExplanationContext, { clientId, session, hasSession }: Inquiry): Answer {
  const what = `session of ${clientId}`
  if (!hasSession) {
    const reason = 'it is with another exit, and this one serves no client without'
    return { step: refusedStep(what, reason, { reasonCode: ReasonCode.ImplementationSpecificError }), reached: [] }
  }
  const permitted = routes.permitted(session, clientId)
  // Any of them will do.
  const isGuarded = routes.all.some(({ route }) => route.demands?.(session).length !== 0)
  const explained = isGuarded ? routesOf(routes, permitted, session, () => true, null) : []
  if (permitted.routes.length === 0) {
    const more = { reasonCode: ReasonCode.NotAuthorized, routes: explained }
    return { step: refusedStep(what, `no route permits ${clientId}`, more), reached: [] }
  }
  const { sessions } = options.topics
  const step = allowed(what, explained, [['Kafka topic', sessions]])
  return { step, reached: [{ exit: routes.main.name, topic: sessions }] }
}

function publishAnswer(context: ExplanationContext, inquiry: Inquiry): Answer {
  const { routes, qosMax, options } = context
  const message = inquiry.message!
  const { topic } = message
  const what = `publish to ${topic}`
  const permitted = routes.permitted(inquiry.session, inquiry.clientId)
  const to = routes.publish(topic, permitted)
  const taken = permitted.routes.find((route) => !isUnrouted(routes.publish(topic, { ...permitted, routes: [route] })))
  const explained = routesOf(routes, permitted, inquiry.session, (route) => route === taken, {
    of: 'publish',
    text: topic,
  })
  const meta = { ...message, properties: message.properties as Properties | null, packetId: 0, dup: false }
  const personal = to instanceof StreamError || !to.personal ? null : to.topic
  const problem = publishProblem(meta, qosMax, personal) ?? (to instanceof StreamError ? to : null)
  if (problem !== null || to instanceof StreamError) {
    const reasonCode = codeOf(problem!, message.qos > qosMax)
    return { step: refusedStep(what, problem!.message, { reasonCode, routes: explained }), reached: [] }
  }
  const { retained } = options.topics
  const reached = [{ exit: to.exit.name, topic: to.topic }]
  if (message.retain) reached.push({ exit: routes.main.name, topic: retained })
  return { step: allowed(what, explained, recordFacts(context, inquiry, to)), reached }
}

function codeOf({ code }: StreamError, isQos: boolean): number {
  if (isQos) return ReasonCode.QosNotSupported
  return code === 'not-authorized' ? ReasonCode.NotAuthorized : ReasonCode.TopicNameInvalid
}

/** The record as it would be written. */
function recordFacts(context: ExplanationContext, inquiry: Inquiry, to: PublishDestination): ExplainedStep['facts'] {
  const { records, headers, options } = context
  const { topic, payload, qos, retain, properties } = inquiry.message!
  const record = records.of(topic)
  const origin = { local: Buffer.from(inquiry.clientId), kafkaTopic: to.topic, expiry: to.expiry, form: to.form }
  const bytes = headers.encode(record, origin, qos, properties as Properties | null, payload.length)
  const { key, hash } = placeOf(record, to.form)
  const produce = { key, hash, tombstone: false, timestamp: 0, headers: bytes, headerCount: headers.count }
  const partitions = inquiry.partitions ?? options.create?.partitions ?? 1
  const facts: (readonly [string, string])[] = [
    ['Kafka topic', to.topic],
    ...(to.fromParams ? ([['named by', 'the MQTT topic: nothing makes it where it is missing']] as const) : []),
    ['key', shown(key)],
    ['partition', `${hash % partitions} of ${partitions}`],
    ...headerFacts(produce),
  ]
  if (!retain) return facts
  const copy = retainedCopy({ payload, produce, record })
  const same = copy.key?.equals(key) === true ? 'the same key and headers' : `the same headers, key ${topic}`
  const what = copy.tombstone ? 'a tombstone, which clears it' : same
  return [...facts, ['retained copy', `${options.topics.retained}: ${what}`]]
}

function headerFacts({ headers, headerCount }: ProduceMeta): [string, string][] {
  const facts: [string, string][] = []
  const cursor = new HeaderCursor()
  cursor.reset(headers, headerCount)
  while (cursor.next()) facts.push(['header', `${cursor.name()} = ${shown(cursor.value() ?? Buffer.alloc(0))}`])
  return facts
}

/** Text as it is, bytes in hexadecimal. */
function shown(value: Buffer): string {
  const text = value.toString()
  return Buffer.from(text).equals(value) && !/\p{Cc}/u.test(text) ? text : `0x${value.toString('hex')}`
}

function filterAnswer(context: ExplanationContext, inquiry: Inquiry, asked: Inquiry['filters'][number]): Answer {
  const { routes, options, qosMax } = context
  const { filter, qos } = asked
  const what = `subscription to ${filter}`
  if (!isServedFilter(filter)) {
    const reasonCode = ReasonCode.TopicFilterInvalid
    return { step: refusedStep(what, 'it is no filter, or has too many levels', { reasonCode }), reached: [] }
  }
  const shared = parseShared(filter)
  const inner = shared?.filter ?? filter
  const permitted = routes.permitted(inquiry.session, inquiry.clientId)
  const sources = routes.subscribe(inner, permitted)
  const reads = (route: CompiledRoute): boolean => routes.subscribe(inner, { ...permitted, routes: [route] }).length > 0
  const explained = routesOf(routes, permitted, inquiry.session, reads, { of: 'subscribe', text: inner })
  if (sources.length === 0) {
    const more = { reasonCode: ReasonCode.NotAuthorized, routes: explained }
    return { step: refusedStep(what, 'no route reads anything for the filter', more), reached: [] }
  }
  const { retained } = options.topics
  const facts: (readonly [string, string])[] = [
    ['QoS granted', String(Math.min(qos, qosMax))],
    ...sources.map(({ destination }) => ['Kafka topic', destination.topic] as const),
    ...(shared === null ? ([['retained from', retained]] as const) : []),
  ]
  const reached = sources.map(({ destination: { exit, topic } }) => ({ exit: exit.name, topic }))
  const step = allowed(what, explained, facts)
  return { step, reached: shared === null ? [...reached, { exit: routes.main.name, topic: retained }] : reached }
}

interface Asked {
  readonly of: 'publish' | 'subscribe'
  readonly text: string
}

/** `asked`: null where conditions do not matter, as for a session. */
function routesOf(
  routes: Routes,
  permitted: Permitted,
  session: Inquiry['session'],
  isTaken: (route: CompiledRoute) => boolean,
  asked: Asked | null,
): ExplainedRoute[] {
  return routes.all.map((compiled) => {
    const { route, at, exit } = compiled
    const open = route.permits(session)
    const when = asked === null ? [] : conditionsOf(routes, permitted, compiled, asked)
    const matches = when.length === 0 || when.some((item) => item.some(({ met }) => met === true))
    return {
      number: at + 1,
      exit: exit.name,
      state: open && isTaken(compiled) ? 'taken' : !matches ? 'unmatched' : open ? 'later' : 'closed',
      demands: route.demands?.(session) ?? [],
      when,
    }
  })
}

/** The patterns of a route stand side by side, whichever items they are from. */
function conditionsOf(
  routes: Routes,
  permitted: Permitted,
  route: CompiledRoute,
  { of, text }: Asked,
): ExplainedCondition[][] {
  const patterns = route[of]
  if (patterns === null) return []
  if (patterns.length === 0) return [[{ text: `${of} none`, met: false, note: `no condition names a topic to ${of}` }]]
  return patterns.map((pattern) => {
    const only = { ...permitted, routes: [{ ...route, [of]: [pattern] }] }
    const answer = of === 'publish' ? routes.publish(text, only) : routes.subscribe(text, only)
    const met = of === 'publish' ? !isUnrouted(answer as Destination | StreamError) : (answer as unknown[]).length > 0
    return [
      {
        text: `${of} topic ${pattern.text}`,
        met,
        note: answer instanceof StreamError && met ? answer.message : paramsOf(pattern, text),
      },
    ]
  })
}

function paramsOf(pattern: TopicPattern, topic: string): string {
  const params = pattern.params.length === 0 ? null : pattern.match(topic)
  return [...(params ?? [])].map(([name, value]) => `{${name}} is ${value}`).join(', ')
}

/** No route matches; any other fault is that of a route that does. */
const isUnrouted = (answer: Destination | StreamError): boolean =>
  answer instanceof StreamError && answer.code === 'not-authorized'

const allowed = (what: string, routes: readonly ExplainedRoute[], facts: ExplainedStep['facts']): ExplainedStep => ({
  what,
  verdict: 'allowed',
  reason: null,
  reasonCode: null,
  routes,
  facts,
})
