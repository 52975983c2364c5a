import type { BindingEntry } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { kafkaEmbedded } from './index.ts'
import type { KafkaEmbeddedConfig } from './kafka-embedded.config.ts'

type Options = NonNullable<KafkaEmbeddedConfig['options']>

function check(options: Partial<Options>) {
  const entry: BindingEntry<KafkaEmbeddedConfig> = {
    type: 'kafka-embedded',
    kind: 'server',
    options: { directory: 'data', sync: 'flush', defaults: { partitions: 1, configs: {} }, topics: [], ...options },
  }
  return kafkaEmbedded.check(entry)
}

describe('check', () => {
  it('finds nothing in a sound entry', () => {
    expect(
      check({
        defaults: { partitions: 4, configs: { 'retention.ms': 1_000, 'segment.ms': 5 } },
        topics: [{ name: 'a' }, { name: 'b', configs: { 'cleanup.policy': 'compact', 'retention.bytes': '-1' } }],
      }),
    ).toEqual([])
  })

  it.each([
    [{ 'retention.ms': -2 }, 'topic setting retention.ms cannot be "-2"'],
    [{ 'retention.ms': 1.5 }, 'topic setting retention.ms cannot be "1.5"'],
    [{ 'max.message.bytes': 10 }, 'topic setting max.message.bytes cannot be "10"'],
    [{ 'min.cleanable.dirty.ratio': 1.5 }, 'topic setting min.cleanable.dirty.ratio cannot be "1.5"'],
    [{ 'min.cleanable.dirty.ratio': 'much' }, 'topic setting min.cleanable.dirty.ratio cannot be "much"'],
    [{ 'retention.mss': 1 }, 'unknown topic setting retention.mss'],
  ])('finds wrong settings: %j', (configs, message) => {
    const [name] = Object.keys(configs)
    expect(check({ defaults: { partitions: 1, configs } })).toEqual([
      { level: 'error', path: ['options', 'defaults', 'configs', name], code: 'topic-setting', message },
    ])
    expect(check({ topics: [{ name: 'a' }, { name: 'b', configs }] })).toMatchObject([
      { path: ['options', 'topics', 1, 'configs', name] },
    ])
  })

  it('finds names that Kafka has not, and topics listed twice', () => {
    expect(check({ topics: [{ name: '..' }, { name: 'a' }, { name: 'a' }] })).toMatchObject([
      { path: ['options', 'topics', 0, 'name'], code: 'topic-name' },
      { path: ['options', 'topics', 2, 'name'], message: 'topic a is listed twice' },
    ])
  })
})
