/** Finds the way of a stream by its topic, as the routes of a cache say. */
import {
  type BindingContext,
  type Exit,
  type ExplainedStep,
  type Explanation,
  explainRoutes,
  type Inquiry,
  refusedStep,
  type Session,
} from '@zilla-ts/engine'
import { wildcard } from '@zilla-ts/net'
import type { KafkaConfig } from '../kafka.config.ts'
import type { Kafka } from '../stream.ts'

type KafkaRoutes = BindingContext<KafkaConfig, Kafka>['routes']

export class TopicRoutes {
  readonly #table: KafkaRoutes
  readonly #routes: readonly {
    /** null: always */
    readonly topics: readonly RegExp[] | null
    readonly exit: Exit<Kafka> | null
    permits(session: Session | null): boolean
  }[]

  constructor(routes: KafkaRoutes) {
    this.#table = routes
    this.#routes = routes.map((route) => ({
      topics: route.when.length === 0 ? null : route.when.map(({ topic }) => wildcard(topic ?? '*')),
      exit: route.exit,
      permits: (session) => route.permits(session),
    }))
  }

  /** The exit of the first route that is permitted and matches; null: none. */
  find(topic: string, session: Session | null): Exit<Kafka> | null {
    return this.#routes[this.#indexOf(topic, session)]?.exit ?? null
  }

  /** Where each of the topics goes. */
  explain(inquiry: Inquiry): Explanation {
    const { session, kafkaTopics } = inquiry
    const topics = new Map<string, string[]>()
    const steps = kafkaTopics.map((topic): ExplainedStep => {
      const taken = this.#indexOf(topic, session)
      const matches = (item: NonNullable<KafkaConfig['when']>) => wildcard(item.topic ?? '*').test(topic)
      const routes = explainRoutes(this.#table, { session, taken, matches })
      const exit = this.#routes[taken]?.exit ?? null
      const what = `Kafka topic ${topic}`
      if (exit === null) return refusedStep(what, 'no route takes it', { routes })
      topics.set(exit.name, [...(topics.get(exit.name) ?? []), topic])
      return { what, verdict: 'allowed', reason: null, reasonCode: null, routes, facts: [] }
    })
    return { steps, next: [...topics].map(([exit, those]) => ({ exit, inquiry: { ...inquiry, kafkaTopics: those } })) }
  }

  #indexOf(topic: string, session: Session | null): number {
    return this.#routes.findIndex(
      ({ topics, permits }) => permits(session) && (topics === null || topics.some((pattern) => pattern.test(topic))),
    )
  }
}
