import type { BindingEntry } from '@zilla-ts/engine'
import { expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../test/default-limits.ts'
import { checkEntry } from './check.ts'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'

type Entry = BindingEntry<MqttKafkaConfig>
const TOPICS = { sessions: 's', messages: 'm', retained: 'r' }

function codes(entry: Partial<Entry>, options: Partial<NonNullable<Entry['options']>> = {}): string[] {
  const whole: Entry = {
    type: 'mqtt-kafka',
    kind: 'proxy',
    options: { topics: TOPICS, foreign: { qos: 'at_most_once' }, limits: DEFAULT_LIMITS, ...options },
    ...entry,
  }
  return checkEntry(whole).map(({ path, code }) => `${path.join('.')} ${code}`)
}

it.each<[string, string[], string[]]>([
  ['a good entry', codes({ exit: 'kafka' }, { clients: ['place/{identity}/+/#'] }), []],
  ['one topic twice', codes({}, { topics: { ...TOPICS, retained: 'm' } }), ['options.topics.retained topics-same']],
  [
    'patterns without identity, or mixed with text',
    codes({}, { clients: ['place/+', '{identity}/{identity}', 'x-{identity}', '{identity}/#/a', '{identity}/a+'] }),
    [0, 1, 2, 3, 4].map((at) => `options.clients.${at} identity-pattern`),
  ],
  [
    'good routes',
    codes({
      routes: [{ when: [{ publish: [{ topic: 'a/{x}/#' }] }], with: { messages: 'm-${params.x}', expiry: true } }],
    }),
    [],
  ],
  [
    'a param that the pattern does not have',
    codes({
      routes: [{ when: [{ subscribe: [{ topic: 'a/{x}' }] }], with: { messages: '${params.y}', expiry: true } }],
    }),
    ['routes.0.with.messages params-unknown'],
  ],
  [
    'a param without patterns',
    codes({ routes: [{ with: { messages: '${params.y}', expiry: true } }] }),
    ['routes.0.with.messages params-unknown'],
  ],
  [
    'a topic that is taken',
    codes({ routes: [{ with: { messages: 's', expiry: true } }] }),
    ['routes.0.with.messages topics-same'],
  ],
  [
    'names that Kafka refuses',
    codes({ routes: [{ with: { messages: 'a/b', expiry: true } }, { with: { messages: '__x', expiry: true } }] }),
    ['routes.0.with.messages kafka-name', 'routes.1.with.messages kafka-name'],
  ],
  [
    'patterns that are none',
    codes({ routes: [{ when: [{ publish: [{ topic: 'a/#/b' }, { topic: 'a/{x' }, { topic: 'a+' }] }] }] }),
    [0, 1, 2].map((at) => `routes.0.when.0.publish.${at}.topic topic-pattern`),
  ],
])('%s', (_name, found, expected) => {
  expect(found).toEqual(expected)
})
