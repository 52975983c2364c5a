/** kafka cache_client: passes each stream on, by topic. Keeps nothing. */
import type { Binding, BindingContext, Explanation, Inquiry, Stream, StreamHandler } from '@zilla-ts/engine'
import type { KafkaConfig } from '../kafka.config.ts'
import type { Kafka, KafkaOpen } from '../stream.ts'
import { splice } from './splice.ts'
import { TopicRoutes } from './topic-routes.ts'

export class CacheClient implements Binding<Kafka> {
  readonly #routes: TopicRoutes

  constructor(context: BindingContext<KafkaConfig, Kafka>) {
    this.#routes = new TopicRoutes(context.routes)
  }

  explain(inquiry: Inquiry): Explanation {
    return this.#routes.explain(inquiry)
  }

  accept(open: KafkaOpen, stream: Stream<Kafka>): StreamHandler<Kafka> | null {
    const exit = this.#routes.find(open.topic, stream.session)
    return exit === null ? null : splice(exit, open, stream)
  }
}
