/**
 * The words of `zilla-ts explain`: what it asks a binding about one client, and what the binding answers. Part of the
 * contract (`Binding.explain`), apart from it because no stream ever needs it.
 */
import type { ListenAddress, Session } from './contract.ts'

/**
 * What `zilla-ts explain` asks: one client and what it does. What is null the client does not send. Secret: it has what the
 * client shows.
 */
export interface Inquiry {
  readonly action: 'connect' | 'publish' | 'subscribe'
  readonly clientId: string
  /** protocol level of CONNECT: 4 is MQTT 3.1.1, 5 is MQTT 5.0 */
  readonly version: 4 | 5
  readonly username: string | null
  readonly password: string | null
  /** shown wherever the document looks for credentials that `username` and `password` are not */
  readonly token: string | null
  /** chain in PEM, that of the client first; taken for verified */
  readonly certificate: string | null
  /** where the connection comes in */
  readonly local: ListenAddress
  /** where it comes from; null: that is not said */
  readonly remote: ListenAddress | null
  /** name and protocols that a TLS client asks for */
  readonly serverName: string | null
  readonly protocols: readonly string[]
  /** of the request for a WebSocket: names in lower case, `:path` and `:authority` among them */
  readonly headers: Readonly<Record<string, string>>
  /** what guards of the hops before have found out */
  readonly session: Session | null
  /** the client's MQTT session is opened with this hop */
  readonly hasSession: boolean
  /** of `publish` */
  readonly message: {
    readonly topic: string
    readonly payload: Buffer
    readonly qos: 0 | 1 | 2
    readonly retain: boolean
    readonly properties: {
      readonly messageExpirySeconds?: number
      readonly contentType?: string
      readonly responseTopic?: string
      readonly userProperties?: readonly (readonly [string, string])[]
    } | null
  } | null
  /** of `subscribe` */
  readonly filters: readonly { readonly filter: string; readonly qos: 0 | 1 | 2 }[]
  /** that a Kafka topic is said to have; null: what the document says */
  readonly partitions: number | null
  /** Kafka topics that are to be reached by this hop */
  readonly kafkaTopics: readonly string[]
}

/** `unknown`: it depends on what cannot be known here. */
export type Verdict = 'allowed' | 'refused' | 'unknown'

/** What a binding does with what it is asked. Holds no secret. */
export interface Explanation {
  /** one by one, in the order in which a client would do them; what comes behind a refusal is left out */
  readonly steps: readonly ExplainedStep[]
  /** the next hops, and what is asked of each */
  readonly next: readonly { readonly exit: string; readonly inquiry: Inquiry }[]
}

export interface ExplainedStep {
  /** `session of c1`, `publish to a/b` */
  readonly what: string
  readonly verdict: Verdict
  /** why it is not allowed; null: it is */
  readonly reason: string | null
  /** what the client is told, of MQTT 5.0 §2.4; null: nothing */
  readonly reasonCode: number | null
  readonly routes: readonly ExplainedRoute[]
  /** what comes of it, in words for people: `Kafka topic`, `messages` */
  readonly facts: readonly (readonly [name: string, value: string])[]
}

export interface ExplainedRoute {
  /** from 1; a bare `exit:` counts as the last */
  readonly number: number
  readonly exit: string | null
  /** - `taken` this one is used; `later` it would be, were there none before; `closed` its guards do not permit */
  readonly state: 'taken' | 'later' | 'closed' | 'unmatched' | 'unknown'
  readonly demands: readonly ExplainedDemand[]
  /** one for each item of `when` that matters here; none: it takes everything */
  readonly when: readonly (readonly ExplainedCondition[])[]
}

/** One guard of a `guarded:` clause. */
export interface ExplainedDemand {
  readonly guard: string
  readonly wanted: readonly string[]
  /** null: the client has no session of this guard */
  readonly had: readonly string[] | null
  readonly met: boolean
}

export interface ExplainedCondition {
  /** as in the document: `publish topic place/{id}/#` */
  readonly text: string
  /** null: it depends on what cannot be known here */
  readonly met: boolean | null
  /** what placeholders stand for, or why it is not met; '': nothing more to say */
  readonly note: string
}
