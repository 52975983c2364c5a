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

type Foreign = NonNullable<Entry['options']>['foreign']

function foreign(...topics: Omit<NonNullable<Foreign['topics']>[number], 'unfit'>[]): { readonly foreign: Foreign } {
  return { foreign: { qos: 'at_most_once', topics: topics.map((topic) => ({ unfit: 'reject', ...topic })) } }
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
    'placeholders that are nothing',
    codes({
      routes: [
        {
          with: {
            messages: 'm-${param.x}',
            key: '${identity',
            partition: '${}',
            headers: { a: '${key}', b: '${identity}-${client-id}-${topic}', 'zilla:c': '' },
            expiry: true,
          },
        },
      ],
    }),
    [
      'routes.0.with.messages template-placeholder',
      'routes.0.with.key template-placeholder',
      'routes.0.with.partition template-placeholder',
      'routes.0.with.headers.a template-placeholder',
      'routes.0.with.headers.zilla:c header-reserved',
    ],
  ],
  [
    'templates for records: publishes alone give them values',
    codes({
      routes: [
        {
          when: [{ publish: [{ topic: 'a/{x}' }] }, { subscribe: [{ topic: 'a/#' }] }],
          with: { key: '${params.x}', partition: '${params.y}', expiry: true },
        },
        { when: [{ subscribe: [{ topic: 'a/#' }] }], with: { key: 'k', expiry: true } },
      ],
    }),
    ['routes.0.with.partition params-unknown', 'routes.1.with.key template-unused'],
  ],
  [
    'names that Kafka refuses',
    codes({ routes: [{ with: { messages: 'a/b', expiry: true } }, { with: { messages: '__x', expiry: true } }] }),
    ['routes.0.with.messages kafka-name', 'routes.1.with.messages kafka-name'],
  ],
  [
    'good entries for records of others',
    codes(
      { routes: [{ with: { messages: 'x', expiry: true } }], exit: 'kafka' },
      foreign(
        { name: 'm', topic: 'a/${headers.x y}/${key}/${partition}' },
        { name: 'x', value: 'int32' },
        { name: 'z*' },
      ),
    ),
    [],
  ],
  [
    'entries for topics that clients name',
    codes({ routes: [{ with: { messages: '${client-id}', expiry: true } }] }, foreign({ name: 'anything' })),
    [],
  ],
  [
    'bad entries for records of others',
    codes(
      { exit: 'kafka' },
      foreign(
        { name: 'a/b' },
        { name: 's' },
        { name: 'x' },
        { name: 'm', topic: 'a/${headers.}' },
        { name: 'm', topic: '#/${key}' },
        { name: '__*', topic: 'a/${key' },
        { name: 'y*', value: { model: 'string', minLength: 2, maxLength: 1 } },
      ),
    ),
    [
      '0.name kafka-name',
      '1.name topics-same',
      '2.name foreign-topic-unread',
      '3.topic template-record-placeholder',
      '4.name foreign-topic-hidden',
      '4.topic topic-template',
      '5.name kafka-name',
      '5.topic template-record-placeholder',
      '6.value.minLength length-range-empty',
    ].map((found) => `options.foreign.topics.${found}`),
  ],
  [
    'patterns that are none',
    codes({ routes: [{ when: [{ publish: [{ topic: 'a/#/b' }, { topic: 'a/{x' }, { topic: 'a+' }] }] }] }),
    [0, 1, 2].map((at) => `routes.0.when.0.publish.${at}.topic topic-pattern`),
  ],
])('%s', (_name, found, expected) => {
  expect(found).toEqual(expected)
})
