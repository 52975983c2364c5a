/** The module of `type: kafka`: which kinds there are and what runs for each. */
import type { Binding, BindingContext, BindingModule } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { KafkaClient } from './client/client.ts'
import { type KafkaConfig, schema } from './kafka.config.ts'
import type { Kafka } from './stream.ts'

export const kafka = {
  type: 'kafka',
  kinds: {
    client: { accepts: 'kafka', produces: 'bytes' },
  },
  schema,
  attach(context: BindingContext<KafkaConfig, Bytes>): Binding<Kafka> {
    return new KafkaClient(context)
  },
} satisfies BindingModule<KafkaConfig, Kafka, Bytes>
