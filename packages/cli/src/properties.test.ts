import { loadConfig } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { propertiesHelp, readProperties } from './properties.ts'
import { standard } from './standard.ts'

const DOCUMENT = `name: example
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt }
  mqtt: { type: mqtt, kind: server, options: { limits: { connectSeconds: 7 } }, exit: mapping }
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: { sessions: s, messages: m, retained: r } }
    exit: log
  log: { type: kafka-embedded, kind: server, options: { directory: log } }
`

function load(properties: Record<string, string>) {
  const { defaults } = readProperties(new Map(Object.entries(properties)))
  return loadConfig({ text: DOCUMENT, file: 'zilla.yaml', registry: standard, environment: {}, defaults })
}

function options(properties: Record<string, string>, name: string): Readonly<Record<string, unknown>> | undefined {
  return load(properties).namespaces[0]?.bindings.find((binding) => binding.name === name)?.options
}

describe('-P of a default', () => {
  it.each([
    ['keep.alive.minimum', '15', 'keepAliveSecondsMin', 15],
    ['keep.alive.maximum', '300', 'keepAliveSeconds', 300],
    ['topic.alias.maximum', '0', 'topicAliasMaximum', 0],
  ])('zilla.binding.mqtt.%s=%s', (name, text, limit, value) => {
    expect(options({ [`zilla.binding.mqtt.${name}`]: text }, 'mqtt')?.['limits']).toMatchObject({ [limit]: value })
  })

  it('does not replace what the document says', () => {
    const found = options({ 'zilla.binding.mqtt.connect.timeout': '3' }, 'mqtt')
    expect(found?.['limits']).toMatchObject({ connectSeconds: 7 })
  })

  it.each([
    ['0', 'at_most_once'],
    ['1', 'at_least_once'],
    ['2', 'exactly_once'],
  ])('publish.qos.max=%s is %s', (text, qosMax) => {
    const found = options({ 'zilla.binding.mqtt.kafka.publish.qos.max': text }, 'mapping')
    expect(found?.['publish']).toEqual({ qosMax })
  })

  it.each([
    ['mqtt.maximum.qos', '1', 'qosMax', 'at_least_once'],
    ['mqtt.publish.qos.max', '0', 'qosMax', 'at_most_once'],
    ['mqtt.retain.available', 'false', 'retain', false],
    ['mqtt.wildcard.subscription.available', 'false', 'wildcardSubscriptions', false],
    ['mqtt.subscription.identifiers.available', 'false', 'subscriptionIds', false],
    ['mqtt.shared.subscription.available', 'false', 'sharedSubscriptions', false],
    ['mqtt.shared.subscription.available', 'true', 'sharedSubscriptions', true],
    ['mqtt.no.local', 'false', 'noLocal', false],
    ['mqtt.kafka.will.available', 'false', 'wills', false],
  ])('zilla.binding.%s=%s', (name, text, key, value) => {
    expect(options({ [`zilla.binding.${name}`]: text }, 'mqtt')?.['features']).toMatchObject({ [key]: value })
  })

  it.each(['0', 'yes', '', 'TRUE'])('true or false, not %j', (text) => {
    const name = 'zilla.binding.mqtt.retain.available'
    expect(() => readProperties(new Map([[name, text]]))).toThrow(`-P ${name}=${text}: the value must be true or false`)
  })

  it('is judged together with the document', () => {
    const range = { 'zilla.binding.mqtt.keep.alive.minimum': '60', 'zilla.binding.mqtt.keep.alive.maximum': '30' }
    expect(load(range).problems).toEqual([
      expect.objectContaining({ level: 'error', code: 'keep-alive-range-empty', line: 4 }),
    ])
  })

  it('is nothing without properties', () => {
    expect(options({}, 'mapping')).not.toHaveProperty('publish')
  })
})

describe('values', () => {
  it.each([
    ['zilla.binding.mqtt.keep.alive.maximum', '0'],
    ['zilla.binding.mqtt.keep.alive.maximum', '65536'],
    ['zilla.binding.mqtt.connect.timeout', 'PT3S'],
    ['zilla.binding.mqtt.topic.alias.maximum', 'true'],
    ['zilla.binding.mqtt.kafka.publish.qos.max', '3'],
    ['zilla.binding.kafka.client.hold.ms', '-1'],
    ['zilla.binding.kafka.client.hold.ms', ''],
  ])('%s=%s is refused', (name, text) => {
    expect(() => readProperties(new Map([[name, text]]))).toThrow(
      `-P ${name}=${text}: the value must be a whole number from`,
    )
  })

  it('a binding reads itself give no default', () => {
    const properties = new Map([['zilla.binding.kafka.client.hold.ms', '5000']])
    expect(readProperties(properties)).toEqual({ defaults: [], warnings: [] })
  })
})

describe('names', () => {
  const warning = (name: string) => readProperties(new Map([[name, 'x']])).warnings

  it('that have no effect here are named', () => {
    expect(warning('zilla.engine.service.hostname')).toEqual([
      'the property zilla.engine.service.hostname has no effect here',
    ])
    expect(warning('zilla.engine.verbose.schema')).toEqual([
      'the property zilla.engine.verbose.schema has no effect here',
    ])
  })

  it('that are misspelt get a suggestion', () => {
    expect(warning('zilla.binding.mqtt.keepalive.maximum')).toEqual([
      expect.stringContaining('did you mean zilla.binding.mqtt.keep.alive.maximum?'),
    ])
  })

  it('that are far from all get the list', () => {
    const [line] = warning('colour')
    expect(line).toContain('is unknown and has no effect. Known are:\n')
    expect(line).toContain('  zilla.binding.mqtt.kafka.publish.qos.max')
  })

  it('stand in the help', () => {
    expect(propertiesHelp()).toContain('zilla.binding.mqtt.connect.timeout')
  })
})
