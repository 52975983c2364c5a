/** One PUBLISH on its way to Kafka: what the parts of a publish stream hand to each other. */
import type { ProduceMeta } from '@zilla-ts/kafka'
import type { PublishMeta } from '@zilla-ts/mqtt'
import type { ProduceTarget } from './produce-target.ts'
import type { TopicRecord } from './topic-records.ts'

/** Payload and headers are borrowed unless kept. */
export interface Publish {
  readonly target: ProduceTarget
  readonly meta: PublishMeta
  readonly payload: Buffer
  readonly produce: ProduceMeta
  /** of the topic: the retained copy has its key, whatever the message's is */
  readonly record: TopicRecord
  readonly cost: number
}

/** A copy that owns its bytes. */
export function keep({ target, meta, payload, produce, record, cost }: Publish): Publish {
  const headers = Buffer.from(produce.headers)
  return { target, meta, payload: Buffer.from(payload), produce: { ...produce, headers }, record, cost }
}

/** Records of a publish: the message, and with RETAIN its copy. */
export function copiesOf({ meta }: Publish): number {
  return meta.retain ? 2 : 1
}
