/**
 * What a server would do with a client (`explain`): the packets that the client would send go through the codec, and what
 * comes of them is found out by the functions that a connection asks. Nothing is sent and nothing is kept.
 */
import {
  type Credentials,
  type ExplainedStep,
  type Explanation,
  type Inquiry,
  refusedStep,
  type Session,
  StreamError,
} from '@zilla-ts/engine'
import { DecodeError } from '../codec/decode-error.ts'
import { Decoder } from '../codec/decoder.ts'
import { encode } from '../codec/encoder.ts'
import type { ConnectPacket, NonPublishPacket, Packet, SubscribePacket, SubscriptionRequest } from '../codec/packets.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import { filterMatchesTopic } from '../topic.ts'
import { type ClientRoute, publishRoute, subscribeRoute } from './client-routes.ts'
import { generateClientId, refusalOf } from './connect.ts'
import { connackCode } from './refusal.ts'
import { type Asked, type Asker, explainClientRoutes } from './route-reasons.ts'
import type { MqttServer } from './server.ts'

/** The server's answers to the packets of one client. */
export async function explain(server: MqttServer, inquiry: Inquiry): Promise<Explanation> {
  const connect = await connectStep(server, inquiry)
  if (connect.asker === null) return { steps: [connect.step], next: [] }
  const { step, asker } = connect
  const asked = { ...inquiry, session: asker.session, clientId: asker.clientId }
  switch (inquiry.action) {
    case 'connect':
      return { steps: [step], next: nextOf(asker, asked, []) }
    case 'publish': {
      const publish = publishStep(server, asker, asked)
      const next = publish.route === null ? [] : nextOf(asker, asked, [{ route: publish.route, filter: null }])
      return { steps: [step, publish.step], next }
    }
    case 'subscribe': {
      const filters = subscribeSteps(server, asker, asked)
      const granted = filters.flatMap(({ route, filter }) => (route === null ? [] : [{ route, filter }]))
      const next = granted.length === 0 ? [] : nextOf(asker, asked, granted)
      return { steps: [step, ...filters.map((each) => each.step)], next }
    }
  }
}

interface Onward {
  readonly route: ClientRoute
  readonly filter: Inquiry['filters'][number] | null
}

/** The exit of the session first, for it is opened first; what goes elsewhere finds no session there. */
function nextOf(asker: Asker, inquiry: Inquiry, onward: readonly Onward[]): Explanation['next'] {
  const [home] = asker.routes
  if (home === undefined) return []
  const exits = [...new Set([home.exit.name, ...onward.map(({ route }) => route.exit.name)])]
  return exits.map((exit) => {
    const own = onward.filter(({ route }) => route.exit.name === exit)
    const filters = own.flatMap(({ filter }) => (filter === null ? [] : [filter]))
    const action = own.length === 0 ? 'connect' : inquiry.action
    return { exit, inquiry: { ...inquiry, action, filters, hasSession: exit === home.exit.name } }
  })
}

type Connected = { readonly step: ExplainedStep; readonly asker: Asker | null }

async function connectStep(server: MqttServer, inquiry: Inquiry): Promise<Connected> {
  const clientId = inquiry.clientId === '' ? generateClientId() : inquiry.clientId
  const what = `session of ${clientId}`
  const refused = (reason: string, reasonCode: number): Connected => ({
    step: refusedStep(what, reason, { reasonCode }),
    asker: null,
  })
  const packet = received<ConnectPacket>(server, inquiry, connectPacket(server, inquiry))
  if (packet instanceof DecodeError) return refused(packet.message, packet.reasonCode)
  const { authorization, options, routes } = server
  const refusal = refusalOf(packet, options, null, authorization?.method ?? null)
  if (refusal !== null) return refused(refusal.text, refusal.reasonCode)
  let session: Session | null
  const facts: ExplainedStep['facts'][number][] = []
  try {
    const shown = shownBy(server, packet)
    if (authorization !== null && shown === null) facts.push(['credentials', 'none where the document looks for them'])
    session = await identified(server, packet, shown, inquiry.session)
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    const verdict = error.code === 'unavailable' ? 'unknown' : 'refused'
    const isNamed = packet.properties?.authenticationMethod === undefined && error.code === 'not-authorized'
    const reasonCode = isNamed ? ReasonCode.BadUserNameOrPassword : connackCode(error.code)
    return { step: refusedStep(what, error.message, { verdict, reasonCode }), asker: null }
  }
  const asker = { clientId, session, routes: routes.forClient(clientId, session) }
  const explained = explainClientRoutes(routes.compiled, asker, null, asker.routes[0] ?? null)
  if (asker.routes.length > 0) return { step: { ...allowed(what), routes: explained, facts }, asker }
  const more = { reasonCode: ReasonCode.NotAuthorized, routes: explained, facts }
  return { step: refusedStep(what, 'no route takes the session', more), asker: null }
}

function shownBy({ authorization }: MqttServer, packet: ConnectPacket): Credentials | null {
  const { authenticationMethod, authenticationData } = packet.properties ?? {}
  if (authenticationMethod === undefined) return authorization?.shownBy(packet) ?? null
  return authorization?.shownIn(authenticationData) ?? null
}

/** Rejects with `not-authorized` where what was shown lets nobody in. */
async function identified(
  { authorization }: MqttServer,
  { properties }: ConnectPacket,
  shown: Credentials | null,
  earlier: Session | null,
): Promise<Session | null> {
  if (authorization !== null && shown !== null) {
    const session = await authorization.authorize(shown, earlier)
    if (session === null) throw new StreamError('not-authorized', 'the credentials are not accepted')
    return session
  }
  if (properties?.authenticationMethod === undefined) return earlier
  throw new StreamError('not-authorized', 'no credentials in the authentication data')
}

/** A token is where the document looks for one; else the packet has what the client is said to show. */
function connectPacket({ authorization }: MqttServer, inquiry: Inquiry): ConnectPacket {
  const { clientId, version, username, token } = inquiry
  const password = inquiry.password === null ? null : Buffer.from(inquiry.password)
  const packet = { ...CONNECT, version, clientId, username, password }
  if (token === null || authorization === null) return packet
  const place = authorization.placeOf(token, username)
  if (place !== null) return { ...packet, ...place, password: place.password ?? password }
  const { method } = authorization
  if (method === null) return packet
  return { ...packet, properties: { authenticationMethod: method, authenticationData: authorization.dataOf(token) } }
}

function publishStep(
  server: MqttServer,
  asker: Asker,
  inquiry: Inquiry,
): { readonly step: ExplainedStep; readonly route: ClientRoute | null } {
  const message = inquiry.message!
  const { topic, qos } = message
  const what = `publish to ${topic}`
  const packet = received<NonPublishPacket | null>(server, inquiry, {
    type: 'publish',
    packetId: qos === 0 ? 0 : 1,
    dup: false,
    ...message,
  })
  if (packet instanceof DecodeError) {
    return { step: refusedStep(what, packet.message, { reasonCode: packet.reasonCode }), route: null }
  }
  const route = publishRoute(asker.routes, topic)
  const routes = explainClientRoutes(server.routes.compiled, asker, { of: 'publish', topic }, route)
  const facts = contentFacts(server, topic)
  if (route !== null) return { step: { ...allowed(what), routes, facts }, route }
  return {
    step: refusedStep(what, 'no route takes the topic', { reasonCode: ReasonCode.NotAuthorized, routes }),
    route,
  }
}

function contentFacts({ options }: MqttServer, topic: string): ExplainedStep['facts'] {
  const entry = options.topics?.find(({ name }) => filterMatchesTopic(name, topic))
  return entry === undefined
    ? []
    : [['content', `must be as \`options.topics\` has it for ${entry.name}; not checked here`]]
}

interface FilterAnswer {
  readonly step: ExplainedStep
  readonly route: ClientRoute | null
  readonly filter: Inquiry['filters'][number]
}

function subscribeSteps(server: MqttServer, asker: Asker, inquiry: Inquiry): FilterAnswer[] {
  return inquiry.filters.map((each) => {
    const { filter } = each
    const what = `subscription to ${filter}`
    const refused = (reason: string, reasonCode: number, asked: Asked | null): FilterAnswer => {
      const routes = asked === null ? [] : explainClientRoutes(server.routes.compiled, asker, asked, null)
      return { step: refusedStep(what, reason, { reasonCode, routes }), route: null, filter: each }
    }
    const packet = received<SubscribePacket>(server, inquiry, subscribePacket(each))
    if (packet instanceof DecodeError) return refused(packet.message, packet.reasonCode, null)
    const request: SubscriptionRequest | undefined = packet.subscriptions[0]
    if (request?.valid !== true) return refused('it is no topic filter', ReasonCode.TopicFilterInvalid, null)
    const asked = { of: 'subscribe', topic: filter } as const
    const route = subscribeRoute(asker.routes, filter)
    if (route === null) return refused('no route takes the filter', ReasonCode.NotAuthorized, asked)
    const routes = explainClientRoutes(server.routes.compiled, asker, asked, route)
    return { step: { ...allowed(what), routes }, route, filter: each }
  })
}

function subscribePacket({ filter, qos }: Inquiry['filters'][number]): SubscribePacket {
  const options = {
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionId: 0,
    valid: true,
  } as const
  return { type: 'subscribe', packetId: 1, subscriptions: [{ filter, qos, ...options }], properties: null }
}

const allowed = (what: string): ExplainedStep => ({
  what,
  verdict: 'allowed',
  reason: null,
  reasonCode: null,
  routes: [],
  facts: [],
})

/** The packet as the server receives it within its limits, null for a PUBLISH; or what is wrong with it. */
function received<P extends NonPublishPacket | null>(
  { limits }: MqttServer,
  { version, clientId }: Inquiry,
  packet: Packet,
): P | DecodeError {
  let answer: NonPublishPacket | DecodeError | null = null
  const decoder = new Decoder('server', {
    onPublish: () => {},
    onPacket: (decoded) => {
      answer = decoded
    },
    onDecodeError: (error) => {
      answer = error
    },
  })
  decoder.limits = limits
  decoder.maximumPacketSize = limits.connectBytes
  if (packet.type !== 'connect') {
    decoder.push(encode({ ...CONNECT, version, clientId }, version))
    decoder.maximumPacketSize = limits.packetBytes
    answer = null
  }
  decoder.push(encode(packet, version))
  return answer as unknown as P | DecodeError
}

const CONNECT = {
  type: 'connect',
  cleanStart: true,
  keepAliveSeconds: 0,
  will: null,
  username: null,
  password: null,
  properties: null,
} as const
