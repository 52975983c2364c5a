/** The module of `type: kafka`: which kinds there are and what runs for each. */
import type { Binding, BindingContext, BindingModule, Protocol } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { CacheClient } from './cache/cache-client.ts'
import { CacheServer } from './cache/cache-server.ts'
import { KafkaClient } from './client/client.ts'
import { type KafkaConfig, schema } from './kafka.config.ts'
import type { Kafka } from './stream.ts'

/** What the exit of a kind speaks is checked by name before `attach` runs. */
type Context<Out extends Protocol> = BindingContext<KafkaConfig, Out>

export const kafka = {
  type: 'kafka',
  kinds: {
    cache_client: { accepts: 'kafka', produces: 'kafka' },
    cache_server: { accepts: 'kafka', produces: 'kafka' },
    client: { accepts: 'kafka', produces: 'bytes' },
  },
  schema,
  attach(context: Context<Kafka | Bytes>): Binding<Kafka> {
    if (context.kind === 'cache_client') return new CacheClient(context as Context<Kafka>)
    if (context.kind === 'cache_server') return new CacheServer(context as Context<Kafka>)
    return new KafkaClient(context as Context<Bytes>)
  },
} satisfies BindingModule<KafkaConfig, Kafka, Kafka | Bytes>
