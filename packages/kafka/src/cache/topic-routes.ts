/** Finds the way of a stream by its topic, as the routes of a cache say. */
import type { BindingContext, Exit, Session } from '@zilla-ts/engine'
import { wildcard } from '@zilla-ts/net'
import type { KafkaConfig } from '../kafka.config.ts'
import type { Kafka } from '../stream.ts'

export class TopicRoutes {
  readonly #routes: readonly {
    /** null: always */
    readonly topics: readonly RegExp[] | null
    readonly exit: Exit<Kafka> | null
    permits(session: Session | null): boolean
  }[]

  constructor(routes: BindingContext<KafkaConfig, Kafka>['routes']) {
    this.#routes = routes.map((route) => ({
      topics: route.when.length === 0 ? null : route.when.map(({ topic }) => wildcard(topic ?? '*')),
      exit: route.exit,
      permits: (session) => route.permits(session),
    }))
  }

  /** The exit of the first route that is permitted and matches; null: none. */
  find(topic: string, session: Session | null): Exit<Kafka> | null {
    for (const route of this.#routes) {
      if (!route.permits(session)) continue
      if (route.topics === null || route.topics.some((pattern) => pattern.test(topic))) return route.exit
    }
    return null
  }
}
